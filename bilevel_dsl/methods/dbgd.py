"""Dynamic barrier gradient descent for simple bilevel problems: min f over the minimisers of g.

    d = grad f + lambda G,     lambda = max( (phi - <grad f, G>) / ||G||^2, 0 )
    y <- P_Y( y - eta d )                     d is the vector nearest grad f with <G, d> >= phi

    barrier "gradient":   phi = beta ||G||^2                                  Cao et al., eq. (16)
    barrier "value":      phi = min( alpha (g - lower_bound), beta ||G||^2 )  Gong et al.

G is grad g, and with a set Y the gradient mapping of g, (y - P_Y(y - tau grad g)) / tau, since
grad g does not vanish at a minimiser on the boundary. eta starts at 1 / (2 (L_f + beta L_g)), with
both constants estimated from the gradients seen, and falls like k^(-1/2): at a constant eta, G stays
proportional to eta wherever the solution set has co-dimension two or more.

The last phase removes what remains: w(s) = argmin s f + g is followed to s -> 0 by extrapolation,
2 w(s/2) - w(s), and the end point descends on g alone; s falls further until that is stationary.
`polish = 0` leaves the paper's method.

Cao, Jiang, Yazdandoost Hamedani, Mokhtari, NeurIPS 2025 (arXiv 2507.23155), Algorithm 1;
Gong, Liu, Liu, NeurIPS 2021 (barrier "value"); with a set and the polish: ours.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm, per_length
from .draft import Draft
from .program import Program, Setting, Signal
from .search import Search

NAME = "dbgd"
EPS = 2.2e-16

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient of g and on the tangential gradient of f, relative", 0),
    Setting("max_iter", 20000, "iterations", 0, integer=True),
    Setting("barrier", 0, "phi: gradient norm, or value and gradient norm", choices=("gradient", "value")),
    Setting("beta", 1.0, "weight of ||G||^2 in phi", 0),
    Setting("alpha", 1.0, "weight of g - lower_bound in phi", 0),
    Setting("lower_bound", 0.0, "a lower bound of min g, for the barrier \"value\""),
    Setting("step_size", 0.0, "eta; 0: from the smoothness seen", 0),
    Setting("decay", 1000, "eta falls like (1 + k / decay)^(-1/2); inf: constant", 1),
    Setting("polish", 1, "remove the remaining error at the end", choices=("no", "yes")),
    Setting("barrier_iter", 1000, "iterations before the polish, at most", 0, integer=True),
    Setting("s", 1e-4, "inverse penalty parameter of the polish, relative", 1e-10, 1),
    Setting("lower_trials", 20000, "evaluations at most in one solve of the polish", 1, integer=True),
)

STEP, SOLVE_W, SOLVE_V, SETTLE, FINISH = range(5)  # phases


def program(oracles: Oracles) -> Program:
    return _Dbgd(oracles).program


class _Dbgd:
    def __init__(self, oracles: Oracles):
        self.oracles = oracles
        self.draft = draft = Draft(NAME, oracles, SETTINGS)
        n = oracles.ny
        draft.state("x", oracles.nx, "upper variables: none")
        self.y = draft.state("y", n, "the point")
        self.k = draft.state("k", 1, "iteration of the dynamic barrier")
        self.before = draft.state("before", n, "the previous point")
        self.grad_f_before = draft.state("grad_f_before", n)
        self.grad_g_before = draft.state("grad_g_before", n)
        self.smooth_f = draft.state("smooth_f", 1, "estimate of L_f")
        self.smooth_g = draft.state("smooth_g", 1, "estimate of L_g")
        self.multiplier = draft.state("multiplier", 1, "lambda")
        self.lower_stationarity = draft.state("lower_stationarity", 1, "||G||, relative")
        self.stationarity = draft.state("stationarity", 1, "||grad f + lambda G||, relative")
        self.sigma = draft.state("sigma", 1, "inverse penalty parameter of the polish")
        self.polished = draft.state("polished", 1, "stationarity after the last polish")
        self.slope = draft.state("slope", 1, "||grad f|| where the polish began")
        self.w = Search(draft, "w", n, "argmin of sigma f + g", separable=oracles.is_y_separable)
        self.v = Search(draft, "v", n, "argmin of (sigma/2) f + g", separable=oracles.is_y_separable)
        self.z = Search(draft, "z", n, "argmin of g", separable=oracles.is_y_separable)

        f, g = oracles.problem.f.expression, oracles.problem.g.expression
        y, p = oracles.problem.y, oracles.problem.p
        tau = ca.MX.sym("tau")
        inputs, total = [oracles.problem.x, y, tau, *p], tau * f + g
        self.penalised = ca.Function("penalised", inputs, [total, ca.densify(ca.gradient(total, y))])

        draft.phase("step", self.step())
        draft.phase("solve_w", self.solve(self.w, self.sigma, SOLVE_W, SOLVE_V))
        draft.phase("solve_v", self.solve(self.v, self.sigma / 2, SOLVE_V, SETTLE))
        draft.phase("settle", self.solve(self.z, 0, SETTLE, FINISH))
        draft.phase("finish", self.finish())
        self.program = draft.program(self.initial(), self.measures())

    def initial(self) -> dict[str, ca.MX]:
        y = self.project(self.draft.y_start)
        return {"y": y, "before": y, "lower_stationarity": 1, "stationarity": 1, "polished": 1e20}

    # --- the dynamic barrier -----------------------------------------------------------------

    def step(self) -> dict[str, ca.MX]:
        o, y = self.draft.option, self.y
        f, grad_f = self.call("f_grad_y_f", y)
        g, grad_g = self.call("g_grad_y_g", y)

        smooth_f, smooth_g = self.smoothness(grad_f, grad_g)
        tau = 1 / smooth_g
        G = (y - self.project(y - tau * grad_g)) / tau
        phi = o.beta * ca.dot(G, G)
        phi = either(o.barrier > 0, ca.fmin(o.alpha * (g - o.lower_bound), phi), phi)
        length = norm(G)
        normal = G / ca.fmax(length, 1e-300)  # lambda G from the unit vector: no overflow of lambda
        push = ca.fmax(phi / ca.fmax(length, 1e-300) - ca.dot(grad_f, normal), 0)  # lambda ||G||
        push = either(length > 0, push, 0)
        d = grad_f + push * normal

        eta = either(o.step_size > 0, o.step_size, 0.5 / (smooth_f + o.beta * smooth_g))
        eta = eta / ca.sqrt(1 + self.k / o.decay)
        target = self.project(y - eta * d)

        scale = 1 + norm(grad_f)
        stationarity = norm(target - y) / eta / scale
        lower = length / per_length(g, y)
        solved = ca.logic_and(stationarity <= o.tol, lower <= o.tol)
        polish = ca.logic_and(o.polish > 0, ca.logic_or(solved, self.k + 1 >= o.barrier_iter))
        gone = ca.logic_or(norm(target) > 1e12, f < -1e20)
        arrived = either(ca.logic_and(solved, o.polish == 0), int(Signal.CONVERGED), 0)
        signal = either(gone, int(Signal.DIVERGED), arrived)

        strength = ca.fmax(norm(grad_f), 1e-3 * (1 + ca.fabs(f)))
        updates = {
            "y": target, "before": y, "grad_f_before": grad_f, "grad_g_before": grad_g,
            "smooth_f": smooth_f, "smooth_g": smooth_g, "k": self.k + 1,
            "multiplier": push / ca.fmax(length, 1e-300),
            "stationarity": stationarity, "lower_stationarity": lower,
            "slope": norm(grad_f),
            "sigma": o.s * smooth_g * (1 + norm(y)) / strength,
            "signal": signal,
            "phase": either(polish, SOLVE_W, STEP),
        }
        return updates | self.w.restart(target)

    def smoothness(self, grad_f: ca.MX, grad_g: ca.MX) -> tuple[ca.MX, ca.MX]:
        """Largest change of each gradient per length seen, forgotten slowly; a probe at first."""
        y, first = self.y, self.k == 0
        nearby = self.project(y - 1e-4 * (1 + norm(y)) * (grad_f + grad_g) / ca.fmax(norm(grad_f + grad_g), 1e-12))
        probe = ca.fmax(norm(nearby - y), 1e-12)
        moved = norm(y - self.before)
        found = []
        for name, now, past, known in (("f_grad_y_f", grad_f, self.grad_f_before, self.smooth_f),
                                       ("g_grad_y_g", grad_g, self.grad_g_before, self.smooth_g)):
            _, there = self.call(name, nearby)
            start = norm(there - now) / probe
            seen = either(moved > 0, norm(now - past) / moved, known)
            floor = 1e-6 * (1 + norm(now)) / (1 + norm(y))
            found.append(ca.fmax(either(first, start, ca.fmax(0.999 * known, seen)), floor))
        return found[0], found[1]

    # --- the polish ----------------------------------------------------------------------------

    def solve(self, q: Search, tau, here: int, after: int) -> dict[str, ca.MX]:
        o = self.draft.option
        value, gradient = self.penalised(self.draft["x"], q.trial, tau, *self.draft.p)
        _, updates = q.judge(value, gradient, self.project, 10 * EPS * ca.fabs(value))
        point = updates[f"{q.name}_point"]
        # an error r in the gradient of sigma f + g is an error r / sigma in that of f
        mapping = norm(updates[f"{q.name}_direction"]) / updates[f"{q.name}_alpha"]
        accuracy = ca.fmax(0.1 * o.tol * self.sigma * (1 + self.slope), 1e-15 * (1 + norm(point)))
        exhausted = ca.logic_or(q.trials + 1 >= o.lower_trials, updates[f"{q.name}_step"] < 1e-10)
        done = ca.logic_or(mapping <= accuracy, exhausted)
        astray = norm(point) > 1e12
        updates |= {"phase": either(astray, STEP, either(done, after, here)),
                    "signal": either(astray, int(Signal.DIVERGED), 0)}
        if q is self.w:
            updates |= self.v.restart(point) | {"v_alpha": self.w.alpha}
        if q is self.v:
            updates |= self.z.restart(self.project(2 * point - self.w.point)) | {"z_alpha": self.w.alpha}
        return updates

    def finish(self) -> dict[str, ca.MX]:
        """How far the point is from stationarity, with one of two multipliers.

        Of grad g = 0: from v and w, to second order. Of g <= min g, where grad g does not vanish: 2 / sigma.
        """
        o, y = self.draft.option, self.z.point
        _, grad_f = self.call("f_grad_y_f", y)
        _, grad_g = self.call("g_grad_y_g", y)
        _, pull_v = self.call("g_grad_y_g", self.v.point)
        _, pull_w = self.call("g_grad_y_g", self.w.point)
        pulls = (4 * pull_v - pull_w - 3 * grad_g) / self.sigma, 2 * grad_g / self.sigma
        smooth, sharp = (norm(self.project(y - grad_f - pull) - y) / (1 + norm(grad_f)) for pull in pulls)
        stationarity = ca.fmin(smooth, sharp)
        lower = norm(self.project(y - grad_g) - y) / per_length(self.z.value, y)
        good = ca.logic_and(stationarity <= o.tol, lower <= o.tol)
        # the multiplier has an error of order sigma^2 and one of rounding / sigma: smaller while that helps
        again = ca.logic_and(ca.logic_not(good), ca.logic_and(stationarity < 0.5 * self.polished, self.sigma > 1e-12))
        better = ca.logic_not(stationarity > self.polished)
        keep = lambda new, old: either(better, new, old)  # noqa: E731
        return {
            "y": keep(y, self.y), "stationarity": keep(stationarity, self.stationarity),
            "lower_stationarity": keep(lower, self.lower_stationarity), "polished": stationarity,
            "signal": either(good, int(Signal.CONVERGED), either(again, 0, int(Signal.STALLED))),
            "sigma": either(again, 0.1 * self.sigma, self.sigma), "phase": either(again, SOLVE_W, STEP),
        } | self.w.restart()

    # --- help ------------------------------------------------------------------------------------

    def call(self, name: str, y: ca.MX) -> tuple[ca.MX, ...]:
        return self.oracles.function(name)(self.draft["x"], y, *self.draft.p)

    def project(self, v: ca.MX) -> ca.MX:
        return self.oracles.project_y(v, self.draft.p)

    def measures(self) -> dict[str, ca.MX]:
        return {
            "upper": self.oracles.function("f")(self.draft["x"], self.y, *self.draft.p),
            "lower": self.oracles.function("g")(self.draft["x"], self.y, *self.draft.p),
            "lower_stationarity": self.lower_stationarity,
            "stationarity": self.stationarity,
            "multiplier": self.multiplier,
        }
