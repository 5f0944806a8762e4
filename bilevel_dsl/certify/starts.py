"""Where to begin a search of one part of the follower: the local minima of a graph of samples, and scans by coordinate.

A sample is a start if none of its nearest neighbours is lower (Toern and Viitanen, Topographical global optimization,
1992): as many basins as the samples can tell apart are found, not only the lowest ones. A scan finds what is narrow along
one coordinate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .follower import Frame
from .place import Place, Region

WIDE = 10.0  # lengths around y that are sampled where there is no bound
DISTANT = 1e4  # lengths along a ray, to see whether g falls for ever


@dataclass(frozen=True)
class Starts:
    points: list[np.ndarray]  # values of the part, the best first
    samples: int
    trouble: tuple[np.ndarray, str] | None = None  # a point where g is -inf, or on a ray along which it falls


def candidates(
    place: Place,
    region: Region,
    frame: Frame,
    x: np.ndarray,
    y: np.ndarray,
    entries: np.ndarray,
    count: int,
    scan: int,
    rng: np.random.Generator,
) -> Starts:
    """Starts for the entries of one part; the others stay as in y.

    Args:
        count: samples of the graph.
        scan: points of a scan along one coordinate; each is made twice.
    """
    lower, upper = (v[entries] for v in region.limits(place, x)[:2])
    lengths = frame.y[entries]
    low = np.where(np.isfinite(lower), lower, np.minimum(y[entries], upper) - WIDE * lengths)
    high = np.where(np.isfinite(upper), upper, np.maximum(y[entries], lower) + WIDE * lengths)
    n = len(entries)

    def merit(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """g above its value at y plus violation, by columns of `points`; and g alone."""
        Y = np.repeat(y[:, None], points.shape[1], axis=1)
        Y[entries] = points
        g = place.many(place.oracles.function("g"), x, Y).ravel()
        return g + 10 * frame.g * _violation(place, region, frame, x, Y), g

    lines = [np.linspace(0, 1, count)[None, :]] if n == 1 else [rng.random((n, count))]
    unit = np.hstack(lines)
    corners = np.repeat(((y[entries] - low) / np.maximum(high - low, 1e-300))[:, None], 2 * n, axis=1)
    corners[np.arange(n), np.arange(n)], corners[np.arange(n), n + np.arange(n)] = 0.0, 1.0
    unit = np.clip(np.hstack([unit, corners]), 0, 1)
    points = low[:, None] + (high - low)[:, None] * unit
    total, g = merit(points)
    minus = np.flatnonzero(np.isneginf(g) & (_violation_of(place, region, frame, x, y, entries, points) <= 1e-9))
    if minus.size:
        return Starts([], points.shape[1], _trouble(y, entries, points[:, minus[0]], "it is -inf there"))
    good = np.isfinite(total)
    points, unit, total = points[:, good], unit[:, good], total[good]
    found = [points[:, i] for i in _minima(unit, total)] if total.size else []
    scanned, trouble = _scans(merit, y[entries], low, high, scan)
    if trouble is not None:
        return Starts([], points.shape[1], _trouble(y, entries, trouble, "it is -inf there"))
    ray = _ray(place, region, frame, x, y, entries, lower, upper, rng)
    if ray is not None:
        return Starts([], points.shape[1], ray)
    return Starts([*scanned, *found], points.shape[1] + 2 * n * scan)


def scattered(
    place: Place,
    region: Region,
    frame: Frame,
    x: np.ndarray,
    y: np.ndarray,
    entries: np.ndarray,
    count: int,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Random starts, at distances from a tenth of a length to ten, where no sample can be afforded."""
    lower, upper = (v[entries] for v in region.limits(place, x)[:2])
    spread = np.geomspace(WIDE, 1 / WIDE, count)
    return [np.clip(y[entries] + s * frame.y[entries] * rng.standard_normal(len(entries)), lower, upper) for s in spread]


def _trouble(y, entries, values, why):
    point = y.copy()
    point[entries] = values
    return point, why


