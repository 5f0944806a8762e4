"""Infinity in data: a bound that is not there, and nothing to compute with."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl

DATA = "param u[3] = [inf, 8, 2]; param s = inf;"


def load(upper: str) -> bl.Problem:
    return bl.load(bl.Source("test", f"{DATA} upper {{ var x[3]; {upper} }} lower {{ var y; minimize (y - x[1])^2; }}"))


@pytest.mark.parametrize(
    "constraint, bounded",
    [
        ("x <= u", [2, 3]),
        ("-u <= x", [2, 3]),
        ("a[i in 1..3]: x[i] <= u[i]", [2, 3]),
        ("-u <= x <= [1, inf, inf]", [1, 2, 3]),
        ("a[i in 2..3]: x <= u[i]", [1, 2, 3]),
        ("a[i in 1..3]: x <= u[i] + 0 * u[2]", [1, 2, 3]),
        ("2 * u >= x", [2, 3]),
        ("x <= s", []),
        ("sum(x) <= u[1]", []),
    ],
)
def test_an_infinite_bound_from_data_is_no_constraint(constraint, bounded):
    """The rows that are left, by the entries of x in them."""
    problem = load(f"minimize sum(x); subject to {constraint};")
    import casadi as ca

    touched = set()
    for c in problem.upper_constraints:
        rows = ca.Function("rows", [problem.x, *problem.p], [ca.jacobian(c.expression, problem.x), c.expression])
        slopes, values = (np.array(v) for v in rows.call([np.ones(3), *problem.data]))
        assert np.isfinite(values).all() and np.isfinite(slopes).all()
        touched |= {int(j) + 1 for j in np.nonzero(slopes)[1]}
    assert sorted(touched) == bounded


def test_the_answer_obeys_the_other_bounds():
    solution = bl.solve(load("minimize sumsqr(x - 10); subject to x <= u;"), compile=False)
    np.testing.assert_allclose(solution["x"], [10, 8, 2], atol=1e-5)
    assert solution.verified


@pytest.mark.parametrize(
    "objective",
    ["dot(u, x)", "sum(u[i] * x[i] for i in 1..3)", "sum(x) + s", "sum(min(x, u))", "sum(x / u)", "u[1] * x[1]"],
)
def test_an_objective_does_not_compute_with_infinity(objective):
    with pytest.raises(bl.BilevelError) as caught:
        load(f"minimize {objective};")
    assert [d.code for d in caught.value.diagnostics] == ["BL0334"]


@pytest.mark.parametrize("objective", ["u[2] * x[1]", "sum(u[i] * x[i] for i in 2..3)", "sum(x) + 1 / s"])
def test_what_is_finite_of_it_may_be_used(objective):
    load(f"minimize {objective};")


def test_a_bound_that_never_holds_is_an_error():
    for constraint in ("x >= u", "sum(x) == s"):
        with pytest.raises(bl.BilevelError) as caught:
            load(f"minimize sum(x); subject to {constraint};")
        assert [d.code for d in caught.value.diagnostics] == ["BL0352"]
