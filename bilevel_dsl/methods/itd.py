"""ITD: iterative differentiation, reverse mode through the steps of the follower.

    y_{t+1} = y_t - alpha grad_y g(x, y_t)        t = 0 .. T-1, from where y stands
    w = d f(x, y_T(x)) / dx                       y_0 held; by p = grad_y f, h = grad_x f at y_T, and for t = T-1 .. 0
                                                  h <- h - alpha J(x, y_t) p,   p <- p - alpha H(x, y_t) p
    x <- P_X(x - gamma w)

w is the exact derivative of what T steps do, not of f(x, y(x)): it misses J H^-1 p, where p = (dy_T / dy_0)' grad_y f is
what the reverse sweep ends with, of the size (1 - alpha mu)^T. Its relative size is the measure `truncation`; a run in
which it stays above `tol` is not a converged one, since its stationary points are not those of the problem.

As the papers have it: `before` = `beyond` = 0, T, alpha and gamma are given; the memory is that of T points. As used here:
y first comes near its answer, in steps that are not kept; T more are; and the sweep goes on beyond the first of them, as if
y had stood there before, until p is small (Christianson, 1994): z = alpha sum (I - alpha H)^k p at y_0, w = h - J z. So w
is the limit of the papers' for T to infinity at the cost of T points. alpha = 1 / L with the largest curvature L that was
met, gamma by the rule of Malitsky and Mishchenko.

Franceschi, Frasconi, Salzo, Grazzi, Pontil, ICML 2018 (arXiv 1806.04910); Grazzi, Franceschi, Pontil, Salzo,
ICML 2020 (arXiv 2006.16218); Ji, Yang, Liang, ICML 2021 (arXiv 2010.07962), ITD-BiO; Christianson: Reverse
accumulation and attractive fixed points, Optim. Methods Softw. 3 (1994).
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts import follower, leader, unrolled
from .parts.follower import Descent
from .parts.leader import Leader
from .parts.linear import NOTHING, Neumann
from .parts.unrolled import Unrolled
from .program import Program, Setting

NAME = "itd"

CARD = Card(
    name=NAME,
    title="iterative differentiation through the follower's steps",
    rank=20,
    papers=(
        "Franceschi, Frasconi, Salzo, Grazzi, Pontil: Bilevel programming for hyperparameter optimization and "
        "meta-learning, ICML 2018, arXiv 1806.04910",
        "Grazzi, Franceschi, Pontil, Salzo: On the iteration complexity of hypergradient computation, ICML 2020, "
        "arXiv 2006.16218",
        "Ji, Yang, Liang: Bilevel optimization: convergence analysis and enhanced design, ICML 2021, arXiv 2010.07962",
    ),
    assumes=("a twice differentiable lower objective, strongly convex around the follower's answers, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    *leader.SETTINGS,
    unrolled.T,
    follower.ALPHA,
    unrolled.BEFORE,
    follower.ACCURACY,
    Setting("beyond", 20000, "passes of the reverse sweep at most beyond the first point that is kept", 0, integer=True),
    Setting("linear_accuracy", 1e-2, "p at the end of the sweep, relative, times the stationarity of x", 1e-12, 1),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o, ny = m.state, m.settings, oracles.ny
    x, y = Leader(m), Descent(m)
    path, rest = Unrolled(m, y), Neumann(m, "z", ny)
    m.slot("y_first", ny, "the first point that is kept")
    m.slot("pull", 1, "|grad_y f|")
    m.slot("truncation", 1, "what the sweep has left of it, relative", start=1)

    with m.iteration():
        x.move(o.gamma)
        y.begin(lambda d: m.hess_yy_g_times(s.x, s.y, d))
        y.descend(T=ca.MX(0), alpha=o.alpha, at_most=o.before, accuracy=lambda: o.lower_accuracy * x.small())
        s.y_first = s.y
        path.forward(o.T, o.alpha)
        path.backward(o.T)
        s.pull = norm(m.grad_y_f(s.x, s.y))
        rest.solve(
            lambda d: m.hess_yy_g_times(s.x, s.y_first, d),
            s.p,
            terms=o.beyond,
            step=lambda: 1 / ca.fmax(s.L, 1e-20),
            meet=y.meet,
            wanted=o.linear_accuracy * x.small() * s.pull,
        )
        m.called("hypergradient")
        s.truncation = norm(rest.rest) / ca.fmax(s.pull, NOTHING)
        beyond = either(o.beyond > 0, m.hess_xy_g_times(s.x, s.y_first, rest.z), ca.MX.zeros(oracles.nx))
        x.judge(s.h - beyond, s.v)

    tolerances = dict.fromkeys(("stationarity", "lower_stationarity", "truncation"), "tol")
    return m.program(x.measures(truncation=s.truncation), tolerances)
