"""F2SA: fully first-order, by the value gap with a growing multiplier.

    z <- z - gamma_k grad_y g(x, z)                                        T times
    y <- y - alpha_k ( grad_y f(x, y) + lambda_k grad_y g(x, y) )          T times
    x <- P_X( x - xi alpha_k ( grad_x f(x, y) + lambda_k ( grad_x g(x, y) - grad_x g(x, z) ) ) )
    lambda_{k+1} = lambda_k + delta_k

First derivatives only. The answer of one lambda is wrong by O(1 / lambda), which is why lambda grows.

As the paper has it (`T` > 0): without noise gamma_k = `gamma`, alpha_k = `alpha` (k + k0)^(-1/3) and lambda_k = gamma_k
/ (2 alpha_k), growing like k^(1/3), so that the bias falls like k^(-1/3). The steps must be small enough: gamma <= 1 /
(4 L_g) and xi of order one over the squared condition of the follower. Where they are too large it diverges. As used
(`T` = 0, the default): y and z are found by quasi-Newton steps as accurately as the direction of x needs, x takes steps
of Malitsky and Mishchenko that do not shrink with 1 / lambda, and lambda = 1 / sigma grows tenfold each time x is
stationary up to a tenth of the bias, until the `bias`, the distance of y to the follower's answer, is below `tol` as
well. Then the cost no longer grows with lambda.

Kwon, Kwon, Wright, Nowak, ICML 2023 (arXiv 2301.10945), Algorithm 1; accurate lower levels and steps of x that do not
shrink: Chen, Ma, Zhang (arXiv 2306.14853).
"""

from __future__ import annotations

from ..functions.oracles import Oracles
from . import needs
from .card import Card
from .flow import Method
from .parts import gap
from .parts.gap import Gap
from .program import Program, Setting

NAME = "f2sa"

CARD = Card(
    name=NAME,
    title="fully first-order method with a growing multiplier",
    rank=42,
    papers=(
        "Kwon, Kwon, Wright, Nowak: A fully first-order method for stochastic bilevel optimization, ICML 2023, "
        "arXiv 2301.10945",
    ),
    assumes=("a strongly convex lower objective, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of psi_sigma and on the bias, relative", 0),
    Setting("max_iter", 5000, "upper-level iterations", 0, integer=True),
    Setting(
        "T", 0, "steps of y and z in an iteration; 0: as many as accuracy needs, by quasi-Newton steps", 0, integer=True
    ),
    Setting("gamma", 0.1, "T > 0: step of z", 0),
    Setting("alpha", 0.2, "T > 0: step of y in the first iteration is alpha k0^(-1/3)", 0),
    Setting("xi", 1.0, "T > 0: step of x over that of y", 0),
    Setting("k0", 10, "T > 0: shift of the schedule", 1),
    *gap.SETTINGS,
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    q = Gap(m)
    y, z = q.y, q.z
    alpha = lambda: o.alpha * (s.k + o.k0) ** (-1 / 3)  # noqa: E731
    lam = lambda: o.gamma / (2 * alpha())  # noqa: E731

    with m.iteration():
        printed = o.T > 0
        q.move(length=printed * o.xi * alpha())  # line 6, of the direction at the end of the last pass
        with m.when(printed, "printed"):
            s.sigma = 1 / lam()
            with m.repeat(o.T, "lower"):
                z.set(point=z.point - o.gamma * m.grad_y_g(s.x, z.point))  # line 4
                y.set(point=y.point - alpha() * (m.grad_y_f(s.x, y.point) + lam() * m.grad_y_g(s.x, y.point)))  # line 5
        with m.when(o.T <= 0, "accurate"):
            q.solve()
        q.judge(printed)
    return m.program(*q.measures())
