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

With samples (`batch` > 0) the schedules of the paper are those for noise on both levels, gamma_k = gamma (k + k0)^(-4/7),
alpha_k = alpha (k + k0)^(-5/7) and lambda_k = gamma_k / (2 alpha_k), which grows like k^(1/7). With T = 0 the same powers,
T = 10, the gamma_k that all methods with samples find, and a first lambda that moves y by `s_start` of its size, at most by
a hundredth; alpha_k is gamma_k / lambda_k, the bound of the paper's condition. One batch of g serves y and z: with steps of
y and z that are alike most of its noise cancels in the difference of their gradients, which lambda multiplies.

Kwon, Kwon, Wright, Nowak, ICML 2023 (arXiv 2301.10945), Algorithm 1; accurate lower levels and steps of x that do not
shrink: Chen, Ma, Zhang (arXiv 2306.14853).
"""

from __future__ import annotations

from ..functions.oracles import Oracles
from ..functions.select import either
from . import needs
from .card import Card
from .flow import Method
from .parts import gap, noise
from .parts.gap import Gap
from .parts.noise import Noisy
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
    *noise.settings(),
)


def program(oracles: Oracles, built: dict[str, float] | None = None) -> Program:
    m = Method(NAME, oracles, SETTINGS, built)
    return sampled(m) if m.settings.batch else exact(m)


def exact(m: Method) -> Program:
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


def sampled(m: Method) -> Program:
    s, o = m.state, m.settings
    q = Noisy(m, z=m.y_start)
    m.slot("lam0", 1, "lambda at first")
    printed = o.T > 0
    gamma = lambda: either(printed, o.gamma * (s.k + o.k0) ** (-4 / 7), q.length(4 / 7))  # noqa: E731
    alpha = lambda: either(printed, o.alpha * (s.k + o.k0) ** (-5 / 7), gamma() / lam())  # noqa: E731
    lam = lambda: either(  # noqa: E731
        printed, gamma() / (2 * o.alpha * (s.k + o.k0) ** (-5 / 7)), s.lam0 * q.falling(-1 / 7)
    )
    with m.iteration():
        q.begin()
        with m.when(s.lam0 <= 0, "penalty"):
            s.lam0 = q.penalty(o.s_start)
        with m.repeat(either(printed, o.T, 10), "lower"):
            xi, zeta = q.draw("f"), q.draw("g")
            z = q.z - gamma() * m.grad_y_g(q.x, q.z, zeta)  # line 4
            y = q.y - alpha() * (m.grad_y_f(q.x, q.y, xi) + lam() * m.grad_y_g(q.x, q.y, zeta))  # line 5
            q.move(y=y, z=z)
        m.called("upper")
        xi, zeta = q.draw("f"), q.draw("g")
        w = m.grad_x_f(q.x, q.y, xi) + lam() * (m.grad_x_g(q.x, q.y, zeta) - m.grad_x_g(q.x, q.z, zeta))
        q.move(x=q.step(w, printed * o.xi * alpha()))  # line 6
        q.judge(lambda: gap.measured(m, lam(), s.z))
    return q.program(penalty=lam())
