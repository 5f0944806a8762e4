"""The projected variant of CG-BiO: gradient steps on f, projected onto Y and a cutting plane of g.

    X_k = { s in Y : <grad g(y_k), s - y_k> <= g(y_0) - g(y_k) }           it contains the minimisers of g
    y_{k+1} = the projection of y_k - eta grad f(y_k) onto X_k

y_0 is nearly a minimiser of g. Y may be any set with a projection, bounded or not; the half-space enters by its
multiplier, which is found by bisection. It is a dynamic barrier, phi = (g(y_k) - g(y_0)) / eta. At a constant eta it
may cycle where Y is not bounded: the cut is a plane, and a step along it leaves the curved set of minimisers by
O(eta^2).

As the paper has it (`eta` > 0): a constant step. As used: eta = 1 / L_f (1 + k / decay)^(-2/3) with the largest change
of the gradient seen, which removes the cycle at the price of slow last digits; y_0 is found by quasi-Newton steps.

Jiang, Abolfazli, Mokhtari, Yazdandoost Hamedani, AISTATS 2023 (PMLR 206), appendix C.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import all_of, any_of, either, norm
from . import needs
from .card import Card
from .cg_bio import CARD as CG_BIO
from .flow import Method
from .parts.cut import Cut
from .parts.simple import Point, Start
from .program import Program, Setting, Signal

NAME = "cg_bio_projected"

CARD = Card(
    name=NAME,
    title="projected gradients with a cutting plane",
    rank=64,
    papers=CG_BIO.papers,
    assumes=CG_BIO.assumes,
    needs=(needs.NO_DUALS, needs.SIMPLE, needs.NO_CONSTRAINTS),
)

SETTINGS = (
    Setting("tol", 1e-4, "bound on the move over eta and on g - min g, relative", 0),
    Setting("max_iter", 50000, "iterations", 0, integer=True),
    Setting("eta", 0.0, "step; 0: from the smoothness seen", 0),
    Setting("decay", 10, "eta = 0: it falls like (1 + k / decay)^(-2/3)", 1),
    Setting("lower_trials", 20000, "evaluations at most for y_0", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    q, start, cut = Point(m), Start(m), Cut(m, "cut")
    m.slot("moved", 1, "the move of y over eta, relative", start=1)
    m.slot("gap", 1, "g - min g, relative", start=1)
    with m.iteration():
        start.find(q)
        L_f, _ = q.smoothness()
        eta = either(o.eta > 0, o.eta, 1 / L_f * (1 + s.k / o.decay) ** (-2 / 3))
        plane = ca.dot(s.grad_g, s.y) + s.least - s.g
        cut.solve(lambda v, a, mu: m.P_Y(v - mu * a), s.y - eta * s.grad_f, s.grad_g, plane)
        m.called("projected")
        eta = either(o.eta > 0, o.eta, 1 / s.L_f * (1 + s.k / o.decay) ** (-2 / 3))
        s.moved, s.gap = norm(cut.point - s.y) / eta / (1 + norm(s.grad_f)), (s.g - s.least) / (1 + ca.fabs(s.g))
        q.move(either(all_of(s.moved <= o.tol, s.gap <= o.tol), s.y, cut.point))
        m.stop(Signal.DIVERGED, when=any_of(norm(s.y) > 1e12, s.f < -1e20))
    found = {"upper": s.f, "lower": s.g, "stationarity": s.moved, "gap": s.gap}
    return m.program(found, {"stationarity": "tol", "gap": "tol"})
