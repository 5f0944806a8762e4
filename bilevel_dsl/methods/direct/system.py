"""The two levels as one sparse program with complementarity constraints, in scaled numbers.

    w = (x, y, s, mu, z_low, z_high, nu)
    min  f(x, y)
    s.t. grad_y g + (grad_y h)' mu + (grad_y e)' nu - z_low + z_high = 0
         h(x, y) + s = 0,   e(x, y) = 0,   c(x, y) <= 0 or = 0
         0 <= a  _|_  b >= 0     for the pairs (a, b) = (s, mu), (y - l, z_low), (u - y, z_high)

h, e and c hold the rows of the constraint sets too. The bounds of y are pairs on y itself, not rows. A variable whose bounds
are equal has one free multiplier and no pair. Data are numbers here, so that zeros among them make the program sparser.
Variables, rows and objectives are divided by their sizes, powers of two; also in a problem that is scaled already, by sizes
at the start of the model: these are at the follower's answer. Without them mpcc ends elsewhere in 2 of 133 library problems,
once better and once worse, in as many iterations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import casadi as ca
import numpy as np

from ...functions.oracles import Oracles
from ...functions.sets import all_inhabited
from ...model.problem import Dual
from ...reductions.sizes import largest, row_sizes
from ..parts.conditions import described

SCALAR_LIMIT = 3_000_000  # operations up to which a graph is expanded to scalars: their derivatives are sparse and fast
MODERATE = 100.0  # sizes between its inverse and this are left alone


@dataclass(frozen=True, eq=False)
class Scales:
    x: np.ndarray
    y: np.ndarray
    f: float  # factors, of the objectives and the rows of the lower level
    g: float
    h: np.ndarray
    e: np.ndarray


class Levels:
    """Objectives, rows and bounds of both levels, the data put in."""

    def __init__(self, oracles: Oracles):
        self.problem = problem = oracles.problem
        self.nx, self.ny = oracles.nx, oracles.ny
        self.columns = problem.matrices
        x_limits, upper = described(problem, "upper")
        y_limits, lower = described(problem, "lower")
        limits = ca.Function("limits", list(problem.p), [ca.densify(v) for v in (*x_limits, *y_limits)]).call(self.columns)
        self.x_low, self.x_high, self.y_low, self.y_high = (np.array(v).ravel() for v in limits)
        parts = {
            "h": [e for e, equal in lower if not equal],
            "e": [e for e, equal in lower if equal],
            "c": [e for e, _ in upper],
        }
        outputs = [problem.f.expression, problem.g.expression, *(ca.densify(_column(v)) for v in parts.values())]
        base = ca.Function("levels", [problem.x, problem.y, *problem.p], outputs)
        self.base, self.kind = _scalar(base)
        self.n_h, self.n_e, self.n_c = (base.numel_out(k) for k in (2, 3, 4))
        self.c_equal = np.array([equal for e, equal in upper for _ in range(e.numel())], bool)

    @property
    def possible(self) -> bool:
        """Whether every set has a point and the bounds leave a finite value; False too where one is no number."""
        sets = all_inhabited(self.problem)
        if sets is not None and not float(ca.Function("sets", list(self.problem.p), [sets]).call(self.columns)[0]):
            return False
        pairs = ((self.x_low, self.x_high), (self.y_low, self.y_high))
        return all(np.all(low <= high) and np.all(low < np.inf) and np.all(high > -np.inf) for low, high in pairs)

    def clipped(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.clip(x, self.x_low, self.x_high), np.clip(y, self.y_low, self.y_high)

    def expressions(self, x, y, p=None) -> list:
        """f, g, h, e, c of symbols or numbers x and y; p: other data, where multipliers stand among them."""
        return self.base.call([x, y, *(self.columns if p is None else p)], True, False)

    @cached_property
    def numbers(self) -> ca.Function:
        """(x, y) -> f, g, h, e, c; with NaN for multipliers of the follower."""
        x, y = self.kind.sym("x", self.nx), self.kind.sym("y", self.ny)
        return ca.Function("numbers", [x, y], self.expressions(x, y))

    @cached_property
    def slopes(self) -> ca.Function:
        """(x, y) -> gradients of f in (x, y), of g in y, Jacobians of h and e in y."""
        x, y = self.kind.sym("x", self.nx), self.kind.sym("y", self.ny)
        # f is measured as if multipliers were zero
        duals = self.problem.matrices_with([ca.DM.zeros(*d.symbol.shape) for d in self.problem.used_duals])
        f, g, h, e, _ = self.expressions(x, y, duals)
        outputs = [ca.densify(ca.gradient(f, ca.veccat(x, y))), ca.densify(ca.gradient(g, y))]
        return ca.Function("slopes", [x, y], [*outputs, ca.jacobian(h, y), ca.jacobian(e, y)])


class System:
    """The program with complementarity constraints, at the scales of a point."""

    def __init__(self, levels: Levels, scales: Scales):
        self.levels, self.scales = levels, scales
        low, high = levels.y_low, levels.y_high
        self.at_low, self.at_high = np.flatnonzero(np.isfinite(low)), np.flatnonzero(np.isfinite(high))
        self.sizes = [
            levels.nx, levels.ny, levels.n_h, levels.n_h, len(self.at_low), len(self.at_high), levels.n_e,
        ]  # fmt: skip
        self.ends = np.cumsum([0, *self.sizes])
        self.size = int(self.ends[-1])
        self.n_pairs = levels.n_h + len(self.at_low) + len(self.at_high)
        fixed = low == high
        self.paired = ~np.concatenate([np.zeros(levels.n_h, bool), fixed[self.at_low], fixed[self.at_high]])
        self._make()

    # --- expressions --------------------------------------------------------------------------------

    def _make(self) -> None:
        levels, scales = self.levels, self.scales
        self.w = w = levels.kind.sym("w", self.size)
        x, y, s, mu, z_low, z_high, nu = ca.vertsplit(w, self.ends.tolist())
        at = (ca.DM(scales.x) * x, ca.DM(scales.y) * y)
        slope, g, h, e = self._conditions().call([x, y, mu, nu], True, False)
        slope += ca.mtimes(self._places(self.at_high), z_high) - ca.mtimes(self._places(self.at_low), z_low)
        f, _, _, _, c = levels.expressions(*at, self._data(w))
        self.f = scales.f * f
        self.rows = ca.densify(ca.vertcat(slope, h + s, e, c))
        self.n_rows = self.rows.numel()
        a, b = self.pairs(w)
        self.products = a * b
        self._values = ca.Function("values", [w], [f, g, self.f, self.rows])

    def _conditions(self) -> ca.Function:
        """(x, y, mu, nu), scaled -> slope of the Lagrangian in y, g, h, e; of its own symbols, for derivatives are taken."""
        levels, scales = self.levels, self.scales
        sizes = {"x": levels.nx, "y": levels.ny, "mu": levels.n_h, "nu": levels.n_e}
        x, y, mu, nu = symbols = [levels.kind.sym(name, n) for name, n in sizes.items()]
        _, g, h, e, _ = levels.expressions(ca.DM(scales.x) * x, ca.DM(scales.y) * y)
        h, e = ca.DM(scales.h) * h, ca.DM(scales.e) * e
        slope = ca.gradient(scales.g * g + ca.dot(mu, h) + ca.dot(nu, e), y)
        return ca.Function("conditions", symbols, [ca.densify(slope), g, h, e])

    def pairs(self, w):
        """(a, b) of all pairs, of a symbol or of numbers."""
        levels, lengths = self.levels, self.scales.y
        numbers = isinstance(w, np.ndarray)
        _, y, s, mu, z_low, z_high, _ = np.split(w, self.ends[1:-1]) if numbers else ca.vertsplit(w, self.ends.tolist())
        below, above = levels.y_low[self.at_low] / lengths[self.at_low], levels.y_high[self.at_high] / lengths[self.at_high]
        if numbers:
            a = np.concatenate([s, y[self.at_low] - below, above - y[self.at_high]])
            return a, np.concatenate([mu, z_low, z_high])
        taken_low, taken_high = (ca.mtimes(self._places(k).T, y) for k in (self.at_low, self.at_high))
        return ca.vertcat(s, taken_low - below, above - taken_high), ca.vertcat(mu, z_low, z_high)

    def _places(self, entries: np.ndarray) -> ca.DM:
        """ny by len(entries): puts values at these entries."""
        return _selection(entries, np.arange(len(entries)), np.ones(len(entries)), self.levels.ny, len(entries))

    # --- bounds --------------------------------------------------------------------------------------

    def limits(self, held: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of w. held: for each pair 0 open, -1 its multiplier is zero, 1 its slack is zero."""
        levels, scales = self.levels, self.scales
        y_low, y_high = levels.y_low / scales.y, levels.y_high / scales.y
        n_h, n_low = levels.n_h, len(self.at_low)
        s_high = np.full(n_h, np.inf)
        b_low, b_high = np.zeros(self.n_pairs), np.full(self.n_pairs, np.inf)
        of_fixed = ~self.paired
        b_low[: n_h + n_low][of_fixed[: n_h + n_low]] = -np.inf
        b_high[n_h + n_low :][of_fixed[n_h + n_low :]] = 0.0
        if held is not None:
            held = np.where(self.paired, held, 0)
            b_high[held < 0] = 0.0
            s_high[held[:n_h] > 0] = 0.0
            at_low, at_high = self.at_low[held[n_h : n_h + n_low] > 0], self.at_high[held[n_h + n_low :] > 0]
            y_new_high, y_new_low = y_high.copy(), y_low.copy()
            y_new_high[at_low], y_new_low[at_high] = y_low[at_low], y_high[at_high]
            y_low, y_high = y_new_low, y_new_high
        free = np.full(levels.n_e, np.inf)
        low = np.concatenate([levels.x_low / scales.x, y_low, np.zeros(n_h), b_low, -free])
        high = np.concatenate([levels.x_high / scales.x, y_high, s_high, b_high, free])
        return low, high

    def row_limits(self) -> tuple[np.ndarray, np.ndarray]:
        n = self.n_rows - self.levels.n_c
        return (
            np.concatenate([np.zeros(n), np.where(self.levels.c_equal, 0.0, -np.inf)]),
            np.zeros(self.n_rows),
        )

    def values(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """f, scaled, and the rows."""
        _, _, f, rows = self._values(w)
        return float(f), np.array(rows).ravel()

    def violation(self, rows: np.ndarray) -> float:
        """The largest violation of a row; inf where one is no number."""
        c = rows[self.n_rows - self.levels.n_c :]
        if not np.all(np.isfinite(rows)):
            return np.inf
        worst = np.max(np.abs(rows[: self.n_rows - self.levels.n_c]), initial=0.0)
        return float(max(worst, np.max(np.where(self.levels.c_equal, np.abs(c), c), initial=0.0)))

    def measures(self, w: np.ndarray) -> dict[str, float]:
        """Objectives to be minimised, unscaled; the rest in scaled numbers."""
        w = np.array(w).ravel()
        f, g, _, rows = self._values(w)
        rows, ny = np.array(rows).ravel(), self.levels.ny
        a, b = self.pairs(w)
        return {
            "upper": float(f),
            "lower": float(g),
            "stationarity": float(np.max(np.abs(rows[:ny]), initial=0.0)),
            "violation": self.violation(np.concatenate([np.zeros(ny), rows[ny:]])),
            "complementarity": float(np.max(np.abs(np.where(self.paired, a * b, 0.0)), initial=0.0)),
        }

    # --- points --------------------------------------------------------------------------------------

    def point(self, x, y, h, mu, z, nu) -> np.ndarray:
        """w of unscaled numbers; z: multipliers of the bounds of y, > 0 above; h the values of the rows."""
        scales = self.scales
        slack = np.maximum(-scales.h * h, 0.0)
        factor = scales.g
        z = z * factor * scales.y
        fixed = self.levels.y_low == self.levels.y_high
        z_low = np.where(fixed, -z, np.maximum(-z, 0.0))[self.at_low]
        z_high = np.where(fixed, 0.0, np.maximum(z, 0.0))[self.at_high]
        mu, nu = factor * mu / scales.h, factor * nu / scales.e
        return np.concatenate([x / scales.x, y / scales.y, slack, np.maximum(mu, 0.0), z_low, z_high, nu])

    def split(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x and y, unscaled."""
        levels = self.levels
        x, y = w[: levels.nx] * self.scales.x, w[levels.nx : levels.nx + levels.ny] * self.scales.y
        return levels.clipped(x, y)

    # --- multipliers that the leader uses --------------------------------------------------------------

    def _data(self, w):
        """The data, with multipliers of w in the place of those that stand for `dual(...)`."""
        problem = self.levels.problem
        if not problem.used_duals:
            return None
        return problem.matrices_with([self._dual(d, w, d.symbol.shape) for d in problem.used_duals])

    def _dual(self, d: Dual, w, shape):
        _, _, _, mu, z_low, z_high, nu = ca.vertsplit(w, self.ends.tolist())
        scales, g = self.scales, self.scales.g
        if d.bounds:
            entries, z = (self.at_low, z_low) if d.bounds == "lower" else (self.at_high, z_high)
            place_of = dict(zip(entries.tolist(), range(len(entries))))
            kept = [(i, place_of[r], sign) for i, r, sign in zip(d.places, d.rows, d.signs) if r in place_of]
            factors = 1 / (g * scales.y[entries])
        else:
            z, order = ca.vertcat(mu, nu), self._order
            kept = [(i, order[r], sign) for i, r, sign in zip(d.places, d.rows, d.signs)]
            factors = np.concatenate([scales.h, scales.e]) / g
        places, columns, signs = (np.array(v) for v in zip(*kept)) if kept else (np.zeros(0, int),) * 3
        return ca.reshape(ca.mtimes(_selection(places, columns, signs, d.size, z.numel()), ca.DM(factors) * z), shape)

    @cached_property
    def _order(self) -> np.ndarray:
        """The place among (mu, nu) of each row of the constraints of the lower level as they are written."""
        kinds = np.array(
            [c.kind == "eq" for c in self.levels.problem.lower_constraints for _ in range(c.expression.numel())], bool
        )
        first_h, first_e = self.levels.n_h - np.sum(~kinds), self.levels.n_e - np.sum(kinds)  # rows of sets come before
        return np.where(kinds, self.levels.n_h + first_e + np.cumsum(kinds) - 1, first_h + np.cumsum(~kinds) - 1)

    def multipliers(self, w: np.ndarray) -> dict[str, np.ndarray]:
        """By label, for each `dual(label)` that upper expressions use."""
        used = self.levels.problem.used_duals
        if not used:
            return {}
        values = ca.Function("duals", [self.w], [ca.vec(ca.densify(self._dual(d, self.w, d.symbol.shape))) for d in used])
        return {d.name: np.reshape(np.array(v), d.shape, order="F") for d, v in zip(used, values.call([w]))}


def scales_at(levels: Levels, points: list[tuple[np.ndarray, np.ndarray]]) -> Scales:
    """Sizes at the last point, slopes from all of them."""
    x, y = points[-1]
    problem = levels.problem
    lengths = {"upper": np.ones(levels.nx), "lower": np.ones(levels.ny)}
    for level, v, low, high in (("upper", x, levels.x_low, levels.x_high), ("lower", y, levels.y_low, levels.y_high)):
        for variable in problem.upper_variables if level == "upper" else problem.lower_variables:
            own = variable.slice
            if own.stop > own.start and not variable.whole:  # 1, 2, 3 stay what they are
                lengths[level][own] = _length(v[own], low[own], high[own])
    f_size = g_size = 0.0
    h, e = np.zeros(levels.n_h), np.zeros(levels.n_e)
    for point in points:
        f_slope, g_slope, h_slope, e_slope = levels.slopes(*point)
        both = np.concatenate([lengths["upper"], lengths["lower"]])
        f_size = max(f_size, largest(np.array(f_slope).ravel() * both))
        g_size = max(g_size, largest(np.array(g_slope).ravel() * lengths["lower"]))
        h, e = np.maximum(h, row_sizes(h_slope, lengths["lower"])), np.maximum(e, row_sizes(e_slope, lengths["lower"]))
    return Scales(lengths["upper"], lengths["lower"], _factor(f_size), _factor(g_size), _factors(h), _factors(e))


def _length(v: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """The size of a variable: of its largest entry where that is large, of its box where that is small, else 1.

    A small value says nothing: it may be a zero that a solver left.
    """
    size, width = largest(v), high - low
    width = float(np.max(width[np.isfinite(width)], initial=0.0))
    if size > MODERATE:
        return float(_power(np.array(size)))
    return float(_power(np.array(width))) if 0 < width < 1 / MODERATE else 1.0


def _factors(sizes: np.ndarray) -> np.ndarray:
    return np.where((sizes > 1e-6) & (sizes < 1e10), 1 / _power(np.where(sizes > 0, sizes, 1.0)), 1.0)


def _factor(size: float) -> float:
    return float(_factors(np.array([size]))[0])


def _power(sizes: np.ndarray) -> np.ndarray:
    return np.exp2(np.round(np.log2(sizes)))


def _column(parts: list[ca.MX]) -> ca.MX:
    return ca.vertcat(*parts) if parts else ca.MX(0, 1)


def _scalar(function: ca.Function) -> tuple[ca.Function, type]:
    """The function on scalars and ca.SX, where that is possible and not large; else itself and ca.MX."""
    if function.n_instructions() + function.sz_w() <= SCALAR_LIMIT:
        try:
            scalar = function.expand(function.name(), {"allow_duplicate_io_names": True})
        except RuntimeError:  # a node without a scalar form
            return function, ca.MX
        if scalar.n_instructions() <= SCALAR_LIMIT:
            return scalar, ca.SX
    return function, ca.MX


def _selection(rows, columns, values, n: int, m: int) -> ca.DM:
    """A sparse n by m matrix of triplets; those at one place add up."""
    every = np.asarray(rows, int) + n * np.asarray(columns, int)
    keys = np.array(sorted(set(every.tolist())), int)  # np.unique imports numpy.ma, a twentieth of a small solve
    places = np.searchsorted(keys, every)
    sums = np.zeros(len(keys))
    np.add.at(sums, places, values)
    return ca.DM(
        ca.Sparsity.triplet(n, m, (keys % n if n else keys).tolist(), (keys // n if n else keys).tolist()), sums.tolist()
    )
