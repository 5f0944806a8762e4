"""Minimal models that were once answered wrongly and yet verified, with their true values: never again.

Each file tells the truth and why it was missed. A wrong answer is no failure here; calling it verified is.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.claims import Verdict

FOLDER = Path(__file__).parent / "word"
TRUTH = json.loads((FOLDER / "truth.json").read_text())


@pytest.mark.parametrize("name", sorted(TRUTH))
def test_no_wrong_answer_is_verified(name):
    solution = bl.solve(bl.load(FOLDER / f"{name}.bilevel"), compile=False)
    truth = TRUTH[name]
    right = truth is not None and abs(solution.upper - truth) <= max(1e-3 * abs(truth) * (truth != 1e8), 1e-5)
    if not right:
        assert not solution.verified and solution.exit_status != 0
        failed = [c for c in solution.certificate.claims if c.needed and c.verdict is Verdict.FAILED]
        assert failed and all(c.witness for c in failed)


def test_an_unbounded_follower_is_said_with_its_level():
    solution = bl.solve(bl.load(FOLDER / "log_unbounded.bilevel"), compile=False)
    assert solution.certificate.trouble == "the follower is unbounded" and solution.exit_status == 5
    assert "not verified, the follower is unbounded" in str(solution)


def test_the_default_start_is_no_point_of_symmetry():
    for name in ("leader_max", "leader_cubic"):
        solution = bl.solve(bl.load(FOLDER / f"{name}.bilevel"), compile=False)
        assert solution.verified and solution.upper == pytest.approx(TRUTH[name], abs=1e-6)


MARKET = """
param a[3] = [10, 20, 40];
upper { var b in [0, 30]; let price = dual(balance); maximize (price - 5) * q[1]; }
lower {
  var q[3] in [0, inf];
  minimize b * q[1] + a[2] * q[2] + a[3] * q[3];
  subject to balance: sum(q) == 100; q[1] <= 60; q[2] <= 30;
}
report { price = dual(balance); }
"""


def test_prices_at_a_vertex_are_verified():
    """Demand 100, capacities 60, 30: the third plant sets the price 40, whatever the first one bids below it."""
    problem = bl.load(bl.Source("market", MARKET))
    solution = bl.solve(problem, compile=False)
    assert solution.upper == pytest.approx(35 * 60, rel=1e-6) and solution.verified, str(solution)
    assert solution.duals["balance"] == pytest.approx(40, rel=1e-6)
    assert solution.report["price"] == pytest.approx(float(solution.duals["balance"]), rel=1e-9)


def test_multipliers_that_are_none_fail():
    from bilevel_dsl.certify.certificate import certify
    from bilevel_dsl.certify.duals import with_values
    from bilevel_dsl.functions.oracles import Oracles

    problem = bl.load(bl.Source("market", MARKET))
    import numpy as np

    x, y = np.array([0.0]), np.array([60.0, 30.0, 10.0])
    for price, right in ((40.0, True), (41.0, False)):
        claimed = {"balance": np.array(price)}
        certificate = certify(Oracles(with_values(problem, claimed)), x, y, multipliers=claimed)
        assert certificate.claim("multipliers").passed == right


TIE = """
upper { var x[3] in [0, 10]; minimize -1.6 * x[1] + 1.8 * x[2] + 0.5 * x[3] - 2.4 * y; }
lower {
  var y in [0, 10];
  minimize -0.4 * y + 0.2 * x[1] * y + 0.2 * x[2] * y - 0.2 * x[3] * y;
  subject to 1.4 * y <= 7.1 + 0.5 * x[1] + 0.9 * x[2] - 0.4 * x[3];
}
"""


def test_a_tie_that_rounding_hides_is_one():
    """At x = (10, 0, 8) the follower's slope is 0 but for rounding: all y are answers, the leader wants the largest."""
    problem = bl.load(bl.Source("tie", TIE))
    best = bl.verify(problem, {"x": [10, 0, 8], "y": 8.9 / 1.4})
    answer = best.certificate.claim("follower_answer")
    assert best.verified and answer.verdict is Verdict.PROVED and "among several" in answer.words
    other = bl.verify(problem, {"x": [10, 0, 8], "y": 3.0})
    assert other.certificate.claim("follower_answer").verdict is Verdict.FAILED and not other.verified
