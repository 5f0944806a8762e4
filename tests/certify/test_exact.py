"""Proofs in rational numbers: against enumeration in rational numbers, checked again from the JSON, forged ones refused."""

from __future__ import annotations

import copy
import json
from fractions import Fraction

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.effort import EFFORTS, Budget
from bilevel_dsl.certify.exact import Unproved, check, prove
from bilevel_dsl.certify.rational import Program, rational, semidefinite, solved
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from tests.truth.families import instance
from tests.truth.worst_answers import draw, least_best

CANDLER = """upper { var x[2] in nonneg; minimize -8*x[1] - 4*x[2] + 4*y[1] - 40*y[2] - 4*y[3]; }
lower { var y[3] in nonneg; minimize x[1] + 2*x[2] + y[1] + y[2] + 2*y[3];
        subject to -y[1] + y[2] + y[3] <= 1; 2*x[1] - y[1] + 2*y[2] - 0.5*y[3] <= 1;
        2*x[2] + 2*y[1] - y[2] - 0.5*y[3] <= 1; }"""
THOROUGH = Budget(EFFORTS["thorough"])


def load(text: str) -> bl.Problem:
    return bl.load(bl.Source("test", text))


def proved(problem: bl.Problem) -> dict:
    """The proof of the answer of `branches`, as it stands in a file."""
    branches = METHODS["branches"]
    found = branches.solve(Oracles(problem), *problem.start(), {s.name: s.default for s in branches.settings})
    return json.loads(json.dumps(prove(problem, found.x, THOROUGH).document(problem)))


