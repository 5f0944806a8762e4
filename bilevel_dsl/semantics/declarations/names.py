"""What the names of a model stand for, by kind; and those that have no value."""

from __future__ import annotations

from ...diagnostics import did_you_mean
from ...syntax import ast
from ..expressions.index_sets import INDEX_SETS, index_set, is_set
from ..expressions.lower import expr
from ..expressions.values import whole_numbers
from ..names.frames import TOP
from ..names.resolve import resolve
from ..names.scope import Scope
from ..names.symbols import Symbol
from ..names.texts import is_text
from ..nodes.elements import IndexSet
from .dimensions import declared_dims
from .families import resolve_family
from .parameters import said


def resolve_all(scope: Scope) -> None:
    """Everything declared, then what is missing from outside, all at once."""
    _refuse_unknown(scope)
    for symbol in list(scope.symbols.values()):
        resolve(scope, symbol)
    if scope.missing:
        names = ", ".join(f"`{s.name}`" for s in scope.missing)
        one = len(scope.missing) == 1
        first, *rest = scope.missing
        scope.problems.error(
            "BL0330",
            f"{'the parameter' if one else 'the parameters'} {names} {'has' if one else 'have'} no value",
            first.span,
            said(first, is_text(scope, first)),
            secondary=[(s.span, said(s, is_text(scope, s))) for s in rest],
            hints=(f"give {'it' if one else 'them'} with `--param {first.name}=...` or `--data FILE`, or in the model",),
        )


def _refuse_unknown(scope: Scope) -> None:
    params = [s.name for s in scope.symbols.values() if s.kind == "param"]
    for name in scope.outside:
        symbol = scope.symbols.get(name)
        if symbol is None or symbol.kind != "param":
            what = f"`{name}` is a {symbol.words}, not a parameter" if symbol else f"the model has no parameter `{name}`"
            hints = did_you_mean(name, params) or ((f"its parameters are: {', '.join(params)}",) if params else ())
            scope.problems.error(
                "BL0331",
                f"{what}: a value from outside cannot be used",
                symbol.span if symbol else None,
                hints=hints,
            )


def resolve_function(scope: Scope, symbol: Symbol) -> bool:
    decl: ast.FunctionDecl = symbol.decl
    names = [p.id for p in decl.parameters]
    for k, p in enumerate(decl.parameters):
        if p.id in names[:k]:
            scope.problems.error(
                "BL0201",
                f"two arguments of `{symbol.name}` are called `{p.id}`",
                p.span,
                secondary=[(decl.parameters[names.index(p.id)].span, "the first one")],
            )
            return False
    return True


def resolve_let(scope: Scope, symbol: Symbol) -> bool:
    if symbol.decl.generators:
        return resolve_family(scope, symbol)
    symbol.node = expr(scope, symbol.decl.value, TOP)
    return not symbol.node.bad


def resolve_set(scope: Scope, symbol: Symbol) -> bool:
    value = symbol.decl.value
    if is_set(value):
        symbol.index_set = INDEX_SETS[type(value)](scope, value, TOP, symbol.name)
        return symbol.index_set is not None
    if isinstance(value, ast.Range):
        found = index_set(scope, value)
        if found is None:
            return False
        if not found.size:
            low, high = (whole_numbers(scope, e, TOP, "the end of a range") for e in (value.lower, value.upper))
            scope.problems.error("BL0317", f"the set `{symbol.name}` is empty: it goes from {low} to {high}", value.span)
            return False
        symbol.index_set = IndexSet.of_numbers(symbol.name, found.values, symbol.span)
    return True


def resolve_var(scope: Scope, symbol: Symbol) -> bool:
    symbol.dims = declared_dims(scope, symbol.decl.dimensions)
    return symbol.dims is not None
