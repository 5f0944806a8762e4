"""The penalty method of Kwon and others: proximal steps on sigma f + g and on g, two loops.

    w ~ argmin over Y of  sigma_k f(x, .) + g(x, .) + |. - y|^2 / (2 rho)        T projected gradient steps, from y
    u ~ argmin over Y of                    g(x, .) + |. - z|^2 / (2 rho)        T projected gradient steps, from z
    y <- (1 - beta) y + beta w,    z <- (1 - beta) z + beta u
    x <- P_X( x - alpha_k ( grad_x f(x, y) + ( grad_x g(x, y) - grad_x g(x, z) ) / sigma_k ) )

The x-direction is the gradient of psi_sigma(x) = min_y f + (g - v) / sigma, also where the follower has many answers,
as long as a proximal error bound holds: |psi_sigma - psi| = O(sigma). With rho < 1 / (2 L_g) each inner problem is
strongly convex even if g is not; sets on both levels by projection. Where the set of answers jumps with x, psi_sigma
does not approach psi evenly, and nothing here notices.

As the paper has it (`T` > 0): sigma_k = `sigma` (k + k0)^(-1/3) and alpha_k = `alpha` sigma_k, which need O(eps^-3)
iterations (its constants are not known to us; the exponents follow from its rates). As used (`T` = 0, the default): rho
is infinite and beta = 1, so that y and z minimise sigma f + g and g themselves, by quasi-Newton steps, as accurately as
the direction of x needs. Then steps of x that do not shrink with sigma are safe (Malitsky and Mishchenko), and sigma
falls tenfold each time x is stationary up to a tenth of it, until `bias`, the distance of y to the follower's answer,
is below `tol` as well. z starts from y: of many answers it is the one next to y.

With samples (`batch` > 0) and T > 0 these schedules are those of the paper for noise on both levels, with every gradient,
that of an inner step too, the mean over M_k samples of the order (k + k0)^(4/3): its noise counts 1 / sigma_k in the
direction of x, and so is of the order sigma_k. Hence O(eps^-7) samples. A program has batches of one size, so that M_k is
`batch` times ((k + k0) / k0)^`growth`, rounded up: so many batches are drawn one after the other. T is a constant, where
the paper lets it grow like log k. With T = 0 M_k is `batch`, and the steps fall instead, with powers that need O(eps^-7)
samples as well: T = 10, rho infinite, beta = 1, gamma_k of the order k^(-4/7) as all methods with samples find it, sigma_k
of the order k^(-1/7) from a first one as in `f2sa`, and x as all methods with samples do. That is `f2sa` with a set on y.
One batch of g serves w and u: most of its noise cancels in the difference that 1 / sigma multiplies. Along answers of the
follower y moves with the speed of sigma, slowly where the first sigma is small because the leader pulls across them too.

Kwon, Kwon, Wright, Nowak, ICLR 2024 (arXiv 2309.01753), Algorithm 1; its lines, M_k for the inner steps and the constants
are reconstructed, not from its text.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either
from . import needs
from .card import Card
from .flow import Method
from .parts import gap, noise
from .parts.gap import Gap
from .parts.noise import Noisy
from .program import Program, Setting

NAME = "prox_penalty"

CARD = Card(
    name=NAME,
    title="penalty method with proximal lower steps, two loops",
    rank=40,
    papers=(
        "Kwon, Kwon, Wright, Nowak: On penalty methods for nonconvex bilevel optimization and first-order "
        "stochastic approximation, ICLR 2024, arXiv 2309.01753",
    ),
    assumes=("a proximal error bound of sigma f + g for all small sigma, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY, needs.LOWER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of psi_sigma and on the bias, relative", 0),
    Setting("max_iter", 5000, "upper-level iterations", 0, integer=True),
    Setting(
        "T", 0, "inner steps of a proximal problem; 0: as many as accuracy needs, without the proximal term", 0, integer=True
    ),
    Setting("sigma", 0.5, "T > 0: sigma_k = sigma (k + k0)^(-1/3)", 1e-12),
    Setting("alpha", 0.3, "T > 0: step of x over sigma_k", 0),
    Setting("rho", 0.5, "T > 0: proximal parameter", 1e-12),
    Setting("gamma", 0.2, "T > 0: inner steps", 0),
    Setting("beta", 1.0, "T > 0: relaxation of the proximal steps", 0, 1),
    Setting("k0", 10, "T > 0: shift of the schedule", 1),
    Setting("growth", 4 / 3, "T > 0, batch > 0: samples of a gradient are batch ((k + k0) / k0)^growth", 0),
    *gap.SETTINGS,
    *noise.settings(),
)


def program(oracles: Oracles, built: dict[str, float] | None = None) -> Program:
    m = Method(NAME, oracles, SETTINGS, built)
    return sampled(m) if m.settings.batch else exact(m)


def exact(m: Method) -> Program:
    s, o, oracles = m.state, m.settings, m.oracles
    q = Gap(m)
    y, z = q.y, q.z
    m.slot("inner_y", oracles.ny, "w")
    m.slot("inner_z", oracles.ny, "u")

    with m.iteration():
        printed = o.T > 0
        q.move(length=printed * o.alpha * s.sigma)
        with m.when(printed, "printed"):
            s.sigma = o.sigma * (s.k + o.k0) ** (-1 / 3)
            s.inner_y, s.inner_z = y.point, z.point
            with m.repeat(o.T, "lower"):
                x, w, u = s.x, s.inner_y, s.inner_z
                pull = s.sigma * m.grad_y_f(x, w) + m.grad_y_g(x, w) + (w - y.point) / o.rho
                s.inner_y = m.P_Y(w - o.gamma * pull)
                s.inner_z = m.P_Y(u - o.gamma * (m.grad_y_g(x, u) + (u - z.point) / o.rho))
            y.set(point=(1 - o.beta) * y.point + o.beta * s.inner_y)
            z.set(point=(1 - o.beta) * z.point + o.beta * s.inner_z)
        with m.when(o.T <= 0, "accurate"):
            q.solve()
        q.judge(printed)
    return m.program(*q.measures())


def sampled(m: Method) -> Program:
    s, o = m.state, m.settings
    q = Noisy(m, z=m.P_Y(m.y_start))
    m.slots(w=q.starts["y"], u=q.starts["z"], pull_w=0 * m.y_start, pull_u=0 * m.y_start, d=0 * m.x_start)
    m.slot("sigma0", 1, "sigma at first")
    m.slot("batches", 1, "drawn for a gradient")
    m.slot("t", 1, "of them so far")
    printed = o.T > 0
    sigma = lambda: either(printed, o.sigma * (s.k + o.k0) ** (-1 / 3), s.sigma0 * q.falling(1 / 7))  # noqa: E731

    with m.iteration():
        q.begin()
        with m.when(s.sigma0 <= 0, "penalty"):
            s.sigma0 = 1 / q.penalty(o.s_start)
        s.batches = either(printed, ca.ceil(((s.k + o.k0) / o.k0) ** o.growth), 1)
        s.w, s.u = q.y, q.z
        with m.repeat(either(printed, o.T, 10), "lower"):
            s.t, s.pull_w, s.pull_u = 0, 0 * s.w, 0 * s.u
            with m.loop("lower_batch") as until:
                s.t = s.t + 1
                xi, zeta = q.draw("f"), q.draw("g")
                w, u = s.w, s.u
                s.pull_w = s.pull_w + (sigma() * m.grad_y_f(q.x, w, xi) + m.grad_y_g(q.x, w, zeta)) / s.batches
                s.pull_u = s.pull_u + m.grad_y_g(q.x, u, zeta) / s.batches
                until(s.t >= s.batches)
            gamma, per_rho = either(printed, o.gamma, q.length(4 / 7)), printed / o.rho
            s.w = m.P_Y(s.w - gamma * (s.pull_w + per_rho * (s.w - q.y)))
            s.u = m.P_Y(s.u - gamma * (s.pull_u + per_rho * (s.u - q.z)))
        beta = either(printed, o.beta, 1)
        q.move(y=(1 - beta) * q.y + beta * s.w, z=(1 - beta) * q.z + beta * s.u)
        s.t, s.d = 0, 0 * q.x
        with m.loop("upper_batch") as until:
            s.t = s.t + 1
            xi, zeta = q.draw("f"), q.draw("g")
            d = m.grad_x_f(q.x, q.y, xi) + (m.grad_x_g(q.x, q.y, zeta) - m.grad_x_g(q.x, q.z, zeta)) / sigma()
            s.d = s.d + d / s.batches
            until(s.t >= s.batches)
        q.move(x=q.step(s.d, printed * o.alpha * sigma()))
        q.judge(lambda: gap.measured(m, 1 / sigma(), s.z))
    return q.program(penalty=1 / sigma())
