"""Names: of what is declared, of loop variables and of arguments of functions."""

from __future__ import annotations

from ...syntax import ast
from ..builtins import BUILTINS, is_known
from ..constraint_sets import CONSTRAINT_SETS
from ..names.frames import Env, Loop, loop_value
from ..names.resolve import resolve
from ..names.scope import Scope
from ..names.symbols import unknown_name
from ..nodes.ir import Node, bad, node
from .keys import BROKEN, label_is_no_number, label_key
from .own import own_as_a_whole, own_of


def lower_name(scope: Scope, e: ast.Name, env: Env) -> Node:
    local = env.names.get(e.id)
    if isinstance(local, Loop):
        return _loop_variable(scope, e, local, env)
    if local is not None:
        return env.lift(*local, e.span)
    symbol = scope.symbols.get(e.id)
    if symbol is None:
        return _undeclared(scope, e, env)
    own = own_of(scope, e, env)
    if own is not None:
        return own_as_a_whole(scope, e, own)
    if not resolve(scope, symbol):
        return bad(e.span)
    if symbol.text is not None:
        scope.problems.error(
            "BL0311",
            f"`{e.id}` is a text, and is used to name files and columns only",
            e.span,
            secondary=[(symbol.span, "declared here")],
        )
        return bad(e.span)
    if symbol.universe is not None:
        return label_is_no_number(scope, e.span, label_key(scope, e, env) or BROKEN)
    if symbol.kind == "let":
        return bad(e.span) if symbol.node.bad else symbol.node
    if symbol.kind in ("param", "var"):
        is_param = symbol.kind == "param"
        names = frozenset((e.id,))
        if symbol.pattern is not None:
            entries = Node("param", (), (symbol.pattern.size,), None, e.span, e.id, frozenset(), names)
            return node("sparse", (entries,), symbol.shape, e.span, symbol.pattern)
        return Node(symbol.kind, (), symbol.shape, None, e.span, e.id, *((frozenset(), names) if is_param else (names,)))
    hint = (
        f"call it: `{e.id}(...)`" if symbol.kind == "function" else "use it in `for i in ...`, as a dimension, or after `in`"
    )
    scope.problems.error(
        "BL0205",
        f"the {symbol.words} `{e.id}` is not a value",
        e.span,
        hints=(hint,),
        secondary=[(symbol.span, "declared here")],
    )
    return bad(e.span)


def _loop_variable(scope: Scope, e: ast.Name, loop: Loop, env: Env) -> Node:
    if not loop.is_number:
        kind, like = "label", f'"{loop.universe.labels[0]}"' if loop.universe else ""
        if loop.tuples is not None:
            kind, like = loop.tuples.words, "b"
        scope.problems.error(
            "BL0311",
            f"`{e.id}` is a {kind} of {f'`{loop.set_name}`' if loop.set_name else 'a set'}, not a number",
            e.span,
            hints=(f"use it as an index, `x[{e.id}]`, or compare it, `{e.id} == {like}`",),
        )
        return bad(e.span)
    return loop_value(loop, env, e.span)


def _undeclared(scope: Scope, e: ast.Name, env: Env) -> Node:
    if any(d.code == "BL0204" and d.message.startswith(f"`{e.id}` ") for d in scope.problems.errors):
        pass  # the model declares it, and has been told that the name is taken
    elif e.id in CONSTRAINT_SETS:
        hint = f"sets stand after `in`: `var x[3] in {e.id}{'(...)' if CONSTRAINT_SETS[e.id].most else ''}`"
        scope.problems.error("BL0205", f"`{e.id}` is a constraint set, not a value", e.span, hints=(hint,))
    elif is_known(e.id):
        builtin = BUILTINS.get(e.id)
        hint = f"call it: `{builtin.signature}`" if builtin else f"call it: `{e.id}(...)`"
        scope.problems.error("BL0205", f"`{e.id}` is a built-in function, not a value", e.span, hints=(hint,))
    else:
        undeclared(scope, e, [*scope.symbols, *env.names])
    return bad(e.span)


def undeclared(scope: Scope, name: ast.Name, known: list[str]) -> None:
    unknown_name(name, known, scope.problems, scope.unknown, scope.loops())
