"""Stationarity under a set and a constraint of the leader that are both in the way of the gradient."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.stationarity import restricted

TOLLS = """
upper { var t[3] in [0, 5]; maximize dot(t, y); subject to sum(t) <= 12; }
lower { var y[3] in simplex(10); minimize dot(t, y) + 0.5 * dot([1, 1.5, 0.5], y^2); }
"""
BEST = np.array([4, 19 / 6, 29 / 6])  # d/dt of the revenue is 10/3 for every road


@pytest.fixture(scope="module")
def problem():
    return bl.load(bl.Source("tolls", TOLLS))


@pytest.mark.parametrize("pull", [0.1, 10 / 3, 100])
def test_the_projection_of_a_balanced_gradient_is_zero(pull):
    """x - gradient lies outside of the box in every coordinate, and the budget pulls it back: alternating
    projections stay at one point for many rounds before they go on."""
    d = restricted(lambda v: v.clip(0, 5), BEST, np.full(3, -pull), np.zeros(1), np.ones((1, 3)), np.array([False]))
    assert np.linalg.norm(d) <= 1e-9 * pull


def answer(t: np.ndarray) -> dict[str, np.ndarray]:
    """The flows under tolls t, all roads used: y = (mu - t) / slope, of sum 10."""
    inverse = 1 / np.array([1, 1.5, 0.5])
    mu = (10 + t @ inverse) / inverse.sum()
    return {"t": t, "y": (mu - t) * inverse}


def test_the_best_tolls_are_verified(problem):
    point = bl.verify(problem, answer(BEST))
    assert point.verified, str(point)


def test_other_tolls_are_not(problem):
    point = bl.verify(problem, answer(BEST + [0.1, -0.1, 0]))
    assert [c.name for c in point.certificate.claims if c.needed and not c.passed] == ["leader_stationary"]
