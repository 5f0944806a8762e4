"""What class a problem belongs to, found from its expressions and, where asked, at a point."""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from .problem import Problem
from .sets import Free


@dataclass(frozen=True)
class Structure:
    simple: bool  # one set of variables
    lower_linear: bool  # g is linear in y for fixed x
    lower_quadratic: bool  # g is quadratic in y, with a Hessian free of x and y
    lower_eigenvalues: tuple[float, float] | None  # of that constant Hessian, if small
    lower_free: bool  # neither sets nor constraints on y
    upper_free: bool


def analyse(problem: Problem, largest: int = 200) -> Structure:
    """Structure of `problem`. The Hessian is looked at for at most `largest` lower variables."""
    y, g = problem.y, problem.g.expression
    gradient = ca.gradient(g, y)
    point = ca.veccat(problem.x, y)
    linear = not ca.depends_on(gradient, y)
    quadratic, eigenvalues = linear, None
    if y.numel() <= largest and not linear:
        hessian = ca.jacobian(gradient, y)
        quadratic = not ca.depends_on(hessian, point)
        if quadratic:
            value = np.array(ca.Function("hessian", [*problem.p], [ca.densify(hessian)]).call(
                [ca.DM(np.asarray(q.value)) for q in problem.parameters])[0])
            spectrum = np.linalg.eigvalsh((value + value.T) / 2)
            eigenvalues = float(spectrum[0]), float(spectrum[-1])
    return Structure(
        simple=problem.is_simple,
        lower_linear=linear,
        lower_quadratic=quadratic,
        lower_eigenvalues=eigenvalues,
        lower_free=_free(problem.lower_variables, problem.lower_constraints),
        upper_free=_free(problem.upper_variables, problem.upper_constraints),
    )


def _free(variables, constraints) -> bool:
    return not constraints and all(isinstance(v.set, Free) for v in variables)
