"""The functions of a problem with its data bound: NumPy in, NumPy out."""

from __future__ import annotations

from functools import cached_property

import casadi as ca
import numpy as np

from ..functions.buffers import Call
from ..functions.oracles import Oracles, expanded
from ..functions.sets import nlp_description
from ..model.problem import Constraint, Variable

REPEATED = 10_000  # numbers of data that are repeated for every sample


class Place:
    """Functions of (x, y) by their names in `Oracles`, with the data of the problem.

    Args:
        multipliers: values by name for `dual(...)` in upper expressions; they stand in place of the data.
    """

    def __init__(self, oracles: Oracles, multipliers: dict[str, np.ndarray] | None = None):
        self.oracles, self.problem = oracles, oracles.problem
        self.nx, self.ny = oracles.nx, oracles.ny
        self._calls: dict[tuple[int, int], tuple[ca.Function, Call]] = {}
        given, problem = multipliers or {}, self.problem
        values = [*problem.data, *(given.get(d.name, d.value) for d in problem.used_duals)]
        self._data = [np.ascontiguousarray(np.asarray(v, float).ravel(order="F")) for v in values]

    @cached_property
    def columns(self) -> list[ca.DM]:
        """The data, for CasADi."""
        return [ca.reshape(ca.DM(v), *symbol.shape) for v, symbol in zip(self._data, self.problem.p)]

    def with_multipliers(self, values: dict[str, np.ndarray]) -> Place:
        """The same with other numbers for `dual(...)`."""
        return Place(self.oracles, values)

    def call(self, function: ca.Function, *arguments, after: int = 0) -> list[np.ndarray]:
        """Any Function of (..., *p, `after` further ones); NaN where it has no value: the inverse of a singular matrix."""
        key = function.__hash__(), 1
        if key not in self._calls:
            first = function.n_in() - len(self._data) - after
            self._calls[key] = function, Call(function, {first + k: v for k, v in enumerate(self._data)})
        return self._calls[key][1](*arguments)

    def __call__(self, name: str, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
        return self.call(self.oracles.function(name), x, y)

    def column(self, name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The first output as a flat column."""
        return self(name, x, y)[0].ravel(order="F")

    def value(self, name: str, x: np.ndarray, y: np.ndarray) -> float:
        """A scalar function; NaN and infinities are returned as they are."""
        return float(self(name, x, y)[0].item())

    def many(self, function: ca.Function, x: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """The first output at every column of Y (ny by N), side by side."""
        n = Y.shape[1]
        if n == 0:
            return np.zeros((function.numel_out(0), 0))
        if not function.is_a("SXFunction") or sum(v.size for v in self._data) > REPEATED:
            return np.hstack([self.call(function, x, column)[0] for column in Y.T])
        key = function.__hash__(), n
        if key not in self._calls:
            held = {2 + k: np.tile(v, n) for k, v in enumerate(self._data)}
            self._calls[key] = function, Call(function.map(n), held)
        return self._calls[key][1](np.tile(np.asarray(x, float), n), Y)[0]


class Region:
    """The sets and constraints of one level as bounds and rows: low <= rows(x, y) <= high, lower <= v <= upper.

    Rows that come from sets stand first; `first_constraint` is where those of constraints begin.
    """

    def __init__(self, oracles: Oracles, level: str):
        problem = oracles.problem
        self.level, self.problem = level, problem
        variables, constraints = {
            "upper": (problem.upper_variables, problem.upper_constraints),
            "lower": (problem.lower_variables, problem.lower_constraints),
        }[level]
        self.variables: tuple[Variable, ...] = variables
        symbol = problem.x if level == "upper" else problem.y
        self.size = symbol.numel()
        bounds, rows, limits, self.describable = _of_sets(variables, symbol)
        self.first_constraint = sum(r.numel() for r in rows)
        self.constraint_of: list[Constraint | None] = [None] * self.first_constraint
        self.row_of = [0] * self.first_constraint  # within its constraint
        for constraint in constraints:
            n = constraint.expression.numel()
            rows.append(ca.vec(constraint.expression))
            limits.append((column(0.0 if constraint.kind == "eq" else -np.inf, n), column(0.0, n)))
            self.row_of += list(range(n))
            self.constraint_of += [constraint] * n
        self.rows = ca.vertcat(*rows) if rows else ca.MX(0, 1)
        self.count = self.rows.numel()
        inputs = [problem.x, problem.y, *problem.p]
        low, high = (_stack([pair[k] for pair in limits]) for k in (0, 1))
        lower, upper = (_stack([pair[k] for pair in bounds]) for k in (0, 1))
        self._limits = ca.Function("limits", [problem.x, *problem.p], [lower, upper, low, high])
        self._values = expanded(ca.Function("rows", inputs, [ca.densify(self.rows)]))

    @cached_property
    def _jacobians(self) -> ca.Function:
        problem = self.problem
        both = [ca.densify(ca.jacobian(self.rows, v)) for v in (problem.x, problem.y)]
        return expanded(ca.Function("jacobians", [problem.x, problem.y, *problem.p], both))

    @cached_property
    def second(self) -> ca.Function:
        """(x, y, weights of rows, direction): second derivatives of g + weights' rows by y times the direction, by y and x.

        Of the follower's region.
        """
        problem = self.problem
        weights, direction = ca.MX.sym("lam", self.count), ca.MX.sym("d", problem.y.numel())
        lagrangian = problem.g.expression
        if self.count:
            lagrangian = lagrangian + ca.dot(weights, self.rows)
        gradient = ca.gradient(lagrangian, problem.y)
        outputs = [
            ca.densify(ca.jtimes(gradient, problem.y, direction)),
            ca.densify(ca.gradient(ca.dot(gradient, direction), problem.x)),
        ]
        return expanded(ca.Function("second", [problem.x, problem.y, weights, direction, *problem.p], outputs))

    @cached_property
    def curved(self) -> bool:
        """Whether a row is not affine in y."""
        return bool(self.count and self.problem.y.numel()) and bool(ca.which_depends(self.rows, self.problem.y, 2, False)[0])

    def limits(self, place: Place, x: np.ndarray) -> tuple[np.ndarray, ...]:
        """lower, upper of the variables; low, high of the rows: four columns.

        Variables that take whole numbers only are held at those next to x.
        """
        if not self.describable:
            free = np.full(self.size, np.inf)
            return -free, free, np.zeros(0), np.zeros(0)
        lower, upper, low, high = (v.ravel() for v in place.call(self._limits, x))
        if self.level == "upper" and self.problem.whole.any():
            first, last = _whole(lower), -_whole(-upper)
            nearest = np.clip(np.round(x), first, last)
            lower, upper = np.where(self.problem.whole, nearest, lower), np.where(self.problem.whole, nearest, upper)
        return lower, upper, low, high

    def whole_limits(self, place: Place, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest whole number between the bounds of every variable."""
        lower, upper = (v.ravel() for v in place.call(self._limits, x)[:2])
        return _whole(lower), -_whole(-upper)

    def entry(self, row: int) -> str:
        """A row of a constraint in the model's words."""
        return self.constraint_of[row].entry(self.row_of[row])

    def values(self, place: Place, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return place.call(self._values, x, y)[0].ravel() if self.count else np.zeros(0)

    def many(self, place: Place, x: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """Rows by columns of Y."""
        return place.many(self._values, x, Y) if self.count else np.zeros((0, Y.shape[1]))

    def jacobians(self, place: Place, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the rows by x and by y."""
        if not self.count:
            return np.zeros((0, x.size)), np.zeros((0, y.size))
        return tuple(place.call(self._jacobians, x, y))


def _whole(lower: np.ndarray) -> np.ndarray:
    """The first whole numbers above, those of a rounding below among them."""
    return np.ceil(lower - 1e-9)


def _of_sets(variables: tuple[Variable, ...], symbol: ca.MX):
    """Bounds by variable, rows and their limits; and whether every set has a smooth description."""
    bounds, rows, limits = [], [], []
    for variable in variables:
        description = nlp_description(variable.set, symbol[variable.slice])
        if description is None:
            return [], [], [], False
        lower, upper, extra = description
        bounds.append((column(lower, variable.size), column(upper, variable.size)))
        for expression, low, high in extra:
            rows.append(ca.vec(expression))
            limits.append((column(low, expression.numel()), column(high, expression.numel())))
    return bounds, rows, limits, True


def _stack(parts: list[ca.MX]) -> ca.MX:
    return ca.densify(ca.vertcat(*parts)) if parts else ca.MX(0, 1)


def column(value, n: int) -> ca.MX:
    """n entries: those of `value`, or the one that it has."""
    value = ca.densify(ca.MX(value))
    return ca.vec(value) if value.numel() == n else ca.repmat(value, n, 1)
