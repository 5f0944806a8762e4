"""Sums and their like over arrays and generators, vectors from generators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...diagnostics import Span
from ...syntax import ast
from ..builtins import words
from ..names.frames import Env, Unvectorizable
from ..names.scope import Scope
from ..nodes.ir import Dim, Node, bad, const, node
from .generators import can_be_written_out, open_generators
from .index_sets import index_set
from .lower import expr
from .naming import named
from .operators import common_shape, folded


def lower_reduction(scope: Scope, e: ast.Call, env: Env) -> Node:
    kind = e.function.id
    if _loop_beside_the_body(scope, e):
        return bad(e.span)
    if e.keywords or not e.arguments or (len(e.arguments) > 1 and kind not in ("min", "max")):
        scope.problems.error(
            "BL0305",
            f"`{kind}` takes one array or a generator",
            e.span,
            hints=(f"write `{kind}(x)` or `{kind}(x[i] for i in 1..n)`",),
        )
        return bad(e.span)
    first = e.arguments[0]
    if isinstance(first, ast.Comprehension) and not first.in_brackets:
        return _expectation(scope, e, first, env) if kind == "expect" else _folded_generator(scope, kind, first, env, e.span)
    if kind == "expect":
        scope.problems.error(
            "BL0351",
            "`expect` is the mean over samples",
            e.span,
            hints=("write `expect(... for i in 1..N)`; of an array, it is `mean(...)`",),
        )
        return bad(e.span)
    nodes = [expr(scope, a, env) for a in e.arguments]
    if any(n.bad for n in nodes):
        return bad(e.span)
    if len(nodes) == 1:
        return nodes[0] if nodes[0].shape == () else folded(node("reduce", (nodes[0],), (), e.span, kind))
    shape = common_shape(scope, e, list(zip(nodes, e.arguments)), f"`{kind}`")
    if shape is None:
        return bad(e.span)
    found = nodes[0]
    for n in nodes[1:]:
        found = folded(node(f"{kind}2", (found, n), found.shape or n.shape, e.span))
    return found


def _loop_beside_the_body(scope: Scope, e: ast.Call) -> bool:
    """MiniZinc's and YALMIP's order, `sum(i in I, x[i])`."""
    loops = [a for a in e.arguments if isinstance(a, ast.Binary) and a.op == "in" and isinstance(a.left, ast.Name)]
    bodies = [a.span.text for a in e.arguments if not any(a is loop for loop in loops)]
    if not loops or len(bodies) > 1 or loops[0].left.id in scope.symbols:
        return False
    shown = ", ".join(loop.span.text for loop in loops)
    scope.problems.error(
        "BL0305",
        f"the loop of `{e.function.id}` stands behind what is added up",
        e.span,
        hints=(f"write `{e.function.id}({bodies[0] if bodies else 'e'} for {shown})`",),
    )
    return True


def _expectation(scope: Scope, e: ast.Call, c: ast.Comprehension, env: Env) -> Node:
    if env.inside_expect or env.frame is not None:
        scope.problems.error(
            "BL0351",
            "`expect` stands inside another generator",
            e.span,
            hints=("`expect` is outermost; a mean inside is `mean(...)`",),
        )
        return bad(e.span)
    return _folded_generator(scope, "expect", c, replace(env, inside_expect=True), e.span)


def _folded_generator(scope: Scope, kind: str, c: ast.Comprehension, env: Env, span: Span) -> Node:
    body, inner = _iterated(scope, c, env)
    if body is None or body.bad:
        return bad(span)
    segments = inner.frame.segments()
    empty = inner.frame.count == 0 or (segments.count is not None and not segments.sizes.all())
    if empty and kind in ("mean", "min", "max", "expect"):
        scope.problems.error(
            "BL0317",
            f"`{kind}` is over nothing: its generator has no iterations",
            span,
            secondary=[(g.span, "empty") for g in c.generators[:1]],
        )
        return bad(span)
    if inner.frame.count == 0:
        value = 1.0 if kind == "prod" else 0.0
        count = segments.count
        return const(np.full(((count,) if count is not None else ()) + body.shape, value), span, count)
    if kind in ("prod", "min", "max") and segments.count is not None and not segments.uniform:
        raise Unvectorizable
    return folded(node("fold", (body,), body.shape, span, (kind, segments), batch=segments.count))


def lower_comprehension(scope: Scope, c: ast.Comprehension, env: Env) -> Node:
    body, inner = _iterated(scope, c, env)
    if body is None or body.bad:
        return bad(c.span)
    segments = inner.frame.segments()
    if not segments.uniform:
        raise Unvectorizable
    count = inner.frame.count if segments.count is None else int(segments.sizes[0]) if segments.count else 0
    if len(body.shape) > 1 and body.op != "const" or count == 0:
        if count == 0:
            scope.problems.error("BL0317", "this vector has no entries", c.span)
        else:
            scope.problems.error(
                "BL0306",
                f"brackets gather numbers or vectors, not {words(body.shape)}",
                c.span,
                secondary=[(c.body.span, words(body.shape))],
                hints=("`vec(...)` makes a vector of a row: then each is a row of the result",),
            )
        return bad(c.span)
    found = folded(node("collect", (body,), (count, *body.shape), c.span, segments, batch=segments.count))
    return found if segments.count is not None or c.condition is not None else _collected(scope, c, found)


def _collected(scope: Scope, c: ast.Comprehension, found: Node) -> Node:
    """With the elements of the set that it runs over."""
    domain = c.generators[0].domain
    symbol = scope.symbols.get(domain.id) if isinstance(domain, ast.Name) and len(c.generators) == 1 else None
    over = index_set(scope, domain, quiet=True) if symbol is not None and symbol.kind == "set" else None
    if over is None or over.size != found.shape[0]:
        return found
    return named(scope, found, (Dim.over(over), *(Dim(n) for n in found.shape[1:])))


def _iterated(scope: Scope, c: ast.Comprehension, env: Env) -> tuple[Node | None, Env]:
    """The body for all iterations at once; written out one by one where there is no such form."""
    inner = open_generators(scope, c.generators, c.condition, env)
    if inner is None:
        return None, env
    return iterated_body(scope, lambda where: expr(scope, c.body, where), inner, env, c.span), inner


def iterated_body(scope: Scope, lower, inner: Env, env: Env, span: Span) -> Node:
    """`lower(env)` with the batch of `inner.frame`."""
    before = len(scope.problems.items)
    try:
        body = lower(inner)
    except Unvectorizable:
        del scope.problems.items[before:]
        if env.frame is not None:
            raise
        return _written_out(scope, lower, inner, span)
    return spread(body, inner.frame.count) if not body.bad and body.batch is None else body


def _written_out(scope: Scope, lower, inner: Env, span: Span) -> Node:
    count = inner.frame.count
    if not can_be_written_out(scope, count, span):
        return bad(span)
    nodes = []
    for k in range(count):
        one = lower(inner.iteration(k))
        if one.bad:
            return one
        if nodes and one.shape != nodes[0].shape:
            scope.problems.error("BL0301", "the shape of this expression changes from one iteration to the next", span)
            return bad(span)
        nodes.append(one)
    return node("columns", tuple(nodes), nodes[0].shape, span, batch=count) if nodes else const(np.zeros(0), span, 0)


def spread(found: Node, count: int) -> Node:
    """The same value in each of `count` iterations."""
    index = np.broadcast_to(np.arange(found.size).reshape(found.shape, order="F"), (count, *found.shape))
    return node("gather", (found,), found.shape, found.span, index, batch=count)
