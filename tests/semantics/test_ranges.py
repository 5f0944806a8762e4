"""Dimensions over a range that does not start at 1: entries are numbered as in the range, from the text to the result."""

import numpy as np
import pytest

import bilevel_dsl as bl

MODEL = """
param N = 3;
set T = 0..N;
param p[T] = [4, 3, 2, 1];
param before[-1..0] = [7, 8];
upper {
  var w[T] in [0, 1];
  minimize sum((w[t] - p[t]/5)^2 for t in T) + sum(y[0:1]) + before[-1] + dual(link)[2] + dual(low)[0];
  subject to cap[t in 0..N]: w[t] <= 0.7;
}
lower {
  var y[0..N];
  minimize sum((y[t] - w[t])^2 for t in T);
  subject to link[t in 1..N]: y[t] >= y[t-1] - 1;
  low[t in T]: y[t] >= -9;
}
"""


def test_numbers_of_a_range_go_through_to_the_result():
    solution = bl.solve(bl.load(bl.Source("m", MODEL)), compile=False)
    # w[0], w[1] minimize (w - p/5)^2 + w, and no link binds
    assert np.allclose(solution["w"], [0.3, 0.1, 0.4, 0.2], atol=1e-5)
    assert solution.upper == pytest.approx(0.25 * 2 + 0.4 + 7, abs=1e-5)
    read = solution.to_json()
    assert read["index"]["w"] == [[0, 1, 2, 3]] and read["index"]["y"] == [[0, 1, 2, 3]]
    assert read["index"]["dual(low)"] == [[0, 1, 2, 3]] and "dual(link)" not in read["index"]


@pytest.mark.parametrize(
    "expression, message",
    [
        ("p[4]", "index 4 is out of range: `p` has 0..3"),
        ("p[-1]", "index -1 is out of range: `p` has 0..3"),
        ("before[1]", "index 1 is out of range: `before` has -1..0"),
        ("sum(p[t-1] for t in T)", "index -1 is out of range: `p` has 0..3 (here t = 0)"),
        ("sum(p[1:4])", "index 4 is out of range: `p` has 0..3"),
    ],
)
def test_out_of_range(expression, message):
    with pytest.raises(bl.BilevelError) as raised:
        bl.load(bl.Source("m", MODEL + f"let z = {expression};\n"))
    assert raised.value.diagnostics[0].code == "BL0309" and message in raised.value.diagnostics[0].message


def test_what_is_over_a_range_takes_part_in_operations_by_place():
    text = "param p[0..2] = [1, 2, 3]; param q[3] = [10, 20, 30]; let s = p + q; param r = s[1] + p[1];"
    rest = "upper { var x in [0, 1]; minimize x + y; } lower { var y; minimize (y - x - r)^2; }"
    problem = bl.load(bl.Source("m", text + rest))
    assert problem.start()[0].shape == (1,)


def test_a_model_for_any_size_is_one_for_size_one():
    """y' @ A, A @ y and (A @ y)[i] of one entry are numbers, and still meant as a row, a vector and its entry."""
    text = """
    param n; param A[n, n]; param b[n] = 1;
    upper { var x[n] in [0, 1]; minimize sumsqr(x - 0.5) + dot(b, y) + sum((A @ y)[i] for i in 1..n); }
    lower { var y[n]; minimize 0.5 * y' @ A @ y - dot(b + x, A @ (A @ y)); subject to A @ y <= 30 + x; }
    """
    for n in (1, 3):
        problem = bl.load(bl.Source("m", text), data={"n": n, "A": np.eye(n) * 2})
        solution = bl.solve(problem, compile=False)
        # y = 2 (1 + x); min (x - 0.5)^2 + 3 * 2 (1 + x): x = 0
        assert np.allclose(solution["x"], 0, atol=1e-5) and np.allclose(solution["y"], 2, atol=1e-5)
