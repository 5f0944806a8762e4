"""BOME: bilevel optimization made easy: descent on f that always lowers the value gap, by a dynamic barrier.

    z     = T steps of gradient descent on g(x, .) from theta
    Q     = ( grad_x g(x, theta) - grad_x g(x, z), grad_y g(x, theta) )         the gradient of the gap, z held fixed
    lambda = max( ( phi - <grad f, Q> ) / |Q|^2, 0 )
    (x, theta) <- (x, theta) - xi ( grad f + lambda Q )                         then P_X

    barrier "gradient":   phi = eta |Q|^2
    barrier "gap":        phi = eta ( g(x, theta) - g(x, z) )

The direction is the one nearest to grad f along which the gap falls at the rate phi. First derivatives only, one
multiplier found on the way, no penalty parameter.

As the paper has it (`T` > 0, `xi` > 0): constant steps. z starts anew at theta, so that T steps leave (1 - alpha mu)^T
of its distance, which feigns a smaller gap: with T = 10 it stops at 1.394 in the place of 1.5 on (x - 1)^2 + (y - 2)^2,
(y - x)^2. Then |grad f + lambda Q| and the gap both vanish at a wrong point: what says so is `lower_error`, lambda
|grad_y g(x, z)|, the error that z makes in the direction. theta, too, keeps a distance of the order of xi (`bias`):
lambda is as large as stability of the steps allows, and no larger. As used: `T` = 0 finds z by quasi-Newton steps, and
the answer y is z, which is the follower's; `xi` = 0 takes xi = 1 / (2 (L_f + eta L_Q)) from the largest changes of both
gradients seen, which falls like (1 + k / decay)^(-1/2), as the rate of the paper asks for. It is slow in the end: bias
falls like xi, not faster.

Liu, Ye, Wright, Stone, Liu, NeurIPS 2022 (arXiv 2209.08709), Algorithm 1; the answer z and the steps that need no
tuning: ours.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import any_of, either, norm, per_length
from . import needs
from .card import Card
from .flow import Method
from .parts import lower
from .parts.gap import curvature
from .parts.search import Search
from .parts.steps import Smoothness
from .program import Program, Setting, Signal

NAME = "bome"

CARD = Card(
    name=NAME,
    title="value-gap descent with a dynamic barrier",
    rank=48,
    papers=(
        "Liu, Ye, Wright, Stone, Liu: BOME! Bilevel optimization made easy: a simple first-order approach, NeurIPS 2022, "
        "arXiv 2209.08709",
    ),
    assumes=("a lower objective with the Polyak-Lojasiewicz property around the follower's answers; not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-4, "bound on |grad f + lambda Q|, on the bias and on the error that z makes, relative", 0),
    Setting("max_iter", 200000, "steps of (x, theta)", 0, integer=True),
    Setting("barrier", 0, "phi", choices=("gradient", "gap")),
    Setting("eta", 0.5, "rate at which the gap must fall", 0),
    Setting("T", 0, "steps of z in an iteration; 0: as many as accuracy needs, by quasi-Newton steps", 0, integer=True),
    Setting("alpha", 0.1, "T > 0: step of z", 0),
    Setting("xi", 0.0, "step of (x, theta); 0: from the smoothness seen", 0),
    Setting("decay", 1000, "xi = 0: it falls like (1 + k / decay)^(-1/2)", 1),
    Setting("lower_accuracy", 1e-6, "T = 0: error of z over the distance of theta", 1e-12, 1),
    Setting("lower_trials", 5000, "T = 0: evaluations at most in one search of z", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o, nx = m.state, m.settings, oracles.nx
    m.slot("x", nx, "upper variables", start=m.P_X(m.x_start))
    m.slot("y", oracles.ny, "lower variables", start=m.y_start)
    m.slot("theta", oracles.ny, "the follower's variables of the method", start=m.y_start)
    m.slot("k", 1, "iteration")
    m.slot("f", 1, "at (x, theta)")
    m.slot("gap", 1, "g(x, theta) - g(x, z)", start=1)
    m.slot("bias", 1, "|theta - z|, relative", start=1)
    m.slot("multiplier", 1, "lambda")
    m.slot("stationarity", 1, "|grad f + lambda Q|, relative", start=1)
    m.slot("lower_error", 1, "lambda |grad_y g(x, z)|, relative", start=1)
    z = Search(m, "z", oracles.ny, "argmin of g", start=m.y_start, separable=True)
    of_f, of_gap = Smoothness(m, "L_f", nx + oracles.ny), Smoothness(m, "L_Q", nx + oracles.ny)

    with m.iteration():
        with m.when(s.k <= 0, "first_step"):
            gradient = m.grad_y_g(s.x, s.theta)
            z.set(alpha=1 / ca.fmax(curvature(m, s.x, s.theta, gradient, gradient), 1e-8))
        z.restart(s.theta)
        with m.when(o.T > 0, "printed"), m.repeat(o.T, "lower"):
            z.set(point=z.point - o.alpha * m.grad_y_g(s.x, z.point))  # line 3
        with m.when(o.T <= 0, "accurate"):
            lower.minimise(
                m,
                z,
                lambda y: m.g_grad_y_g(s.x, y),
                name="solve_z",
                at_most=o.lower_trials,
                accuracy=lambda: ca.fmax(o.lower_accuracy * norm(z.point - s.theta), 1e-14 * (1 + norm(z.point))),
            )
        m.called("barrier")
        x, theta, y = s.x, s.theta, z.point
        grad_f = ca.vertcat(*m.grad_f(x, theta))
        grad_x_g, grad_y_g = m.grad_g(x, theta)
        there_x, there_y = m.grad_g(x, y)
        gap = m.g(x, theta) - m.g(x, y)
        plain = ca.vertcat(grad_x_g - there_x, grad_y_g)
        smooth_gap = of_gap.seen(ca.vertcat(x, theta), plain)
        # where x cannot follow, at the boundary of X, the gap must fall by theta alone
        Q = ca.vertcat((x - m.P_X(x - plain[:nx] / smooth_gap)) * smooth_gap, grad_y_g)
        phi = o.eta * either(o.barrier > 0, gap, ca.dot(Q, Q))
        length = norm(Q)
        normal = Q / ca.fmax(length, 1e-300)  # lambda Q from the unit vector: no overflow of lambda
        push = either(length > 0, ca.fmax(phi / ca.fmax(length, 1e-300) - ca.dot(grad_f, normal), 0), 0)
        d = grad_f + push * normal  # (4)

        u = ca.vertcat(x, theta)
        smooth = of_f.seen(u, grad_f) + o.eta * smooth_gap
        xi = either(o.xi > 0, o.xi, 0.5 / smooth / ca.sqrt(1 + s.k / o.decay))
        s.f, s.gap, s.multiplier = m.f(x, theta), gap, push / ca.fmax(length, 1e-300)
        s.stationarity = norm(ca.vertcat(m.P_X(x - d[:nx]) - x, d[nx:])) / per_length(s.f, u)
        s.bias = norm(theta - y) / (1 + norm(y))
        s.lower_error = s.multiplier * norm(there_y) / per_length(s.f, u)
        s.y = either(o.T > 0, theta, y)
        arrived = ca.logic_and(s.stationarity <= o.tol, ca.logic_and(s.bias <= o.tol, s.lower_error <= o.tol))
        s.x, s.theta = either(arrived, x, m.P_X(x - xi * d[:nx])), either(arrived, theta, theta - xi * d[nx:])  # line 5
        s.k = s.k + 1
        m.stop(Signal.DIVERGED, when=any_of(norm(u) > 1e12, s.f < -1e20))
    names = ("gap", "stationarity", "bias", "lower_error", "multiplier")
    return m.program(
        {"upper": s.f, **{name: m.read(name) for name in names}},
        {"stationarity": "tol", "bias": "tol", "lower_error": "tol"},
    )
