"""SOBA: one loop in which y, the linear system and x move together.

    D_y = grad_y g                    D_z = H z - grad_y f          D_x = grad_x f - J z          all three at (x, y, z)
    y <- y - rho D_y                  z <- z - rho D_z              x <- P_X(x - gamma D_x)

H = hess_yy g, J = hess_xy g. Each direction is linear in f and g, so that a sample of each makes an unbiased estimate of
all three; z = H^-1 grad_y f never has to be found for one x before x moves on. One gradient of each function and one
product with H and J a pass.

As the paper has it: `rho` and `gamma` are given, both falling like 1 / sqrt(iteration) (`decay` = 0.5; its program has 0),
every pass moves x. With exact directions gamma / rho has to be below a constant that falls with a power of the condition
of H. As used here: rho = 1 / L with the largest curvature L that was met, x waits for y and z, and gamma follows Malitsky
and Mishchenko. With samples (`batch` > 0) all three directions are over one batch of f and one of g, every iteration moves
all three, and steps that are found fall like the paper's. SABA is the same with SAGA's tables of past samples.

Dagreou, Ablin, Vaiter, Moreau: A framework for bilevel optimization that enables stochastic and global variance reduction
algorithms, NeurIPS 2022 (arXiv 2201.13409).
"""

from __future__ import annotations

from dataclasses import replace

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts import leader, noise, pace
from .parts.noise import Noisy
from .parts.pace import Pace
from .program import Program, Setting, Signal

NAME = "soba"

CARD = Card(
    name=NAME,
    title="single loop: follower, linear system and leader move together",
    rank=25,
    papers=(
        "Dagreou, Ablin, Vaiter, Moreau: A framework for bilevel optimization that enables stochastic and global variance "
        "reduction algorithms, NeurIPS 2022, arXiv 2201.13409",
    ),
    assumes=("a twice differentiable lower objective, strongly convex around the follower's answers, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    *(replace(s, default=20000) if s.name == "max_iter" else s for s in leader.SETTINGS),
    Setting("rho", 0.0, "step size of y and z; 0: found by the method", 0),
    pace.DECAY,
    *pace.SETTINGS,
    *noise.settings(),
)


def program(oracles: Oracles, built: dict[str, float] | None = None) -> Program:
    m = Method(NAME, oracles, SETTINGS, built)
    return sampled(m) if m.settings.batch else exact(m)


def exact(m: Method) -> Program:
    s, o = m.state, m.settings
    both = Pace(m)

    with m.iteration():
        fall = (1 + s.k) ** -o.decay
        both.lead(o.gamma * fall)  # by D_x of the pass before, where y and z are about to move from
        both.y.renew(lambda d: m.hess_yy_g_times(s.x, s.y, d))
        with m.loop("pass") as until:
            rho = both.y.length(o.rho * s.k**-o.decay)
            z = s.z - rho * s.D_z
            y = s.y - rho * s.v
            grad_y, v = m.grad_y_f(s.x, y), m.grad_y_g(s.x, y)
            D_z = m.hess_yy_g_times(s.x, y, z) - grad_y
            both.learn(y, v, z, D_z)
            s.y, s.z, s.v, s.D_z = y, z, v, D_z
            m.stop(Signal.DIVERGED, when=ca.logic_or(norm(y) > 1e12, norm(z) > 1e16))
            until(both.caught_up(o.gamma, norm(grad_y)))
        m.called("hypergradient")
        both.x.judge(m.grad_x_f(s.x, s.y) - m.hess_xy_g_times(s.x, s.y, s.z), s.v)

    tolerances = dict.fromkeys(("stationarity", "lower_stationarity", "linear"), "tol")
    return m.program(both.x.measures(linear=s.linear), tolerances)


def sampled(m: Method) -> Program:
    """One batch of f and one of g an iteration."""
    s, o = m.state, m.settings
    q = Noisy(m, z=ca.MX.zeros(m.oracles.ny))
    with m.iteration():
        q.begin()
        xi, zeta = q.draw("f"), q.draw("g")
        D_y = m.grad_y_g(q.x, q.y, zeta)
        D_z = m.hess_yy_g_times(q.x, q.y, zeta, q.z) - m.grad_y_f(q.x, q.y, xi)
        D_x = m.grad_x_f(q.x, q.y, xi) - m.hess_xy_g_times(q.x, q.y, zeta, q.z)
        rho = either(o.rho > 0, o.rho * s.k**-o.decay, q.length(0.5))
        q.move(x=q.step(D_x, o.gamma * s.k**-o.decay), y=q.y - rho * D_y, z=q.z - rho * D_z)
        q.judge(lambda: (m.grad_x_f(s.x, s.y) - m.hess_xy_g_times(s.x, s.y, s.z), m.grad_y_g(s.x, s.y)))
    return q.program()
