"""Small problems with a local answer: boxes from there prove it, or find the global one."""

from __future__ import annotations

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.methods import METHODS
from bilevel_dsl.runtime.execute import Run
from bilevel_dsl.runtime.status import Status
from bilevel_dsl.search.effort import EFFORTS
from bilevel_dsl.search.proof import Asked, bounded, proving
from tests.truth import scanned
from tests.truth.highs import Program

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


def asked(text: str, tried: set[str], boxed: int = 4) -> list[str]:
    return [a.info.name for a in proving(load(text), tried, 1.0, boxed)]


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
    assert asked(large, set()) == []
    assert asked(RIDGE, set()) == ["branches", "value"]
    assert asked(RIDGE, {"branches"}) == ["value"]
    assert METHODS["value"].refusals(load(RIDGE)) and not METHODS["branches"].refusals(load(RIDGE))


def test_boxes_are_for_few_variables():
    text = "upper {{ var x[{0}] in [-1, 1]; minimize sumsqr(x - y); }} lower {{ var y[{0}]; minimize sumsqr(exp(y) - x); }}"
    assert asked(text.format(2), set()) == ["value"]
    assert asked(text.format(3), set()) == []
    assert asked(text.format(3), set(), boxed=9) == ["value"]


def test_what_lies_beyond_the_bounds_is_worse_and_no_more():
    """Within them nothing may be left: that is no proof that there is nothing at all."""
    nothing = Run(Status.INFEASIBLE, {}, 1, {}, {}, {}, "intervals", {}, bound=(np.inf, "boxes"))
    near, all_ = Asked(METHODS["value"], load(FREE), 2.0), Asked(METHODS["value"], load(FREE))
    assert near.of_all(nothing).bound is None and all_.of_all(nothing) is nothing
    for bound, told in ((1.5, 1.5), (3.0, 2.0)):
        assert near.of_all(replace(nothing, status=Status.CONVERGED, bound=(bound, "boxes"))).bound == (told, "boxes")


def test_a_wrong_start_of_it_proves_nothing_wrong():
    """The best answer known may be none, and its f too low for any: nothing of the sort is proved."""
    text = "upper { var x; minimize (x - 3)^2 + y^2; } lower { var y in [-2, 2]; minimize (y - 1 - x^2)^2 * (y + 2); }"
    found = solve(text)
    axis = np.linspace(-4, 6, 20_001)
    grid = np.linspace(-2, 2, 4_001)
    best = min((v - 3) ** 2 + grid[np.argmin((grid - 1 - v**2) ** 2 * (grid + 2))] ** 2 for v in axis[::20])
    assert found.verified and found.upper == pytest.approx(best, abs=2e-2)
    assert found.upper <= best + 1e-6


def test_a_lagrangian_dual_is_bounded_by_answers_of_its_follower():
    """Pyomo's question 1700; the truth by a grid of the follower and the concave dual's own linear program."""
    text = """
    upper { var l1 in nonneg start 0.5; var l2 in nonneg start 0.5;
      let L = -y + l1*(2*x*y + x*x - y*y - x) + l2*(-x*y - 0.3*x*x - 0.2*y*y - 0.5*x + 1.5*y);
      maximize L; }
    lower { var x in [0, 1] start 0.5; var y in [0, 1] start 0.5; minimize L; }
    """
    a, b = (v.ravel() for v in np.meshgrid(np.linspace(0, 1, 301), np.linspace(0, 1, 301)))
    one, two = 2 * a * b + a * a - b * b - a, -a * b - 0.3 * a * a - 0.2 * b * b - 0.5 * a + 1.5 * b
    rows = np.column_stack([np.ones_like(a), -one, -two])  # t <= L(l, answer) for all answers
    found = linprog(-b, rows)
    solution = solve(text)
    assert solution.verified and solution.upper == pytest.approx(found, abs=1e-4)


def linprog(limits: np.ndarray, rows: np.ndarray) -> float:
    """The largest t with rows @ (t, l1, l2) <= limits, l >= 0."""
    cost, far = np.array([-1.0, 0, 0]), np.full(3, 1e3)
    out = Program(rows).solve(cost, np.array([-1e3, 0, 0]), far, (np.full(len(rows), -np.inf), limits))
    return -out[0]


@pytest.mark.parametrize("kind, seed", [("convex", 0), ("convex", 3), ("open", 5), ("open", 6)])
def test_random_problems_that_are_not_quadratic(kind, seed):
    """More: `python -m tests.truth.scanned 0 300 convex`, or `open`."""
    word, numbers = scanned.solved(seed, kind)
    assert word == "right", (numbers, scanned.KINDS[kind](seed))
