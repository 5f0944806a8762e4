"""BGS-Opt: the leader against the answer that the follower's descent selects, by steps that are partly unrolled.

    y_s <- `before` gradient steps on g(x, .), from where y stands;   y_T <- T more, which are differentiated
    b  = (dy_T / dy_s)' grad_y f(x, y_T)                           b = grad_y f for T = 0
    z ~ the solution of H z + b = 0 of least norm                  H = hess_yy g at (x, y_T); z from where it stands
    w  = grad_x f + (dy_T / dx)' grad_y f + J z                    J = hess_xy g at (x, y_T)
    x <- P_X(x - gamma w)

The follower need not be convex, nor its answer the only one: what the leader sees is the map phi(x, y), the limit of
gradient descent on g(x, .) from y, and its derivative is that of implicit differentiation with the pseudo-inverse where
the critical points of g(x, .) form manifolds on which H is nondegenerate across (parametric Morse-Bott functions). The
steps that are unrolled take the part of grad_y f that they see; the linear system has what they leave. T = 0 is AmIGO with
a least-squares solver; the paper's ITD is T alone, without the linear system (see `itd`).

As the authors' program has it: `before` + `T` steps of length `alpha`, `N` steps z <- z - beta H (H z + b) and a constant
`gamma` (`before` 1, T 0, N 1 and beta 0.9 for its quadratic example). As used here: `before` as many as `lower_accuracy`
asks for, alpha = 1 / L; z by conjugate gradients on the least-squares problem; gamma by the rule of Malitsky and
Mishchenko. Where b has a part in the kernel of H, which the follower leaves to the leader, z does not see it: the leader
does not choose among answers, it takes the selected one. `linear` is |H z + b| / |b|, or its projection on the range of H.

Arbel, Mairal: Non-convex bilevel games with critical point selection maps, NeurIPS 2022 (arXiv 2207.04888).
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either
from . import needs
from .card import Card
from .flow import Method
from .parts import follower, leader, unrolled
from .parts.follower import Descent
from .parts.leader import Leader
from .parts.linear import LeastSquares
from .parts.unrolled import Unrolled
from .program import Program, Setting

NAME = "bgs_opt"

CARD = Card(
    name=NAME,
    title="bilevel game with a selection map: unrolled steps and a least-squares correction",
    rank=23,
    papers=("Arbel, Mairal: Non-convex bilevel games with critical point selection maps, NeurIPS 2022, arXiv 2207.04888",),
    assumes=("a twice differentiable lower objective",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    *leader.SETTINGS,
    unrolled.T,
    follower.ALPHA,
    unrolled.BEFORE,
    Setting("exactly", 0, "all `before` steps are taken, whatever the accuracy", choices=("no", "yes")),
    follower.ACCURACY,
    Setting("N", 0, "gradient steps of z an iteration; 0: conjugate gradients", 0, integer=True),
    Setting("beta", 0.0, "length of the steps of z; 0: 1 / L^2", 0),
    Setting("linear_accuracy", 1e-2, "N = 0: error of z, relative, times the stationarity of x or its move", 1e-12, 1),
    Setting("linear_passes", 500, "N = 0: passes of conjugate gradients at most for one z", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    x, y = Leader(m), Descent(m)
    path, z = Unrolled(m, y), LeastSquares(m, "z", oracles.ny)  # z is minus the paper's

    def H_times(d: ca.MX) -> ca.MX:  # noqa: N802, as the paper has it
        return m.hess_yy_g_times(s.x, s.y, d)

    with m.iteration():
        x.move(o.gamma)
        y.begin(H_times)
        y.descend(
            T=either(o.exactly > 0, o.before, 0),
            alpha=o.alpha,
            at_most=o.before,
            accuracy=lambda: o.lower_accuracy * x.small(),
        )
        path.forward(o.T, o.alpha)
        path.backward(o.T)
        with m.when(o.N > 0, "few"):
            z.descend(H_times, s.p, passes=o.N, step=lambda: either(o.beta > 0, o.beta, 1 / ca.fmax(s.L * s.L, 1e-20)))
        with m.when(o.N <= 0, "enough"):
            z.solve(H_times, s.p, at_most=o.linear_passes, accuracy=o.linear_accuracy * x.small())
        m.called("hypergradient")
        x.judge(s.h - m.hess_xy_g_times(s.x, s.y, z.z), s.v)

    tolerances = dict.fromkeys(("stationarity", "lower_stationarity", "linear"), "tol")
    return m.program(x.measures(linear=z.error), tolerances)
