"""The methods by name, what each requires of a problem, and the choice by class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from ..diagnostics import BilevelError, Diagnostic, Label, Span, did_you_mean
from ..model.bounds import recognised, with_bounds
from ..model.problem import Problem
from ..model.sets import ConstraintSet, Intersection, L1Ball, Psd, Spectral
from ..model.structure import Structure

KKT_LIMIT = 300  # unknowns up to which the dense Newton system of `kkt` is solved
CONDITION = 1e6  # of a quadratic lower level up to which `auto` takes mgbio
DENSE_LIMIT = 300  # lower variables up to which a method may factorise a dense Hessian


@dataclass(frozen=True)
class Refusal:
    """A rule that the problem breaks, and the place that breaks it."""

    rule: str  # "the lower level has a constraint"
    span: Span | None


@dataclass(frozen=True)
class MethodInfo:
    name: str
    title: str
    papers: tuple[str, ...]
    requirements: tuple[str, ...]
    refusals: Callable[[Problem], list[Refusal]]

    @property
    def settings(self):
        return import_module(f".{self.name}", __package__).SETTINGS

    def program(self, oracles):
        return import_module(f".{self.name}", __package__).program(oracles)


def _no_lower_constraints(problem: Problem) -> list[Refusal]:
    found = [Refusal("the lower level has a constraint", c.span) for c in with_bounds(problem).lower_constraints]
    return found[:1]


def _no_upper_constraints(problem: Problem) -> list[Refusal]:
    found = [Refusal("the upper level has a constraint", c.span) for c in with_bounds(problem).upper_constraints]
    return found[:1]


def _no_lower_sets(problem: Problem) -> list[Refusal]:
    bound = [v for v in problem.lower_variables if type(v.set).__name__ != "Free"]
    found = [Refusal(f"the lower variable `{v.name}` has a constraint set", v.span) for v in bound[:1]]
    rows = [b for b in recognised(problem) if b.variable.level == "lower"]
    return found or [
        Refusal(f"the lower variable `{b.variable.name}` has a bound", b.constraint.span) for b in rows[:1]
    ]


def _simple(problem: Problem) -> list[Refusal]:
    return [
        Refusal(f"the upper level has a variable of its own, `{v.name}`", v.span) for v in problem.upper_variables[:1]
    ]


def _two_levels(problem: Problem) -> list[Refusal]:
    return [Refusal("the upper level has no variable", problem.f.span)] if problem.is_simple else []


def _small_lower(problem: Problem) -> list[Refusal]:
    n = problem.y.numel()
    if n <= DENSE_LIMIT:
        return []
    rule = f"the lower level has {n} variables, and the eigenvalues of its Hessian are needed (limit {DENSE_LIMIT})"
    return [Refusal(rule, problem.lower_variables[0].span)]


def _no_duals(problem: Problem) -> list[Refusal]:
    return [
        Refusal(f"the leader uses a multiplier of the follower, `dual({d.name})`", d.span)
        for d in problem.used_duals[:1]
    ]


def _smooth_sets(problem: Problem) -> list[Refusal]:
    rough = [v for v in problem.variables if _has(v.set, (Psd, Spectral, L1Ball))]
    return [Refusal(f"the set of `{v.name}` has no smooth description", v.span) for v in rough[:1]]


def _has(constraint_set: ConstraintSet, kinds: tuple[type, ...]) -> bool:
    if isinstance(constraint_set, Intersection):
        return _has(constraint_set.first, kinds) or _has(constraint_set.second, kinds)
    return isinstance(constraint_set, kinds)


def _small_conditions(problem: Problem) -> list[Refusal]:
    rows = sum(c.expression.numel() for c in problem.upper_constraints + problem.lower_constraints)
    n = problem.x.numel() + 3 * problem.y.numel() + 2 * rows
    if n <= KKT_LIMIT:
        return []
    return [Refusal(f"the conditions have {n} unknowns (limit {KKT_LIMIT})", problem.lower_variables[0].span)]


def _all_of(*rules) -> Callable[[Problem], list[Refusal]]:
    return lambda problem: [refusal for rule in rules for refusal in rule(problem)]


METHODS: dict[str, MethodInfo] = {
    m.name: m
    for m in (
        MethodInfo(
            "penalty",
            "value-gap penalty with continuation and polish",
            (
                "Kwon, Kwon, Wright, Nowak: On penalty methods for nonconvex bilevel optimization and first-order "
                "stochastic approximation, ICLR 2024, arXiv 2309.01753",
                "Shen, Chen: On penalty-based bilevel gradient descent method, ICML 2023, arXiv 2302.05185",
                "Xiao, Chen: Unlocking global optimality in bilevel optimization, ICLR 2025, arXiv 2408.16087",
            ),
            ("differentiable objectives", "constraint sets and smooth constraints on either level"),
            _all_of(_no_duals),
        ),
        MethodInfo(
            "kkt",
            "optimality conditions of the lower level with a penalty on complementarity",
            (
                "Anandalingam, White: A solution method for the linear static Stackelberg problem using penalty "
                "functions, "
                "IEEE Trans. Automat. Control 35, 1990",
                "Ralph, Wright: Some properties of regularization and penalization schemes for MPECs, "
                "Optim. Methods Softw. 19, 2004",
                "Izmailov, Solodov, Uskov: Global convergence of augmented Lagrangian methods applied to optimization "
                "problems with degenerate constraints, including problems with complementarity constraints, "
                "SIAM J. Optim. 22, 2012",
            ),
            (
                "twice differentiable objectives and constraints; a convex lower level, which is not checked",
                "constraint sets with a smooth description: not l1ball, psd and spectral",
                f"at most {KKT_LIMIT} unknowns: upper variables, three for each lower one, two for each row",
            ),
            _all_of(_smooth_sets, _small_conditions),
        ),
        MethodInfo(
            "dbgd",
            "dynamic barrier gradient descent",
            (
                "Cao, Jiang, Yazdandoost Hamedani, Mokhtari: simple bilevel optimization by dynamic barrier gradient "
                "descent, NeurIPS 2025, arXiv 2507.23155",
                "Gong, Liu, Liu: Automatic and harmless regularization with constrained and lexicographic "
                "optimization, NeurIPS 2021",
            ),
            ("a simple bilevel problem: no upper-level variable", "constraint sets, but no constraints"),
            _all_of(_no_duals, _simple, _no_upper_constraints, _no_lower_constraints),
        ),
        MethodInfo(
            "mgbio",
            "momentum hypergradient with spectral projection",
            (
                "Huang: On momentum-based gradient methods for bilevel optimization with nonconvex lower level, "
                "arXiv 2303.03944",
            ),
            (
                "twice differentiable lower objective",
                "a lower level without sets and constraints",
                "constraint sets on the upper level, but no constraints",
                f"at most {DENSE_LIMIT} lower variables",
            ),
            _all_of(_no_duals, _two_levels, _no_lower_sets, _no_lower_constraints, _no_upper_constraints, _small_lower),
        ),
    )
}


def fitting(problem: Problem) -> list[str]:
    return [name for name, method in METHODS.items() if not method.refusals(problem)]


def require(name: str, problem: Problem, where: Span | None = None) -> MethodInfo:
    """The method `name` if it accepts `problem`.

    Raises:
        BilevelError: BL0401 unknown name, BL0402 the problem breaks a rule of the method.
    """
    if name not in METHODS:
        known = ", ".join(METHODS)
        primary = Label(where, "") if where else None
        raise BilevelError(
            Diagnostic(
                "BL0401",
                f"there is no method `{name}`",
                primary,
                hints=(*did_you_mean(name, ["auto", *METHODS]), f"the methods are: auto, {known}"),
                exit_status=3 if where else 2,
            )
        )
    refusals = METHODS[name].refusals(problem)
    if refusals:
        fits = ", ".join(fitting(problem))
        first, rest = refusals[0], refusals[1:]
        raise BilevelError(
            Diagnostic(
                "BL0402",
                f"{name} cannot solve this: {first.rule}",
                Label(first.span) if first.span else None,
                tuple(Label(r.span, r.rule) for r in rest if r.span),
                (f"methods that can: {fits}" if fits else "no method can",),
            )
        )
    return METHODS[name]


def choose(problem: Problem, structure: Structure) -> tuple[str, str]:
    """The method for the class of `problem`, and why, as a clause."""
    fits = fitting(problem)
    if problem.used_duals:
        return "kkt", "the leader uses multipliers of the follower, `dual(...)`"
    if "dbgd" in fits:
        return "dbgd", "a simple bilevel problem without constraints"
    if "mgbio" in fits and structure.lower_quadratic and structure.lower_eigenvalues:
        low, high = structure.lower_eigenvalues
        if low > 0 and high <= CONDITION * low and problem.y.numel() <= 60:
            condition = f"(condition {high / low:.2g})"
            return "mgbio", f"the lower level is a strongly convex quadratic {condition} without constraints"
    constrained = structure.coupled or not structure.lower_free
    if "kkt" in fits and constrained and structure.lower_convex in ("yes", "sampled"):
        convex = "convex" if structure.lower_convex == "yes" else "convex at the points looked at"
        return "kkt", f"the lower level is small, constrained and {convex}"
    if "kkt" in fits and (structure.lower_rows or structure.coupled):
        return "kkt", "a small problem with constraints that involve lower variables"
    if structure.simple:
        return "penalty", "a simple bilevel problem with constraints"
    if structure.lower_free and problem.upper_constraints:
        return "penalty", "the lower level is unconstrained, and the upper level has constraints"
    if structure.lower_free:
        return "penalty", "the lower level is unconstrained and not a well-conditioned quadratic"
    return "penalty", "the lower level has constraint sets or constraints, and is large or not convex"
