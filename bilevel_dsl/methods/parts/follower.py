"""y <- y - alpha grad_y g(x, y) at a fixed x: T steps of a given length, or as many as an accuracy asks for.

As papers have it T and alpha are constants. As used alpha is 1 / L, L the largest curvature |v - v'| / |y - y'| of the
steps at this x, v = grad_y g, and of a product with H along v when x has moved; too long a step shows itself, since it
raises v along the steepest direction first, and L with it. mu, the smallest curvature <v - v', y - y'> / |y - y'|^2,
makes |v| / mu the distance of y from its answer: the slowest direction is what is left of v after many steps.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ...functions.select import all_of, any_of, either, norm
from ..flow import Method
from ..program import Setting, Signal

ALPHA = Setting("alpha", 0.0, "length of the steps of y; 0: found by the method", 0)
ACCURACY = Setting("lower_accuracy", 1e-2, "error of y over its size, times the stationarity of x or its move", 1e-10, 1)
SETTINGS = (
    Setting("T", 0, "steps of y an iteration; 0: as many as `lower_accuracy` asks for", 0, integer=True),
    ALPHA,
    ACCURACY,
    Setting("lower_steps", 20000, "T = 0: steps of y at most", 1, integer=True),
)
FORGET = 0.7  # of L and 1 / mu from one x to the next
TOO_SHORT = 1e-9  # of the size of y: the curvature along such a step is rounding
ROUNDING = 4e-15  # v over L, relative to y: below that it is noise
LOST = 1e12


class Descent:
    """The slots y, v = grad_y g(x, y), g, L and mu."""

    def __init__(self, m: Method):
        self.m = m
        ny = m.oracles.ny
        m.slot("y", ny, "lower variables", start=m.y_start)
        m.slot("v", ny, "grad_y g at (x, y)", start=m.grad_y_g(m.P_X(m.x_start), m.y_start))
        m.slot("g", 1, "at (x, y)")
        m.slot("L", 1, "largest curvature of g in y that was met")
        m.slot("mu", 1, "smallest curvature of g in y that was met", start=1e20)
        m.slot("lower_left", 1, "steps of y that are left")

    def begin(self, product: Callable[[ca.MX], ca.MX]) -> None:
        """x is new: v, and what `renew` finds along it."""
        self.m.state.v = self.m.grad_y_g(self.m.state.x, self.m.state.y)
        self.renew(product)

    def renew(self, product: Callable[[ca.MX], ca.MX]) -> None:
        """L and mu from one x to the next, and the curvature along v by one product d -> H d."""
        s = self.m.state
        along = s.v + 1e-8
        met = norm(product(along)) / norm(along)
        s.L = ca.fmax(FORGET * s.L, either(met > 0, met, 0))
        s.mu = ca.fmin(s.mu / FORGET, s.L)

    def meet(self, curvature: ca.MX) -> None:
        """Of H along some direction."""
        self.m.state.L = ca.fmax(self.m.state.L, curvature)

    def length(self, alpha: ca.MX) -> ca.MX:
        """Of a step of y: `alpha`, or 1 / L, and no longer than y is large."""
        s = self.m.state
        found = ca.fmin(1 / ca.fmax(s.L, 1e-20), (1 + norm(s.y)) / ca.fmax(norm(s.v), 1e-300))
        return either(alpha > 0, alpha, found)

    def learn(self, y: ca.MX, v: ca.MX) -> None:
        """What a step from (s.y, s.v) to (y, v) at the same x says of L and mu."""
        s = self.m.state
        moved, changed = y - s.y, v - s.v
        telling, curvature = norm(moved) > TOO_SHORT * (1 + norm(y)), ca.dot(changed, moved) / ca.dot(moved, moved)
        s.L = either(telling, ca.fmax(s.L, norm(changed) / norm(moved)), s.L)
        s.mu = either(all_of(telling, curvature > 0), ca.fmin(s.mu, curvature), s.mu)

    def step(self, alpha: ca.MX) -> None:
        m, s = self.m, self.m.state
        y = s.y - self.length(alpha) * s.v
        v = m.grad_y_g(s.x, y)
        self.learn(y, v)
        s.y, s.v = y, v
        m.stop(Signal.DIVERGED, when=norm(y) > LOST)

    def near(self, accuracy: ca.MX) -> ca.MX:
        """Whether y is its answer up to `accuracy`, relative, or as well as it can be."""
        s = self.m.state
        return norm(s.v) <= ca.fmax(s.mu * accuracy, ROUNDING * s.L) * (1 + norm(s.y))

    def descend(self, *, T: ca.MX, alpha: ca.MX, at_most: ca.MX, accuracy: Callable[[], ca.MX]) -> None:
        """T steps; where T is 0, as many as the accuracy asks for, up to `at_most`."""
        m, s = self.m, self.m.state
        s.lower_left = either(T > 0, T, at_most)
        wanted = lambda: all_of(T <= 0, self.near(accuracy()))  # noqa: E731
        with m.when(ca.logic_not(any_of(wanted(), s.lower_left <= 0)), "lower_begin"), m.loop("lower") as until:
            self.step(alpha)
            s.lower_left = s.lower_left - 1
            until(any_of(s.lower_left <= 0, wanted()))
