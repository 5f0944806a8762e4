"""`if c then a else b`."""

from __future__ import annotations

import numpy as np

from ...syntax import ast
from ..builtins import words
from ..names.frames import Env, Frame
from ..names.scope import Scope
from ..nodes.ir import Node, bad, node
from .lower import expr
from .operators import common_shape
from .reductions import spread
from .values import peek


def lower_conditional(scope: Scope, e: ast.Conditional, env: Env) -> Node:
    c = expr(scope, e.condition, env)
    if c.bad:
        return c
    if c.is_data and c.shape == ():
        value = peek(scope, c, freeze=True)
        if value is None:
            return bad(e.span)
        return _chosen(scope, e, value != 0, env)
    a, b = expr(scope, e.then, env), expr(scope, e.otherwise, env)
    if a.bad or b.bad:
        return bad(e.span)
    shape = common_shape(scope, e, ((c, e.condition), (a, e.then), (b, e.otherwise)), "`if`")
    return bad(e.span) if shape is None else node("where", (c, a, b), shape, e.span)


def _chosen(scope: Scope, e: ast.Conditional, truth: np.ndarray, env: Env) -> Node:
    """Only the branch that applies is read: `if i > 1 then x[i-1] else 0` never looks at x[0]."""
    if truth.all() or not truth.any():
        return expr(scope, e.then if truth.all() else e.otherwise, env)
    parts = []
    for keep, branch in ((truth, e.then), (~truth, e.otherwise)):
        part = Frame(int(keep.sum()), env.frame, np.flatnonzero(keep))
        inner = env.within(part, env.names)
        found = expr(scope, branch, inner)
        if not found.bad and found.batch is None:
            found = spread(found, part.count)
        parts.append(found)
    if any(p.bad for p in parts):
        return bad(e.span)
    if parts[0].shape != parts[1].shape:
        scope.problems.error(
            "BL0301",
            f"the branches of `if` differ in shape: {words(parts[0].shape)} and {words(parts[1].shape)}",
            e.span,
        )
        return bad(e.span)
    return node("merge", tuple(parts), parts[0].shape, e.span, truth, batch=len(truth))
