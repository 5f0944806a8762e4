"""What expressions mean: precedence, association, and the corners of the tokens."""

from __future__ import annotations

import pytest

from bilevel_dsl.diagnostics import BilevelError, Source
from bilevel_dsl.syntax.parser import parse_expression

from .trees import expression

MEANINGS = {
    # precedence, from loose to tight
    "a or b and not c": "(a or (b and (not c)))",
    "not a == b": "(not (a == b))",
    "a + b < c and d": "(((a + b) < c) and d)",
    "1..n - 1": "(1 .. (n - 1))",
    "a + b * c - d": "((a + (b * c)) - d)",
    "a - b - c": "((a - b) - c)",
    "a / b * c @ d": "(((a / b) * c) @ d)",
    "-x^2": "(- (x ^ 2))",
    "2^-x": "(2 ^ (- x))",
    "2^3^2": "(2 ^ (3 ^ 2))",
    "-x^-y^2": "(- (x ^ (- (y ^ 2))))",
    "a * -b": "(a * (- b))",
    "a - -b": "(a - (- b))",
    "- - +a": "(- (- (+ a)))",
    "-x'": "(- x')",
    "x'^2": "(x' ^ 2)",
    "A[i, :]'": "A[i, :]'",
    "x''": "x''",
    "(a + b) * c": "((a + b) * c)",
    "((a))": "a",
    "if a then b else if c then d else e": "(if a then b else (if c then d else e))",
    "if a < b then b else c + d": "(if (a < b) then b else (c + d))",
    # numbers and ranges
    "1..n": "(1 .. n)",
    "1.5..2.5": "(1.5 .. 2.5)",
    "1. ..2": "(1 .. 2)",
    ".5": "0.5",
    "1e-3": "0.001",
    "1E+3": "1000",
    "inf": "inf",
    "-inf": "(- inf)",
    "1.e2": "100",
    # indices
    "x[2:4]": "x[2:4]",
    "x[:]": "x[:]",
    "x[2:]": "x[2:]",
    "x[:n - 1]": "x[:(n - 1)]",
    "A[:, j]": "A[:, j]",
    "x[1][2]": "x[1][2]",
    "f(x)[1]": "f(x)[1]",
    "(x + y)[1]": "(x + y)[1]",
    'x["a"]': "x['a']",
    # arrays, labels, loops
    "[]": "[]",
    "[1, 2, 3]": "[1, 2, 3]",
    "[1, 2,]": "[1, 2]",
    "[[1, 2], [3, 4]]": "[[1, 2], [3, 4]]",
    '{"a", "b"}': "{'a', 'b'}",
    "{}": "{}",
    "[i^2 for i in 1..n]": "[(i ^ 2) for i in (1 .. n)]",
    "sum(c[i, j] for i in I, j in J if i < j and j > 1)": "sum(c[i, j] for i in I, j in J if ((i < j) and (j > 1)))",
    "expect((a[i] - b)^2 for i in 1..N) + c": "(expect(((a[i] - b) ^ 2) for i in (1 .. N)) + c)",
    "sum(x)": "sum(x)",
    "f()": "f()",
    "normal(0, 1, n, m, seed=1)": "normal(0, 1, n, m, seed=1)",
    "dual(y.lower)": "dual(y.lower)",
    # strings
    r'"a \"b\" \\ \n \t \d"': repr('a "b" \\ \n \t \\d'),
    '"# no comment /* nor */"': repr("# no comment /* nor */"),
    # comments and spaces
    "a /* b */ + # c\n d": "(a + d)",
    "a\t\r\n+\fb": "(a + b)",
}


@pytest.mark.parametrize("text", MEANINGS)
def test_meaning(text):
    assert expression(text) == MEANINGS[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a +",
        "a; b",
        "a < b < c",
        "1 +* 2",
        "f(",
        "let a = 3",
        "a = 3",
        "x[]",
        "1 + if a then b else c",
        "{",
        "}",
        ";",
        "/* a",
        '"a',
        "param",
        "a } b",
        "a { b",
    ],
)
def test_no_expression(text):
    with pytest.raises(BilevelError):
        parse_expression(Source("test", text))


@pytest.mark.parametrize(
    "text, message",
    [("1 +", "expected an expression after `+`, found the end"), ("[1, 2", "`[` is not closed before the end")],
)
def test_the_end_of_an_expression_is_no_semicolon(text, message):
    with pytest.raises(BilevelError) as caught:
        parse_expression(Source("test", text))
    assert caught.value.diagnostics[0].message == message


@pytest.mark.parametrize(
    "text, operator, whole",
    [("(a + b) * c", "*", "(a + b) * c"), ("a * (b + c)", "*", "a * (b + c)"), ("( (a) )  + b", "+", "( (a) )  + b")],
)
def test_spans_take_in_parentheses(text, operator, whole):
    tree = parse_expression(Source("test", text))
    assert tree.span.text == whole
    assert tree.op_span.text == operator


def test_integers_are_known_as_such():
    assert parse_expression(Source("test", "3")).is_integer
    assert not parse_expression(Source("test", "3.0")).is_integer
    assert not parse_expression(Source("test", "3e2")).is_integer


def test_a_number_without_a_finite_value_is_refused():
    with pytest.raises(BilevelError, match="BL0107"):
        parse_expression(Source("test", "1e400"))