def _violation(place: Place, region: Region, frame: Frame, x, Y: np.ndarray) -> np.ndarray:
    if not region.count:
        return np.zeros(Y.shape[1])
    _, _, low, high = region.limits(place, x)
    rows = region.many(place, x, Y)
    with np.errstate(invalid="ignore"):
        return np.max(np.maximum(low[:, None] - rows, rows - high[:, None]) / frame.rows[:, None], axis=0).clip(0)


def _violation_of(place, region, frame, x, y, entries, points) -> np.ndarray:
    Y = np.repeat(y[:, None], points.shape[1], axis=1)
    Y[entries] = points
    return _violation(place, region, frame, x, Y)


def _minima(unit: np.ndarray, values: np.ndarray) -> list[int]:
    """Samples none of whose nearest neighbours is lower, the lowest first."""
    n, count = unit.shape
    if n == 1:
        order = np.argsort(unit[0])
        v = values[order]
        left, right = np.append(np.inf, v[:-1]), np.append(v[1:], np.inf)
        found = order[(v <= left) & (v <= right)]
    else:
        k = min(2 * n + 4, 20, count - 1)
        squares = np.sum(unit**2, axis=0)
        distance = squares[:, None] + squares[None, :] - 2 * unit.T @ unit
        near = np.argpartition(distance, k, axis=1)[:, : k + 1]
        found = np.flatnonzero(values <= np.min(values[near], axis=1))
    return [int(i) for i in found[np.argsort(values[found], kind="stable")]]


def _scans(merit, y: np.ndarray, low: np.ndarray, high: np.ndarray, scan: int):
    """The point after two rounds of global scans along each coordinate, and the other minima of the last round."""
    point = np.clip(y, low, high)
    best = merit(point[:, None])[0][0]
    others: list[np.ndarray] = []
    for turn in range(2):
        for i in range(y.size):
            line = np.repeat(point[:, None], scan, axis=1)
            line[i] = np.linspace(low[i], high[i], scan)
            values, g = merit(line)
            if np.any(np.isneginf(g) & np.isneginf(values)):
                return [], line[:, int(np.argmin(values))]
            values = np.where(np.isfinite(values), values, np.inf)
            if turn == 0 and y.size > 1:
                inner = np.flatnonzero((values[1:-1] <= values[:-2]) & (values[1:-1] <= values[2:])) + 1
                others += [line[:, j] for j in inner[np.argsort(values[inner])][:3]]
            if values.min() < best:
                best, point = values.min(), line[:, int(np.argmin(values))]
    return [point, *others[:8]], None


def _ray(place, region, frame, x, y, entries, lower, upper, rng):
    """A ray inside the follower's set along which g falls for ever, if one of those looked at does."""
    n = len(entries)
    if np.all(np.isfinite(lower)) and np.all(np.isfinite(upper)):
        return None
    directions = np.hstack([np.eye(n), -np.eye(n), rng.standard_normal((n, 4))])
    open_ = np.where(directions > 0, ~np.isfinite(upper)[:, None], ~np.isfinite(lower)[:, None])
    directions = np.where(open_, directions, 0.0)
    directions = directions[:, np.max(np.abs(directions), axis=0) > 0]
    values = []
    for reach in (0.0, 1e2, 1e4, 1e6):
        Y = np.repeat(y[:, None], directions.shape[1], axis=1)
        Y[entries] += reach * frame.y[entries, None] * directions
        g = place.many(place.oracles.function("g"), x, Y).ravel()
        values.append(np.where(_violation(place, region, frame, x, Y) <= 1e-9 + 1e-12 * reach, g, np.nan))
    with np.errstate(invalid="ignore"):
        steps = [a - b for a, b in zip(values, values[1:])]
        falls = (steps[0] > 0) & (steps[1] > 0.5 * steps[0]) & (steps[2] > 0.5 * steps[1]) & (steps[2] > frame.g)
    if not falls.any():
        return None
    point = y.copy()
    point[entries] += DISTANT * frame.y[entries] * directions[:, int(np.argmax(falls))]
    return point, "it falls without end along a ray"
