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
`polish=no` leaves the paper's method.

Cao, Jiang, Yazdandoost Hamedani, Mokhtari, NeurIPS 2025 (arXiv 2507.23155), Algorithm 1;
Gong, Liu, Liu, NeurIPS 2021 (barrier "value"); with a set and the polish: ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm, per_length
from . import needs
from .card import Card, Suits
from .flow import Method
from .parts import lower
from .parts.search import Search
from .program import Program, Setting, Signal

NAME = "dbgd"

CARD = Card(
    name=NAME,
    title="dynamic barrier gradient descent",
    rank=3,
    papers=(
        "Cao, Jiang, Yazdandoost Hamedani, Mokhtari: simple bilevel optimization by dynamic barrier gradient "
        "descent, NeurIPS 2025, arXiv 2507.23155",
        "Gong, Liu, Liu: Automatic and harmless regularization with constrained and lexicographic "
        "optimization, NeurIPS 2021",
    ),
    needs=(needs.NO_DUALS, needs.SIMPLE, needs.NO_CONSTRAINTS),
    suits=lambda problem, structure: (Suits.MADE_FOR, "a simple bilevel problem without constraints"),
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient of g and on the tangential gradient of f, relative", 0),
    Setting("max_iter", 20000, "iterations", 0, integer=True),
    Setting("barrier", 0, "phi: gradient norm, or value and gradient norm", choices=("gradient", "value")),
    Setting("beta", 1.0, "weight of ||G||^2 in phi", 0),
    Setting("alpha", 1.0, "weight of g - lower_bound in phi", 0),
    Setting("lower_bound", 0.0, 'a lower bound of min g, for the barrier "value"'),
    Setting("step_size", 0.0, "eta; 0: from the smoothness seen", 0),
    Setting("decay", 1000, "eta falls like (1 + k / decay)^(-1/2); inf: constant", 1),
    Setting("polish", 1, "remove the remaining error at the end", choices=("no", "yes")),
    Setting("barrier_iter", 1000, "iterations before the polish, at most", 0, integer=True),
    Setting("s", 1e-4, "inverse penalty parameter of the polish, relative", 1e-10, 1),
    Setting("lower_trials", 20000, "evaluations at most in one solve of the polish", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    return _Dbgd(oracles).program


class _Dbgd:
    def __init__(self, oracles: Oracles):
        self.m = m = Method(NAME, oracles, SETTINGS)
        n, y = oracles.ny, m.P_Y(m.y_start)
        m.slot("x", oracles.nx, "upper variables: none")
        m.slot("y", n, "the point", start=y)
        m.slot("k", 1, "iteration of the dynamic barrier")
        m.slot("before", n, "the previous point", start=y)
        f, grad_f = m.f_grad_y_f(ca.MX(0, 1), y)
        g, grad_g = m.g_grad_y_g(ca.MX(0, 1), y)
        smooth_f, smooth_g = self.probed(y, grad_f, grad_g)
        m.slot("f", 1, "at y", start=f)
        m.slot("g", 1, "at y", start=g)
        m.slot("grad_f", n, "at y", start=grad_f)
        m.slot("grad_g", n, "at y", start=grad_g)
        m.slot("grad_f_before", n)
        m.slot("grad_g_before", n)
        m.slot("smooth_f", 1, "estimate of L_f", start=smooth_f)
        m.slot("smooth_g", 1, "estimate of L_g", start=smooth_g)
        m.slot("multiplier", 1, "lambda")
        m.slot("lower_stationarity", 1, "||G||, relative", start=1)
        m.slot("stationarity", 1, "||grad f + lambda G||, relative", start=1)
        m.slot("sigma", 1, "inverse penalty parameter of the polish")
        m.slot("polished", 1, "stationarity after the last polish", start=1e20)
        m.slot("slope", 1, "||grad f|| where the polish began")
        self.w, self.v, self.z = (
            Search(m, name, n, f"argmin of {doc}", start=ca.MX.zeros(n), separable=oracles.is_y_separable)
            for name, doc in (("w", "sigma f + g"), ("v", "(sigma/2) f + g"), ("z", "g"))
        )
        self.program = self.write()

    def write(self) -> Program:
        m, s = self.m, self.m.state
        w, v, z = self.w, self.v, self.z
        with m.iteration():
            polish = self.step()
            m.finish(when=ca.logic_not(polish))
            with m.loop("polish") as until:
                self.minimise(w, s_times=1, name="solve_w", then=lambda: v.restart(w.point) or v.set(alpha=w.alpha))
                self.minimise(
                    v,
                    s_times=0.5,
                    name="solve_v",
                    then=lambda: z.restart(m.P_Y(2 * v.point - w.point)) or z.set(alpha=w.alpha),
                )
                self.minimise(z, s_times=0, name="settle")
                m.called("finish")
                again = self.finish()
                until(ca.logic_not(again))
        return m.program(
            {
                "upper": s.f,
                "lower": s.g,
                "lower_stationarity": s.lower_stationarity,
                "stationarity": s.stationarity,
                "multiplier": s.multiplier,
            }
        )

    # --- the dynamic barrier -----------------------------------------------------------------

    def step(self) -> ca.MX:
        """One step of Algorithm 1; returns whether the polish follows."""
        m, s, o = self.m, self.m.state, self.m.settings
        y, f, grad_f, g, grad_g = s.y, s.f, s.grad_f, s.g, s.grad_g
        smooth_f, smooth_g = self.smoothness()
        tau = 1 / smooth_g
        G = (y - m.P_Y(y - tau * grad_g)) / tau
        phi = o.beta * ca.dot(G, G)
        phi = either(o.barrier > 0, ca.fmin(o.alpha * (g - o.lower_bound), phi), phi)
        length = norm(G)
        normal = G / ca.fmax(length, 1e-300)  # lambda G from the unit vector: no overflow of lambda
        push = ca.fmax(phi / ca.fmax(length, 1e-300) - ca.dot(grad_f, normal), 0)  # lambda ||G||
        push = either(length > 0, push, 0)
        d = grad_f + push * normal

        eta = either(o.step_size > 0, o.step_size, 0.5 / (smooth_f + o.beta * smooth_g))
        eta = eta / ca.sqrt(1 + s.k / o.decay)
        target = m.P_Y(y - eta * d)

        stationarity = norm(target - y) / eta / (1 + norm(grad_f))
        lower = length / per_length(g, y)
        solved = ca.logic_and(stationarity <= o.tol, lower <= o.tol)
        polish = ca.logic_and(o.polish > 0, ca.logic_or(solved, s.k + 1 >= o.barrier_iter))
        m.stop(Signal.CONVERGED, when=ca.logic_and(solved, o.polish == 0))
        m.stop(Signal.DIVERGED, when=ca.logic_or(norm(target) > 1e12, f < -1e20))

        strength = ca.fmax(norm(grad_f), 1e-3 * (1 + ca.fabs(f)))
        s.y, s.before, s.grad_f_before, s.grad_g_before = target, y, grad_f, grad_g
        s.f, s.grad_f = m.f_grad_y_f(s.x, target)
        s.g, s.grad_g = m.g_grad_y_g(s.x, target)
        s.smooth_f, s.smooth_g, s.k = smooth_f, smooth_g, s.k + 1
        s.multiplier = push / ca.fmax(length, 1e-300)
        s.stationarity, s.lower_stationarity, s.slope = stationarity, lower, norm(grad_f)
        s.sigma = o.s * smooth_g * (1 + norm(y)) / strength
        self.w.restart(target)
        return polish

    def probed(self, y: ca.MX, grad_f: ca.MX, grad_g: ca.MX) -> tuple[ca.MX, ca.MX]:
        """The change of each gradient per length of a short step from the start."""
        m, x = self.m, ca.MX(0, 1)
        total = grad_f + grad_g
        nearby = m.P_Y(y - 1e-4 * (1 + norm(y)) * total / ca.fmax(norm(total), 1e-12))
        length = ca.fmax(norm(nearby - y), 1e-12)
        (_, there_f), (_, there_g) = m.f_grad_y_f(x, nearby), m.g_grad_y_g(x, nearby)
        return tuple(
            ca.fmax(norm(there - now) / length, least(now, y)) for there, now in ((there_f, grad_f), (there_g, grad_g))
        )

    def smoothness(self) -> tuple[ca.MX, ca.MX]:
        """Largest change of each gradient per length seen, forgotten slowly."""
        s = self.m.state
        moved = norm(s.y - s.before)
        found = []
        for now, past, known in ((s.grad_f, s.grad_f_before, s.smooth_f), (s.grad_g, s.grad_g_before, s.smooth_g)):
            seen = either(moved > 0, norm(now - past) / moved, known)
            found.append(ca.fmax(ca.fmax(0.999 * known, seen), least(now, s.y)))
        return found[0], found[1]

    # --- the polish ----------------------------------------------------------------------------

    @cached_property
    def penalised(self) -> ca.Function:
        """(x, y, tau, p) -> tau f + g and its gradient."""
        problem = self.m.oracles.problem
        tau = ca.MX.sym("tau")
        total = tau * problem.f.expression + problem.g.expression
        return ca.Function(
            "penalised", [problem.x, problem.y, tau, *problem.p], [total, ca.densify(ca.gradient(total, problem.y))]
        )

    def minimise(self, q: Search, s_times: float, name: str, then: Callable[[], None] | None = None) -> None:
        """q: argmin of s_times sigma f + g, so far that the gradient of f is right to a tenth of tol."""
        m, s, o = self.m, self.m.state, self.m.settings
        tau = {0: lambda: 0, 1: lambda: s.sigma, 0.5: lambda: s.sigma / 2}[s_times]
        lower.minimise(
            m,
            q,
            lambda y: self.penalised(s.x, y, tau(), *m.p),
            name=name,
            at_most=o.lower_trials,
            each_pass=then,
            # an error r in the gradient of sigma f + g is an error r / sigma in that of f
            error=lambda: norm(q.direction) / q.alpha,
            accuracy=lambda: ca.fmax(0.1 * o.tol * s.sigma * (1 + s.slope), 1e-15 * (1 + norm(q.point))),
        )

    def finish(self) -> ca.MX:
        """How far the point is from stationarity, with one of two multipliers; returns whether a smaller sigma helps.

        Of grad g = 0: from v and w, to second order. Of g <= min g, where grad g does not vanish: 2 / sigma.
        """
        m, s, o = self.m, self.m.state, self.m.settings
        y = self.z.point
        f, grad_f = m.f_grad_y_f(s.x, y)
        (g, grad_g), (_, pull_v), (_, pull_w) = (m.g_grad_y_g(s.x, q.point) for q in (self.z, self.v, self.w))
        pulls = (4 * pull_v - pull_w - 3 * grad_g) / s.sigma, 2 * grad_g / s.sigma
        smooth, sharp = (norm(m.P_Y(y - grad_f - pull) - y) / (1 + norm(grad_f)) for pull in pulls)
        stationarity = ca.fmin(smooth, sharp)
        lower_ = norm(m.P_Y(y - grad_g) - y) / per_length(self.z.value, y)
        good = ca.logic_and(stationarity <= o.tol, lower_ <= o.tol)
        # the multiplier has an error of order sigma^2 and one of rounding / sigma: smaller while that helps
        again = ca.logic_and(ca.logic_not(good), ca.logic_and(stationarity < 0.5 * s.polished, s.sigma > 1e-12))
        better = ca.logic_not(stationarity > s.polished)
        s.y = either(better, y, s.y)
        s.f, s.g = either(better, f, s.f), either(better, g, s.g)
        s.grad_f, s.grad_g = either(better, grad_f, s.grad_f), either(better, grad_g, s.grad_g)
        s.stationarity = either(better, stationarity, s.stationarity)
        s.lower_stationarity = either(better, lower_, s.lower_stationarity)
        s.polished = stationarity
        s.signal = either(good, int(Signal.CONVERGED), either(again, 0, int(Signal.STALLED)))
        s.sigma = either(again, 0.1 * s.sigma, s.sigma)
        self.w.restart()
        return again


def least(gradient: ca.MX, y: ca.MX) -> ca.MX:
    """What an estimate of smoothness is not below."""
    return 1e-6 * (1 + norm(gradient)) / (1 + norm(y))
