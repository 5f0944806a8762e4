"""Branch and bound against an adverse follower: the least value that the leader can be sure of.

    inf over x in X of  max { f(x, y) : y in S(x) },    S(x) the follower's answers

With a follower that is linear or convex quadratic, f convex quadratic and affine over S(x), and affine rows. An answer y is
the worst one if it maximises f over S(x), a linear program; its conditions, and the follower's, are linear but for what is
zero where, and `methods/direct/adverse.py` branches on that. The leader's rows with y must hold for all answers.

- The infimum need not be attained: the worst value may fall along decisions whose answer is the only one, and jump where it
  has ties. Then decisions come as near to it as wanted; one of them is returned, with the infimum as its bound.
- A branch counts only where its multipliers can all be positive: elsewhere it asks too much of the worst answer.
- Products of tolls and flows are linear by the follower's conditions, as with `branches`.

This is what `ties = "pessimistic"` takes where it can; named as a method it means that too.

Loridan, Morgan, J. Global Optim. 8 (1996); Wiesemann, Tsoukalas, Kleniati, Rustem, SIAM J. Optim. 23 (2013);
Mangasarian, Operations Research Letters 7 (1988), for S(x); Dempe, Mordukhovich, Zemkoho, Optimization 63 (2014).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from ..functions.oracles import Oracles
from ..model.problem import Problem
from . import needs
from .card import Card, Need, Refusal
from .direct.adverse import AdverseProgram, Unsuited
from .direct.adverse_tree import AdverseTree, Worst
from .direct.quadratic import count_pairs, program_of
from .direct.system import Levels
from .outcome import Outcome, Progress, reporting
from .program import Setting

NAME = "adverse"
EXECUTOR = "highs"
MOST_PAIRS = 40


@lru_cache(maxsize=4)
def _program_of(problem: Problem) -> AdverseProgram | Refusal:
    """The program of `problem`, or why there is none."""
    paired = program_of(problem)
    if isinstance(paired, Refusal):
        return paired
    try:
        return AdverseProgram(paired)
    except Unsuited as reason:
        return Refusal(str(reason), problem.f.span)


def _too_many_pairs(problem: Problem) -> list[Refusal]:
    if needs.SMOOTH_SETS.broken(problem):
        return []  # refused for that
    pairs = count_pairs(problem)
    if pairs <= MOST_PAIRS:
        return []
    rule = f"the lower level has {pairs} bounds and rows that may be active (limit {MOST_PAIRS})"
    return [Refusal(rule, problem.lower_variables[0].span)]


def _unfit(problem: Problem) -> list[Refusal]:
    if needs.SMOOTH_SETS.broken(problem) or _too_many_pairs(problem):
        return []  # refused for that
    made = _program_of(problem)
    return [made] if isinstance(made, Refusal) else []


CARD = Card(
    name=NAME,
    title="branch and bound against an adverse follower, global for small linear and convex quadratic levels",
    rank=4,
    anywhere=True,
    ties="pessimistic",
    papers=(
        "Loridan, Morgan: Weak via strong Stackelberg problem: new results, J. Global Optim. 8, 1996",
        "Wiesemann, Tsoukalas, Kleniati, Rustem: Pessimistic bilevel optimization, SIAM J. Optim. 23, 2013",
        "Mangasarian: A simple characterization of solution sets of convex programs, Operations Research Letters 7, 1988",
        "Dempe, Mordukhovich, Zemkoho: Necessary optimality conditions in pessimistic bilevel programming, "
        "Optimization 63, 2014",
    ),
    needs=(
        needs.SMOOTH_SETS,
        Need(f"at most {MOST_PAIRS} inequalities and bounds in the lower level", _too_many_pairs),
        Need(
            "what `branches` needs; an upper objective affine over the lower level's answers, no `dual` in the upper level",
            _unfit,
        ),
    ),
)

SETTINGS = (
    Setting("tol", 1e-6, "of the certificate; nodes are solved far below it", 0),
    Setting("max_iter", 200_000, "nodes", 0, integer=True),
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
    """The least worst value; (x, y) is returned where there is none. See `outcome.py`."""
    if not Levels(oracles).possible:
        return Outcome("infeasible", x, y)
    program = _program_of(oracles.written)
    system = program.system
    size = system.scales.f
    stop = reporting(on_progress, size)
    found = AdverseTree(program, deadline, settings["max_iter"], stop).search()
    bound = found.bound / size
    record = {
        "iterations": found.nodes,
        "calls": {"nodes": found.nodes},
        "bound": None if bound == -np.inf else bound,
        "proved_by": _words(found, len(program.pairs)),
        "unattained": found.status == "converged" and not found.attained,
    }
    if found.point is None:
        return Outcome(found.status, *system.levels.clipped(x, y), measures={"bound": bound}, **record)
    nodes, *values = (np.array(column, float) for column in zip(*found.trace))
    trace = {"iteration": nodes, **{name: v / size for name, v in zip(("upper", "bound"), values)}}
    x, y = system.split(found.point)
    f, g = (float(v) for v in system.levels.numbers(x, y)[:2])
    measures = {"upper": f, "lower": g, "bound": bound, "gap": found.value / size - bound}
    return Outcome(found.status, x, y, measures=measures, trace=trace, **record)


def _words(found: Worst, pairs: int) -> str:
    count = f"{pairs} complementarity pair{'s' * (pairs != 1)}"
    nodes = f"{found.nodes} node{'s' * (found.nodes != 1)}"
    return f"branch and bound on {count} against an adverse follower, {nodes}"
