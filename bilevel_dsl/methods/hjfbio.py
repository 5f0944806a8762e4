"""HJFBiO: a single loop with gradients only; products with H and J are central differences.

    H(v) = [ grad_y g(x, y + delta v) - grad_y g(x, y - delta v) ] / (2 delta)
    J(v) = [ grad_x g(x, y + delta v) - grad_x g(x, y - delta v) ] / (2 delta)

    y <- y - lambda grad_y g
    x <- P_X( x - gamma (grad_x f - J(v)) )               all three at the same (x, y, v)
    v <- Pi_r( v - tau (H(v) - grad_y f) )                Pi_r: into the ball of radius r_v

One gradient of f and three of g a pass, no second derivative. The ball, of a radius that bounds |grad_y f| / mu, holds v
where H has a negative eigenvalue on the way; the theory is for g of Polyak and Lojasiewicz's kind in y whose Hessian has
eigenvalues in [mu, L] at its minimisers.

As the paper has it: `lam`, `tau`, `gamma`, `delta` and `r_v` are given, and every pass moves x. As used here: lambda = tau
= 1 / L with the largest curvature L that was met, x waits for y and v, gamma follows Malitsky and Mishchenko; delta is
such that y moves by 1e-5 of its size. The residual of v is that of the differences: with the usual delta they are wrong by
some 1e-10, relative, with a delta of 1e-2 by what g's fourth derivative makes of it, and no measure says so.

Huang: Optimal Hessian/Jacobian-free nonconvex-PL bilevel optimization, ICML 2024 (arXiv 2407.17823).
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts import leader, pace
from .parts.pace import Pace
from .program import Program, Setting, Signal

NAME = "hjfbio"

CARD = Card(
    name=NAME,
    title="single loop without second derivatives, by differences",
    rank=26,
    papers=("Huang: Optimal Hessian/Jacobian-free nonconvex-PL bilevel optimization, ICML 2024, arXiv 2407.17823",),
    assumes=("a lower objective whose Hessian in y is positive definite at the follower's answers, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    *leader.SETTINGS,
    Setting("lam", 0.0, "step size of y; 0: found by the method", 0),
    Setting("tau", 0.0, "step size of v; 0: found by the method", 0),
    Setting("delta", 0.0, "length of the differences, times v; 0: 1e-5 of the size of y", 0),
    Setting("r_v", 1e8, "radius of the ball of v", 0),
    *pace.SETTINGS,
)
DIFFERENCE = 1e-5


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    both = Pace(m, floor=1e-9)

    def delta(v: ca.MX) -> ca.MX:
        return either(o.delta > 0, o.delta, DIFFERENCE * (1 + norm(s.y)) / ca.fmax(norm(v), 1e-12))

    def difference(gradient, v: ca.MX, y: ca.MX) -> ca.MX:
        d = delta(v)
        return (gradient(s.x, y + d * v) - gradient(s.x, y - d * v)) / (2 * d)

    with m.iteration():
        both.lead(o.gamma)
        both.y.renew(lambda d: difference(m.grad_y_g, d, s.y))
        with m.loop("pass") as until:
            y = s.y - both.y.length(o.lam) * s.v
            z = s.z - both.y.length(o.tau) * s.D_z  # the paper's v
            z = z * ca.fmin(1, o.r_v / ca.fmax(norm(z), 1e-300))
            grad_y, v = m.grad_y_f(s.x, y), m.grad_y_g(s.x, y)
            D_z = difference(m.grad_y_g, z, y) - grad_y
            both.learn(y, v, z, D_z)
            s.y, s.z, s.v, s.D_z = y, z, v, D_z
            m.stop(Signal.DIVERGED, when=norm(y) > 1e12)
            until(both.caught_up(o.gamma, norm(grad_y)))
        m.called("hypergradient")
        both.x.judge(m.grad_x_f(s.x, s.y) - difference(m.grad_x_g, s.z, s.y), s.v)

    tolerances = dict.fromkeys(("stationarity", "lower_stationarity", "linear"), "tol")
    return m.program(both.x.measures(linear=s.linear), tolerances)
