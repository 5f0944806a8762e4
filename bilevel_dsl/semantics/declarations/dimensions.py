"""Declared sizes."""

from __future__ import annotations

import numpy as np

from ...diagnostics import Span
from ...syntax import ast
from ..builtins import words
from ..data.files import MOST_DIMENSIONS
from ..expressions.index_sets import index_set
from ..expressions.values import lower_data, peek
from ..names.scope import Scope
from ..nodes.elements import name_of
from ..nodes.ir import MANY, Dim

OPEN = Dim(0)  # a size that the value decides


def declared_dims(scope: Scope, written: tuple[ast.Expr, ...], of_data: bool = False) -> tuple[Dim, ...] | None:
    if len(written) > MOST_DIMENSIONS:
        scope.problems.error("BL0316", f"at most {MOST_DIMENSIONS} dimensions are possible", written[MOST_DIMENSIONS].span)
        return None
    dims = [_open_dim(scope, e, of_data) if isinstance(e, ast.Slice) else _one_dim(scope, e) for e in written]
    if any(d is None for d in dims):
        return None
    total = int(np.prod([float(d.size) for d in dims])) if dims else 1
    if total > MANY:
        _wrong_size(scope, "BL0315", f"this has {total:,} entries, more than {MANY:,}", written[0].span.to(written[-1].span))
        return None
    return tuple(dims)


def _open_dim(scope: Scope, e: ast.Slice, of_data: bool) -> Dim | None:
    """`:`, a size that the value of a parameter decides."""
    if of_data:
        return OPEN
    scope.problems.error(
        "BL0316",
        "the size of a variable is not left open: it has no value that could decide it",
        e.span,
        hints=("sizes of data are `rows(X)` and `cols(X)`",),
    )
    return None


def _one_dim(scope: Scope, e: ast.Expr) -> Dim | None:
    symbol = scope.symbols.get(e.id) if isinstance(e, ast.Name) else None
    if isinstance(e, (ast.Range, ast.Labels, ast.SetOf)) or symbol is not None and symbol.kind == "set":
        found = index_set(scope, e)
        if found is None:
            return None
        if not found.size:
            scope.problems.error(
                "BL0317",
                f"{name_of(found) if found.name else 'this range'} is empty, and a dimension has at least one element",
                e.span,
                secondary=[(found.span, "no element is left here")] if found.span else [],
            )
            return None
        return Dim.over(found)
    found = lower_data(scope, e, "a size must be known before solving")
    if found.bad:
        return None
    if found.shape != ():
        scope.problems.error("BL0316", f"a size is a single number, not {words(found.shape)}", e.span)
        return None
    value = peek(scope, found, freeze=True)
    if value is None:
        return None
    if not (value >= 1 and value == np.round(value)):
        _wrong_size(scope, "BL0316", f"a size is a whole number from 1, not {float(value):g}", e.span)
        return None
    return Dim(int(min(value, 2**53)))


def _wrong_size(scope: Scope, code: str, message: str, span: Span) -> None:
    """Once for each way of writing it: `[n]` with a wrong n is one mistake, wherever it is used."""
    if (code, span.text) not in scope.wrong_sizes:
        scope.wrong_sizes.add((code, span.text))
        scope.problems.error(code, message, span)
