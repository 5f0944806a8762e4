"""BiG-SAM: sequential averaging of a step on f and a step on g.

    p = P_Y( y - eta_g grad g(y) )
    q = y - eta_f grad f(y)
    y <- P_Y( alpha_k q + (1 - alpha_k) p ),      alpha_k = min( gamma / k, 1 )

One gradient of each objective an iteration. g convex and f strongly convex and smooth; then g(y) - min g = O(1 / k),
and y goes to the answer. Outside of Y the paper asks nothing of q; the last projection is ours and only shortens the
way.

As the paper has it: `eta_f` at most 2 / (L_f + mu_f), `eta_g` at most 1 / L_g, given as settings. As used: eta_f = 1 /
L_f, eta_g = 1 / L_g from the largest changes of both gradients seen. The averaging holds y off the minimisers of g by
O(alpha_k): k = 1e5 leaves 1e-4 or so, which `lower_stationarity` shows.

Sabach, Shtern, SIAM J. Optim. 27 (2017) (arXiv 1607.00643).
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import any_of, either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts.simple import Point
from .program import Program, Setting, Signal

NAME = "big_sam"

CARD = Card(
    name=NAME,
    title="bilevel gradient method by sequential averaging",
    rank=61,
    papers=(
        "Sabach, Shtern: A first order method for solving convex bilevel optimization problems, SIAM J. Optim. 27 (2017)",
    ),
    assumes=("a convex lower and a strongly convex upper objective, which is not checked",),
    needs=(needs.NO_DUALS, needs.SIMPLE, needs.NO_CONSTRAINTS),
)

SETTINGS = (
    Setting("tol", 1e-4, "bound on G and on the gradient of f orthogonal to it, relative", 0),
    Setting("max_iter", 200000, "iterations", 0, integer=True),
    Setting("gamma", 10, "alpha_k = min(gamma / k, 1)", 1e-12),
    Setting("eta_f", 0.0, "step on f; 0: 1 / L_f as seen", 0),
    Setting("eta_g", 0.0, "step on g; 0: 1 / L_g as seen", 0),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    q = Point(m)
    with m.iteration():
        L_f, L_g = q.smoothness()
        eta_f, eta_g = either(o.eta_f > 0, o.eta_f, 1 / L_f), either(o.eta_g > 0, o.eta_g, 1 / L_g)
        alpha = ca.fmin(o.gamma / (s.k + 1), 1)
        p = m.P_Y(s.y - eta_g * s.grad_g)
        q.move(m.P_Y(alpha * (s.y - eta_f * s.grad_f) + (1 - alpha) * p))
        q.judge(L_g)
        m.stop(Signal.DIVERGED, when=any_of(norm(s.y) > 1e12, s.f < -1e20))
    return m.program(*q.measures())
