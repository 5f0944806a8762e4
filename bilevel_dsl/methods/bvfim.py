"""BVFIM: the value function in a logarithmic barrier, an interior-point method for the upper level.

    z = argmin g(x, .) + mu1 / 2 |.|^2,            v_mu(x) = that minimum + mu2
    y = argmin f(x, .) + theta / 2 |.|^2 - tau ln( v_mu(x) - g(x, .) )
    x <- P_X( x - alpha ( grad_x f(x, y) + tau / ( v_mu(x) - g(x, y) ) ( grad_x g(x, y) - grad_x g(x, z) ) ) )

y stays where the follower is wrong by less than mu2, and mu1, mu2, theta and tau fall to 0. No convexity of the
follower is asked for, but that z is a minimum. It is `bvfsm` with auxiliary "log", where its modes are described: the
schedule of the paper with `T` > 0; as used (`T` = 0, the default) mu2 and tau follow one parameter, and z, y and x find
their steps.

Liu, Liu, Yuan, Zeng, Zhang, ICML 2021 (arXiv 2106.07991).
"""

from __future__ import annotations

from ..functions.oracles import Oracles
from . import bvfsm, needs
from .card import Card
from .flow import Method
from .program import Program

NAME = "bvfim"

CARD = Card(
    name=NAME,
    title="value-function interior-point method",
    rank=49,
    papers=(
        "Liu, Liu, Yuan, Zeng, Zhang: A value-function-based interior-point method for non-convex bi-level optimization, "
        "ICML 2021, arXiv 2106.07991",
    ),
    assumes=bvfsm.CARD.assumes,
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY, needs.LOWER_SETS_ONLY),
)

SETTINGS = bvfsm.COMMON


def program(oracles: Oracles) -> Program:
    return bvfsm.minimised(Method(NAME, oracles, SETTINGS), bvfsm.LOG)
