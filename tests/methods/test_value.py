"""`value`: published problems with both bounds, random ones against scans, budgets, refusals."""

from __future__ import annotations

from time import perf_counter

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.methods.direct.system import Levels
from bilevel_dsl.methods.direct.value.balanced import _parts, _terms, balanced
from bilevel_dsl.methods.value import MOST_LOWER, MOST_UPPER
from tests.truth import scanned
from tests.truth.families import instance

INFO = METHODS["value"]
SETTINGS = {s.name: s.default for s in INFO.settings}


def load(text: str) -> bl.Problem:
    return bl.load(bl.Source("value", text))


def solved(text: str, **more):
    problem = load(text)
    return INFO.solve(Oracles(problem), *problem.start(), {**SETTINGS, **more})


# Mitsos and Barton, A test set for bilevel programs, MIT 2006, by their numbers; Ye and Zhu, SIAM J. Optim. 20 (2010);
# Morgan and Patrone 2006; Vogel 2012 and Paulavicius and Adjiman 2017, as in BOLIB (Zhou, Zemkoho, Tin 2020). The values
# are exact or to the digits given; 3.12 is 0, which the library gives with its tolerance.
KNOWN = {
    "3.3: the leader's row leaves no answer": (
        "upper { minimize y; subject to y <= 0; } lower { var y in [-1, 1]; minimize -y; }",
        np.inf,
    ),
    "3.10": (
        "upper { var x in [0.1, 1]; minimize y; }"
        "lower { var y in [-1, 1]; minimize x * (16 * y^4 + 2 * y^3 - 8 * y^2 - 1.5 * y + 0.5); }",
        0.5,
    ),
    "3.12: a saddle that is an answer within any tolerance": (
        "upper { var x in [-1, 1]; minimize -x + x * y + 10 * y^2; }"
        "lower { var y in [-1, 1]; minimize -x * y^2 + 0.5 * y^4; }",
        0.0,
    ),
    "3.14": (
        "upper { var x in [-1, 1]; minimize (x - 0.25)^2 + y^2; } lower { var y in [-1, 1]; minimize y^3 / 3 - x * y; }",
        0.25,
    ),
    "3.18": (
        "upper { var x in [-1, 1]; minimize -x^2 + y^2; } lower { var y in [-1, 1]; minimize x * y^2 - 0.5 * y^4; }",
        -1.0,
    ),
    "3.20": (
        "upper { var x in [-1, 1]; minimize (x - 0.25)^2 + y^2; } lower { var y in [-1, 1]; minimize y^3 / 3 - x^2 * y; }",
        0.3125,
    ),
    "3.24": (
        "upper { var x in [0, 1]; minimize x^2 - y; }"
        "lower { var y in [0, 3]; minimize ((y - 1 - 0.1 * x)^2 - 0.5 - 0.5 * x)^2; }",
        -1.75471794,
    ),
    "3.26: three variables of the follower, three rows of the leader": (
        """upper {
  var x[2] in [-1, 1];
  minimize x[1] * y[1] + x[2] * y[2]^2 + x[1] * x[2] * y[3]^3;
  subject to 0.1 - x[1]^2 <= 0; 1.5 - sumsqr(y) <= 0; sumsqr(y) <= 2.5;
}
lower { var y[3] in [-1, 1]; minimize x[1] * y[1]^2 + x[2] * y[2]^2 + (x[1] - x[2]) * y[3]^2; }""",
        -2 - 0.5**1.5,
    ),
    "Ye, Zhu 4.3: the follower's row depends on x, its set has no end": (
        "upper { var x in [0, 4]; minimize (x - 0.5)^2 + (y - 2)^2; }"
        "lower { var y; minimize y^3 - 3 * y; subject to x - y - 3 <= 0; }",
        1.25,
    ),
    "Vogel 2012: a tie of two answers": (
        "upper { var x in [-3, 2]; minimize (y + 1)^2; } lower { var y; minimize y^3 - 3 * y; subject to y >= x; }",
        1.0,
    ),
    "Morgan, Patrone 2006 b: bounds of x among the follower's rows": (
        """upper { var x; minimize -(x + y); }
lower {
  var y in [-1, 1];
  minimize (x - 0.5 * abs(x + 0.25) + 0.5 * abs(x - 0.25)) * y;
  subject to x >= -0.5; x <= 0.5;
}""",
        -1.25,
    ),
    "Paulavicius, Adjiman 2017 b": (
        "upper { var x in [-1, 1]; minimize x + y; } lower { var y in [-1, 1]; minimize 0.5 * x * y^2 - x^3 * y; }",
        None,
    ),
}


