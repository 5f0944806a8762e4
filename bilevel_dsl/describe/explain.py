"""What a problem is before it is solved: class, sizes, structure, sets, and which methods accept it, with the lines."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..diagnostics import Span
from ..methods.registry import METHODS, choose
from ..model.bounds import recognised
from ..model.problem import Problem
from ..model.structure import Structure, analyse
from ..reductions.defined import without_defined
from ..reductions.fixed import without_fixed
from ..reductions.opposite import pairs
from ..reductions.reduced import reduced
from ..reductions.scaling import told
from ..reductions.split import hindrance, split_both
from ..report.page import DIM, Line, Page, declared
from ..semantics.checked import Checked, CheckedObjective
from ..semantics.graph.degree import degree

DEGREES = ("constant", "linear", "quadratic", "nonlinear")


KEYS = ("upper", "lower", "structure", "bounds", "reductions", "kinks", "scaling", "warnings")
FAR = 50.0  # sizes beyond it, or below its inverse, are told one by one


@dataclass(frozen=True)
class Fact:
    """A sentence, and the line of the model that makes it so."""

    text: str
    line: int | None = None

    def __str__(self) -> str:
        return self.text + (f" (line {self.line})" if self.line else "")


@dataclass(frozen=True)
class Verdict:
    method: str
    accepts: bool
    chosen: bool
    reasons: tuple[Fact, ...]  # why it was chosen, or each rule that the problem breaks


@dataclass(frozen=True)
class Explanation:
    problem: str
    kind: str
    sizes: dict[str, int]
    upper: tuple[Fact, ...]
    lower: tuple[Fact, ...]
    structure: tuple[Fact, ...]
    bounds: tuple[Fact, ...]
    reductions: tuple[Fact, ...]  # what methods do not see
    kinks: tuple[Fact, ...]  # what some methods see in other words
    scaling: tuple[Fact, ...]
    warnings: tuple[Fact, ...]
    methods: tuple[Verdict, ...] = field(default=())


def explain(checked: Checked, problem: Problem) -> Explanation:
    """Everything that is known of `problem`, built from `checked`, without solving it."""
    structure, seen = analyse(problem), reduced(problem)
    sizes = {
        "upper_variables": problem.x.numel(),
        "lower_variables": problem.y.numel(),
        "upper_rows": sum(c.expression.numel() for c in problem.upper_constraints),
        "lower_rows": sum(c.expression.numel() for c in problem.lower_constraints),
        "followers": len(checked.lower_objectives),
        "data": sum(int(np.size(p.value)) for p in problem.parameters),
    }
    return Explanation(
        checked.name,
        _kind(checked, structure),
        sizes,
        _level(checked, "upper"),
        _level(checked, "lower"),
        tuple(_structure(checked, problem, structure)),
        tuple(_bounds(problem)),
        tuple(_reductions(problem)),
        tuple(_kinks(problem)),
        tuple(_scaling(problem, seen)),
        tuple(Fact(w.message, w.primary.span.line if w.primary else None) for w in checked.warnings),
        _methods(seen, structure if seen is problem else analyse(seen)),
    )


def _kind(checked: Checked, structure: Structure) -> str:
    if structure.simple:
        return "a simple bilevel problem: the upper level chooses among the minimisers of the lower one"
    followers = len(checked.lower_objectives)
    return (
        "a bilevel problem with one follower"
        if followers == 1
        else f"a bilevel problem with {followers} independent followers, solved as one lower level"
    )


# --- the two levels -------------------------------------------------------------------------------


def _level(checked: Checked, level: str) -> tuple[Fact, ...]:
    objectives = (checked.upper_objective,) if level == "upper" else checked.lower_objectives
    variables = checked.upper_variables if level == "upper" else checked.lower_variables
    constraints = checked.upper_constraints if level == "upper" else checked.lower_constraints
    facts = [_objective(o, checked) for o in objectives]
    facts += [Fact(f"{declared(v.name, v.shape)} is {v.set.record.words}", v.span.line) for v in variables]
    names = {v.name for v in checked.variables}
    for c in {id(c.span): c for c in constraints}.values():  # the two halves of l <= e <= u as one
        sides = 1 + any(other.side and other is not c and other.span is c.span for other in constraints)
        rows = sides * c.node.size * (c.node.batch or 1)
        kind = f"{DEGREES[degree(c.node, names)]} {'equation' if c.kind == 'eq' else 'inequality'}"
        many = f", {rows} rows" if rows > 1 else ""
        facts.append(Fact(f"{c.name if not c.name.startswith('line ') else 'constraint'}: {kind}{many}", c.span.line))
    return tuple(facts)


def _objective(o: CheckedObjective, checked: Checked) -> Fact:
    names = {v.name for v in checked.variables} & o.node.variables
    whose = f"`{o.follower}` " if o.follower else ""
    what = f"a {DEGREES[degree(o.node, names)]} function of {_and(sorted(names))}" if names else "a constant"
    return Fact(f"{whose}{'minimizes' if o.sense == 1 else 'maximizes'} {what}", o.span.line)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


# --- structure of the lower level -----------------------------------------------------------------


def _structure(checked: Checked, problem: Problem, s: Structure) -> list[Fact]:
    line = problem.g.span.line
    convex = {
        "yes": "convex",
        "sampled": "convex at all points looked at, which is no proof",
        "no": "not convex",
        "unknown": "too large to look at its convexity",
    }[s.lower_convex]
    given = "" if s.simple else "for fixed upper variables, "
    program = _program(checked)
    facts = [Fact(f"{given}the lower level is {program}" + (f", {convex}" if program != "a linear program" else ""), line)]
    if s.lower_eigenvalues is not None:
        low, high = (0.0 if abs(v) < 1e-12 * max(map(abs, s.lower_eigenvalues)) else v for v in s.lower_eigenvalues)
        first, last = f"{low:.3g}", f"{high:.3g}"
        spread = f"eigenvalue {first}" if first == last else f"eigenvalues from {first} to {last}"
        facts.append(Fact(f"its Hessian is constant, with {spread}"))
    facts.append(Fact(_uniqueness(s)))
    facts += _coupling(checked)
    if s.lower_free:
        facts.append(Fact("the lower level has neither sets nor constraints"))
    if s.upper_free and not s.simple:
        facts.append(Fact("the upper level has neither sets nor constraints"))
    return facts


def _program(checked: Checked) -> str:
    """What the lower level is in its own variables."""
    lower = {v.name for v in checked.lower_variables}
    curved = any(degree(c.node, lower) > 1 for c in checked.lower_constraints) or any(
        v.set.record.curved for v in checked.lower_variables
    )
    most = max(degree(o.node, lower) for o in checked.lower_objectives)
    return "a nonlinear program" if curved or most > 2 else "a quadratic program" if most == 2 else "a linear program"


def _uniqueness(s: Structure) -> str:
    low, high = s.lower_eigenvalues or (0.0, 0.0)
    if low > 1e-10 * max(high, 1e-300) and s.lower_convex == "yes":
        return "the follower's answer is unique: its objective is strongly convex"
    if s.lower_linear:
        return "the follower's answer need not be unique: its objective has no curvature"
    if s.lower_eigenvalues is not None and low >= -1e-10 * high:
        return "the follower's answer need not be unique: its objective is flat in some direction"
    return "whether the follower's answer is unique is not known before solving"


def _coupling(checked: Checked) -> list[Fact]:
    lower = {v.name for v in checked.lower_variables}
    upper = {v.name for v in checked.upper_variables}
    facts = [
        Fact("a constraint of the upper level involves lower variables (a coupling constraint)", c.span.line)
        for c in checked.upper_constraints
        if upper and c.node.variables & lower
    ][:1]
    facts += [
        Fact("a constraint of the lower level involves upper variables", c.span.line)
        for c in checked.lower_constraints
        if c.node.variables & upper
    ][:1]
    return facts


def _bounds(problem: Problem) -> list[Fact]:
    """Constraints that are bounds, which methods treat as sets."""
    found: dict[int, tuple[Span, str, list[str]]] = {}
    for b in recognised(problem):
        found.setdefault(id(b.constraint), (b.constraint.span, b.variable.name, []))[2].append(b.side)
    facts = []
    for span, name, sides in found.values():
        what = "1 row is a bound" if len(sides) == 1 else f"{len(sides)} rows are bounds"
        facts.append(Fact(f"{what} on {name}, and treated as its set", span.line))
    for one, other in pairs(problem):
        facts.append(Fact(f"with line {other.span.line} an equation, and treated as one", one.span.line))
    return facts


def _reductions(problem: Problem) -> list[Fact]:
    """Entries that are numbers for methods, and equations that are substituted for those that take none."""
    plain = without_fixed(problem)
    facts = [Fact(words, line) for words, line in (plain.embedding.words if plain.embedding else ())]
    other = without_defined(plain)
    if other is plain:
        return facts
    own = other.embedding.words[len(facts) :]
    return facts + [Fact(f"{words} for methods that take no constraints of the follower", line) for words, line in own]


def _kinks(problem: Problem) -> list[Fact]:
    """Kinks that methods of derivatives see as rows, or why they see them as they are."""
    seen = split_both(problem)
    names = ", ".join(name for name, method in METHODS.items() if method.card.smooth)
    facts = [Fact(f"{words}, for {names}", line) for words, line in (seen.split.words if seen.split else ())]
    return facts + [Fact(*kept) for level in ("lower", "upper") if (kept := hindrance(problem, level))]


def _scaling(problem: Problem, seen: Problem) -> list[Fact]:
    """The units in which a method counts: those that are far from the model's, and the range of the others."""
    factors = told(seen)
    if not factors:
        return []
    pairs = [(v.name, f, v.span.line) for v in problem.variables for f in _of(factors, "variables", v.name)]
    pairs += [(f"the {w} objective", factors[w], o.span.line) for w, o in (("upper", problem.f), ("lower", problem.g))]
    for c in {id(c.span): c for c in (*problem.upper_constraints, *problem.lower_constraints)}.values():
        named = "" if c.name.startswith("line ") else f" {c.name}"
        pairs += [(f"constraint{named}", f, c.span.line) for f in _of(factors, "constraints", c.name)]
    far = [(np.min(f) < 1 / FAR or np.max(f) > FAR) for _, f, _ in pairs]
    facts = [Fact(f"{name} in units of {_number(f)}", line) for (name, f, line), is_far in zip(pairs, far) if is_far]
    near = np.concatenate([np.ravel(f) for (_, f, _), is_far in zip(pairs, far) if not is_far] or [np.ones(0)])
    if near.size and np.any(near != 1):
        facts.append(Fact(f"{'everything else' if facts else 'everything'} in units of its size: {_number(near)}"))
    return facts


