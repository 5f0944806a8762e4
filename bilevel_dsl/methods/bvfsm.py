"""BVFSM: sequential minimisation with the value function in a barrier or a penalty.

    z = argmin g(x, .) + mu1 / 2 |.|^2,            v_mu(x) = that minimum + mu2
    y = argmin f(x, .) + theta / 2 |.|^2 + A( g(x, .) - v_mu(x) )
    x <- P_X( x - alpha ( grad_x f(x, y) + A'( g(x, y) - v_mu(x) ) ( grad_x g(x, y) - grad_x g(x, z) ) ) )

    auxiliary "log":        A(w) = -tau ln(-w)                  a barrier: y stays inside of g < v_mu
    auxiliary "inverse":    A(w) = -tau / w                     a barrier too
    auxiliary "quadratic":  A(w) = max(w, 0)^2 / (2 tau)        a penalty, mu2 = 0

mu1, mu2, theta and tau fall to 0; then y(x) is the answer that suits the leader best. The multiplier 1 / sigma = A' is
found by the barrier, not set. With `mu2` the follower may be wrong by mu2, and so is y, by its square root: mu2 = 1e-12
for six digits of y, where rounding in v_mu - g begins to show. `bias`, the distance of y to z, says how far it came.

As the paper has it (`T` > 0): (mu1, mu2, theta, tau) = (`mu`, `mu`, `theta`, `tau`) (k + 1)^(-`power`), T gradient
steps for z and for y; a step of y out of the barrier is halved until it is not (the papers say nothing; their code
freezes the value of the barrier and keeps its gradient alone, so that it is none, and on the sine problem of the paper
ignores the follower). As used (`T` = 0, the default): theta = mu1 = 0, z and y by quasi-Newton steps, y from z, which
is inside; mu2 and tau follow one parameter s, such that y moves by s times its size, which falls tenfold each time x is
stationary up to a tenth of it; x takes steps of Malitsky and Mishchenko.

Liu, Liu, Zeng, Zhang, Zhang, TPAMI 2023 (arXiv 2110.04974); with "log" it is BVFIM, ICML 2021 (arXiv 2106.07991).
"""

from __future__ import annotations

from dataclasses import replace

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either
from . import needs
from .card import Card
from .flow import Method
from .parts import gap
from .parts.gap import Gap
from .program import Program, Setting

NAME = "bvfsm"

CARD = Card(
    name=NAME,
    title="value-function sequential minimisation with a barrier or a penalty",
    rank=50,
    papers=(
        "Liu, Liu, Zeng, Zhang, Zhang: Value-function-based sequential minimization for bi-level optimization, TPAMI 2023, "
        "arXiv 2110.04974",
    ),
    assumes=("a lower objective whose minimum, not only a stationary point, is found from the start",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY, needs.LOWER_SETS_ONLY),
)

