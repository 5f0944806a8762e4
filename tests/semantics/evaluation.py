"""An expression of the language by both of its values: on numbers, and as CasADi."""

from __future__ import annotations

import casadi as ca
import numpy as np

from bilevel_dsl.diagnostics import Collector, Source, Span
from bilevel_dsl.model.layout import matrix_shape
from bilevel_dsl.model.translation import Translation
from bilevel_dsl.semantics.declarations.names import resolve_all
from bilevel_dsl.semantics.graph.evaluate import evaluate
from bilevel_dsl.semantics.names.scope import Scope
from bilevel_dsl.semantics.names.symbols import declare
from bilevel_dsl.syntax.parser import parse

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]])
S = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
v = np.array([0.5, -1.5, 2.0])
w = np.array([0.3, 0.7])
B = np.array([[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]])
VALUES = {"A": A, "S": S, "v": v, "w": w, "B": B, "s": np.array(1.25)}

PARAMS = """
set CITY = {"north", "south"};
set K = 1..3;
param n = 3; param m = 2;
param first[n] = [3, 1, 2];
"""
FUNCTIONS = """
function square(u) = u^2;
function quadratic(M, u) = dot(u, M @ u);
function weighted(u) = sum(u[k] * k for k in 1..n);
"""


def _source(expression: str, as_variables: bool) -> Source:
    shapes = {"A": "[m, n]", "S": "[n, n]", "v": "[n]", "w": "[CITY]", "B": "[n, m]", "s": ""}
    if as_variables:
        names = "lower { " + " ".join(f"var {k}{d};" for k, d in shapes.items()) + " minimize s; }"
    else:
        names = " ".join(f"param {k}{d};" for k, d in shapes.items()) + " lower { var y; minimize y; }"
    return Source("test", f"{PARAMS}{FUNCTIONS}{names} upper {{ minimize 0; }} let result = {expression};")


def lowered(expression: str, as_variables: bool):
    """The node of an expression over the names above, and the scope it was read in."""
    source, problems = _source(expression, as_variables), Collector()
    symbols, _ = declare(parse(source), problems)
    data = {} if as_variables else VALUES
    scope = Scope(symbols, problems, Span(source, 0, 0), outside=data)
    resolve_all(scope)
    problems.raise_errors()
    return symbols["result"].node, scope


def on_numbers(expression: str) -> np.ndarray:
    node, scope = lowered(expression, as_variables=False)
    return evaluate(node, scope.params)


def in_casadi(expression: str, as_variables: bool = True) -> np.ndarray:
    node, scope = lowered(expression, as_variables)
    values = dict(VALUES) if as_variables else scope.params
    shapes = {k: np.shape(x) for k, x in {**scope.params, **values}.items()}
    symbols = {k: ca.MX.sym(k, *matrix_shape(shape)) for k, shape in shapes.items()}
    out = Translation(symbols)(node)
    function = ca.Function("f", list(symbols.values()), [ca.densify(out)])
    numbers = {**scope.params, **values}
    value = np.array(function.call([ca.DM(np.reshape(numbers[k], matrix_shape(np.shape(numbers[k])))) for k in symbols])[0])
    return value.reshape(node.shape) if len(node.shape) < 2 else value
