"""The derivative of the last steps of y, in reverse: what automatic differentiation would do with the loop.

    y_{t+1} = y_t - a_t grad_y g(x, y_t)               t = 0 .. T-1, each y_t and a_t kept
    p = grad_y f(x, y_T),  h = grad_x f(x, y_T)
    h <- h - a_t J(x, y_t) p,  p <- p - a_t H(x, y_t) p      t = T-1 .. 0

Then h is the derivative of f(x, y_T(x)) with y_0 held, and p = (dy_T / dy_0)' grad_y f is what is left of the pull on y_0.
The a_t are held too. At most `KEPT` steps are remembered, the latest first.
"""

from __future__ import annotations

import casadi as ca

from ..flow import Method
from ..program import Setting
from .follower import Descent

KEPT = 50
T = Setting("T", 10, "last steps of y, those that are differentiated", 0, KEPT, integer=True)
BEFORE = Setting("before", 20000, "steps of y at most before those, as its accuracy asks for; 0: none", 0, integer=True)


class Unrolled:
    """The slots h and p, and a stack of points and step sizes."""

    def __init__(self, m: Method, y: Descent):
        self.m, self.y = m, y
        nx, ny = m.oracles.nx, m.oracles.ny
        m.slot("kept_y", ny * KEPT, "points of the last steps of y, latest first")
        m.slot("kept_a", KEPT, "their step sizes")
        m.slot("h", nx, "derivative of f(x, y) by x along the steps")
        m.slot("p", ny, "pull of f on the first of these points")

    def forward(self, T: ca.MX, alpha: ca.MX) -> None:
        """T more steps of y, kept."""
        m, s, ny = self.m, self.m.state, self.m.oracles.ny
        with m.repeat(T, "kept"):
            s.kept_y = ca.vertcat(s.y, s.kept_y[:-ny])
            s.kept_a = ca.vertcat(self.y.length(alpha), s.kept_a[:-1])
            self.y.step(alpha)

    def backward(self, T: ca.MX) -> None:
        m, s, ny = self.m, self.m.state, self.m.oracles.ny
        s.h, s.p = m.grad_f(s.x, s.y)
        with m.repeat(T, "back"):
            y, a, p = s.kept_y[:ny], s.kept_a[0], s.p
            s.h = s.h - a * m.hess_xy_g_times(s.x, y, p)
            s.p = p - a * m.hess_yy_g_times(s.x, y, p)
            s.kept_y, s.kept_a = ca.vertcat(s.kept_y[ny:], y), ca.vertcat(s.kept_a[1:], a)
