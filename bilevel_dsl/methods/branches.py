"""Branch and bound on complementarity and whole numbers: the global answer of small linear and convex quadratic levels.

    min  f(x, y)   over x in X, y, s, mu, z, nu,   c(x, y) <= 0
    s.t. grad_y g + (grad_y h)' mu + (grad_y e)' nu - z_low + z_high = 0,   h(x, y) + s = 0,  e(x, y) = 0
         0 <= s  _|_  mu >= 0,   0 <= y - l  _|_  z_low >= 0,   0 <= u - y  _|_  z_high >= 0

With a follower that is linear or convex quadratic, f linear or convex quadratic and all rows affine in (x, y) jointly, this
is a convex program but for the pairs. Left out they are a relaxation; a node holds one member of some pairs at zero, and
it branches on one of those that are broken. The least bound of the open nodes bounds f, so the answer is the global one, and
with several answers of the follower it is the leader's choice. f may use `dual(label)`: multipliers are columns.

- *No multiplier is bounded by a constant.* A bound that is too small cuts answers off, and to know that one is large enough
  is as hard as the problem (Kleinert, Labbe, Plein, Schmidt 2020; the constants are of Fortuny-Amat and McCarl 1981). A
  relaxation may be unbounded; then it is branched on, and only a leaf tells.
- *Products* in f, of tolls and flows, of prices and quantities: at all answers of the follower the products of its
  conditions with its variables are zero. A sum of them that makes f linear or convex is added to f; the strong duality of a
  linear follower is one. Where none does, the problem is refused.
- *Bounds* are of linear programs, by HiGHS, also where f is quadratic: there it is linearised at the relaxation's point.
  The answer is within 1e-9 of its bound, relative.
- *Whole numbers* of the leader are branched on before pairs. Where all that the follower minds of the leader's decision is
  held, its answers are a linear system: those complementary to its multipliers.
- *Infeasible* is proved: no decision of the leader has an answer of the follower that the leader's rows allow, or the
  follower is unbounded at all of them.

The number of nodes may double with each pair and whole number; a time limit gives the best answer with the bound so far.

Bard, Moore, SIAM J. Sci. Stat. Comput. 11 (1990); Hansen, Jaumard, Savard, SIAM J. Sci. Stat. Comput. 13 (1992);
Labbe, Marcotte, Savard, Management Science 44 (1998), for tolls; Ruiz, Conejo, IEEE Trans. Power Syst. 24 (2009), for bids.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..functions.oracles import Oracles
from ..model.problem import Problem
from ..model.structure import Structure
from . import needs
from .card import Card, Need, Refusal, Suits
from .direct.quadratic import count_pairs, program_of
from .direct.system import Levels
from .direct.tree import Searched, search
from .outcome import Outcome, Progress, reporting
from .program import Setting

NAME = "branches"
EXECUTOR = "highs"
MOST_PAIRS, FEW_PAIRS = 60, 40  # that are taken; that `auto` gives it
MOST_WHOLE = 60  # variables
MOST_PAIRS_WHOLE = 160  # where the leader chooses nothing but whole numbers: held, they settle the pairs


def _too_many_pairs(problem: Problem) -> list[Refusal]:
    if needs.SMOOTH_SETS.broken(problem):
        return []  # refused for that
    pairs, most = count_pairs(problem), _most_pairs(problem)
    if pairs <= most:
        return []
    rule = f"the lower level has {pairs} bounds and rows that may be active (limit {most})"
    return [Refusal(rule, problem.lower_variables[0].span)]


def _most_pairs(problem: Problem) -> int:
    settled = problem.whole.size and problem.whole.all() and not problem.used_duals
    return MOST_PAIRS_WHOLE if settled else MOST_PAIRS


def _not_quadratic(problem: Problem) -> list[Refusal]:
    if needs.SMOOTH_SETS.broken(problem) or _too_many_pairs(problem):
        return []  # refused for that
    made = program_of(problem)
    return [made] if isinstance(made, Refusal) else []


def _too_many_whole(problem: Problem) -> list[Refusal]:
    count = int(problem.whole.sum())
    if count <= MOST_WHOLE:
        return []
    rule = f"the upper level has {count} variables that take whole numbers (limit {MOST_WHOLE})"
    return [Refusal(rule, next(v.span for v in problem.upper_variables if v.whole))]


def _suits(problem: Problem, structure: Structure) -> tuple[Suits, str] | None:
    pairs, whole = count_pairs(problem), int(problem.whole.sum())
    if whole:
        return Suits.EXACT, f"linear or convex quadratic levels with {_branched(pairs, whole)} are solved globally"
    if pairs > FEW_PAIRS:
        return Suits.OTHERWISE, "both levels are linear or convex quadratic"
    if not pairs and not problem.used_duals and not structure.coupled and not structure.lower_rows:
        return Suits.OTHERWISE, "both levels are linear or convex quadratic"  # smooth: local methods do
    return Suits.EXACT, f"linear or convex quadratic levels with {_branched(pairs)} are solved globally"


CARD = Card(
    name=NAME,
    title="branch and bound on complementarity and whole numbers, global for small linear and convex quadratic levels",
    rank=3,
    anywhere=True,
    papers=(
        "Bard, Moore: A branch and bound algorithm for the bilevel programming problem, SIAM J. Sci. Stat. Comput. 11, 1990",
        "Hansen, Jaumard, Savard: New branch-and-bound rules for linear bilevel programming, "
        "SIAM J. Sci. Stat. Comput. 13, 1992",
        "Labbe, Marcotte, Savard: A bilevel model of taxation and its application to optimal highway pricing, "
        "Management Science 44, 1998",
        "Ruiz, Conejo: Pool strategy of a producer with endogenous formation of locational marginal prices, "
        "IEEE Trans. Power Syst. 24, 2009",
        "Fortuny-Amat, McCarl: A representation and economic interpretation of a two-level programming problem, "
        "J. Oper. Res. Soc. 32, 1981",
        "Kleinert, Labbe, Plein, Schmidt: There's no free lunch: on the hardness of choosing a correct big-M in bilevel "
        "optimization, Operations Research 68, 2020",
    ),
    needs=(
        needs.SMOOTH_SETS,
        Need(
            f"at most {MOST_PAIRS} inequalities and bounds in the lower level, or {MOST_PAIRS_WHOLE} where the leader "
            "chooses nothing but whole numbers",
            _too_many_pairs,
        ),
        Need(
            "constraints and sets affine in both levels' variables together; a lower objective linear or convex quadratic, "
            "products with upper variables included; an upper objective linear or convex quadratic, or made so by the lower "
            "level's conditions, as tolls and bids are",
            _not_quadratic,
        ),
        Need(f"at most {MOST_WHOLE} upper variables that take whole numbers", _too_many_whole),
    ),
    smooth=True,
    suits=_suits,
    whole=True,
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
    """The global answer; (x, y) is returned where there is none. See `outcome.py`."""
    if not Levels(oracles).possible:
        return Outcome("infeasible", x, y)
    program = program_of(oracles.written)
    system = program.system

    def unscaled(value: float) -> float:
        return value / system.scales.f

    stop = reporting(on_progress, system.scales.f)
    found = search(
        program.relaxation.solve,
        program.pairs,
        whole=program.whole,
        settled=program.settled if program.whole else None,
        leaf=program.leaf,
        deadline=deadline,
        most=int(settings["max_iter"]),
        stop=stop,
    )
    bound = unscaled(found.bound)
    record = {
        "iterations": found.nodes,
        "calls": {"nodes": found.nodes},
        "bound": None if bound == -np.inf else bound,
        "proved_by": _words(found, len(program.pairs), len(program.whole)),
    }
    if found.w is None:
        x, y = system.levels.clipped(x, y)
        x[list(program.whole)] = np.round(x[list(program.whole)]) + 0.0
        return Outcome(found.status, x, y, measures={"bound": bound}, **record)
    nodes, *values = (np.array(column, float) for column in zip(*found.trace))
    trace = {"iteration": nodes, **{name: unscaled(v) for name, v in zip(("upper", "bound"), values)}}
    w = found.w[: system.size]
    x, y = system.split(w)
    x[list(program.whole)] = np.round(x[list(program.whole)]) + 0.0
    measures = {**system.measures(w), "bound": bound, "gap": unscaled(found.value - found.bound)}
    return Outcome(found.status, x, y, system.multipliers(w), measures=measures, trace=trace, **record)


def _words(found: Searched, pairs: int, whole: int) -> str:
    return f"branch and bound on {_branched(pairs, whole)}, {found.nodes} node{'s' * (found.nodes != 1)}"


def _branched(pairs: int, whole: int = 0) -> str:
    """What is branched on."""
    of_pairs = f"{pairs} complementarity pair{'s' * (pairs != 1)}"
    return of_pairs + (f" and {whole} whole variable{'s' * (whole != 1)}" if whole else "")
