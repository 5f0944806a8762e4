"""Branch and bound on the follower's complementarity pairs: the global answer of small linear levels.

    min  f(x, y)   over x in X, y, s, mu, z, nu,   c(x, y) <= 0
    s.t. grad_y g + (grad_y h)' mu + (grad_y e)' nu - z_low + z_high = 0,   h(x, y) + s = 0,  e(x, y) = 0
         0 <= s  _|_  mu >= 0,   0 <= y - l  _|_  z_low >= 0,   0 <= u - y  _|_  z_high >= 0

With a follower that is linear or convex quadratic, f and all rows affine, this is a linear program but for the pairs. Left
out they are a relaxation; a node holds one member of some pairs at zero, and the pair that is broken most is branched on.
No multiplier is bounded by a constant: a bound that is too small cuts answers off, and is as hard to find as the answer
(Kleinert, Labbe, Plein, Schmidt 2020). The value of the best node is the bound, so the answer is the global one.

Tolls: where f = tau g + an affine function, the follower linear and its rows free of x, strong duality makes f linear,

    g(x, y) = -(mu' h_0 + nu' e_0) + z_low' l - z_high' u,        h_0, e_0: the rows at y = 0

The program is that of `mpcc`, in scaled numbers; relaxations by HiGHS.

Bard, Moore, SIAM J. Sci. Stat. Comput. 11 (1990); Hansen, Jaumard, Savard, SIAM J. Sci. Stat. Comput. 13 (1992);
Labbe, Marcotte, Savard, Management Science 44 (1998), for the tolls.
"""

from __future__ import annotations

from collections.abc import Mapping

import casadi as ca
import numpy as np

from ..functions.oracles import Oracles
from ..model.bounds import with_bounds
from ..model.problem import Problem
from ..model.structure import Structure
from . import needs
from .card import Card, Need, Refusal, Suits
from .direct.program import LinearProgram
from .direct.system import Levels, System, scales_at
from .direct.tree import search
from .outcome import Outcome, Progress
from .parts.conditions import described
from .program import Setting

NAME = "branches"
EXECUTOR = "highs"
MOST_PAIRS, FEW_PAIRS = 60, 24  # that are taken; that `auto` gives it
CONVEX = 1e-9  # of the largest eigenvalue: a smaller negative one is rounding


def _not_linear(problem: Problem) -> list[Refusal]:
    """The first thing that is not affine, or not a convex quadratic follower, or too large."""
    problem = with_bounds(problem)
    if needs.SMOOTH_SETS.broken(problem):
        return []  # refused for that
    v = ca.veccat(problem.x, problem.y)
    slope = ca.gradient(problem.g.expression, problem.y)
    if ca.depends_on(ca.jacobian(slope, v), v):
        return [Refusal("the lower objective is not linear or quadratic in its variables", problem.g.span)]
    for level, constraints in (("upper", problem.upper_constraints), ("lower", problem.lower_constraints)):
        for c in constraints:
            if ca.depends_on(ca.jacobian(c.expression, v), v):
                return [Refusal(f"a constraint of the {level} level is not affine", c.span)]
        limits, rows = described(problem, level)
        if any(ca.depends_on(ca.jacobian(e, v), v) for e, _ in rows):
            span = (problem.upper_variables if level == "upper" else problem.lower_variables)[0].span
            return [Refusal(f"a constraint set of the {level} level is not described by affine rows", span)]
    return _numbers(problem, v, slope)


def _numbers(problem: Problem, v: ca.MX, slope: ca.MX) -> list[Refusal]:
    """What only the data can tell: convexity, the leader's products, the count of pairs."""
    f = problem.f.expression
    duals = ca.veccat(*[d.symbol for d in problem.used_duals])
    all_ = ca.veccat(v, duals)
    curved = ca.jacobian(ca.gradient(f, all_), all_)
    if ca.depends_on(curved, all_):
        return [Refusal("the upper objective is not linear", problem.f.span)]
    limits, rows = described(problem, "lower")
    outputs = [ca.jacobian(slope, problem.y), curved, ca.jacobian(ca.gradient(problem.g.expression, v), v), *limits]
    values = ca.Function("numbers", list(problem.p), [ca.densify(e) for e in outputs], {"allow_free": True})
    if values.get_free():
        return [Refusal("the lower level depends on a multiplier", problem.g.span)]
    data = [ca.reshape(ca.DM(d), q.symbol.shape) for d, q in zip(problem.data, problem.parameters)]
    hessian, f_curved, g_curved, low, high = (np.array(e) for e in values.call(data))
    eigenvalues = np.linalg.eigvalsh((hessian + hessian.T) / 2) if hessian.size else np.zeros(1)
    if not eigenvalues[0] >= -CONVEX * max(1e-300, np.abs(eigenvalues).max(initial=0.0)):
        return [Refusal("the lower objective is not convex", problem.g.span)]
    if np.any(f_curved) and share(f_curved, g_curved, problem, rows) is None:
        return [Refusal("the upper objective is not linear", problem.f.span)]
    pairs = sum(e.numel() for e, equal in rows if not equal) + int(np.isfinite(low).sum() + np.isfinite(high).sum())
    if pairs > MOST_PAIRS:
        rule = f"the lower level has {pairs} bounds and rows that may be active (limit {MOST_PAIRS})"
        return [Refusal(rule, problem.g.span)]
    return []


