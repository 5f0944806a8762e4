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

Kwon, Kwon, Wright, Nowak, ICLR 2024 (arXiv 2309.01753), Algorithm 1, without noise.
"""

from __future__ import annotations

from ..functions.oracles import Oracles
from . import needs
from .card import Card
from .flow import Method
from .parts import gap
from .parts.gap import Gap
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
    *gap.SETTINGS,
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
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
