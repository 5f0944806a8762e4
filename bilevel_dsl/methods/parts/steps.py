"""Step sizes that a method finds itself."""

from __future__ import annotations

import casadi as ca

from ...functions.select import either, norm
from ..flow import Method

TOO_SHORT = 1e-10  # of the size of x: over such a move w changes by its rounding, which is not taken for curvature


class Adaptive:
    """gamma <= |x - x'| / (2 |w - w'|) with slow growth, for x <- x - gamma w; no values of the objective are needed.

    Malitsky, Mishchenko: Adaptive gradient descent without descent, ICML 2020, Algorithm 1. x' and w' are where x moved
    last: a step that was not taken teaches nothing. A step is never longer than the point is large, since w may jump.
    """

    def __init__(self, m: Method, size: int):
        self.m = m
        m.slot("x_before", size, "where x moved last")
        m.slot("w_before", size, "the gradient there")
        m.slot("gamma", 1, "step size of x")
        m.slot("growth", 1, "ratio of the last two step sizes of x", start=1e6)

    @property
    def known(self) -> ca.MX:
        """Whether x has moved before."""
        return self.m.state.gamma > 0

    def length(self, x: ca.MX, w: ca.MX) -> ca.MX:
        """The step size from x along -w; the first one is short."""
        s = self.m.state
        moved, changed = norm(x - s.x_before), norm(w - s.w_before)
        first = 1e-3 * (1 + norm(x)) / ca.fmax(norm(w), 1e-8)
        secant = either(changed > 0, moved / (2 * changed), 1e20)
        grown = ca.sqrt(1 + s.growth) * s.gamma
        found = either(moved > 0, ca.fmin(grown, secant), s.gamma)
        found = either(ca.logic_and(moved > 0, moved <= TOO_SHORT * (1 + norm(x))), grown, found)
        found = ca.fmin(found, (1 + norm(x)) / ca.fmax(norm(w), 1e-300))
        return either(self.known, found, first)

    def note(self, when: ca.MX, x: ca.MX, w: ca.MX, gamma: ca.MX) -> None:
        """x moved from here by this step, where the condition holds."""
        s = self.m.state
        s.growth = either(when, either(s.gamma > 0, gamma / s.gamma, 1e6), s.growth)
        s.x_before, s.w_before = either(when, x, s.x_before), either(when, w, s.w_before)
        s.gamma = either(when, gamma, s.gamma)


class Smoothness:
    """The largest change of a gradient per length seen, forgotten slowly: an estimate of its Lipschitz constant."""

    def __init__(self, m: Method, name: str, size: int, keep: float = 0.999):
        """`keep`: what is left of the estimate after a step that shows less; 1 where a step too long would be unstable."""
        self.m, self.name, self.keep = m, name, keep
        m.slot(name, 1, "estimate of a Lipschitz constant")
        m.slot(f"{name}_point", size, "the point before")
        m.slot(f"{name}_gradient", size, "the gradient there")

    def seen(self, point: ca.MX, gradient: ca.MX) -> ca.MX:
        """The estimate, after this point; before any move, what makes a first step short."""
        m, name = self.m, self.name
        known = m.read(name)
        moved, changed = norm(point - m.read(f"{name}_point")), norm(gradient - m.read(f"{name}_gradient"))
        least = 1e-6 * (1 + norm(gradient)) / (1 + norm(point))
        first = 1e2 * (norm(gradient) + 1e-6) / (1 + norm(point))
        found = either(moved > 0, changed / ca.fmax(moved, 1e-300), 0)
        found = either(known > 0, ca.fmax(ca.fmax(self.keep * known, found), least), first)
        m.assign({name: found, f"{name}_point": point, f"{name}_gradient": gradient})
        return found
