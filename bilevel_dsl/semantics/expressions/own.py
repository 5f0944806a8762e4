"""The entries of a `let` while they are defined, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...syntax import ast
from ..names.frames import Env, Frame
from ..names.scope import Scope
from ..names.symbols import Symbol
from ..nodes.ir import Node, bad


@dataclass(eq=False)
class Own:
    """The entries of a `let` while they are defined, one after the other."""

    symbol: Symbol
    variable: str  # the loop variable along which
    numbers: np.ndarray  # its values
    place: int = 0  # of the entry that is being defined
    frame: Frame | None = None  # of all after the first, while they are defined at once
    node: Node | None = None  # all of them; None before the first one is known

    def entry(self, number: int) -> str:
        others = ", ..." if len(self.symbol.decl.generators) > 1 else ""
        return f"{self.symbol.name}[{number}{others}]"

    @property
    def first(self) -> str:
        return self.entry(int(self.numbers[0]))

    @property
    def now(self) -> str:
        return self.entry(int(self.numbers[self.place]))


def family_of(scope: Scope, base: ast.Expr, env: Env) -> Symbol | None:
    """The indexed `let` that `base` names."""
    symbol = scope.symbols.get(base.id) if isinstance(base, ast.Name) and base.id not in env.names else None
    return symbol if symbol is not None and symbol.kind == "let" and symbol.decl.generators else None


def own_of(scope: Scope, base: ast.Expr, env: Env) -> Own | None:
    """The entries that `base` names, if they are being defined here."""
    symbol = family_of(scope, base, env)
    return symbol.own if symbol is not None and scope.stack and scope.stack[-1] is symbol else None


def no_base_case(scope: Scope, number: int, item: ast.Expr, own: Own) -> None:
    """The recursion runs below its range."""
    scope.problems.error(
        "BL0216",
        f"`{own.now}` needs `{own.entry(number)}`, and `{own.symbol.name}` begins with `{own.first}`",
        item.span,
        f"here this is {number}",
        secondary=[(own.symbol.span, "it has no base case")],
        hints=(f"say what it is there: `if {own.variable} == {int(own.numbers[own.place])} then ... else ...`",),
    )


def own_as_a_whole(scope: Scope, e: ast.Name, own: Own) -> Node:
    scope.problems.error(
        "BL0215",
        f"the entry `{own.now}` is defined by all of `{own.symbol.name}`, and so by itself",
        e.span,
        secondary=[(own.symbol.span, f"`{own.now}` needs it")],
        hints=(f"an entry may use those of smaller index: `{own.symbol.name}[{own.variable} - 1]`",),
    )
    return bad(e.span)
