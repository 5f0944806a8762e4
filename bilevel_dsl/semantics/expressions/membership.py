"""Questions about elements: `e in S`, `i == "a"`."""

from __future__ import annotations

import numpy as np

from ...diagnostics import Span
from ...syntax import ast
from ..names.frames import Env, Unvectorizable
from ..names.scope import Scope
from ..nodes.elements import Key, comparable, recoded
from ..nodes.ir import Node, bad, const
from .index_sets import index_set
from .keys import BROKEN, element_key, is_of_kind, kind_of, label_key, no_label


def membership(scope: Scope, e: ast.Binary, env: Env) -> Node:
    """`e in S`."""
    key = element_key(scope, e.left, env)
    found = index_set(scope, e.right, env, what="`in` asks for an element of")
    if key is None or found is None or not is_of_kind(scope, e.left, key, found):
        return bad(e.span)
    return _truth(found.find(key) >= 0, key, e.span)


def labels_compared(scope: Scope, e: ast.Binary, env: Env) -> Node | None:
    """`i == "a"`, `i != j`, `from[l] == b`, `a == (i, j)`; None where the sides are numbers."""
    if isinstance(e.left, ast.Text) and isinstance(e.right, ast.Text):
        return None
    keys = [label_key(scope, side, env) for side in (e.left, e.right)]
    if any(k is BROKEN for k in keys):
        return bad(e.span)
    if any(k is None for k in keys):
        return None
    a, b = keys
    for text, other in ((e.left, b), (e.right, a)):
        if isinstance(text, ast.Text) and other.arity == 1 and other.universes[0] is not None:
            if text.value not in other.universes[0].codes:
                no_label(scope, text, other.universes[0].labels)
                return bad(e.span)
    if a.arity != b.arity or not all(map(comparable, a.universes, b.universes)):
        what = "labels" if a.arity == b.arity == 1 else "elements"
        names = [f"of `{k.set_name}`" if k.set_name else "of another set" for k in keys]
        sides = [(s.span, f"a {kind_of(k)} {n}") for s, k, n in zip((e.left, e.right), keys, names)]
        scope.problems.error("BL0311", f"{what} of different sets are never equal", e.span, secondary=sides)
        return bad(e.span)
    if a.batched and b.kept or a.kept and b.batched:
        raise Unvectorizable
    equal = np.array(True)
    for x, u, y, v in zip(a.columns, a.universes, b.columns, b.universes):
        equal = equal & (recoded(x, u, v) == y)
    whole = Key(a.columns, a.universes, a.batched or b.batched, a.kept or b.kept)
    return _truth(equal if e.op == "==" else ~equal, whole, e.span)


def _truth(values: np.ndarray, key: Key, span: Span) -> Node:
    return const(values, span, len(values) if key.batched else None)
