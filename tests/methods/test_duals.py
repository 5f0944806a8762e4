"""`dual(...)`: its sign against differences of the follower's optimal value, its use by the leader, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.certificate import Examination
from bilevel_dsl.certify.claims import Verdict
from bilevel_dsl.certify.duals import multipliers
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.runtime.execute import execute

MARKET = """
param choke = 100; param cost = 10;
upper { var q in [0, 100]; let price = dual(balance); maximize (price - cost) * q; %s }
lower { var g in [0, inf]; var d in [0, choke]; minimize g^2 / 2 - (choke * d - d^2 / 2); s.t. balance: g + q == d; }
report { price = dual(balance); }
"""


def load(text: str, **options):
    return bl.load(bl.Source("dual.bilevel", text), **options)


# r moves the right-hand side; entries of the dual that it moves, by (label, index)
SIGNS = {
    "a <= b": ("minimize (y[1] - 3)^2 + y[2]^2;", "c: y[1] <= 1 + r;", "c", ()),
    "a >= b": ("minimize (y[1] + 3)^2 + y[2]^2;", "c: y[1] >= 1 + r;", "c", ()),
    "a == b": ("minimize y[1]^2 + y[2]^2;", "c: y[1] + y[2] == 2 + r;", "c", ()),
    "written the other way": ("minimize y[1]^2 + y[2]^2;", "c: 2 == y[1] + y[2] + r;", "c", ()),
    "maximize": ("maximize -(y[1] - 3)^2 - y[2]^2;", "c: y[1] <= 1 + r;", "c", ()),
    "lower half": ("minimize (y[1] + 3)^2 + y[2]^2;", "c: 1 + r <= y[1] <= 5;", "c", ()),
    "upper half": ("minimize (y[1] - 9)^2 + y[2]^2;", "c: 1 <= y[1] <= 5 + r;", "c", ()),
    "upper half, descending": ("minimize (y[1] - 9)^2 + y[2]^2;", "c: 5 + r >= y[1] >= 1;", "c", ()),
    "a vector": ("minimize sumsqr(y - [3, 4]);", "c: y <= [1, 2 + r];", "c", (1,)),
    "indexed": ("minimize sumsqr(y - [3, 4]);", "c[i in 1..2]: y[i] <= i + (if i == 2 then r else 0);", "c", (1,)),
    "two indices": (
        "minimize sumsqr(y - [3, 4]);",
        "c[i in 1..2, j in 1..3]: j * y[i] <= 6 + i + (if i == 2 and j == 3 then r else 0);",
        "c",
        (1, 2),
    ),
    "infinite rows": ("minimize sumsqr(y - [3, 4]);", "c: y <= [inf, 2 + r];", "c", (1,)),
    "after another constraint": ("minimize sumsqr(y - [3, 4]);", "0 <= y; e: y[2] == 1; c: y[1] <= 2 + r;", "c", ()),
}


@pytest.mark.parametrize("case", SIGNS)
def test_signs_against_differences_of_the_optimal_value(case):
    objective, rows, label, index = SIGNS[case]
    text = f"param r = 0; upper {{ var x; minimize x^2; }} lower {{ var y[2]; {objective} subject to {rows} }}"

    def answer(r: float):
        problem = load(text, data={"r": r})
        x, y = np.zeros(1), np.array([0.5, 0.5])
        found = Examination(Oracles(problem), x, y).follower.answer(x, y)
        assert found.solved
        return problem, found, problem.g.as_written(found.g)

    problem, found, _ = answer(0.0)
    h = 1e-4
    expected = (answer(h)[2] - answer(-h)[2]) / (2 * h)
    value = multipliers(problem, np.zeros(1), found.y)[label]
    assert value[index] == pytest.approx(expected, abs=1e-4) and abs(expected) > 0.1


@pytest.mark.parametrize("side, bound, wish", [("lower", "[1 + r, 9]", -3), ("upper", "[-9, 1 + r]", 5)])
def test_bounds_of_variables(side, bound, wish):
    text = (
        f"param r = 0; upper {{ var x in [-5, 5]; minimize (dual(y.{side})[2] - 2 * x)^2 + 0 * x; }} "
        f"lower {{ var y[2] in {bound}; minimize sumsqr(y - {wish} * ones(2)) + x^2 * 0; }} "
        f"report {{ m = dual(y.{side}); }}"
    )
    solution = bl.solve(load(text))
    slope = -8.0 if side == "upper" else 8.0  # of (1 - wish)^2 in the bound
    assert solution.verified and solution.report["m"] == pytest.approx([slope, slope], abs=1e-6)
    assert solution["x"] == pytest.approx(slope / 2, abs=1e-6)


def test_a_leader_who_makes_the_price():
    solution = bl.solve(load(MARKET % ""))
    assert solution.method == "branches" and solution.certificate.scope == "global (proved)"
    assert [solution.upper, solution["q"], solution["g"], solution.report["price"]] == pytest.approx(
        [800, 40, 30, 30], abs=1e-5
    )
    assert solution.duals["balance"] == pytest.approx(30, abs=1e-6)


def test_a_multiplier_in_a_constraint_of_the_leader():
    solution = bl.solve(load(MARKET % "subject to cap: dual(balance) <= 25;"))
    assert solution.verified
    assert [solution["q"], solution.report["price"]] == pytest.approx([50, 25], abs=1e-5)


def test_stationarity_sees_the_multiplier():
    problem = load(MARKET % "")
    for q, stationary in ((40.0, True), (30.0, False), (60.0, False)):
        price = (100 - q) / 2
        point = bl.verify(problem, {"q": q, "g": price, "d": 100 - price})
        assert point.upper == pytest.approx((price - 10) * q)
        assert point.certificate.claim("follower_optimal").passed and point.verified is stationary


def test_compiled_and_interpreted_agree_to_the_bit():
    from bilevel_dsl.methods import METHODS

    program = METHODS["kkt"].program(Oracles(load(MARKET % "")))
    runs = [execute(program, np.zeros(1), np.zeros(2), executor=e) for e in ("interpreted", "compiled")]
    for name, value in runs[0].state.items():
        assert value.tobytes() == runs[1].state[name].tobytes(), name


def test_labelled_constraints_of_any_solve_have_duals():
    solution = bl.solve(
        load("upper { var x; minimize (x - 1)^2 + y; } lower { var y; minimize (y - x)^2; subject to cap: y <= 0.25; }")
    )
    assert solution.verified and set(solution.duals) == {"cap"}
    assert solution.duals["cap"] == pytest.approx(-2 * (solution["x"] - solution["y"]), abs=1e-5)


@pytest.mark.parametrize("method", ["penalty", "mgbio", "dbgd"])
def test_methods_without_multipliers_refuse(method):
    with pytest.raises(bl.BilevelError) as caught:
        bl.solve(load(MARKET % ""), method)
    text = str(caught.value)
    assert "dual(balance)" in text and "methods that can: kkt" in text


@pytest.mark.parametrize(
    "text, code",
    [
        ("upper { var x; minimize x + dual(cup); } lower { var y; minimize (y - x)^2; s.t. cap: y <= 1; }", "BL0391"),
        ("upper { var x; minimize x + dual(y); } lower { var y; minimize (y - x)^2; s.t. cap: y <= 1; }", "BL0391"),
        ("upper { var x; minimize x + dual(cap); s.t. cap: x <= 1; } lower { var y; minimize (y - x)^2; }", "BL0391"),
        ("upper { var x; minimize x + dual(y.lower); } lower { var y; minimize (y - x)^2; }", "BL0391"),
        ("upper { var x; minimize x + dual(x.lower); } lower { var y; minimize (y - x)^2; }", "BL0391"),
        ("upper { var x; minimize x + y.lower; } lower { var y in [0, 1]; minimize (y - x)^2; }", "BL0391"),
        (
            "upper { var x; minimize x + dual(cap, 1); } lower { var y; minimize (y - x)^2; s.t. cap: y <= 1; }",
            "BL0391",
        ),
        (
            "upper { var x; minimize x + dual(cap[1]); } lower { var y[2]; minimize sumsqr(y - x); s.t. cap: y <= 1; }",
            "BL0391",
        ),
        ("upper { var x; minimize x; } lower { var y; minimize (y - x)^2 * dual(cap); s.t. cap: y <= 1; }", "BL0393"),
        (
            "upper { var x; minimize x; } lower { var y; minimize (y - x)^2; s.t. cap: y <= 1; other: y >= dual(cap); }",
            "BL0393",
        ),
        (
            "let p = dual(cap); upper { var x; minimize x * p; } lower { var y; minimize (y - x)^2; s.t. cap: y <= p; }",
            "BL0203",
        ),
        (
            "param p = dual(cap); upper { var x; minimize x * p; } lower { var y; minimize (y - x)^2; s.t. cap: y <= 1; }",
            "BL0312",
        ),
    ],
)
def test_wrong_uses(text, code):
    with pytest.raises(bl.BilevelError) as caught:
        load(text)
    assert code in [d.code for d in caught.value.diagnostics]


def test_of_multipliers_that_are_not_unique_the_leader_picks():
    """At x = 8 the follower's rows meet in its corner: any multiplier from 0 to 2 would do, and the leader's is 2."""
    text = (
        "upper { var x in [0, 10]; maximize dual(c) * x - 0.1 * x^2; } "
        "lower { var y[2] in nonneg; minimize 2 * y[1] + 3 * y[2]; subject to c: y[1] + y[2] >= 8 - x; }"
    )
    point = bl.verify(load(text), {"x": 8.0, "y": [0.0, 0.0]})
    assert point.duals["c"] == pytest.approx(2.0, abs=1e-6) and point.upper == pytest.approx(2 * 8 - 6.4, abs=1e-5)
    assert point.certificate.claim("multipliers").passed


def test_a_kink_with_multipliers_is_seen_through():
    """At q = 100 the price is 0 and the fringe's bound is active without a multiplier; the leader gains by selling less."""
    point = bl.verify(load(MARKET % ""), {"q": 100.0, "g": 0.0, "d": 100.0})
    assert point.certificate.claim("leader_stationary").verdict is Verdict.FAILED and not point.verified
