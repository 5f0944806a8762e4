"""The methods by name: every file of this package with a `CARD` is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import numpy as np

from ..diagnostics import BilevelError, Diagnostic, Label, Span, did_you_mean
from ..functions.oracles import Oracles
from ..model.problem import Problem
from ..model.structure import Structure, analyse
from ..reductions.defined import without_defined
from ..reductions.fixed import without_fixed
from ..reductions.split import split_both
from . import needs
from .card import Card, Refusal, Suits
from .embedded import outcome_of_whole, program_of_whole
from .outcome import Outcome
from .program import Program, Setting
from .units import outcome_in_units, program_in_units

SHOWN = 6


@dataclass(frozen=True)
class MethodInfo:
    """A method: its card, its settings, and its program for a problem, or its direct solve."""

    card: Card
    module: ModuleType

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def title(self) -> str:
        return self.card.title

    @property
    def papers(self) -> tuple[str, ...]:
        return self.card.papers

    @property
    def requirements(self) -> tuple[str, ...]:
        return self.card.requirements

    @property
    def settings(self) -> tuple[Setting, ...]:
        return self.module.SETTINGS

    @property
    def description(self) -> str:
        """The docstring of its file: formulas, assumptions, pitfalls."""
        return (self.module.__doc__ or "").strip()

    @property
    def automatic(self) -> bool:
        """Whether `auto` may take it; the others are the methods of papers as they are printed."""
        return self.card.suits is not None

    def refusals(self, problem: Problem, exported: bool = False) -> list[Refusal]:
        return self.card.refusals(self.seen(problem, exported))

    def seen(self, problem: Problem, exported: bool = False) -> Problem:
        """What the method is given: without fixed and unused variables; with kinks as rows for a method that takes it so.

        A method that refuses equations of the follower is given it without those that define variables, if then it accepts.

        Args:
            exported: for C, whose data may change.
        """
        problem = without_fixed(problem, exported)
        problem = split_both(problem) if self.card.smooth else problem
        other = without_defined(problem) if self.condenses else problem
        return other if other is not problem and self.card.refusals(problem) and not self.card.refusals(other) else problem

    @property
    def condenses(self) -> bool:
        """Whether it takes no constraints of the follower: it is given states as functions of the decisions."""
        return any(need in needs.WITHOUT_ROWS for need in self.card.needs)

    @property
    def direct(self) -> bool:
        """Whether it solves by a solver of its own: no program, nothing to compile or to export."""
        return hasattr(self.module, "solve")

    @property
    def executor(self) -> str:
        """The solver of a direct method."""
        return getattr(self.module, "EXECUTOR", "")

    def program(self, oracles: Oracles, settings: Mapping[str, float] | None = None) -> Program:
        """The program for a problem; of `settings` only those matter that are built into it.

        Raises:
            BilevelError: BL0410, BL0411, BL0413: a batch of more samples than there are, an objective that cannot be
                sampled, a batch where there are no samples.
        """
        built = {s.name: settings[s.name] for s in self.settings if s.built and s.name in (settings or {})}
        made = self.module.program(oracles, built) if any(s.built for s in self.settings) else self.module.program(oracles)
        return program_of_whole(program_in_units(made, oracles.written.scaling), oracles.written)

    def at_run_time(self, settings: Mapping[str, float]) -> dict[str, float]:
        """Those of `settings` that are settings of the program."""
        built = {s.name for s in self.settings if s.built}
        return {name: value for name, value in settings.items() if name not in built}

    def solve(self, oracles: Oracles, x: np.ndarray, y: np.ndarray, settings: Mapping[str, float], **more) -> Outcome:
        """Of a direct method, see `outcome.py`; x, y and what comes out are the user's."""
        scaling, parts, embedding = oracles.written.scaling, oracles.written.split, oracles.written.embedding
        if embedding is not None:
            x, y = embedding.inside(x, y)
        if parts is not None:
            x, y = parts.inside(x, y)
        if scaling is not None:
            told = more.pop("on_progress", None)
            more["on_progress"] = told and (lambda k, measures: told(k, scaling.of_measures(measures)))
            x, y = scaling.inside(x, y)
        outcome = self.module.solve(oracles, x, y, settings, **more)
        outcome = outcome if scaling is None else outcome_in_units(outcome, scaling)
        if parts is not None:
            x, y = parts.outside(outcome.x, outcome.y)
            outcome = replace(outcome, x=x, y=y)
        return outcome if embedding is None else outcome_of_whole(outcome, oracles.written)


