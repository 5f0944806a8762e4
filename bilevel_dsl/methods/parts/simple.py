"""Simple bilevel problems, min f over the minimisers of g over Y: what their first-order methods share.

Objectives and gradients at y in slots, each evaluated once; the smoothness of both as the largest change seen; the
measures.

- `lower_stationarity`: |G|, relative.
- `stationarity`: | P_Y( y - grad f - lambda G ) - y | with the best lambda >= 0, where G is the gradient mapping of g.
  A method whose y is wrong by O(eps) has a G of that size, and lambda of order 1 / eps."""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ...functions.select import either, norm, per_length
from ..flow import Method
from . import lower
from .search import Search
from .steps import Smoothness

NO_X = ca.MX(0, 1)


class Start:
    """The minimum of g over Y, found once: `least` is g there, the starting point the minimiser."""

    def __init__(self, m: Method):
        self.m = m
        m.slot("least", 1, "min g")
        m.slot("started", 1, "1: it is known")
        y = m.P_Y(m.y_start)
        self.search = Search(
            m, "start", m.oracles.ny, "argmin of g", start=y, separable=m.oracles.is_y_separable, fresh=True
        )

    def find(self, q: Point, then: Callable[[ca.MX], None] | None = None) -> None:
        """To a hundredth of `tol`; `then` sets what else begins at the minimiser."""
        m, s, o, z = self.m, self.m.state, self.m.settings, self.search
        with m.when(s.started <= 0, "start"):
            lower.minimise(
                m,
                z,
                lambda y: m.g_grad_y_g(NO_X, y),
                name="solve_g",
                at_most=o.lower_trials,
                accuracy=lambda: ca.fmax(0.01 * o.tol**2, 1e-13) * (1 + norm(z.point)),
            )
            s.least, s.started = z.value, 1
            q.move(z.point)
            s.k = 0
            if then is not None:
                then(z.point)


class Point:
    """The iterate y, f and g there, and what is known of their smoothness."""

    def __init__(self, m: Method, keep: float = 0.999):
        self.m = m
        n, y = m.oracles.ny, m.P_Y(m.y_start)
        m.slot("x", 0, "upper variables: none")
        m.slot("y", n, "the point", start=y)
        m.slot("k", 1, "iteration")
        f, grad_f = m.f_grad_y_f(NO_X, y)
        g, grad_g = m.g_grad_y_g(NO_X, y)
        m.slot("f", 1, "at y", start=f)
        m.slot("g", 1, "at y", start=g)
        m.slot("grad_f", n, "at y", start=grad_f)
        m.slot("grad_g", n, "at y", start=grad_g)
        m.slot("stationarity", 1, "||grad f + lambda G||, relative", start=1)
        m.slot("lower_stationarity", 1, "||G||, relative", start=1)
        self.L_f, self.L_g = Smoothness(m, "L_f", n, keep), Smoothness(m, "L_g", n, keep)

    def smoothness(self) -> tuple[ca.MX, ca.MX]:
        """L_f and L_g as far as they are known, before any move by a short step along both gradients."""
        m, s = self.m, self.m.state
        found = []
        total = s.grad_f + s.grad_g
        nearby = m.P_Y(s.y - 1e-4 * (1 + norm(s.y)) * total / ca.fmax(norm(total), 1e-12))
        length = ca.fmax(norm(nearby - s.y), 1e-12)
        there = m.grad_y_f(NO_X, nearby), m.grad_y_g(NO_X, nearby)
        for known, now, near in ((self.L_f, s.grad_f, there[0]), (self.L_g, s.grad_g, there[1])):
            probe = norm(near - now) / length + 1e-6 * (1 + norm(now)) / (1 + norm(s.y))
            found.append(either(s.k > 0, known.seen(s.y, now), probe))
            m.write(known.name, found[-1])
        return found[0], found[1]

    def mapping(self, L_g: ca.MX) -> ca.MX:
        """G, which is grad g where Y does not bind; of a g that hardly curves by a step as long as y."""
        m, s = self.m, self.m.state
        L = ca.fmax(L_g, norm(s.grad_g) / (1 + norm(s.y)))
        return (s.y - m.P_Y(s.y - s.grad_g / L)) * L

    def move(self, y: ca.MX) -> None:
        """The next point, and both objectives there."""
        m, s = self.m, self.m.state
        s.y, s.k = y, s.k + 1
        s.f, s.grad_f = m.f_grad_y_f(NO_X, y)
        s.g, s.grad_g = m.g_grad_y_g(NO_X, y)

    def judge(self, L_g: ca.MX) -> None:
        """The two measures of where y stands now, of its stored gradients."""
        m, s = self.m, self.m.state
        G = self.mapping(L_g)
        length = norm(G)
        present = length > 1e-12 * (1 + norm(s.grad_g))  # else its direction is that of rounding errors
        normal = either(present, G / ca.fmax(length, 1e-300), 0 * G)
        smooth = ca.fmax(-ca.dot(s.grad_f, normal), 0) * normal
        sharp = 10 * (1 + norm(s.grad_f)) / ca.fmax(norm(s.grad_g), 1e-12) * s.grad_g  # where grad g itself is not 0
        least = ca.fmin(*(norm(m.P_Y(s.y - s.grad_f - push) - s.y) for push in (smooth, sharp)))
        s.stationarity = least / (1 + norm(s.grad_f))
        s.lower_stationarity = length / per_length(s.g, s.y)

    def measures(self, **more: ca.MX) -> tuple[dict[str, ca.MX], dict[str, str]]:
        s = self.m.state
        found = {"upper": s.f, "lower": s.g, "stationarity": s.stationarity, "lower_stationarity": s.lower_stationarity}
        return found | more, {"stationarity": "tol", "lower_stationarity": "tol"}
