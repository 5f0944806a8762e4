"""The value gap as a penalty, by two answers of the follower that are found accurately.

    y = argmin sigma f + g,   z = argmin g           over Y, at x; sigma is the inverse penalty parameter
    w = grad_x f(x, y) + ( grad_x g(x, y) - grad_x g(x, z) ) / sigma
      = the gradient of  psi_sigma(x) = min_y f + (g - v) / sigma,  which is psi up to O(sigma)

Papers prove their rates for one sigma, or for a schedule of it; the answer of a fixed sigma is wrong by O(sigma). What
is here serves all of them where no schedule is asked for:

- *Scale.* sigma is counted in a unit for which sigma = 1 would move y by its own size.
- *Accuracy.* y and z are found so well that w is right to a hundredth of the stationarity of x: their error counts 1 /
  sigma.
- *Continuation.* sigma falls to a tenth whenever x is stationary up to a tenth of it, until the bias, |y - z| over the
  size of y, is at most `tol` too. z starts at y: where the follower has many answers, |y - z| is the distance to the
  nearest.
- *End.* Rounding in w grows like 1 / sigma. Where that hides the descent, the method has stalled and says so."""

from __future__ import annotations

import casadi as ca

from ...functions.select import all_of, any_of, either, norm, per_length
from ..flow import Method
from ..program import Setting, Signal
from . import lower
from .search import Search
from .steps import Adaptive

SETTINGS = (
    Setting("s_start", 1e-1, "first inverse penalty parameter, relative: moves y by this much", 1e-8, 10),
    Setting("lower_accuracy", 1e-2, "error of y and z over its size, times s and the stationarity of x", 1e-10, 1),
    Setting("lower_trials", 5000, "evaluations at most in one lower-level solve", 1, integer=True),
)
EPS = 2.2e-16
SMALLEST = 1e-9  # s; rounding hides what is below
FLAT = 1e-4  # H over the largest
PATIENCE = 40  # iterations without a better point of one sigma


