"""The same problem in other units: every variable, row and objective by a factor of its own, objectives with an offset."""

from __future__ import annotations

from dataclasses import dataclass, replace

import casadi as ca
import numpy as np

from bilevel_dsl.model.problem import Constraint, Objective, Problem, Variable
from bilevel_dsl.model.sets import Box, Free


@dataclass(frozen=True)
class Units:
    """Numbers of the new problem per one of the old: f -> f * by + to, and so on."""

    f: float = 1.0
    f_to: float = 0.0
    g: float = 1.0
    g_to: float = 0.0
    x: float = 1.0
    y: float = 1.0
    rows: float = 1.0


def fits(problem: Problem) -> bool:
    """Whether its sets can be written in other units: boxes only, no whole numbers, and no multipliers."""
    return (
        not problem.used_duals and not problem.whole.any() and all(isinstance(v.set, (Free, Box)) for v in problem.variables)
    )


def in_units(problem: Problem, units: Units) -> Problem:
    x, y = ca.MX.sym("x", problem.x.numel()), ca.MX.sym("y", problem.y.numel())

    def moved(expression: ca.MX) -> ca.MX:
        function = ca.Function("moved", [problem.x, problem.y, *problem.p], [ca.densify(expression)])
        return function(x / units.x, y / units.y, *problem.p)

    def variable(v: Variable) -> Variable:
        by, column = (units.x, x) if v.level == "upper" else (units.y, y)
        own = Box(v.size, v.set.lower * by, v.set.upper * by) if isinstance(v.set, Box) else v.set
        start = None if v.start is None else np.asarray(v.start) * by
        return replace(v, expression=column[v.slice], set=own, start=start)

    def row(c: Constraint) -> Constraint:
        return replace(c, expression=moved(c.expression) * units.rows)

    def objective(o: Objective, by: float, to: float) -> Objective:
        return replace(o, expression=moved(o.expression) * by + to)

    return replace(
        problem,
        x=x,
        y=y,
        upper_variables=tuple(map(variable, problem.upper_variables)),
        lower_variables=tuple(map(variable, problem.lower_variables)),
        f=objective(problem.f, units.f, units.f_to),
        g=objective(problem.g, units.g, units.g_to),
        upper_constraints=tuple(map(row, problem.upper_constraints)),
        lower_constraints=tuple(map(row, problem.lower_constraints)),
        report=(),
    )
