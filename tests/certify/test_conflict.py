"""Smallest sets of constraints that contradict each other, compared with all subsets of small systems."""

from itertools import combinations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify import conflict as conflicts
from bilevel_dsl.certify.conflict import conflict
from bilevel_dsl.certify.effort import budget

DEMAND = """
set LEG = {"a", "b", "c"};
param cap[LEG] = [1, 2, 3];
upper { var x[LEG] in [0, 10]; minimize sum(x); subject to demand: sum(y) >= 9; other: x["a"] + x["b"] <= 50; }
lower {
  var y[LEG] in nonneg;
  minimize sum((y[i] - x[i])^2 for i in LEG);
  subject to limit[i in LEG]: y[i] <= cap[i]; share: y["a"] + y["b"] <= 10;
}
"""


def load(text: str) -> bl.Problem:
    return bl.load(bl.Source("test", text))


def test_it_is_told_in_the_words_of_the_model_and_ends_the_search():
    problem = load(DEMAND)
    found = bl.solve(problem, compile="never")
    assert found.certificate.details["conflict"] == ["`demand`", "`limit[a]`", "`limit[b]`", "`limit[c]`"]
    assert any("`demand`, `limit[a]`, `limit[b]`, `limit[c]`" in note for note in found.certificate.notes)
    assert [c.words for c in found.certificate.claims[2:]] == ["a constraint is broken"] * 3
    assert len(found.attempts) == 1


def test_bounds_are_members_and_curved_rows_are_left_aside():
    rows = "upper { var x in [0, 10]; minimize x; } lower { var y in [0, 20]; minimize (y - x)^2; subject to "
    assert conflict(load(rows + "lim: y + x <= -1; circle: y^2 + x^2 <= 4; }"), budget("normal")).names == (
        "`lim`",
        "`x >= 0`",
        "`y >= 0`",
    )
    curved = conflict(load(rows + "lim: y + x >= 1; circle: y^2 + x^2 <= -4; }"), budget("normal"))
    assert not curved.names and not curved.kept and not curved.sentence
    simplex = rows.replace("var y in [0, 20]", "var y[2] in simplex(1)").replace("(y - x)", "(y[1] - x)")
    assert conflict(load(simplex + "lim: y[1] + y[2] >= 2; }"), budget("normal")).names == ("`lim`", "the set of `y`")


def test_constraints_that_only_the_answers_break_are_no_conflict():
    text = """
    upper { var x in [0, 10]; minimize x - y; subject to low: y >= 5; }
    lower { var y in [0, 20]; minimize (y - 2 * exp(-x))^2; subject to lim: y + x <= 15; }
    """
    found = bl.solve(load(text), compile="never")
    assert not found.verified and "conflict" not in found.certificate.details
    said = "some point keeps the constraints of both levels: this decision does not, or the follower's answer to it"
    assert said in found.certificate.notes
    beside = bl.verify(found.problem, {"x": 10.0, "y": 6.0})  # breaks `lim` itself: nothing is said of answers alone
    assert not beside.verified and said in beside.certificate.notes


@pytest.mark.parametrize("seed", range(8))
def test_it_is_smallest_among_random_rows(seed):
    """Compared with all subsets of up to three rows, which are enough in the plane (Helly)."""
    rng = np.random.default_rng(seed)
    rows = [(rng.integers(-3, 4, 2), int(rng.integers(-6, 3))) for _ in range(7)]
    text = " ".join(f"r{k}: {a} * x + {b} * y <= {c};" for k, ((a, b), c) in enumerate(rows) if a or b)
    kept = {f"`r{k}`": row for k, row in enumerate(rows) if row[0].any()}
    problem = load(f"upper {{ var x; minimize x^2; subject to {text} }} lower {{ var y; minimize (y - x)^2; }}")
    found = conflict(problem, budget("normal"))
    smallest = [s for n in range(1, 4) for s in combinations(kept, n) if not possible([kept[k] for k in s])]
    assert bool(found.names) == bool(smallest) and found.kept != bool(smallest)
    if smallest:
        assert not possible([kept[k] for k in found.names])
        assert all(possible([kept[k] for k in found.names if k != left]) for left in found.names)


def possible(rows) -> bool:
    """Whether some point of the plane keeps a' v <= c: a corner of two rows, or one on an edge, near by or far off."""
    if not rows:
        return True
    normals, limits = np.array([a for a, _ in rows], float), np.array([c for _, c in rows], float)
    feet = [a * c / (a @ a) for a, c in zip(normals, limits)]
    along = [np.array([-a[1], a[0]]) for a in normals]
    points = [foot + t * d for foot, d in zip(feet, along) for t in (-1e4, 0.0, 1e4)]
    for i, j in combinations(range(len(rows)), 2):
        if abs(np.linalg.det(normals[[i, j]])) > 1e-12:
            points.append(np.linalg.solve(normals[[i, j]], limits[[i, j]]))
    return any(np.all(normals @ p <= limits + 1e-7) for p in points)


def test_a_search_and_its_certificate_look_for_it_once(monkeypatch):
    looked = []
    whole = conflicts._System
    monkeypatch.setattr(conflicts, "_System", lambda problem: looked.append(problem) or whole(problem))
    rows = "upper { var x in [0, 1]; minimize x + y; } lower { var y; minimize (y - x)^2; subject to "
    found = bl.solve(load(rows + "most: y <= -1; least: y + x >= 3; }"), "kkt", compile="never")
    assert found.certificate.details["conflict"] and len(looked) <= 1
    again = bl.solve(load(rows + "most: y <= -1; least: y + x >= 3; }"), compile="never")
    assert again.certificate.details["conflict"] == found.certificate.details["conflict"] and len(looked) <= 2


def test_nothing_is_said_where_there_is_no_time():
    problem = load("upper { var x in [0, 1]; minimize x + y; } lower { var y; minimize y; subject to y <= -1; y + x >= 3; }")
    nothing = conflict(problem, budget("normal", end=0.0))
    assert not nothing.names and not nothing.kept
    assert conflict(problem, budget("normal")).names == ("`line 1`", "`x <= 1`")
