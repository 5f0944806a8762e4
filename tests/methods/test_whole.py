"""Leaders that choose whole numbers: known answers, random ones against enumeration, refusals, the certificate."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.diagnostics import BilevelError
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS, fitting
from bilevel_dsl.methods.branches import MOST_PAIRS_WHOLE, MOST_WHOLE, count_pairs
from bilevel_dsl.methods.direct.products import Quadratic
from bilevel_dsl.methods.direct.relaxation import Limit, Relaxation
from bilevel_dsl.methods.direct.tree import search
from bilevel_dsl.reductions.held import held, ranges
from bilevel_dsl.reductions.scaling import scaled
from tests.truth.families import instance

INFO = METHODS["branches"]


def load(text: str, **data) -> bl.Problem:
    return bl.load(bl.Source("test", text), data=data or None)


# --- the tree ---------------------------------------------------------------------------------------


def _random(seed: int, rank: int):
    """Pairs, two whole columns; linear, or quadratic with a Hessian of some rank."""
    rng, n = np.random.default_rng(seed), 3
    columns = 2 * n + 2
    a = rng.integers(-3, 6, (4, columns)).astype(float)
    root = rng.normal(size=(columns, rank))
    f = Quadratic(root @ root.T, rng.integers(-5, 4, columns).astype(float), 0.0)
    up = rng.integers(-2, 9, 4) + 0.5
    relaxation = Relaxation(f, np.zeros(columns), np.full(columns, 3.0), a, np.full(4, -np.inf), up)
    return relaxation, [(k, n + k) for k in range(n)], {2 * n: (0.0, 3.0), 2 * n + 1: (0.0, 3.0)}


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("seed", range(30))
def test_the_least_value(seed, rank):
    relaxation, pairs, whole = _random(seed, rank)
    leaves = [
        relaxation.solve(frozenset([*held, *(Limit(j, v, v) for j, v in zip(whole, values))]))
        for held in product(*pairs)
        for values in product(range(4), repeat=2)
    ]
    truth = min((leaf.value for leaf in leaves if leaf.status == "optimal"), default=np.inf)
    found = search(relaxation.solve, pairs, whole=whole)
    assert found.status == ("converged" if np.isfinite(truth) else "infeasible")
    assert found.value == pytest.approx(truth, abs=1e-7) and found.bound == pytest.approx(truth, abs=1e-7)
    if found.w is not None:
        assert all(found.w[j] == pytest.approx(round(found.w[j]), abs=1e-9) for j in whole)


def test_unbounded_only_where_a_whole_number_allows_it():
    # v - 2 n == 0.5 has no whole n for v == 0; the relaxation is unbounded along u
    rows = [[1.0, -2.0, 0.0]]
    nothing = Relaxation([0, 0, -1], [0, 0, 0], [0, 3, np.inf], rows, [0.5 - 1], [0.5 - 1])
    assert nothing.solve(frozenset()).status == "unbounded"
    assert search(nothing.solve, [], whole={1: (0.0, 3.0)}).status == "infeasible"
    some = Relaxation([0, 0, -1], [0, 0, 0], [0, 3, np.inf], rows, [-2], [-2])
    assert search(some.solve, [], whole={1: (0.0, 3.0)}).status == "diverged"


# --- known answers ------------------------------------------------------------------------------------

KNOWN = {
    "Moore, Bard 1990, with a continuous follower": (
        """upper { var x in integer(0, 10); minimize -x - 10 * y; }
           lower { var y in nonneg; minimize y; subject to -25*x + 20*y <= 30; x + 2*y <= 10; 2*x - y <= 15;
                   2*x + 10*y >= 15; }""",
        -18,  # y is the larger of 1.5 - 0.2 x and 2 x - 15: 1 at 8, which x + 2 y <= 10 just leaves
    ),
    "a relaxation at 1.5": (
        """upper { var n in integer(0, 5); minimize (n - 1.5)^2 + (y - 1.7)^2; }
           lower { var y in [0, 9]; minimize (y - n)^2; }""",
        0.25 + 0.09,
    ),
    "whole tolls on a follower with costs that rise: 4.2 in the relaxation": (
        "upper { var t in integer(0, 10); maximize t * y; } lower { var y in [0, 10]; minimize y^2 + (t - 8.4) * y; }",
        4 * 2.2,
    ),
    "negative whole numbers": (
        "upper { var n in integer(-7, -2); maximize n + y; } lower { var y in [0, 9]; minimize (2 * y - n)^2; }",
        -2,
    ),
    "whole and continuous: the build, and how much": (
        """upper { var open[2] in binary; var x[2] in [0, 8]; minimize 3 * sum(open) + sum(x) - 2 * sum(y);
                   subject to x[1] <= 8 * open[1]; x[2] <= 8 * open[2]; }
           lower { var y[2] in nonneg; maximize y[1] + 0.5 * y[2]; subject to y[1] <= x[1]; y[2] <= x[2]; sum(y) <= 6; }""",
        -3,  # one of them, 6 through it
    ),
    "a box that is no whole number": (
        "upper { var n in integer(0, 9) in [-1, 4.5]; maximize n - y; } lower { var y in nonneg; minimize y; }",
        4,
    ),
    "a bound by a constraint": (
        "upper { var n in integer(0, 9); maximize n - y; subject to n <= 3.7; } lower { var y in nonneg; minimize y; }",
        3,
    ),
    "the multiplier of a price": (
        """upper { var n in integer(0, 5); maximize dual(balance) - n; }
           lower { var y[2] in nonneg; minimize y[1] + 3 * y[2]; subject to balance: sum(y) == n; y[1] <= 1.5; }""",
        1,
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_answers(name):
    text, value = KNOWN[name]
    problem = load(text)
    found = bl.solve(problem)
    assert found.method == "branches" and found.status == "converged"
    assert found.upper == pytest.approx(value, rel=1e-7, abs=1e-7)
    assert found.certificate.scope == "global (proved)", found
    for v in problem.upper_variables:
        if v.whole:
            assert np.all(np.asarray(found[v.name]) == np.round(found[v.name]))  # exactly


@pytest.mark.parametrize("family", ["integer", "integer_quadratic"])
def test_random_levels_against_enumeration(family):
    """The truth of each instance is found apart, by all whole choices and bases or active sets."""
    for seed in range(12):
        case = instance(family, seed)
        problem = load(case.text)
        outcome = INFO.solve(Oracles(problem), *problem.start(), {s.name: s.default for s in INFO.settings})
        assert outcome.status == "converged"
        columns = {"upper": outcome.x, "lower": outcome.y}
        values = {v.name: np.reshape(columns[v.level][v.slice], v.shape, order="F") for v in problem.variables}
        judged = case.judge(values)
        assert judged.kind == "global", judged
        assert outcome.bound == pytest.approx(judged.value, abs=1e-6 * case.scale)


def test_no_whole_number_is_infeasible_with_proof():
    text = "upper { var n in integer(0, 5); minimize n; subject to 2 * n == 3 + y; } lower { var y in nonneg; minimize y; }"
    found = bl.solve(load(text))
    assert found.status == "infeasible" and "1 whole variable" in found.certificate.notes[0]


def test_bounds_from_data():
    text = """param most[3]; upper { var n[3] in integer(0, most); maximize sum(n) - y; }
              lower { var y in nonneg; minimize y; }"""
    assert list(bl.solve(load(text, most=[1, 4, 2]))["n"]) == [1, 4, 2]
    with pytest.raises(BilevelError, match="the upper bound of entry 2 of `n` is 4.5"):
        load(text, most=[1, 4.5, 2])
    assert list(bl.solve(load(text, most=[0.1 * 30, 0.7 / 0.1, 2]))["n"]) == [3, 7, 2]  # but for rounding


# --- who takes them -----------------------------------------------------------------------------------

PLAIN = "upper {{ var n[{}] in integer(0, 9); minimize sum(n) + y; }} lower {{ var y in [0, 1]; minimize (y - n[1])^2; }}"


def test_two_methods_take_them():
    problem = load(PLAIN.format(2))
    assert fitting(problem) == ["branches"]
    assert METHODS["enumeration"].refusals(problem)[0].rule == "there are 100 choices of whole numbers (limit 64)"
    assert fitting(load(PLAIN.format(1))) == ["branches", "enumeration"]
    for name in METHODS:
        if name not in ("branches", "enumeration"):
            first = METHODS[name].refusals(problem)[0]
            assert "the upper variable `n` takes whole numbers only" in first.rule and first.span.line == 1


def test_limits():
    assert not INFO.refusals(load(PLAIN.format(MOST_WHOLE)))
    (refusal,) = INFO.refusals(load(PLAIN.format(MOST_WHOLE + 1)))
    assert refusal.rule == f"the upper level has {MOST_WHOLE + 1} variables that take whole numbers (limit {MOST_WHOLE})"


def shops(many: int, customers: int) -> bl.Problem:
    """Customers go to the open shop that they like best."""
    rng = np.random.default_rng(0)
    data = {
        "rent": rng.integers(5, 15, many),
        "cost": rng.integers(1, 12, (customers, many)),
        "rank": np.argsort(rng.random((customers, many)), axis=1),
    }
    text = """param rent[:]; param cost[:, :]; param rank[:, :]; set S = 1..rows(rent); set C = 1..rows(cost);
      upper { var z[S] in binary; minimize dot(rent, z) + sum(cost[c, s] * y[c, s] for c in C, s in S);
        subject to sum(z) >= 1; }
      lower { var y[C, S] in nonneg; minimize sum(rank[c, s] * y[c, s] for c in C, s in S);
        subject to one[c in C]: sum(y[c, s] for s in S) == 1; there[c in C, s in S]: y[c, s] <= z[s]; }"""
    return load(text, **data)


def test_many_pairs_where_all_is_whole():
    """The followers' pairs are settled where the whole numbers are held: 96 of them, against every choice."""
    problem = shops(6, 8)
    found = bl.solve(problem, verify="no")
    assert count_pairs(problem) == 96 and found.measures["gap"] == pytest.approx(0, abs=1e-6)
    rent, cost, rank = (np.asarray(p.value) for p in problem.parameters)
    worth = []
    for z in product((0, 1), repeat=6):
        if any(z):
            chosen = np.where(z, rank, np.inf).argmin(axis=1)
            worth.append(rent @ z + cost[np.arange(8), chosen].sum())
    assert found.upper == pytest.approx(min(worth))
    (refusal,) = INFO.refusals(shops(9, 10))
    assert refusal.rule == f"the lower level has 180 bounds and rows that may be active (limit {MOST_PAIRS_WHOLE})"


