"""Penalty descent in (x, y) at once: F(x, y) = f + p / sigma for a penalty p that vanishes at the follower's answers.

The step is the paper's, u <- P( u - alpha grad F ) for u = (x, y) with a constant alpha, which must be O(sigma); or a
projected quasi-Newton step, whose length the search finds, so that the cost does not grow with 1 / sigma. sigma is
counted in a unit for which sigma = 1 would move y by its own size, and falls to a tenth whenever (x, y) is stationary
up to a tenth of it, until what is left of the follower's error is below `tol` too. An iteration is one trial of the
search.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ...functions.select import all_of, any_of, either, norm, per_length
from ..flow import Method
from ..program import Setting, Signal
from .gap import curvature, unit
from .search import Search

EPS = 2.2e-16
SETTINGS = (
    Setting("s_start", 1e-1, "alpha = 0: first inverse penalty parameter, relative: moves y by this much", 1e-8, 10),
)
SMALLEST = 1e-10  # s; rounding hides what is below
PATIENCE = 300  # trials without a better point of one sigma


class Joint:
    """x and y in slots, and the search for both; the method evaluates F at `trial`.

    Where a penalty is of multipliers as well, u = (x, y, z), with z in the slot `z`.
    """

    def __init__(self, m: Method, project_z: Callable[[ca.MX], ca.MX] | None = None):
        """`project_z`: onto the set of the multipliers of the lower constraints, which then are unknowns."""
        self.m, self.project_z, o = m, project_z, m.settings
        self.nx, self.ny = m.oracles.nx, m.oracles.ny
        x, y = m.P_X(m.x_start), m.P_Y(m.y_start)
        m.slot("x", self.nx, "upper variables", start=x)
        m.slot("y", self.ny, "lower variables", start=y)
        m.slot("s", 1, "inverse penalty parameter, relative", start=o.s_start)
        m.slot("unit", 1, "what it is relative to; 0: not known yet")
        m.slot("sigma", 1, "inverse penalty parameter", start=1)
        m.slot("f", 1, "at (x, y)")
        m.slot("penalty", 1, "p at (x, y)")
        m.slot("bias", 1, "what is left of the follower's error, relative", start=1)
        m.slot("unsure", 1, "1: that is a lower bound", start=1)
        m.slot("stationarity", 1, "gradient mapping of f + p / sigma, relative", start=1)
        m.slot("best", 1, "the smallest of this sigma", start=1e20)
        m.slot("waited", 1, "trials since")
        separable = m.oracles.is_x_separable and m.oracles.is_y_separable
        start = [x, y]
        if project_z is not None:
            start.append(project_z(ca.MX.zeros(len(m.oracles.lower_equalities))))
            m.slot("z", start[-1].numel(), "multipliers of the lower constraints", start=start[-1])
        start = ca.vertcat(*start)
        doc = "(x, y)" if project_z is None else "(x, y, z)"
        self.u = Search(m, "u", start.numel(), doc, start=start, separable=separable, fresh=True)

    def split(self, u: ca.MX) -> tuple[ca.MX, ...]:
        """x and y, and z where it is an unknown."""
        x, y, z = ca.vertsplit(u, [0, self.nx, self.nx + self.ny, self.u.size])
        return (x, y) if self.project_z is None else (x, y, z)

    def project(self, u: ca.MX) -> ca.MX:
        x, y, *z = self.split(u)
        return ca.vertcat(self.m.P_X(x), self.m.P_Y(y), *map(self.project_z, z))

    @property
    def trial(self) -> tuple[ca.MX, ...]:
        return self.split(self.u.trial)

    def printed_sigma(self) -> ca.MX:
        """That of the paper, alpha > 0."""
        return 1 / self.m.settings.gamma

    def scale(self, w: Search | None = None) -> None:
        """The unit of sigma, and the first step of the search `w` for y, before the first trial."""
        m, s, o = self.m, self.m.state, self.m.settings
        with m.when(s.unit <= 0, "measure_unit"):
            gradient = m.grad_y_g(s.x, s.y)
            s.unit = unit(m, s.x, s.y, gradient)
            s.sigma = either(o.alpha > 0, self.printed_sigma(), s.s * s.unit)
            along = gradient + s.sigma * m.grad_y_f(s.x, s.y)
            curved = curvature(m, s.x, s.y, along, gradient) / s.sigma
            self.u.set(alpha=either(curved > 0, 1 / curved, 0))
            if w is not None:
                w.set(alpha=1 / ca.fmax(curved * s.sigma, 1e-8))

    def step(
        self,
        f: ca.MX,
        p: ca.MX,
        grad_f: ca.MX,
        grad_p: ca.MX,
        bias: ca.MX,
        size: ca.MX,
        sure: ca.MX | float = 1,
        length: ca.MX | None = None,
    ) -> None:
        """What follows from F and its gradient at the trial: the next trial, the measures, the next sigma.

        Args:
            bias: of the follower at the trial, relative.
            sure: whether it is more than a lower bound; one more trial follows where it is not.
            size: of the terms whose difference p is, for its rounding error.
            length: of the paper's step, a number or one for each entry; default: the setting alpha.
        """
        m, s, o, u, point = self.m, self.m.state, self.m.settings, self.u, self.u.trial
        length = o.alpha if length is None else length
        sigma, printed = s.sigma, o.alpha > 0
        gradient = grad_f + grad_p / sigma
        accepted = u.judge(f + p / sigma, gradient, self.project, 40 * EPS * (ca.fabs(f) + size / sigma))
        accepted = any_of(accepted, printed)
        u.set(  # the paper's step is never judged
            point=either(printed, point, u.point),
            gradient=either(printed, gradient, u.gradient),
            direction=either(printed, self.project(point - length * gradient) - point, u.direction),
            step=either(printed, 1, u.step),
        )
        stationarity = norm(self.project(point - gradient) - point) / per_length(f, point)
        for name, value in zip("xyz", self.split(point)):
            m.write(name, either(accepted, value, m.read(name)))
        s.f, s.penalty = either(accepted, f, s.f), either(accepted, p, s.penalty)
        s.bias, s.unsure = either(accepted, bias, s.bias), ca.logic_not(sure)
        s.stationarity = either(accepted, stationarity, s.stationarity)
        self.decide()

    def decide(self) -> None:
        """The next sigma, and whether there is an end."""
        m, s, o, u = self.m, self.m.state, self.m.settings, self.u
        own = ca.logic_not(o.alpha > 0)
        better = s.stationarity < 0.9 * s.best
        s.best, s.waited = either(better, s.stationarity, s.best), either(better, 0, s.waited + 1)
        stuck = any_of(u.stuck, s.waited > PATIENCE)
        reached = any_of(s.stationarity <= ca.fmax(o.tol, either(s.bias > o.tol, 0.1 * s.s, 0)), stuck)
        smaller = all_of(own, reached, s.bias > o.tol, s.s > SMALLEST)
        m.stop(
            Signal.STALLED, when=all_of(own, reached, ca.logic_not(smaller), any_of(s.bias > o.tol, s.stationarity > o.tol))
        )
        m.stop(Signal.DIVERGED, when=any_of(norm(u.trial) > 1e12, s.f < -1e20, ca.logic_not(ca.fabs(u.value) < 1e100)))
        s.s = either(smaller, 0.1 * s.s, s.s)
        s.sigma = either(smaller, s.s * s.unit, s.sigma)
        s.best, s.waited = either(smaller, 1e20, s.best), either(smaller, 0, s.waited)
        u.restart(when=smaller)

    def measures(self, penalty: str) -> tuple[dict[str, ca.MX], dict[str, str]]:
        """`penalty`: what p is called."""
        s = self.m.state
        bias = ca.fmax(s.bias, s.unsure)
        found = {"upper": s.f, penalty: s.penalty, "stationarity": s.stationarity, "bias": bias, "penalty": 1 / s.sigma}
        return found, {"stationarity": "tol", "bias": "tol"}