class Gap:
    """x, y and z, w and sigma in slots, the measures, and the phases that find them."""

    def __init__(self, m: Method):
        self.m, o = m, m.settings
        nx, ny = m.oracles.nx, m.oracles.ny
        y = m.P_Y(m.y_start)
        m.slot("x", nx, "upper variables", start=m.P_X(m.x_start))
        m.slot("y", ny, "lower variables", start=y)
        m.slot("w", nx, "gradient of psi_sigma at x")
        m.slot("k", 1, "iteration")
        m.slot("s", 1, "inverse penalty parameter, relative", start=o.s_start)
        m.slot("unit", 1, "what it is relative to; 0: not known yet")
        m.slot("energy", 1, "what a move of y by its own size is worth to the leader")
        m.slot("sigma", 1, "inverse penalty parameter")
        m.slot("hold", 1, "1: x stays, w is of another sigma", start=1)
        m.slot("f", 1, "at (x, y)")
        m.slot("gap", 1, "g(x, y) - g(x, z)")
        m.slot("bias", 1, "||y - z||, relative", start=1)
        m.slot("stationarity", 1, "gradient mapping of w, relative", start=1)
        m.slot("best", 1, "the smallest of this sigma", start=1e20)
        m.slot("waited", 1, "iterations since")
        self.goal = lambda y: self.penalised(y)  # what y minimises
        self.y, self.z = (
            Search(m, name, ny, f"argmin of {doc}", start=y, separable=m.oracles.is_y_separable)
            for name, doc in (("u", "sigma f + g"), ("z", "g"))
        )
        self.steps = Adaptive(m, nx)

    def penalised(self, y: ca.MX) -> tuple[ca.MX, ca.MX]:
        """sigma f + g and its gradient by y."""
        m, s = self.m, self.m.state
        (f, grad_f), (g, grad_g) = m.f_grad_y_f(s.x, y), m.g_grad_y_g(s.x, y)
        return s.sigma * f + g, s.sigma * grad_f + grad_g

    def prepare(self) -> None:
        """z is known: what the search for y begins with."""
        s = self.m.state
        s.sigma = s.s * s.unit
        self.y.restart()

    def move(self, length: ca.MX | float = 0) -> None:
        """x <- P_X(x - length w); 0: the length follows Malitsky and Mishchenko."""
        m, s, steps = self.m, self.m.state, self.steps
        moving = ca.logic_not(s.hold)
        gamma = either(ca.MX(length) > 0, length, steps.length(s.x, s.w))
        new = m.P_X(s.x - gamma * s.w)
        steps.note(moving, s.x, s.w, gamma)
        s.x_before = either(moving, s.x_before, new)  # a w of another sigma is not compared
        s.x = either(moving, new, s.x)
        s.k, s.hold = s.k + 1, 0

    def solve(self) -> None:
        """z, the unit of sigma if it is not known, and y, as accurately as w needs them."""
        m, s, y, z = self.m, self.m.state, self.y, self.z

        with m.when(s.unit <= 0, "first_step"):  # the search would begin with a step of length one
            grad_f, grad_g = m.grad_y_f(s.x, y.point), m.grad_y_g(s.x, y.point)
            z.set(alpha=1 / ca.fmax(curvature(m, s.x, y.point, grad_g + grad_f, grad_g), 1e-8))
        z.restart(y.point)
        self.minimise(z)
        with m.when(s.unit <= 0, "measure_unit"):
            s.unit = unit(m, s.x, z.point, z.gradient)
            s.energy = (1 + norm(z.point)) * (norm(m.grad_y_f(s.x, z.point)) + 1e-3 * (1 + ca.fabs(m.f(s.x, z.point))))
            y.set(point=z.point, alpha=z.alpha)
        self.prepare()
        self.minimise(y)

    def accuracy(self, q: Search) -> ca.MX:
        """Of y or z, so that w is right to `lower_accuracy` of the stationarity."""
        s, o = self.m.state, self.m.settings
        found = o.lower_accuracy * s.s * ca.fmin(ca.fmax(s.stationarity, o.tol), 1)
        return ca.fmax(found, 1e-14) * (1 + norm(q.point))

    def minimise(self, q: Search) -> None:
        """q: argmin of g over Y, or of what y minimises."""
        m, s = self.m, self.m.state
        goal = self.goal if q is self.y else lambda v: m.g_grad_y_g(s.x, v)
        name = "solve_y" if q is self.y else "solve_z"
        lower.minimise(m, q, goal, name=name, at_most=m.settings.lower_trials, accuracy=lambda: self.accuracy(q))

    def direction(self) -> tuple[ca.MX, ca.MX, ca.MX]:
        """w, and the lengths of the two gradients whose difference it has in it."""
        m, s = self.m, self.m.state
        grad_y, grad_z = m.grad_x_g(s.x, self.y.point), m.grad_x_g(s.x, self.z.point)
        w = m.grad_x_f(s.x, self.y.point) + (grad_y - grad_z) / s.sigma
        return w, norm(grad_y), norm(grad_z)

    def judge(self, printed: ca.MX | float = 0) -> None:
        """w and the measures; the next sigma, but where the schedule is the paper's (`printed`)."""
        m, s, o, y, z = self.m, self.m.state, self.m.settings, self.y.point, self.z.point
        m.called("hypergradient")
        x, sigma = s.x, s.sigma
        s.w, of_y, of_z = self.direction()
        s.y, s.f, s.gap = y, m.f(x, y), m.g(x, y) - m.g(x, z)
        s.bias = norm(y - z) / (1 + norm(z))
        s.stationarity = norm(m.P_X(x - s.w) - x) / per_length(s.f, x)
        better = s.stationarity < 0.9 * s.best
        s.best, s.waited = either(better, s.stationarity, s.best), either(better, 0, s.waited + 1)

        noise = 20 * EPS * (of_y + of_z) / sigma / per_length(s.f, x)
        reached = s.stationarity <= ca.fmax(o.tol, either(s.bias > o.tol, 0.1 * s.s, 0))
        hidden = all_of(s.waited > PATIENCE, s.stationarity <= ca.fmax(1e3 * noise, 1e2 * o.tol))
        own = ca.logic_not(printed)
        smaller = all_of(own, reached, s.bias > o.tol, s.s > SMALLEST)
        m.stop(
            Signal.STALLED,
            when=all_of(own, any_of(hidden, all_of(reached, s.bias > o.tol, s.s <= SMALLEST))),
        )
        m.stop(Signal.DIVERGED, when=any_of(norm(x) > 1e12, s.f < -1e20))
        s.s = either(smaller, ca.fmax(0.1 * s.s, SMALLEST), s.s)
        s.hold = smaller
        s.best, s.waited = either(smaller, 1e20, s.best), either(smaller, 0, s.waited)

    def measures(self) -> tuple[dict[str, ca.MX], dict[str, str]]:
        s = self.m.state
        found = {"upper": s.f, "gap": s.gap, "stationarity": s.stationarity, "bias": s.bias, "penalty": 1 / s.sigma}
        return found, {"stationarity": "tol", "bias": "tol"}


