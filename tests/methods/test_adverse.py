"""Against an adverse follower, at a point and in the solve: teaching examples; ties of random integers, enumerated apart."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.claims import Verdict
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from tests.truth.worst_answers import draw, least_worst, worst_at

ADVERSE = METHODS["adverse"]
# Bard 1991: -1 for a friendly follower at x = 0 and at x = 1; an adverse one costs 10 at x = 0
BARD = """upper { var x in nonneg; minimize -x + 10 * y[1] - y[2]; }
          lower { var y[2] in nonneg; minimize -sum(y); subject to x + y[1] <= 1; x + y[2] <= 1; sum(y) <= 1; }"""
TIES = "upper { var x in [-1, 1]; minimize x^2 - y; } lower { var y in [-1, 1]; minimize x * y; }"
WAYS = ("optimistic", "pessimistic", "report")
TOLL = "upper { var t in nonneg; maximize t * y[1]; } lower { var y[2] in simplex; minimize (1 + t) * y[1] + 4 * y[2]; }"
# y[1] + y[2] = x, and both within 1: the worst is y[1] = 1 for every x
PLANE = "upper { var x in [0, 1]; minimize -x + y[1]; } lower { var y[2] in [-1, 1]; minimize (y[1] + y[2] - x)^2; }"
# all y on y[1] + y[2] = 1 are answers; y = (1, 0) asks for x >= 2/3
ROW = """upper { var x in [0, 1]; minimize x; subject to y[1] - y[2] <= 1.5 * x; }
         lower { var y[2] in [0, 1]; minimize -y[1] - y[2]; subject to y[1] + y[2] <= 1; }"""
# the worst of y[1] in [x - 1, 1] is y[1]^2 = 1, a maximum of what is convex
CURVED = "upper { var x in [0, 1]; minimize -x + y[1]^2; } lower { var y[2] in [-1, 1]; minimize (y[1] + y[2] - x)^2; }"


def load(text: str) -> bl.Problem:
    return bl.load(bl.Source("test", text))


@pytest.mark.parametrize("text, friendly, adverse, x", [(BARD, -1, -1, 1), (PLANE, -1, 0, 1), (ROW, 0, 2 / 3, 2 / 3)])
def test_the_least_worst_value_is_proved(text, friendly, adverse, x):
    assert bl.solve(load(text)).upper == pytest.approx(friendly, abs=1e-6)
    found = bl.solve(load(text), ties="pessimistic")
    assert found.upper == pytest.approx(adverse, abs=1e-6) and found["x"] == pytest.approx(x, abs=1e-6)
    assert found.verified and found.certificate.scope == "global (proved)" and found.method == "adverse"


@pytest.mark.parametrize("text, infimum", [(TIES, -1), (TOLL, 3)])
def test_an_infimum_that_is_not_attained(text, infimum):
    found = bl.solve(load(text), ties="pessimistic")
    assert not found.verified and found.exit_status == 7
    assert found.upper == pytest.approx(infimum, abs=5e-3) and found.upper != infimum
    assert found.certificate.details["infimum"] == pytest.approx(infimum, abs=1e-7)
    assert "is not attained" in found.certificate.claim("leader_stationary").words
    assert "that no decision attains" in str(found)
    assert found.certificate.claim("follower_answer").passed


def test_the_range_at_a_point_is_the_range():
    for text, x, low, high in ((BARD, 0, -1, 10), (TIES, 0, -1, 1), (PLANE, 0.5, -1, 0.5), (ROW, 0.8, 0.8, 0.8)):
        found = bl.follow(load(text), {"x": x})
        assert found.upper_range == pytest.approx((low, high), abs=1e-9)
        for value, answer in zip((low, high), found.extremes):
            there = bl.verify(load(text), {"x": x, **answer})
            assert there.upper == pytest.approx(value, abs=1e-9) and there.certificate.claim("follower_optimal").passed
    assert [a["y"].tolist() for a in bl.follow(load(BARD), {"x": 0}).extremes] == [[0, 1], [1, 0]]


def test_a_point_is_judged_against_the_worst_answer():
    friendly, adverse = {"x": 0, "y": [0, 1]}, {"x": 0, "y": [1, 0]}
    judged = {(k, ties): bl.verify(load(BARD), p, ties=ties) for k, p in enumerate((friendly, adverse)) for ties in WAYS}
    claims = {key: found.certificate.claim("follower_answer") for key, found in judged.items()}
    assert [claims[0, t].verdict for t in WAYS] == [Verdict.PROVED, Verdict.FAILED, Verdict.PROVED]
    assert [claims[1, t].verdict for t in WAYS] == [Verdict.FAILED, Verdict.PROVED, Verdict.FAILED]
    assert claims[0, "pessimistic"].witness == {"variables": {"y": [1, 0]}, "loss": pytest.approx(11)}
    assert not judged[1, "pessimistic"].verified  # x = 1 is better
    assert "an adverse follower would answer otherwise" in str(judged[0, "pessimistic"])
    assert "worst answer      10   y = [1, 0]" in str(judged[0, "report"])


def test_an_answer_that_breaks_a_row_of_the_leader():
    point = {"x": 0.5, "y": [0.5, 0.5]}
    assert bl.verify(load(ROW), point).certificate.claim("follower_answer").passed
    claim = bl.verify(load(ROW), point, ties="pessimistic").certificate.claim("follower_answer")
    assert claim.verdict is Verdict.FAILED and claim.witness["variables"]["y"] == pytest.approx([1, 0])


def test_a_search_where_the_worst_answer_is_no_linear_program():
    assert "curved along" in ADVERSE.refusals(load(CURVED))[0].rule
    found = bl.solve(load(CURVED), ties="pessimistic", compile="never")
    assert found.verified and not found.proved and found.certificate.scope == "local"
    assert found.upper == pytest.approx(0, abs=1e-5) and found["x"] == pytest.approx(1, abs=1e-5)


def test_multipliers_of_the_leader_are_refused():
    text = "upper { var x in [0, 4]; maximize dual(b) - x; } lower { var y; minimize y^2; subject to b: y >= x; }"
    assert "multipliers" in ADVERSE.refusals(load(text))[0].rule


def test_in_the_model_and_on_the_command_line(tmp_path, capsys):
    model = tmp_path / "m.bilevel"
    model.write_text(BARD + ' options { ties = "pessimistic"; }')
    from bilevel_dsl.cli import main

    assert main(["solve", str(model), "-q", "--json", str(tmp_path / "r.json")]) == 0
    made = json.loads((tmp_path / "r.json").read_text())
    assert made["method"] == "adverse" and made["certificate"]["ties"] == "pessimistic"
    assert "BL0409" not in str(made["warnings"])
    assert main(["solve", str(model), "--ties", "report"]) == 0
    assert "worst answer" in capsys.readouterr().out
    assert main(["verify", str(model), str(tmp_path / "r.json"), "--ties", "pessimistic", "-q"]) in (0, 7)


def test_a_wrong_word():
    with pytest.raises(bl.BilevelError, match="BL0404"):
        bl.solve(load(BARD), ties="hopeful")
    with pytest.raises(bl.BilevelError, match="BL0392"):
        bl.solve(load(BARD + ' options { ties = "hopeful"; }'))


HARD = {13, 51, 55, 59, 66, 67, 96, 139, 146}  # seconds each
SEEDS = [s for s in range(45) if s not in HARD]
truth = lru_cache(maxsize=None)(lambda seed: least_worst(draw(np.random.default_rng(seed))))


@pytest.mark.parametrize("seed", SEEDS)
def test_random_integers_against_enumeration(seed):
    """The infimum over rational numbers, whether it is attained, and whether there is a decision at all."""
    model = draw(np.random.default_rng(seed))
    least, attained = truth(seed)
    problem = load(model.text())
    assert not ADVERSE.refusals(problem)
    found = ADVERSE.solve(Oracles(problem), *problem.start(), {s.name: s.default for s in ADVERSE.settings})
    if least is None:
        assert found.status == "infeasible"
        return
    assert found.status == "converged" and found.bound == pytest.approx(float(least), abs=1e-7)
    assert found.unattained == (not attained)


def test_the_enumeration_meets_what_it_is_for():
    """Of the seeds above some have no decision, and some an infimum that is not attained."""
    truths = [truth(seed) for seed in SEEDS]
    assert any(least is None for least, _ in truths) and any(not a for v, a in truths if v is not None)


@pytest.mark.parametrize("seed", range(6))
def test_the_range_of_random_answers(seed):
    """The worst end at a decision of random models, against all vertices."""
    model = draw(np.random.default_rng(seed))
    worst = worst_at(model, Fraction(1))
    found = bl.follow(load(model.text()), {"x": 1})
    if worst is not None:
        assert found.upper_range[1] == pytest.approx(float(worst), abs=1e-8)
