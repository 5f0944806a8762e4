"""The sets that generators run over and dimensions are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...syntax import ast
from ..builtins import FILES, words
from ..names.frames import TOP, Env
from ..names.resolve import resolve
from ..names.scope import Scope
from ..nodes.elements import IndexSet
from ..nodes.ir import MANY
from .values import lower_data, peek, whole_numbers

INDEX_SETS: dict[type[ast.Node], Callable[[Scope, Any, Env, str], IndexSet | None]] = {}  # with its name; see `__init__.py`


def is_set(e: ast.Expr) -> bool:
    """Whether `e` is a set as it is written: its elements, a selection of them, columns of a file."""
    return type(e) in INDEX_SETS and (not isinstance(e, ast.Call) or e.function.id in FILES)


def index_set(
    scope: Scope, e: ast.Expr, env: Env = TOP, quiet: bool = False, what: str = "a generator runs over"
) -> IndexSet | None:
    """The set that a generator runs over, or that is a dimension; `what` begins the sentence that it is none."""
    if isinstance(e, ast.Name) and e.id not in env.names:
        symbol = scope.symbols.get(e.id)
        if symbol is not None and symbol.kind == "set":
            resolve(scope, symbol)
            if symbol.index_set is None and symbol.state == "done" and not quiet:
                scope.problems.error(
                    "BL0313",
                    f"`{e.id}` is a constraint set, and an index set is needed here",
                    e.span,
                    secondary=[(symbol.span, "declared here")],
                )
            return symbol.index_set
    if is_set(e):
        return INDEX_SETS[type(e)](scope, e, env, "")
    if isinstance(e, ast.Range):
        ends = [whole_numbers(scope, end, env, "the end of a range") for end in (e.lower, e.upper)]
        if any(end is None for end in ends):
            return None
        if any(np.size(end) != 1 for end in ends):
            scope.problems.error(
                "BL0313",
                "this range has other ends in each iteration",
                e.span,
                hints=(f"a generator may run over it: `sum(... for j in {e.span.text})`",),
            )
            return None
        if ends[1] - ends[0] > MANY:
            scope.problems.error("BL0315", f"this range has {int(ends[1] - ends[0] + 1):,} members", e.span)
            return None
        return IndexSet.of_numbers("", np.arange(int(ends[0]), int(ends[1]) + 1), e.span)
    found = lower_data(scope, e, "the set of a generator must be known before solving", env=env)
    if found.bad:
        return None
    if found.shape == () or found.batch is not None or len(found.shape) > 1:
        end = e.span.text if found.shape == () else "n"
        scope.problems.error(
            "BL0313",
            f"{what} a set or a range, not {words(found.shape)}",
            e.span,
            hints=(f"a range is written `1..{end}`",),
        )
        return None
    value = peek(scope, found, freeze=True)
    if value is None:
        return None
    if np.any(value != np.round(value)):
        scope.problems.error("BL0313", f"{what} whole numbers, and these are not", e.span)
        return None
    return IndexSet.of_numbers("", value, e.span)