def unit(m: Method, x: ca.MX, y: ca.MX, gradient: ca.MX, noisy: ca.MX | None = None) -> ca.MX:
    """The sigma that moves y by its own size: y(sigma) - y(0) is about sigma H^-1 grad_y f.

    H is measured along the leader's pull on y; where it vanishes (a linear lower level), it is the sigma that makes the
    leader's gradient as large as the follower's.

    Args:
        gradient: grad_y g at (x, y).
        noisy: for methods that draw samples, whose first sigma has to do: the largest H known. Then all of the leader's pull
            counts, not only what the set on y leaves of it; and where the follower does not resist the pull, so that no
            sigma is too large and a small one takes long, this H counts.
    """
    f, grad_f = m.f_grad_y_f(x, y)
    pull = m.P_Y(y - grad_f) - y
    if noisy is None:
        strength, curved = norm(pull), curvature(m, x, y, pull + 1e-3 * gradient, gradient)
    else:
        move = (1 + norm(y)) * (gradient + 1e-12) / norm(gradient + 1e-12)
        there = m.P_Y(y - move)
        there = either(norm(there - y) > 0, there, m.P_Y(y + move))
        grad_f = either(norm(grad_f) > 1e-3 * (1 + ca.fabs(f)), grad_f, m.grad_y_f(x, there))
        pull = m.P_Y(y - grad_f) - y
        strength, curved = norm(grad_f), curvature(m, x, y, pull, gradient)
        curved = either(curved > FLAT * noisy, curved, noisy)
    strength = ca.fmax(strength, 1e-3 * (1 + ca.fabs(f)))
    force = ca.fmax(curved * (1 + norm(y)), 1e-3 * norm(gradient))
    return ca.fmin(ca.fmax(force / strength, 1e-8), 1e8)


def curvature(m: Method, x: ca.MX, y: ca.MX, along: ca.MX, gradient: ca.MX) -> ca.MX:
    """||H d|| / ||d|| along a direction of y, by a difference of gradients of g: no second derivatives.

    Args:
        gradient: grad_y g at (x, y).
    """
    along = along + 1e-12
    there = m.P_Y(y - 1e-5 * (1 + norm(y)) * along / norm(along))
    there = either(norm(there - y) > 0, there, m.P_Y(y + 1e-5 * (1 + norm(y)) * along / norm(along)))
    return norm(m.grad_y_g(x, there) - gradient) / ca.fmax(norm(there - y), 1e-12)


def measured(m: Method, lam: ca.MX, z: ca.MX) -> tuple[ca.MX, ca.MX]:
    """The gradients of f + lam (g - v) by x, and by y over lam, of all samples at the answer (x, y), where z is argmin g."""
    s = m.state
    w = m.grad_x_f(s.x, s.y) + lam * (m.grad_x_g(s.x, s.y) - m.grad_x_g(s.x, z))
    return w, m.grad_y_g(s.x, s.y) + m.grad_y_f(s.x, s.y) / lam
