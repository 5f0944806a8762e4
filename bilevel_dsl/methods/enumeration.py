"""Every choice of the leader's whole numbers in turn, the best continuous decision with each.

    min over n   min { f(n, x, y) : y in argmin g(n, x, .), ... }        n: few choices of whole numbers

With the whole numbers held, a problem is continuous, and products of whole numbers with anything are linear. Where
`branches` takes it, its answer is proved, else it is one of `mpcc`. If all are of the first kind the best of them is proved
to be the global answer, and a choice without one is proved to have none.

Rows of the leader on whole numbers alone rule choices out before. A time limit gives the best of those that were tried.

Moore, Bard, Operations Research 38 (1990), on mixed integer leaders; for many choices `branches` bounds them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from time import perf_counter

import numpy as np

from ..functions.oracles import Oracles
from ..model.problem import Problem
from ..model.structure import Structure
from ..reductions.held import held, ranges
from . import branches, mpcc
from .card import Card, Need, Refusal, Suits
from .outcome import Outcome, Progress
from .program import Setting

NAME = "enumeration"
EXECUTOR = "highs, ipopt"
MOST = 64  # choices
ENDS = ("time_limit", "interrupted", "iteration_limit")
BETTER = 1e-9  # of the size of f: of two choices that are as good, the first


def _count(problem: Problem) -> float:
    low, high = ranges(problem)
    return float(np.prod(np.maximum(high - low + 1, 0.0)))


def _nothing_whole(problem: Problem) -> list[Refusal]:
    return [] if problem.whole.any() else [Refusal("no upper variable takes whole numbers only", problem.f.span)]


def _too_many(problem: Problem) -> list[Refusal]:
    if not problem.whole.any() or _count(problem) <= MOST:
        return []
    first = next(v for v in problem.upper_variables if v.whole)
    count = _count(problem)
    shown = f"{count:,.0f}" if count < 1e9 else f"{count:.0e}"
    return [Refusal(f"there are {shown} choices of whole numbers (limit {MOST})", first.span)]


def _suits(problem: Problem, structure: Structure) -> tuple[Suits, str] | None:
    return Suits.GENERAL, f"each of {_count(problem):.0f} choices of whole numbers is tried"


CARD = Card(
    name=NAME,
    title="every choice of a few whole numbers, the continuous rest by `branches` or `mpcc`",
    rank=4,
    papers=("Moore, Bard: The mixed integer linear bilevel programming problem, Operations Research 38, 1990",),
    needs=(
        Need("upper variables that take whole numbers", _nothing_whole),
        Need(f"at most {MOST} choices of them", _too_many),
        *mpcc.CARD.needs,
    ),
    assumes=mpcc.CARD.assumes,
    suits=_suits,
    whole=True,
)

SETTINGS = (
    Setting("tol", 1e-6, "of the certificate; each choice is solved far below it", 0),
    Setting("max_iter", 200_000, "nodes, or iterations of IPOPT, of each choice", 0, integer=True),
)


def solve(
    oracles: Oracles,
    x: np.ndarray,
    y: np.ndarray,
    settings: Mapping[str, float],
    *,
    deadline: float = np.inf,
    on_progress: Progress | None = None,
) -> Outcome:
    """The best of all choices; (x, y) is returned where there is none. See `outcome.py`."""
    problem, whole = oracles.written, oracles.written.whole
    found: list[Outcome] = []
    best, rows = Outcome("infeasible", np.where(whole, np.round(x), x) + 0.0, y), []
    for values in _choices(problem):
        if perf_counter() > deadline:
            found.append(Outcome("time_limit", x, y))
            break
        one = _with(problem, values, x[~whole], y, settings, deadline)
        found.append(one)
        if _better(_value(one), _value(best)):
            best = replace(one, x=_joined(whole, values, one.x))
        rows.append((len(found), _value(best), _bound(found)))
        if on_progress is not None and on_progress(len(found), {"upper": _value(best)}):
            found.append(Outcome("interrupted", x, y))
            break
    return _told(best, found, rows)


def _choices(problem: Problem) -> Iterator[np.ndarray]:
    low, high = ranges(problem)
    return (np.array(n) for n in product(*(np.arange(a, b + 1) for a, b in zip(low, high))))


def _with(problem: Problem, values: np.ndarray, x: np.ndarray, y: np.ndarray, settings, deadline: float) -> Outcome:
    """The best continuous decision with these whole numbers."""
    rest = held(problem, values)
    if rest is None:
        return Outcome("infeasible", x, y, bound=np.inf)
    method = mpcc if branches.CARD.refusals(rest) else branches
    own = {s.name: s.default for s in method.SETTINGS} | dict(settings)
    return method.solve(Oracles(rest), x, y, own, deadline=deadline)


def _joined(whole: np.ndarray, values: np.ndarray, rest: np.ndarray) -> np.ndarray:
    x = np.zeros(whole.size)
    x[whole], x[~whole] = values, rest
    return x


def _value(one: Outcome) -> float:
    """The leader's value; infinite where there is no point."""
    value = one.measures.get("upper", np.inf) if one.status in ("converged", *ENDS) else np.inf
    return -np.inf if one.status == "diverged" else value if np.isfinite(value) else np.inf


def _better(value: float, than: float) -> bool:
    apart = BETTER * max(1.0, abs(than)) if np.isfinite(value) and np.isfinite(than) else 0.0
    return value < than - apart


def _bound(found: list[Outcome]) -> float:
    """Of all choices that were tried; nothing is known of one without a bound."""
    return min((-np.inf if one.bound is None else one.bound for one in found), default=np.inf)


def _words(choices: int) -> str:
    if not choices:
        return "the bounds, between which no whole numbers are"
    return f"enumeration of {choices} choice{'s' * (choices != 1)} of whole numbers, each by branch and bound"


def _told(best: Outcome, found: list[Outcome], rows: list[tuple[int, float, float]]) -> Outcome:
    """All choices as one outcome."""
    stopped = next((one.status for one in found if one.status in ENDS), None)
    tried, upper, bounds = (np.array(v, float) for v in zip(*rows)) if rows else (np.zeros(0),) * 3
    calls = {"choices": len(rows)}
    for one in found:
        for name, count in one.calls.items():
            calls[name] = calls.get(name, 0) + count
    bound = _bound(found) if not stopped else -np.inf
    known = np.isfinite(bound) or bound == np.inf
    return replace(
        best,
        status=stopped or best.status,
        iterations=sum(one.iterations for one in found),
        calls=calls,
        bound=bound if known else None,
        proved_by=_words(len(rows)) if known else "",
        trace={"iteration": tried, "upper": upper, "bound": bounds},
    )