def test_whole_numbers_are_not_scaled():
    text = """upper { var n in integer(0, 100000) start 40000; var x in [0, 1e7] start 3e6;
                      minimize (n - 40000.4)^2 + (x - y)^2; }
              lower { var y in [0, 1e7]; minimize (y - 100 * n)^2; }"""
    problem = load(text)
    scaling = scaled(problem).scaling
    assert scaling.x[0] == 1 and scaling.x[1] > 1
    found = bl.solve(problem)
    assert found.verified and found["n"] == 40000 and found["y"] == pytest.approx(4e6)


# --- enumeration --------------------------------------------------------------------------------------

FEW = {
    "products of whole numbers with the follower's variables: all that is open": (
        """upper { var z[2] in binary; minimize sum(z) + (y[1] - 2)^2 + y[2]; }
           lower { var y[2] in [0, 9]; maximize 2 * y[1] + y[2];
                   subject to z[1] * y[1] <= 2; (1 + z[2]) * y[2] + y[1] <= 5; }""",
        3.5,  # both: y = (2, 1.5)
        "global (proved)",
    ),
    "a leader that is not quadratic": (
        """upper { var n in integer(0, 3); var x in [0, 4]; minimize n * (x - 1)^2 + (y - 2)^2 + n * x;
                   subject to n >= 1; }
           lower { var y in [0, 9]; minimize (y - n * x)^2; }""",
        11 / 6,  # n = 2, x = 5 / 6
        "global (proved)",
    ),
    "a follower that is not quadratic": (
        """upper { var n in integer(0, 5); minimize (n - 2.2)^2 + (y - 1)^2; }
           lower { var y in [0, 9]; minimize exp(y - n) - y; }""",
        1.04,  # y = n
        "global (searched)",
    ),
    "a follower that is not convex": (
        """upper { var n in integer(-1, 2); minimize (y - 1)^2 + 0.1 * n; }
           lower { var y in [-2, 2]; minimize cos(3 * y) + 0.3 * n * y; }""",
        None,
        "global (searched)",
    ),
    "prices": (
        """upper { var n in integer(0, 5); maximize dual(balance)^2 - n; }
           lower { var y[2] in nonneg; minimize y[1] + 3 * y[2]; subject to balance: sum(y) == n; y[1] <= 1.5; }""",
        7,
        "global (searched)",
    ),
}


