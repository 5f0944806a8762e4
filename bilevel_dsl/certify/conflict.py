"""Constraints that no point keeps together: a smallest set of linear rows and bounds, where linear ones are enough.

    min  sum s    over (x, y, s >= 0),    every linear row and bound of both levels relaxed by its own s

All answers need the constraints of both levels, whatever the follower chooses. Where the minimum is above zero, the
multipliers of this program say which of them are to blame; each is then left out in turn, for good where the others cannot
be kept without it either. What is left is a conflict: without any one of its members the others can be kept (an irreducible
infeasible subsystem). Curved rows are left aside.

Chinneck, Dravnieks, ORSA J. Comput. 3 (1991): elastic programs and the deletion filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import casadi as ca
import numpy as np

from ..functions.sets import nlp_description
from ..model.problem import Problem
from .effort import Budget
from .place import column

KEPT = 1e-7  # sum of relaxations, each relative to its row, that is none
BLAMED = 1e-9  # multipliers above it
MOST = 100  # rows and bounds that are left out in turn
SHOWN = 6
BOUND = "bound "  # before the name of an entry
HIGHS = {"error_on_fail": False, "highs": {"output_flag": False, "threads": 1}}


@dataclass(frozen=True)
class Conflict:
    """names: of the members, in the model's words; kept: all constraints are linear, and some point keeps them."""

    names: tuple[str, ...] = ()
    kept: bool = False

    @property
    def sentence(self) -> str:
        """For the user; empty where nothing is known."""
        if self.kept:
            return "some point keeps the constraints of both levels: this decision does not, or the follower's answer to it"
        if not self.names:
            return ""
        shown, more = ", ".join(self.names[:SHOWN]), len(self.names) - SHOWN
        shown += f" and {more} more" * (more > 0)
        if len(self.names) == 1:
            return f"no point keeps {shown}"
        return f"no point of both levels keeps all of these, and without any one of them the others can be kept: {shown}"


_known: WeakKeyDictionary[Problem, Conflict] = WeakKeyDictionary()  # a search asks, and then its certificate


def conflict(problem: Problem, limits: Budget) -> Conflict:
    """A smallest conflict among linear rows and bounds, if there is one and it is found within the limits."""
    if problem not in _known:
        found = _searched(problem, limits)
        if found is None:
            return Conflict()
        _known[problem] = found
    return _known[problem]


def _searched(problem: Problem, limits: Budget) -> Conflict | None:
    """None where the limits ended it."""
    system = _System(problem)
    try:
        blamed = system.blamed(np.arange(system.count), limits)
        if blamed is None:
            return Conflict(kept=system.whole)
        if len(blamed) > MOST:
            return Conflict()
        for k in list(blamed):
            rest = blamed[blamed != k]
            if len(rest) < len(blamed) and system.blamed(rest, limits) is not None:
                blamed = rest
    except _Unknown:
        return None if limits.over else Conflict()
    return Conflict(tuple(dict.fromkeys(system.words(int(k)) for k in blamed)))


class _Unknown(Exception):
    """The solver has no answer, or no time for one."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows low <= A w + constant <= high, and how each is called."""

    matrix: ca.DM
    low: np.ndarray
    high: np.ndarray
    names: list[str]


