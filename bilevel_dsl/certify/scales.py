"""Lengths of the variables and ranges of the objectives at a point, so that no measure depends on units.

The length of an entry is the largest of what the model says of its size: the value, the start, the way between them, the
distance to a bound; where these say nothing (an answer of 0), what the constraints and the coupling with other entries
make of their lengths. A finite box caps it and keeps it from vanishing.
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from .place import Place, Region

NEGLIGIBLE = 1e-6  # of the width of a box, or absolute where there is none: a value below says nothing of a length
LEAST = 1e-3  # of the width of a box: a length is not below it
NEAR = 1e-2  # lengths within which the variation of an objective is taken
TIED = 1e-9  # of the coupling: a follower that minds its answer less than this does not mind it
LOOKED_AT = 100  # coordinates that are moved one by one


@dataclass(frozen=True)
class Scales:
    x: np.ndarray  # lengths, positive
    y: np.ndarray
    f: float  # the change of the leader's objective over one length, positive
    g: float  # of the follower's


def lengths(place: Place, leader: Region, follower: Region, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of every entry of x and y."""
    starts = place.problem.start()
    own, widths = [], []
    for region, v, start in ((leader, x, starts[0]), (follower, y, starts[1])):
        low, high = region.limits(place, x)[:2]
        start = np.clip(start, low, high)
        widths.append(high - low)
        to_bound = [np.where(np.isfinite(b) & ~np.isfinite(widths[-1]), np.abs(v - b), 0) for b in (low, high)]
        own.append(np.max([np.abs(v), np.abs(start), np.abs(v - start), *to_bound], axis=0, initial=0))
    known, width = np.concatenate(own), np.concatenate(widths)
    known = np.where(known > NEGLIGIBLE * np.where(np.isfinite(width), width, 1), known, 0)
    known = _by_variable(place, known, width)
    if not np.all(known > 0):
        known = _by_coupling(place, leader, follower, x, y, known, np.isfinite(width))
    if not np.all((known > 0) | np.isfinite(width)):
        known = np.where(known > 0, known, _newton_lengths(place, *starts))
    boxed = np.clip(known, LEAST * width, width)
    boxed = np.where(known > 0, boxed, width)
    found = np.where(np.isfinite(width) & (width > 0), boxed, np.where(known > 0, known, 1.0))
    found[: x.size][place.problem.whole] = 1.0
    return found[: x.size], found[x.size :]


