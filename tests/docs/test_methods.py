"""The matrix of docs/methods.md says of each class of problems what the methods and `auto` do."""

from __future__ import annotations

import pytest

import bilevel_dsl as bl
from bilevel_dsl.diagnostics import Source
from bilevel_dsl.methods import METHODS, choose, fitting
from bilevel_dsl.methods.registry import DENSE_LIMIT, KKT_LIMIT
from bilevel_dsl.model.structure import analyse
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
TABLE = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]
HEAD, ROWS = TABLE[0], {row[0]: row[1:] for row in TABLE[2:] if len(row) == len(TABLE[0])}

UPPER = "upper { var x in [0, 4]; minimize (x - 1)^2 + sumsqr(y); }"
ROW_ON_X = "upper { var x; minimize (x - 1)^2 + sumsqr(y); subject to x^2 <= 2; }"
COUPLED = "upper { var x; minimize (x - 1)^2 + sumsqr(y); subject to x + sum(y) <= 2; }"
CHOICE = "upper { minimize sumsqr(y); }"
NOT_CONVEX = "minimize sum(sin(3 * y[i] + x) for i in 1..2);"
LARGE = "subject to cap[i in 1..99]: y[i] + y[i + 1] <= x;"

# One problem or several of each row of the table.
CLASSES = {
    "y free, lower level a strongly convex quadratic of condition at most 100 in at most 60 variables": [
        f"{UPPER} lower {{ var y[2]; minimize sumsqr(y - x); }}",
        f"{UPPER} lower {{ var y[60]; minimize sumsqr(y - x) + 99 * (y[1] - x)^2; }}"],
    "y free, any other lower level of at most 300 variables": [
        f"{UPPER} lower {{ var y[2]; minimize sumsqr(y - x) + 100 * (y[1] - x)^2; }}",
        f"{UPPER} lower {{ var y[61]; minimize sumsqr(y - x); }}",
        f"{UPPER} lower {{ var y[2]; {NOT_CONVEX} }}",
        f"{UPPER} lower {{ var y[{DENSE_LIMIT}]; minimize sumsqr(y - x); }}"],
    "y free, rows of the upper level on x alone": [f"{ROW_ON_X} lower {{ var y[2]; minimize sumsqr(y - x); }}"],
    "y free, more than 300 variables": [f"{UPPER} lower {{ var y[{DENSE_LIMIT + 1}]; minimize sumsqr(y - x); }}"],
    "lower level convex, with sets or rows": [
        f"{UPPER} lower {{ var y[2] in simplex; minimize sumsqr(y - x); }}",
        f"{UPPER} lower {{ var y[2]; minimize sum(exp(y)); subject to sum(y) >= x; y[1] <= 3; }}",
        f"{UPPER} lower {{ var y[2]; minimize sum(y); subject to y[1] >= x; y[2] >= x; }}"],
    "lower level not convex, with rows": [f"{UPPER} lower {{ var y[2]; {NOT_CONVEX} subject to sum(y) >= x; }}"],
    "lower level not convex, with sets alone": [
        f"{UPPER} lower {{ var y[2] in [0, 4]; {NOT_CONVEX} }}",
        f"{UPPER} lower {{ var y[2]; {NOT_CONVEX} subject to y >= 0; y <= 4; }}"],
    "rows of the upper level that involve y": [
        f"{COUPLED} lower {{ var y[2]; minimize sumsqr(y - x); }}",
        f"{COUPLED} lower {{ var y[2] in [0, 4]; {NOT_CONVEX} }}"],
    "any of these rows or sets, but too large for kkt": [
        f"{UPPER} lower {{ var y[100] in simplex; minimize sumsqr(y - x); }}",
        f"{UPPER} lower {{ var y[100]; minimize sumsqr(y - x); {LARGE} }}",
        f"{COUPLED} lower {{ var y[100] in nonneg; minimize sumsqr(y - x); }}"],
    "a set `psd`, `spectral` or `l1ball` on y": [
        f"{UPPER} lower {{ var y[2] in l1ball(1); minimize sumsqr(y - x); }}",
        f"{UPPER} lower {{ var y[2, 2] in psd; minimize sumsqr(y - x); }}",
        f"{UPPER} lower {{ var y[2, 2] in spectral(0, 1); minimize sumsqr(y - x); }}"],
    "the leader uses `dual(...)` in its objective or constraints": [
        "upper { var x in [0, 4]; minimize x + dual(cap); } lower { var y; minimize (y - x)^2; s.t. cap: y <= 1; }"],
    "simple bilevel (no upper variables), with sets alone or none": [
        f"{CHOICE} lower {{ var y[2]; minimize (sum(y) - 1)^2; }}",
        f"{CHOICE} lower {{ var y[2] in simplex; minimize y[1]; }}",
        f"{CHOICE} lower {{ var y[2]; minimize (sum(y) - 1)^2; subject to y >= 0; }}"],
    "simple bilevel, with rows": [
        f"{CHOICE} lower {{ var y[2]; minimize y[1]; subject to sum(y) >= 1; y >= 0; }}"],
    "simple bilevel, with rows, too large for kkt": [
        f"{CHOICE} lower {{ var y[100]; minimize sumsqr(y); subject to sum(y) >= 1; }}"],
}


def test_each_row_of_the_table_has_its_problems():
    assert list(CLASSES) == list(ROWS)
    assert HEAD[1:-1] == list(METHODS)
    assert f"at most {KKT_LIMIT} unknowns" in PAGE


@pytest.mark.parametrize("row, text", [(row, text) for row, texts in CLASSES.items() for text in texts])
def test_a_row_of_the_table_is_true(row, text):
    *cells, taken = ROWS[row]
    problem = bl.load(Source("model.bilevel", text))
    fits = fitting(problem)
    for name, cell in zip(METHODS, cells):
        if cell == "small":
            assert (name in fits) == is_small(problem), name
        else:
            assert (name in fits) == (cell == "yes"), name
    method, _ = choose(problem, analyse(problem))
    assert method == taken


def is_small(problem: bl.Problem) -> bool:
    """As the page defines it; none of the problems in such rows has a rough set."""
    rows = sum(c.expression.numel() for c in problem.upper_constraints + problem.lower_constraints)
    return problem.x.numel() + 3 * problem.y.numel() + 2 * rows <= KKT_LIMIT
