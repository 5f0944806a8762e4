"""CG-BiO: conditional gradients for simple bilevel problems, with a cutting plane for the lower level.

    X_k = { s in Y : <grad g(y_k), s - y_k> <= g(y_0) - g(y_k) }           it contains the minimisers of g
    s_k = argmin over X_k of <grad f(y_k), s>
    y_{k+1} = y_k + gamma_k (s_k - y_k),    gamma_k = 2 / (k + 2)

y_0 is nearly a minimiser of g. f and g convex: f(y_k) - f* and g(y_k) - min g are O(1 / k). The minimisation over X_k
needs a bounded Y with known vertices; the half-space enters by its multiplier, which is found by bisection, and s_k is
the combination of two vertices that lies on its boundary (a linear program with one row).

`gap_f` = <grad f, y - s> and `gap_g` = <grad g, y - s> bound what is left of both levels: converged when both are below
`tol`, relative (with `tol` for eps_f and eps_g / 2). y_0 is found by quasi-Newton steps (the paper: by conditional
gradients to eps_g / 2). `step` gives the constant gamma of the paper's theorem for an f that is not convex.

Jiang, Abolfazli, Mokhtari, Yazdandoost Hamedani, AISTATS 2023 (PMLR 206), Algorithm 1.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import all_of, either
from . import needs
from .card import Card
from .flow import Method
from .parts.cut import BOUNDED, Cut, vertex
from .parts.simple import Point, Start
from .program import Program, Setting

NAME = "cg_bio"

CARD = Card(
    name=NAME,
    title="conditional gradients with a cutting plane",
    rank=63,
    papers=(
        "Jiang, Abolfazli, Mokhtari, Yazdandoost Hamedani: A conditional gradient-based method for simple bilevel "
        "optimization with convex lower-level problem, AISTATS 2023",
    ),
    assumes=("a convex lower objective, which is not checked",),
    needs=(needs.NO_DUALS, needs.SIMPLE, needs.NO_CONSTRAINTS, BOUNDED),
)

SETTINGS = (
    Setting("tol", 1e-4, "bound on gap_f and gap_g, relative to 1 + |f| and 1 + |g|", 0),
    Setting("max_iter", 300000, "iterations", 0, integer=True),
    Setting("step", 0.0, "gamma_k; 0: 2 / (k + 2)", 0, 1),
    Setting("lower_trials", 20000, "evaluations at most for y_0", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    q, start, cut = Point(m), Start(m), Cut(m, "cut")
    m.slot("gap_f", 1, "<grad f, y - s>", start=1e20)
    m.slot("gap_g", 1, "<grad g, y - s>", start=1e20)

    def least(v: ca.MX, a: ca.MX, mu: ca.MX) -> ca.MX:
        point, p = ca.MX.sym("c", oracles.ny), list(oracles.problem.p)
        function = ca.Function("vertex", [point, *p], [ca.densify(vertex(oracles.y_set, point))])
        return function(v + mu * a, *m.p)

    with m.iteration():
        start.find(q)
        cut.solve(least, s.grad_f, s.grad_g, ca.dot(s.grad_g, s.y) + s.least - s.g)
        m.called("conditional_gradient")
        away = s.y - cut.point
        s.gap_f, s.gap_g = ca.dot(s.grad_f, away) / (1 + ca.fabs(s.f)), ca.dot(s.grad_g, away) / (1 + ca.fabs(s.g))
        arrived = all_of(s.gap_f <= o.tol, s.gap_g <= o.tol)
        gamma = either(o.step > 0, o.step, 2 / (s.k + 2))
        q.move(s.y - either(arrived, 0, gamma) * away)
    found = {"upper": s.f, "lower": s.g, "gap_f": s.gap_f, "gap_g": s.gap_g}
    return m.program(found, {"gap_f": "tol", "gap_g": "tol"})
