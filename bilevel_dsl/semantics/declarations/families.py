"""`let x[k in 0..N] = ...`: a named expression for each element, which may use those before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from ...syntax import ast
from ..builtins import words
from ..expressions.generators import can_be_written_out, matches_elements, open_generators
from ..expressions.index_sets import index_set
from ..expressions.lower import expr
from ..expressions.naming import named
from ..expressions.operators import folded
from ..expressions.own import Own
from ..expressions.reductions import iterated_body
from ..graph.recurrence import Recurrence, own_entries
from ..graph.together import NotAlike
from ..names.frames import TOP, Env, Frame, Loop, Unvectorizable
from ..names.scope import Scope
from ..names.symbols import Symbol
from ..names.walk import walk
from ..nodes.elements import IndexSet
from ..nodes.ir import MANY, Dim, Node, bad, node

FEW = 4  # entries up to which they are read one by one


def resolve_family(scope: Scope, symbol: Symbol) -> bool:
    decl: ast.Let = symbol.decl
    lead = _family_dims(scope, symbol)
    if lead is None:
        return False
    recursive = _uses(symbol, scope.symbols)
    found = _one_by_one(scope, symbol, lead) if recursive else _family_body(scope, decl.generators, decl.value, TOP, lead)
    symbol.own = None
    if found is None or found.bad:
        return False
    entry = tuple(Dim(n) for n in found.shape[len(lead) :])
    symbol.node, symbol.dims = named(scope, found, (*lead, *entry)), (*lead, *entry)
    scope.families[id(found)] = symbol
    return True


def _family_dims(scope: Scope, symbol: Symbol) -> tuple[Dim, ...] | None:
    dims = []
    loops: set[str] = set()
    for g in symbol.decl.generators:
        inner = next((n for n in walk(g.domain) if isinstance(n, ast.Name) and n.id in loops), None)
        if inner is not None:
            scope.problems.error(
                "BL0313",
                f"`{symbol.name}` has an entry for each pair of elements, and this set depends on `{inner.id}`",
                g.domain.span,
                hints=("use a set of pairs: `let x[(i, j) in S] = ...;`",),
            )
            return None
        found = index_set(scope, g.domain)
        if found is None or not matches_elements(scope, g, found):
            return None
        dim = _family_dim(scope, symbol, g, found)
        if dim is None:
            return None
        dims.append(dim)
        loops |= {name.id for name in g.names}
    if prod(d.size for d in dims) > MANY:
        count = prod(d.size for d in dims)
        scope.problems.error("BL0315", f"this has {count:,} entries, more than {MANY:,}", symbol.span)
        return None
    return tuple(dims)


def _family_dim(scope: Scope, symbol: Symbol, g: ast.Generator, found: IndexSet) -> Dim | None:
    if not found.size:
        message = f"`{symbol.name}` has no entries: its loop runs over nothing"
        scope.problems.error("BL0317", message, g.domain.span)
        return None
    if not found.keyed and not found.is_range:
        scope.problems.error(
            "BL0313",
            f"the entries of `{symbol.name}` are over a set or a range, and these numbers are neither",
            g.domain.span,
            hints=("declare them: `set S = {2, 3, 5};`",),
        )
        return None
    return Dim.over(found)


def _family_body(scope: Scope, generators, value: ast.Expr, env: Env, lead: tuple[Dim, ...]) -> Node | None:
    """All entries at once: an array with a dimension for each loop, and those of an entry."""
    inner = open_generators(scope, generators, None, env)
    if inner is None:
        return None
    body = iterated_body(scope, lambda where: expr(scope, value, where), inner, env, value.span)
    if body.bad:
        return body
    count, sizes = inner.frame.count, tuple(d.size for d in lead)
    if count * body.size > MANY:
        scope.problems.error("BL0315", f"this has {count * body.size:,} entries, more than {MANY:,}", value.span)
        return bad(value.span)
    rows = folded(node("collect", (body,), (count, *body.shape), value.span, inner.frame.segments(), batch=None))
    if len(sizes) == 1:
        return rows
    places = np.arange(count).reshape(*sizes, *(1,) * len(body.shape))
    places = places + count * np.arange(body.size).reshape(body.shape, order="F")
    return folded(node("gather", (rows,), places.shape, value.span, places, batch=None))


def _one_by_one(scope: Scope, symbol: Symbol, lead: tuple[Dim, ...]) -> Node | None:
    first, *rest = symbol.decl.generators
    if not _has_order(scope, symbol, first, lead[0]):
        return None
    along = open_generators(scope, (first,), None, TOP)
    count = along.frame.count
    if not can_be_written_out(scope, count, symbol.decl.span):
        return None
    own = symbol.own = Own(symbol, first.variable.id, along.names[first.variable.id].values)
    symbol.dims = lead
    found, value = Recurrence(count), symbol.decl.value
    for own.place in range(count):
        if own.place == 1 and count > FEW and not rest:
            whole = _together(scope, own, along, found)
            if whole is not None:
                return whole if whole.bad else found.node(own.node.shape, value.span)
        env, before = along.iteration(own.place), len(scope.problems.items)
        entry = _family_body(scope, rest, value, env, lead[1:]) if rest else expr(scope, value, env)
        if entry is None or entry.bad or len(scope.problems.items) > before or not _entry_fits(scope, own, entry, lead):
            return None
        found.add(own.place, entry)
    return found.node(own.node.shape, value.span)


def _together(scope: Scope, own: Own, along: Env, found: Recurrence) -> Node | None:
    """All entries after the first at once; None if they have to be read one by one, also to see what is wrong."""
    value, at = own.symbol.decl.value, np.arange(1, len(own.numbers))
    own.frame = Frame(len(at), None, np.zeros(len(at), int))
    loop = along.names[own.variable]
    assert isinstance(loop, Loop)
    names = {own.variable: replace(loop, values=own.numbers[1:], frame=own.frame)}
    env = Env(own.frame, names, at_once=True)
    before, unknown = len(scope.problems.items), set(scope.unknown)
    broken = {s.name for s in scope.symbols.values() if s.state == "broken"}
    try:
        body = expr(scope, value, env)
        fits = not body.bad and len(scope.problems.items) == before and body.shape == own.node.shape[1:]
        if fits and found.add_together(at, body, own.symbol.name):
            return body
    except (Unvectorizable, NotAlike):
        pass
    finally:
        own.frame = None
    if any(s.state == "broken" and s.name not in broken for s in scope.symbols.values()):
        return bad(value.span)  # a mistake in another definition, which is reported once
    del scope.problems.items[before:]
    scope.unknown = unknown
    return None


def _entry_fits(scope: Scope, own: Own, entry: Node, lead: tuple[Dim, ...]) -> bool:
    """Entries have one shape: that of the first one."""
    if own.node is None:
        shape = (len(own.numbers), *entry.shape)
        own.node = own_entries(own.symbol.name, shape, own.symbol.span)
        own.symbol.dims = (*lead, *(Dim(n) for n in shape[len(lead) :]))
        if prod(shape) > MANY:
            scope.problems.error("BL0315", f"this has {prod(shape):,} entries, more than {MANY:,}", own.symbol.span)
        return prod(shape) <= MANY
    if entry.shape == own.node.shape[1:]:
        return True
    found, first = words(entry.shape), words(own.node.shape[1:])
    scope.problems.error(
        "BL0301",
        f"the entries of `{own.symbol.name}` have one shape: `{own.now}` is {found}, and `{own.first}` {first}",
        entry.span,
    )
    return False


def _has_order(scope: Scope, symbol: Symbol, g: ast.Generator, dim: Dim) -> bool:
    if isinstance(g.variable, ast.Name) and (dim.members is None or dim.ranged):
        return True
    scope.problems.error(
        "BL0215",
        f"`{symbol.name}` is defined by entries of its own, and its first loop is not along a range",
        g.span,
        secondary=[(_uses(symbol, scope.symbols).span, "an entry of its own")],
        hints=("a recursion goes from smaller numbers to larger ones: `let x[k in 0..n] = ...;`",),
    )
    return False


def _uses(symbol: Symbol, symbols: Mapping[str, Symbol]) -> ast.Name | None:
    """Where the definition of `symbol` names itself, also in the functions that it calls."""
    seen, stack = {symbol.name}, [symbol.decl.value]
    while stack:
        for n in walk(stack.pop()):
            if isinstance(n, ast.Name) and n.id == symbol.name:
                return n
            called = symbols.get(n.function.id) if isinstance(n, ast.Call) else None
            if called is not None and called.kind == "function" and called.name not in seen:
                seen.add(called.name)
                stack.append(called.decl.body)
    return None
