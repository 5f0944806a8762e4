"""Sets that are written out, and sets of elements that a generator selects."""

from __future__ import annotations

import numpy as np

from ...diagnostics import Span
from ...syntax import ast
from ..names.frames import TOP, Env, Unvectorizable
from ..names.scope import Scope
from ..names.walk import walk
from ..nodes.elements import IndexSet, Universe
from .generators import open_generators
from .keys import element_key
from .values import whole_numbers


def written_set(scope: Scope, e: ast.Labels, env: Env = TOP, name: str = "") -> IndexSet | None:
    """`{"a", "b"}`, `{5, 7}`, `{("a", 1), ("b", 2)}`."""
    if not e.items:
        scope.problems.error("BL0313", "this set has no members", e.span)
        return None
    rows = []
    for item in e.items:
        parts = item.items if isinstance(item, ast.Tuple) else (item,)
        values = [_written(scope, part, env) for part in parts]
        if any(v is None for v in values):
            return None
        rows.append(tuple(values))
    kinds = [(tuple(isinstance(v, str) for v in row), isinstance(i, ast.Tuple)) for row, i in zip(rows, e.items)]
    other = next((k for k, kind in enumerate(kinds) if kind != kinds[0]), None)
    if other is not None:
        scope.problems.error(
            "BL0311",
            "the elements of a set are all labels, all whole numbers, or tuples of one form",
            e.items[other].span,
            secondary=[(e.items[0].span, "the first one")],
        )
        return None
    found = set_of_rows(name, rows, e.span, alone=not kinds[0][1])
    twice = found.lookup.repeated
    if twice is None:
        return found
    item = e.items[twice[1]]
    what = f'the label "{item.value}"' if isinstance(item, ast.Text) else f"`{item.span.text}`"
    scope.problems.error("BL0311", f"{what} is in the set twice", item.span)
    return None


def _written(scope: Scope, item: ast.Expr, env: Env) -> str | int | None:
    if isinstance(item, ast.Text):
        return item.value
    if isinstance(item, ast.Name) and item.id not in scope.symbols and item.id not in env.names:
        scope.problems.error("BL0311", "a label is a string", item.span, hints=(f'write `"{item.span.text}"`',))
        return None
    value = whole_numbers(scope, item, env, "an element of a set")
    if value is not None and value.ndim:
        raise Unvectorizable
    return None if value is None else int(value)


def selected_set(scope: Scope, e: ast.SetOf, env: Env = TOP, name: str = "") -> IndexSet | None:
    """`{l for l in LINE if cap[l] > 100}`: the elements, each once, in their order."""
    if env.names and any(isinstance(n, ast.Name) and n.id in env.names for n in walk(e)):
        raise Unvectorizable
    inner = open_generators(scope, e.generators, e.condition, env.outside)
    key = None if inner is None else element_key(scope, e.body, inner)
    if key is None:
        return None
    if key.kept:
        scope.problems.error("BL0313", "an element of a set is a label, a whole number or a tuple of them", e.body.span)
        return None
    columns = tuple(np.broadcast_to(c, (inner.frame.count,)).astype(np.int64) for c in key.columns)
    found = IndexSet(name, columns, key.universes, e.span)
    lookup = found.lookup
    if lookup.repeated is not None:
        found = found.selected(name, np.sort(lookup.order[lookup.ends[:-1]]), e.span)
    return found


def set_of_rows(name: str, rows: list[tuple], span: Span | None, alone: bool) -> IndexSet:
    """A set of rows of labels (str) and whole numbers; `alone`: of one component, which is no tuple."""
    columns = list(zip(*rows))
    texts = list(dict.fromkeys(v for column in columns if isinstance(column[0], str) for v in column))
    universe = Universe(tuple(texts), name if alone else "", loose=not (alone and name), of_tuples=not alone)
    codes = universe.codes
    return IndexSet(
        name,
        tuple(np.array([codes[v] for v in c] if isinstance(c[0], str) else c, dtype=np.int64) for c in columns),
        tuple(universe if isinstance(c[0], str) else None for c in columns),
        span,
    )
