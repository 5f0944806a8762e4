"""MGBiO: momentum hypergradient with the spectral projection of the lower Hessian.

    v = grad_y g(x, y)
    w = grad_x f - J S(H)^-1 grad_y f             H = hess_yy g,  J = hess_xy g, at (x, y)
    x <- x + eta ( P_X(x - gamma w) - x )         lines 5, 6
    y <- y - eta lambda v                         line 7

S replaces the eigenvalues of H by values in [mu, L]: `rule` "clip" min(max(e, mu), L), "abs" with |e|
for e, "kernel" leaves |e| < mu out of the inverse, the right choice for a singular H. With an
unbounded X the averaging by eta is plain gradient descent with the steps eta gamma and eta lambda.

Step sizes: lambda = 1 / max |e|; gamma by the rule of Malitsky and Mishchenko (ICML 2020),
gamma <= |x - x'| / (2 |w - w'|) and slow growth, which needs no function values. w carries the error
of y as well, so gamma shrinks by itself while y lags. x waits until y has nearly settled once.

Huang, arXiv 2303.03944 (2023), Algorithm 1; the kernel rule and the step sizes are ours.
"""

from __future__ import annotations

import casadi as ca

from ..functions.linalg import eigh
from ..functions.oracles import Oracles
from ..functions.select import either, norm, per_length
from .flow import Method
from .program import Program, Setting, Signal

NAME = "mgbio"

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of w and on grad_y g, relative", 0),
    Setting("max_iter", 20000, "iterations", 0, integer=True),
    Setting("rule", 0, "what becomes of the eigenvalues outside [mu, L]", choices=("clip", "abs", "kernel")),
    Setting("mu", 1e-3, "floor of the eigenvalues, relative to the largest", 1e-14, 1),
    Setting("L", 1e20, "cap of the eigenvalues", 0),
    Setting("eta", 1.0, "averaging weight", 1e-6, 1),
    Setting("gamma", 0.0, "step size of x; 0: found by the method", 0),
    Setting("warm_up", 100, "iterations at most in which y alone moves, until it is nearly stationary", 0,
            integer=True),
    Setting("lam", 0.0, "step size of y; 0: one over the largest eigenvalue", 0),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o, nx = m.state, m.settings, oracles.nx
    m.slot("x", nx, "upper variables", start=m.P_X(m.x_start))
    m.slot("y", oracles.ny, "lower variables", start=m.y_start)
    m.slot("k", 1, "iteration")
    m.slot("x_before", nx)
    m.slot("w_before", nx, "hypergradient estimate at x_before")
    m.slot("gamma", 1, "step size of x")
    m.slot("growth", 1, "ratio of the last two step sizes of x", start=1e6)
    m.slot("stationarity", 1, "gradient mapping of w, relative", start=1e20)
    m.slot("lower_stationarity", 1, "||grad_y g||, relative", start=1e20)

    with m.iteration():
        x, y = s.x, s.y
        grad_x_f, grad_y_f = m.grad_f(x, y)
        v = m.grad_y_g(x, y)
        e, U = spectrum(m)
        largest = ca.sqrt(ca.mmax(e * e))
        q = U @ (inverted(o, e, o.mu * largest) * (U.T @ grad_y_f))
        w = grad_x_f - m.hess_xy_g_times(x, y, q)                                     # line 5

        s.stationarity = norm(m.P_X(x - w) - x) / per_length(m.f(x, y), x)
        s.lower_stationarity = norm(v) / per_length(m.g(x, y), y)
        # the point that the measures are of is the one that stays: a first step has a length of its own
        arrived = ca.logic_and(s.stationarity <= o.tol, s.lower_stationarity <= o.tol)
        settled = ca.logic_or(s.lower_stationarity <= 1e-2, s.k >= o.warm_up)
        moving = ca.logic_or(settled, s.gamma > 0)
        eta = either(arrived, 0, o.eta)

        gamma, known = step_size(s, o, w), s.gamma
        s.x = x + either(moving, eta, 0) * (m.P_X(x - gamma * w) - x)                 # line 6
        lam = either(o.lam > 0, o.lam, 1 / largest)
        s.y = y - eta * lam * v                                                       # line 7

        s.growth = either(known > 0, gamma / known, 1e6)
        s.gamma = either(moving, gamma, 0)
        s.x_before, s.w_before, s.k = x, w, s.k + 1
        m.stop(Signal.DIVERGED, when=ca.logic_or(norm(s.x) > 1e12, norm(s.y) > 1e12))

    measures = {"upper": m.f(s.x, s.y), "lower": m.g(s.x, s.y), "stationarity": s.stationarity,
                "lower_stationarity": s.lower_stationarity, "step_size": s.gamma}
    return m.program(measures, {"stationarity": "tol", "lower_stationarity": "tol"})


def step_size(s, o, w: ca.MX) -> ca.MX:
    """gamma by the rule of Malitsky and Mishchenko, from the last move of x and the change of w along it."""
    moved, changed = norm(s.x - s.x_before), norm(w - s.w_before)
    first = 1e-3 * (1 + norm(s.x)) / ca.fmax(norm(w), 1e-8)
    secant = either(changed > 0, moved / (2 * changed), 1e20)
    grown = ca.sqrt(1 + s.growth) * s.gamma
    found = either(moved > 0, ca.fmin(grown, secant), s.gamma)
    # a step is never longer than the point is large: w may jump where H is nearly singular
    found = ca.fmin(found, (1 + norm(s.x)) / ca.fmax(norm(w), 1e-300))
    automatic = either(s.gamma > 0, found, first)
    return either(o.gamma > 0, o.gamma, automatic)


def spectrum(m: Method) -> tuple[ca.MX, ca.MX]:
    """Eigenvalues and eigenvectors of H; once, if H depends on parameters only."""
    problem, n = m.oracles.problem, m.oracles.ny
    constant = not ca.depends_on(m.oracles.recipes["hess_yy_g"]()[0], ca.veccat(problem.x, problem.y))
    if not constant:
        return eigh(m.hess_yy_g(m.state.x, m.state.y))
    e, U = eigh(m.hess_yy_g(ca.MX.zeros(m.oracles.nx), ca.MX.zeros(n)))
    return m.prepare("eigenvalues", e), ca.reshape(m.prepare("eigenvectors", U), n, n)


def inverted(o, e: ca.MX, mu: ca.MX) -> ca.MX:
    """1 / S(e), entry by entry."""
    size = ca.fabs(e)
    clip = 1 / ca.fmin(ca.fmax(e, mu), o.L)
    absolute = 1 / ca.fmin(ca.fmax(size, mu), o.L)
    kernel = ca.if_else(size < mu, 0 * e, clip)
    return either(o.rule == 0, clip, either(o.rule == 1, absolute, kernel))