LOG, INVERSE, QUADRATIC = range(3)
OUTSIDE = 1e50  # the value of a barrier outside: never accepted, and still a number
GENERAL = {"s_start": 0.1, "lower_accuracy": 1e-3}
COMMON = (
    Setting("tol", 1e-4, "bound on the gradient mapping of x and on the bias, relative", 0),
    Setting("max_iter", 5000, "upper-level iterations", 0, integer=True),
    Setting(
        "T", 0, "steps of z and of y in an iteration; 0: as many as accuracy needs, by quasi-Newton steps", 0, integer=True
    ),
    Setting("mu", 0.1, "T > 0: mu1 and mu2 in the first iteration", 1e-12),
    Setting("theta", 0.01, "T > 0: theta in the first iteration", 0),
    Setting("tau", 1.0, "T > 0: tau in the first iteration", 1e-12),
    Setting("power", 1.1, "T > 0: they fall like (k + 1)^(-power)", 0),
    Setting("step_z", 0.1, "T > 0: step of z", 0),
    Setting("step_y", 0.01, "T > 0: step of y", 0),
    Setting("alpha", 0.01, "T > 0: step of x", 0),
    *(replace(s, default=GENERAL.get(s.name, s.default)) for s in gap.SETTINGS),
)
SETTINGS = (
    *COMMON[:2],
    Setting("auxiliary", LOG, "A", choices=("log", "inverse", "quadratic")),
    *COMMON[2:],
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    return minimised(m, m.settings.auxiliary)


def minimised(m: Method, kind: ca.MX | int) -> Program:
    s, o = m.state, m.settings
    q = Barrier(m, kind)
    y, z = q.y, q.z
    with m.iteration():
        printed = o.T > 0
        q.move(length=printed * o.alpha)
        with m.when(printed, "printed"):
            s.fall = (s.k + 1) ** (-o.power)
            s.tau = o.tau * s.fall
            with m.repeat(o.T, "solve_printed_z"):
                z.set(point=m.P_Y(z.point - o.step_z * (m.grad_y_g(s.x, z.point) + o.mu * s.fall * z.point)))
            s.mu2 = either(q.kind == QUADRATIC, 0, o.mu * s.fall)
            s.v_mu = m.g(s.x, z.point) + o.mu * s.fall / 2 * ca.dot(z.point, z.point) + s.mu2
            inside = allowed(q, m.g(s.x, y.point))
            y.set(point=either(inside, y.point, z.point))
            s.length = o.step_y
            with m.repeat(o.T, "solve_printed_y"):
                x, v = s.x, y.point
                _, slope = q.auxiliary(m.g(x, v))
                pull = m.grad_y_f(x, v) + o.theta * s.fall * v + slope * m.grad_y_g(x, v)
                new = m.P_Y(v - s.length * pull)
                inside = allowed(q, m.g(x, new))
                y.set(point=either(inside, new, v))
                s.length = either(inside, o.step_y, s.length / 2)
        with m.when(o.T <= 0, "accurate"):
            q.solve()
        m.called("multiplier")
        s.sigma = 1 / ca.fmax(q.auxiliary(m.g(s.x, y.point))[1], 1e-12)
        q.judge(printed)
    return m.program(*q.measures())


def allowed(q: Barrier, g: ca.MX) -> ca.MX:
    """Whether A is defined there."""
    return ca.logic_or(q.kind == QUADRATIC, g < q.m.state.v_mu)


class Barrier(Gap):
    """y minimises f + A(g - v_mu) in the place of sigma f + g."""

    def __init__(self, m: Method, kind: ca.MX | int):
        super().__init__(m)
        self.kind = ca.MX(kind)
        m.slot("v_mu", 1, "v + mu2")
        m.slot("mu2", 1, "what the follower may be wrong by")
        m.slot("tau", 1, "of the auxiliary function", start=1)
        m.slot("fall", 1, "of the printed schedule", start=1)
        m.slot("length", 1, "step of y, printed")
        self.goal = self.barred

    def auxiliary(self, g: ca.MX) -> tuple[ca.MX, ca.MX]:
        """A and A' at g - v_mu."""
        s = self.m.state
        w = g - s.v_mu
        over, room = ca.fmax(w, 0), either(w < 0, -w, 1)
        log, inverse = (either(w < 0, inside, OUTSIDE) for inside in (-s.tau * ca.log(room), s.tau / room))
        value = either(self.kind == LOG, log, either(self.kind == INVERSE, inverse, over**2 / (2 * s.tau)))
        slope = either(self.kind == LOG, s.tau / room, either(self.kind == INVERSE, s.tau / room**2, over / s.tau))
        return value, slope

    def prepare(self) -> None:
        """mu2 and tau such that y moves by s times its size, with a multiplier of the order 1 / (s unit)."""
        s, z = self.m.state, self.z
        sigma = s.s * s.unit
        worth = s.s * sigma * s.energy  # what g may lose for it
        s.mu2 = either(self.kind == QUADRATIC, 0, worth)
        s.tau = either(self.kind == LOG, worth / sigma, either(self.kind == INVERSE, worth**2 / sigma, worth * sigma)) / 2
        s.v_mu = z.value + s.mu2
        s.sigma = sigma
        self.y.restart(z.point)  # which is inside

    def barred(self, y: ca.MX) -> tuple[ca.MX, ca.MX]:
        """sigma ( f + A ) and its gradient by y."""
        m, s = self.m, self.m.state
        (f, grad_f), (g, grad_g) = m.f_grad_y_f(s.x, y), m.g_grad_y_g(s.x, y)
        value, slope = self.auxiliary(g)
        sigma = s.s * s.unit
        return sigma * (f + value), sigma * (grad_f + slope * grad_g)
