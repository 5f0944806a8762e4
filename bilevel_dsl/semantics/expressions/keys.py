"""What stands for elements of sets: labels, tuples, values of `in` parameters, `first(S)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...diagnostics import Span, did_you_mean
from ...syntax import ast
from ..names.frames import Env, Loop, loop_value
from ..names.resolve import resolve
from ..names.scope import Scope
from ..nodes.elements import IndexSet, Key, Universe, name_of
from ..nodes.ir import Node, bad
from .values import lower_data, peek, whole_numbers

BROKEN = Key((), ())  # a mistake that is reported
ELEMENTS: dict[type[ast.Node], Callable[[Scope, Any, Env], Key | None]] = {}  # filled in `__init__.py`


def element_key(scope: Scope, e: ast.Expr, env: Env) -> Key | None:
    """A label, a whole number or a tuple, known before solving; None after a mistake."""
    key = label_key(scope, e, env)
    if key is not None:
        return None if key is BROKEN else key
    value = whole_numbers(scope, e, env, "an element")
    return None if value is None else Key((value,), (None,), bool(value.ndim))


def comparand(scope: Scope, e: ast.Expr, env: Env) -> Key | None:
    """A side of a comparison, known before solving."""
    key = label_key(scope, e, env)
    if key is not None:
        return None if key is BROKEN else key
    found = lower_data(scope, e, "a condition on iterations must be known before solving", env=env)
    value = None if found.bad or found.shape != () else peek(scope, found, freeze=True)
    return None if value is None else Key((value,), (None,), found.batch is not None)


def label_key(scope: Scope, e: ast.Expr, env: Env) -> Key | None:
    """What is no plain number: a label, a tuple; `BROKEN` after a mistake, None where it is something else."""
    read = ELEMENTS.get(type(e))
    return None if read is None else read(scope, e, env)


def text_key(scope: Scope, e: ast.Text, env: Env) -> Key:
    return Key((np.array(1),), (Universe((e.value,), loose=True),))


def tuple_key(scope: Scope, e: ast.Tuple, env: Env) -> Key:
    parts = [element_key(scope, item, env) for item in e.items]
    if any(p is None for p in parts):
        return BROKEN
    wrong = next((i for i, p in zip(e.items, parts) if p.arity > 1 or p.kept), None)
    if wrong is not None:
        scope.problems.error("BL0311", "the components of a tuple are labels and whole numbers", wrong.span)
        return BROKEN
    return Key(tuple(p.columns[0] for p in parts), tuple(p.universes[0] for p in parts), any(p.batched for p in parts))


def name_key(scope: Scope, e: ast.Name, env: Env) -> Key | None:
    loop = env.names.get(e.id)
    if isinstance(loop, Loop):
        return None if loop.is_number else _loop_key(loop, env, e.span)
    symbol = None if loop is not None else scope.symbols.get(e.id)
    if symbol is None or symbol.kind != "param" or symbol.decl.domain is None:
        return None
    if not resolve(scope, symbol):
        return BROKEN
    if symbol.universe is None or symbol.elements is None or symbol.elements.ndim > 1:
        return None
    return Key((symbol.elements,), (symbol.universe,), False, symbol.elements.ndim == 1, symbol.domain_name)


def _loop_key(loop: Loop, env: Env, span: Span) -> Key:
    found = loop_value(loop, env, span)
    values = found.attr.astype(np.int64)
    if loop.tuples is not None:
        return loop.tuples.key(values, found.batch is not None)
    return Key((values,), (loop.universe,), found.batch is not None, False, loop.set_name)


def is_of_kind(scope: Scope, e: ast.Expr, key: Key, found: IndexSet) -> bool:
    """Whether `e`, which is `key`, is of the kind of the elements of a set; reports it if not."""
    if found.accepts(key):
        return True
    if key.arity != found.arity:
        message = f"`{e.span.text}` is a {kind_of(key)}, and {name_of(found)} has {found.words}s"
    elif any((a is None) != (b is None) for a, b in zip(key.universes, found.universes)):
        message = f"`{e.span.text}` is a {kind_of(key)}, and {name_of(found)} has {found.words}s"
        if key.arity > 1:
            message = f"`{e.span.text}` and the elements of {name_of(found)} differ in where labels and numbers stand"
    else:
        of = f"`{key.set_name}`" if key.set_name else "another set"
        message = f"`{e.span.text}` is a {kind_of(key)} of {of}, and {name_of(found)} has other {found.words}s"
    declared = [(found.span, "declared here")] if found.name and found.span else []
    scope.problems.error("BL0311", message, e.span, secondary=declared)
    return False


def kind_of(key: Key) -> str:
    if key.arity == 1:
        return "number" if key.universes[0] is None else "label"
    return {2: "pair", 3: "triple"}.get(key.arity, f"tuple of {key.arity}")


def label_is_no_number(scope: Scope, span: Span, key: Key) -> Node:
    if key is not BROKEN:
        of = f" of `{key.set_name}`" if key.set_name else ""
        scope.problems.error(
            "BL0311",
            f"`{span.text}` is a label{of}, not a number",
            span,
            hints=(f"use it as an index, `x[{span.text}]`, or compare it, `{span.text} == b`",),
        )
    return bad(span)


def no_label(scope: Scope, item: ast.Text, labels: tuple[str, ...], set_name: str = "") -> None:
    near = did_you_mean(item.value, labels)
    known = ", ".join(f'"{v}"' for v in labels[:6]) + (", ..." if len(labels) > 6 else "")
    scope.problems.error(
        "BL0311",
        f'"{item.value}" is not in {f"the set `{set_name}`" if set_name else "the set"}',
        item.span,
        hints=tuple(h.replace("`", '"') for h in near) or (f"its labels are {known}",),
    )
