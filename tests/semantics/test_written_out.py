"""Conditions and ends of ranges with functions that have no form for all iterations at once."""

import pytest

from bilevel_dsl.semantics.check import check
from bilevel_dsl.syntax.parser import Source, parse

C = [3, 1, 2, 4]


def value(expression: str) -> float:
    text = f"""param n = 4; param c[n] = {C}; param v = {expression};
        upper {{ var x; minimize x + v; }} lower {{ var y; minimize (y - x)^2; }}"""
    source = Source("model.bilevel", text)
    return float(next(p.value for p in check(parse(source), source=source).params if p.name == "v"))


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("sum(i for i in 1..n if trace(eye(2) * c[i]) > 4)", sum(i for i, a in enumerate(C, 1) if 2 * a > 4)),
        (
            "sum(i * j for i in 1..n, j in 1..trace(diag([c[i], 0])))",
            sum(i * j for i, a in enumerate(C, 1) for j in range(1, a + 1)),
        ),
        (
            "sum(sum(i * j for j in 1..n if trace(outer([c[i], 0], [c[j], 0])) > 4) for i in 1..n)",
            sum(i * j for i, a in enumerate(C, 1) for j, b in enumerate(C, 1) if a * b > 4),
        ),
        ("sum(i for i in 1..0 if trace(eye(2) * c[i]) > 4)", 0),
    ],
)
def test_value(expression, expected):
    assert value(expression) == expected
