"""BLOOP: descend on g, and on f only along what is orthogonal to the gradient of g.

    d = G + lambda ( grad f - ( <grad f, m> / |m|^2 ) m )
    y <- P_Y( y - eta d )
    m <- (1 - rho) m + rho G                                    the running mean of G, used in the projection alone

G is grad g, and with a set Y its gradient mapping. Without noise rho = 1 makes m the gradient itself: then <d, G> =
|G|^2, so that f never slows down the descent on g, and a stationary point of the flow solves g first. `dbgd` with beta
= 1 / lambda gives the same direction where it must push. The mean pays with samples, whose noise would undo the
projection; it should forget faster than y moves.

As the paper has it (`eta` > 0): a constant step, and rho = 0.01 (`averaging` yes). As used: no averaging, and eta = 1 /
(2 (L_g + lambda L_f)) (1 + k / decay)^(-1/2) from the largest changes of both gradients seen. At a constant eta, G
stays proportional to eta wherever the solution set has co-dimension two or more: one direction at a time is projected
out. The last digits are slow; `dbgd` polishes them.

Hsieh, Thornton, Ndiaye, Klein, Cuturi, Ablin, ICML 2024 (arXiv 2402.02998), Algorithm 1, without noise; with a set, and
the step: ours.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import any_of, either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts.estimators import Momentum
from .parts.simple import Point
from .program import Program, Setting, Signal

NAME = "bloop"

CARD = Card(
    name=NAME,
    title="descent on both objectives with conflicts projected out",
    rank=60,
    papers=(
        "Hsieh, Thornton, Ndiaye, Klein, Cuturi, Ablin: Careful with that scalpel: improving gradient surgery with an EMA, "
        "ICML 2024, arXiv 2402.02998",
    ),
    needs=(needs.NO_DUALS, needs.SIMPLE, needs.NO_CONSTRAINTS),
)

SETTINGS = (
    Setting("tol", 1e-4, "bound on G and on the gradient of f orthogonal to it, relative", 0),
    Setting("max_iter", 200000, "steps", 0, integer=True),
    Setting("lam", 1.0, "lambda, the weight of f", 0),
    Setting("averaging", 0, "whether the gradient of g in the projection is a running mean", choices=("no", "yes")),
    Setting("rho", 0.01, "averaging: weight of a new gradient", 1e-12, 1),
    Setting("eta", 0.0, "step; 0: from the smoothness seen", 0),
    Setting("decay", 1000, "eta = 0: it falls like (1 + k / decay)^(-1/2)", 1),
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    q, mean = Point(m), Momentum(m, "mean", oracles.ny)
    with m.iteration():
        L_f, L_g = q.smoothness()
        G = q.mapping(L_g)
        v = either(o.averaging * (s.k > 0) > 0, mean.value, G)
        normal = either(norm(v) > 1e-12 * (1 + norm(s.grad_g)), v / ca.fmax(norm(v), 1e-300), 0 * v)
        d = G + o.lam * (s.grad_f - ca.dot(s.grad_f, normal) * normal)
        eta = either(o.eta > 0, o.eta, 0.5 / (L_g + o.lam * L_f) / ca.sqrt(1 + s.k / o.decay))
        mean.add(G, o.rho)  # after its use, as in the paper
        q.move(m.P_Y(s.y - eta * d))
        q.judge(L_g)
        m.stop(Signal.DIVERGED, when=any_of(norm(s.y) > 1e12, s.f < -1e20))
    return m.program(*q.measures())