def _found() -> dict[str, MethodInfo]:
    package = import_module(__package__)
    names = [m.name for m in iter_modules(package.__path__) if not m.ispkg and m.name != "registry"]
    modules = [import_module(f".{name}", __package__) for name in names if name != "settings"]
    methods = [MethodInfo(m.CARD, m) for m in modules if hasattr(m, "CARD")]
    return {m.name: m for m in sorted(methods, key=lambda m: (m.card.rank, m.name))}


METHODS: dict[str, MethodInfo] = _found()


def fitting(problem: Problem, exported: bool = False) -> list[str]:
    """The methods that accept the problem, with a follower that takes the leader's choice of several answers."""
    friendly = {name: method for name, method in METHODS.items() if method.card.ties == "optimistic"}
    return [name for name, method in friendly.items() if not method.refusals(problem, exported)]


def shortened(names: Iterable[str]) -> str:
    """Those that `auto` may take, and where the others are: there are too many for one line."""
    names = list(names)
    shown = [name for name in names if METHODS[name].automatic] or names[:SHOWN]
    return ", ".join(shown) + (" (and others: `bileveldsl methods`)" if len(names) > len(shown) else "")


def require(name: str, problem: Problem, where: Span | None = None, exported: bool = False) -> MethodInfo:
    """The method `name` if it accepts `problem`; `exported`: for C, whose data may change.

    Raises:
        BilevelError: BL0401 unknown name, BL0402 the problem breaks a rule of the method.
    """
    if name not in METHODS:
        raise BilevelError(
            Diagnostic(
                "BL0401",
                f"there is no method `{name}`",
                Label(where, "") if where else None,
                hints=(*did_you_mean(name, ["auto", *METHODS]), f"the methods are: auto, {shortened(METHODS)}"),
                exit_status=3 if where else 2,
            )
        )
    refusals = METHODS[name].refusals(problem, exported)
    if refusals:
        fits = shortened(fitting(problem, exported))
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


def ordered(problem: Problem, structure: Structure) -> list[tuple[MethodInfo, str]]:
    """The methods that `auto` may take for the class of `problem`, the best first, each with why, as a clause.

    None accepts it where the leader chooses whole numbers and `branches` refuses: see `no_method`.
    """
    automatic = [METHODS[name] for name in fitting(problem) if METHODS[name].automatic]
    offers = [(method, _offer(method, problem, structure)) for method in automatic]
    taken = sorted(((method, *offer) for method, offer in offers if offer is not None), key=lambda o: -o[1])
    return [(method, why) for method, _, why in taken]


def _offer(method: MethodInfo, problem: Problem, structure: Structure) -> tuple[Suits, str] | None:
    """How well it suits, and why.

    Where it sees the follower without its kinks, better than those that see them; where it has to see it without the
    equations of its states, whose derivatives are dense then, after those that take them.
    """
    suits, seen = method.card.suits, method.seen(problem)
    if suits is None:
        return None
    if seen is problem:
        return suits(problem, structure)
    offer = suits(seen, analyse(seen))
    if offer is not None and seen.split is None and seen is not without_fixed(problem):
        return Suits.OTHERWISE, f"{offer[1]}, once its equations are substituted"
    if seen.split is None or offer is None or offer[0] >= Suits.MADE_FOR:
        return offer
    return Suits.MADE_FOR, "kinks are smooth rows for it"


def choose(problem: Problem, structure: Structure) -> tuple[str, str]:
    """The first method of `ordered`, by name, and why; empty where there is none."""
    return next(((method.name, why) for method, why in ordered(problem, structure)), ("", ""))


def no_method(problem: Problem) -> BilevelError:
    """BL0416: the leader chooses whole numbers, and what keeps the one method for these from it."""
    v = next(v for v in problem.upper_variables if v.whole)
    own, few = (METHODS[name].refusals(problem) for name in ("branches", "enumeration"))
    whole = [] if own[0].span is v.span else [Label(v.span, "whole numbers")]
    return BilevelError(
        Diagnostic(
            "BL0416",
            f"no method takes this: `{v.name}` takes whole numbers only, and `branches`, which is for these, refuses: "
            f"{own[0].rule}",
            Label(own[0].span or v.span),
            (*(Label(r.span, r.rule) for r in own[1:] if r.span), *whole),
            (
                f"nor does `enumeration`: {few[0].rule}",
                "a relaxation is continuous: `[0, 1]` for `binary`, `[lower, upper]` for `integer(lower, upper)`",
                "`bilevel_dsl.follow(problem, {...})` tells what one choice of the leader is worth",
            ),
        )
    )
