"""AmIGO: implicit differentiation that is paid off over the iterations, since y and z go on from where they stand.

    y <- y - alpha grad_y g(x, y)              T times
    z <- z - beta (H z - grad_y f)             N times                 H = hess_yy g at (x, y); or conjugate gradients
    w  = grad_x f - J z                        J = hess_xy g
    x <- P_X(x - gamma w)

Because of the two warm starts T and N need not grow with the accuracy that is wanted: that is what the paper proves, for a
strongly convex g, a small enough gamma, and T and N that depend on the condition of H.

As the paper has it: `T`, `N`, `alpha`, `beta` and `gamma` are given (AmIGO-GD), T = N = 10. As used here: as many steps
of y as `lower_accuracy` asks for, of length 1 / L with the largest curvature L that was met; z by conjugate gradients from
where it stands up to `linear_accuracy` (the paper's AmIGO-CG), gamma by the rule of Malitsky and Mishchenko. With T or N
given, the run converges only if what they leave of grad_y g and of H z - grad_y f is below `tol`.

Arbel, Mairal: Amortized implicit differentiation for stochastic bilevel optimization, ICLR 2022 (arXiv 2111.14580).
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either
from . import needs
from .card import Card
from .flow import Method
from .parts import follower, leader
from .parts.follower import Descent
from .parts.leader import Leader
from .parts.linear import ConjugateGradients
from .program import Program, Setting

NAME = "amigo"

CARD = Card(
    name=NAME,
    title="implicit differentiation with warm starts of both inner problems",
    rank=22,
    papers=(
        "Arbel, Mairal: Amortized implicit differentiation for stochastic bilevel optimization, ICLR 2022, arXiv 2111.14580",
    ),
    assumes=("a twice differentiable lower objective, strongly convex around the follower's answers, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    *leader.SETTINGS,
    *follower.SETTINGS,
    Setting("N", 0, "gradient steps of z an iteration; 0: conjugate gradients", 0, integer=True),
    Setting("beta", 0.0, "length of the steps of z; 0: 1 / L", 0),
    Setting("linear_accuracy", 1e-2, "N = 0: residual of H z = grad_y f, relative, times the stationarity of x", 1e-12, 1),
    Setting("linear_passes", 500, "N = 0: products H d at most for one z", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    x, y = Leader(m), Descent(m)
    z = ConjugateGradients(m, "z", oracles.ny)

    def H_times(d: ca.MX) -> ca.MX:  # noqa: N802, as the paper has it
        return m.hess_yy_g_times(s.x, s.y, d)

    with m.iteration():
        x.move(o.gamma)
        y.begin(H_times)
        y.descend(T=o.T, alpha=o.alpha, at_most=o.lower_steps, accuracy=lambda: o.lower_accuracy * x.small())
        with m.when(o.N > 0, "few"):
            beta = lambda: either(o.beta > 0, o.beta, 1 / ca.fmax(s.L, 1e-20))  # noqa: E731
            z.descend(H_times, m.grad_y_f(s.x, s.y), passes=o.N, step=beta)
        with m.when(o.N <= 0, "enough"):
            accuracy = o.linear_accuracy * x.small()
            z.solve(H_times, m.grad_y_f(s.x, s.y), at_most=o.linear_passes, accuracy=accuracy)
        m.called("hypergradient")
        x.judge(m.grad_x_f(s.x, s.y) - m.hess_xy_g_times(s.x, s.y, z.z), s.v)

    tolerances = dict.fromkeys(("stationarity", "lower_stationarity", "linear"), "tol")
    return m.program(x.measures(linear=z.error), tolerances)
