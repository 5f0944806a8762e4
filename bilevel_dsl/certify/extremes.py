"""The leader's best and worst value over all answers of a linear or convex quadratic follower, by linear programs.

For fixed x let y* be an answer to  min y'Hy / 2 + c'y  over rows and bounds, and mu any multipliers of it. Then

    S(x) = { y : rows and bounds hold, H y = H y*, slack_i(y) = 0 where mu_i > 0 }

for y is an answer just if it is feasible and g(y) = g(y*), that is H (y - y*) = 0 and mu'slack(y) = 0 (Mangasarian 1988).
Where f is affine in y its ends over S(x) are linear programs: both are attained at vertices, which are handed back.

Mangasarian: A simple characterization of solution sets of convex programs, Operations Research Letters 7 (1988).
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from .follower import Follower
from .place import Place, Region
from .tangent import around, linear

TIED = 1e-9  # of the size of g over one length: the follower does not mind a row or bound of a smaller multiplier
TIED_CURVED = 1e-7  # the same where y* is no vertex
FEASIBLE = 1e-6  # of the size of a row of the leader
COORDINATES = 10  # that are looked along for corners
APART = 1e-6  # lengths between two of them


@dataclass(frozen=True)
class Extremes:
    """The ends of f, to be minimised, over the follower's answers, and where they are.

    Attributes:
        best: (f, y) among those that keep the leader's rows; None where there is none.
        worst: (f, y) over all; f is inf, and y an answer, where there is no end.
        broken: an answer that breaks a row of the leader the most, in sizes of the row, if one does.
    """

    best: tuple[float, np.ndarray] | None
    worst: tuple[float, np.ndarray]
    broken: tuple[float, np.ndarray] | None = None


def extremes(
    place: Place, leader: Region, region: Region, follower: Follower, x: np.ndarray, y: np.ndarray, convex: bool
) -> Extremes | None:
    """Of the answers to x, near one of which y is; None where linear programs do not tell."""
    face = _face_at(place, region, follower, x, y) if convex and _affine(place, leader, region) else None
    if face is None:
        return None
    slope = place.column("grad_y_f", x, y) * follower.frame.y / follower.frame.f
    rows = _leaders_rows(place, leader, follower, x, y)
    ends = face.least(slope, rows), face.least(-slope)
    if ends[1][0] == "failed":
        return None

    def valued(eta: np.ndarray) -> tuple[float, np.ndarray]:
        point = face.point(eta)
        return place.value("f", x, point), point

    best = valued(ends[0][1]) if ends[0][0] == "optimal" else None
    value, point = valued(ends[1][1] if ends[1][0] == "optimal" else face.own)
    worst = (value if ends[1][0] == "optimal" else np.inf), point
    return Extremes(best, worst, _broken(face, rows))


def corners(
    place: Place, leader: Region, region: Region, follower: Follower, x: np.ndarray, y: np.ndarray, convex: bool
) -> list[np.ndarray]:
    """Answers to x that are furthest along a coordinate: where a search for ends of a curved f begins. Some, where many."""
    face = _face_at(place, region, follower, x, y) if convex and _flat(place, leader, region) else None
    if face is None:
        return []
    found = []
    for i in range(min(y.size, COORDINATES)):
        for sign in (1.0, -1.0):
            status, eta = face.least(sign * np.eye(1, y.size, i).ravel())
            point = face.point(eta)
            if status == "optimal" and all(np.max(np.abs(point - p) / face.lengths) > APART for p in found):
                found.append(point)
    return found


def _flat(place: Place, leader: Region, region: Region) -> bool:
    """Whether all rows are affine in y, and g is quadratic."""
    problem = place.problem
    if not problem.y.numel() or not region.describable or not leader.describable or region.curved or leader.curved:
        return False
    return not any(ca.which_depends(ca.gradient(problem.g.expression, problem.y), problem.y, 2, True))


def _affine(place: Place, leader: Region, region: Region) -> bool:
    """Whether f is affine in y too."""
    problem = place.problem
    return _flat(place, leader, region) and not any(ca.which_depends(problem.f.expression, problem.y, 2, True))


@dataclass(frozen=True, eq=False)
class _Face:
    """low <= rows eta <= high, lower <= eta <= upper: the follower's answers, y = origin + lengths * eta."""

    origin: np.ndarray
    lengths: np.ndarray
    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    own: np.ndarray
    bounds: tuple[np.ndarray, np.ndarray]

    def least(self, cost: np.ndarray, more: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None):
        """Status and eta of the least cost; `more`: further rows, their low and high limits."""
        A, low, high = self.rows, self.low, self.high
        if more is not None:
            A, low, high = np.vstack([A, more[0]]), np.append(low, more[1]), np.append(high, more[2])
        return linear(cost, A, low, high, self.lower, self.upper)[:2]

    def point(self, eta: np.ndarray) -> np.ndarray:
        return np.clip(self.origin + self.lengths * eta, *self.bounds)


def _face_at(place: Place, region: Region, follower: Follower, x: np.ndarray, y: np.ndarray) -> _Face | None:
    frame = follower.frame
    H = place("hess_yy_g", x, y)[0] * np.outer(frame.y, frame.y) / frame.g
    c, A, (low, high), (lower, upper) = around(place, region, frame, x, y)
    bounds = region.limits(place, x)[:2]
    curved = bool(np.any(np.abs(H) > 1e-12))
    found = linear(c, A, low, high, lower, upper)
    if found[0] != "optimal":
        return None
    own = np.zeros_like(y) if curved else found[1]
    tied = TIED_CURVED if curved else TIED
    of_rows, of_bounds = found[2:]
    low, high = np.where(of_rows > tied, high, low), np.where(of_rows < -tied, low, high)
    lower, upper = np.where(of_bounds > tied, upper, lower), np.where(of_bounds < -tied, lower, upper)
    if curved:
        A, low, high = np.vstack([A, H]), np.append(low, np.zeros(len(H))), np.append(high, np.zeros(len(H)))
    return _Face(y, frame.y, A, low, high, lower, upper, own, bounds)


def _leaders_rows(place: Place, leader: Region, follower: Follower, x, y) -> tuple[np.ndarray, ...] | None:
    """C, low, high of the leader's rows in eta; None where none of them knows y."""
    if not leader.count:
        return None
    sizes = follower.frame.upper_rows
    C = leader.jacobians(place, x, y)[1] * follower.frame.y / sizes[:, None]
    known = np.any(C != 0, axis=1)
    if not known.any():
        return None
    _, _, low, high = leader.limits(place, x)
    shift = leader.values(place, x, y)
    slack = FEASIBLE
    return C[known], ((low - shift) / sizes)[known] - slack, ((high - shift) / sizes)[known] + slack


def _broken(face: _Face, rows: tuple[np.ndarray, ...] | None) -> tuple[float, np.ndarray] | None:
    """The largest excess over a row of the leader among the answers, where there is one."""
    worst = None
    for row, low, high in zip(*rows) if rows is not None else ():
        for sign, limit in ((1.0, high), (-1.0, -low)):
            if not np.isfinite(limit):
                continue
            status, eta = face.least(-sign * row)
            excess = np.inf if status == "unbounded" else float(sign * row @ eta - limit)
            if status in ("optimal", "unbounded") and excess > 0 and (worst is None or excess > worst[0]):
                worst = excess, face.point(eta if status == "optimal" else face.own)
    return worst