@pytest.mark.parametrize("name", [name for name, (_, value) in KNOWN.items() if value is not None])
def test_published_problems(name):
    text, value = KNOWN[name]
    found = solved(text)
    if value == np.inf:
        assert found.status == "infeasible" and found.bound == np.inf
        return
    assert found.status == "converged"
    assert found.measures["upper"] == pytest.approx(value, abs=2e-6)
    assert found.bound <= value + 1e-8 and found.bound == pytest.approx(value, abs=2e-6)
    assert "interval search of" in found.proved_by


def test_the_answer_is_proved_to_be_the_global_one():
    found = bl.solve(load(KNOWN["3.20"][0]))
    assert found.method == "value" and len(found.attempts) == 1
    assert found.verified and found.certificate.scope == "global (proved)"
    assert "interval search of" in found.certificate.claim("leader_global").words
    assert found.measures["bound"] == pytest.approx(0.3125, abs=1e-6)


def test_infeasible_is_proved():
    found = bl.solve(load(KNOWN["3.3: the leader's row leaves no answer"][0]), "value")
    assert found.status == "infeasible" and found.exit_status == 4
    assert any("proved by interval search" in note for note in found.certificate.notes)


def test_bounds_have_the_sense_and_units_of_the_model():
    text = """upper { var x in [0, 1e4]; maximize 1e6 * (y - 1e-8 * x^2); }
lower { var y in [0, 3]; minimize ((y - 1 - 1e-5 * x)^2 - 0.5 - 0.5e-4 * x)^2; }"""
    found, value = bl.solve(load(text), "value"), 1.75471794e6
    bound = found.measures["bound"]
    assert found.upper == pytest.approx(value, rel=1e-6)
    assert bound == pytest.approx(value, rel=1e-6) and bound >= found.upper * (1 - 1e-9)


@pytest.mark.parametrize("seed", [0, 2, 3, 5])
def test_random_levels_against_scans(seed):
    """Rows on either level, none, one or two variables; see `scanned`. More: `python -m tests.truth.scanned 300`."""
    word, numbers = scanned.judged(seed)
    assert word in ("right", "open"), numbers


@pytest.mark.parametrize("family", ["sine_1", "rastrigin_1", "wells_1", "gaussians_1", "wells_2"])
def test_followers_with_many_basins(family):
    case = instance(family, 1)
    problem = load(case.text)
    outcome = INFO.solve(Oracles(problem), *problem.start(), {**SETTINGS, "max_iter": 1500})
    columns = {"upper": outcome.x, "lower": outcome.y}
    judged = case.judge({v.name: np.reshape(columns[v.level][v.slice], v.shape, order="F") for v in problem.variables})
    assert judged.right, judged
    assert outcome.bound <= judged.best + 1e-6 * case.scale
    if outcome.status == "converged":
        assert judged.kind == "global", judged


def test_limits_leave_an_answer_and_a_bound():
    problem = load(instance("wells_2", 1).text)
    settings = {"tol": 1e-6, "max_iter": 5}
    stopped = INFO.solve(Oracles(problem), *problem.start(), settings)
    assert stopped.status == "iteration_limit" and stopped.iterations <= 5 + 128
    assert stopped.bound < stopped.measures["upper"]
    late = INFO.solve(Oracles(problem), *problem.start(), settings, deadline=perf_counter() - 1)
    assert late.status == "time_limit"
    boxes, upper, bound = (stopped.trace[name] for name in ("iteration", "upper", "bound"))
    assert np.all(np.diff(boxes) >= 0) and np.all(np.diff(upper) <= 0) and np.all(bound <= upper)


def test_progress_may_end_it():
    problem = load(instance("wells_2", 1).text)
    ended = INFO.solve(Oracles(problem), *problem.start(), SETTINGS, on_progress=lambda boxes, measures: True)
    assert ended.status == "interrupted"


