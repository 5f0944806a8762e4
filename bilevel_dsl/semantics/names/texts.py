"""Parameters that name files and columns."""

from __future__ import annotations

from ...syntax import ast
from .resolve import resolve
from .scope import Scope
from .symbols import Symbol


def is_text(scope: Scope, symbol: Symbol) -> bool:
    """Whether a parameter is a text, as it is written and given."""
    decl, outside = symbol.decl, scope.outside.get(symbol.name)
    if decl.domain is not None or decl.dimensions:
        return False
    if isinstance(decl.value, ast.Text):
        return True
    other = scope.symbols.get(decl.value.id) if isinstance(decl.value, ast.Name) else None
    if other is not None and other.kind == "param" and other is not symbol and isinstance(other.decl.value, ast.Text):
        return True
    if decl.value is None and symbol.name in scope.texts_by_use():
        return True
    quoted = isinstance(outside, str) and (symbol.name not in scope.texts or outside.strip()[:1] == '"')
    return decl.value is None and quoted


def file_text(scope: Scope, a: ast.Expr) -> str | None:
    """The text that an argument of a reader is: written, or a parameter."""
    if isinstance(a, ast.Text):
        return a.value
    symbol = scope.symbols.get(a.id) if isinstance(a, ast.Name) else None
    if symbol is not None and symbol.kind == "param" and is_text(scope, symbol) and resolve(scope, symbol):
        return symbol.text
    return None


def text_is_reported(scope: Scope, a: ast.Expr) -> bool:
    """A parameter whose text is missing or has a mistake, of which there is a message."""
    symbol = scope.symbols.get(a.id) if isinstance(a, ast.Name) else None
    if symbol is None or symbol.kind != "param" or not is_text(scope, symbol):
        return False
    return not resolve(scope, symbol) or symbol in scope.missing
