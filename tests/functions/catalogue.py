"""Constraint sets with their data, degenerate ones included, and what is known of each by other means.

`sample` draws points of the set without any projection of ours; `violation` is the distance-like number that is
0 inside. Both are plain NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import casadi as ca
import numpy as np

from bilevel_dsl.model import sets

Rng = np.random.Generator
INF = np.inf


@dataclass(frozen=True)
class Entry:
    constraint_set: sets.ConstraintSet
    sample: Callable[[Rng], np.ndarray]
    violation: Callable[[np.ndarray], float]


def column(*values) -> ca.MX:
    return ca.MX(ca.DM([float(v) for v in values]))


def scalar(value: float) -> ca.MX:
    return ca.MX(float(value))


def above(value) -> float:
    return float(np.max(np.maximum(value, 0), initial=0))


def box(low, high) -> Entry:
    low, high = np.array(low, float), np.array(high, float)

    def sample(rng: Rng) -> np.ndarray:
        return np.clip(rng.uniform(np.maximum(low, -50), np.minimum(np.maximum(high, -50), 50) + 1e-300), low, high)

    return Entry(sets.Box(low.size, column(*low), column(*high)), sample, lambda u: above(np.maximum(low - u, u - high)))


def simplex(n: int, total: float) -> Entry:
    return Entry(
        sets.Simplex(n, scalar(total)),
        lambda rng: total * rng.dirichlet(np.ones(n)),
        lambda u: max(above(-u), abs(u.sum() - total)),
    )


def capped(n: int, k: float) -> Entry:
    def sample(rng: Rng) -> np.ndarray:
        r = rng.standard_normal(n)
        low, high = r.min() - 2, r.max() + 1
        for _ in range(200):  # clip(r - t, 0, 1) sums to k for one t
            t = (low + high) / 2
            low, high = (t, high) if np.clip(r - t, 0, 1).sum() > k else (low, t)
        return np.clip(r - low, 0, 1)

    return Entry(sets.CappedSimplex(n, scalar(k)), sample, lambda u: max(above(-u), above(u - 1), abs(u.sum() - k)))


def ball(center, radius: float) -> Entry:
    center = np.array(center, float)

    def sample(rng: Rng) -> np.ndarray:
        d = rng.standard_normal(center.size)
        return center + radius * rng.random() * d / np.linalg.norm(d)

    return Entry(
        sets.Ball(center.size, column(*center), scalar(radius)), sample, lambda u: above(np.linalg.norm(u - center) - radius)
    )


def l1ball(n: int, radius: float) -> Entry:
    return Entry(
        sets.L1Ball(n, scalar(radius)),
        lambda rng: radius * rng.random() * rng.dirichlet(np.ones(n)) * rng.choice([-1, 1], n),
        lambda u: above(np.abs(u).sum() - radius),
    )


def linfball(center, radius: float) -> Entry:
    center = np.array(center, float)
    return Entry(
        sets.LinfBall(center.size, column(*center), scalar(radius)),
        lambda rng: center + radius * rng.uniform(-1, 1, center.size),
        lambda u: above(np.abs(u - center) - radius),
    )


def halfspace(a, b: float) -> Entry:
    a = np.array(a, float)

    def sample(rng: Rng) -> np.ndarray:
        u = 3 * rng.standard_normal(a.size)
        return u - a * max(0, a @ u - b + rng.random()) / max(a @ a, 1e-300) if a.any() else u

    return Entry(sets.Halfspace(a.size, column(*a), scalar(b)), sample, lambda u: above(a @ u - b))


def affine(A, point, kind: str = "affine") -> Entry:
    """{ u : A u = A point }; kind "hyperplane" for one row."""
    A, point = np.array(A, float), np.array(point, float)
    _, s, Vt = np.linalg.svd(A)
    kernel = Vt[int(np.sum(s > 1e-12)) :]
    b = A @ point
    if kind == "hyperplane":
        made = sets.Hyperplane(point.size, column(*A[0]), scalar(b[0]))
    else:
        made = sets.Affine(point.size, ca.MX(ca.DM(A)), column(*b))
    return Entry(
        made, lambda rng: point + 3 * rng.standard_normal(len(kernel)) @ kernel, lambda u: float(np.max(np.abs(A @ u - b)))
    )


def second_order_cone(n: int) -> Entry:
    def sample(rng: Rng) -> np.ndarray:
        z = rng.standard_normal(n - 1)
        return np.append(z, np.linalg.norm(z) + rng.exponential())

    return Entry(sets.SecondOrderCone(n), sample, lambda u: above(np.linalg.norm(u[:-1]) - u[-1]))


def _symmetric(u: np.ndarray, n: int) -> tuple[np.ndarray, float]:
    U = u.reshape(n, n, order="F")
    return np.linalg.eigvalsh((U + U.T) / 2), float(np.max(np.abs(U - U.T)))


def psd(n: int) -> Entry:
    def sample(rng: Rng) -> np.ndarray:
        B = rng.standard_normal((n, rng.integers(1, n + 1)))
        return (B @ B.T).ravel()

    return Entry(sets.Psd(n * n, n), sample, lambda u: max(above(-_symmetric(u, n)[0]), _symmetric(u, n)[1]))


def spectral(n: int, low: float, high: float) -> Entry:
    def sample(rng: Rng) -> np.ndarray:
        Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
        e = rng.uniform(max(low, -20), min(high, 20), n)
        return ((Q * e) @ Q.T).ravel()

    def violation(u: np.ndarray) -> float:
        e, skew = _symmetric(u, n)
        return max(above(low - e), above(e - high), skew)

    return Entry(sets.Spectral(n * n, n, scalar(low), scalar(high)), sample, violation)


def intersection(first: Entry, second: Entry) -> Entry:
    joint = sets.Intersection(first.constraint_set.size, first.constraint_set, second.constraint_set)
    return Entry(joint, second.sample, lambda u: max(first.violation(u), second.violation(u)))


CATALOGUE: dict[str, Entry] = {
    "free": Entry(sets.Free(3), lambda rng: rng.standard_normal(3), lambda u: 0.0),
    "box": box([-1, 0, 2], [1, 0.5, 5]),
    "box of one entry": box([-1], [1]),
    "box without interior": box([1, -2, 0], [1, 3, 0]),
    "box without some bounds": box([-INF, 0, -INF], [1, INF, INF]),
    "simplex": simplex(5, 1),
    "simplex, large total": simplex(4, 1e6),
    "simplex, total 0": simplex(4, 0),
    "simplex of one entry": simplex(1, 2.5),
    "capped simplex": capped(5, 2),
    "capped simplex, fraction": capped(6, 2.75),
    "capped simplex, k 0": capped(4, 0),
    "capped simplex, k n": capped(4, 4),
    "capped simplex of one entry": capped(1, 0.3),
    "ball": ball([1, -2, 0.5], 1.5),
    "ball, radius 0": ball([1, -2, 0.5], 0),
    "ball of one entry": ball([3], 2),
    "l1 ball": l1ball(5, 2),
    "l1 ball, radius 0": l1ball(3, 0),
    "l1 ball of one entry": l1ball(1, 0.7),
    "linf ball": linfball([0, 1, -1], 0.5),
    "linf ball, radius 0": linfball([0, 1, -1], 0),
    "half-space": halfspace([1, -2, 0.5], 1),
    "half-space, badly scaled": halfspace([1e6, 1e-6, 1], 3),
    "half-space, a 0": halfspace([0, 0, 0], 1),
    "hyperplane": affine([[1, 2, -1]], [1, 0, 1], "hyperplane"),
    "hyperplane, a 0": affine([[0, 0, 0]], [0, 0, 0], "hyperplane"),
    "affine": affine([[1, 2, -1, 0], [0, 1, 1, 1]], [1, 0, 1, 2]),
    "affine, redundant rows": affine([[1, 2, -1, 0], [0, 1, 1, 1], [1, 3, 0, 1], [2, 4, -2, 0]], [1, 0, 1, 2]),
    "affine, one point": affine([[2, 1, 0], [0, 1, 3], [1, 0, 1]], [1, -1, 2]),
    "affine, nearly parallel rows": affine([[1, 1, 1], [1, 1, 1 + 1e-4]], [1, 2, 3]),
    "second-order cone": second_order_cone(4),
    "second-order cone of one entry": second_order_cone(1),
    "psd": psd(4),
    "psd 1 by 1": psd(1),
    "spectral": spectral(3, 0.5, 2),
    "spectral, one value": spectral(3, 1.5, 1.5),
    "spectral, no upper bound": spectral(2, -1, INF),
    "box in a box": intersection(box([-5, -5], [0.5, 5]), box([0, -1], [0.5, 1])),
}


def starts(entry: Entry, rng: Rng) -> list[np.ndarray]:
    """Points to project: random of several sizes, ties, zero, one inside, one huge, one tiny."""
    n = entry.constraint_set.size
    points = [scale * rng.standard_normal(n) for scale in (0.1, 1, 1, 10, 1000)]
    points += [np.full(n, c) for c in (0.0, 0.25, 1.0, -2.0)]
    points += [
        np.round(2 * rng.standard_normal(n)),
        entry.sample(rng),
        1e10 * rng.standard_normal(n),
        1e-12 * rng.standard_normal(n),
    ]
    return points
