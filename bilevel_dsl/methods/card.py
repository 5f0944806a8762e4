"""What a method says of itself, at the head of its file: the registry, refusals, `methods` and the docs come from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from ..diagnostics import Span
from ..model.problem import Problem
from ..model.structure import Structure


class Suits(IntEnum):
    """How well a method suits a problem, for `auto`."""

    OTHERWISE = 0  # when the others have failed
    LAST = 1  # what is left
    GENERAL = 2  # it takes the class
    BEST = 3  # of several it is the best for the class
    MADE_FOR = 4  # the class is what it is made for
    ONLY = 5  # no other can
    EXACT = 6  # it finds the global answer, and proves it


@dataclass(frozen=True)
class Refusal:
    """A need that the problem does not meet, and the place that breaks it."""

    rule: str  # "the lower level has a constraint"
    span: Span | None


@dataclass(frozen=True)
class Need:
    """What a method asks of a problem: a sentence for the reader, and the check of it."""

    words: str  # "constraint sets on the upper level, but no constraints"; empty: the check speaks for itself
    broken: Callable[[Problem], list[Refusal]]


@dataclass(frozen=True, kw_only=True)
class Card:
    """A method.

    Attributes:
        papers: authors, title, place.
        assumes: what is not checked.
        suits: (problem, structure) -> how well, and why as a clause, for `auto`; None, or no function: `auto` does not
            take it. Only asked where the needs are met; the largest wins, then the first of the list.
        stochastic: it draws samples; its answers are good to some percent of what the samples leave open.
        rank: place in lists, ascending.
        whole: it takes leaders that choose whole numbers; to all others they are refused.
        anywhere: where it begins does not matter to its answer.
        smooth: it sees norms, absolute values and maxima of the follower as rows, where `reductions/split.py` is exact.
        dense: its linear algebra is dense: in a search it gives way after some work to a method with a solver of its own.
        ties: "pessimistic": its answer is for a follower that takes the worst of several answers; another question.
    """

    name: str
    title: str
    papers: tuple[str, ...]
    needs: tuple[Need, ...]
    assumes: tuple[str, ...] = ()
    suits: Callable[[Problem, Structure], tuple[Suits, str] | None] | None = None
    stochastic: bool = False
    rank: int = 100
    whole: bool = False
    anywhere: bool = False
    dense: bool = False
    smooth: bool = False
    ties: str = "optimistic"

    @property
    def requirements(self) -> tuple[str, ...]:
        """Sentences on what the method accepts."""
        kinks = ("kinks of both levels, an `l1ball` among them, where they can be had as smooth rows",) * self.smooth
        return (*self.assumes, *(n.words for n in self.needs if n.words), *kinks)

    def refusals(self, problem: Problem) -> list[Refusal]:
        own = [refusal for need in self.needs for refusal in need.broken(problem)]
        return own if self.whole else [*whole_numbers(problem), *own]


def whole_numbers(problem: Problem) -> list[Refusal]:
    """What a method for continuous variables says of a leader that chooses whole numbers."""
    rule = "the upper variable `{}` takes whole numbers only, and this is a method for continuous variables"
    return [Refusal(rule.format(v.name), v.span) for v in problem.upper_variables if v.whole][:1]
