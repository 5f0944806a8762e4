"""Small problems with a local answer: boxes from there prove it, or find the global one."""

from __future__ import annotations

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.methods import METHODS
from bilevel_dsl.search.effort import EFFORTS
from bilevel_dsl.search.proof import bounded, proving

TWO_WELLS = """
upper { var x in [-2, 2] start START; minimize (x^2 - 1)^2 + 0.2 * x + (y - exp(x))^2; }
lower { var y in [0, 9]; minimize 0.5 * y^2 - exp(x) * y; }
"""  # y = exp(x); the left well is the deeper one
FREE = """
upper { var x[2]; minimize (x[1] - 1)^2 + (x[2] - 1)^2 + y^2; subject to x[1] >= -5; }
lower { var y; minimize (y - sin(x[1]) * x[2])^2; }
"""
RIDGE = "upper { var x; minimize x^2 + y^2; } lower { var y; minimize (x + y - 1)^2; }"
AWAY = "upper { var x; minimize y^2; } lower { var y in [-9, 9]; minimize (y - exp(-x^2) - 1)^2; }"


def load(text: str) -> bl.Problem:
    return bl.load(bl.Source("small", text))


def solve(text: str, **more) -> bl.Solution:
    return bl.solve(load(text), compile="never", **more)


def least(f, low: float, high: float) -> float:
    return float(np.min(f(np.linspace(low, high, 200_001))))


@pytest.mark.parametrize("start", [-1.5, 1.5])
def test_a_convex_follower_that_is_not_quadratic(start):
    found = solve(TWO_WELLS.replace("START", str(start)))
    assert found.proved and found.certificate.scope == "global (proved)", found
    assert found.upper == pytest.approx(least(lambda x: (x**2 - 1) ** 2 + 0.2 * x, -2, 2), abs=1e-6)
    assert "value" in [a.method for a in found.attempts]


def test_nothing_of_it_where_little_is_asked_for():
    text = TWO_WELLS.replace("START", "-1.5")
    for more in ({"effort": "quick"}, {"method": "kkt"}, {"verify": "no"}):
        found = solve(text, **more)
        assert "value" not in [a.method for a in found.attempts] and not found.proved


@pytest.mark.parametrize("sense", [1, -1])
def test_the_number_of_boxes_is_counted_and_their_bound_told(sense, monkeypatch):
    monkeypatch.setitem(EFFORTS, "normal", replace(EFFORTS["normal"], boxes=1))
    text = TWO_WELLS.replace("START", "-1.5")
    found = solve(
        text if sense > 0 else text.replace("minimize (x^2 - 1)^2", "maximize -(x^2 - 1)^2").replace(" + ", " - ", 2)
    )
    tried = next(a for a in found.attempts if a.method == "value")
    assert tried.status == "iteration_limit" and tried.iterations < 20
    assert found.verified and not found.proved
    words, bound = found.certificate.claim("leader_global").words, found.certificate.details["bound"]
    assert words.startswith(f"none gives {'less' if sense > 0 else 'more'} than {bound:.6g}, by interval search")
    assert 1e-5 < sense * (found.upper - bound) < 1


def test_a_leader_without_bounds_whose_objective_grows():
    found = solve("upper { var x; minimize (x - 1)^2 + y^2; } lower { var y; minimize (y - 2 - 3 * sin(3 * x))^2; }")
    best = least(lambda x: (x - 1) ** 2 + (2 + 3 * np.sin(3 * x)) ** 2, -9, 9)
    assert found.proved and found.upper == pytest.approx(best, abs=1e-5), found
    assert found.certificate.claim("leader_global").words.startswith("interval search")


def test_smooth_quadratic_levels_are_proved_by_one_program():
    found = solve(RIDGE)
    assert found.proved and found.upper == pytest.approx(0.5, abs=1e-6)
    assert [a.method for a in found.attempts] == ["mgbio", "branches"]


def test_no_bounds_where_f_does_not_grow():
    assert bounded(load(AWAY), 4.0) is None
    found = solve(AWAY)
    assert "value" not in [a.method for a in found.attempts] and not found.proved


def test_no_better_point_is_outside_of_the_bounds():
    """Against points of all the plane."""
    problem = load(FREE)
    near = bounded(problem, 1.7)
    box = near.upper_variables[0].set
    low, high = (np.array(ca.evalf(v)).ravel() for v in (box.lower, box.upper))
    rng = np.random.default_rng(5)
    x = rng.uniform(-5, 20, size=(200_000, 2))
    f = (x[:, 0] - 1) ** 2 + (x[:, 1] - 1) ** 2 + (np.sin(x[:, 0]) * x[:, 1]) ** 2
    good = x[f <= 1.7]
    assert len(good) > 100 and np.all(good >= low) and np.all(good <= high)
    assert low[0] >= -5 and np.all(high - low < 12)


def test_large_problems_and_prices_are_left_alone():
    large = "upper { var x[50] in [0, 1]; minimize sumsqr(x - y); } lower { var y[50]; minimize sumsqr(y - x^2); }"
    assert not list(proving(load(large), set(), 1.0, 4))
    assert {i.name for i, _ in proving(load(RIDGE), set(), 1.0, 4)} == {"branches", "value"}
    assert {i.name for i, _ in proving(load(RIDGE), {"branches"}, 1.0, 4)} == {"value"}
    assert METHODS["value"].refusals(load(RIDGE)) and not METHODS["branches"].refusals(load(RIDGE))


def test_boxes_are_for_few_variables():
    text = "upper {{ var x[{0}] in [-1, 1]; minimize sumsqr(x - y); }} lower {{ var y[{0}]; minimize sumsqr(exp(y) - x); }}"
    assert [i.name for i, _ in proving(load(text.format(2)), set(), 1.0, 4)] == ["value"]
    assert [i.name for i, _ in proving(load(text.format(3)), set(), 1.0, 4)] == []
    assert [i.name for i, _ in proving(load(text.format(3)), set(), 1.0, 9)] == ["value"]