@pytest.mark.parametrize("name", FEW)
def test_enumeration(name):
    text, value, scope = FEW[name]
    problem = load(text)
    assert fitting(problem) == ["enumeration"]
    found = bl.solve(problem)
    assert found.method == "enumeration" and found.verified, found
    assert found.certificate.scope == scope
    low, high = ranges(problem)
    if value is None:  # the follower on a grid
        y = np.linspace(-2, 2, 400_001)
        answers = [y[np.argmin(np.cos(3 * y) + 0.3 * n * y)] for n in range(-1, 3)]
        value = min((a - 1) ** 2 + 0.1 * n for a, n in zip(answers, range(-1, 3)))
    assert found.upper == pytest.approx(value, rel=1e-5, abs=1e-5)
    for v in (v for v in problem.upper_variables if v.whole):
        assert np.all(np.asarray(found[v.name]) == np.round(found[v.name]))


@pytest.mark.parametrize("family", ["integer", "integer_quadratic"])
def test_enumeration_and_branches_agree(family):
    """On levels that both take, and on the truth."""
    tried = 0
    for seed in range(12):
        case = instance(family, seed)
        problem = load(case.text)
        if METHODS["enumeration"].refusals(problem) or np.prod(np.subtract(*ranges(problem)[::-1]) + 1) > 5:
            continue
        tried += 1
        outcome = METHODS["enumeration"].solve(Oracles(problem), *problem.start(), {"tol": 1e-6, "max_iter": 10_000})
        best = case.judge(case.best).best
        assert outcome.measures["upper"] == pytest.approx(best, abs=1e-6 * case.scale)
        assert outcome.bound == pytest.approx(best, abs=1e-6 * case.scale)
    assert tried


