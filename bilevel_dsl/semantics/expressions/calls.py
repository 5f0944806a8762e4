"""Calls: functions of the model and built-in functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np

from ...diagnostics import did_you_mean
from ...syntax import ast
from ..builtins import BUILTINS, Builtin, Misuse, known_names, words
from ..constraint_sets import CONSTRAINT_SETS
from ..names.frames import Env, Frame, Loop, Unvectorizable
from ..names.habits import FUNCTIONS
from ..names.scope import Scope
from ..names.symbols import Symbol
from ..nodes.ir import MANY, Node, bad, const, node
from .lower import expr
from .operators import SLICED, common_shape, folded
from .values import peek, refuse_variables

BY_NAME: dict[str, Callable[[Scope, ast.Call, Env], Node]] = {}  # words that are called but are no plain functions


def lower_call(scope: Scope, e: ast.Call, env: Env) -> Node:
    name = e.function.id
    symbol = scope.symbols.get(name)
    if symbol is not None and name not in env.names:
        if symbol.kind == "function":
            return _inlined(scope, e, symbol, env)
        scope.problems.error(
            "BL0206",
            f"the {symbol.words} `{name}` is not a function",
            e.span,
            hints=(f"an index is written with brackets: `{name}[i]`",),
            secondary=[(symbol.span, "declared here")],
        )
        return bad(e.span)
    if name in BY_NAME:
        return BY_NAME[name](scope, e, env)
    if name in CONSTRAINT_SETS and CONSTRAINT_SETS[name].most:
        scope.problems.error(
            "BL0205",
            f"`{name}` is a constraint set, not a value",
            e.span,
            hints=("sets stand after `in`: `var x[3] in " + name + "(...)`",),
        )
        return bad(e.span)
    builtin = BUILTINS.get(name)
    if builtin is None:
        _no_function(scope, e.function)
        return bad(e.span)
    return _built_in(scope, e, builtin, env)


def _no_function(scope: Scope, name: ast.Name) -> None:
    functions = [s.name for s in scope.symbols.values() if s.kind == "function"]
    hints = (FUNCTIONS[name.id],) if name.id in FUNCTIONS else did_you_mean(name.id, [*functions, *known_names()])
    if name.id not in scope.unknown:
        scope.unknown.add(name.id)
        scope.problems.error("BL0206", f"there is no function `{name.id}`", name.span, hints=hints)


def _inlined(scope: Scope, e: ast.Call, symbol: Symbol, env: Env) -> Node:
    decl: ast.FunctionDecl = symbol.decl
    if len(e.arguments) != len(decl.parameters) or e.keywords:
        scope.problems.error(
            "BL0305",
            f"`{symbol.name}` takes {_counted(len(decl.parameters), 'argument')}, not {len(e.arguments) + len(e.keywords)}",
            e.span,
            secondary=[(decl.span, "declared here")],
        )
        return bad(e.span)
    if any(c.function.id == symbol.name for c in env.calls):
        scope.problems.error(
            "BL0213",
            f"the function `{symbol.name}` calls itself",
            e.span,
            secondary=[(symbol.span, "declared here")],
        )
        return bad(e.span)
    arguments = {p.id: _argument(scope, a, env) for p, a in zip(decl.parameters, e.arguments)}
    if any(not isinstance(a, Loop) and a[0].bad for a in arguments.values()):
        return bad(e.span)
    before = len(scope.problems.items)
    alike = env.inside_expect, env.at_once, *scope.alike.key_of_call(symbol.name, env.frame, arguments)
    found = scope.alike.calls.get(alike)
    if found is not None:
        return found
    found = expr(scope, decl.body, replace(env, names=arguments, calls=(*env.calls, e)))
    if len(scope.problems.items) == before:
        scope.alike.calls[alike] = found
    elif not env.calls:
        scope.problems.label(before, e.span, "in this call")
    return found


def _argument(scope: Scope, a: ast.Expr, env: Env) -> Loop | tuple[Node, Frame | None]:
    """A label or a tuple is handed through, as it has no value."""
    loop = env.names.get(a.id) if isinstance(a, ast.Name) else None
    if isinstance(loop, Loop) and not loop.is_number:
        return loop
    return expr(scope, a, env), env.frame


def _built_in(scope: Scope, e: ast.Call, builtin: Builtin, env: Env) -> Node:
    arguments = _arguments(scope, e, builtin)
    if arguments is None:
        return bad(e.span)
    nodes = [expr(scope, a, env) for a in arguments]
    if any(n.bad for n in nodes):
        return bad(e.span)
    large = next((n for n in nodes if len(n.shape) > 2), None)
    if large is not None and builtin.shape is not None and not builtin.any_rank or large and builtin.sizes == 0:
        message = f"`{builtin.name}` takes at most two dimensions, and this is {words(large.shape)}"
        scope.problems.error("BL0306", message, large.span, hints=SLICED)
        return bad(e.span)
    if builtin.data_only and any(n.variables for n in nodes):
        wrong = next(n for n in nodes if n.variables)
        refuse_variables(scope, wrong, wrong.span, f"`{builtin.name}` is of data only")
        return bad(e.span)
    if any(n.batch is not None for n in nodes) and not builtin.in_batches and not env.at_once:
        raise Unvectorizable
    if builtin.name in ("rows", "cols"):  # known from the shape, also of variables
        return const(float((*nodes[0].shape, 1, 1)[builtin.name == "cols"]), e.span)
    try:
        found = _shaped(scope, e, builtin, nodes, arguments)
        if not builtin.data_only:
            return folded(found)
        value = None if found.bad else peek(scope, found, freeze=True)
        return bad(e.span) if value is None else const(value, e.span, found.batch)
    except Misuse as wrong:
        scope.problems.error("BL0306", f"`{builtin.name}` {wrong}", e.span, hints=wrong.hints)
        return bad(e.span)


def _arguments(scope: Scope, e: ast.Call, builtin: Builtin) -> list[ast.Expr] | None:
    """The arguments in order, named ones last; None after a mistake in their number."""
    names = [k.id for k, _ in e.keywords]
    unknown = [k for k, _ in e.keywords if k.id not in builtin.keywords]
    if unknown:
        hints = (f"it is called as `{builtin.signature}`",)
        scope.problems.error(
            "BL0305", f"`{builtin.name}` has no argument called `{unknown[0].id}`", unknown[0].span, hints=hints
        )
        return None
    missing = [k for k in builtin.keywords if k not in names]
    if missing:
        scope.problems.error(
            "BL0305",
            f"`{builtin.name}` needs `{missing[0]}=`, so that every run sees the same numbers",
            e.span,
            hints=(f"it is called as `{builtin.signature}`",),
        )
        return None
    count = len(e.arguments)
    if any(isinstance(a, ast.Comprehension) and not a.in_brackets for a in e.arguments):
        scope.problems.error(
            "BL0305",
            f"`{builtin.name}` takes no generator",
            e.span,
            hints=("make a vector of it with brackets: `[... for i in 1..n]`",),
        )
        return None
    least, most = builtin.arguments
    if count < least or (most is not None and count > most):
        wanted = str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        scope.problems.error(
            "BL0305",
            f"`{builtin.name}` takes {wanted} argument{'' if wanted == '1' else 's'}, not {count}",
            e.span,
            hints=(f"it is called as `{builtin.signature}`",),
        )
        return None
    return [*e.arguments, *(v for _, v in e.keywords)]


def _shaped(scope: Scope, e: ast.Call, builtin: Builtin, nodes: list[Node], written: list[ast.Expr]) -> Node:
    if builtin.sizes is not None:
        return _sized(scope, e, builtin, nodes, written)
    if builtin.shape is None:
        shape = common_shape(scope, e, list(zip(nodes, written)), f"`{builtin.name}`")
        return bad(e.span) if shape is None else node(builtin.name, tuple(nodes), shape, e.span)
    return node(builtin.name, tuple(nodes), builtin.shape(*(n.shape for n in nodes)), e.span)


def _sized(scope: Scope, e: ast.Call, builtin: Builtin, nodes: list[Node], written: list[ast.Expr]) -> Node:
    """A function with whole numbers among its arguments that are the shape of its result."""
    plain = len(nodes) - len(builtin.keywords)
    sizes = []
    for n, w in list(zip(nodes, written))[builtin.sizes : plain]:
        size = _size_of(scope, n, w)
        if size is None:
            return bad(e.span)
        sizes.append(size)
    rest = nodes[: builtin.sizes] + nodes[plain:]
    if builtin.name == "reshape":
        if prod(sizes) != rest[0].size:
            raise Misuse(f"keeps the number of entries: {words(rest[0].shape)} does not become {words(tuple(sizes))}")
    elif any(n.shape != () for n in rest):
        wrong = next(n for n in rest if n.shape != ())
        raise Misuse(f"takes single numbers, not {words(wrong.shape)}")
    if prod(sizes) > MANY:
        scope.problems.error("BL0315", f"this has {prod(sizes):,} entries, more than {MANY:,}", e.span)
        return bad(e.span)
    shape = (sizes[0], sizes[0]) if builtin.name == "eye" else tuple(sizes)
    return node(builtin.name, tuple(rest), shape, e.span, tuple(sizes))


def _size_of(scope: Scope, n: Node, written: ast.Expr) -> int | None:
    if n.variables:
        refuse_variables(scope, n, written.span, "a size must be known before solving")
        return None
    value = peek(scope, n, freeze=True) if n.shape == () else None
    if n.shape != () or value is None or n.batch is not None:
        if n.shape != ():
            scope.problems.error("BL0306", f"a size is a single number, not {words(n.shape)}", written.span)
        elif n.batch is not None:
            raise Unvectorizable
        return None
    if not (value >= 1 and value == np.round(value)):
        scope.problems.error("BL0316", f"a size is a whole number from 1, not {float(value):g}", written.span)
        return None
    return int(value) if value < 2**53 else 2**53


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
