"""Pairs of opposite inequalities become equations, and nothing else does."""

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.reductions.opposite import merged, pairs

TOTAL = """
param total = 6;
set LEG = {{"a", "b", "c"}};
upper {{ var x[LEG] in [0, 4]; minimize sum(x) + sum(x[i] * y[i] for i in LEG); }}
lower {{
  var y[LEG] in nonneg;
  minimize sum((y[i] - x[i])^2 for i in LEG) + y["a"];
  subject to
    {rows}
}}
"""


def load(rows: str) -> bl.Problem:
    return bl.load(bl.Source("test", TOTAL.format(rows=rows)))


@pytest.mark.parametrize(
    "rows",
    [
        "sum(y) <= total; total <= sum(y);",
        "sum(y) - total <= 0; -sum(y) + total <= 0;",
        '2 * exp(y["a"]) <= total; total - 2 * exp(y["a"]) <= 0;',
        "one[i in LEG]: y[i] + x[i] <= total; other[i in LEG]: total - x[i] - y[i] <= 0;",
    ],
)
def test_they_are_found_whatever_the_data(rows):
    problem = load(rows)
    [(one, other)] = pairs(problem)
    assert (one.span.start, other.span.start) == tuple(sorted((one.span.start, other.span.start)))
    [equation] = merged(problem).lower_constraints
    assert equation.kind == "eq" and equation.name == one.name
    assert merged(merged(problem)) is merged(problem)


@pytest.mark.parametrize(
    "rows",
    [
        "sum(y) <= total; 5.999 <= sum(y);",  # a strip
        "sum(y) <= total; 6 <= sum(y);",  # an equation for these data only
        "sum(y) <= total; -2 * sum(y) <= total;",
        "sum(y) <= total; total <= sum(x);",
        'one[i in LEG]: y[i] + x[i] <= total; other: total - x["a"] - y["a"] <= 0;',  # one entry of three
    ],
)
def test_others_stay(rows):
    problem = load(rows)
    assert not pairs(problem) and merged(problem) is problem


def test_a_row_that_the_leader_prices_stays():
    text = TOTAL.format(rows="cap: sum(y) <= total; total <= sum(y);").replace("sum(x) +", "sum(x) + dual(cap) +")
    problem = bl.load(bl.Source("test", text))
    assert merged(problem) is problem


def test_the_answer_is_that_of_the_equation():
    pair, equation = load("sum(y) <= total; total <= sum(y);"), load("sum(y) == total;")
    one, other = (bl.solve(p, method="mpcc", compile="never") for p in (pair, equation))
    assert one.verified and other.verified
    np.testing.assert_allclose(one["y"], other["y"], atol=1e-6)
    assert one.iterations == other.iterations  # the same program
    assert one.certificate["lower_feasibility"] <= 1e-8  # of the rows as they are written
