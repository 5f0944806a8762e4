"""branches: global answers of linear levels, with a bound that proves them; what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.functions.start import start_point
from bilevel_dsl.methods import METHODS
from tests.truth.families import instance

INFO = METHODS["branches"]


def load(text: str) -> bl.Problem:
    return bl.load(bl.Source("test", text))


# upper value
KNOWN = {
    "Clark, Westerberg 1988": (
        """upper { var x in [0, 20]; minimize x - 4 * y; }
           lower { var y in nonneg; minimize y; subject to -2*x + y <= 0; 2*x + 5*y <= 108; 2*x - 3*y <= -4; }""",
        -37,
    ),
    "Candler, Townsley 1982: local answers elsewhere": (
        """upper { var x[2] in nonneg; minimize -8*x[1] - 4*x[2] + 4*y[1] - 40*y[2] - 4*y[3]; }
           lower { var y[3] in nonneg; minimize x[1] + 2*x[2] + y[1] + y[2] + 2*y[3];
                   subject to -y[1] + y[2] + y[3] <= 1; 2*x[1] - y[1] + 2*y[2] - 0.5*y[3] <= 1;
                   2*x[2] + 2*y[1] - y[2] - 0.5*y[3] <= 1; }""",
        -29.2,
    ),
    "a toll: products by strong duality": (
        """upper { var t in nonneg; maximize t * y[1]; }
           lower { var y[2] in simplex; minimize (1 + t) * y[1] + 4 * y[2]; }""",
        3,
    ),
    "a quadratic follower: y = x / 2, but at most 1": (
        """upper { var x in [0, 4]; maximize y - 0.1 * x; }
           lower { var y in [0, 1]; minimize (2 * y - x)^2; }""",
        0.8,
    ),
    "several answers: the leader's choice": (
        """upper { var x in [0, 1]; minimize x - y[1] + y[2]; }
           lower { var y[2] in nonneg; minimize y[1] + y[2]; subject to y[1] + y[2] >= 1; }""",
        -1,
    ),
    "a multiplier in the leader's objective": (
        """upper { var x in [0, 4]; maximize dual(balance) - x; }
           lower { var y[2] in nonneg; minimize y[1] + 3 * y[2]; subject to balance: y[1] + y[2] == x; y[1] <= 2; }""",
        1,
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_answers(name):
    text, value = KNOWN[name]
    found = bl.solve(load(text), "branches")
    assert found.status == "converged" and found.upper == pytest.approx(value, abs=1e-7)
    assert found.verified, found


def test_the_answer_is_proved_to_be_the_global_one():
    found = bl.solve(load(KNOWN["Candler, Townsley 1982: local answers elsewhere"][0]))
    assert found.method == "branches" and len(found.attempts) == 1
    assert found.certificate.scope == "global (proved)"
    assert "branch and bound on" in found.certificate.claim("leader_global").words


@pytest.mark.parametrize("family", ["linear", "degenerate", "coupled", "leader_equations", "mixed_equations", "quadratic"])
def test_random_levels_against_enumeration(family):
    """The truth of each instance is found apart, by enumeration of bases or active sets."""
    answered = 0
    for seed in range(6):
        problem, best = truth(family, seed)
        if INFO.refusals(problem):
            continue
        outcome = INFO.solve(Oracles(problem), *problem.start(), {s.name: s.default for s in INFO.settings})
        assert outcome.status == "converged"
        assert outcome.measures["upper"] == pytest.approx(best, abs=1e-6 * max(1, abs(best)))
        assert outcome.bound == pytest.approx(best, abs=1e-6 * max(1, abs(best)))
        answered += 1
    assert answered


def truth(family: str, seed: int) -> tuple[bl.Problem, float]:
    """An instance, and the least value of its minimised upper objective."""
    case = instance(family, seed)
    problem = load(case.text)
    x, y = start_point(problem, case.best)
    oracles = bl.functions_of(problem)
    return problem, float(oracles["f"](x, y, *oracles.data))


def test_what_has_no_answer():
    infeasible = "upper { var x in [1, 2]; minimize x; subject to y <= 0.5; } lower { var y in [0, 9]; minimize (y - x)^2; }"
    assert bl.solve(load(infeasible), "branches").status == "infeasible"
    unbounded = "upper { var x in nonneg; minimize -x - y; } lower { var y in nonneg; minimize y; subject to y >= x; }"
    assert bl.solve(load(unbounded), "branches").status == "diverged"


@pytest.mark.parametrize(
    "upper, lower, rule",
    [
        ("minimize x^2;", "minimize y; subject to y >= x;", "the upper objective is not linear"),
        ("minimize x;", "minimize y^4; subject to y >= x;", "the lower objective is not linear or quadratic"),
        ("minimize x;", "minimize -y^2 + x * y; subject to y <= 3;", "the lower objective is not convex"),
        ("minimize x;", "minimize y; subject to y >= x^2;", "a constraint of the lower level is not affine"),
        # the slopes of these have derivative 0
        ("minimize abs(y - 1);", "minimize (y - x)^2;", "the upper objective is not linear"),
        ("minimize max(x, -x) + y;", "minimize (y - 0.3)^2;", "the upper objective is not linear"),
        ("minimize x;", "minimize abs(y - x);", "the lower objective is not linear or quadratic"),
        ("minimize x;", "minimize y; subject to y >= abs(x);", "a constraint of the lower level is not affine"),
        ("minimize x; subject to max(y, 1) <= 2;", "minimize y;", "a constraint of the upper level is not affine"),
    ],
)
def test_refusals(upper, lower, rule):
    problem = load(f"upper {{ var x in [0, 1]; {upper} }} lower {{ var y in [0, 3]; {lower} }}")
    assert rule in INFO.refusals(problem)[0].rule


def test_absolute_values_of_data_are_numbers():
    text = "param c = -3; upper { var x in [0, 1]; minimize abs(c) * x + y; } lower { var y in [0, 3]; minimize y; }"
    assert not INFO.refusals(load(text))


def test_limits_leave_a_bound():
    problem, best = truth("linear", 3)
    stopped = INFO.solve(Oracles(problem), *problem.start(), {"tol": 1e-6, "max_iter": 1})
    assert stopped.status in ("iteration_limit", "converged")
    assert stopped.bound is None or stopped.bound <= best + 1e-6


def test_units_do_not_matter():
    for unit in (1e-4, 1e4):
        text = KNOWN["Clark, Westerberg 1988"][0].replace("minimize x - 4 * y", f"minimize {unit} * (x - 4 * y)")
        found = bl.solve(load(text), "branches")
        assert found.verified and found.upper == pytest.approx(-37 * unit, rel=1e-7)
        assert np.isclose(found["x"], 19)