@pytest.mark.parametrize("family", "linear bilinear degenerate coupled leader_equations mixed_equations".split())
@pytest.mark.parametrize("seed", range(4))
def test_random_linear_problems(family, seed):
    case = instance(family, seed)
    problem = load(case.text)
    value = check(problem, proved(problem))
    assert float(value) == pytest.approx(case.judge(case.best).value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_the_value_is_that_of_an_enumeration_in_rational_numbers(seed):
    model = draw(np.random.default_rng(seed))
    if len(model.C):
        return  # then the leader's choice may be no vertex
    least, problem = least_best(model), load(model.text())
    if least is not None:
        assert check(problem, proved(problem)) == least


def test_a_result_says_so_and_carries_the_proof():
    problem = load(
        "upper { var x in [0, 1.1]; maximize y - 0.1 * x; } lower { var y in [0, 0.7]; minimize y; subject to y >= x; }"
    )
    found = bl.solve(problem, verify="thorough")
    assert found.certificate.exact and "proved (exact), a global solution" in str(found)
    written = json.loads(json.dumps(found.to_json()))
    assert written["certificate"]["exact"]["upper"] == "63/100" and bl.check_proof(problem, written) == Fraction(63, 100)
    assert "exact" not in bl.solve(problem).certificate.details
    point = bl.verify(problem, {"x": 0.7, "y": 0.7}, effort="thorough")
    assert point.certificate.exact and point.certificate.scope == "global (proved)"


def forged(change) -> dict:
    proof = proved(load(CANDLER))
    change(proof)
    return proof


def _leaf(node: dict) -> dict:
    while "children" in node:
        node = node["children"][0]
    return node


def _worse_point(proof: dict) -> None:
    """x = 0 with the follower's answer, a point that is none of the best."""
    other = load(CANDLER.replace("minimize -8*x[1] - 4*x[2] + 4*y[1] - 40*y[2] - 4*y[3]", "minimize 8*x[1] + 4*x[2]"))
    w = proved(other)["w"]
    proof.update(w=w, variables={"x": w[:2], "y": w[2:5]})
    c = np.array([-8, -4, 4, -40, -4])
    proof["upper"] = str(sum((int(a) * Fraction(v) for a, v in zip(c, w)), Fraction(0)))


FORGERIES = {
    "a better value": (lambda p: p.update(upper="-30"), "the point is worth -146/5"),
    "another point": (lambda p: p["w"].__setitem__(0, "1/7"), "the point is none"),
    "a point by name": (lambda p: p["variables"].update(x=["0", "1"]), "`x` is not that of the point"),
    "a leaf without numbers": (lambda p: _leaf(p["tree"]).update(rows={}), "a leaf is not closed"),
    "other numbers": (lambda p: _leaf(p["tree"])["rows"].update({"3": "-12"}), "a leaf is not closed"),
    "a branch cut off": (lambda p: p["tree"]["children"].pop(), "leaves something out"),
    "both branches the same": (
        lambda p: p["tree"].update(children=[p["tree"]["children"][0]] * 2),
        "a leaf is not closed",
    ),
    "a tree of one leaf": (lambda p: p.update(tree=_leaf(p["tree"])), "a leaf is not closed"),
    "no tree": (lambda p: p.update(tree=[]), "not of the form"),
    "no numbers": (lambda p: p.update(w="x"), "not of the form"),
    "a point that is none of the best": (_worse_point, "a leaf is not closed"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_proof_is_refused(name):
    change, words = FORGERIES[name]
    if name == "a point that is none of the best":  # its tree proves what is true, which is more than is claimed
        assert check(load(CANDLER), proved(load(CANDLER))) == Fraction(-146, 5)
        proof = forged(change)
        assert Fraction(proof["upper"]) > Fraction(-146, 5)
    proof = forged(change)
    with pytest.raises(Unproved, match=words):
        check(load(CANDLER), proof)
    with pytest.raises(bl.BilevelError, match="BL0531"):
        bl.check_proof(load(CANDLER), {"certificate": {"exact": copy.deepcopy(proof)}})


def test_a_proof_is_of_its_problem():
    proof = proved(load(CANDLER))
    with pytest.raises(Unproved):
        check(load(CANDLER.replace("- 0.5*y[3] <= 1;", "- 0.5*y[3] <= 1.0000000001;")), proof)


def test_curved_leaders_and_adverse_followers_have_none():
    problem = load("upper { var x in [0, 4]; minimize (x - 2)^2; } lower { var y; minimize (y - x)^2; }")
    with pytest.raises(Unproved, match="not linear"):
        prove(problem, np.array([2.0]), THOROUGH)
    assert "rational" not in str(bl.verify(problem, {"x": 2, "y": 2}, effort="thorough"))


def test_numbers_are_taken_as_they_are_written():
    assert rational(0.1) == Fraction(1, 10) and rational(-29.2) == Fraction(-146, 5) and rational(1e-7) == Fraction(1, 10**7)


def test_sparse_systems():
    one = Fraction(1)
    equations = [({0: one, 1: one}, Fraction(3)), ({1: 2 * one}, Fraction(2)), ({0: one, 1: 3 * one}, Fraction(5))]
    assert solved(equations, {}) == {0: 2, 1: 1}
    assert solved([*equations, ({0: one}, Fraction(7))], {}) is None
    assert solved([({0: one, 1: one}, Fraction(3))], {0: Fraction(9), 1: Fraction(1)}) in ({0: 2, 1: 1}, {0: 9, 1: -6})


def test_bounds_of_linear_programs():
    """min x + y, x + y >= 1, 0 <= x, y <= 5: the bound of any number of the row, and none where a limit is missing."""
    two = np.array([1.0, 1.0])
    program = Program.of(two, 0.0, np.zeros(2), np.full(2, 5.0), two[None, :], np.array([1.0]), np.array([np.inf]))
    half = Fraction(1, 2)
    assert [program.bound({0: m}, frozenset()) for m in (Fraction(0), half, Fraction(1), Fraction(2))] == [0, half, 1, -8]
    assert program.bound({0: -half}, frozenset()) is None
    assert program.bound({0: Fraction(1)}, frozenset({0, 1}), cost=False) == 1  # with both at zero there is no point


def test_semidefinite():
    def matrix(*rows):
        return [[Fraction(v) for v in row] for row in rows]

    assert (
        semidefinite(matrix((2, 1), (1, 2)))
        and semidefinite(matrix((1, 1), (1, 1)))
        and semidefinite(matrix((0, 0), (0, 3)))
    )
    assert not semidefinite(matrix((1, 2), (2, 1))) and not semidefinite(matrix((0, 1), (1, 0)))
