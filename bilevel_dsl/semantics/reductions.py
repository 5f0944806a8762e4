"""Sums and their like over arrays and generators, vectors from generators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..diagnostics import Span
from ..syntax import ast
from .builtins import words
from .frames import Env, Unvectorizable
from .ir import Dim, Node, bad, const, node
from .parts import Part


class Reductions(Part):
    """The part of the lowering that reads generators."""

    def _reduction(self, e: ast.Call, env: Env) -> Node:
        kind = e.function.id
        if self._loop_beside_the_body(e):
            return bad(e.span)
        if e.keywords or not e.arguments or (len(e.arguments) > 1 and kind not in ("min", "max")):
            self.problems.error(
                "BL0305",
                f"`{kind}` takes one array or a generator",
                e.span,
                hints=(f"write `{kind}(x)` or `{kind}(x[i] for i in 1..n)`",),
            )
            return bad(e.span)
        first = e.arguments[0]
        if isinstance(first, ast.Comprehension) and not first.in_brackets:
            return self._expectation(e, first, env) if kind == "expect" else self._folded_generator(kind, first, env, e.span)
        if kind == "expect":
            self.problems.error(
                "BL0351",
                "`expect` is the mean over samples",
                e.span,
                hints=("write `expect(... for i in 1..N)`; of an array, it is `mean(...)`",),
            )
            return bad(e.span)
        nodes = [self.expr(a, env) for a in e.arguments]
        if any(n.bad for n in nodes):
            return bad(e.span)
        if len(nodes) == 1:
            return nodes[0] if nodes[0].shape == () else self._folded(node("reduce", (nodes[0],), (), e.span, kind))
        shape = self._common(e, list(zip(nodes, e.arguments)), f"`{kind}`")
        if shape is None:
            return bad(e.span)
        found = nodes[0]
        for n in nodes[1:]:
            found = self._folded(node(f"{kind}2", (found, n), found.shape or n.shape, e.span))
        return found

    def _loop_beside_the_body(self, e: ast.Call) -> bool:
        """MiniZinc's and YALMIP's order, `sum(i in I, x[i])`."""
        loops = [a for a in e.arguments if isinstance(a, ast.Binary) and a.op == "in" and isinstance(a.left, ast.Name)]
        bodies = [a.span.text for a in e.arguments if not any(a is loop for loop in loops)]
        if not loops or len(bodies) > 1 or loops[0].left.id in self.symbols:
            return False
        shown = ", ".join(loop.span.text for loop in loops)
        self.problems.error(
            "BL0305",
            f"the loop of `{e.function.id}` stands behind what is added up",
            e.span,
            hints=(f"write `{e.function.id}({bodies[0] if bodies else 'e'} for {shown})`",),
        )
        return True

    def _expectation(self, e: ast.Call, c: ast.Comprehension, env: Env) -> Node:
        if env.inside_expect or env.frame is not None:
            self.problems.error(
                "BL0351",
                "`expect` stands inside another generator",
                e.span,
                hints=("`expect` is outermost; a mean inside is `mean(...)`",),
            )
            return bad(e.span)
        return self._folded_generator("expect", c, replace(env, inside_expect=True), e.span)

    def _folded_generator(self, kind: str, c: ast.Comprehension, env: Env, span: Span) -> Node:
        body, inner = self._iterated(c, env)
        if body is None or body.bad:
            return bad(span)
        segments = inner.frame.segments()
        empty = inner.frame.count == 0 or (segments.count is not None and not segments.sizes.all())
        if empty and kind in ("mean", "min", "max", "expect"):
            self.problems.error(
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
        return self._folded(node("fold", (body,), body.shape, span, (kind, segments), batch=segments.count))

    def _comprehension(self, c: ast.Comprehension, env: Env) -> Node:
        body, inner = self._iterated(c, env)
        if body is None or body.bad:
            return bad(c.span)
        segments = inner.frame.segments()
        if not segments.uniform:
            raise Unvectorizable
        count = inner.frame.count if segments.count is None else int(segments.sizes[0]) if segments.count else 0
        if len(body.shape) > 1 and body.op != "const" or count == 0:
            if count == 0:
                self.problems.error("BL0317", "this vector has no entries", c.span)
            else:
                self.problems.error(
                    "BL0306",
                    f"brackets gather numbers or vectors, not {words(body.shape)}",
                    c.span,
                    secondary=[(c.body.span, words(body.shape))],
                    hints=("`vec(...)` makes a vector of a row: then each is a row of the result",),
                )
            return bad(c.span)
        found = self._folded(node("collect", (body,), (count, *body.shape), c.span, segments, batch=segments.count))
        return found if segments.count is not None or c.condition is not None else self._collected(c, found)

    def _collected(self, c: ast.Comprehension, found: Node) -> Node:
        """With the elements of the set that it runs over."""
        domain = c.generators[0].domain
        symbol = self.symbols.get(domain.id) if isinstance(domain, ast.Name) and len(c.generators) == 1 else None
        over = self.index_set(domain, quiet=True) if symbol is not None and symbol.kind == "set" else None
        if over is None or over.size != found.shape[0]:
            return found
        return self.named(found, (Dim.over(over), *(Dim(n) for n in found.shape[1:])))

    def _iterated(self, c: ast.Comprehension, env: Env) -> tuple[Node | None, Env]:
        """The body for all iterations at once; written out one by one where there is no such form."""
        inner = self.generators.open(c.generators, c.condition, env)
        if inner is None:
            return None, env
        return self.iterated_body(lambda where: self.expr(c.body, where), inner, env, c.span), inner

    def iterated_body(self, lower, inner: Env, env: Env, span: Span) -> Node:
        """`lower(env)` with the batch of `inner.frame`."""
        before = len(self.problems.items)
        try:
            body = lower(inner)
        except Unvectorizable:
            del self.problems.items[before:]
            if env.frame is not None:
                raise
            return self._written_out(lower, inner, span)
        return self._spread(body, inner.frame.count) if not body.bad and body.batch is None else body

    def _written_out(self, lower, inner: Env, span: Span) -> Node:
        count = inner.frame.count
        if not self.generators.can_be_written_out(count, span):
            return bad(span)
        nodes = []
        for k in range(count):
            one = lower(inner.iteration(k))
            if one.bad:
                return one
            if nodes and one.shape != nodes[0].shape:
                self.problems.error("BL0301", "the shape of this expression changes from one iteration to the next", span)
                return bad(span)
            nodes.append(one)
        return node("columns", tuple(nodes), nodes[0].shape, span, batch=count) if nodes else const(np.zeros(0), span, 0)

    @staticmethod
    def _spread(found: Node, count: int) -> Node:
        """The same value in each of `count` iterations."""
        index = np.broadcast_to(np.arange(found.size).reshape(found.shape, order="F"), (count, *found.shape))
        return node("gather", (found,), found.shape, found.span, index, batch=count)
