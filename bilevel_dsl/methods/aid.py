"""AID-CG: the hypergradient by approximate implicit differentiation, with conjugate gradients.

    y <- argmin g(x, .)                                       from where y stands
    v <- H^-1 grad_y f                H = hess_yy g at (x, y); conjugate gradients, from where v stands
    w  = grad_x f - J v               J = hess_xy g
    x <- P_X(x - gamma w)

Products H d and J v only: the method of large free followers, to hundreds of thousands of variables. By the implicit
function theorem w is the gradient of f(x, y(x)) where H is positive definite at the follower's answer; an answer y is
found locally.

As the papers have it, y takes T gradient steps, v takes N passes and gamma is a constant. As used here: y is found by
quasi-Newton steps up to `lower_accuracy`, and v up to `linear_accuracy`, both times the stationarity of x and the
length of its move (Pedregosa's decreasing tolerances), gamma follows Malitsky and Mishchenko.

Pedregosa, ICML 2016 (arXiv 1602.02355), Algorithm 1 (HOAG); Grazzi, Franceschi, Pontil, Salzo, ICML 2020 (arXiv
2006.16218), AID with CG; Ji, Yang, Liang, ICML 2021 (arXiv 2010.07962), Algorithm 1 (AID-BiO).
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm, per_length
from . import needs
from .card import Card
from .flow import Method
from .parts import lower
from .parts.linear import ConjugateGradients
from .parts.search import Search
from .parts.steps import Adaptive
from .program import Program, Setting, Signal

NAME = "aid"

CARD = Card(
    name=NAME,
    title="implicit differentiation with conjugate gradients",
    rank=5,
    papers=(
        "Pedregosa: Hyperparameter optimization with approximate gradient, ICML 2016, arXiv 1602.02355",
        "Grazzi, Franceschi, Pontil, Salzo: On the iteration complexity of hypergradient computation, ICML 2020, "
        "arXiv 2006.16218",
        "Ji, Yang, Liang: Bilevel optimization: convergence analysis and enhanced design, ICML 2021, arXiv 2010.07962",
    ),
    assumes=("a twice differentiable lower objective, strongly convex around the follower's answers, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of w and on grad_y g, relative", 0),
    Setting("max_iter", 2000, "upper-level iterations", 0, integer=True),
    Setting("gamma", 0.0, "step size of x; 0: found by the method", 0),
    Setting("lower_accuracy", 1e-2, "error of y over its size, times the stationarity of x or its move", 1e-10, 1),
    Setting("lower_trials", 5000, "evaluations at most in one lower-level solve", 1, integer=True),
    Setting("linear_accuracy", 1e-2, "residual of H v = grad_y f, relative, times the same", 1e-12, 1),
    Setting("linear_passes", 500, "products H d at most for one v", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o, nx, ny = m.state, m.settings, oracles.nx, oracles.ny
    m.slot("x", nx, "upper variables", start=m.P_X(m.x_start))
    m.slot("y", ny, "lower variables", start=m.y_start)
    m.slot("w", nx, "hypergradient at x")
    m.slot("moved", 1, "the last move of x, relative to its size", start=1e-3)
    m.slot("k", 1, "iteration")
    m.slot("f", 1, "at (x, y)")
    m.slot("stationarity", 1, "gradient mapping of w, relative", start=1)
    m.slot("lower_stationarity", 1, "||grad_y g||, relative", start=1)
    z = Search(m, "z", ny, "argmin of g", start=m.y_start, separable=True)
    v = ConjugateGradients(m, "v", ny)
    steps = Adaptive(m, nx)
    # w is wrong by much less than it changes along the move, or the rule for gamma would take errors for curvature
    small = lambda: ca.fmax(ca.fmin(ca.fmin(ca.fmax(s.stationarity, o.tol), 1), s.moved), 1e-10)  # noqa: E731

    with m.iteration():
        started = s.k > 0  # the first w is still to come
        gamma = either(o.gamma > 0, o.gamma, steps.length(s.x, s.w))
        new = m.P_X(s.x - gamma * s.w)
        steps.note(started, s.x, s.w, gamma)
        s.moved = either(started, norm(new - s.x) / (1 + norm(s.x)), s.moved)
        s.x = either(started, new, s.x)
        s.k = s.k + 1
        along = m.grad_y_g(s.x, z.point) + 1e-8  # a first step of y by the curvature here: its last one may be of nowhere
        curvature = norm(m.hess_yy_g_times(s.x, z.point, along)) / norm(along)
        z.set(alpha=either(curvature > 0, 1 / curvature, z.alpha))
        z.restart()
        lower.minimise(
            m,
            z,
            lambda y: m.g_grad_y_g(s.x, y),
            name="lower",
            at_most=o.lower_trials,
            accuracy=lambda: o.lower_accuracy * small() * (1 + norm(z.point)),
        )
        v.solve(
            lambda d: m.hess_yy_g_times(s.x, z.point, d),
            m.grad_y_f(s.x, z.point),
            at_most=o.linear_passes,
            accuracy=o.linear_accuracy * small(),
        )
        m.called("hypergradient")
        x, y = s.x, z.point
        w = m.grad_x_f(x, y) - m.hess_xy_g_times(x, y, v.z)
        s.y, s.w, s.f = y, w, m.f(x, y)
        s.stationarity = norm(m.P_X(x - w) - x) / per_length(s.f, x)
        s.lower_stationarity = norm(z.gradient) / per_length(z.value, y)
        m.stop(Signal.DIVERGED, when=ca.logic_or(norm(x) > 1e12, s.f < -1e20))

    measures = {
        "upper": s.f,
        "lower": z.value,
        "stationarity": s.stationarity,
        "lower_stationarity": s.lower_stationarity,
        "step_size": s.gamma,
    }
    return m.program(measures, {"stationarity": "tol", "lower_stationarity": "tol"})
