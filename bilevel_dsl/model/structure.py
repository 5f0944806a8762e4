"""What class a problem belongs to, found from its expressions and, where asked, at a point."""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from .bounds import with_bounds
from .problem import Constraint, Problem
from .sets import Ball, Box, CappedSimplex, ConstraintSet, Free, Intersection, L1Ball, LinfBall, Simplex

SAMPLES = 16  # points at which a Hessian that varies is looked at
LARGEST_ROWS = 50  # nonlinear rows of the lower level, up to which each one's Hessian is looked at


@dataclass(frozen=True)
class Structure:
    simple: bool  # one set of variables
    lower_linear: bool  # g is linear in y for fixed x
    lower_quadratic: bool  # g is quadratic in y, with a Hessian free of x and y
    lower_eigenvalues: tuple[float, float] | None  # of that constant Hessian, if small
    lower_convex: str  # "yes": shown; "sampled": at some random points; "no": a point shows it; "unknown": too large
    lower_rows: bool  # constraints of the lower level that are not bounds
    coupled: bool  # constraints of the upper level that involve y
    lower_free: bool  # neither sets nor constraints on y
    upper_free: bool


def analyse(problem: Problem, largest: int = 200) -> Structure:
    """Structure of `problem`. Hessians are looked at for at most `largest` lower variables."""
    problem = with_bounds(problem)
    y, g = problem.y, problem.g.expression
    gradient = ca.gradient(g, y)
    point = ca.veccat(problem.x, y)
    linear = not ca.depends_on(gradient, y)
    quadratic, eigenvalues = linear, None
    if y.numel() <= largest and not linear:
        hessian = ca.jacobian(gradient, y)
        quadratic = not ca.depends_on(hessian, point)
        if quadratic:
            at = ca.Function("hessian", [problem.x, y, *problem.p], [ca.densify(hessian)])  # a recursion names its arguments
            value = np.array(at.call([ca.DM.zeros(problem.x.shape), ca.DM.zeros(y.shape), *problem.matrices])[0])
            if np.isfinite(value).all():  # data may overflow
                spectrum = np.linalg.eigvalsh((value + value.T) / 2)
                eigenvalues = float(spectrum[0]), float(spectrum[-1])
    return Structure(
        simple=problem.is_simple,
        lower_linear=linear,
        lower_quadratic=quadratic,
        lower_eigenvalues=eigenvalues,
        lower_convex=_convexity(problem) if y.numel() <= largest else "unknown",
        lower_rows=bool(problem.lower_constraints),
        coupled=any(ca.depends_on(c.expression, y) for c in problem.upper_constraints),
        lower_free=_free(problem.lower_variables, problem.lower_constraints),
        upper_free=_free(problem.upper_variables, problem.upper_constraints),
    )


def _free(variables, constraints) -> bool:
    return not constraints and all(isinstance(v.set, Free) for v in variables)


# --- convexity of the lower level in y ------------------------------------------------------------


def _convexity(problem: Problem) -> str:
    """Of g and of the set of the lower level, for fixed x; see `Structure.lower_convex`."""
    g, y = problem.g.expression, problem.y
    functions = [g] if ca.depends_on(ca.gradient(g, y), y) else []
    for constraint in problem.lower_constraints:
        curved = _nonlinear_rows(constraint, problem.y)
        if curved and constraint.kind == "eq":
            return "no"
        functions += [ca.vec(constraint.expression)[i] for i in curved]
    if len(functions) > LARGEST_ROWS:
        return "unknown"
    found = [_psd(problem, function) for function in functions]
    return next((answer for answer in ("no", "sampled") if answer in found), "yes")


def _nonlinear_rows(constraint: Constraint, y: ca.MX) -> list[int]:
    rows = ca.densify(ca.vec(constraint.expression))
    return [i for i, curved in enumerate(ca.which_depends(rows, y, 2, True)) if curved]


def _psd(problem: Problem, function: ca.MX) -> str:
    """Is the Hessian in y positive semidefinite: everywhere, at random points, or not?"""
    hessian = ca.densify(ca.hessian(function, problem.y)[0])
    constant = not ca.depends_on(hessian, ca.veccat(problem.x, problem.y))
    evaluate = ca.Function("hessian", [problem.x, problem.y, *problem.p], [hessian])
    data = problem.matrices
    rng = np.random.default_rng(0)
    for _ in range(1 if constant else SAMPLES):
        x, y = (_random(level, problem, rng) for level in (problem.upper_variables, problem.lower_variables))
        value = np.array(evaluate.call([ca.DM(x), ca.DM(y), *data])[0])
        if not np.all(np.isfinite(value)):  # outside the domain
            continue
        spectrum = np.linalg.eigvalsh((value + value.T) / 2)
        if spectrum[0] < -1e-9 * max(1e-300, np.abs(spectrum).max()):
            return "no"
    return "yes" if constant else "sampled"


def _random(variables, problem: Problem, rng: np.random.Generator) -> np.ndarray:
    """A point in the boxes around the sets of a level, within 10 of the start where there is no bound."""
    parts = [np.zeros(0)]
    for variable in variables:
        start = np.zeros(variable.size)
        if variable.start is not None:
            start = np.asarray(variable.start, float).ravel(order="F")
        low, high = start - 10, start + 10
        box = _box_around(variable.set)
        if box is not None:
            limits = ca.Function("limits", [*problem.p], [ca.densify(v) for v in box])
            bounds = [np.array(v).ravel() * np.ones(variable.size) for v in limits.call(problem.matrices)]
            low = np.where(np.isfinite(bounds[0]), bounds[0], np.minimum(low, bounds[1] - 10))
            high = np.where(np.isfinite(bounds[1]), bounds[1], np.maximum(high, bounds[0] + 10))
        parts.append(low + (high - low) * rng.random(variable.size))
    return np.concatenate(parts)


def _box_around(own: ConstraintSet) -> tuple[ca.MX, ca.MX] | None:
    """Bounds of every entry in a set: beyond them an objective may have no value, or bend the other way, as entropy does."""
    zero, one = ca.MX(0), ca.MX(1)
    if isinstance(own, Box):
        return own.lower, own.upper
    if isinstance(own, Simplex):
        return zero, own.total
    if isinstance(own, CappedSimplex):
        return zero, one
    if isinstance(own, (Ball, LinfBall)):
        return own.center - own.radius, own.center + own.radius
    if isinstance(own, L1Ball):
        return -own.radius, own.radius
    if isinstance(own, Intersection):
        return _box_around(own.first) or _box_around(own.second)
    return None