def _by_variable(place: Place, known: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Entries of one variable are of one unit: none is taken for less than a tenth of the largest one without a box."""
    found = known.copy()
    for v in place.problem.variables:
        at = (
            slice(v.offset, v.offset + v.size)
            if v.level == "upper"
            else slice(place.nx + v.offset, place.nx + v.offset + v.size)
        )
        free = ~np.isfinite(width[at])
        if free.any():
            found[at] = np.where(free, np.maximum(known[at], 0.1 * np.max(known[at][free])), known[at])
    return found


def _by_coupling(place: Place, leader: Region, follower: Region, x, y, known: np.ndarray, boxed: np.ndarray) -> np.ndarray:
    """Lengths of entries of which nothing is known, from rows and from the Hessian of g: what balances the others."""
    matrices = []
    for region in (leader, follower):
        jacobian = np.hstack(region.jacobians(place, x, y))
        values = np.abs(region.values(place, x, y))[:, None]
        matrices.append(np.hstack([jacobian, np.where(np.isfinite(values), values, 0)]))
    if place.ny <= LOOKED_AT:
        hessian, mixed = place("hess_yy_g", x, y)[0], place("hess_xy_g", x, y)[0].reshape(place.nx, place.ny).T
        matrices.append(np.hstack([mixed, hessian, np.zeros((place.ny, 1))]))
    rows = np.abs(np.vstack(matrices))
    rows = rows[np.all(np.isfinite(rows), axis=1)]
    known = known.copy()
    for _ in range(3):
        lengths_, missing = np.append(known, 1.0), np.flatnonzero((known == 0) & ~boxed)
        if not missing.size or not rows.size:
            break
        largest = np.max(rows * lengths_, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            candidates = np.where(rows[:, missing] > 0, largest[:, None] / rows[:, missing], 0)
        known[missing] = np.max(np.where(np.isfinite(candidates), candidates, 0), axis=0, initial=0)
    return known


def _newton_lengths(place: Place, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """|first derivative / second derivative| by each entry at the start, of f, else of g; 0 where there is none."""
    found = np.zeros(place.nx + place.ny)
    if found.size > LOOKED_AT:
        return found
    point = ca.veccat(place.problem.x, place.problem.y)
    for objective in (place.problem.f.expression, place.problem.g.expression):
        gradient = ca.gradient(objective, point)
        second = ca.Function(
            "second",
            [place.problem.x, place.problem.y, *place.problem.p],
            [ca.densify(gradient), ca.densify(ca.diag(ca.jacobian(gradient, point)))],
        )
        slope, curvature = (np.abs(v.ravel()) for v in place.call(second, x, y))
        with np.errstate(divide="ignore", invalid="ignore"):
            length = np.where(curvature > 0, slope / curvature, 0)
        found = np.where((found == 0) & np.isfinite(length), length, found)
    return found


def variation(
    place: Place,
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    sizes: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    entries: np.ndarray | None = None,
) -> float:
    """The change of `name` ("f" or "g") when y moves by `NEAR` lengths within its bounds, over `NEAR`.

    For an affine function this is its change over one length. `entries`: those that move; all by default.
    """
    entries = np.arange(y.size) if entries is None else entries
    if not entries.size:
        return 0.0
    if entries.size <= LOOKED_AT:
        moves = np.zeros((y.size, entries.size))
        moves[entries, np.arange(entries.size)] = sizes[entries]
    else:
        moves = np.zeros((y.size, 20))
        rng = np.random.default_rng(0)
        moves[entries] = sizes[entries, None] * rng.standard_normal((entries.size, 20)) / np.sqrt(entries.size)
    function = place.oracles.function(name)
    base = place.value(name, x, y)
    for reach in (NEAR, 1.0, 100.0):  # further where it is flat near by
        there = np.clip(np.hstack([y[:, None] + reach * moves, y[:, None] - reach * moves]), low[:, None], high[:, None])
        changes = np.abs(place.many(function, x, there).ravel() - base)
        found = float(np.max(changes[np.isfinite(changes)], initial=0.0)) / reach
        if found > 1e-14 * abs(base):
            return found
    return max(abs(base), 1e-300) * 1e-8 if base else 1.0


def coupling(
    place: Place, x: np.ndarray, y: np.ndarray, size_x: np.ndarray, size_y: np.ndarray, entries: np.ndarray | None = None
) -> float:
    """How much the slope of g by y changes over one length of x, per length of y: large where slopes cancel at x.

    Where the follower is indifferent, its slope is a rounding of terms of this size. Looked at from both sides of x too: a
    slope may be 0 over a piece of the leader's set, at whose end a rounding is no preference either. `entries`: of y; all
    by default.
    """
    if not x.size or not y.size:
        return 0.0
    function, rng = place.oracles.function("hess_xy_g_times"), np.random.default_rng(0)
    moving = np.ones(y.size) if entries is None else np.isin(np.arange(y.size), entries).astype(float)
    found = 0.0
    for _ in range(2):
        direction = moving * size_y * np.where(rng.random(y.size) < 0.5, -1.0, 1.0)
        aside = NEAR * size_x * np.where(rng.random(x.size) < 0.5, -1.0, 1.0)
        for there in (x, x + aside, x - aside):
            mixed = place.call(function, there, y, direction, after=1)[0].ravel()
            values = np.abs(mixed * size_x)
            found = max(found, float(np.max(values[np.isfinite(values)], initial=0.0)))
    return found
