"""A proved bound of the leader's objective, in the certificate."""

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.bounded import bounded
from bilevel_dsl.certify.certificate import Examination
from bilevel_dsl.certify.claims import Claim, Verdict
from bilevel_dsl.certify.effort import budget
from bilevel_dsl.functions.oracles import Oracles


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


def test_a_witness_that_the_follower_leaves_speaks_against_nothing():
    made = bounded(_claims(leader=Verdict.FAILED), 1.0, 1.0, 1.0, "boxes", lambda claim: False)
    assert all(c.verdict is Verdict.PROVED for c in made)


def test_the_follower_is_asked_at_the_witness():
    """For x > 0 the answer y = 0 becomes a saddle, and a descent along it is none (Mitsos, Barton 2006, 3.12)."""
    text = """upper { var x in [-1, 1] start 1; minimize -x + x * y + 10 * y^2; }
lower { var y in [-1, 1] start 1; minimize -x * y^2 + 0.5 * y^4; }"""
    examined = Examination(Oracles(bl.load(bl.Source("saddle", text))), np.zeros(1), np.zeros(1))
    limits = budget("normal")
    assert not examined.certificate(limits, seed=0, tol=1e-6).verified
    assert examined.certificate(limits, seed=0, tol=1e-6, bound=(0.0, "boxes")).scope == "global (proved)"
    assert not examined.certificate(limits, seed=0, tol=1e-6, bound=(-1.0, "boxes")).verified


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_near_is_told_in_units_of_f(unit):
    assert bounded(_claims(), 2 * unit, unit, 2 * unit * (1 - 1e-7), "")[-1].verdict is Verdict.PROVED
    assert bounded(_claims(), 2 * unit, unit, 2 * unit * (1 - 1e-3), "") == _claims()


def test_the_best_value_is_that_of_the_leaders_choice():
    claims = _claims()
    claims[2] = Claim("follower_answer", Verdict.SEARCHED, "the leader's choice among several")
    made = bounded(claims, 1.0, 1.0, 1.0, "branch and bound on 3 pairs")
    assert made[2].verdict is Verdict.PROVED and "branch and bound on 3 pairs" in made[2].words
