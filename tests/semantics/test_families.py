"""`let` with entries: what each is, and how it is indexed."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.diagnostics import Source
from bilevel_dsl.semantics.check import check
from bilevel_dsl.semantics.graph.evaluate import evaluate
from bilevel_dsl.syntax.parser import parse

HEAD = """
set CITY = {"north", "south", "harbour"};
set ARC = {("a", "b"), ("b", "c")};
set T = 0..3;
param n = 3;
param d[CITY] = [1, 2, 4];
param A[2, 2] = [[0.5, 1], [0, 2]];
param M[4, 2] = [[1, 2], [3, 4], [5, 6], [7, 8]];
upper { var p; minimize p + q; }
lower { var q; minimize (q - p)^2; }
"""


def value(definitions: str, expression: str) -> np.ndarray:
    """Of data, as it is known before solving."""
    source = Source("m", f"{HEAD}{definitions}\nreport {{ result = {expression}; }}")
    checked = check(parse(source), source=source)
    return evaluate(checked.report[0].node, {p.name: p.value for p in checked.params})


def in_casadi(definitions: str, expression: str) -> np.ndarray:
    """The same with `+ 0 * p` in each definition, so that nothing of it is data."""
    text = (
        definitions.replace("=", "= 0 * p +", 1) if "if" not in definitions else definitions.replace("else", "else 0 * p +")
    )
    problem = bl.load(Source("m", f"{HEAD}{text}\nreport {{ result = {expression}; }}"))
    result = problem.report[0]
    inputs = [problem.x, problem.y, *problem.p]
    found = ca.Function("f", inputs, [ca.densify(result.expression)]).call([ca.DM([2.0]), ca.DM([3.0]), *problem.matrices])[
        0
    ]
    return np.array(found).ravel(order="F").reshape(result.shape, order="F")


M = np.arange(1.0, 9).reshape(4, 2)
SQUARES = "let x[k in 0..3] = k^2;"
VECTORS = "let x[k in 0..3] = M[k + 1, :]' * k;"
MATRICES = "let x[k in T] = k * A;"
LABELS = "let x[c in CITY] = 10 * d[c];"
PAIRS = "let x[i in 1..2, c in CITY] = i * d[c];"
TUPLES = 'let x[(i, j) in ARC] = if i == "a" then 1 else 2;'
POWERS = "let x[k in 0..3] = if k == 0 then 1 else 2 * x[k - 1];"
STATES = "let x[k in 0..3] = if k == 0 then [1, 1] else A @ x[k - 1];"
SUMS = "let x[k in 1..4] = if k == 1 then 1 else sum(x[j] for j in 1..k - 1);"
GRID = "let x[k in 0..2, i in 1..3] = if k == 0 then i else x[k - 1, i] + (if i > 1 then x[k - 1, i - 1] else 0);"
A = np.array([[0.5, 1], [0, 2]])
STATE = [np.linalg.matrix_power(A, k) @ [1, 1] for k in range(4)]

CASES = [
    (SQUARES, "x", [0, 1, 4, 9]),
    (SQUARES, "x[0]", 0),
    (SQUARES, "x[3]", 9),
    (SQUARES, "x[1:2]", [1, 4]),
    (SQUARES, "x[:2]", [0, 1, 4]),
    (SQUARES, "x[[3, 0]]", [9, 0]),
    (SQUARES, "x[T]", [0, 1, 4, 9]),
    (SQUARES, "x[0..1]", [0, 1]),
    (SQUARES, "sum(k * x[k] for k in T)", 36),
    (SQUARES, "sum(x)", 14),
    (VECTORS, "x", M * np.arange(4)[:, None]),
    (VECTORS, "x[2]", [10, 12]),
    (VECTORS, "x[2][1]", 10),
    (VECTORS, "x[2, 1]", 10),
    (VECTORS, "x[2, :]", [10, 12]),
    (VECTORS, "x[2:3, 1]", [10, 21]),
    (VECTORS, "x[:, 2]", [0, 4, 12, 24]),
    (VECTORS, "x[1:2]", [[3, 4], [10, 12]]),
    (VECTORS, "A @ x[1]", A @ [3, 4]),
    (VECTORS, "sum(x[k][2] - x[k, 1] for k in 1..3)", 6),
    (VECTORS, "[x[k] for k in 1..2]", [[3, 4], [10, 12]]),
    (MATRICES, "x[3]", 3 * A),
    (MATRICES, "x[3][1, 2]", 3),
    (MATRICES, "x[3, 2, 2]", 6),
    (MATRICES, "x[2, 1, :]", 2 * A[:1]),
    (MATRICES, "x[:, 2, 2]", [0, 2, 4, 6]),
    (MATRICES, "x[2] @ x[1]", 2 * A @ A),
    (LABELS, 'x["south"]', 20),
    (LABELS, "sum(x[c] for c in CITY)", 70),
    (PAIRS, "x", [[1, 2, 4], [2, 4, 8]]),
    (PAIRS, 'x[2, "harbour"]', 8),
    (PAIRS, 'sum(x[:, "south"])', 6),
    (TUPLES, 'x["b", "c"]', 2),
    (TUPLES, "sum(x[a] for a in ARC)", 3),
    (POWERS, "x", [1, 2, 4, 8]),
    (STATES, "x", STATE),
    (STATES, "x[3][2]", STATE[3][1]),
    (STATES, "x[:, 2]", [s[1] for s in STATE]),
    (SUMS, "x", [1, 1, 2, 4]),
    (GRID, "x", [[1, 2, 3], [1, 3, 5], [1, 4, 8]]),
    (GRID, "x[2, 3]", 8),
    (
        "let x[k in 0..3] = if k == 0 then 1 else (if x[k - 1] > 3 then x[k - 1] / 3 else 2 * x[k - 1]);",
        "x",
        [1, 2, 4, 4 / 3],
    ),
    ("function step(v, k) = A @ v + k; let x[k in 0..2] = if k == 0 then [1, 1] else step(x[k - 1], k);", "x[1]", [2.5, 3]),
    ("let x[k in 2..4] = k; function at(v, k) = v[k];", "at(x, 4)", 4),
    ("let shift = 2; let x[k in 0..3] = if k < shift then k else x[k - shift] + shift;", "x", [0, 1, 2, 3]),
]


@pytest.mark.parametrize(("definitions", "expression", "expected"), CASES)
def test_value(definitions, expression, expected):
    for found in (value(definitions, expression), in_casadi(definitions, expression)):
        assert found.shape == np.shape(expected)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_row_of_a_matrix_is_a_vector_to_the_right_of_a_product_that_it_fits():
    np.testing.assert_allclose(value("let r = A @ M[2, :];", "r"), A @ [3, 4])
    one = "param b[2, 1] = [[1], [2]]; param u[3, 1] = [[1], [2], [3]];"
    np.testing.assert_allclose(value(one, "b @ u[2, :]"), [2, 4])
    assert value("", "d @ M[1, :]").shape == (3, 2)  # a column and a row, as ever


def test_entries_have_their_numbers_and_labels_in_results():
    checked = check(parse(source := Source("m", f"{HEAD}{POWERS}report {{ x = x; }}")), source=source)
    assert checked.report[0].dims[0].labels == ("0", "1", "2", "3")


def test_entries_over_data_decide_sizes():
    assert value("let size[k in 1..3] = k; param z[size[3]] = 2;", "z").shape == (3,)
