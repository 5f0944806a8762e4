"""F3SA: F2SA with one step a level and recursive momentum.

    z <- z - gamma_k h_z                            h_z  ~ grad_y g(x, z)
    y <- y - alpha_k ( h_f + lambda_k h_y )         h_f  ~ grad_y f(x, y),  h_y ~ grad_y g(x, y)
    x <- P_X( x - xi alpha_k ( h_xf + lambda_k ( h_xy - h_xz ) ) )

Each h is an estimator of its gradient with the recursion of STORM, h <- sample + (1 - eta) (h - the same sample at the
point before). Without samples each h is the gradient itself.

As the paper has it (`alpha` > 0): without noise gamma_k = `gamma`, alpha_k = `alpha` (k + k0)^(-1/3) and lambda_k =
gamma_k / (2 alpha_k); the bias falls like k^(-1/3). All three are updated from gradients at one point, so that each is
evaluated once. As used (`alpha` = 0, the default): y and z take steps of 1 / L with the L seen, x moves only in
iterations in which y and z have caught up with it (their residuals times lambda at most a tenth of its own), by steps
of Malitsky and Mishchenko, and lambda grows tenfold each time all are stationary, until `bias`, the distance of y to z,
is below `tol`. Iterations are cheap and many, of the order of the condition of the follower for one move of x; `f2sa`
needs far fewer evaluations.

With samples (`batch` > 0) the schedules of the paper are those for noise on both levels, gamma_k = gamma (k + k0)^(-2/5),
alpha_k = alpha (k + k0)^(-3/5), eta_k = eta (k + k0)^(-4/5), so that lambda_k grows like k^(1/5). With alpha = 0 the same
powers, with the gamma_k that all methods with samples find, eta_k = (k / 100)^(-4/5), alpha_k = gamma_k / lambda_k, and the
first lambda_k as in `f2sa`. One batch of g serves y and z, so that most of its noise cancels in their difference.

Kwon, Kwon, Wright, Nowak, ICML 2023 (arXiv 2301.10945), Algorithm 2.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts import gap, noise, single
from .parts.estimators import Storm
from .parts.noise import Noisy
from .parts.single import FIELDS, Single
from .program import Program, Setting
from .samples import Sample

NAME = "f3sa"

CARD = Card(
    name=NAME,
    title="fully first-order method in a single loop, with recursive momentum",
    rank=43,
    papers=(
        "Kwon, Kwon, Wright, Nowak: A fully first-order method for stochastic bilevel optimization, ICML 2023, "
        "arXiv 2301.10945",
    ),
    assumes=("a strongly convex lower objective, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-5, "bound on the residuals of x, of y and z times lambda, and on the bias, relative", 0),
    Setting("max_iter", 1000000, "steps", 0, integer=True),
    Setting("alpha", 0.0, "step of y in the first iteration is alpha k0^(-1/3); 0: all steps found by the method", 0),
    Setting("gamma", 0.1, "alpha > 0: step of z", 0),
    Setting("xi", 1.0, "alpha > 0: step of x over that of y", 0),
    Setting("k0", 10, "alpha > 0: shift of the schedule", 1),
    Setting("eta", 0.1, "weight of a new sample in the estimators", 0, 1),
    *single.SETTINGS,
    *noise.settings(),
)


def program(oracles: Oracles, built: dict[str, float] | None = None) -> Program:
    m = Method(NAME, oracles, SETTINGS, built)
    return sampled(m) if m.settings.batch else exact(m)


def exact(m: Method) -> Program:
    s, o = m.state, m.settings
    q = Single(m)
    with m.iteration():
        own = o.alpha <= 0
        alpha = lambda: o.alpha * (s.k + o.k0) ** (-1 / 3)  # noqa: E731
        q.begin(own, lambda: 2 * alpha() / o.gamma)
        h = q.gradients(o.eta)
        sigma = s.sigma
        pull_y, pull_z = sigma * h["grad_y_f"] + h["grad_y_g"], h["grad_z_g"]
        w = h["grad_x_f"] + (h["grad_x_g"] - h["grad_x_g_z"]) / sigma
        along_y = either(own, 1 / s.L, alpha() / sigma)
        along_z = either(own, 1 / s.L, o.gamma)
        arrived = q.judge(own, w, norm(pull_y) + norm(pull_z), o.xi * alpha())  # and the step of x
        s.z = either(arrived, s.z, either(s.anew, s.y, s.z - along_z * pull_z))
        s.y = either(arrived, s.y, s.y - along_y * pull_y)
    return m.program(*q.measures())


def sampled(m: Method) -> Program:
    s, o, nx, ny = m.state, m.settings, m.oracles.nx, m.oracles.ny
    q = Noisy(m, z=m.y_start)
    m.slots(x_old=q.starts["x"], y_old=m.y_start, z_old=m.y_start, lam0=0)
    sizes = dict(zip(FIELDS, (ny, ny, ny, nx, nx, nx)))
    estimates = {name: Storm(m, f"h_{name}", size) for name, size in sizes.items()}
    printed = o.alpha > 0
    falling = lambda first, power, own: either(  # noqa: E731
        printed, first * (s.k + o.k0) ** -power, own * q.falling(power)
    )
    gamma = lambda: falling(o.gamma, 2 / 5, 1 / (2 * s.L))  # noqa: E731
    lam = lambda: falling(o.gamma / (2 * o.alpha), -1 / 5, s.lam0)  # noqa: E731
    alpha = lambda: either(printed, o.alpha * (s.k + o.k0) ** (-3 / 5), gamma() / lam())  # noqa: E731

    def gradients(x: ca.MX, y: ca.MX, z: ca.MX, xi: Sample, zeta: Sample) -> tuple[ca.MX, ...]:
        (f_x, f_y), (g_x, g_y), (g_xz, g_z) = m.grad_f(x, y, xi), m.grad_g(x, y, zeta), m.grad_g(x, z, zeta)
        return f_y, g_y, g_z, f_x, g_x, g_xz

    with m.iteration():
        q.begin()
        with m.when(s.lam0 <= 0, "penalty"):
            s.lam0 = q.penalty(o.s_start)
        xi, zeta = q.draw("f"), q.draw("g")
        now, before = gradients(q.x, q.y, q.z, xi, zeta), gradients(s.x_old, s.y_old, s.z_old, xi, zeta)
        eta = ca.fmin(1, falling(o.eta, 4 / 5, 1))
        h = {name: e.add(new, old, eta) for (name, e), new, old in zip(estimates.items(), now, before)}
        w = h["grad_x_f"] + lam() * (h["grad_x_g"] - h["grad_x_g_z"])
        s.x_old, s.y_old, s.z_old = q.x, q.y, q.z
        q.move(
            x=q.step(w, printed * o.xi * alpha()),
            y=q.y - alpha() * (h["grad_y_f"] + lam() * h["grad_y_g"]),
            z=q.z - gamma() * h["grad_z_g"],
        )
        q.judge(lambda: gap.measured(m, lam(), s.z))
    return q.program(penalty=lam())
