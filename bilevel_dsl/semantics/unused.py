"""Names in the bodies of functions, which are otherwise read only where they are called."""

from __future__ import annotations

from dataclasses import fields

from ..syntax import ast
from .builtins import FUNCTION_NAMES
from .symbols import Symbol, unknown_name


def check_functions(symbols: dict[str, Symbol], lowering) -> None:
    for symbol in symbols.values():
        if symbol.kind == "function":
            _walk(symbol.decl.body, {p.id for p in symbol.decl.parameters}, symbols, lowering)


def _walk(e, local: set[str], symbols: dict[str, Symbol], lowering) -> None:
    if isinstance(e, ast.Name):
        if e.id not in local and e.id not in symbols and e.id not in FUNCTION_NAMES:
            unknown_name(e, [*symbols, *local], lowering.problems, lowering._unknown)
        return
    if isinstance(e, ast.Comprehension):
        local = local | {g.variable.id for g in e.generators}
    for f in fields(e) if isinstance(e, ast.Node) else ():
        if f.name not in ("span", "op_span", "function"):
            _each(getattr(e, f.name), local, symbols, lowering)


def _each(value, local, symbols, lowering) -> None:
    if isinstance(value, tuple):
        for v in value:
            _each(v, local, symbols, lowering)
    elif isinstance(value, ast.Node):
        _walk(value, local, symbols, lowering)
