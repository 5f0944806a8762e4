"""The same problem in other numbers, found so that the user's units do not matter.

    x = D x',  y = E y'         f' = f / F,  g' = g / G         every row divided by its size

The factors come from `sizes.py`, which measures them so that they go along with the units: the same problem in hours,
minutes or years becomes one and the same.

The way back is `Problem.scaling`: `methods/units.py` puts it around programs and solvers, so that executors, exported C
and users see their own numbers only. Multipliers follow: a row divided by r of a follower divided by G has r / G times the
multiplier, which `Dual.signs` undo.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import casadi as ca
import numpy as np

from ..model.bounds import KEPT
from ..model.problem import Constraint, Dual, Objective, Problem, Reference, Variable
from ..model.scaling import Scaling, divided, multiplied
from .embedded import RewrittenSampling
from .scaled_sets import scaled_set
from .sizes import scaling_of


@lru_cache(maxsize=KEPT)
def scaled(problem: Problem) -> Problem:
    """The problem in numbers of size 1, with `scaling` as the way back; itself where its numbers are so already."""
    scaling = scaling_of(problem)
    return problem if scaling.nothing else apply(problem, scaling)


def apply(problem: Problem, scaling: Scaling) -> Problem:
    """The problem in the numbers of `scaling`, over the same symbols; reports and references are left out."""
    rows = [c.expression for c in (*problem.upper_constraints, *problem.lower_constraints)]
    f, g, *rows = _substituted([problem.f.expression, problem.g.expression, *rows], problem, scaling)
    n = len(problem.upper_constraints)
    return replace(
        problem,
        upper_variables=tuple(_variable(v, scaling.x) for v in problem.upper_variables),
        lower_variables=tuple(_variable(v, scaling.y) for v in problem.lower_variables),
        f=_objective(problem.f, f, problem, scaling, scaling.f),
        g=_objective(problem.g, g, problem, scaling, scaling.g),
        upper_constraints=_rows(problem.upper_constraints, rows[:n], scaling.upper_rows),
        lower_constraints=_rows(problem.lower_constraints, rows[n:], scaling.lower_rows),
        duals=tuple(_dual(d, scaling) for d in problem.duals),
        report=(),
        reference=Reference(),
        scaling=scaling,
    )


def _substituted(expressions: list[ca.MX], problem: Problem, scaling: Scaling) -> list[ca.MX]:
    """The expressions of D x' and E y'."""
    changed = [(v, d) for v, d in ((problem.x, scaling.x), (problem.y, scaling.y)) if np.any(d != 1)]
    if not changed:
        return expressions
    return ca.substitute(expressions, [v for v, _ in changed], [multiplied(v, d) for v, d in changed])


def _variable(v: Variable, factors: np.ndarray) -> Variable:
    factor = float(factors[v.offset]) if v.size else 1.0
    if factor == 1:
        return v
    return replace(
        v, set=scaled_set(v.set, factor), start=None if v.start is None else divided(np.asarray(v.start, float), factor)
    )


def _objective(own: Objective, expression: ca.MX, problem: Problem, scaling: Scaling, factor: float) -> Objective:
    def numbers(e: ca.MX) -> ca.MX:
        return divided(_substituted([e], problem, scaling)[0], factor)

    sampling = own.sampling and RewrittenSampling(own.sampling, numbers)
    return replace(own, expression=divided(expression, factor), sampling=sampling)


def _rows(own: tuple[Constraint, ...], expressions: list[ca.MX], factors: np.ndarray) -> tuple[Constraint, ...]:
    made, first = [], 0
    for constraint, e in zip(own, expressions):
        part = factors[first : first + e.numel()]
        first += e.numel()
        made.append(replace(constraint, expression=e if np.all(part == 1) else divided(ca.vec(e), part)))
    return tuple(made)


def _dual(d: Dual, scaling: Scaling) -> Dual:
    """From the multipliers of the scaled follower to the user's."""
    sizes = scaling.y if d.bounds else scaling.lower_rows
    return replace(d, signs=d.signs * scaling.g / sizes[np.asarray(d.rows, int)])


def told(problem: Problem) -> dict:
    """The factors of a scaled problem that are not 1, by name; rows of one constraint as a list where they differ."""
    scaling = problem.scaling
    if scaling is None:
        return {}
    both = [(problem.upper_variables, scaling.x), (problem.lower_variables, scaling.y)]
    variables = {v.name: float(factors[v.offset]) for level, factors in both for v in level if v.size and v.name}
    both = [(problem.upper_constraints, scaling.upper_rows), (problem.lower_constraints, scaling.lower_rows)]
    rows = {}
    for level, factors in both:
        parts = np.split(factors, np.cumsum([c.expression.numel() for c in level])[:-1]) if level else []
        rows |= {
            c.name: float(own[0]) if np.all(own == own[0]) else own.tolist() for c, own in zip(level, parts) if own.size
        }
    return {
        "variables": {name: factor for name, factor in variables.items() if factor != 1},
        "upper": scaling.f,
        "lower": scaling.g,
        "constraints": {name: factor for name, factor in rows.items() if factor != 1},
    }
