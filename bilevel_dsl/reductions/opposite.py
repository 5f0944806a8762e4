"""Two inequalities that say an equation, as one: `a <= b` and `b <= a` at the same level.

    h(x, y) <= 0,  -h(x, y) <= 0        becomes        h(x, y) = 0

No point keeps both with room to spare, so multipliers of the pair are unbounded and methods that follow an interior, or the
follower's conditions, stall; the multiplier of the equation is unique where rows are independent. Points are the same, so
there is nothing to be undone. Where the leader uses multipliers by name the pair stays as it is written.

That the sum of two rows vanishes for all x, y and data is seen from random ones: an expression that is not identically zero
is zero there with probability nought.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import casadi as ca
import numpy as np

from ..model.bounds import KEPT
from ..model.problem import Constraint, Problem

POINTS = 3
MOST = 2000  # constraints that are compared
ROUNDING = 1e-12  # of the size of a row


@lru_cache(maxsize=KEPT)
def merged(problem: Problem) -> Problem:
    """The problem with equations for pairs of opposite inequalities; itself where there are none."""
    if problem.used_duals:
        return problem
    upper, lower = (_merged(problem, rows) for rows in (problem.upper_constraints, problem.lower_constraints))
    if upper is problem.upper_constraints and lower is problem.lower_constraints:
        return problem
    return replace(problem, upper_constraints=upper, lower_constraints=lower, duals=())


def pairs(problem: Problem) -> list[tuple[Constraint, Constraint]]:
    """The pairs of opposite inequalities, of both levels."""
    if problem.used_duals:
        return []
    levels = (problem.upper_constraints, problem.lower_constraints)
    return [(rows[i], rows[j]) for rows in levels for i, j in _opposite(problem, rows)]


def _merged(problem: Problem, rows: tuple[Constraint, ...]) -> tuple[Constraint, ...]:
    found = _opposite(problem, rows)
    if not found:
        return rows
    kept, gone = {i for i, _ in found}, {j for _, j in found}
    return tuple(replace(c, kind="eq") if k in kept else c for k, c in enumerate(rows) if k not in gone)


def _opposite(problem: Problem, rows: tuple[Constraint, ...]) -> list[tuple[int, int]]:
    """Places of constraints that sum to zero, each in one pair."""
    places = [k for k, c in enumerate(rows) if c.kind == "le" and c.expression.numel()]
    if not 2 <= len(places) <= MOST:
        return []
    expressions = [ca.densify(ca.vec(rows[k].expression)) for k in places]
    function = ca.Function("rows", [problem.x, problem.y, *problem.p], expressions)
    values = [np.concatenate(columns) for columns in zip(*(_at(problem, function, k) for k in range(POINTS)))]
    found: list[tuple[int, int]] = []
    alike: dict[int, list[int]] = {}
    for k, column in enumerate(values):
        alike.setdefault(column.size, []).append(k)
    for group in alike.values():
        open_ = list(group)
        while len(open_) > 1:
            first = open_.pop(0)
            others = np.array([values[k] for k in open_])
            size = np.abs(others) + np.abs(values[first])
            with np.errstate(invalid="ignore"):
                fits = np.all((np.abs(others + values[first]) <= ROUNDING * size) & np.isfinite(size), axis=1)
            if fits.any():
                found.append((places[first], places[open_.pop(int(np.argmax(fits)))]))
    return found


def _at(problem: Problem, function: ca.Function, seed: int) -> list[np.ndarray]:
    """All rows at a point and with data beside their own; numbers are positive, where most functions have a value."""
    rng = np.random.default_rng(seed)
    x, y = (np.abs(v) + 0.5 + rng.random(v.size) for v in problem.start())
    data = [np.asarray(m, float) * (1 + 0.1 * rng.random(m.shape)) + 0.01 * rng.random(m.shape) for m in problem.matrices]
    return [np.array(v).ravel() for v in function.call([ca.DM(x), ca.DM(y), *map(ca.DM, data)])]
