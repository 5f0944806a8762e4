"""One model with everything the language has: it is checked, built and solved, and nothing is missing from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.diagnostics import Collector, Source
from bilevel_dsl.semantics.builtins import known_names
from bilevel_dsl.syntax.equal import same_tree
from bilevel_dsl.syntax.format import format_source
from bilevel_dsl.syntax.parser import load_source, parse
from bilevel_dsl.syntax.tokens import KEYWORDS, tokenize

MODEL = Path(__file__).with_name("all_features.bilevel")
OPERATORS = set("+ - * / @ ^ ' <= >= == != < > .. = ; : , ( ) [ ] { }".split())


@pytest.fixture(scope="module")
def solution():
    return bl.solve(bl.load(MODEL), compile=False, max_iter=500)


def test_every_word_of_the_language_is_in_it():
    problems = Collector()
    words = {t.text for t in tokenize(load_source(MODEL), problems)}
    elsewhere = {"dual", "binary", "integer"}  # their methods take no psd: tests/methods/test_duals.py, test_whole.py
    missing = (KEYWORDS | known_names() | OPERATORS | {"s.t."}) - words - elsewhere
    assert not problems.items and not missing


def test_it_has_no_mistakes_and_gives_no_warnings():
    assert bl.load(MODEL).warnings == ()


def test_data_from_outside_reach_it():
    problem = bl.load(MODEL, data={"supply": {"harbour": 3, "north": 1, "south": 2}}, params={"demand": "2 * 6"})
    values = {p.name: p.value for p in problem.parameters}
    assert values["supply"].tolist() == [1, 2, 3] and values["demand"] == 12


def test_sizes_follow_the_data():
    problem = bl.load(MODEL, params={"n": "6", "slope": "[1, 2, 3, 4, 5, 6]"})
    assert {v.name: v.shape for v in problem.variables}["y"] == (6,)
    assert {p.name: p.structural for p in problem.parameters}.get("n", True)


def test_it_is_solved(solution):
    assert solution.status == "converged"
    claims = {c.name: c.verdict.value for c in solution.certificate.claims}  # a psd set has no smooth description
    assert (claims["feasible"], claims["follower_optimal"]) == ("proved", "searched") and not solution.verified
    np.testing.assert_allclose(solution.upper, 21.34184, rtol=1e-5)
    np.testing.assert_allclose(solution["toll"], 4.7388, rtol=1e-4)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("mix", [0.2, 0.3, 0.5]),  # in the simplex
        ("pick", [2 / 3, 2 / 3, 2 / 3]),
        ("near", [0, 0]),
        ("cone", [0.5, 0, 0.5]),
        ("half", [0.5, 0.5]),
        ("flat", [0.5, 0.5]),
        ("line", [2 / 3, -1 / 3, 2 / 3]),
        ("shape", [[2, 0], [0, 0.5]]),
        ("level", [0, 0]),
        ("P", [[1.75, -0.25], [-0.25, 0.25]]),
    ],
)
def test_points_nearest_to_a_target_are_projections(solution, name, expected):
    """The objective pulls each of these variables to a point; the answer is its projection onto the set."""
    np.testing.assert_allclose(solution[name], expected, atol=2e-4)


def test_reported_values(solution):
    r, x, y = solution.report, solution["x"], solution["y"]
    path = np.concatenate([[0], np.cumsum(y)])
    assert r["coast"] == pytest.approx(0.2 * 4 + 0.3 * 3 + 0.5, abs=1e-3)
    assert r["neighbours"] == 2 and r["size"] == 6 and r["roads"] == 5 * 2 + 5 * 4 + 4 and r["ends"] == 4 + 3
    assert r["distance_of_means"] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(r["steps"], [0, *y], atol=1e-12)
    stock = [1.0]
    for entry in y:
        stock.append(0.5 * stock[-1] + entry)
    np.testing.assert_allclose(r["kept"], sum(stock) + 3 * solution["toll"], atol=1e-12)
    np.testing.assert_allclose(r["reshaped"], [path[:2], path[2:4]], atol=1e-12)
    np.testing.assert_allclose(r["reversed"], x[::-1])
    np.testing.assert_allclose(r["slices"], [x[1], x[2], x[0], x[1], x[3], x[1], x[2]])
    np.testing.assert_allclose(np.sort(r["shuffled"]), np.sort(x))
    np.testing.assert_allclose(
        r["elementwise"],
        [1, 2, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0.5, np.log(2), -1, 0, 2.5, 2.5, 0.1, 1e-3],
        atol=1e-15,
    )
    np.testing.assert_allclose(r["probabilities"], np.exp(x) / np.exp(x).sum())


def test_its_formatted_text_means_the_same():
    source = load_source(MODEL)
    text = format_source(source)
    again = Source(source.name, text)
    assert text != source.text and format_source(again) == text
    assert same_tree(parse(source), parse(again))
