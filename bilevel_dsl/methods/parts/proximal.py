"""What penalties of a follower with rows have in common that regularise it by |theta - y|^2 / (2 g1).

theta stands in the place of the follower's answer, near y, and the multipliers z are unknowns beside x and y. So the penalty
is smooth, and its gradient takes no more than theta: no accurate saddle point of the follower.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ...functions.select import norm
from ..flow import Method
from ..program import Setting
from . import joint, lower, multipliers
from .joint import Joint
from .search import Search

SETTINGS = (
    Setting("g1", 10, "regularisation of theta", 1e-12),
    Setting("g2", 1, "regularisation of the multipliers", 1e-12),
    Setting("R", 1e6, "bound on the multipliers", 0),
    Setting("alpha", 0.0, "step of (x, y); 0: quasi-Newton steps, c found by the method", 0),
    Setting("beta", 0.001, "alpha > 0: step of z", 0),
    Setting("eta", 0.01, "alpha > 0: step of theta", 0),
    Setting("c", 1, "alpha > 0: first penalty parameter", 1e-12),
    Setting("p", 0.3, "alpha > 0: its growth", 0, 1),
    *joint.SETTINGS,
    Setting("lower_accuracy", 1e-6, "alpha = 0: error of theta over its size, times s and the stationarity", 1e-10, 1),
    Setting("lower_trials", 5000, "alpha = 0: evaluations at most in one search of theta", 1, integer=True),
)


class Proximal(Joint):
    """(x, y, z) and theta in slots; c_k = c (k + 1)^p where the steps are the paper's."""

    def __init__(self, m: Method):
        self.equalities = m.oracles.lower_equalities
        super().__init__(m, lambda z: multipliers.within(z, m.settings.R, self.equalities))
        m.slot("k", 1, "iteration")
        separable = m.oracles.is_y_separable
        self.theta = Search(m, "theta", self.ny, "answer near y", start=m.P_Y(m.y_start), separable=separable)

    def printed_sigma(self) -> ca.MX:
        o = self.m.settings
        return 1 / (o.c * (self.m.state.k + 1) ** o.p)

    def follow(self, function: Callable[[ca.MX], tuple[ca.MX, ca.MX]]) -> None:
        """theta: one step of the paper down `function` (theta -> value, gradient), or to its minimiser; sigma of now."""
        m, s, o, theta = self.m, self.m.state, self.m.settings, self.theta
        self.scale(theta)
        with m.when(o.alpha > 0, "printed"):
            s.sigma = self.printed_sigma()
            theta.set(point=m.P_Y(theta.point - o.eta * function(theta.point)[1]))
        with m.when(o.alpha <= 0, "accurate"):
            theta.restart()
            lower.minimise(
                m, theta, function, name="solve_theta", at_most=o.lower_trials, accuracy=lambda: self.accuracy(theta)
            )
        m.called("joint")
        s.k = s.k + 1

    def accuracy(self, theta: Search) -> ca.MX:
        s, o = self.m.state, self.m.settings
        small = o.lower_accuracy * s.s * ca.fmin(ca.fmax(s.stationarity, o.tol), 1)
        return ca.fmax(small, 1e-14) * (1 + norm(theta.point))

    @property
    def lengths(self) -> ca.MX:
        """The paper's steps for each entry of (x, y, z): of f / c + G, that is of sigma F."""
        o, rows = self.m.settings, len(self.equalities)
        return self.m.state.sigma * ca.vertcat(ca.repmat(o.alpha, self.nx + self.ny, 1), ca.repmat(o.beta, rows, 1))

    def apart(self, y: ca.MX, z: ca.MX, lam: ca.MX) -> ca.MX:
        """What theta and lam say of y and z: 0 where y is the answer and z its multipliers; relative to y."""
        return ca.fmax(norm(y - self.theta.point), norm(z - lam) / self.m.settings.g2) / (1 + norm(y))