def share(f_curved: np.ndarray, g_curved: np.ndarray, problem: Problem, rows: list) -> float | None:
    """tau with f - tau g affine, where strong duality of the follower then makes f linear; None where there is none."""
    n, size = g_curved.shape[0], float(np.abs(f_curved).max())
    if np.any(f_curved[n:]) or np.any(g_curved[problem.x.numel() :, problem.x.numel() :]) or not np.any(g_curved):
        return None
    if any(ca.depends_on(e, problem.x) for e, _ in rows) or np.any(g_curved[: problem.x.numel(), : problem.x.numel()]):
        return None
    place = np.unravel_index(np.argmax(np.abs(g_curved)), g_curved.shape)
    tau = float(f_curved[:n, :n][place] / g_curved[place])
    return tau if np.abs(f_curved[:n, :n] - tau * g_curved).max() <= 1e-12 * size else None


def _suits(problem: Problem, structure: Structure) -> tuple[Suits, str] | None:
    levels = Levels(Oracles(problem))
    pairs = levels.n_h + int(np.isfinite(levels.y_low).sum() + np.isfinite(levels.y_high).sum())
    if pairs > FEW_PAIRS:
        return Suits.OTHERWISE, "both levels are linear, or the lower one is a convex quadratic"
    return Suits.ONLY, f"linear levels with {pairs} pairs of the lower one are solved globally"


CARD = Card(
    name=NAME,
    title="branch and bound on the follower's complementarity, global for small linear levels",
    rank=3,
    papers=(
        "Bard, Moore: A branch and bound algorithm for the bilevel programming problem, SIAM J. Sci. Stat. Comput. 11, 1990",
        "Hansen, Jaumard, Savard: New branch-and-bound rules for linear bilevel programming, "
        "SIAM J. Sci. Stat. Comput. 13, 1992",
        "Labbe, Marcotte, Savard: A bilevel model of taxation and its application to optimal highway pricing, "
        "Management Science 44, 1998",
        "Kleinert, Labbe, Plein, Schmidt: There's no free lunch: on the hardness of choosing a correct big-M in bilevel "
        "optimization, Operations Research 68, 2020",
    ),
    needs=(
        needs.TWO_LEVELS,
        needs.SMOOTH_SETS,
        Need(
            "a linear upper level (or a toll, f = tau g + a linear function), affine constraints and sets, and a lower "
            f"level that is linear or convex quadratic, with at most {MOST_PAIRS} bounds and rows",
            _not_linear,
        ),
    ),
    suits=_suits,
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
    """The global answer; (x, y) matters for scaling only. See `outcome.py`."""
    levels = Levels(oracles)
    if not levels.possible:
        return Outcome("infeasible", x, y)
    begun = levels.clipped(x, y)
    system = System(levels, scales_at(levels, [begun]))
    program = LinearProgram(system)
    stop = (lambda nodes: on_progress(nodes, {})) if on_progress else None
    found = search(program.relaxation.solve, program.pairs, deadline, int(settings["max_iter"]), stop)
    size = system.scales.f
    if found.w is None:
        return Outcome(found.status, *begun, iterations=found.nodes, calls={"nodes": found.nodes})
    w = found.w[: system.size]
    pairs = len(program.pairs)
    bound = (found.bound + program.constant) / size
    return Outcome(
        found.status,
        *system.split(w),
        system.multipliers(w),
        found.nodes,
        {"nodes": found.nodes},
        {**system.measures(w), "bound": bound},
        {},
        bound=bound if np.isfinite(bound) else None,
        proved_by=f"branch and bound on {pairs} pair{'s' * (pairs != 1)}, {found.nodes} node{'s' * (found.nodes != 1)}",
    )