def test_rows_of_whole_numbers_rule_choices_out():
    problem = load(
        """upper { var z[2] in binary; var x in [0, 1]; minimize x + y; subject to sum(z) == 1; z[1] + x <= 1.5; }
           lower { var y in nonneg; minimize y^4; subject to y >= z[2]; }"""
    )
    assert held(problem, np.array([1.0, 1.0])) is None and held(problem, np.array([0.0, 0.0])) is None
    rest = held(problem, np.array([1.0, 0.0]))
    assert [c.expression.numel() for c in rest.upper_constraints] == [1] and rest.x.numel() == 1
    assert not rest.whole.any()


def test_no_choice_at_all():
    text = """upper {{ var n[2] in integer(0, 3); minimize sum(n) * y; subject to {}; }}
              lower {{ var y in nonneg; minimize sum(n) * y; }}"""
    for row, words in (("2 * sum(n) == 3", "enumeration of 16 choices"), ("2 * n[1] == 3", "the bounds, between which")):
        found = bl.solve(load(text.format(row)), "enumeration")
        assert found.status == "infeasible" and words in found.certificate.notes[0]


def test_a_choice_without_a_bound():
    text = """upper { var z in binary; var x; minimize (1 - z) * x - y; }
              lower { var y in nonneg; minimize y; subject to y >= z; }"""
    for name in ("enumeration", None):
        assert bl.solve(load(text), name, time_limit=20, effort="quick").status == "diverged"


# --- the certificate ------------------------------------------------------------------------------------

SHOPS = """upper { var z[3] in binary; minimize dot([4, 3, 2], z) + dot([1, 5, 9], y); subject to sum(z) == 1; }
           lower { var y[3] in nonneg; minimize dot([3, 2, 1], y); subject to sum(y) == 1; y <= z; }"""


