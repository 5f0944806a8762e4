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
from .draft import Draft
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
    return _Mgbio(oracles).program


class _Mgbio:
    def __init__(self, oracles: Oracles):
        self.oracles = oracles
        self.draft = draft = Draft(NAME, oracles, SETTINGS)
        self.x = draft.state("x", oracles.nx, "upper variables")
        self.y = draft.state("y", oracles.ny, "lower variables")
        self.k = draft.state("k", 1, "iteration")
        self.x_before = draft.state("x_before", oracles.nx)
        self.w_before = draft.state("w_before", oracles.nx, "hypergradient estimate at x_before")
        self.gamma = draft.state("gamma", 1, "step size of x")
        self.growth = draft.state("growth", 1, "ratio of the last two step sizes of x")
        self.stationarity = draft.state("stationarity", 1, "gradient mapping of w, relative")
        self.lower_stationarity = draft.state("lower_stationarity", 1, "||grad_y g||, relative")
        draft.phase("step", self.step())
        first = {"x": self.project(draft.x_start), "y": draft.y_start, "growth": 1e6,
                 "stationarity": 1e20, "lower_stationarity": 1e20}
        tolerances = {"stationarity": "tol", "lower_stationarity": "tol"}
        self.program = draft.program(first, self.measures(), tolerances)

    def step(self) -> dict[str, ca.MX]:
        o, x, y, p = self.draft.option, self.x, self.y, self.draft.p
        grad_x_f, grad_y_f = self.oracles.function("grad_f")(x, y, *p)
        v = self.oracles.function("grad_y_g")(x, y, *p)
        e, U = self.spectrum()
        largest = ca.sqrt(ca.mmax(e * e))
        q = U @ (self.inverted(e, o.mu * largest) * (U.T @ grad_y_f))
        w = grad_x_f - self.oracles.function("hess_xy_g_times")(x, y, *p, q)          # line 5

        f, g = (self.oracles.function(name)(x, y, *p) for name in "fg")
        stationarity, lower_stationarity = norm(self.project(x - w) - x) / per_length(f, x), norm(v) / per_length(g, y)
        # the point that the measures are of is the one that stays: a first step has a length of its own
        arrived = ca.logic_and(stationarity <= o.tol, lower_stationarity <= o.tol)
        settled = ca.logic_or(lower_stationarity <= 1e-2, self.k >= o.warm_up)
        moving = ca.logic_or(settled, self.gamma > 0)
        eta = either(arrived, 0, o.eta)

        gamma = self.step_size(w, x)
        x_new = x + either(moving, eta, 0) * (self.project(x - gamma * w) - x)        # line 6
        lam = either(o.lam > 0, o.lam, 1 / largest)
        y_new = y - eta * lam * v                                                     # line 7

        gone = ca.logic_or(norm(x_new) > 1e12, norm(y_new) > 1e12)
        return {
            "x": x_new, "y": y_new, "x_before": x, "w_before": w, "k": self.k + 1,
            "gamma": either(moving, gamma, 0),
            "growth": either(self.gamma > 0, gamma / self.gamma, 1e6),
            "stationarity": stationarity,
            "lower_stationarity": lower_stationarity,
            "signal": either(gone, int(Signal.DIVERGED), 0),
            "phase": 0,
        }

    def step_size(self, w: ca.MX, x: ca.MX) -> ca.MX:
        moved, changed = norm(x - self.x_before), norm(w - self.w_before)
        first = 1e-3 * (1 + norm(x)) / ca.fmax(norm(w), 1e-8)
        secant = either(changed > 0, moved / (2 * changed), 1e20)
        grown = ca.sqrt(1 + self.growth) * self.gamma
        found = either(moved > 0, ca.fmin(grown, secant), self.gamma)
        # a step is never longer than the point is large: w may jump where H is nearly singular
        found = ca.fmin(found, (1 + norm(x)) / ca.fmax(norm(w), 1e-300))
        automatic = either(self.gamma > 0, found, first)
        return either(self.draft.option.gamma > 0, self.draft.option.gamma, automatic)

    def spectrum(self) -> tuple[ca.MX, ca.MX]:
        """Eigenvalues and eigenvectors of H; once, if H depends on parameters only."""
        problem, n = self.oracles.problem, self.oracles.ny
        H = self.oracles.function("hess_yy_g")(self.x, self.y, *self.draft.p)
        constant = not ca.depends_on(self.oracles.recipes["hess_yy_g"]()[0], ca.veccat(problem.x, problem.y))
        if not constant:
            return eigh(H)
        zero = self.oracles.function("hess_yy_g")(ca.MX.zeros(self.oracles.nx), ca.MX.zeros(n), *self.draft.p)
        e, U = eigh(zero)
        return self.draft.prepare("eigenvalues", e), ca.reshape(self.draft.prepare("eigenvectors", U), n, n)

    def inverted(self, e: ca.MX, mu: ca.MX) -> ca.MX:
        """1 / S(e), entry by entry."""
        o = self.draft.option
        size = ca.fabs(e)
        clip = 1 / ca.fmin(ca.fmax(e, mu), o.L)
        absolute = 1 / ca.fmin(ca.fmax(size, mu), o.L)
        kernel = ca.if_else(size < mu, 0 * e, clip)
        return either(o.rule == 0, clip, either(o.rule == 1, absolute, kernel))

    def project(self, v: ca.MX) -> ca.MX:
        return self.oracles.project_x(v, self.draft.p)

    def measures(self) -> dict[str, ca.MX]:
        x, y, p = self.x, self.y, self.draft.p
        return {
            "upper": self.oracles.function("f")(x, y, *p),
            "lower": self.oracles.function("g")(x, y, *p),
            "stationarity": self.stationarity,
            "lower_stationarity": self.lower_stationarity,
            "step_size": self.gamma,
        }
