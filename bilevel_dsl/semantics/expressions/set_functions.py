"""Functions of sets: `card(S)`, `ord(e)`, `first(S)`, `last(S)`."""

from __future__ import annotations

import numpy as np

from ...syntax import ast
from ..names.frames import Env, Loop
from ..names.scope import Scope
from ..nodes.elements import IndexSet, Key, name_of
from ..nodes.ir import Node, bad, const
from .index_sets import index_set
from .keys import BROKEN, element_key, is_of_kind


def lower_set_function(scope: Scope, e: ast.Call, env: Env) -> Node:
    """`card(S)`, `ord(e)`, `first(S)`, `last(S)`, where they are numbers."""
    if e.function.id == "card":
        found = _set_argument(scope, e, env)
        return bad(e.span) if found is None else const(float(found.size), e.span)
    if e.function.id == "ord":
        return _ord_of(scope, e, env)
    key = _end_key(scope, e, env)
    if key is None:
        return const(_end_of(scope, e, env)[0], e.span)
    if key is not BROKEN:
        scope.problems.error(
            "BL0311",
            f"`{e.span.text}` is {'a label' if key.arity == 1 else 'a tuple'}, not a number",
            e.span,
            hints=(f"use it as an index, `x[{e.span.text}]`, or compare it, `i == {e.span.text}`",),
        )
    return bad(e.span)


def _set_argument(scope: Scope, e: ast.Call, env: Env) -> IndexSet | None:
    if len(e.arguments) != 1 or e.keywords:
        scope.problems.error(
            "BL0305", f"`{e.function.id}` takes a set", e.span, hints=(f"it is called as `{e.function.id}(S)`",)
        )
        return None
    return index_set(scope, e.arguments[0], env, what=f"`{e.function.id}` is of")


def _end_of(scope: Scope, e: ast.Call, env: Env) -> tuple[int, ...] | None:
    found = _set_argument(scope, e, env)
    if found is None:
        return None
    if not found.size:
        scope.problems.error("BL0317", f"`{e.span.text}` has no value: the set is empty", e.span)
        return None
    return tuple(int(c[0 if e.function.id == "first" else -1]) for c in found.columns)


def call_key(scope: Scope, e: ast.Call, env: Env) -> Key | None:
    """`first(S)`, `last(S)`."""
    return _end_key(scope, e, env) if e.function.id in ("first", "last") and e.function.id not in scope.symbols else None


def _end_key(scope: Scope, e: ast.Call, env: Env) -> Key | None:
    values = _end_of(scope, e, env)
    if values is None:
        return BROKEN
    found = index_set(scope, e.arguments[0], env, quiet=True)
    if found.arity == 1 and not found.has_labels:
        return None
    return Key(tuple(map(np.array, values)), found.universes, set_name=found.name)


def _ord_of(scope: Scope, e: ast.Call, env: Env) -> Node:
    """The place of an element in the set that it runs over, or in a given one."""
    if e.keywords or len(e.arguments) not in (1, 2):
        scope.problems.error("BL0305", "`ord` takes an element, or an element and a set", e.span)
        return bad(e.span)
    first = e.arguments[0]
    key = element_key(scope, first, env)
    if key is None:
        return bad(e.span)
    if len(e.arguments) == 2:
        found = index_set(scope, e.arguments[1], env, what="`ord` is of")
    else:
        loop = env.names.get(first.id) if isinstance(first, ast.Name) else None
        found = loop.domain if isinstance(loop, Loop) and loop.part < 0 else None
        if found is None:
            scope.problems.error(
                "BL0311",
                f"`ord` needs the set: `{first.span.text}` does not run over one",
                e.span,
                hints=(f"write `ord({first.span.text}, S)`",),
            )
    if found is None or not is_of_kind(scope, first, key, found):
        return bad(e.span)
    places = found.find(key)
    missing = np.ravel(places < 0)
    if missing.any():
        at = int(np.argmax(missing))
        scope.problems.error("BL0309", f"{key.text(at)} is not in {name_of(found)}", first.span)
        return bad(e.span)
    return const(places + 1.0, e.span, len(places) if key.batched else None)
