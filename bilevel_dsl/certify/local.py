"""Derivatives of a problem at a point, in lengths: what the leader can see of the follower's reaction, to second order.

Every number here is free of units: x and y are counted in their lengths, f, g and the rows in their own sizes. An active
row or bound of the follower reads  value + A dy + A_x dx <= 0  (or == 0), its multiplier is >= 0 (or free).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from ..model.problem import Dual
from . import separate
from .follower import Response
from .nonnegative import nonnegative
from .place import Place, Region
from .scales import Scales
from .separate import least_squares, rank

ACTIVE = 1e-4  # lengths within which a row or bound counts as active
WEAK = 1e-6  # multipliers up to which an active row may let go, relative to the largest one or to the size of g
SINGULAR = 1e-8  # relative, of the Hessian on the tangent space
LARGE = 200  # lower variables above which a linear system is first tried without a rank
DENSE_LIMIT = 1500  # lower variables up to which matrices are assembled


@dataclass(frozen=True, eq=False)
class Active:
    """What holds the follower at a point, with its multipliers: the first-order conditions."""

    scales: Scales
    g_y: np.ndarray
    value: np.ndarray  # of active rows: how far from touching, <= 0
    A: np.ndarray
    A_x: np.ndarray
    equal: np.ndarray  # which are equations
    row: np.ndarray  # the follower's row, or -1 - i for a bound on entry i of y
    sign: np.ndarray  # -1 where it is the lower side
    size: np.ndarray  # of the row as it is written, per unit here
    multipliers: np.ndarray
    residual: float  # of stationarity of the follower

    def entries(self, dual: Dual, first: int, rows: int) -> np.ndarray:
        """The entries of `dual(...)`, as written, as a linear function of the multipliers here.

        Args:
            first: the follower's first row that is a constraint.
            rows: the number of all its rows.
        """
        per_unit = self.scales.g / self.size
        if dual.bounds:
            high = np.where(self.equal, self.multipliers >= 0, self.sign > 0)
            used, place = (self.row < 0) & (high == (dual.bounds == "upper")), -1 - self.row
            weight = np.where(self.equal & ~high, -per_unit, per_unit)
        else:
            used, place, weight = self.row >= first, self.row - first, self.sign * per_unit
        found = np.zeros((dual.size, self.row.size))
        found[:, used] = dual.matrix(self.g_y.size if dual.bounds else rows - first)[:, place[used]] * weight[used]
        return found


@dataclass(frozen=True, eq=False)
class Local(Active):
    """The same to second order."""

    f_x: np.ndarray
    f_y: np.ndarray
    hessian: np.ndarray  # of the Lagrangian, ny by ny
    mixed: np.ndarray  # ny by nx
    curved_rows: bool  # the Hessian depends on the multipliers

    @cached_property
    def weak(self) -> np.ndarray:
        """Active without a multiplier: here the derivative of the answer is one-sided."""
        largest = float(np.max(np.abs(self.multipliers), initial=0.0))
        return ~self.equal & (self.multipliers <= WEAK * max(largest, 1.0))

    @cached_property
    def dependent(self) -> bool:
        """The gradients of what is active depend on each other: multipliers may not be unique."""
        return len(self.A) > 0 and rank(_unit_rows(self.A), 1e-8) < len(self.A)

    @cached_property
    def tangent(self) -> np.ndarray:
        """Orthonormal columns: the directions that keep what is active with a multiplier."""
        return null_space(self.A[~self.weak], self.g_y.size)

    @cached_property
    def _reduced(self) -> np.ndarray:
        """The Hessian on the tangent space, relative to its largest entry."""
        Z, size = self.tangent, float(np.max(np.abs(self.hessian), initial=0.0))
        if not Z.shape[1] or size == 0:
            return np.zeros((Z.shape[1], Z.shape[1]))
        whole = len(Z) == Z.shape[1] and np.array_equal(Z, np.eye(len(Z)))
        reduced = (self.hessian if whole else Z.T @ self.hessian @ Z) / size
        return (reduced + reduced.T) / 2

    @cached_property
    def definite(self) -> bool:
        """The Hessian curves upward along all that is left to the follower, by more than `SINGULAR`."""
        try:
            np.linalg.cholesky(self._reduced - SINGULAR * np.eye(len(self._reduced)))
        except np.linalg.LinAlgError:
            return False
        return True

    @cached_property
    def singular(self) -> bool:
        """The follower may move without a loss to second order: its answer may not be unique."""
        return not self.definite and bool(np.any(np.abs(np.linalg.eigvalsh(self._reduced)) <= SINGULAR))

    @property
    def kinked(self) -> bool:
        return bool(self.weak.any()) or self.dependent or self.singular

    @cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        """K and B of  K (dy, dlambda) = -B dx  with what is active held."""
        A, m = self.A, len(self.A)
        K = np.block([[self.hessian, A.T], [A, np.zeros((m, m))]])
        return K, np.vstack([self.mixed, self.A_x])

    @cached_property
    def inverse(self) -> np.ndarray | None:
        """Of K, for many right-hand sides; None where K is singular."""
        K, _ = self._factors
        try:
            found = np.linalg.inv(K)
        except np.linalg.LinAlgError:
            return None
        return found if np.max(np.abs(K @ found - np.eye(len(K))), initial=0.0) <= 1e-6 else None

    @cached_property
    def reaction(self) -> tuple[np.ndarray, np.ndarray]:
        """dy/dx and dlambda/dx, where the answer is smooth."""
        K, B = self._factors
        solution, n = None, self.g_y.size
        if n > LARGE:  # least squares take seconds there
            try:
                solution = -np.linalg.solve(K, B)
            except np.linalg.LinAlgError:
                pass
            else:
                error = np.max(np.abs(K @ solution + B), initial=0.0)
                solution = solution if error <= 1e-9 * np.max(np.abs(B), initial=1e-300) else None
        if solution is None:
            solution = -least_squares(K, B, 1e-13)
        return solution[:n], solution[n:]


def active(
    place: Place,
    follower: Region,
    scales: Scales,
    row_sizes: np.ndarray,
    answer: Response,
    x: np.ndarray,
    near: tuple[np.ndarray, np.ndarray] | None = None,
) -> Active | None:
    """At (x, answer.y); None where the follower is too large or its sets have no smooth description.

    `near` = (E, d): of several valid multipliers those with E @ multipliers nearest to d.
    """
    y = answer.y
    if y.size > DENSE_LIMIT or not follower.describable:
        return None
    g_y = place.column("grad_y_g", x, y) * scales.y / scales.g
    held = _held(place, follower, scales, row_sizes, x, y)
    A = held["A"]
    if not np.all(np.isfinite(np.concatenate([g_y, A.ravel(), held["A_x"].ravel()]))):
        return None
    multipliers = _multipliers(A, g_y, held["equal"], _guess(answer, held["row"], held["sign"]), near)
    residual = float(np.max(np.abs(g_y + A.T @ multipliers), initial=0.0))
    return Active(scales=scales, g_y=g_y, multipliers=multipliers, residual=residual, **held)


def local(
    place: Place,
    follower: Region,
    scales: Scales,
    row_sizes: np.ndarray,
    answer: Response,
    x: np.ndarray,
    near: tuple[np.ndarray, np.ndarray] | None = None,
) -> Local | None:
    """`active` to second order; None, too, where a derivative has no value."""
    y, held = answer.y, active(place, follower, scales, row_sizes, answer, x, near)
    if held is None:
        return None
    f_x, f_y = (v.ravel() for v in place("grad_f", x, y))
    weights, rows = np.zeros(follower.count), held.row >= 0
    np.add.at(weights, held.row[rows], (held.sign * held.multipliers * scales.g / held.size)[rows])
    hessian, mixed = _second(place, follower, x, y, weights)
    if not all(np.all(np.isfinite(v)) for v in (f_x, f_y, hessian, mixed)):
        return None
    return Local(
        **{f.name: getattr(held, f.name) for f in fields(held)},
        f_x=f_x * scales.x / scales.f,
        f_y=f_y * scales.y / scales.f,
        hessian=hessian * np.outer(scales.y, scales.y) / scales.g,
        mixed=mixed * np.outer(scales.y, scales.x) / scales.g,
        curved_rows=follower.curved,
    )


def _held(place: Place, region: Region, scales: Scales, row_sizes: np.ndarray, x, y) -> dict[str, np.ndarray]:
    """The fields of `Active` that say which bounds and rows are active, bounds first."""
    lower, upper, low, high = region.limits(place, x)
    parts = [_touching(y, lower, upper, scales.y)]
    index, sign = parts[0]["row"], parts[0]["sign"]
    A = np.zeros((index.size, y.size))
    A[np.arange(index.size), index] = sign
    parts[0] |= {"row": -1 - index, "A": A, "A_x": np.zeros((index.size, x.size))}
    if region.count:
        parts.append(_touching(region.values(place, x, y), low, high, row_sizes))
        by_x, by_y = region.jacobians(place, x, y)
        index, sign, size = (parts[1][name] for name in ("row", "sign", "size"))
        parts[1] |= {
            "A": sign[:, None] * by_y[index] * scales.y / size[:, None],
            "A_x": sign[:, None] * by_x[index] * scales.x / size[:, None],
        }
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _touching(values: np.ndarray, low: np.ndarray, high: np.ndarray, size: np.ndarray) -> dict[str, np.ndarray]:
    """Which are at a limit, on which side (the upper one of two), and how far from it."""
    at_low, at_high = (values - low) / size <= ACTIVE, (high - values) / size <= ACTIVE
    index = np.flatnonzero(at_low | at_high)
    low, high, values, size, both, top = (v[index] for v in (low, high, values, size, at_low & at_high, at_high))
    with np.errstate(invalid="ignore"):
        away = np.where(both, 0.0, -np.where(top, high - values, values - low) / size)
    return {
        "value": np.minimum(away, 0.0),
        "equal": both,
        "row": index,
        "sign": np.where(top, 1.0, -1.0),
        "size": size,
    }


def _guess(answer: Response, row: np.ndarray, sign: np.ndarray) -> np.ndarray | None:
    if answer.multipliers is None:
        return None
    bounds, rows = answer.multipliers
    found = np.array([s * (rows[r] if r >= 0 else bounds[-1 - r]) for r, s in zip(row, sign)])
    largest = np.max(np.abs(found), initial=0.0)
    return np.where(np.abs(found) > 1e-5 * largest, found, 0.0)


def _multipliers(
    A: np.ndarray, g_y: np.ndarray, equal: np.ndarray, guess: np.ndarray | None, near: tuple[np.ndarray, np.ndarray] | None
) -> np.ndarray:
    """Least squares on the follower's first-order conditions with valid signs; small ones, where there is a choice."""
    n = len(A)
    if not n:
        return np.zeros(0)
    E, d = near if near is not None else (np.eye(n), np.zeros(n))
    size = max(1.0, float(np.max(np.abs(E), initial=0.0)))
    tie = 1e-7  # strong enough to choose, too weak to bend the conditions visibly: taken out below
    found = nonnegative(np.vstack([A.T, tie * E / size]), np.concatenate([-g_y, tie * d / size]), ~equal, guess)
    support = equal | (found > 0)
    trial = found.copy()
    correction = least_squares(A[support].T, -g_y - A.T @ found, 1e-10)
    trial[support] += correction
    return trial if np.all(trial[~equal] >= 0) else found


def _second(place: Place, region: Region, x, y, weights) -> tuple[np.ndarray, np.ndarray]:
    """Second derivatives of the Lagrangian: by y twice, by y and x."""
    n = y.size
    if not n:
        return np.zeros((0, 0)), np.zeros((0, x.size))
    columns = [place.call(region.second, x, y, weights, direction) for direction in np.eye(n)]
    W, mixed = np.hstack([c[0] for c in columns]), np.hstack([c[1] for c in columns]).T
    return (W + W.T) / 2, mixed.reshape(n, x.size)


def _unit_rows(A: np.ndarray) -> np.ndarray:
    return A / np.maximum(np.linalg.norm(A, axis=1, keepdims=True), 1e-300)


def null_space(A: np.ndarray, n: int) -> np.ndarray:
    """Orthonormal columns with A Z = 0, up to 1e-9 of the longest row."""
    if not len(A):
        return np.eye(n)
    return separate.null_space(_unit_rows(A), 1e-9)
