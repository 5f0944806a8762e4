"""Needs that methods share: sentences with their checks."""

from __future__ import annotations

from ..model.bounds import recognised, with_bounds
from ..model.problem import Problem
from ..model.sets import ConstraintSet, Intersection, L1Ball, Psd, Spectral
from .card import Need, Refusal

DENSE_LIMIT = 300  # lower variables up to which a method may factorise a dense Hessian


def _lower_constraints(problem: Problem) -> list[Refusal]:
    found = [Refusal("the lower level has a constraint", c.span) for c in with_bounds(problem).lower_constraints]
    return found[:1]


def _upper_constraints(problem: Problem) -> list[Refusal]:
    found = [Refusal("the upper level has a constraint", c.span) for c in with_bounds(problem).upper_constraints]
    return found[:1]


def _lower_sets(problem: Problem) -> list[Refusal]:
    bound = [v for v in problem.lower_variables if type(v.set).__name__ != "Free"]
    found = [Refusal(f"the lower variable `{v.name}` has a constraint set", v.span) for v in bound[:1]]
    rows = [b for b in recognised(problem) if b.variable.level == "lower"]
    return found or [Refusal(f"the lower variable `{b.variable.name}` has a bound", b.constraint.span) for b in rows[:1]]


def _upper_variables(problem: Problem) -> list[Refusal]:
    return [Refusal(f"the upper level has a variable of its own, `{v.name}`", v.span) for v in problem.upper_variables[:1]]


def _no_upper_variable(problem: Problem) -> list[Refusal]:
    return [Refusal("the upper level has no variable", problem.f.span)] if problem.is_simple else []


def _large_lower(problem: Problem) -> list[Refusal]:
    n = problem.y.numel()
    if n <= DENSE_LIMIT:
        return []
    rule = f"the lower level has {n} variables, and the eigenvalues of its Hessian are needed (limit {DENSE_LIMIT})"
    return [Refusal(rule, problem.lower_variables[0].span)]


def _duals(problem: Problem) -> list[Refusal]:
    return [Refusal(f"a multiplier of the follower is asked for, `dual({d.name})`", d.span) for d in problem.used_duals[:1]]


def _rough_sets(problem: Problem) -> list[Refusal]:
    rough = [v for v in problem.variables if _has(v.set, (Psd, Spectral, L1Ball))]
    return [Refusal(f"the set of `{v.name}` has no smooth description", v.span) for v in rough[:1]]


def _samples(which: str, required: bool):
    """The objective can be sampled; `required`: it has a mean to draw from."""

    def broken(problem: Problem) -> list[Refusal]:
        o, level = (problem.f, "upper") if which == "f" else (problem.g, "lower")
        if not o.samples:
            return [Refusal(f"the {level} objective has no `expect`, whose samples could be drawn", o.span)] * required
        hindrance = o.sampling.hindrance
        return [Refusal(f"the {level} objective cannot be sampled: {hindrance.rule}", hindrance.span)] if hindrance else []

    return broken


def _has(constraint_set: ConstraintSet, kinds: tuple[type, ...]) -> bool:
    if isinstance(constraint_set, Intersection):
        return _has(constraint_set.first, kinds) or _has(constraint_set.second, kinds)
    return isinstance(constraint_set, kinds)


NO_DUALS = Need("", _duals)
SIMPLE = Need("a simple bilevel problem: no upper-level variable", _upper_variables)
TWO_LEVELS = Need("", _no_upper_variable)
NO_CONSTRAINTS = Need(
    "constraint sets, but no constraints", lambda problem: _upper_constraints(problem) + _lower_constraints(problem)
)
LOWER_FREE = Need(
    "a lower level without sets and constraints", lambda problem: _lower_sets(problem) + _lower_constraints(problem)
)
LOWER_SETS_ONLY = Need("constraint sets on the lower level, but no constraints", _lower_constraints)
UPPER_SETS_ONLY = Need("constraint sets on the upper level, but no constraints", _upper_constraints)
WITHOUT_ROWS = (NO_CONSTRAINTS, LOWER_FREE, LOWER_SETS_ONLY)
SMOOTH_SETS = Need("constraint sets with a smooth description: not l1ball, psd and spectral", _rough_sets)
DENSE_LOWER = Need(f"at most {DENSE_LIMIT} lower variables", _large_lower)
SAMPLED_F = Need("an upper objective with `expect`, which is sampled", _samples("f", True))
SAMPLED_G = Need("a lower objective with `expect`, which is sampled", _samples("g", True))
SAMPLES_IF_ANY = Need(
    "`expect` where samples can be drawn without bias: not inside of nonlinear functions",
    lambda problem: _samples("f", False)(problem) + _samples("g", False)(problem),
)
