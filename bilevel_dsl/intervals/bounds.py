"""Lower bounds of functions over boxes, from enclosures of their values, slopes and curvatures.

The range itself, the first-order form around a point, and the second-order form with the smallest eigenvalue that the
Hessian can have, which is exact near minimisers. With rows, bounds are taken of the Lagrangian as well: any multipliers of
the right sign give one.

Sources: R. B. Kearfott, Rigorous Global Search, Kluwer 1996; C. S. Adjiman et al., A global optimization method,
alpha-BB, Computers & Chemical Engineering 22 (1998).
"""

from __future__ import annotations

import numpy as np

from .arithmetic import add, mul, sub
from .walk import Enclosure


def take(e: Enclosure, where) -> Enclosure:
    """Of some boxes."""
    hessian = None if e.hessian is None else e.hessian[..., where]
    return Enclosure(e.value[..., where], e.gradient[..., where], hessian, e.status[where])


def matrices(upper: np.ndarray, n: int) -> np.ndarray:
    """(B, n, n) of the upper triangles (pairs, B)."""
    full, pairs = np.empty((upper.shape[1], n, n)), np.triu_indices(n)
    full[:, pairs[0], pairs[1]] = upper.T
    full[:, pairs[1], pairs[0]] = upper.T
    return full


def lagrangian(found: list[Enclosure], weights: np.ndarray | None, low: np.ndarray, high: np.ndarray) -> Enclosure:
    """The objective `found[0]` plus multipliers (m, B) times the other rows: not above it wherever the rows hold.

    Args:
        low, high: limits of the rows, (m,) or (m, B).
    """
    goal = found[0]
    if weights is None:
        return goal
    value, gradient, hessian = goal.value, goal.gradient, goal.hessian
    for row, weight, least, most in zip(found[1:], weights, low, high):
        if not weight.any():
            continue
        factor = np.stack([weight, weight])
        limit = np.where(weight > 0, most, np.where(weight < 0, least, 0.0))
        value = add(value, mul(factor, sub(row.value, np.stack([limit, limit]))))
        gradient = add(gradient, mul(factor, row.gradient))
        hessian = None if hessian is None else add(hessian, mul(factor, row.hessian))
    return Enclosure(value, gradient, hessian, goal.status)


def multipliers(
    found: list[Enclosure], at: list[Enclosure], low: np.ndarray, high: np.ndarray, rounds: int = 1
) -> np.ndarray:
    """Multipliers (m, B) that make the slope of the Lagrangian small at the centres, over rows that may be touched.

    Args:
        low, high: limits of the rows, (m,) or (m, B).
        rounds: of least squares; from the second on without the rows whose multiplier had the wrong sign.
    """
    low, high = (v[:, None] if v.ndim == 1 else v for v in (low, high))
    slope = np.nan_to_num(at[0].gradient.mean(1).T, nan=0.0, posinf=0.0, neginf=0.0)  # (B, n)
    whole = np.array([e.gradient.mean(1) for e in at[1:]]).transpose(2, 0, 1)  # (B, m, n)
    ends = np.array([e.value for e in found[1:]])
    at_high, at_low = (ends[:, 1] >= high).T, (ends[:, 0] <= low).T
    up, down = at_high & np.isfinite(high).T, at_low & np.isfinite(low).T
    used = fits = at_high | at_low
    own = np.zeros(used.shape)
    for _ in range(rounds):
        jacobian = np.nan_to_num(whole * used[:, :, None], nan=0.0, posinf=0.0, neginf=0.0)
        square = jacobian @ jacobian.transpose(0, 2, 1)
        size = np.einsum("bii->bi", square).max(1)
        square += np.eye(square.shape[1]) * (1e-9 * size + 1e-300)[:, None, None]
        right = -(jacobian @ slope[:, :, None])
        own = np.linalg.solve(square, right)[:, :, 0] if np.isfinite(square).all() else np.zeros(used.shape)
        fits = (own > 0) & up | (own < 0) & down & np.isfinite(own)
        used = used & fits
    return np.where(fits, own, 0.0).T


