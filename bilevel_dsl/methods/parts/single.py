"""Single loops on the value gap: y, z and x take one step each in an iteration.

    w = grad_x f(x, y) + ( grad_x g(x, y) - grad_x g(x, z) ) / sigma       y follows argmin sigma f + g, z argmin g

An error of y or z with the residual r (a gradient of the lower objective) is an error of the order r / sigma in w:
hence the measures D_x, the gradient mapping of w, and D_y, D_z, the residuals over sigma.

Where the method finds its steps itself, y and z take steps of 1 / L with the largest L seen, forgotten slowly, and x
moves only in iterations in which D_y + D_z is at most a tenth of D_x, by the rule of Malitsky and Mishchenko: then w is
right up to a tenth, whatever the condition of the follower, and no ratio of step sizes has to be known. sigma falls to
a tenth whenever all three are below a tenth of it, until y and z agree up to `tol`.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ...functions.select import all_of, any_of, either, norm, per_length
from ..flow import Method
from ..program import Setting, Signal
from .estimators import Storm
from .gap import curvature, unit
from .steps import Adaptive

SETTINGS = (Setting("s_start", 1e-1, "first inverse penalty parameter found by the method, relative", 1e-8, 10),)
SMALLEST = 1e-8  # s
FORGET = 0.999  # of L: what was seen far from here
BEHIND = 0.1  # of D_x, what y and z may lag behind when x moves
FIELDS = ("grad_y_f", "grad_y_g", "grad_z_g", "grad_x_f", "grad_x_g", "grad_x_g_z")


class Single:
    """x, y, z in slots, the six gradients, which run through STORM, and what is decided from them."""

    def __init__(self, m: Method, lower: tuple[str, str] = ("y", "z")):
        """`lower`: the slots at which the y-gradients are taken."""
        self.m, self.at, o = m, lower, m.settings
        nx, ny = m.oracles.nx, m.oracles.ny
        x, y = m.P_X(m.x_start), m.P_Y(m.y_start)
        m.slot("x", nx, "upper variables", start=x)
        m.slot("y", ny, "lower variables", start=y)
        m.slot("z", ny, "follows argmin of g", start=y)
        m.slot("k", 1, "iteration")
        m.slot("s", 1, "inverse penalty parameter, relative", start=o.s_start)
        m.slot("unit", 1, "what it is relative to; 0: not known yet")
        m.slot("sigma", 1, "inverse penalty parameter", start=1)
        m.slot("anew", 1, "1: a smaller sigma begins, and z at y: of many answers it is to be the nearest")
        m.slot("L", 1, "largest curvature of sigma f + g in y seen")
        m.slot("f", 1, "at (x, y)")
        m.slot("gap", 1, "g(x, y) - g(x, z)")
        m.slot("bias", 1, "|y - z|, relative", start=1)
        m.slot("stationarity", 1, "D_x, relative", start=1)
        m.slot("lower_stationarity", 1, "D_y + D_z, relative", start=1)
        m.slot("before", 2 * ny, "y and z before")
        m.slot("x_lower", nx, "x at these")
        m.slot("raw", 3 * ny + 3 * nx, "the six gradients before, as they were sampled")
        self.estimate = Storm(m, "estimate", 3 * ny + 3 * nx)
        self.steps = Adaptive(m, nx)

    def begin(self, own: ca.MX, sigma: Callable[[], ca.MX]) -> None:
        """The unit of sigma and a first L, before the first step; `sigma` where it is not the method's `own`."""
        m, s = self.m, self.m.state
        with m.when(s.unit <= 0, "measure_unit"):
            gradient = m.grad_y_g(s.x, s.y)
            s.unit = unit(m, s.x, s.y, gradient)
            s.L = curvature(m, s.x, s.y, gradient + s.unit * s.s * m.grad_y_f(s.x, s.y), gradient)
        s.sigma = either(own, s.s * s.unit, sigma())

    def gradients(self, eta: ca.MX | float) -> dict[str, ca.MX]:
        """The six estimates here. With full batches STORM gives the gradients themselves, whatever eta is."""
        m, s = self.m, self.m.state
        nx, ny = m.oracles.nx, m.oracles.ny
        w, u = (m.read(name) for name in self.at)
        x, y, z = s.x, s.y, s.z
        sample = ca.vertcat(
            m.grad_y_f(x, w), m.grad_y_g(x, w), m.grad_y_g(x, u), m.grad_x_f(x, y), m.grad_x_g(x, y), m.grad_x_g(x, z)
        )
        value = self.estimate.add(sample, s.raw, eta)
        self.learn(sample, w, u)
        s.raw = sample
        ends = [0, ny, 2 * ny, 3 * ny, 3 * ny + nx, 3 * ny + 2 * nx, 3 * ny + 3 * nx]
        return dict(zip(FIELDS, ca.vertsplit(value, ends)))

    def learn(self, sample: ca.MX, w: ca.MX, u: ca.MX) -> None:
        """L from the changes of the y-gradients, in iterations in which x stood still."""
        m, s = self.m, self.m.state
        ny = m.oracles.ny
        now, past = sample, s.raw
        change_y = s.sigma * (now[:ny] - past[:ny]) + now[ny : 2 * ny] - past[ny : 2 * ny]
        change_z = now[2 * ny : 3 * ny] - past[2 * ny : 3 * ny]
        still = norm(s.x - s.x_lower) <= 0
        for change, point, old in ((change_y, w, s.before[:ny]), (change_z, u, s.before[ny:])):
            moved = norm(point - old)
            sure = all_of(still, s.k > 0, moved > 1e-9 * (1 + norm(point)))
            s.L = either(sure, ca.fmax(s.L, norm(change) / ca.fmax(moved, 1e-300)), s.L)
        s.L = ca.fmax(FORGET * s.L, 1e-8)
        s.before, s.x_lower = ca.vertcat(w, u), s.x

    def judge(self, own: ca.MX, w: ca.MX, residual: ca.MX, length: ca.MX) -> ca.MX:
        """The measures of this point, sigma and x for the next iteration; returns whether the point is the answer.

        Args:
            residual: |D_y| + |D_z|, times sigma.
            length: of the step of x where steps are not the method's `own`.
        """
        m, s, o = self.m, self.m.state, self.m.settings
        x, sigma = s.x, s.sigma
        scale = per_length(s.f, x)
        mapping = norm(m.P_X(x - w) - x)
        s.f, s.gap = m.f(x, s.y), m.g(x, s.y) - m.g(x, s.z)
        s.bias = norm(s.y - s.z) / (1 + norm(s.z))
        s.stationarity, s.lower_stationarity = mapping / scale, residual / sigma / scale
        still = ca.fmax(s.stationarity, s.lower_stationarity)
        arrived = all_of(still <= o.tol, s.bias <= o.tol)
        reached = all_of(own, still <= ca.fmax(o.tol, 0.1 * s.s), s.bias > o.tol)
        smaller = all_of(reached, s.s > SMALLEST)
        m.stop(Signal.STALLED, when=all_of(reached, s.s <= SMALLEST, still <= o.tol))
        m.stop(Signal.DIVERGED, when=any_of(norm(x) > 1e12, s.f < -1e20, norm(s.y) > 1e12))

        caught_up = residual / sigma <= ca.fmax(BEHIND * mapping, 0.1 * o.tol * scale)
        moving = all_of(any_of(caught_up, ca.logic_not(own)), ca.logic_not(arrived), ca.logic_not(smaller))
        gamma = either(own, self.steps.length(x, w), length)
        new = m.P_X(x - gamma * w)
        self.steps.note(moving, x, w, gamma)
        s.x_before = either(smaller, x, s.x_before)  # a w of another sigma is not compared
        s.x = either(moving, new, x)
        s.s = either(smaller, 0.1 * s.s, s.s)
        s.anew = smaller
        s.k = s.k + 1
        return arrived

    def measures(self) -> tuple[dict[str, ca.MX], dict[str, str]]:
        names = ("gap", "stationarity", "lower_stationarity", "bias")
        found = {"upper": self.m.state.f, **{n: self.m.read(n) for n in names}, "penalty": 1 / self.m.state.sigma}
        return found, {"stationarity": "tol", "lower_stationarity": "tol", "bias": "tol"}
