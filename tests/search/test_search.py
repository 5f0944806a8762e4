"""From a method to an answer: other methods, restarts, other starts, and what is told of them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.methods.settings import merge_settings
from bilevel_dsl.search.attempt import Runner, Start
from bilevel_dsl.search.effort import EFFORTS
from bilevel_dsl.search.search import answers_found


def solve(text: str, **more) -> bl.Solution:
    return bl.solve(bl.load(bl.Source("test", text)), compile="never", **more)


# the follower's answers are y = -1 and y = 1, the latter where x > 0; from x = -0.5 the leader goes to its lower end; z only
# makes it too large for `value`
TWO_HILLS = """
upper { var x in [-1, 1] start -0.5; minimize (x - 0.7)^2 - 0.5 * y; }
lower { var y in [-1.5, 1.5] start -1; var z[4] in [-2, 2]; minimize (y^2 - 1)^2 - 0.2 * x * y + sumsqr(z - x); }
"""
# f has two local minima over x, at -1 (0.1) and at 1 (0)
TWO_WELLS = """
upper { var x in [-2, 2] start -1; minimize (x^2 - 1)^2 + 0.05 * (1 - y); }
lower { var y; minimize (y - x)^2; }
"""
ROWS = """
upper { var x in [0, 3] start 0.5; minimize (x - 1)^2 + (y - 2)^2; }
lower { var y; minimize (y - 2 * x)^2; subject to y <= x; }
"""


def test_what_the_certificate_finds_is_a_restart():
    alone = solve(TWO_HILLS, effort="quick")
    found = solve(TWO_HILLS)
    assert not alone.verified and len(alone.attempts) == 1
    assert found.verified and found["y"] > 0.9 and found["x"] == pytest.approx(0.7, abs=0.1)
    assert any(a.start.startswith("a better ") for a in found.attempts)


def test_where_no_start_is_written_it_is_a_place_where_all_has_a_value():
    text = """
    upper {{ var x in [0, 4]{}; minimize y - log(x); }}
    lower {{ var y; minimize (y - x)^2 + norm([x, y - x])^3; }}
    """
    found = solve(text.format(""))
    assert found.verified and found["x"] == pytest.approx(1, abs=1e-4)
    assert found.attempts[0].start == "beside the start, where something has no value"
    with pytest.raises(bl.BilevelError) as error:
        solve(text.format(" start 0"))
    assert error.value.diagnostics[0].code == "BL0407"


# at x = 0.25 a flat piece of the follower's objective ends, and its slope there is a rounding of 0
FLAT_PIECE = """
upper { var x in [-0.5, 0.5] start 0.4; minimize -(x + y); }
lower { var y in [-1, 1]; minimize (x - 0.5 * abs(x + 0.25) + 0.5 * abs(x - 0.25)) * y; }
"""


def test_a_rounding_at_the_end_of_a_flat_piece_is_no_preference():
    """Morgan and Patrone (2006); y = 1 is among the answers up to x = 0.25, and is the only one from there on."""
    found = solve(FLAT_PIECE)
    assert found.verified and found.upper == pytest.approx(-1.25, abs=1e-6)
    beyond = bl.verify(found.problem, {"x": 0.25 + 1e-6, "y": 1.0})
    assert beyond.certificate.claim("follower_optimal").verdict == "failed"


# the conditions of this follower have no multiplier that is bounded, so kkt ends beside its answer
NO_SLATER = """
upper { var x start 1; minimize (x - 1)^2 + y^2; }
lower { var y start 1; minimize x^2 * y; subject to y^2 <= 0; }
"""


def test_another_method_is_tried_before_one_that_failed_is_again():
    """Dempe and Dutta (2012), example 2.4: the answer is x = 1, y = 0."""
    found = solve(NO_SLATER)
    assert found.verified and found.upper == pytest.approx(0, abs=1e-6)
    names = [a.method for a in found.attempts]
    assert len(set(names)) > 1 and names[1] != names[0]


def test_what_is_returned_is_examined_in_full_even_where_it_is_no_answer():
    found = solve(TWO_HILLS, effort="quick")
    assert all(c.verdict != "not checked" or "better answer" not in c.words for c in found.certificate.claims)
    assert not found.certificate.cut_short


def test_other_starts_find_other_answers_and_the_best_is_returned():
    found = solve(TWO_WELLS)
    assert found.verified and found["x"] == pytest.approx(1, abs=0.02)
    values = [value for value, _ in found.answers]
    assert len(values) == 2 and values == sorted(values) and found.upper == pytest.approx(values[0], abs=1e-6)
    assert sum(times for _, times in found.answers) <= len(found.attempts)
    assert [a.chosen for a in found.attempts].count(True) == 1
    assert next(a for a in found.attempts if a.chosen).upper == found.upper


def test_a_method_that_is_named_runs_once():
    found = solve(TWO_WELLS, method="penalty")
    assert [a.method for a in found.attempts] == ["penalty"] and found["x"] < 0
    assert len(solve(TWO_WELLS, method="penalty", starts=4).attempts) == 4


def test_the_count_is_that_of_the_effort():
    for level in ("quick", "normal"):
        effort = EFFORTS[level]
        most = effort.methods + effort.restarts + effort.starts
        assert 1 <= len(solve(ROWS, effort=level).attempts) <= most


def test_it_is_the_same_every_time():
    one, other = solve(TWO_WELLS), solve(TWO_WELLS)
    assert np.array_equal(one["x"], other["x"]) and np.array_equal(one["y"], other["y"])
    assert [(a.method, a.upper, a.iterations) for a in one.attempts] == [
        (a.method, a.upper, a.iterations) for a in other.attempts
    ]


def test_a_point_that_is_no_better_than_a_verified_one_is_not_examined():
    found = solve(ROWS)
    assert found.verified and [a.examined for a in found.attempts] == [True] + [False] * (len(found.attempts) - 1)


def test_attempts_are_in_the_table_and_the_json():
    found = solve(TWO_WELLS)
    text, data = str(found), json.loads(json.dumps(found.to_json()))
    assert "attempts" in text and "(this one)" in text and "answers found" in text
    assert len(data["attempts"]) == len(found.attempts)
    assert data["answers"][0] == {"upper": found.answers[0][0], "attempts": found.answers[0][1]}


def test_settings_of_the_caller_are_for_the_method_that_knows_them():
    found = solve(TWO_HILLS, options={"s_start": 0.05})
    assert found.attempts[0].method == "penalty" and found.variables


def test_time_ends_it():
    found = solve(TWO_WELLS, time_limit=1e-6, effort="thorough")
    assert found.status == "time_limit" and len(found.attempts) == 1


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_values_are_told_apart_in_their_own_units(unit):
    ended = [SimpleNamespace(upper=unit * f, usable=True, verified=True, certificate=None) for f in (3, -2, 3 + 1e-7, 2.99)]
    found = answers_found(ended)
    assert [times for _, times in found] == [1, 1, 2] and found[0][0] == -2 * unit


def test_values_that_are_zero_but_for_rounding_are_one_answer():
    noise = SimpleNamespace(negligible={"upper": 1e-9})
    ended = [SimpleNamespace(upper=v, usable=True, verified=True, certificate=noise) for v in (3e-25, 2e-14, -1e-16)]
    assert answers_found(ended) == [(-1e-16, 3)]


def test_a_method_is_cut_off_by_its_work_and_with_equal_bits():
    problem = bl.load(bl.Source("test", ROWS))
    oracles, info = Oracles(problem), METHODS["kkt"]
    runner = Runner(oracles, lambda info: merge_settings(info, problem), "interpreted")
    start = Start(x=np.array([0.5]), y=np.array([7.0]), words="the start")
    whole = runner.run(info, "", start, None)
    assert whole.run.status.label == "converged" and not whole.cut_off
    runner.settings = lambda info: merge_settings(info, problem, options={"tol": 1e-300})  # it does not end by itself
    cut = runner.run(info, "", start, None, most=1.0)
    assert cut.cut_off and cut.run.iterations == 32 and cut.run.status.label == "iteration_limit"
    runner.settings = lambda info: merge_settings(info, problem, options={"tol": 1e-300}, max_iter=32)
    same = runner.run(info, "", start, None)
    assert not same.cut_off and all(np.array_equal(cut.run.state[k], v) for k, v in same.run.state.items())
