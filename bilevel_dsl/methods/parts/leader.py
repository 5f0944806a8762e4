"""x <- P_X(x - gamma w): the move of the leader along a hypergradient w, and how stationary x is.

As papers have it gamma is a constant; as used it follows Malitsky and Mishchenko (`steps.Adaptive`), and whatever w is
computed from is asked for an accuracy that falls with the stationarity of x and with the length of its move: w must be
wrong by much less than it changes along the move, or the rule for gamma would take errors for curvature.
"""

from __future__ import annotations

import casadi as ca

from ...functions.select import either, norm, per_length
from ..flow import Method
from ..program import Setting, Signal
from .steps import Adaptive

SETTINGS = (
    Setting(
        "tol", 1e-6, "bound on the gradient mapping of w, on grad_y g and on the error of the linear system, relative", 0
    ),
    Setting("max_iter", 2000, "iterations: moves of x", 0, integer=True),
    Setting("gamma", 0.0, "step size of x; 0: found by the method", 0),
)
FIRST = 1e-3  # the length of the first move, relative: so accurate is the first w


class Leader:
    """The slots x, w, f, k, `moved`, `stationarity` and `lower_stationarity`."""

    def __init__(self, m: Method, w: ca.MX | float = 0):
        """`w`: the first one, if it is known before the first iteration."""
        self.m = m
        nx = m.oracles.nx
        m.slot("x", nx, "upper variables", start=m.P_X(m.x_start))
        m.slot("w", nx, "hypergradient at x", start=w)
        m.slot("moved", 1, "the last move of x, relative to its size", start=FIRST)
        m.slot("k", 1, "iteration")
        m.slot("f", 1, "at (x, y)")
        m.slot("stationarity", 1, "gradient mapping of w, relative", start=1)
        m.slot("lower_stationarity", 1, "||grad_y g||, relative", start=1)
        self.steps = Adaptive(m, nx)

    def move(self, gamma: ca.MX, when: ca.MX | None = None) -> None:
        """x moves along -w by `gamma` (0: by the rule). The first w is still to come, unless `when` says other."""
        s = self.m.state
        when = s.k > 0 if when is None else when
        gamma = either(gamma > 0, gamma, self.steps.length(s.x, s.w))
        new = self.m.P_X(s.x - gamma * s.w)
        self.steps.note(when, s.x, s.w, gamma)
        s.moved = either(when, norm(new - s.x) / (1 + norm(s.x)), s.moved)
        s.x = either(when, new, s.x)
        s.k = s.k + 1

    def small(self) -> ca.MX:
        """What the errors of y and of w are held against, relative."""
        s, tol = self.m.state, self.m.settings.tol
        return ca.fmax(ca.fmin(ca.fmin(ca.fmax(s.stationarity, tol), 1), s.moved), 1e-10)

    def judge(self, w: ca.MX, v: ca.MX) -> None:
        """What there is to say about (x, y): `w` is the hypergradient, `v` is grad_y g there."""
        m, s = self.m, self.m.state
        s.w, s.f = w, m.f(s.x, s.y)
        s.g = m.g(s.x, s.y)
        s.stationarity = norm(m.P_X(s.x - w) - s.x) / per_length(s.f, s.x)
        s.lower_stationarity = norm(v) / per_length(s.g, s.y)
        m.stop(Signal.DIVERGED, when=ca.logic_or(norm(s.x) > 1e12, s.f < -1e20))

    def measures(self, **more: ca.MX) -> dict[str, ca.MX]:
        s = self.m.state
        own = {"upper": s.f, "lower": s.g, "stationarity": s.stationarity, "lower_stationarity": s.lower_stationarity}
        return {**own, **more, "step_size": s.gamma}
