"""The penalty method for simple bilevel problems: accelerated projected gradients on f + gamma g.

    u   = y_k + ( (t_k - 1) / t_{k+1} ) ( y_k - y_{k-1} ),    t_{k+1} = ( 1 + sqrt(1 + 4 t_k^2) ) / 2
    y_{k+1} = P_Y( u - ( grad f(u) + gamma grad g(u) ) / ( L_f + gamma L_g ) )

Under a Holderian error bound, dist^a <= rho (g - min g) with a >= 1, a gamma of the order eps^(1 - a) makes an answer
of the penalised problem right to eps in f: for a = 1 a fixed one (the penalty is exact), for a = 2, as for least
squares, y is wrong by O(1 / gamma).

As the paper has it (`gamma` > 0): one gamma, steps of 1 / (L_f + gamma L_g). As used (`gamma` = 0, the default), as in
the paper's adaptive variant with warm starts: gamma grows tenfold each time y is stationary for its gamma up to a tenth
of 1 / gamma, relative, until `lower_stationarity` is below `tol`; L of f and g are the largest changes of the gradients
seen, and the momentum begins anew whenever it points uphill (O'Donoghue and Candes).

Chen, Shi, Jiang, Wang, NeurIPS 2024 (arXiv 2402.02155), PB-APG and aPB-APG.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import all_of, any_of, either, norm, per_length
from . import needs
from .card import Card
from .flow import Method
from .parts.simple import Point
from .program import Program, Setting, Signal

NAME = "simple_penalty"

CARD = Card(
    name=NAME,
    title="penalty method for simple bilevel problems, accelerated",
    rank=62,
    papers=(
        "Chen, Shi, Jiang, Wang: Penalty-based methods for simple bilevel optimization under Holderian error bounds, "
        "NeurIPS 2024, arXiv 2402.02155",
    ),
    assumes=("convex objectives, which is not checked",),
    needs=(needs.NO_DUALS, needs.SIMPLE, needs.NO_CONSTRAINTS),
)

SETTINGS = (
    Setting("tol", 1e-5, "bound on G and on the gradient mapping of f + gamma g, relative", 0),
    Setting("max_iter", 200000, "iterations", 0, integer=True),
    Setting("gamma", 0.0, "penalty parameter; 0: it grows as needed", 0),
)
MOST = 1e9  # gamma, times the smoothness of g over that of f


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    q = Point(m, keep=1)  # its point is u, where gradients are taken
    m.slot("iterate", oracles.ny, "y_k", start=m.P_Y(m.y_start))
    m.slot("t", 1, "of the momentum", start=1)
    m.slot("s", 1, "L_f / (gamma L_g)", start=0.1)
    m.slot("penalty", 1, "gamma")
    with m.iteration():
        L_f, L_g = q.smoothness()
        s.penalty = either(o.gamma > 0, o.gamma, L_f / (s.s * L_g))
        slope = s.grad_f + s.penalty * s.grad_g
        u, before = s.y, s.iterate
        new = m.P_Y(u - slope / (L_f + s.penalty * L_g))
        uphill = ca.dot(u - new, new - before) > 0
        t = either(uphill, 1, s.t)
        s.t = (1 + ca.sqrt(1 + 4 * t**2)) / 2
        stationarity = norm(m.P_Y(u - slope) - u) / (1 + norm(s.grad_f))
        lower = norm(q.mapping(L_g)) / per_length(s.g, u)
        s.iterate = new
        arrived = all_of(stationarity <= o.tol, lower <= o.tol)
        reached = all_of(o.gamma == 0, stationarity <= ca.fmax(0.1 * s.s, o.tol), lower > o.tol)
        m.stop(Signal.STALLED, when=all_of(reached, s.s * MOST <= 1))
        m.stop(Signal.DIVERGED, when=any_of(norm(new) > 1e12, s.f < -1e20))
        s.s = either(reached, 0.1 * s.s, s.s)
        s.t = either(reached, 1, s.t)
        s.stationarity, s.lower_stationarity = stationarity, lower
        q.move(either(arrived, u, either(reached, new, new + (t - 1) / s.t * (new - before))))
    return m.program(*q.measures(penalty=s.penalty))
