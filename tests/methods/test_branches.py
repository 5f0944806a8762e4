"""branches: global answers of linear levels, with a bound that proves them; what it refuses."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.methods.branches import MOST_PAIRS
from bilevel_dsl.methods.card import Refusal
from bilevel_dsl.methods.direct import quadratic
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
    "a convex quadratic leader: x = 1.5 but for the kink of the follower at 1": (
        """upper { var x in [0, 4]; minimize (x - 2)^2 + (y - 0.5)^2; }
           lower { var y; minimize (y - x)^2; subject to y <= 1; }""",
        0.25,
    ),
    "a toll on a follower with costs that rise: convex by its conditions": (
        """upper { var t in [0, 10]; maximize t * y; }
           lower { var y in [0, 10]; minimize y^2 + (t - 8) * y; }""",
        8,
    ),
    "the price of a market times a quantity that is offered (BilevelJuMP, strategic bidding)": (
        """upper { var q in [0, 100]; maximize dual(balance) * g; }
           lower { var g in [0, 100]; var y[2] in [0, 40]; var short in [0, 100];
             minimize 50 * y[1] + 100 * y[2] + 1000 * short;
             subject to offer: g <= q; balance: g + sum(y) + short == 100; }""",
        20000,
    ),
    "capacity and the price it makes (Conejo and others 2016)": (
        """upper { var x in [0, 250]; minimize 40000 * x + 8760 * (10 * y[1] - dual(b) * y[1]); }
           lower { var y[3] in nonneg; minimize 10 * y[1] + 12 * y[2] + 15 * y[3];
             subject to b: sum(y) == 200; y[1] <= x; y[2] <= 150; y[3] <= 100; }""",
        -190000,
    ),
    "where a bound on multipliers cuts off the answer (Pineda, Morales 2018)": (
        """upper { var x in [0, 2]; maximize x + y; }
           lower { var y in nonneg; minimize y; subject to x - 0.01 * y <= 1; }""",
        102,
    ),
    "no variable of the leader: the shortest of all answers": (
        """upper { minimize sumsqr(y); } lower { var y[2] in nonneg; minimize y[1] + y[2]; subject to y[1] + y[2] >= 1; }""",
        0.5,
    ),
    "Bard 1991: many answers, of which -1 is the best": (
        """upper { var x in nonneg; minimize -x + 10 * y[1] - y[2]; }
           lower { var y[2] in nonneg; minimize -y[1] - y[2];
             subject to x + y[1] <= 1; x + y[2] <= 1; y[1] + y[2] <= 1; }""",
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
    assert found.status == "converged" and found.upper == pytest.approx(value, rel=1e-6, abs=1e-7)
    assert found.verified, found
    assert found.certificate.scope == "global (proved)", found


def test_the_answer_is_proved_to_be_the_global_one():
    found = bl.solve(load(KNOWN["Candler, Townsley 1982: local answers elsewhere"][0]))
    assert found.method == "branches" and len(found.attempts) == 1
    assert found.certificate.scope == "global (proved)"
    assert "branch and bound on" in found.certificate.claim("leader_global").words


FAMILIES = (
    "linear bilinear degenerate coupled leader_equations mixed_equations quadratic quadratic_leader quadratic_coupled "
    "price_linear price_quadratic simple"
).split()


@pytest.mark.parametrize("family", FAMILIES)
def test_random_levels_against_enumeration(family):
    """The truth of each instance is found apart, by enumeration of bases or active sets."""
    answered = 0
    for seed in range(4):
        case = instance(family, seed)
        problem = load(case.text)
        if INFO.refusals(problem):
            continue
        outcome = INFO.solve(Oracles(problem), *problem.start(), {s.name: s.default for s in INFO.settings})
        assert outcome.status == "converged"
        columns = {"upper": outcome.x, "lower": outcome.y}
        values = {v.name: np.reshape(columns[v.level][v.slice], v.shape, order="F") for v in problem.variables}
        judged = case.judge(values)
        assert judged.kind == "global", judged
        assert outcome.measures["upper"] == pytest.approx(judged.value, abs=1e-6 * case.scale)
        assert outcome.bound == pytest.approx(judged.value, abs=1e-6 * case.scale)
        answered += 1
    assert answered


def test_what_has_no_answer():
    infeasible = "upper { var x in [1, 2]; minimize x; subject to y <= 0.5; } lower { var y in [0, 9]; minimize (y - x)^2; }"
    found = bl.solve(load(infeasible))
    assert found.status == "infeasible" and len(found.attempts) == 1 and not found.verified
    assert found.certificate.notes[0].startswith("no decision of the leader has an answer that both levels allow: proved by")
    unbounded = "upper { var x in nonneg; minimize -x - y; } lower { var y in nonneg; minimize y; subject to y >= x; }"
    assert bl.solve(load(unbounded), "branches").status == "diverged"
    follower = "upper { var x in [0, 1]; minimize (x - 1)^2 + 0*y; } lower { var y; minimize -y; subject to y >= x; }"
    assert bl.solve(load(follower), "branches").status == "infeasible"


REFUSED = [
    (
        "minimize -x^2;",
        "minimize y; subject to y >= x;",
        "the upper objective is not convex, and the lower level's conditions",
    ),
    ("minimize x^3;", "minimize y; subject to y >= x;", "the upper objective is not linear or quadratic"),
    ("minimize -abs(x - 0.5);", "minimize y; subject to y >= x;", "the upper objective is not linear or quadratic"),
    (
        "minimize x; subject to x * y <= 1;",
        "minimize y; subject to y >= x;",
        "a constraint of the upper level is not affine",
    ),
    ("minimize x;", "minimize y^4; subject to y >= x;", "the lower objective is not linear or quadratic"),
    ("minimize x;", "minimize -abs(y - 1); subject to y >= x;", "the lower objective is not linear or quadratic"),
    ("minimize x;", "minimize x^2 * y; subject to y >= x;", "the lower objective is not linear or quadratic"),
    ("minimize x;", "minimize -y^2 + x * y; subject to y <= 3;", "the lower objective is not convex"),
    ("minimize x;", "minimize y; subject to y >= x^2;", "a constraint of the lower level is not affine"),
    ("minimize x;", "minimize y; subject to x * y == 1;", "a constraint of the lower level is not affine"),
    # the slopes of these have derivative 0
    ("minimize -abs(y - 1);", "minimize (y - x)^2;", "the upper objective is not linear or quadratic"),
    ("minimize min(x, -x) + y;", "minimize (y - 0.3)^2;", "the upper objective is not linear or quadratic"),
    ("minimize x;", "minimize y; subject to y >= abs(x);", "a constraint of the lower level is not affine"),
    ("minimize x; subject to min(y, 1) <= 2;", "minimize y;", "a constraint of the upper level is not affine"),
]


@pytest.mark.parametrize("upper, lower, rule", REFUSED)
def test_refusals(upper, lower, rule):
    problem = load(f"upper {{ var x in [0, 1]; {upper} }} lower {{ var y in [0, 3]; {lower} }}")
    (refusal,) = INFO.refusals(problem)
    assert rule in refusal.rule and refusal.span is not None


def test_absolute_values_of_data_are_numbers():
    text = "param c = -3; upper { var x in [0, 1]; minimize abs(c) * x + y; } lower { var y in [0, 3]; minimize y; }"
    assert not INFO.refusals(load(text))


def test_too_many_pairs():
    problem = load(f"upper {{ var x; minimize x; }} lower {{ var y[{MOST_PAIRS}] in nonneg; minimize sum(y) + x * y[1]; }}")
    assert not INFO.refusals(problem)
    problem = load(f"upper {{ var x; minimize x; }} lower {{ var y[{MOST_PAIRS // 2 + 1}] in [0, 1]; minimize sum(y); }}")
    (refusal,) = INFO.refusals(problem)
    assert refusal.rule == f"the lower level has {MOST_PAIRS + 2} bounds and rows that may be active (limit {MOST_PAIRS})"


def large(seed: int) -> bl.Problem:
    """45 pairs, thousands of nodes."""
    rng, n = np.random.default_rng(seed), 15
    matrix, x = np.round(rng.uniform(-3, 3, (n + 2, n)), 1), np.round(rng.uniform(-2, 2, (n + 1, 7)), 1)

    def form(coefficients, name):
        return " + ".join(f"{v} * {name}[{k + 1}]" for k, v in enumerate(coefficients))

    rows = " ".join(f"{form(matrix[i], 'y')} + {form(x[i], 'x')} <= {5 + i % 4};" for i in range(n))
    return load(
        f"upper {{ var x[7] in [0, 10]; minimize {form(x[n], 'x')} + {form(matrix[n], 'y')}; }}"
        f"lower {{ var y[{n}] in [0, 10]; minimize {form(matrix[n + 1], 'y')}; subject to {rows} }}"
    )


def test_limits_leave_an_answer_and_a_bound():
    problem, settings = large(1), {"tol": 1e-6, "max_iter": 60}
    stopped = INFO.solve(Oracles(problem), *problem.start(), settings)
    assert stopped.status == "iteration_limit" and stopped.bound < stopped.measures["upper"]
    assert stopped.measures["complementarity"] <= 1e-9 and stopped.measures["gap"] > 0
    late = INFO.solve(Oracles(problem), *problem.start(), settings, deadline=perf_counter() - 1)
    assert late.status == "time_limit"
    nodes, upper, bound = (stopped.trace[name] for name in ("iteration", "upper", "bound"))
    assert nodes[-1] == stopped.iterations and upper[-1] == pytest.approx(stopped.measures["upper"])
    assert np.all(np.diff(nodes) > 0) and np.all(np.diff(upper) <= 0) and np.all(bound <= upper)


def test_progress_may_end_it():
    problem = large(1)
    seen = []
    ended = INFO.solve(
        Oracles(problem),
        *problem.start(),
        {"tol": 1e-6, "max_iter": 100_000},
        on_progress=lambda nodes, measures: seen.append(measures) or len(seen) == 3,
    )
    assert ended.status == "interrupted" and len(seen) == 3
    bounds = [m["bound"] for m in seen]
    assert bounds == sorted(bounds) and all(m["upper"] >= m["bound"] for m in seen)


def test_units_do_not_matter():
    for unit in (1e-4, 1e4):
        text = KNOWN["Clark, Westerberg 1988"][0].replace("minimize x - 4 * y", f"minimize {unit} * (x - 4 * y)")
        found = bl.solve(load(text), "branches")
        assert found.verified and found.upper == pytest.approx(-37 * unit, rel=1e-7)
        assert np.isclose(found["x"], 19)


def test_bounds_have_the_sense_of_the_model():
    found = bl.solve(load(KNOWN["a toll: products by strong duality"][0]))
    assert found.measures["bound"] == pytest.approx(3) and found.trace["bound"][-1] == pytest.approx(3)


@pytest.mark.parametrize(
    ("objective", "bent"),
    [("sumsqr(y)^2 + x * y[1]", True), ("exp(x) + x * y[1] + sumsqr(y)", False), ("sumsqr(A @ y - x)", False)],
)
def test_numbers_refuse_what_is_not_quadratic(objective, bent):
    text = "param A[3, 2] = normal(0, 1, 3, 2, seed=1); upper { var x in [0, 1]; minimize x; } "
    problem = bl.load(bl.Source("bent", text + f"lower {{ var y[2] in [0, 2]; minimize {objective}; }}"))
    assert quadratic._bent(problem) == bent
    assert isinstance(quadratic.program_of(problem), Refusal) == bent
