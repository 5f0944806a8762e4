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
from .direct.degrees import degrees
from .direct.program import LinearProgram, share
from .direct.system import Levels, System, scales_at
from .direct.tree import search
from .outcome import Outcome, Progress
from .parts.conditions import described
from .program import Setting

NAME = "branches"
EXECUTOR = "highs"
MOST_PAIRS, FEW_PAIRS = 60, 24  # that are taken; that `auto` gives it
MOST_COLUMNS = 300  # variables and rows of both levels
CONVEX = 1e-9  # of the largest eigenvalue: a smaller negative one is rounding
SAME = 1e-12  # of the largest product of f, by which it may differ from tau times that of g


def _not_linear(problem: Problem) -> list[Refusal]:
    """The first thing that is not affine, or not a convex quadratic follower, or too large."""
    problem = with_bounds(problem)
    if needs.SMOOTH_SETS.broken(problem):
        return []  # refused for that
    rows = sum(c.expression.numel() for c in (*problem.upper_constraints, *problem.lower_constraints))
    size = problem.x.numel() + problem.y.numel() + rows
    if size > MOST_COLUMNS:
        return [Refusal(f"there are {size} variables and rows (limit {MOST_COLUMNS})", problem.lower_variables[0].span)]
    scalar = Scalar(problem)
    if scalar.function is None:
        return [Refusal("the levels are not made of scalar operations alone", problem.g.span)]
    return _curved_rows(problem, scalar) or _objectives(problem, scalar)


class Scalar:
    """The levels as graphs of scalars, data put in: f, g, rows of constraints and of sets, in x, y and multipliers."""

    def __init__(self, problem: Problem):
        self.constraints = (*problem.upper_constraints, *problem.lower_constraints)
        self.low, self.high = (np.zeros(0), np.zeros(0))
        sets = {level: described(problem, level) for level in ("upper", "lower")}
        self.sets = [(level, e, equal) for level in sets for e, equal in sets[level][1]]
        expressions = [problem.f.expression, problem.g.expression, *(c.expression for c in self.constraints)]
        expressions += [e for _, e, _ in self.sets]
        self.function: ca.Function | None = None
        function = ca.Function("scalar", [problem.x, problem.y, *problem.p], expressions)
        try:
            self.function = function.expand("scalar", {"allow_duplicate_io_names": True})
        except RuntimeError:  # a node without a scalar form
            return
        self.x, self.y = ca.SX.sym("x", problem.x.numel()), ca.SX.sym("y", problem.y.numel())
        duals = {k: ca.SX.sym("dual", *q.symbol.shape) for k, q in enumerate(problem.parameters) if q.is_dual}
        columns = [ca.reshape(ca.DM(d), q.symbol.shape) for d, q in zip(problem.data, problem.parameters)]
        data = [duals.get(k, column) for k, column in enumerate(columns)]
        self.f, self.g, *rest = self.function.call([self.x, self.y, *data])
        self.rows, self.of_sets = rest[: len(self.constraints)], rest[len(self.constraints) :]
        self.v = ca.veccat(self.x, self.y, *duals.values())
        limits = ca.Function("limits", list(problem.p), [ca.densify(e) for e in sets["lower"][0]]).call(columns)
        self.low, self.high = (np.array(e).ravel() for e in limits)

    @property
    def pairs(self) -> int:
        """Rows of the lower level that are inequalities, and finite bounds of its variables."""
        rows = [(c.level, c.kind == "eq", r) for c, r in zip(self.constraints, self.rows)]
        rows += [(level, equal, r) for (level, _, equal), r in zip(self.sets, self.of_sets)]
        return sum(r.numel() for level, equal, r in rows if level == "lower" and not equal) + int(
            np.isfinite(self.low).sum() + np.isfinite(self.high).sum()
        )


def _curved_rows(problem: Problem, scalar: Scalar) -> list[Refusal]:
    for c, degree in zip(scalar.constraints, degrees(scalar.rows, scalar.v)):
        if np.any(degree > 1):
            return [Refusal(f"a constraint of the {c.level} level is not affine", c.span)]
    for (level, _, _), degree in zip(scalar.sets, degrees(scalar.of_sets, scalar.v)):
        if np.any(degree > 1):
            span = (problem.upper_variables if level == "upper" else problem.lower_variables)[0].span
            return [Refusal(f"a constraint set of the {level} level is not described by affine rows", span)]
    return []


def _objectives(problem: Problem, scalar: Scalar) -> list[Refusal]:
    slope = ca.gradient(scalar.g, scalar.y)
    of_slope, of_f = degrees([slope, scalar.f], scalar.v)
    if np.any(of_slope > 1):
        return [Refusal("the lower objective is not linear or quadratic in its variables", problem.g.span)]
    hessian = np.array(ca.densify(ca.evalf(ca.jacobian(slope, scalar.y))))
    eigenvalues = np.linalg.eigvalsh((hessian + hessian.T) / 2) if hessian.size else np.zeros(1)
    if not eigenvalues[0] >= -CONVEX * np.abs(eigenvalues).max(initial=0.0):
        return [Refusal("the lower objective is not convex", problem.g.span)]
    if np.any(of_f > 1) and not (np.all(of_f == 2) and is_toll(scalar)):
        return [Refusal("the upper objective is not linear", problem.f.span)]
    if scalar.pairs > MOST_PAIRS:
        rule = f"the lower level has {scalar.pairs} bounds and rows that may be active (limit {MOST_PAIRS})"
        return [Refusal(rule, problem.g.span)]
    return []


def is_toll(scalar: Scalar) -> bool:
    """Whether f - tau g is affine for some tau, and strong duality of the follower makes f linear then."""
    nx = scalar.x.numel()
    lower = [r for c, r in zip(scalar.constraints, scalar.rows) if c.level == "lower"]
    lower += [r for (level, _, _), r in zip(scalar.sets, scalar.of_sets) if level == "lower"]
    if np.any(degrees([scalar.g], scalar.v)[0] > 2) or any(ca.depends_on(r, scalar.x) for r in lower):
        return False
    f, g = (np.array(ca.densify(ca.evalf(ca.hessian(e, scalar.v)[0]))) for e in (scalar.f, scalar.g))
    linear = not np.any(g[:nx, :nx]) and not np.any(g[nx:, nx:])  # in y, for fixed x
    tau = share(f, g)
    return linear and np.any(g) and np.abs(f - tau * g).max() <= SAME * np.abs(f).max()


def _suits(problem: Problem, structure: Structure) -> tuple[Suits, str] | None:
    pairs = Scalar(with_bounds(problem)).pairs
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
