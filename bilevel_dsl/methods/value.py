"""Global answers of problems whose follower is not convex: boxes of (x, y), cuts from the follower's answers, two bounds.

    min  f(x, y)   over x in X, y in Y,   c(x, y) <= 0,  h(x, y) <= 0,  e(x, y) = 0
    s.t. g(x, y) <= g(x, y_k)      for all x at which y_k is admissible,   k = 1, 2, ...

All answers of the follower satisfy the cuts, whatever y_k are, so the global minimum of this program is a lower bound; y_k
are what the follower answers where the bound is attained. The follower solved globally at such an x gives points of both
levels, and with them an upper bound. The method ends when the two meet.

- *Global* means interval branch and bound: enclosures of functions, slopes and curvatures over boxes, rounded outward;
  rows make boxes smaller (forward and backward through the expressions, and by their slopes); bounds of f are of the
  Lagrangian, to second order. All rounds share one tree: what a cut has removed stays removed.
- *A cut is a rule.* y_k goes along with the leader to first order, y_k(x) = y_k + S_k (x - x_k), with S_k from the
  follower's active rows, and a little inside of them. Whether it is admissible all over a box is decided by intervals; only
  there the cut is used. So rows and sets of the follower may depend on x, and a cut is second-order accurate.
- *Conditions of the follower* (Fritz John) are rows too, face by face: some y_i at a bound, some rows active, minors of the
  gradients zero. No multiplier is a variable. Where g or a row has kinks in y they are left out.
- *A point counts* where the follower, solved globally at its x, gains less than 1e-9 of the size of g and rows hold to 1e-8.
  The bound is one of the exact problem. It may be above f at such a point: then f is better than exact.
- *Infeasible* is proved where no box is left: no decision has an answer of the follower that the leader's rows allow.

The number of boxes grows fast with the number of variables; a limit gives the best answer with the bound so far.

Mitsos, Lemonidis, Barton, J. Global Optim. 42 (2008); Mitsos, J. Global Optim. 47 (2010); Djelassi, Glass, Mitsos, J. Global
Optim. 75 (2019). Boxes with the follower's conditions: Kleniati, Adjiman, J. Global Optim. 60 (2014). Intervals: Kearfott.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import comb

import casadi as ca
import numpy as np

from ..functions.oracles import Oracles
from ..intervals import Graph, Unsupported
from ..intervals.propagation import propagated
from ..model.problem import Problem
from ..model.structure import Structure
from . import needs
from .card import Card, Need, Refusal, Suits
from .direct.ipopt import Watch
from .direct.system import Levels
from .direct.value.balanced import balanced
from .direct.value.search import Search, Searched
from .outcome import Outcome, Progress, reporting
from .program import Setting

NAME = "value"
EXECUTOR = "intervals"
MOST_UPPER, MOST_LOWER = 5, 4  # variables that are taken
FEW = 3  # of either level, up to which `auto` gives it the problem
LARGEST = 50_000  # operations and numbers of the objectives, before anything else is tried
FACES = 80  # cases of the follower's conditions, up to which `auto` begins with it


def _many(problem: Problem) -> list[Refusal]:
    found = []
    for level, variables, count, most in (
        ("upper", problem.upper_variables, problem.x.numel(), MOST_UPPER),
        ("lower", problem.lower_variables, problem.y.numel(), MOST_LOWER),
    ):
        if count > most:
            words = (
                f"the {level} level has {count} variable{'s' * (count != 1)} (limit {most}), and boxes of them are searched"
            )
            found.append(Refusal(words, variables[0].span))
    return found


@lru_cache(maxsize=4)
def _levels(problem: Problem) -> Levels | Refusal:
    """The levels as expressions that intervals know, with bounds for the leader; or why not."""
    objectives = ca.Function("size", [problem.x, problem.y, *problem.p], [problem.f.expression, problem.g.expression])
    size = objectives.n_instructions() + objectives.sz_w()
    if size > LARGEST:
        return Refusal(f"the objectives are {size} operations and numbers (limit {LARGEST})", problem.g.span)
    levels = Levels(Oracles(problem))
    if levels.kind is not ca.SX:
        return Refusal("the objectives and constraints are not made of scalar operations alone", problem.g.span)
    x, y = ca.SX.sym("x", levels.nx), ca.SX.sym("y", levels.ny)
    for name, part in zip("fghec", levels.expressions(x, y)):
        try:
            Graph(ca.Function(name, [x, y], [ca.densify(part)]))
        except Unsupported as reason:
            span = problem.f.span if name == "f" else problem.g.span
            return Refusal(f"there are no intervals for an expression: {reason}", span)
    if levels.possible:
        low, high, held = _bounds(levels)
        for v in problem.upper_variables:
            if not np.all(np.isfinite(low[v.slice]) & np.isfinite(high[v.slice]) | held[v.slice]):
                return Refusal(f"`{v.name}` has no finite bounds, and no constraint holds it", v.span)
    return levels


def _bounds(levels: Levels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of x, with what follows from rows one by one; and which entries of x appear in rows, which may bound them together."""
    x, y = ca.SX.sym("x", levels.nx), ca.SX.sym("y", levels.ny)
    _, _, h, e, c = levels.expressions(x, y)
    rows = ca.densify(ca.vertcat(h, e, c))
    graph = Graph(ca.Function("rows", [ca.vertcat(x, y)], [rows]))
    equal = np.concatenate([np.zeros(levels.n_h, bool), np.ones(levels.n_e, bool), levels.c_equal])
    columns = [
        np.concatenate([levels.x_low, levels.y_low]),
        np.concatenate([levels.x_high, levels.y_high]),
        np.where(equal, 0.0, -np.inf),
        np.zeros(rows.numel()),
    ]
    with np.errstate(all="ignore"):
        low, high, gone = propagated(graph, *(v[:, None] for v in columns))
    if gone.any():
        return np.zeros(levels.nx), np.zeros(levels.nx), np.ones(levels.nx, bool)  # infeasible: for the search to say
    held = np.array(ca.DM(ca.jacobian_sparsity(rows, x), 1.0)).any(0)
    return low[: levels.nx, 0], high[: levels.nx, 0], held


