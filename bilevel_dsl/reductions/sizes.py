"""How large the numbers of a problem are: of its variables, objectives and rows, from what is known before it is solved.

The size of a variable is the geometric mean of what the model says of it:

    its start                       |v|, within its box
    steps of its objectives         |slope / curvature| at the start: how far the objective alone would move it

else how far it is to a row, else what balances the variables that are known in the Hessian of the follower. Its box, or the
radius of its set, is the most that it may be, and what it is where nothing else is known. Whole numbers have no units. The
size of an objective or a row is its change when a variable moves by its factor, beside the start: at the start it may
vanish, or have a pole.

All of this goes along with the user's units, and a factor is the size itself, not a round number near it: so the scaled
problem is the same one, up to the last bits, in whatever units a model is written. A method is as sensitive to a factor of 3
as to one of 300, so rounding to powers of 2, 10 or 1000 would hand on a part of the units, and models of size 1 are no
exception: where they begin would depend on units. Entries of one variable are of one unit, and have one factor.
"""

from __future__ import annotations

from functools import cached_property

import casadi as ca
import numpy as np

from ..model.bounds import with_bounds
from ..model.problem import Constraint, Problem
from ..model.scaling import Scaling
from ..model.sets import Ball, Box, ConstraintSet, Intersection, L1Ball, LinfBall, Simplex, Spectral
from .scaled_sets import has_units

LARGEST = 1e21  # beyond it, and below its inverse, a number says nothing of a size
NEGLIGIBLE = 1e-6  # of the largest that is said of a size: what is below may be rounding
BESIDE = 0.5  # sizes from the start to a second point, for what vanishes at the start
MOST_VARIABLES = 300  # whose curvature is looked at, one product with the Hessian each
LARGEST_JACOBIAN = 200_000  # entries


def scaling_of(problem: Problem) -> Scaling:
    """The factors for a problem, at the start that is written in it."""
    return Sizes(problem).scaling


