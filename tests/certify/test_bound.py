"""A proved bound of the leader's objective, in the certificate."""

import pytest

from bilevel_dsl.certify.certificate import bounded
from bilevel_dsl.certify.claims import Claim, Verdict


def _claims(feasible=Verdict.PROVED, follower=Verdict.PROVED, leader=Verdict.NOT_CHECKED):
    names = ("feasible", "follower_optimal", "follower_answer", "leader_stationary", "leader_global")
    verdicts = (feasible, follower, Verdict.PROVED, leader, Verdict.NOT_CHECKED)
    return [Claim(name, verdict, "") for name, verdict in zip(names, verdicts)]


def test_a_point_at_the_bound_is_global():
    made = bounded(_claims(), -29.2, 10.0, -29.2 - 1e-6, "branch and bound on 3 pairs")
    assert [c.name for c in made] == [c.name for c in _claims()]
    assert all(c.verdict is Verdict.PROVED for c in made)
    assert made[-1].words == "branch and bound on 3 pairs"
    assert made[-2].words == "globally optimal by branch and bound on 3 pairs"


@pytest.mark.parametrize("bound", [-29.3, -29.1, float("nan"), float("-inf")])
def test_a_bound_elsewhere_says_nothing(bound):
    assert bounded(_claims(), -29.2, 10.0, bound, "") == _claims()


@pytest.mark.parametrize("role", ["feasible", "follower", "leader"])
def test_a_failed_claim_stays(role):
    claims = _claims(**{role: Verdict.FAILED})
    assert bounded(claims, 1.0, 1.0, 1.0, "") == claims


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_near_is_told_in_units_of_f(unit):
    assert bounded(_claims(), 2 * unit, unit, 2 * unit * (1 - 1e-7), "")[-1].verdict is Verdict.PROVED
    assert bounded(_claims(), 2 * unit, unit, 2 * unit * (1 - 1e-3), "") == _claims()


def test_the_best_value_is_that_of_the_leaders_choice():
    claims = _claims()
    claims[2] = Claim("follower_answer", Verdict.SEARCHED, "the leader's choice among several")
    made = bounded(claims, 1.0, 1.0, 1.0, "branch and bound on 3 pairs")
    assert made[2].verdict is Verdict.PROVED and "branch and bound on 3 pairs" in made[2].words
