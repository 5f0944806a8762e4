"""A follower whose set has no smooth description, and who has constraints besides."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl

MODEL = """
upper { var x in [0, 1] start 0.5; minimize (x - 0.5)^2 + trace(P); }
lower {
  var P[2, 2] in psd;
  var y[2];
  minimize sumsqr(P - [[2, 0], [0, -1]]) + sumsqr(y - [3, 1]) + x * y[1];
  subject to
    trace(P) <= 1;
    y[1] + y[2] == 2;
}
"""


@pytest.mark.parametrize("y, right", [([1.875, 0.125], True), ([1.9, 0.1], False), ([2.75, 1], False)])
def test_the_constraints_of_the_follower_count(y, right):
    """P: of trace 1, next to diag(2, -1); y: its gradient (y - [3, 1]) + [x / 2, 0] is a multiple of (1, 1)."""
    point = bl.verify(bl.load(bl.Source("rough", MODEL)), {"x": 0.5, "P": [[1, 0], [0, 0]], "y": y})
    feasible = point.certificate["lower_feasibility"] <= 1e-6
    assert feasible == (sum(y) == 2)
    assert (feasible and point.certificate.claim("follower_optimal").passed) == right


def test_the_solution_is_verified():
    solution = bl.solve(bl.load(bl.Source("rough", MODEL)), compile=False)
    np.testing.assert_allclose(solution["P"], [[1, 0], [0, 0]], atol=1e-4)
    assert solution.certificate["lower_stationarity"] <= 1e-6
