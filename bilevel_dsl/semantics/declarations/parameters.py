"""The values of parameters: from the model and from outside."""

from __future__ import annotations

import numpy as np

from ...diagnostics import BilevelError, Source
from ...syntax import ast
from ...syntax.parser import parse_expression
from ..builtins import words
from ..checked import CheckedParam
from ..data.files import Unreadable, array_of
from ..data.labelled import by_label, has_labels
from ..data.sparse import Sparse, from_scipy, is_sparse
from ..expressions.files import is_sparse_file, is_table, sparse_file
from ..expressions.values import lower_data, peek
from ..names.scope import Scope
from ..names.symbols import Symbol, written_at
from ..names.texts import file_text, is_text
from ..nodes.elements import IndexSet
from ..nodes.ir import Dim, Shape
from .dimensions import OPEN, declared_dims
from .keyed import table_value
from .labels import codes_of, domain_of, labels_in_model, resolve_labels


def resolve_param(scope: Scope, symbol: Symbol) -> bool:
    decl: ast.Param = symbol.decl
    if is_text(scope, symbol):
        return resolve_text(scope, symbol)
    domain = domain_of(scope, symbol)
    dims = declared_dims(scope, decl.dimensions, of_data=True)
    if dims is None or decl.domain is not None and domain is None:
        return False
    given = symbol.name in scope.outside
    if not given and decl.value is None:
        symbol.dims = None if any(d is OPEN for d in dims) else dims
        scope.missing.append(symbol)
        return True
    errors = len(scope.problems.errors)
    value = _from_outside(scope, symbol, dims, domain) if given else _from_model(scope, symbol, dims, domain)
    if value is None:
        symbol.dims = dims if decl.dimensions and OPEN not in dims else None
        return len(scope.problems.errors) == errors and symbol.dims is not None
    dims = _shaped_dims(symbol, dims, value, given)
    if isinstance(value, Sparse):
        return _resolve_sparse(scope, symbol, value, dims, given)
    shape = tuple(d.size for d in dims)
    fitted = None if any(d is OPEN for d in dims) else fit(value, shape)
    symbol.dims = dims
    if fitted is None:
        _does_not_fit(scope, symbol, value, dims, given)
        return False
    if np.isnan(fitted).any():
        _nan(scope, symbol, fitted, given)
        return False
    if domain is not None:
        return resolve_labels(scope, symbol, fitted, domain, given)
    symbol.value = scope.params[symbol.name] = fitted
    return True


def _resolve_sparse(scope: Scope, symbol: Symbol, value: Sparse, dims: tuple[Dim, ...], given: bool) -> bool:
    """A sparse matrix: its numbers are those of its entries."""
    symbol.dims = dims
    if tuple(d.size for d in dims) != value.shape:
        _does_not_fit(scope, symbol, value, dims, given)
        return False
    if symbol.decl.domain is not None:
        message = f"the values of `{symbol.name}` are in `{symbol.decl.domain.span.text}`, and a sparse matrix has numbers"
        scope.problems.error("BL0335", message, written_at(symbol, given))
        return False
    wrong = np.flatnonzero(np.isnan(value.values))
    if len(wrong):
        entry = ", ".join(map(str, value.pattern.place(int(wrong[0]))))
        message = f"the value of `{symbol.name}[{entry}]` is not a number (NaN)"
        scope.problems.error("BL0334", message, written_at(symbol, given))
        return False
    symbol.pattern = value.pattern
    symbol.value = scope.params[symbol.name] = value.values
    return True


def resolve_text(scope: Scope, symbol: Symbol) -> bool:
    """`param file = "train.npz";`, and its text from outside, with or without quotes."""
    symbol.is_text = True
    if symbol.name not in scope.outside:
        if symbol.decl.value is None:
            symbol.dims = ()
            scope.missing.append(symbol)
            return True
        symbol.text = file_text(scope, symbol.decl.value)
        return symbol.text is not None
    value = scope.outside[symbol.name]
    if not isinstance(value, str):
        scope.problems.error(
            "BL0333",
            f"the value of `{symbol.name}` from outside is no text, and it names a file or a column",
            symbol.span,
        )
        return False
    bare = value.strip()
    symbol.text = bare[1:-1] if symbol.name in scope.texts and len(bare) > 1 and bare[0] == bare[-1] == '"' else value
    return True


def _shaped_dims(symbol: Symbol, dims: tuple[Dim, ...], value: np.ndarray, given: bool) -> tuple[Dim, ...]:
    """The dimensions, with what the value decides."""
    if any(d is OPEN for d in dims):
        shape = value.shape
        if len(shape) == 1 and len(dims) == 2:
            shape = (*shape, 1)
        elif len(shape) == 2 and len(dims) == 1 and 1 in shape:
            shape = (value.size,)
        return tuple(Dim(n) if d is OPEN else d for d, n in zip(dims, shape)) if len(shape) == len(dims) else dims
    decl = symbol.decl
    if not decl.dimensions and not (given and _scalar_in_model(decl) and value.shape):
        return tuple(Dim(n) for n in value.shape)
    return dims