def _of(factors: dict, kind: str, name: str) -> list:
    return [factors[kind][name]] if name in factors[kind] else []


def _number(factor: float | list[float]) -> str:
    """Of one factor, or of the smallest and the largest."""
    ends = (np.min(factor), np.max(factor))
    return " to ".join(dict.fromkeys(f"{v:.3g}" for v in ends))


# --- methods --------------------------------------------------------------------------------------


def _methods(problem: Problem, structure: Structure) -> tuple[Verdict, ...]:
    chosen, why = choose(problem, structure)
    verdicts = []
    for name, method in METHODS.items():
        if method.card.ties != "optimistic":
            continue
        refusals = method.refusals(problem)
        reasons = tuple(Fact(r.rule, r.span.line if r.span else None) for r in refusals)
        verdicts.append(Verdict(name, not refusals, name == chosen, (Fact(why),) if name == chosen else reasons))
    return tuple(verdicts)


# --- output ---------------------------------------------------------------------------------------


def lines(e: Explanation, width: int, unicode: bool = False) -> list[Line]:
    page = Page(width, unicode, label=14)
    page.add((e.problem, "bold"), (f": {e.kind}", ""))
    page.blank()
    s = e.sizes
    page.entry("upper level", _counted(s["upper_variables"], s["upper_rows"]))
    page.entry("lower level", _counted(s["lower_variables"], s["lower_rows"]))
    page.entry("data", f"{s['data']} number{'s' * (s['data'] != 1)}")
    for head, facts in (
        ("upper", e.upper),
        ("lower", e.lower),
        ("structure", e.structure),
        ("bounds", e.bounds),
        ("taken out", e.reductions),
        ("kinks", e.kinks),
        ("scaling", e.scaling),
        ("warnings", e.warnings),
    ):
        page.blank()
        for k, fact in enumerate(facts):
            page.entry(head if k == 0 else "", str(fact))
    page.blank()
    page.add(("methods", "bold"))
    for v in [v for v in e.methods if METHODS[v.method].automatic]:
        word = "accepts it" if v.accepts else "refuses:"
        reasons = "; ".join(map(str, v.reasons))
        page.entry(
            v.method,
            f"accepts it, and is chosen: {reasons}" if v.chosen else f"{word} {reasons}".strip(),
            "" if v.accepts else DIM,
        )
    others = [v.method for v in e.methods if v.accepts and not METHODS[v.method].automatic]
    if others:
        page.entry("of papers", f"{', '.join(others)} accept it" if others[1:] else f"{others[0]} accepts it")
    return page.lines


def _counted(variables: int, rows: int) -> str:
    return f"{variables} variable{'s' * (variables != 1)}, {rows or 'no'} constraint row{'s' * (rows != 1)}"


def as_json(e: Explanation) -> dict:
    def fact(f: Fact) -> dict:
        return {"text": f.text, "line": f.line}

    return {
        "schema": 1,
        "problem": e.problem,
        "class": e.kind,
        "sizes": e.sizes,
        **{k: [fact(f) for f in getattr(e, k)] for k in KEYS},
        "methods": [
            {"method": v.method, "accepts": v.accepts, "chosen": v.chosen, "reasons": [fact(f) for f in v.reasons]}
            for v in e.methods
        ],
    }