def around(goal: Enclosure, at: Enclosure, centres, lows, highs) -> tuple[np.ndarray, np.ndarray]:
    """Lower bounds by the first- and second-order forms around `centres`, and where the function is convex.

    Args:
        at: values and slopes at the centres.
    """
    n = len(lows)
    left, right = np.nextafter(lows - centres, -np.inf), np.nextafter(highs - centres, np.inf)
    left, right = np.where(lows == centres, 0.0, left), np.where(highs == centres, 0.0, right)
    radius = np.maximum(right, -left)
    magnitude = np.maximum(np.abs(goal.gradient[:, 0]), np.abs(goal.gradient[:, 1]))
    first = at.value[0] - np.where(radius == 0, 0.0, magnitude * radius).sum(0) * (1 + 1e-14)
    curve = _curve(goal.hessian[:, 0], goal.hessian[:, 1], radius)
    second = at.value[0].copy()
    unit = np.where(np.isfinite(radius) & (radius > 0), radius, 1.0)
    for i in range(n):
        change = _least(at.gradient[i] * unit[i], left[i] / unit[i], right[i] / unit[i], curve[i])
        second = second + np.where(radius[i] == 0, 0.0, change)
    second -= 1e-14 * (np.abs(at.value[0]) + np.abs(second - at.value[0]))
    best = np.fmax(np.where(np.isnan(first), -np.inf, first), np.where(np.isnan(second), -np.inf, second))
    ok = at.status == 0
    return np.where(ok, best, -np.inf), ok & (np.min(curve, 0) >= -1e-12)


def refused(found: list[Enclosure], at: list[Enclosure], centres, lows, highs, low, high) -> np.ndarray:
    """Boxes in which one of the rows cannot hold, by its first-order form.

    Args:
        found, at: of the rows.
        low, high: their limits, (m,) or (m, B).
    """
    radius = np.maximum(highs - centres, centres - lows)
    gone = np.zeros(lows.shape[1], bool)
    for row, here, least, most in zip(found, at, low, high):
        reach = np.maximum(np.abs(row.gradient[:, 0]), np.abs(row.gradient[:, 1]))
        reach = np.where(radius == 0, 0.0, reach * radius).sum(0) * (1 + 1e-14)
        gone |= (here.value[0] - reach > most) | (here.value[1] + reach < least)
    return gone


def _curve(down, up, radius):
    """q (n, B) such that the Hessian minus diag(q) is positive semidefinite, in units of the radii of the box.

    By the smallest eigenvalue of the middle less the size of the rest, or by Gershgorin's discs.
    """
    n = len(radius)
    still = radius == 0
    unit = np.where(np.isfinite(radius) & ~still, radius, 1.0)
    low, high = matrices(down, n), matrices(up, n)
    scaled = unit.T[:, :, None] * unit.T[:, None, :]
    frozen = still.T[:, :, None] | still.T[:, None, :]
    low, high = np.where(frozen, 0.0, low * scaled), np.where(frozen, 0.0, high * scaled)
    diagonal = np.einsum("bii->ib", low).copy()
    if n == 1:
        return np.where(np.isnan(diagonal), -np.inf, diagonal - 4e-16 * np.abs(diagonal))
    away = np.maximum(np.abs(low), np.abs(high))
    away[:, range(n), range(n)] = 0.0
    reach = away.sum(2).T
    discs = diagonal - reach
    discs -= np.where((discs == 0.0) & (n == 2), 0.0, 1e-15 * (np.abs(diagonal) + reach))
    discs = np.where(np.isnan(discs), -np.inf, discs)
    middle, spread = 0.5 * (low + high), 0.5 * (high - low)  # larger diagonals only help
    middle[:, range(n), range(n)], spread[:, range(n), range(n)] = diagonal.T, 0.0
    finite = np.isfinite(middle).all((1, 2)) & np.isfinite(spread).all((1, 2))
    if not finite.any() or np.all(discs[:, finite] >= 0):
        return discs
    size = np.abs(middle[finite]).sum(2).max(1)
    values = np.linalg.eigvalsh(np.where(_eye(still.T[finite]), size[:, None, None], middle[finite]))[:, 0]
    values -= spread[finite].sum(2).max(1) * (1 + 1e-14) + 1e-14 * n * size
    eigen = np.full(down.shape[1], -np.inf)
    eigen[finite] = values
    return np.where(eigen > discs.min(0), eigen, discs)


def _least(p, a, b, q):
    """The minimum of p t + q t^2 / 2 over t in [a, b], which contains 0, and over p in the interval (2, B)."""
    least = np.zeros_like(q)
    for end, slope in ((b, p[0]), (a, p[1])):
        linear = np.where(slope == 0, 0.0, slope * end)
        bent = np.where(q == 0, 0.0, 0.5 * q * end * end)
        at_end = linear + bent - 4e-16 * (np.abs(linear) + np.abs(bent))
        at_end = np.where(np.isinf(end) & (q > 0), np.inf, at_end)
        least = np.where(np.isnan(at_end), -np.inf, np.minimum(least, at_end))
        vertex = -slope / q
        inside = (q > 0) & (np.abs(vertex) < np.abs(end)) & (np.sign(vertex) == np.sign(end))
        least = np.where(inside, np.minimum(least, -0.5 * slope * slope / np.where(inside, q, 1.0)), least)
    return least


def _eye(still):
    """(B, n, n): the diagonal entries of variables that do not move."""
    return still[:, :, None] & np.eye(still.shape[1], dtype=bool)
