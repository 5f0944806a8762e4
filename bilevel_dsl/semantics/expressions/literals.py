"""Numbers, arrays and ranges; and what has no value: texts, sets, tuples, bounds."""

from __future__ import annotations

import numpy as np

from ...syntax import ast
from ..builtins import words
from ..names.frames import Env
from ..names.scope import Scope
from ..nodes.ir import Node, bad, const, node
from .index_sets import index_set
from .lower import expr


def lower_number(scope: Scope, e: ast.Number, env: Env) -> Node:
    return const(e.value, e.span)


def lower_array(scope: Scope, e: ast.Array, env: Env) -> Node:
    if not e.items:
        scope.problems.error("BL0306", "an array needs at least one entry", e.span)
        return bad(e.span)
    items = [expr(scope, i, env) for i in e.items]
    if any(i.bad for i in items):
        return bad(e.span)
    shapes = [i.shape for i in items]
    for shape, written in zip(shapes, e.items):
        if shape != shapes[0] or len(shape) > 1 and not all(i.op == "const" and i.batch is None for i in items):
            found = (
                "the rows of a matrix are vectors"
                if len(shape) > 1
                else f"the entries of an array have one shape: this is {words(shape)}, the first one {words(shapes[0])}"
            )
            scope.problems.error("BL0301", found, written.span)
            return bad(e.span)
    shape = (len(items), *shapes[0])
    if all(i.op == "const" and i.batch is None for i in items):
        return const(np.array([i.attr for i in items]), e.span)
    return node("stack", tuple(items), shape, e.span)


def lower_range(scope: Scope, e: ast.Range, env: Env) -> Node:
    found = index_set(scope, e, env)
    return bad(e.span) if found is None else const(found.values, e.span)


def lower_text(scope: Scope, e: ast.Text, env: Env) -> Node:
    scope.problems.error(
        "BL0311",
        "a string has no value in an expression",
        e.span,
        hints=('a label is an index, `x["a"]`, or is compared, `i == "a"`',),
    )
    return bad(e.span)


def lower_labels(scope: Scope, e: ast.Labels, env: Env) -> Node:
    scope.problems.error(
        "BL0205",
        "a set has no value in an expression",
        e.span,
        hints=("a vector is written with brackets: `[1, 2]`",),
    )
    return bad(e.span)


def lower_tuple(scope: Scope, e: ast.Tuple, env: Env) -> Node:
    scope.problems.error(
        "BL0205",
        "a tuple has no value in an expression",
        e.span,
        hints=("it is an element: an index, `x[i, j]`, or asked for, `(i, j) in S`; a vector is `[1, 2]`",),
    )
    return bad(e.span)


def lower_attribute(scope: Scope, e: ast.Attribute, env: Env) -> Node:
    scope.problems.error(
        "BL0391",
        "the bounds of a variable are named in `dual` only",
        e.span,
        hints=(f"write `dual({e.span.text})`",),
    )
    return bad(e.span)
