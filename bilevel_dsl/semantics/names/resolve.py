"""What a name stands for is found when it is first used, in any order; a cycle is reported."""

from __future__ import annotations

from collections.abc import Callable

from .scope import Scope
from .symbols import Symbol

RESOLVE: dict[str, Callable[[Scope, Symbol], bool]] = {}  # by the kind of a symbol; filled in `declarations/__init__.py`


def resolve(scope: Scope, symbol: Symbol) -> bool:
    """Find what `symbol` stands for; False after a mistake."""
    if symbol.state == "busy":
        _cycle(scope, symbol)
    if symbol.state != "new":
        return symbol.state == "done"
    symbol.state = "busy"
    scope.stack.append(symbol)
    fine = RESOLVE[symbol.kind](scope, symbol)
    scope.stack.pop()
    if symbol.state == "busy":
        symbol.state = "done" if fine else "broken"
    return symbol.state == "done"


def _cycle(scope: Scope, symbol: Symbol) -> None:
    ring = scope.stack[scope.stack.index(symbol) :]
    for s in ring:
        s.state = "broken"
    entries = next((s for s in ring if s.kind == "let" and s.decl.generators), None)
    needs = [f"needs `{after.name}`" for after in [*ring[1:], symbol]]
    message = f"`{symbol.name}` is defined by itself" if len(ring) == 1 else "these definitions go in a circle"
    scope.problems.error(
        "BL0203",
        message,
        symbol.span,
        needs[0] if len(ring) > 1 else "",
        secondary=[(s.span, text) for s, text in zip(ring[1:], needs[1:])],
        hints=("a recursion stays within one `let`: make one of them all, whose entries are vectors",) if entries else (),
    )
