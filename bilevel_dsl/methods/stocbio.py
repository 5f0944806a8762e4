"""stocBiO: the hypergradient by a Neumann series.

    y <- y - alpha grad_y g(x, y)                  T times, from where y stands
    z  = eta sum_{q < Q} (I - eta H)^q grad_y f    H = hess_yy g at (x, y)
    w  = grad_x f - J z                            J = hess_xy g
    x <- P_X(x - gamma w)

Products H d and J z only; Q of them for one w. z is what Q gradient steps of length eta from 0 find for
z'Hz/2 - z'grad_y f, so that its relative residual is the last power, (I - eta H)^Q grad_y f: it falls like
(1 - eta mu)^Q. Where H has a negative eigenvalue the series has no limit, and the residual says so.

As the paper has it: `T`, `Q`, `alpha`, `eta` and `gamma` are constants, T = Q = 10 are usual. With samples (`batch` > 0)
every step of y and every power of the series takes a batch of its own, J and the gradients of f in w one each; T = 0 is then
T = 10, steps that are found are those of all methods with samples, and the series ends as `linear_accuracy` says, at 1000
terms at most: what it leaves is a bias of w that no number of samples removes. As used without samples: as many steps of y
as `lower_accuracy` asks for and as many terms as `linear_accuracy` does, alpha = eta = 1 / L with the largest curvature L
that was met, gamma by the rule of Malitsky and Mishchenko. With T or Q given, the run converges only if what they leave of
grad_y g and of the residual is below `tol`.

Ji, Yang, Liang: Bilevel optimization: convergence analysis and enhanced design, ICML 2021 (arXiv 2010.07962), stocBiO.
"""

from __future__ import annotations

from dataclasses import replace

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts import follower, leader, noise
from .parts.follower import Descent
from .parts.leader import Leader
from .parts.linear import NOTHING, Neumann
from .parts.noise import Noisy
from .program import Program, Setting

NAME = "stocbio"

CARD = Card(
    name=NAME,
    title="hypergradient by a Neumann series",
    rank=21,
    papers=("Ji, Yang, Liang: Bilevel optimization: convergence analysis and enhanced design, ICML 2021, arXiv 2010.07962",),
    assumes=("a twice differentiable lower objective, strongly convex around the follower's answers, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    *(replace(s, default=20000) if s.name == "max_iter" else s for s in leader.SETTINGS),
    *follower.SETTINGS,
    Setting("Q", 0, "terms of the series; 0: as many as its accuracy asks for", 0, integer=True),
    Setting("eta", 0.0, "step of the series, below 1 over the largest eigenvalue of H; 0: found by the method", 0),
    Setting("linear_accuracy", 1e-2, "Q = 0: residual of H z = grad_y f, relative, times the stationarity of x", 1e-12, 1),
    Setting("most_terms", 20000, "Q = 0: terms at most", 1, integer=True),
    *noise.settings(),
)


def program(oracles: Oracles, built: dict[str, float] | None = None) -> Program:
    m = Method(NAME, oracles, SETTINGS, built)
    return sampled(m) if m.settings.batch else exact(m, oracles)


def exact(m: Method, oracles: Oracles) -> Program:
    s, o = m.state, m.settings
    x, y = Leader(m), Descent(m)
    z = Neumann(m, "z", oracles.ny)
    m.slot("linear", 1, "|H z - grad_y f|, relative", start=1)

    def H_times(d: ca.MX) -> ca.MX:  # noqa: N802, as the paper has it
        return m.hess_yy_g_times(s.x, s.y, d)

    with m.iteration():
        x.move(o.gamma)
        y.begin(H_times)
        y.descend(T=o.T, alpha=o.alpha, at_most=o.lower_steps, accuracy=lambda: o.lower_accuracy * x.small())
        pull = m.grad_y_f(s.x, s.y)
        z.solve(
            H_times,
            pull,
            terms=either(o.Q > 0, o.Q, o.most_terms),
            step=lambda: either(o.eta > 0, o.eta, 1 / ca.fmax(s.L, 1e-20)),
            meet=y.meet,
            wanted=either(o.Q > 0, 0, o.linear_accuracy * x.small() * norm(pull)),
        )
        m.called("hypergradient")
        grad_x, grad_y = m.grad_f(s.x, s.y)
        s.linear = norm(z.rest) / ca.fmax(norm(grad_y), NOTHING)
        x.judge(grad_x - m.hess_xy_g_times(s.x, s.y, z.z), s.v)

    return m.program(x.measures(linear=s.linear), dict.fromkeys(("stationarity", "lower_stationarity", "linear"), "tol"))


def sampled(m: Method) -> Program:
    """Every gradient and product over samples of its own."""
    s, o = m.state, m.settings
    q, series = Noisy(m, z=ca.MX.zeros(m.oracles.ny)), Neumann(m, "series", m.oracles.ny)
    eta = lambda: either(o.eta > 0, o.eta, 1 / (2 * s.L))  # noqa: E731
    with m.iteration():
        q.begin()
        with m.repeat(either(o.T > 0, o.T, 10), "lower"):
            alpha = either(o.alpha > 0, o.alpha, q.length(0.5))
            q.move(y=q.y - alpha * m.grad_y_g(q.x, q.y, q.draw("g")))
        pull = m.grad_y_f(q.x, q.y, q.draw("f"))
        series.solve(
            lambda d: m.hess_yy_g_times(q.x, q.y, q.draw("g"), d),
            pull,
            terms=either(o.Q > 0, o.Q, ca.fmin(o.most_terms, 1000)),
            step=eta,
            wanted=either(o.Q > 0, 0, o.linear_accuracy * norm(pull)),
        )
        m.called("hypergradient")
        w = m.grad_x_f(q.x, q.y, q.draw("f")) - m.hess_xy_g_times(q.x, q.y, q.draw("g"), series.z)
        q.move(x=q.step(w, o.gamma), z=series.z)
        q.judge(lambda: (m.grad_x_f(s.x, s.y) - m.hess_xy_g_times(s.x, s.y, s.z), m.grad_y_g(s.x, s.y)))
    return q.program()