class Sizes:
    def __init__(self, problem: Problem):
        self.problem, self.read = problem, with_bounds(problem)
        self.variables = self.read.variables
        self.nx, self.n = problem.x.numel(), problem.x.numel() + problem.y.numel()
        self.at = [slice(o, o + v.size) for v in self.variables for o in (v.offset + (v.level == "lower") * self.nx,)]
        self.data = problem.matrices_with([ca.DM.zeros(*d.symbol.shape) for d in problem.used_duals])
        self.low, self.high, self.widths = self._limits()
        start = np.concatenate(problem.start())
        self.start = np.clip(np.where(np.isfinite(start), start, 0.0), self.low, self.high)

    # --- what the model says -----------------------------------------------------------

    def _limits(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds of every entry, and of every variable how wide its set is, NaN where that is not said."""
        low, high, widths = np.full(self.n, -np.inf), np.full(self.n, np.inf), []
        for v, at in zip(self.variables, self.at):
            own = {name: self._number(e) for name, e in _lengths(v.set).items()}
            center = own.get("center", 0.0)
            if "lower" in own and isinstance(v.set, Box):
                low[at], high[at] = own["lower"], own["upper"]
            elif isinstance(v.set, (Simplex, L1Ball)):
                low[at], high[at] = (0.0 if isinstance(v.set, Simplex) else -own["radius"]), own["radius"]
            elif "radius" in own:
                low[at], high[at] = center - own["radius"], center + own["radius"]
            width = high[at] - low[at]
            if isinstance(v.set, Spectral):
                width = np.maximum(np.abs(own["lower"]), np.abs(own["upper"]))
            width = np.ravel(width)[np.isfinite(np.ravel(width)) & (np.ravel(width) > 0)]
            widths.append(_mean(width))
        swapped = ~(low <= high)  # an empty set, or no number: methods say so
        return np.where(swapped, -np.inf, low), np.where(swapped, np.inf, high), np.array(widths)

    def _number(self, e: ca.MX) -> np.ndarray:
        return np.array(ca.Function("data", [*self.problem.p], [ca.densify(ca.vec(ca.MX(e)))]).call(self.data)[0]).ravel()

    @cached_property
    def _point(self) -> ca.MX:
        return ca.veccat(self.problem.x, self.problem.y)

    @cached_property
    def _slopes(self) -> ca.Function:
        """(x, y, p) -> gradients of f and g, and the rows of both levels with their Jacobian where that is not too large."""
        f, g = self.problem.f.expression, self.problem.g.expression
        outputs = [ca.densify(ca.gradient(e, self._point)) for e in (f, g)]
        for constraints in (self.problem.upper_constraints, self.problem.lower_constraints):
            rows = _column(constraints)
            large = rows.numel() * self.n > 100 * LARGEST_JACOBIAN
            slopes = ca.MX(rows.numel(), self.n) if large else ca.jacobian(rows, self._point)
            outputs += [rows, slopes if slopes.nnz() <= LARGEST_JACOBIAN else ca.MX(*slopes.shape)]
        return ca.Function("slopes", [self.problem.x, self.problem.y, *self.problem.p], outputs)

    @cached_property
    def _products(self) -> ca.Function:
        """(x, y, direction, p) -> Hessians of f and g in (x, y) times a direction."""
        v = ca.MX.sym("direction", self.n)
        outputs = [
            ca.densify(ca.jtimes(ca.gradient(e, self._point), self._point, v))
            for e in (self.problem.f.expression, self.problem.g.expression)
        ]
        return ca.Function("products", [self.problem.x, self.problem.y, v, *self.problem.p], outputs)

    def _curvatures(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of f and g: entry (i, j) is how much the slope in variable i changes by a unit of variable j."""
        k = len(self.variables)
        found = np.zeros((2, k, k))
        if k > MOST_VARIABLES:
            return found[0], found[1]
        signs = np.where(np.arange(self.n) * 0.6180339887498949 % 1 < 0.5, 1.0, -1.0)
        for j, at in enumerate(self.at):
            direction = np.zeros(self.n)
            direction[at] = signs[at]
            values = self._products.call([point[: self.nx], point[self.nx :], direction, *self.data])
            for which, value in enumerate(values):
                value = np.array(value).ravel()
                found[which, :, j] = [_root_mean_square(value[i]) for i in self.at]
        return found[0], found[1]

    # --- sizes of variables ------------------------------------------------------------

    @cached_property
    def sizes(self) -> np.ndarray:
        """Of every variable; NaN where nothing is known."""
        with np.errstate(all="ignore"):
            known = self._at(self.start, np.full(len(self.variables), np.nan))
            if np.isnan(known).any():  # where a slope vanishes at the start, it may not beside it
                known = self._at(self.beside(np.where(np.isnan(known), 0.0, known)), known)
        return known

    def _at(self, point: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Sizes as they show at a point, where they are not known."""
        f_slope, g_slope, c, c_slopes, h, h_slopes = self._slopes.call([point[: self.nx], point[self.nx :], *self.data])
        of_f, of_g = self._curvatures(point)
        steps = [np.full(len(self.variables), np.nan)] * 2
        for which, (slope, curvature) in enumerate(((f_slope, of_f), (g_slope, of_g))):
            slope = np.array([_root_mean_square(np.array(slope).ravel()[at]) for at in self.at])
            steps[which] = _positive(slope / np.diag(curvature))
        lower = np.array([v.level == "lower" for v in self.variables])
        own = [_positive(np.array([np.max(np.abs(self.start[at]), initial=0.0) for at in self.at]))]
        own += [np.full(lower.size, np.nan) if self.problem.used_duals else steps[0], np.where(lower, steps[1], np.nan)]
        found = np.where(np.isnan(known), _combined(np.array(own)), known)
        found = np.where(found < NEGLIGIBLE * self.widths, np.nan, found)  # a slope that is a rounding of 0
        reach = self._reach([(c, c_slopes), (h, h_slopes)])
        found = np.where(np.isnan(found), reach, found)
        found = np.fmin(found, self.widths)
        return self._balanced(found, of_g, steps[1])

    def _reach(self, rows: list[tuple[ca.DM, ca.DM]]) -> np.ndarray:
        """How far each variable alone is from the rows, the geometric mean; NaN where no row says."""
        found: list[list[float]] = [[] for _ in self.variables]
        for values, slopes in rows:
            values, (i, j) = np.abs(np.array(values).ravel()), (np.array(v, int) for v in slopes.sparsity().get_triplet())
            distances = values[i] / np.abs(np.array(slopes.nonzeros()))
            for k, at in enumerate(self.at):
                found[k] += list(distances[(j >= at.start) & (j < at.stop)])
        return np.array([_mean(_positive(np.array(own))) for own in found])

    def _balanced(self, known: np.ndarray, curvature: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Where nothing is known: the size that moves the slope of g as much as the others do, else a step of g."""
        for _ in range(3):
            if not np.isnan(known).any():
                break
            others = curvature * np.where(np.isnan(known), 0.0, known)
            np.fill_diagonal(others, 0.0)
            own = _positive(np.max(others, axis=1, initial=0.0) / np.diag(curvature))
            known = np.where(np.isnan(known), own, known)
        return np.where(np.isnan(known), steps, known)

    def beside(self, sizes: np.ndarray) -> np.ndarray:
        """A point a part of the sizes from the start, within the boxes: no further, for objectives may have poles."""
        away = np.zeros(self.n)
        for size, at in zip(sizes, self.at):
            k = np.arange(at.start, at.stop) + 1
            away[at] = BESIDE * size * np.where(k % 2, 1.0, -1.0) * (0.5 + 0.5 * (k * 0.6180339887498949 % 1))
        there = np.clip(self.start + away, self.low, self.high)
        return np.where(there == self.start, np.clip(self.start - away, self.low, self.high), there)

    # --- factors -----------------------------------------------------------------------

    @cached_property
    def scaling(self) -> Scaling:
        of_variables = _factors(self.sizes)
        of_variables = [f if has_units(v.set) and not v.whole else 1.0 for v, f in zip(self.variables, of_variables)]
        factors = np.ones(self.n)
        for at, factor in zip(self.at, of_variables):
            factors[at] = factor
        points = [self.beside(np.fmin(np.where(self.sizes > 0, self.sizes, 0.0), 1e100)), self.start]
        f, g, c, h = self._changes(points, factors)
        if self.problem.used_duals:  # f was measured with multipliers of 0
            self._set_duals(factors[self.nx :], _factor(g), _factors(h))
            f = self._changes(points, factors)[0]
        return Scaling(
            x=factors[: self.nx],
            y=factors[self.nx :],
            f=_factor(f),
            g=_factor(g),
            upper_rows=_factors(c),
            lower_rows=_factors(h),
        )

    def _changes(self, points: list[np.ndarray], factors: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray]:
        """Of f, g and the rows, when an entry moves by its factor: at the first of the points where there is any."""
        found = []
        with np.errstate(all="ignore"):
            for point in points:
                f, g, _, c, _, h = self._slopes.call([point[: self.nx], point[self.nx :], *self.data])
                f, g = (np.array(v).ravel() * factors for v in (f, g))
                found.append((largest(f), largest(g[self.nx :]), row_sizes(c, factors), row_sizes(h, factors)))
        return tuple(np.where(first > 0, first, second) for first, second in zip(*found))

    def _set_duals(self, of_y: np.ndarray, g: float, rows: np.ndarray) -> None:
        """Multipliers of their sizes in place of zeros."""
        for k, d in enumerate(self.problem.used_duals, len(self.problem.parameters)):
            sizes = of_y if d.bounds else rows
            value = np.zeros(d.size)
            np.maximum.at(value, d.places, g / sizes[np.asarray(d.rows, int)])
            self.data[k] = ca.reshape(ca.DM(value), *d.symbol.shape)


def _lengths(own: ConstraintSet) -> dict[str, ca.MX]:
    if isinstance(own, Intersection):
        return _lengths(own.first)
    if isinstance(own, (Box, Spectral)):
        return {"lower": own.lower, "upper": own.upper}
    if isinstance(own, (Ball, LinfBall)):
        return {"center": own.center, "radius": own.radius}
    if isinstance(own, (Simplex, L1Ball)):
        return {"radius": own.total if isinstance(own, Simplex) else own.radius}
    return {}


def _column(constraints: tuple[Constraint, ...]) -> ca.MX:
    return ca.densify(ca.vertcat(*[ca.vec(c.expression) for c in constraints])) if constraints else ca.MX(0, 1)


def _positive(values: np.ndarray) -> np.ndarray:
    """The values, NaN where they are not positive numbers."""
    return np.where((values > 0) & np.isfinite(values), values, np.nan)


def _combined(said: np.ndarray) -> np.ndarray:
    """The geometric mean of each column, without what is negligible beside the largest; NaN where there is nothing."""
    return np.array([_mean(own[own > NEGLIGIBLE * np.max(own[own > 0], initial=0.0)]) for own in said.T])


def _mean(values: np.ndarray) -> float:
    """Geometric; NaN of nothing."""
    values = values[np.isfinite(values)]
    return float(np.exp2(np.mean(np.log2(values)))) if values.size else np.nan


def _root_mean_square(v: np.ndarray) -> float:
    v = v[np.isfinite(v)]
    size = np.max(np.abs(v), initial=0.0)
    return float(size * np.sqrt(np.mean((v / size) ** 2))) if size > 0 else 0.0


def largest(v: np.ndarray) -> float:
    """The largest absolute value that is finite; 0 of nothing."""
    v = np.abs(v)
    return float(np.max(v[np.isfinite(v)], initial=0.0))


def row_sizes(slopes: ca.DM, factors: np.ndarray) -> np.ndarray:
    """For each row of a Jacobian the largest change when one variable moves by its factor."""
    rows, columns = (np.array(v, int) for v in slopes.sparsity().get_triplet())
    found = np.zeros(slopes.shape[0])
    values = np.abs(np.array(slopes.nonzeros())) * factors[columns] if len(rows) else np.zeros(0)
    np.maximum.at(found, rows, np.where(np.isfinite(values), values, 0.0))
    return found


def _factor(size: float) -> float:
    return float(_factors(np.array([size]))[0])


def _factors(sizes: np.ndarray) -> np.ndarray:
    """The sizes themselves; 1 for what has none."""
    good = (sizes > 1 / LARGEST) & (sizes < LARGEST)
    return np.where(good, sizes, 1.0)