def test_a_fraction_fails_with_what_is_next_to_it():
    problem = load(SHOPS)
    point = bl.verify(problem, {"z": [0.75, 0.25, 0], "y": [0.75, 0.25, 0]})
    claim = point.certificate.claim("feasible")
    assert claim.verdict.value == "failed" and claim.witness["variables"]["z"] == [1, 0, 0]
    assert claim.words == "`z[1]` is 0.75, and takes whole numbers only"
    assert bl.verify(problem, {"z": [1 - 1e-9, 0, 0], "y": [1, 0, 0]}).verified


def test_an_exchange_refutes_what_no_single_step_does():
    problem = load(SHOPS)
    assert bl.verify(problem, {"z": [1, 0, 0], "y": [1, 0, 0]}).certificate.scope == "global (searched)"  # all 8 were tried
    point = bl.verify(problem, {"z": [0, 0, 1], "y": [0, 0, 1]})
    claim = point.certificate.claim("leader_stationary")
    assert claim.verdict.value == "failed" and claim.witness["gain"] == pytest.approx(6, abs=1e-5)


def test_the_continuous_rest_is_judged_too():
    text = """upper { var n in integer(0, 3); var x in [0, 4]; minimize (n - 2)^2 + (x - 1)^2 + (y - x)^2; }
              lower { var y in [0, 9]; minimize (y - x - 0.1 * n)^2; }"""
    problem = load(text)
    assert bl.verify(problem, {"n": 2, "x": 1, "y": 1.2}).verified
    claim = bl.verify(problem, {"n": 2, "x": 1.5, "y": 1.7}).certificate.claim("leader_stationary")
    assert claim.verdict.value == "failed" and "moving x by" in claim.words
    claim = bl.verify(problem, {"n": 1, "x": 1, "y": 1.1}).certificate.claim("leader_stationary")
    assert claim.verdict.value == "failed" and claim.words.startswith("moving n by 1")


def test_what_is_proved_needs_the_search():
    problem = load(SHOPS)
    found = bl.solve(problem)
    assert found.certificate.proved and found.certificate.scope == "global (proved)"
    again = bl.verify(problem, found.variables)
    assert again.verified and again.certificate.scope == "global (searched)"


def test_a_result_is_read_back_exactly(tmp_path):
    from bilevel_dsl.cli import main

    (tmp_path / "m.bilevel").write_text(SHOPS)
    assert main(["solve", str(tmp_path / "m.bilevel"), "--json", str(tmp_path / "r.json")]) == 0
    values = json.loads((tmp_path / "r.json").read_text())["variables"]
    assert values["z"] == [1, 0, 0]
    assert main(["verify", str(tmp_path / "m.bilevel"), str(tmp_path / "r.json")]) == 0


def test_follow_and_evaluate():
    problem = load(SHOPS)
    assert bl.evaluate(problem, {"z": [0, 1, 0]}) == pytest.approx(8)
    assert np.isnan(bl.evaluate(problem, {"z": [0, 0.5, 0.5]}))
    assert not bl.follow(problem, {"z": [0, 0.5, 0.5]}).feasible


def test_a_time_limit_leaves_whole_numbers_or_none():
    found = bl.solve(load(KNOWN["whole and continuous: the build, and how much"][0]), "branches", max_iter=1)
    assert not found.variables or np.all(found["open"] == np.round(found["open"]))


@pytest.mark.parametrize(("f", "y"), [(1e-6, 1e4), (1e6, 1e-3)])
def test_no_verdict_depends_on_units(f, y):
    text = f"""param f = {f}; param u = {y};
      upper {{ var z[3] in binary; minimize f * (dot([4, 3, 2], z) + dot([1, 5, 9], y) / u); subject to sum(z) == 1; }}
      lower {{ var y[3] in nonneg; minimize dot([3, 2, 1], y); subject to sum(y) == u; y <= u * z; }}"""
    problem = load(text)
    found = bl.solve(problem)
    assert found.upper == pytest.approx(5 * f) and found.certificate.scope == "global (proved)"
    assert bl.verify(problem, {"z": [1, 0, 0], "y": [y, 0, 0]}).verified
    assert not bl.verify(problem, {"z": [0, 1, 0], "y": [0, y, 0]}).verified
    assert not bl.verify(problem, {"z": [1 - 1e-3, 1e-3, 0], "y": [y * (1 - 1e-3), y * 1e-3, 0]}).verified
