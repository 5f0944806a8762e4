"""The class of a problem."""

from __future__ import annotations

import casadi as ca
import pytest

import bilevel_dsl as bl
from bilevel_dsl.model.structure import analyse
from tests.problems import TWO_LEVEL, box, problem


def of(g, lower=(), **more):
    return analyse(problem(lambda x, y: ca.sumsqr(y), g, 1, 2, lower=lower, **more))


def test_linear_and_quadratic():
    s = of(lambda x, y: x * y[0] - y[1])
    assert s.lower_linear and s.lower_quadratic and s.lower_convex == "yes" and s.lower_eigenvalues is None
    s = of(lambda x, y: 2 * y[0] ** 2 + 3 * y[1] ** 2 + x * y[0])
    assert not s.lower_linear and s.lower_quadratic and s.lower_eigenvalues == pytest.approx((4, 6))


@pytest.mark.parametrize(
    "g, expected",
    [
        (lambda x, y: ca.sumsqr(y), "yes"),
        (lambda x, y: (y[0] - y[1]) ** 2, "yes"),
        (lambda x, y: y[0] ** 2 - y[1] ** 2, "no"),
        (lambda x, y: ca.exp(x * y[0]) + y[1] ** 4, "sampled"),
        (lambda x, y: ca.sin(y[0]) + y[1] ** 2, "no"),
        (lambda x, y: x * y[0] ** 2, "no"),
    ],
)
def test_convexity_of_the_objective(g, expected):
    assert of(g).lower_convex == expected


@pytest.mark.parametrize(
    "row, expected",
    [
        (("le", lambda x, y: y[0] + x * y[1]), "yes"),
        (("le", lambda x, y: ca.sumsqr(y) - 1), "yes"),
        (("le", lambda x, y: 1 - ca.sumsqr(y)), "no"),
        (("eq", lambda x, y: y[0] - x), "yes"),
        (("eq", lambda x, y: ca.sumsqr(y) - 1), "no"),
        (("le", lambda x, y: ca.exp(y[0]) - 3), "sampled"),
    ],
)
def test_convexity_of_the_set(row, expected):
    assert of(lambda x, y: y[0] - y[1], [row]).lower_convex == expected


def test_convexity_is_looked_at_inside_the_bounds_only():
    s = of(lambda x, y: y[0] ** 3 + y[1] ** 2, [("le", lambda x, y: -y)])
    assert s.lower_convex == "sampled" and not s.lower_rows
    assert of(lambda x, y: y[0] ** 3 + y[1] ** 2).lower_convex == "no"


@pytest.mark.parametrize(
    "domain, expected",
    [
        ("simplex(1)", "sampled"),
        ("capped_simplex(1)", "sampled"),
        ("nonneg", "sampled"),
        ("linfball(2, 1.9)", "sampled"),
        ("linfball(0, 1)", "no"),
        ("l1ball(2)", "no"),
        ("free", "no"),
    ],
)
def test_it_is_looked_at_inside_the_sets_only(domain, expected):
    """y^3, as entropy, is convex for positive y."""
    text = (
        f"upper {{ var x; minimize x^2; }} lower {{ var y[2] in {domain}; minimize sum(y[i]^3 for i in 1..2) - x * y[1]; }}"
    )
    assert analyse(bl.load(bl.Source("cubes", text))).lower_convex == expected


def test_constraints():
    s = analyse(TWO_LEVEL["lower row"].problem)
    assert s.lower_rows and not s.coupled and not s.lower_free
    s = analyse(problem(lambda x, y: x, lambda x, y: y**2, 1, 1, upper=[("le", lambda x, y: x - y)], x_set=box(1, 0, 1)))
    assert s.coupled and not s.lower_rows and s.lower_free and not s.upper_free
    assert analyse(TWO_LEVEL["p0"].problem).upper_free
