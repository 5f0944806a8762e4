"""Multipliers against the change of the follower's optimal value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.certificate import Examination
from bilevel_dsl.certify.effort import budget
from bilevel_dsl.certify.prices import quotients
from bilevel_dsl.functions.oracles import Oracles

MODEL = """
upper {{ var x in [0, 10]; minimize (x - 3)^2 + dual(balance); }}
lower {{ var y[2] in [0, 6]; minimize {cost}; subject to balance: y[1] + y[2] {sense} x + 2; }}
"""


@pytest.mark.parametrize(
    "cost, sense, x, y, price",
    [
        ("y[1]^2 + 2 * y[2]^2", "==", 4.0, (4, 2), -8.0),  # both cost 8 at the margin
        ("y[1]^2 + 2 * y[2]^2", ">=", 4.0, (4, 2), 8.0),
        ("3 * y[1] + 5 * y[2]", ">=", 6.0, (6, 2), 5.0),  # the cheap one is full
    ],
)
def test_a_right_multiplier_fits_and_another_one_does_not(cost, sense, x, y, price):
    problem = bl.load(bl.Source("prices", MODEL.format(cost=cost, sense=sense)))
    seen = Examination(Oracles(problem, recognise=False), np.array([x]), np.array(y, float), None)
    answer = seen.follower.answer(seen.x, seen.y)
    here = seen.local_of(answer)
    E = np.vstack([here.entries(d, seen.region.first_constraint, seen.region.count) for d in problem.used_duals])
    assert abs(abs((E @ here.multipliers).item()) - abs(price)) < 1e-6
    ask = (seen.place, seen.region, seen.follower)
    compared, wrong = quotients(*ask, here, answer, seen.x, E, budget("normal"))
    assert compared == 1 and wrong is None
    for factor in (0.95, 1.05):
        other = replace(here, multipliers=here.multipliers * factor)
        _, wrong = quotients(*ask, other, answer, seen.x, E, budget("normal"))
        assert wrong is not None


def test_multipliers_of_zero_where_the_rows_just_bind():
    """At the leader's optimum the customers of a shop just buy all: the caps are active with multiplier 0."""
    text = """
    upper { var p in [0, 5]; maximize p * sum(buy); }
    lower { var buy[2] in nonneg; minimize sum((p - 3) * buy[s] + buy[s]^2 / 8 for s in 1..2);
      subject to cap[s in 1..2]: buy[s] <= 4; }
    report { scarcity = dual(cap); }
    """
    solution = bl.solve(bl.load(bl.Source("shop", text)), compile=False)
    assert solution.proved and abs(solution.upper - 16) < 1e-5 and np.allclose(solution.report["scarcity"], 0, atol=1e-5)