REFUSED = [
    (
        f"var x[{MOST_UPPER + 1}] in [0, 1]; minimize sum(x) + y;",
        "var y in [0, 1]; minimize -y^2;",
        "upper level has 6 variables",
    ),
    (
        "var x in [0, 1]; minimize x + y[1];",
        f"var y[{MOST_LOWER + 1}] in [0, 1]; minimize -sumsqr(y);",
        "lower level has 5 variables",
    ),
    (
        "var x; minimize x^2 + y;",
        "var y in [0, 1]; minimize -y^2 + x * y;",
        "`x` has no finite bounds, and no constraint holds it",
    ),
    ("var x in [0, 1]; minimize x * dual(cap);", "var y in [0, 1]; minimize -y; subject to cap: y <= x;", "`dual(cap)`"),
]


@pytest.mark.parametrize("upper, lower, rule", REFUSED)
def test_refusals(upper, lower, rule):
    refusals = INFO.refusals(load(f"upper {{ {upper} }} lower {{ {lower} }}"))
    assert len(refusals) == 1 and rule in refusals[0].rule and refusals[0].span is not None


def test_bounds_that_rows_imply_are_enough():
    upper = "var x[2]; minimize x[1] + y; subject to sumsqr(x) <= 4;"
    assert not INFO.refusals(load(f"upper {{ {upper} }} lower {{ var y in [0, 1]; minimize -y^2 + x[1] * y; }}"))


def test_a_large_follower_hides_no_small_one():
    """The answer of `small` is its lower well, b = -1.0356, which is 1e-8 of what `big` is worth better than the other."""
    text = """
    upper { var x in [-1, 1]; minimize x^2 + (b - 1)^2; }
    lower big { var a; minimize 1e7 * (a - x)^2 + 1e7; }
    lower small { var b in [-3, 3] start 1; minimize (b^2 - 1)^2 + 0.3 * b; }
    """
    solution = bl.solve(bl.load(bl.Source("two", text)), compile=False)
    well = np.roots([4, 0, -4, 0.3]).real.min()
    assert solution.proved and abs(solution.upper - (well - 1) ** 2) < 1e-5


def test_parts_of_the_follower_are_counted_in_their_own_sizes():
    text = """
    upper { var x in [-1, 1]; minimize x; }
    lower { var y[3] in [-1, 1]; minimize (1e6 * (y[1] - x)^2 * y[2] - 3 * (y[3] - x)^4 + x^3) / 7; }
    """
    levels = Levels(Oracles(bl.load(bl.Source("parts", text)), recognise=False))
    found = balanced(levels)
    assert found is not levels
    rng = np.random.default_rng(0)
    x, (y, other) = rng.uniform(-1, 1, 1), rng.uniform(-1, 1, (2, 3))
    of = lambda which, y: float(which.numbers(x, y)[1])  # noqa: E731
    for entries in ([0, 1], [2]):
        moved = np.where(np.isin(range(3), entries), other, y)
        ratio = (of(found, moved) - of(found, y)) / (of(levels, moved) - of(levels, y))
        assert ratio > 0 and 0.01 < abs(of(found, moved) - of(found, y)) < 100
    whole = Levels(Oracles(bl.load(bl.Source("one", text.replace("* y[2]", "* y[3]"))), recognise=False))
    x, y = ca.SX.sym("x", 1), ca.SX.sym("y", 3)
    _, g, h, e, _ = whole.expressions(x, y)
    assert [len(p) for p in _parts(_terms(g), y, ca.vertcat(h, e))] == [2] and balanced(whole) is whole


def test_equations_of_active_rows_end_a_box_that_has_no_end():
    """Bard 1988, example 3: without an upper bound of y each of its two rows bounds one entry by the other only."""
    text = """
    upper { var x[2] in nonneg; minimize -x[1]^2 - 3*x[2] - 4*y[1] + y[2]^2; subject to x[1]^2 + 2*x[2] <= 4; }
    lower { var y[2] in nonneg; minimize 2*x[1]^2 + y[1]^2 - 5*y[2];
      subject to x[1]^2 - 2*x[1] + x[2]^2 - 2*y[1] + y[2] >= -3; x[2] + 3*y[1] - 4*y[2] >= 4; }
    """
    found = bl.solve(bl.load(bl.Source("bard", text)), method="value", compile="never")
    assert found.proved and found.upper == pytest.approx(-12.6787109, abs=1e-5), found
