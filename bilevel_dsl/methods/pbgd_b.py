"""PBGD-B: block-wise penalty descent: the follower first, then the leader.

    w <- P_Y( w - beta grad_y g(u, w) )                                                T times
    v <- P_Y( v - b ( grad_y f(u, v) + gamma grad_y g(u, v) ) )                        T times
    u <- P_X( u - alpha ( grad_x f(u, v) + gamma ( grad_x g(u, v) - grad_x g(u, w) ) ) )

u is x and v is y. Since v is best for u before u moves, alpha need not shrink with 1 / gamma, as it must where both
move at once (`pbgd_j`, `v_pbgd`). Where L_gamma = f + gamma (g - v) has the Polyak-Lojasiewicz property block by block,
this reaches its global minimum at a linear rate, although psi may have other stationary points. With few inner steps
the leader may learn to make the follower's problem ill-conditioned, since a w that lags behind makes v(x) look larger:
the gap is then negative or the `bias` large.

As the paper has it (`T` > 0): a fixed gamma, constant steps; the answer keeps a bias O(1 / gamma), which is measured.
As used (`T` = 0, the default): w and v by quasi-Newton steps to the accuracy that the direction of u needs, alpha of
Malitsky and Mishchenko, and gamma grows tenfold each time u is stationary up to a tenth of the bias, until that is
below `tol`.

Xiao, Chen, ICLR 2025 (arXiv 2408.16087), PBGD in the block-wise case.
"""

from __future__ import annotations

from ..functions.oracles import Oracles
from . import needs
from .card import Card
from .flow import Method
from .parts import gap
from .parts.gap import Gap
from .program import Program, Setting

NAME = "pbgd_b"

CARD = Card(
    name=NAME,
    title="penalty-based descent, block by block",
    rank=47,
    papers=("Xiao, Chen: Unlocking global optimality in bilevel optimization: a pilot study, ICLR 2025, arXiv 2408.16087",),
    assumes=("f + gamma (g - v) with the Polyak-Lojasiewicz property in each block, for a global answer; not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY, needs.LOWER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of L_gamma in u and on the bias, relative", 0),
    Setting("max_iter", 5000, "iterations", 0, integer=True),
    Setting(
        "T", 0, "steps of w and of v in an iteration; 0: as many as accuracy needs, by quasi-Newton steps", 0, integer=True
    ),
    Setting("gamma", 10, "T > 0: penalty parameter", 1e-12),
    Setting("beta", 0.1, "T > 0: step of w", 0),
    Setting("b", 0.01, "T > 0: step of v", 0),
    Setting("alpha", 0.1, "T > 0: step of u", 0),
    *gap.SETTINGS,
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    q = Gap(m)
    v, w = q.y, q.z

    with m.iteration():
        printed = o.T > 0
        q.move(length=printed * o.alpha)  # of u
        with m.when(printed, "printed"):
            s.sigma = 1 / o.gamma
            with m.repeat(o.T, "lower"):
                u = s.x
                w.set(point=m.P_Y(w.point - o.beta * m.grad_y_g(u, w.point)))
                v.set(point=m.P_Y(v.point - o.b * (m.grad_y_f(u, v.point) + o.gamma * m.grad_y_g(u, v.point))))
        with m.when(o.T <= 0, "accurate"):
            q.solve()
        q.judge(printed)
    return m.program(*q.measures())
