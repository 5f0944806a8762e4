"""The follower's answers to a decision: ties, basins, prices, decisions without an answer."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl


def load(text: str) -> bl.Problem:
    return bl.load(bl.Source("m.bilevel", text))


TIES = "upper { var x in [-1, 1]; minimize x^2 - y; } lower { var y in [-1, 1]; minimize x * y; }"
# Bard 1991: against an adverse follower x = 0 costs 10
BARD = """upper { var x in nonneg; minimize -x + 10 * y[1] - y[2]; }
          lower { var y[2] in nonneg; minimize -sum(y); subject to x + y[1] <= 1; x + y[2] <= 1; sum(y) <= 1; }"""
WELLS = "upper { var x in [-2, 2]; maximize -(y - 1)^2; } lower { var y in [-3, 3]; minimize (y^2 - 1)^2 + x * y; }"


def test_an_only_answer():
    found = bl.follow(load(TIES), {"x": 0.5})
    assert found["y"] == pytest.approx(-1) and found.unique and found.optimal == "proved" and found.feasible
    assert found.upper == pytest.approx(1.25) and found.lower == pytest.approx(-0.5)
    assert found.upper_range == pytest.approx((1.25, 1.25))


def test_ties_are_for_the_leader_and_the_range_is_said():
    found = bl.follow(load(TIES), {"x": 0})
    assert found["y"] == pytest.approx(1) and not found.unique and found.upper_range == pytest.approx((-1, 1))
    found = bl.follow(load(BARD), {"x": 0})
    assert found["y"] == pytest.approx([0, 1], abs=1e-6) and found.upper_range == pytest.approx((-1, 10))


@pytest.mark.parametrize("x, best, other", [(0.1, -1.0122731, 0.9872575), (-0.1, 1.0122731, -0.9872575)])
def test_all_basins_are_found(x, best, other):
    found = bl.follow(load(WELLS), {"x": x})
    assert found["y"] == pytest.approx(best) and found.optimal == "proved" and found.unique
    assert [a["y"] for a, _ in found.answers] == pytest.approx([best, other])
    assert found.answers[0][1] < found.answers[1][1] and found.upper == pytest.approx(-((best - 1) ** 2), abs=1e-6)


def test_separate_followers_are_combined():
    text = """upper { var x in [-1, 1]; minimize x^2 + sum(y); }
              lower { var y[2] in [-3, 3]; minimize sum((y[i]^2 - 1)^2 for i in 1..2) + x * y[1]; }"""
    found = bl.follow(load(text), {"x": 0.1})
    answers = np.round([a["y"] for a, _ in found.answers], 1)
    assert sorted(answers.tolist()) == [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    assert np.round(found["y"], 1).tolist() == [-1, -1] and not found.unique  # y[2] is a tie


def test_multipliers_of_the_leader():
    text = """upper { var x in [0, 4]; maximize dual(limit) * x; }
              lower { var y; minimize (y - 4)^2; subject to limit: y <= x; }"""
    assert bl.evaluate(load(text), {"x": 1}) == pytest.approx(-6)


def test_no_answer():
    assert np.isnan(bl.evaluate(load(BARD), {"x": 2}))
    found = bl.follow(load(BARD), {"x": 2})
    assert found.upper is None and found.variables == {} and "no answer" in found.words
    free = load("upper { var x in [0, 1]; minimize x; } lower { var y; minimize x * y; }")
    assert "unbounded" in bl.follow(free, {"x": 1}).words
    with pytest.raises(KeyError, match="there are: none"):
        found["y"]


def test_rows_of_the_leader():
    text = "upper { var x in [0, 9]; minimize x; subject to y >= 2; } lower { var y; minimize (y - x)^2; }"
    assert np.isnan(bl.evaluate(load(text), {"x": 1})) and bl.evaluate(load(text), {"x": 3}) == pytest.approx(3)
    found = bl.follow(load(text), {"x": 1})
    assert not found.feasible and found["y"] == pytest.approx(1)


def test_mistakes():
    with pytest.raises(bl.BilevelError, match="the decision has no value for `x`"):
        bl.follow(load(TIES), {})
    with pytest.raises(bl.BilevelError, match="BL0405"):
        bl.follow(load(TIES), {"x": 1, "z": 2})


@pytest.mark.parametrize("rounds", [0, 1])
def test_what_is_said_is_about_the_answer_that_is_returned(monkeypatch, rounds):
    """Also where no round is left to go to a better answer."""
    monkeypatch.setattr("bilevel_dsl.certify.follow.ROUNDS", rounds)
    text = "upper { var x in [0, 1]; minimize -y; } lower { var y in [-3, 3] start -2.9; minimize cos(6*y) - 0.05*y + x; }"
    found = bl.follow(bl.load(bl.Source("test", text)), {"x": 0.5})
    value = np.cos(6 * found.variables["y"]) - 0.05 * found.variables["y"] + 0.5
    best = min(np.cos(6 * y) - 0.05 * y + 0.5 for y in np.linspace(-3, 3, 100_001))
    assert found.lower == pytest.approx(value) and (found.optimal == "failed") == (value > best + 1e-3)
    assert (found.optimal == "failed") == (rounds == 0)
