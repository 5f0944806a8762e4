"""Which constraints are bounds, and which only look like it."""

from __future__ import annotations

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.model.bounds import recognised, with_bounds
from bilevel_dsl.model.sets import Simplex
from tests.problems import box, problem

INF = np.inf


def made(*upper, lower=(), parameters=(), nx=2, **more):
    return problem(
        lambda x, y, *p: ca.sumsqr(x),
        lambda x, y, *p: ca.sumsqr(y),
        nx,
        2,
        upper=upper,
        lower=lower,
        parameters=parameters,
        **more,
    )


def limits(p, level: str = "upper"):
    own = (p.upper_variables if level == "upper" else p.lower_variables)[0].set
    out = ca.Function("limits", [*p.p], [own.lower, own.upper]).call([ca.DM(v) for v in p.data])
    return [np.array(v).ravel().tolist() for v in out]


@pytest.mark.parametrize(
    "row, low, high",
    [
        (lambda x, y: -x[0], 0, INF),
        (lambda x, y: x[0] - 10, -INF, 10),
        (lambda x, y: -5 - x[0], -5, INF),
        (lambda x, y: 2 * x[0] - 3, -INF, 1.5),
        (lambda x, y: 1 - (x[0] + x[0]) / 4, 2, INF),
        (lambda x, y: 3 * (x[0] - 1) - x[0], -INF, 1.5),
    ],
)
def test_bounds(row, low, high):
    p = made(("le", row))
    assert len(recognised(p)) == 1
    narrowed = with_bounds(p)
    assert narrowed.upper_constraints == ()
    assert limits(narrowed) == [[low, -INF], [high, INF]]


@pytest.mark.parametrize(
    "row",
    [
        lambda x, y: x[0] ** 2 - 1,
        lambda x, y: x[0] + x[1] - 1,
        lambda x, y: x[0] + 0.1 * y[0],
        lambda x, y: y[0] - 1,  # of the other level
        lambda x, y: ca.fabs(x[0]) - 1,
        lambda x, y: x[0] * x[1],
        lambda x, y: ca.fmax(x[0], -1),
        lambda x, y: x[0] - x[0] - 1,
    ],
)
def test_no_bounds(row):
    p = made(("le", row))
    assert recognised(p) == () and with_bounds(p) is p


def test_rows_of_one_constraint_are_looked_at_one_by_one():
    p = made(("le", lambda x, y: ca.vertcat(x[0] - 1, x[0] * x[1], -x[1] - 2)))
    narrowed = with_bounds(p)
    assert limits(narrowed) == [[-INF, -2], [1, INF]]
    left = narrowed.upper_constraints[0]
    assert left.name == p.upper_constraints[0].name
    assert float(ca.Function("c", [p.x, p.y], [left.expression])([3, 5], [0, 0])) == 15


def test_the_tightest_wins_and_sets_count():
    p = made(
        ("le", lambda x, y: x[0] - 4), ("le", lambda x, y: x[0] - 3), ("le", lambda x, y: -x[1] - 9), x_set=box(2, -1, 5)
    )
    assert limits(with_bounds(p)) == [[-1, -1], [3, 5]]


def test_an_equality_fixes():
    p = made(lower=[("eq", lambda x, y: 2 * y[1] - 1)])
    assert recognised(p)[0].side == "equal"
    assert limits(with_bounds(p), "lower") == [[-INF, 0.5], [INF, 0.5]]


def test_the_constant_may_be_a_parameter_but_not_the_coefficient():
    p = made(
        ("le", lambda x, y, cap, w: x[0] - 2 * cap),
        ("le", lambda x, y, cap, w: w * x[1] - 1),
        parameters=[("cap", np.float64(3.0)), ("w", np.float64(2.0))],
    )
    narrowed = with_bounds(p)
    assert limits(narrowed) == [[-INF, -INF], [6, INF]]
    assert len(narrowed.upper_constraints) == 1
    cap = ca.Function("cap", [*narrowed.p], [narrowed.upper_variables[0].set.upper])
    assert np.array(cap(5, 0)).ravel().tolist() == [10, INF]  # follows the data


def test_other_sets_are_left_alone():
    p = made(("le", lambda x, y: x[0] - 0.5), x_set=Simplex(2, ca.MX(1)))
    assert recognised(p) == ()


def test_bounds_without_a_value_in_between_remain_rows():
    p = made(("le", lambda x, y: x[0] - 1), ("le", lambda x, y: 2 - x[0]), ("le", lambda x, y: x[1] - 1))
    narrowed = with_bounds(p)
    assert len(narrowed.upper_constraints) == 2 and limits(narrowed) == [[-INF, -INF], [INF, 1]]


def test_entries_of_a_second_variable():
    p = made(("le", lambda x, y: x[2] - 1), nx=3)
    a, b = (
        replace(p.upper_variables[0], name=n, shape=(k,), offset=o, set=type(p.upper_variables[0].set)(k))
        for n, k, o in (("a", 2, 0), ("b", 1, 2))
    )
    (bound,) = recognised(replace(p, upper_variables=(a, b)))
    assert (bound.variable.name, bound.entry, bound.side) == ("b", 0, "upper")
