"""Kinks told from expressions."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.intervals.kinks import kink_values, kinks
from bilevel_dsl.model import functions

V, x = ca.MX.sym("v", 3), ca.MX.sym("x")
a, b = V[0], V[1]


def function(expression) -> ca.Function:
    return ca.Function("f", [x, V], [ca.densify(expression)])


@pytest.mark.parametrize(
    "expression, words",
    [
        (ca.fabs(a - x), ("abs",)),
        (functions.larger(a, x), ("max",)),
        (functions.smaller(a, x), ("min",)),
        (a * (a > 0), ("max",)),
        (ca.if_else(a > x, 1, b), ("if",)),
        (ca.sign(a), ("sign",)),
        (ca.floor(a), ("floor",)),
        (ca.sqrt(ca.sum1(V * V)), ("norm",)),
        (ca.sqrt(a - 1), ("norm",)),
        (ca.sqrt(a * a + 1), ()),
        (functions._softplus(a), ()),
        (functions._huber(a), ()),
        (functions._logsumexp(V), ()),
        (a * a + ca.exp(x), ()),
        (ca.fabs(a) + ca.sqrt(ca.exp(b) + 1) + functions.larger(b, 0), ("abs", "max")),
        (functions._largest(ca.fabs(V)), ("abs", "max")),
        (ca.ceil(a), ("ceil",)),
        (ca.fmax(a, b), ("max",)),
    ],
)
def test_words(expression, words):
    assert kinks(function(expression)) == words
    assert (kink_values(function(expression)) is None) == (not set(words) - {"floor", "ceil"})


@pytest.mark.parametrize(
    "expression, at, away",
    [
        (ca.fabs(a - x), (1, [1, 0, 0]), (1, [2, 0, 0])),
        (functions.larger(a, 2 * b), (0, [2, 1, 0]), (0, [1, 1, 0])),
        (ca.sqrt(ca.sum1((V - 1) * (V - 1))), (0, [1, 1, 1]), (0, [1, 1, 2])),
        (ca.if_else(a > x, 1, b), (2, [2, 0, 0]), (2, [1, 0, 0])),
        (ca.sign(ca.exp(a) - 1), (0, [0, 1, 1]), (0, [1, 1, 1])),
        (ca.sqrt(a), (0, [0, 0, 0]), (0, [4, 0, 0])),
    ],
)
def test_one_value_is_zero_at_a_kink(expression, at, away):
    values = kink_values(function(expression))
    assert np.min(np.abs(np.array(values(*at)))) < 1e-12
    assert np.min(np.abs(np.array(values(*away)))) > 0.1
