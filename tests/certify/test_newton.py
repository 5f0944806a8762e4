"""Newton's answers near by against IPOPT's, and where they are none."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.certificate import Examination
from bilevel_dsl.certify.newton import nearby
from bilevel_dsl.functions.oracles import Oracles

MODELS = {
    "quadratic": ("minimize sumsqr(y - x[1]) + y[1] * y[2];", "y[1] + y[2] <= 1 + x[2];"),
    "curved rows": ("minimize sumsqr(y - 2);", "y[1]^2 + y[2]^2 <= 1 + 0.1 * x[1];"),
    "not quadratic": ("minimize exp(y[1]) + exp(-2 * y[1]) + y[2]^4 + y[2] * x[1];", "y[1] + 2 * y[2] >= x[2];"),
    "an equation": ("minimize y[1]^2 + 3 * y[2]^2;", "y[1] + y[2] == x[1] + x[2];"),
}


def examined(name: str) -> Examination:
    objective, row = MODELS[name]
    text = (
        f"upper {{ var x[2] in [0, 3]; minimize sumsqr(x - 1) + sum(y); }} "
        f"lower {{ var y[2] in [-2, 2]; {objective} subject to row: {row} }}"
    )
    oracles = Oracles(bl.load(bl.Source(name, text)), recognise=False)
    x = np.array([0.6, 0.5])
    y = Examination(oracles, x, np.array([0.1, 0.2])).follower.answer(x, np.array([0.1, 0.2])).y
    return Examination(oracles, x, y)


@pytest.mark.parametrize("name", MODELS)
def test_the_answer_is_that_of_the_full_solution(name):
    seen = examined(name)
    here = seen.local_of(seen.follower.answer(seen.x, seen.y))
    rng, met = np.random.default_rng(3), 0
    for _ in range(10):
        x = seen.x + 0.02 * rng.standard_normal(2)
        found = nearby(seen.place, seen.region, seen.frame, here, x, seen.y)
        full = seen.follower.answer(x, seen.y)
        if found is not None:
            met += 1
            assert np.allclose(found.y, full.y, atol=2e-6) and found.g <= full.g + 1e-9
            assert seen.follower.violation(x, found.y) <= 1e-9
    assert met >= 8


def test_nothing_is_said_where_another_row_becomes_active():
    seen = examined("quadratic")
    here = seen.local_of(seen.follower.answer(seen.x, seen.y))
    assert len(here.A) == 0  # the row is not active at the point, and is at x = (3, 0)
    assert nearby(seen.place, seen.region, seen.frame, here, np.array([3.0, 0.0]), seen.y) is None
