"""The problem with the leader's whole numbers at given values: a continuous one, over the rest of the decision.

Without a rest it is a simple bilevel problem, whose leader chooses among the follower's answers. Rows of the leader that
are about its whole numbers alone are decided here.
"""

from __future__ import annotations

from dataclasses import replace

import casadi as ca
import numpy as np

from ..model.bounds import with_bounds
from ..model.problem import Constraint, Objective, Problem, Variable

ROUNDING = 1e-9  # of a bound, or of a row that is met


def ranges(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest value of each whole number, with the data of the problem."""
    boxes = [v.set for v in with_bounds(problem).upper_variables if v.whole]
    columns = [ca.vertcat(*[ca.densify(side) for side in sides]) for sides in zip(*((b.lower, b.upper) for b in boxes))]
    if not columns:
        return np.zeros(0), np.zeros(0)
    low, high = (np.array(v).ravel() for v in ca.Function("ranges", list(problem.p), columns).call(problem.matrices))
    return np.ceil(low - ROUNDING) + 0.0, np.floor(high + ROUNDING) + 0.0  # no -0


def held(problem: Problem, values: np.ndarray) -> Problem | None:
    """The problem with its whole numbers at `values`; None where a row of the leader's whole numbers alone breaks."""
    rest = ca.MX.sym("x", int(np.sum(~problem.whole)))
    parts, numbers = iter(ca.vertsplit(rest) if rest.numel() else []), iter(values)
    full = ca.vertcat(*[ca.MX(float(next(numbers))) if whole else next(parts) for whole in problem.whole])
    levels = (problem.upper_constraints, problem.lower_constraints)
    written = [problem.f.expression, problem.g.expression, *(c.expression for level in levels for c in level)]
    f, g, *rows = ca.substitute(written, [problem.x], [full])
    upper = _of_the_rest(problem, rest, rows[: len(problem.upper_constraints)])
    if upper is None:
        return None
    lower = [replace(c, expression=e) for c, e in zip(problem.lower_constraints, rows[len(problem.upper_constraints) :])]
    return replace(
        problem,
        x=rest,
        upper_variables=_variables(problem, rest),
        f=_objective(problem.f, f),
        g=_objective(problem.g, g),
        upper_constraints=upper,
        lower_constraints=tuple(lower),
        report=(),
        scaling=None,
    )


def _objective(own: Objective, expression: ca.MX) -> Objective:
    return replace(own, expression=expression, sampling=None)


def _variables(problem: Problem, rest: ca.MX) -> tuple[Variable, ...]:
    found, first = [], 0
    for v in problem.upper_variables:
        if not v.whole:
            block = ca.reshape(rest[first : first + v.size], *v.expression.shape)
            found.append(replace(v, expression=block, offset=first))
            first += v.size
    return tuple(found)


def _of_the_rest(problem: Problem, rest: ca.MX, rows: list[ca.MX]) -> tuple[Constraint, ...] | None:
    """Rows of the leader that something is left in; None where one of the others is broken."""
    duals = [d.symbol for d in problem.used_duals]
    free = ca.veccat(rest, problem.y, *duals)
    kept = []
    for constraint, expression in zip(problem.upper_constraints, rows):
        expression = ca.vec(expression)
        moving = np.isin(np.arange(expression.numel()), ca.jacobian_sparsity(expression, free).row())
        if not moving.all():
            value = ca.Function("rows", [rest, problem.y, *problem.p], [ca.densify(expression)])
            zeros = np.zeros(rest.numel()), np.zeros(problem.y.numel())
            fixed = np.array(value.call([*map(ca.DM, zeros), *problem.matrices])[0]).ravel()[~moving]
            excess = np.abs(fixed) if constraint.kind == "eq" else fixed
            if not np.all(excess <= ROUNDING):
                return None
        if moving.any():
            kept.append(constraint.only(np.flatnonzero(moving).tolist(), expression))
    return tuple(kept)
