"""Operators: entry by entry, comparisons of labels, the matrix product, transposition."""

from __future__ import annotations

from math import prod

from ...diagnostics import Fix
from ...syntax import ast
from ..builtins import words
from ..graph.batches import has_batch_form
from ..graph.evaluate import evaluate
from ..names.frames import Env, Unvectorizable
from ..names.scope import Scope
from ..nodes.ir import Node, bad, node
from .lower import expr
from .membership import labels_compared, membership

SLICED = ("`p[:, :, k]` is a matrix, `p[:, j, k]` a vector",)  # the hint where an array has too many dimensions


def lower_transpose(scope: Scope, e: ast.Transpose, env: Env) -> Node:
    a = expr(scope, e.operand, env)
    if a.bad or a.shape == ():
        return a
    if len(a.shape) > 2:
        scope.problems.error("BL0303", f"`'` transposes matrices, and this is {words(a.shape)}", e.span, hints=SLICED)
        return bad(e.span)
    # a row becomes a column, and a column is a vector
    shape = (1, a.shape[0]) if len(a.shape) == 1 else (a.shape[1],) if a.shape[0] == 1 else a.shape[::-1]
    return folded(node("transpose", (a,), shape, e.span))


def lower_unary(scope: Scope, e: ast.Unary, env: Env) -> Node:
    signs, inner = [], e
    while isinstance(inner, ast.Unary):
        signs.append(inner)
        inner = inner.operand
    a = expr(scope, inner, env)
    for u in reversed(signs):
        if not a.bad and u.op != "+":
            a = folded(node({"-": "neg", "not": "not"}[u.op], (a,), a.shape, u.span))
    return a


def lower_binary(scope: Scope, e: ast.Binary, env: Env) -> Node:
    spine = [e]
    while isinstance(spine[-1].left, ast.Binary):
        spine.append(spine[-1].left)
    result = None
    for b in reversed(spine):
        before = result
        result = (
            labels_compared(scope, b, env) if b.op in ("==", "!=") else membership(scope, b, env) if b.op == "in" else None
        )
        if result is None:
            left = expr(scope, b.left, env) if b is spine[-1] else before
            result = _operated(scope, b, left, expr(scope, b.right, env), env)
    return result


def _operated(scope: Scope, e: ast.Binary, a: Node, b: Node, env: Env) -> Node:
    if a.bad or b.bad:
        return bad(e.span)
    if e.op == "@":
        return _product(scope, e, a, b, env.at_once)
    if a.shape != b.shape and a.shape and b.shape:
        _unequal(scope, e, a, b)
        return bad(e.span)
    return folded(node(e.op, (a, b), a.shape or b.shape, e.span))


def _unequal(scope: Scope, e: ast.Binary, a: Node, b: Node) -> None:
    if e.op == "*" and len(a.shape) == 2 and a.shape[1] == b.shape[0]:
        scope.problems.error(
            "BL0302",
            f"`*` multiplies entry by entry, and these are {words(a.shape)} and {words(b.shape)}",
            e.op_span,
            hints=("the matrix product is `@`",),
            fix=Fix(e.op_span, "@"),
        )
        return
    hints = ()
    if max(len(a.shape), len(b.shape)) > 2:
        hints = SLICED
    elif sorted(a.shape) == sorted(b.shape) or (prod(a.shape) == prod(b.shape) and 1 in (a.shape + b.shape)):
        hints = ("transpose one of them with `'`",)
    elif e.op == "*" and len(a.shape) == len(b.shape) == 1:
        hints = ("the scalar product is `dot(a, b)`",)
    scope.problems.error(
        "BL0301",
        f"`{e.op}` works entry by entry, and the two sides differ in shape",
        e.op_span,
        secondary=[(e.left.span, words(a.shape)), (e.right.span, words(b.shape))],
        hints=hints,
    )


def _product(scope: Scope, e: ast.Binary, a: Node, b: Node, at_once: bool) -> Node:
    if not a.shape and b.shape[:1] == (1,):  # where n is 1, `y' @ A` is a number, and `y' @ A @ y` is still meant
        a = node("stack", (a,), (1,), e.left.span)
    elif not b.shape and a.shape[-1:] == (1,):
        b = node("stack", (b,), (1,), e.right.span)
    if not a.shape or not b.shape:
        scalars = [(w.span, "a scalar") for w, n in ((e.left, a), (e.right, b)) if not n.shape]
        scope.problems.error(
            "BL0303",
            "`@` is the product of matrices, not of scalars",
            e.op_span,
            secondary=scalars,
            hints=("a scalar multiplies with `*`",),
            fix=Fix(e.op_span, "*"),
        )
        return bad(e.span)
    large = next((s for s in ((e.left, a), (e.right, b)) if len(s[1].shape) > 2), None)
    if large is not None:
        message = f"`@` is the product of matrices, and this is {words(large[1].shape)}"
        scope.problems.error("BL0303", message, large[0].span, hints=SLICED)
        return bad(e.span)
    if (
        _is_row(e.right) and len(a.shape) == 2 == len(b.shape) and a.shape[1] == b.shape[1]
    ):  # B @ u[k, :]: a row of a matrix as the vector that it is
        b = node("vec", (b,), b.shape[1:], e.right.span)
    (m, k), (k2, n) = (s if len(s) == 2 else (s[0], 1) for s in (a.shape, b.shape))
    if k != k2:
        hints = ("the scalar product of two vectors is `dot(a, b)`",) if len(a.shape) == len(b.shape) == 1 else ()
        if not hints and a.shape[0] == k2:
            hints = (
                "transpose the left side with `'`"
                if len(a.shape) == 2
                else f"a vector is a column: write `{_operand(e.left)}'` for the row",
            )
        scope.problems.error(
            "BL0303",
            f"`@` needs as many columns on the left ({k}) as rows on the right ({k2})",
            e.op_span,
            secondary=[(e.left.span, words(a.shape)), (e.right.span, words(b.shape))],
            hints=hints,
        )
        return bad(e.span)
    if not at_once and not has_batch_form(a, b):
        raise Unvectorizable
    shape = () if m == n == 1 else (m,) if len(b.shape) == 1 else (m, n)
    return folded(node("matmul", (a, b), shape, e.span))


def folded(found: Node) -> Node:
    """Constants of constants are computed at once: loop variables are constants."""
    if found.bad or not all(a.op == "const" for a in found.args):
        return found
    return Node("const", (), found.shape, found.batch, found.span, evaluate(found, {}))


def common_shape(scope: Scope, e: ast.Expr, parts, what: str) -> tuple[int, ...] | None:
    """The one shape of nodes that meet entry by entry; scalars go with anything."""
    shapes = {n.shape for n, _ in parts if n.shape}
    if len(shapes) > 1:
        scope.problems.error(
            "BL0301",
            f"{what} works entry by entry, on equal shapes or scalars",
            e.span,
            secondary=[(w.span, words(n.shape)) for n, w in parts],
        )
        return None
    return shapes.pop() if shapes else ()


def _is_row(e: ast.Expr) -> bool:
    """`u[k, :]`"""
    return isinstance(e, ast.Index) and [isinstance(i, ast.Slice) for i in e.items] == [False, True]


def _operand(e: ast.Expr) -> str:
    return e.span.text if isinstance(e, (ast.Name, ast.Index, ast.Call, ast.Array)) else f"({e.span.text})"
