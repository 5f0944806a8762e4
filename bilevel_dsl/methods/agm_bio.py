"""AGM-BiO: accelerated gradients on f, with a cutting plane of g.

    a_k = gamma (k + 1) / (4 L_f),    A_{k+1} = A_k + a_k
    y_k = ( A_k x_k + a_k z_k ) / A_{k+1}
    z_{k+1} = the projection of z_k - a_k grad f(y_k) onto { z in Y : g(y_k) + <grad g(y_k), z - y_k> <= g_k }
    x_{k+1} = ( A_k x_k + a_k z_{k+1} ) / A_{k+1}

g_k is an upper bound of min g that an accelerated method on g lowers. f and g convex and smooth: with a bounded Y and
gamma = 1 both levels are right to O(1 / k^2) and the error of g to O(1 / k) in the worst case; on an unbounded Y gamma
must be small.

As used: g_k is min g itself, found first by quasi-Newton steps; L_f is the largest change of the gradient seen.
Gradients are taken at y_k, one of each objective an iteration, and y_k, which approaches x_k, is the answer that is
measured.

Cao, Jiang, Abolfazli, Yazdandoost Hamedani, Mokhtari, NeurIPS 2024 (arXiv 2402.08097), Algorithm 1, from its outline.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import all_of, any_of, either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts.cut import Cut
from .parts.simple import Point, Start
from .program import Program, Setting, Signal

NAME = "agm_bio"

CARD = Card(
    name=NAME,
    title="accelerated gradients with a cutting plane",
    rank=65,
    papers=(
        "Cao, Jiang, Abolfazli, Yazdandoost Hamedani, Mokhtari: An accelerated gradient method for convex smooth simple "
        "bilevel optimization, NeurIPS 2024, arXiv 2402.08097",
    ),
    assumes=("convex objectives, which is not checked",),
    needs=(needs.NO_DUALS, needs.SIMPLE, needs.NO_CONSTRAINTS),
)

SETTINGS = (
    Setting("tol", 1e-4, "bound on the move of z over a_k, on |z - y| and on g - min g, relative", 0),
    Setting("max_iter", 20000, "iterations", 0, integer=True),
    Setting("gamma", 0.0, "factor of a_k; 0: 1 / (2 (L_g / L_f) max_iter^(2/3) + 2)", 0, 1),
    Setting("lower_trials", 20000, "evaluations at most for min g", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o, n = m.state, m.settings, oracles.ny
    q, start, cut = Point(m, keep=1), Start(m), Cut(m, "cut")  # the point of q is y_k
    m.slot("z", n, "z_k")
    m.slot("mean", n, "x_k")
    m.slot("z_before", n, "z_{k-1}")
    m.slot("moved", 1, "the move of z over a_k, relative", start=1)
    m.slot("apart", 1, "|z - y|, relative", start=1)
    m.slot("gap", 1, "g - min g, relative", start=1)
    m.slot("A", 1, "A_k")
    m.slot("a", 1, "a_k")

    def gamma() -> ca.MX:
        return either(o.gamma > 0, o.gamma, 1 / (2 * s.L_g / s.L_f * o.max_iter ** (2 / 3) + 2))

    with m.iteration():
        start.find(q, then=lambda y: m.assign({"z": y, "mean": y}))
        L_f, _ = q.smoothness()
        s.a = gamma() * (s.k + 1) / (4 * L_f)
        plane = ca.dot(s.grad_g, s.y) + s.least - s.g
        cut.solve(lambda v, a, mu: m.P_Y(v - mu * a), s.z - s.a * s.grad_f, s.grad_g, plane)
        m.called("average")
        s.mean = (s.A * s.mean + s.a * cut.point) / (s.A + s.a)
        s.apart = norm(cut.point - s.y) / (1 + norm(s.y))
        s.z_before, s.z, s.A = s.z, cut.point, s.A + s.a
        following = gamma() * (s.k + 2) / (4 * s.L_f)
        s.moved, s.gap = norm(s.z - s.z_before) / s.a / (1 + norm(s.grad_f)), (s.g - s.least) / (1 + ca.fabs(s.g))
        y = (s.A * s.mean + following * s.z) / (s.A + following)  # y_{k+1}
        q.move(either(all_of(s.moved <= o.tol, s.gap <= o.tol, s.apart <= o.tol), s.y, y))
        m.stop(Signal.DIVERGED, when=any_of(norm(s.y) > 1e12, s.f < -1e20))
    found = {"upper": s.f, "lower": s.g, "stationarity": s.moved, "gap": s.gap, "apart": s.apart}
    return m.program(found, {"stationarity": "tol", "gap": "tol", "apart": "tol"})
