"""The follower's solver looks at the clock where its iterations take long."""

from __future__ import annotations

import numpy as np

import bilevel_dsl as bl
from bilevel_dsl.certify.certificate import Examination
from bilevel_dsl.certify.effort import budget
from bilevel_dsl.functions.oracles import Oracles

LARGE = """
param X[:, :];
upper { var x in [0, 1] start 0.5; minimize (x - 1)^2 + sum(y); }
lower { var y[100] in [-1, 1]; minimize mean(log(1 + exp(X @ y - x))) + 0.1 * sum((y[k] - 0.3)^4 for k in 1..100); }
"""


def examined(rows: int = 250) -> Examination:
    data = np.sin(np.outer(np.arange(rows), np.arange(100)))
    oracles = Oracles(bl.load(bl.Source("large", LARGE), data={"X": data}))
    return Examination(oracles, *(np.array(v, float) for v in oracles.problem.start()))


def test_a_slow_follower_is_stopped_at_the_end():
    own = examined()
    assert own.follower.respond(own.x, own.y).solved
    own.within(budget("normal", end=0.0))
    late = own.follower.respond(own.x, own.y)
    assert not late.solved and late.status == "User_Requested_Stop"
    own.within(budget("normal"))
    assert own.follower.respond(own.x, own.y).solved  # the same solver, with time again


def test_nothing_is_passed_on_that_the_time_did_not_allow():
    own = examined()
    found = own.certificate(budget("normal", end=0.0), seed=0, tol=1e-6)
    assert not found.verified and all(c.verdict != "failed" for c in found.claims if c.name != "follower_optimal")


def test_a_quick_one_is_left_alone():
    own = examined(rows=5)
    own.within(budget("normal", end=0.0))
    assert own.follower.respond(own.x, own.y).solved