def _does_not_fit(scope: Scope, symbol: Symbol, value: np.ndarray, dims: tuple[Dim, ...], given: bool) -> None:
    decl, shape = symbol.decl, tuple(d.size for d in dims)
    hints = ()
    if value.size == np.prod(shape, dtype=int) and len(shape) == 2:
        hints = ("a matrix is written by rows, `[[1, 2], [3, 4]]`; `reshape` fills one by columns",)
    plain = [isinstance(d, (ast.Number, ast.Slice)) for d in decl.dimensions]
    if not hints and any(plain) and len(plain) == value.ndim:
        sizes = ", ".join(":" if p else d.span.text for p, d in zip(plain, decl.dimensions))
        hints = (f"`param {symbol.name}[{sizes}]` takes its sizes from the value",)
    if given and not decl.dimensions and decl.value is None:
        sizes = ", ".join(":" * value.ndim)
        hints = (f"`param {symbol.name}[{sizes}];` takes its sizes from the value",)
    declared = words(shape) if OPEN not in dims else _rank(len(dims))
    scope.problems.error(
        "BL0332",
        f"the value {'from outside ' if given else ''}of `{symbol.name}` is {words(value.shape)}, but it is declared as "
        f"{declared}",
        written_at(symbol, given),
        secondary=[] if given else [(symbol.span, "declared here")],
        hints=hints,
    )


def _nan(scope: Scope, symbol: Symbol, value: np.ndarray, given: bool) -> None:
    at = tuple(int(i) + 1 for i in np.argwhere(np.isnan(value))[0])
    entry = f"`{symbol.name}[{', '.join(map(str, at))}]`" if at else f"`{symbol.name}`"
    scope.problems.error("BL0334", f"the value of {entry} is not a number (NaN)", written_at(symbol, given))


def _scalar_in_model(decl: ast.Param) -> bool:
    """Without dimensions, the value in the file says what a value from outside may be."""
    return decl.value is None or isinstance(decl.value, (ast.Number, ast.Unary))


def _from_model(scope: Scope, symbol: Symbol, dims: tuple[Dim, ...], domain: IndexSet | None) -> np.ndarray | Sparse | None:
    value = symbol.decl.value
    labels = domain is not None and domain.has_labels
    if is_sparse_file(value):
        return sparse_file(scope, value)
    if is_table(value) and (value.keywords or labels or any(d.members for d in dims)):
        return table_value(scope, value, symbol.name, dims, domain)
    if labels:
        return labels_in_model(scope, value, domain)
    found = lower_data(scope, value, "a parameter may not depend on variables", "an expression of variables is a `let`")
    return peek(scope, found)


def _from_outside(
    scope: Scope, symbol: Symbol, dims: tuple[Dim, ...], domain: IndexSet | None
) -> np.ndarray | Sparse | None:
    value, name = scope.outside[symbol.name], symbol.name
    if name in scope.texts:
        return _from_text(scope, name, value, domain)
    try:
        if is_sparse(value):
            return from_scipy(value, f"the value of `{name}` from outside")
        if has_labels(value):
            value = by_label(value, dims, name)
        if domain is not None and domain.has_labels:
            return codes_of(value, domain, name)
        return array_of(value, f"the value of `{name}` from outside")
    except Unreadable as error:
        scope.problems.error("BL0333", str(error), symbol.span, "declared here", hints=error.hints)
        return None


def _from_text(scope: Scope, name: str, text: str, domain: IndexSet | None) -> np.ndarray | Sparse | None:

    try:
        tree = parse_expression(Source(f"--param {name}", text))
    except BilevelError as error:
        scope.problems.items += error.diagnostics
        return None
    if is_sparse_file(tree):
        return sparse_file(scope, tree)
    if domain is not None and domain.has_labels:
        return labels_in_model(scope, tree, domain)
    return peek(scope, lower_data(scope, tree, "a parameter may not depend on variables"))


def said(symbol: Symbol, is_text: bool = False) -> str:
    """What a parameter without a value wants."""
    if is_text:
        return "a text"
    if symbol.decl.domain is not None and not symbol.decl.dimensions:
        return f"an element of {symbol.decl.domain.span.text}"
    if symbol.shape is not None:
        return words(symbol.shape)
    return _rank(len(symbol.decl.dimensions))


def _rank(count: int) -> str:
    return {1: "a vector", 2: "a matrix"}.get(count, f"an array of {count} dimensions")


def fit(value: np.ndarray, shape: Shape) -> np.ndarray | None:
    """`value` with the declared shape: a scalar fills it, a table of one row or column is a vector."""
    if value.shape == shape:
        return value
    if value.shape == ():
        return np.full(shape, float(value))
    squeezed = tuple(n for n in value.shape if n != 1)
    if squeezed == tuple(n for n in shape if n != 1) and (len(shape) < 2 or len(squeezed) < 2):
        return value.reshape(shape)
    return None


def checked_parameters(scope: Scope) -> tuple[CheckedParam, ...]:
    return tuple(
        CheckedParam(s.name, *_as_numbers(s), s.value, s.name in scope.frozen, s.decl.span, s.pattern)
        for s in scope.symbols.values()
        if s.kind == "param" and s.value is not None and s.universe is None
    )


def _as_numbers(s: Symbol) -> tuple[Shape, tuple[Dim, ...]]:
    """The shape of the numbers that a parameter is: of a sparse matrix those of its entries."""
    return (s.shape, s.dims) if s.pattern is None else ((s.pattern.size,), (Dim(s.pattern.size),))
