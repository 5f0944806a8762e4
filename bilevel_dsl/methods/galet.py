"""GALET: alternating steps for a follower that may have many answers.

    y <- y - beta grad_y g(x, y)                     N times, from where y stands
    w <- w - rho H (H w + grad_y f)                  T times, from 0        H = hess_yy g at the new (x, y)
    x <- P_X(x - alpha (grad_x f + J w))                                    J = hess_xy g

Where g is convex in y and of Polyak and Lojasiewicz's kind (1/2 |grad_y g|^2 >= mu (g - min g)) without being strongly
convex, H is singular at the answers and w = -H^-1 grad_y f has no meaning. Steps on |H w + grad_y f|^2 / 2 do: from 0, w
stays in the range of H and goes to the one of least norm, -H^+ grad_y f. The residuals of the paper are

    R_x = |grad_x f + J w|^2,   R_w = |H (H w + grad_y f)|^2,   R_y = g(x, y) - min g(x, .)

and all three have to vanish: with few steps of w, R_x alone goes to 0 at a wrong point. `linear` is the second, relative.

As the paper has it: `N`, `T`, `alpha`, `beta` and `rho` are given (`T` of the order of log 1/tol), and `warm` = no. As used
here: as many steps of y as `lower_accuracy` asks for, of length 1 / L; w by conjugate gradients on the same least-squares
problem, from where w stands; alpha by the rule of Malitsky and Mishchenko. Steps of w go with the square of the condition
of H, conjugate gradients with the condition. From where w stands its part in the kernel of H stays what it was; J w does
not see it, as the range of J' is in that of H where g has Polyak and Lojasiewicz's property. For the same reason the
leader does not choose among the answers: a part of grad_y f in the kernel of H moves nothing, and a point where the three
residuals vanish need not be the best for the leader (the certificate tries; `penalty` chooses).

Xiao, Lu, Chen: A generalized alternating method for bilevel optimization under the Polyak-Lojasiewicz condition, NeurIPS
2023 (arXiv 2306.02422).
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either
from . import needs
from .card import Card
from .flow import Method
from .parts.follower import Descent
from .parts.leader import Leader
from .parts.linear import LeastSquares
from .program import Program, Setting

NAME = "galet"

CARD = Card(
    name=NAME,
    title="alternating steps under the Polyak-Lojasiewicz condition",
    rank=24,
    papers=(
        "Xiao, Lu, Chen: A generalized alternating method for bilevel optimization under the Polyak-Lojasiewicz condition, "
        "NeurIPS 2023, arXiv 2306.02422",
    ),
    assumes=("a twice differentiable lower objective, convex where the follower answers, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping, on grad_y g and on the error of w, relative", 0),
    Setting("max_iter", 2000, "iterations: moves of x", 0, integer=True),
    Setting("alpha", 0.0, "step size of x; 0: found by the method", 0),
    Setting("N", 0, "steps of y an iteration; 0: as many as its accuracy asks for", 0, integer=True),
    Setting("beta", 0.0, "length of the steps of y; 0: found by the method", 0),
    Setting("T", 0, "gradient steps of w an iteration; 0: conjugate gradients", 0, integer=True),
    Setting("rho", 0.0, "length of the steps of w; 0: 1 / L^2", 0),
    Setting("warm", 1, "T > 0: w goes on from where it stands", choices=("no", "yes")),
    Setting("lower_accuracy", 1e-2, "error of y over its size, times the stationarity of x or its move", 1e-10, 1),
    Setting("lower_steps", 20000, "N = 0: steps of y at most", 1, integer=True),
    Setting("linear_accuracy", 1e-2, "T = 0: error of w, relative, times the stationarity of x or its move", 1e-12, 1),
    Setting("linear_passes", 500, "T = 0: passes of conjugate gradients at most for one w", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    x, y = Leader(m), Descent(m)
    z = LeastSquares(m, "z", oracles.ny)  # the paper's -w

    def H_times(d: ca.MX) -> ca.MX:  # noqa: N802, as the paper has it
        return m.hess_yy_g_times(s.x, s.y, d)

    with m.iteration():
        x.move(o.alpha)
        y.begin(H_times)
        y.descend(T=o.N, alpha=o.beta, at_most=o.lower_steps, accuracy=lambda: o.lower_accuracy * x.small())
        with m.when(o.T > 0, "few"):
            rho = lambda: either(o.rho > 0, o.rho, 1 / ca.fmax(s.L * s.L, 1e-20))  # noqa: E731
            start = either(o.warm > 0, z.z, ca.MX.zeros(oracles.ny))
            z.descend(H_times, m.grad_y_f(s.x, s.y), passes=o.T, step=rho, start=start)
        with m.when(o.T <= 0, "enough"):
            accuracy = o.linear_accuracy * x.small()
            z.solve(H_times, m.grad_y_f(s.x, s.y), at_most=o.linear_passes, accuracy=accuracy)
        m.called("hypergradient")
        x.judge(m.grad_x_f(s.x, s.y) - m.hess_xy_g_times(s.x, s.y, z.z), s.v)

    tolerances = dict.fromkeys(("stationarity", "lower_stationarity", "linear"), "tol")
    return m.program(x.measures(linear=z.error), tolerances)
