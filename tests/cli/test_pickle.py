"""Solutions go through pickles: to other processes, into caches."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import bilevel_dsl as bl
from tests.data.test_results import MODEL as NAMES

MODELS = {
    "labels, duals, reports": (NAMES, "kkt"),
    "several starts": (
        "upper { var x in [-2, 2]; minimize (x - 1)^2 + y^2; } lower { var y in [0, 1]; minimize (y - x)^2; }",
        None,
    ),
    "sets with data": (
        """param c[2] = [1, 2]; upper { var x[2] in ball(c, 1); minimize sumsqr(x - y); }
           lower { var y[2] in simplex(sum(c)); minimize sumsqr(y - x) + expect((y[1] - i)^2 for i in 1..5); }""",
        None,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_solution_says_the_same_afterwards(name):
    text, method = MODELS[name]
    solution = bl.solve(bl.load(bl.Source("m.bilevel", text)), method, compile=False)
    found = pickle.loads(pickle.dumps(solution))
    assert str(found) == str(solution) and found.to_json() == solution.to_json()
    for v in solution.problem.variables:
        np.testing.assert_array_equal(found[v.name], solution[v.name])
    assert found.exit_status == solution.exit_status and found.reference_error() == solution.reference_error()


def test_its_problem_is_a_record():
    solution = bl.solve(bl.load(bl.Source("m.bilevel", MODELS["several starts"][0])), compile=False)
    record = pickle.loads(pickle.dumps(solution)).problem
    for ask in (bl.solve, bl.functions_of, lambda p: bl.verify(p, solution.variables), lambda p: bl.follow(p, {"x": 1})):
        with pytest.raises(bl.BilevelError, match="BL0415"):
            ask(record)
