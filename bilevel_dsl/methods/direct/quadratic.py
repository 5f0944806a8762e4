"""Which problems have a paired program: linear and convex quadratic levels with affine rows. What breaks it otherwise."""

from __future__ import annotations

from functools import lru_cache

import casadi as ca
import numpy as np

from ...functions.oracles import Oracles
from ...functions.polynomial import degrees_by_node
from ...model.bounds import with_bounds
from ...model.problem import Constraint, Problem, Variable
from ..card import Refusal
from ..parts.conditions import described
from .degrees import degrees
from .products import is_convex
from .program import PairedProgram, Unfit
from .system import Levels, System, scales_at

MOST_COLUMNS = 300  # of the program
BENT = 1e-6  # second differences along a line, relative to the slope: more than rounding
NOT_QUADRATIC = "the lower objective is not linear or quadratic in its variables"


def count_pairs(problem: Problem) -> int:
    """Rows of the lower level that are inequalities, and finite bounds of its variables; two for each that is fixed."""
    problem = with_bounds(problem)
    (low, high), rows = described(problem, "lower")
    limits = ca.Function("limits", list(problem.p), [ca.densify(low), ca.densify(high)]).call(problem.matrices)
    return sum(e.numel() for e, equal in rows if not equal) + sum(int(np.isfinite(np.array(v)).sum()) for v in limits)


@lru_cache(maxsize=4)
def program_of(problem: Problem) -> PairedProgram | Refusal:
    """The program of `problem`, at the scales of its start; or why there is none."""
    rows = sum(c.expression.numel() for c in problem.upper_constraints + problem.lower_constraints)
    columns = problem.x.numel() + problem.y.numel() + rows
    if columns > MOST_COLUMNS:
        return Refusal(f"there are {columns} variables and rows (limit {MOST_COLUMNS})", problem.lower_variables[0].span)
    if _bent(problem):
        return Refusal(NOT_QUADRATIC, problem.g.span)
    levels = Levels(Oracles(problem))
    if levels.kind is not ca.SX:
        return Refusal("the objectives and constraints are not made of scalar operations alone", problem.g.span)
    refusal = _of_lower(levels) or _of_upper(levels)
    if refusal is not None:
        return refusal
    system = System(levels, scales_at(levels, [levels.clipped(*problem.start())]))
    try:
        return PairedProgram(system)
    except Unfit as reason:
        return Refusal(str(reason), problem.f.span)


def _of_lower(levels: Levels) -> Refusal | None:
    problem = levels.problem
    x, y = ca.SX.sym("x", levels.nx), ca.SX.sym("y", levels.ny)
    _, g, h, e, _ = levels.expressions(x, y)
    slope = ca.gradient(g, y)
    of_h, of_e = degrees([h, e], ca.veccat(x, y))
    if _degree(problem.g.expression, problem.x, problem.y) > 2 and np.any(degrees([slope], ca.veccat(x, y))[0] > 1):
        return Refusal(NOT_QUADRATIC, problem.g.span)
    if np.any(of_h > 1) or np.any(of_e > 1):
        rows = described(problem, "lower")[1]
        return _row("lower", problem.lower_constraints, problem.lower_variables, rows, {False: of_h, True: of_e})
    H = np.array(ca.DM(ca.densify(ca.evalf(ca.jacobian(slope, y)))))
    if not np.all(np.isfinite(H)):
        return Refusal("a coefficient of the lower objective is not finite", problem.g.span)
    return None if is_convex(H) else Refusal("the lower objective is not convex", problem.g.span)


def _degree(expression: ca.MX, *variables: ca.MX) -> int:
    return degrees_by_node([expression], variables)[expression.__hash__()]


def _bent(problem: Problem) -> bool:
    """Whether numbers say that the slope of g by y is not affine in (x, y), before a graph of scalars is gone through.

    A function that is affine has no second differences along a line, but for rounding.
    """
    x, y, g = problem.x, problem.y, problem.g.expression
    if _degree(g, x, y) <= 2:
        return False
    rng = np.random.default_rng(0)
    along = ca.DM(rng.standard_normal(y.numel()))
    slope = ca.Function("slope", [x, y, *problem.p], [ca.jtimes(g, y, along)])
    (x_start, y_start), data = problem.start(), problem.matrices
    x_step, y_step = rng.standard_normal(x.numel()), rng.standard_normal(y.numel())
    values = np.array([float(slope.call([x_start + t * x_step, y_start + t * y_step, *data])[0]) for t in range(4)])
    size = np.max(np.abs(values))
    return bool(np.isfinite(size) and np.max(np.abs(np.diff(values, 2))) > BENT * size)


def _of_upper(levels: Levels) -> Refusal | None:
    problem = levels.problem
    x, y = ca.SX.sym("x", levels.nx), ca.SX.sym("y", levels.ny)
    duals = [ca.SX.sym("dual", *d.symbol.shape) for d in problem.used_duals]
    f, _, _, _, c = levels.expressions(x, y, problem.matrices_with(duals))
    of_f, of_c = degrees([f, c], ca.veccat(x, y, *duals))
    if np.any(of_f > 2):
        return Refusal("the upper objective is not linear or quadratic", problem.f.span)
    if np.any(of_c > 1):
        rows = [(e, False) for e, _ in described(problem, "upper")[1]]
        return _row("upper", problem.upper_constraints, problem.upper_variables, rows, {False: of_c})
    return None


def _row(
    level: str,
    constraints: tuple[Constraint, ...],
    variables: tuple[Variable, ...],
    rows: list[tuple[ca.MX, bool]],
    found: dict[bool, np.ndarray],
) -> Refusal:
    """The first row that is not affine. rows: of sets, then of constraints; found: degrees, by whether it is an equality."""
    begun = dict.fromkeys(found, 0)
    for k, (expression, equal) in enumerate(rows):
        n = expression.numel()
        own = found[equal][begun[equal] : begun[equal] + n]
        begun[equal] += n
        if np.any(own > 1):
            of_set = k - (len(rows) - len(constraints))
            if of_set >= 0:
                return Refusal(f"a constraint of the {level} level is not affine", constraints[of_set].span)
            return Refusal(f"a constraint set of the {level} level is not described by affine rows", variables[0].span)
    raise AssertionError("no row is curved")