def _unknown(problem: Problem) -> list[Refusal]:
    if needs.SMOOTH_SETS.broken(problem) or problem.used_duals or _many(problem):
        return []  # refused for that
    found = _levels(problem)
    return [found] if isinstance(found, Refusal) else []


def _suits(problem: Problem, structure: Structure) -> tuple[Suits, str] | None:
    if max(problem.x.numel(), problem.y.numel()) > FEW or structure.lower_convex not in ("no", "sampled"):
        return None
    if structure.lower_convex == "sampled":
        return Suits.OTHERWISE, "the lower level may not be convex, and has few variables"
    if _many_faces(problem):
        return Suits.OTHERWISE, "the lower level is not convex, and its conditions have many cases"
    return Suits.EXACT, "the lower level is not convex, and has few variables: it is solved globally"


def _many_faces(problem: Problem) -> bool:
    """More cases than `FACES`: of variables at bounds, and of rows that are active."""
    levels = _levels(problem)
    finite = np.isfinite(levels.y_low).astype(int) + np.isfinite(levels.y_high)
    rows = sum(comb(levels.n_h, k) for k in range(levels.ny + 1))
    return int(np.prod(1 + finite)) * rows > FACES


CARD = Card(
    name=NAME,
    title="cuts from the follower's answers and interval branch and bound, global for few variables, not convex",
    rank=3,
    papers=(
        "Mitsos, Lemonidis, Barton: Global solution of bilevel programs with a nonconvex inner program, "
        "J. Global Optim. 42, 2008",
        "Mitsos: Global solution of nonlinear mixed-integer bilevel programs, J. Global Optim. 47, 2010",
        "Djelassi, Glass, Mitsos: Discretization-based algorithms for generalized semi-infinite and bilevel programs with "
        "coupling equality constraints, J. Global Optim. 75, 2019",
        "Kleniati, Adjiman: Branch-and-Sandwich: a deterministic global optimization algorithm for optimistic bilevel "
        "programming problems, J. Global Optim. 60, 2014",
        "Kearfott: Rigorous Global Search, Kluwer, 1996",
    ),
    needs=(
        needs.NO_DUALS,
        needs.SMOOTH_SETS,
        Need(f"at most {MOST_UPPER} upper and {MOST_LOWER} lower variables", _many),
        Need("functions that intervals know; upper variables with bounds, or held by constraints", _unknown),
    ),
    suits=_suits,
)

SETTINGS = (
    Setting("tol", 1e-6, "of the certificate; the bounds meet to 4e-7 of f or its change over one length", 0),
    Setting("max_iter", 4_000, "boxes", 0, integer=True),
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
    levels = Levels(oracles)
    if not levels.possible:
        return Outcome("infeasible", x, y)
    watch = Watch(deadline, 10**9, None)
    start = levels.clipped(x, y)
    found = Search(balanced(levels), start, watch, int(settings["max_iter"]), reporting(on_progress)).run()
    record = {
        "iterations": found.boxes,
        "calls": {"boxes": found.boxes, "cuts": found.cuts, "followers": found.followers},
        "bound": None if found.bound == -np.inf else found.bound,
        "proved_by": _words(found),
    }
    if found.point is None:
        return Outcome(found.status, *start, measures={"bound": found.bound}, **record)
    columns = [np.array(column, float) for column in zip(*found.trace)]
    trace = dict(zip(("iteration", "upper", "bound"), columns))
    point = found.point
    f, g = (float(v) for v in levels.numbers(point.x, point.y)[:2])
    measures = {"upper": f, "lower": g, "bound": found.bound, "gap": f - found.bound}
    return Outcome(found.status, point.x, point.y, measures=measures, trace=trace, **record)


def _words(found: Searched) -> str:
    boxes = f"{found.boxes} box{'es' * (found.boxes != 1)}"
    return f"interval search of {boxes} with {found.cuts} cut{'s' * (found.cuts != 1)} from the follower's answers"