class _System:
    """All linear rows and bounds of both levels as rows over w = (x, y), each side a member of its own."""

    def __init__(self, problem: Problem):
        self.problem, self.whole = problem, not problem.whole.any()  # until a row is left aside
        self.point = ca.veccat(problem.x, problem.y)
        parts = [self._constraints(), *(self._of_set(v) for v in problem.variables)]
        rows = _Rows(
            ca.vertcat(*[p.matrix for p in parts]),
            np.concatenate([p.low for p in parts]),
            np.concatenate([p.high for p in parts]),
            [name for p in parts for name in p.names],
        )
        size = np.sqrt(np.array(ca.sum2(rows.matrix * rows.matrix)).ravel())
        kept = (size > 0) & np.isfinite(size)
        size = np.where(kept, size, 1.0)
        sides = [(k, -1.0, -rows.low[k] / size[k]) for k in np.flatnonzero(kept & np.isfinite(rows.low))]
        sides += [(k, 1.0, rows.high[k] / size[k]) for k in np.flatnonzero(kept & np.isfinite(rows.high))]
        self.rows, self.size = rows, size
        self.sides = sorted(sides, key=lambda side: side[0])
        self.count = len(self.sides)

    def words(self, k: int) -> str:
        """A row by its name, a bound by what it says."""
        row, sign, limit = self.sides[k]
        name = self.rows.names[row]
        if not name.startswith(BOUND):
            return name
        return f"`{name.removeprefix(BOUND)} {'<=' if sign > 0 else '>='} {sign * limit * self.size[row]:g}`"

    @cached_property
    def _matrix(self) -> ca.DM:
        at = [int(k) for k, _, _ in self.sides]
        factors = np.array([sign / self.size[k] for k, sign, _ in self.sides])
        return ca.diag(ca.DM(factors)) @ self.rows.matrix[at, :]

    def blamed(self, members: np.ndarray, limits: Budget) -> np.ndarray | None:
        """Those of `members` with multipliers where not all of them can be kept together; None where they can.

        Raises:
            _Unknown
        """
        if not len(members):
            return None
        if limits.over:
            raise _Unknown
        options = {**HIGHS, "highs": {**HIGHS["highs"], **({"time_limit": limits.left} if limits.left < np.inf else {})}}
        matrix, m, n = self._matrix[members.tolist(), :], len(members), self.point.numel()
        elastic = ca.horzcat(matrix, -ca.DM.eye(m))
        solver = ca.conic("elastic", "highs", {"h": ca.Sparsity(n + m, n + m), "a": elastic.sparsity()}, options)
        found = solver(
            g=ca.vertcat(ca.DM.zeros(n), ca.DM.ones(m)),
            a=elastic,
            uba=ca.DM([self.sides[k][2] for k in members]),
            lba=-ca.inf,
            lbx=ca.vertcat(-ca.inf * ca.DM.ones(n), ca.DM.zeros(m)),
        )
        if not solver.stats()["success"]:
            raise _Unknown
        if not float(found["cost"]) > KEPT:
            return None
        weights = np.abs(np.array(found["lam_a"]).ravel())
        return members[weights > BLAMED * weights.max()]

    # --- rows ---------------------------------------------------------------------------------------------------

    def _constraints(self) -> _Rows:
        problem = self.problem
        constraints = (*problem.upper_constraints, *problem.lower_constraints)
        names = [f"`{c.entry(k)}`" for c in constraints for k in range(c.expression.numel())]
        low = [0.0 if c.kind == "eq" else -np.inf for c in constraints for _ in range(c.expression.numel())]
        return self._linear(ca.vertcat(*[ca.vec(c.expression) for c in constraints]), low, [0.0] * len(low), names)

    def _of_set(self, v) -> _Rows:
        symbol = (self.problem.x if v.level == "upper" else self.problem.y)[v.slice]
        description = nlp_description(v.set, symbol)
        if description is None:
            self.whole = False
            return self._linear(ca.MX(0, 1), [], [], [])
        lower, upper, extra = description
        expressions = [symbol, *(ca.vec(e) for e, _, _ in extra)]
        names = [BOUND + v.entry(v.offset + k) for k in range(v.size)]
        names += [f"the set of `{v.name}`" for e in expressions[1:] for _ in range(e.numel())]
        lows = [lower, *(column(low, e.numel()) for e, low, _ in extra)]
        highs = [upper, *(column(high, e.numel()) for e, _, high in extra)]
        limits = ca.Function("limits", [self.problem.x, *self.problem.p], [ca.vertcat(*lows), ca.vertcat(*highs)])
        low, high = (np.array(side).ravel() for side in limits.call([ca.DM.zeros(self.problem.x.shape), *self._data]))
        return self._linear(ca.vertcat(*expressions), low, high, names)

    @property
    def _data(self) -> list[ca.DM]:
        return [ca.DM(m) for m in self.problem.matrices]

    def _linear(self, expression: ca.MX, low, high, names: list[str]) -> _Rows:
        """The rows of `expression` that are affine."""
        expression = ca.densify(expression)
        curved = ca.which_depends(expression, self.point, 2, True) if expression.numel() else []
        kept = [k for k, bent in enumerate(curved) if not bent]
        self.whole = self.whole and len(kept) == len(curved)
        rows = expression[kept] if kept else ca.MX(0, 1)
        function = ca.Function(
            "rows", [self.problem.x, self.problem.y, *self.problem.p], [ca.jacobian(rows, self.point), rows]
        )
        zero = [ca.DM.zeros(v.shape) for v in (self.problem.x, self.problem.y)]
        matrix, constant = function.call([*zero, *self._data])
        constant = np.array(constant).ravel()
        return _Rows(
            ca.sparsify(matrix),
            np.array(low, float)[kept] - constant,
            np.array(high, float)[kept] - constant,
            [names[k] for k in kept],
        )
