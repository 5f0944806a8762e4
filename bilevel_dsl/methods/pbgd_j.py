"""PBGD-J: joint penalty descent, leader and follower at once.

    w <- P_Y( w - beta grad_y g(u, w) )                                              T times, from where w stood
    (u, v) <- P( (u, v) - alpha ( grad f(u, v) + gamma ( grad g(u, v) - ( grad_u g(u, w), 0 ) ) ) )

The step of `v_pbgd` with a w that persists; what is new in the paper is what it proves: where L_gamma = f + gamma (g -
v) has the Polyak-Lojasiewicz property in (u, v) jointly, it reaches the global minimum of L_gamma at a linear rate,
also where the hyper-objective has other stationary points. The paper's example f = (u - 2 sin v)^2 / 2, g = (u - v)^2 /
2 has that property only near the global answers: from far away, at v = 7 pi / 3, L_gamma has a strict local minimum for
every gamma.

As the paper has it (`alpha` > 0): a fixed `gamma`, a constant alpha of order 1 / gamma. As used (`alpha` = 0, the
default): w by quasi-Newton steps to the accuracy that the direction needs, projected quasi-Newton steps of (u, v), and
gamma that grows until `bias`, the distance of v to w, is below `tol`.

Xiao, Chen, ICLR 2025 (arXiv 2408.16087), PBGD in the joint case.
"""

from __future__ import annotations

from dataclasses import replace

from ..functions.oracles import Oracles
from . import needs, v_pbgd
from .card import Card
from .flow import Method
from .program import Program

NAME = "pbgd_j"

CARD = Card(
    name=NAME,
    title="penalty-based descent, both blocks jointly",
    rank=46,
    papers=("Xiao, Chen: Unlocking global optimality in bilevel optimization: a pilot study, ICLR 2025, arXiv 2408.16087",),
    assumes=("f + gamma (g - v) with the Polyak-Lojasiewicz property jointly, for a global answer; not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY, needs.LOWER_SETS_ONLY),
)

PAPER = {"T": 1, "keep": 1}  # what it sets otherwise than v_pbgd
SETTINGS = tuple(replace(s, default=PAPER.get(s.name, s.default)) for s in v_pbgd.SETTINGS)


def program(oracles: Oracles) -> Program:
    return v_pbgd.descent(Method(NAME, oracles, SETTINGS))
