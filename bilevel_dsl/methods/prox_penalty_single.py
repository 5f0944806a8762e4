"""The penalty method of Kwon and others in a single loop: one step of each proximal problem, momentum in all gradients.

    w <- P_Y( w - gamma_k ( sigma_k grad_y f(x, w) + grad_y g(x, w) + (w - y) / rho ) )
    u <- P_Y( u - gamma_k (                          grad_y g(x, u) + (u - z) / rho ) )
    y <- (1 - beta_k) y + beta_k w,    z <- (1 - beta_k) z + beta_k u
    x <- P_X( x - alpha_k ( grad_x f(x, y) + ( grad_x g(x, y) - grad_x g(x, z) ) / sigma_k ) )

Every gradient goes through the recursive momentum of STORM, v <- sample + (1 - eta) (v - the same sample at the point
before); without samples that gives the gradient itself. Sets on both levels by projection.

As the paper has it (`alpha` > 0): without noise sigma_k = `sigma` (k + k0)^(-1/3), alpha_k = `alpha` (k + k0)^(-1/3),
gamma and beta constant. As used (`alpha` = 0, the default): gamma = 1 / (L + 1 / rho) with the L seen, rho = 1 / L; x
moves only in iterations in which w, u, y and z have caught up with it (their residuals over sigma at most a tenth of
its own), by steps of Malitsky and Mishchenko, and sigma falls tenfold each time all are stationary, until `bias`, the
distance of y to z, is below `tol`. Iterations are cheap and many; `prox_penalty` needs far fewer evaluations.

With samples (`batch` > 0; a batch of f and one of g an iteration) the schedules of the paper are those for noise on both
levels, sigma_k = sigma (k + k0)^(-1/5), alpha_k = alpha (k + k0)^(-3/5), beta_k = beta (k + k0)^(-2/5), gamma_k = gamma
(k + k0)^(-2/5) and eta_k = eta (k + k0)^(-4/5): the variance of the estimators is of the order eta_k, and so the noise of
the direction of x of the order sigma_k, for O(eps^-5) samples. With alpha = 0 the same powers, with the gamma_k that all
methods with samples find, rho = 1 / L, beta_k = beta / 2 (k / 100)^(-2/5), eta_k = (k / 100)^(-4/5), a first sigma_k as in
`f2sa`, and x as all methods with samples do. The one batch of g serves w, u, y and z, so that most of its noise cancels in
the difference that 1 / sigma multiplies.

Kwon, Kwon, Wright, Nowak, ICLR 2024 (arXiv 2309.01753), Algorithm 2; its lines and constants are reconstructed, not from
its text.
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

NAME = "prox_penalty_single"

CARD = Card(
    name=NAME,
    title="penalty method with proximal lower steps, a single loop",
    rank=41,
    papers=(
        "Kwon, Kwon, Wright, Nowak: On penalty methods for nonconvex bilevel optimization and first-order "
        "stochastic approximation, ICLR 2024, arXiv 2309.01753",
    ),
    assumes=("a proximal error bound of sigma f + g for all small sigma, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY, needs.LOWER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-5, "bound on the residuals of x, of the lower levels over sigma, and on the bias, relative", 0),
    Setting("max_iter", 1000000, "steps", 0, integer=True),
    Setting("alpha", 0.0, "step of x is alpha (k + k0)^(-1/3), with samples ^(-3/5); 0: all steps found by the method", 0),
    Setting("sigma", 1.0, "alpha > 0: sigma_k = sigma (k + k0)^(-1/3), with samples ^(-1/5)", 1e-12),
    Setting("rho", 0.5, "alpha > 0: proximal parameter", 1e-12),
    Setting("gamma", 0.2, "alpha > 0: steps of w and u", 0),
    Setting("beta", 0.5, "relaxation: weight of w in y, of u in z", 1e-6, 1),
    Setting("k0", 10, "alpha > 0: shift of the schedule", 1),
    Setting("eta", 0.1, "weight of a new sample in the estimators", 0, 1),
    *single.SETTINGS,
    *noise.settings(),
)


def program(oracles: Oracles, built: dict[str, float] | None = None) -> Program:
    m = Method(NAME, oracles, SETTINGS, built)
    return sampled(m) if m.settings.batch else exact(m)


def exact(m: Method) -> Program:
    s, o, oracles = m.state, m.settings, m.oracles
    start = m.P_Y(m.y_start)
    m.slot("w", oracles.ny, "of the proximal problem of sigma f + g", start=start)
    m.slot("u", oracles.ny, "of that of g", start=start)
    q = Single(m, lower=("w", "u"))
    with m.iteration():
        own = o.alpha <= 0
        shrunk = lambda: (s.k + o.k0) ** (-1 / 3)  # noqa: E731
        q.begin(own, lambda: o.sigma * shrunk())
        h = q.gradients(o.eta)
        sigma, w, u, y, z = s.sigma, s.w, s.u, s.y, s.z
        rho = either(own, 1 / s.L, o.rho)
        gamma = either(own, 0.5 / s.L, o.gamma)
        pull_w, pull_u = sigma * h["grad_y_f"] + h["grad_y_g"], h["grad_z_g"]
        # of sigma f + g and g themselves, so that they vanish with y = w and z = u alone
        residual = sum(norm(v - m.P_Y(v - gamma * p)) / gamma for v, p in ((w, pull_w), (u, pull_u)))
        residual = residual + (norm(w - y) + norm(u - z)) / rho
        new_w = m.P_Y(w - gamma * (pull_w + (w - y) / rho))
        new_u = m.P_Y(u - gamma * (pull_u + (u - z) / rho))
        towards = h["grad_x_f"] + (h["grad_x_g"] - h["grad_x_g_z"]) / sigma
        arrived = q.judge(own, towards, residual, o.alpha * shrunk())  # and the step of x
        new_u = either(s.anew, y, new_u)
        s.w, s.u = either(arrived, w, new_w), either(arrived, u, new_u)
        s.y = either(arrived, y, (1 - o.beta) * y + o.beta * new_w)
        s.z = either(arrived, z, either(s.anew, y, (1 - o.beta) * z + o.beta * new_u))
    return m.program(*q.measures())


def sampled(m: Method) -> Program:
    s, o, nx, ny = m.state, m.settings, m.oracles.nx, m.oracles.ny
    x, y = m.P_X(m.x_start), m.P_Y(m.y_start)
    q = Noisy(m, z=y, w=y, u=y)
    m.slots(x_old=x, y_old=y, z_old=y, w_old=y, u_old=y, sigma0=0)
    estimates = {name: Storm(m, f"h_{name}", size) for name, size in zip(FIELDS, (ny, ny, ny, nx, nx, nx))}
    printed = o.alpha > 0
    falling = lambda first, power, own: either(  # noqa: E731
        printed, first * (s.k + o.k0) ** -power, own * q.falling(power)
    )
    sigma = lambda: falling(o.sigma, 1 / 5, s.sigma0)  # noqa: E731

    def gradients(x: ca.MX, y: ca.MX, z: ca.MX, w: ca.MX, u: ca.MX, xi: Sample, zeta: Sample) -> tuple[ca.MX, ...]:
        of_y = m.grad_y_f(x, w, xi), m.grad_y_g(x, w, zeta), m.grad_y_g(x, u, zeta)
        return *of_y, m.grad_x_f(x, y, xi), m.grad_x_g(x, y, zeta), m.grad_x_g(x, z, zeta)

    with m.iteration():
        q.begin()
        with m.when(s.sigma0 <= 0, "penalty"):
            s.sigma0 = 1 / q.penalty(o.s_start)
        xi, zeta = q.draw("f"), q.draw("g")
        now = gradients(q.x, q.y, q.z, q.w, q.u, xi, zeta)
        before = gradients(s.x_old, s.y_old, s.z_old, s.w_old, s.u_old, xi, zeta)
        eta = ca.fmin(1, falling(o.eta, 4 / 5, 1))
        h = {name: e.add(new, old, eta) for (name, e), new, old in zip(estimates.items(), now, before)}
        rho, gamma = either(printed, o.rho, 1 / s.L), falling(o.gamma, 2 / 5, 1 / (2 * s.L))
        beta = falling(o.beta, 2 / 5, o.beta / 2)
        s.x_old, s.y_old, s.z_old, s.w_old, s.u_old = q.x, q.y, q.z, q.w, q.u
        w = m.P_Y(q.w - gamma * (sigma() * h["grad_y_f"] + h["grad_y_g"] + (q.w - q.y) / rho))
        u = m.P_Y(q.u - gamma * (h["grad_z_g"] + (q.u - q.z) / rho))
        d = h["grad_x_f"] + (h["grad_x_g"] - h["grad_x_g_z"]) / sigma()
        q.move(
            x=q.step(d, printed * o.alpha * (s.k + o.k0) ** (-3 / 5)),
            y=(1 - beta) * q.y + beta * w,
            z=(1 - beta) * q.z + beta * u,
            w=w,
            u=u,
        )
        q.judge(lambda: gap.measured(m, 1 / sigma(), s.z))
    return q.program(penalty=1 / sigma())
