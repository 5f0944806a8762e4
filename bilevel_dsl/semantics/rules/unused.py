"""Names in the bodies of functions, which are otherwise read only where they are called."""

from __future__ import annotations

from ...syntax import ast
from ..builtins import is_known
from ..expressions.name import undeclared
from ..names.scope import Scope
from ..names.walk import children


def check_functions(scope: Scope) -> None:
    for symbol in scope.symbols.values():
        if symbol.kind == "function":
            _walk(symbol.decl.body, {p.id for p in symbol.decl.parameters}, scope)


def _walk(e: ast.Node, local: set[str], scope: Scope) -> None:
    if isinstance(e, ast.Name):
        if e.id not in local and e.id not in scope.symbols and not is_known(e.id):
            undeclared(scope, e, [*scope.symbols, *local])
        return
    if isinstance(e, (ast.Comprehension, ast.SetOf)):
        local = local | {name.id for g in e.generators for name in g.names}
    names = (
        (e.function, *(k for k, _ in e.keywords))
        if isinstance(e, ast.Call)
        else (e.name,)
        if isinstance(e, ast.Attribute)
        else ()
    )
    for child in children(e):
        if not any(child is n for n in names):
            _walk(child, local, scope)
