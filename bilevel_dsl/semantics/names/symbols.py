"""What the names of a model stand for."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...diagnostics import Collector, Span, did_you_mean
from ...syntax import ast
from ..builtins import known_names, taken_names
from ..data.sparse import Pattern
from ..nodes.elements import IndexSet, Universe
from ..nodes.ir import Dim, Node, Shape
from .habits import NAMES


@dataclass(eq=False)
class Symbol:
    """A declared name. What is `None` has not been found yet, or has a reported mistake (`broken`)."""

    name: str
    kind: str  # "param", "var", "let", "function", "set"
    decl: Any  # the statement, of the class that belongs to `kind`
    span: Span  # of the name where it is declared
    level: str = ""  # "upper" | "lower" of a var or let
    follower: str = ""  # name of the lower block
    dims: tuple[Dim, ...] | None = None
    value: np.ndarray | None = None  # of a parameter
    pattern: Pattern | None = None  # of a sparse matrix: where the entries of `value` stand
    node: Node | None = None  # of a let, once lowered
    own: Any = None  # of a let with entries while they are defined (`expressions/own.py`)
    index_set: IndexSet | None = None  # of a set that is one
    universe: Universe | None = None  # of a parameter whose values are labels; `elements` are their codes
    elements: np.ndarray | None = None
    domain_name: str = ""  # of the set that they are from
    is_text: bool = False  # a parameter that names files and columns
    text: str | None = None  # which it is
    state: str = "new"  # "new" | "busy" | "done" | "broken"

    @property
    def shape(self) -> Shape | None:
        return None if self.dims is None else tuple(d.size for d in self.dims)

    @property
    def over(self) -> tuple[Dim, ...]:
        """Its dimensions, once it has been resolved."""
        assert self.dims is not None, self.name
        return self.dims

    @property
    def words(self) -> str:
        return {
            "param": "parameter",
            "var": "variable",
            "let": "named expression",
            "function": "function",
            "set": "set",
        }[self.kind]


def written_at(symbol: Symbol, given: bool) -> Span:
    """Where the value of a parameter is written: in the model, unless it is `given` from outside."""
    return symbol.span if given or symbol.decl.value is None else symbol.decl.value.span


@dataclass
class Levels:
    """The blocks of a model."""

    upper: list[ast.Level] = field(default_factory=list)
    lower: list[ast.Level] = field(default_factory=list)

    def __iter__(self) -> Iterator[ast.Level]:
        yield from self.upper
        yield from self.lower


def declare(tree: ast.Model, problems: Collector) -> tuple[dict[str, Symbol], Levels]:
    """All names of the model in one table, and its levels; clashes are reported with both places."""
    symbols: dict[str, Symbol] = {}
    levels = Levels()
    for statement in tree.statements:
        kind = {ast.Param: "param", ast.SetDecl: "set", ast.FunctionDecl: "function", ast.Let: "let"}.get(type(statement))
        if kind:
            _add(symbols, Symbol(statement.name.id, kind, statement, statement.name.span), problems)
        elif isinstance(statement, ast.Level):
            (levels.upper if statement.kind == "upper" else levels.lower).append(statement)
            follower = statement.name.id if statement.name else ""
            for item in statement.items:
                if isinstance(item, (ast.Var, ast.Let)):
                    kind = "var" if isinstance(item, ast.Var) else "let"
                    _add(symbols, Symbol(item.name.id, kind, item, item.name.span, statement.kind, follower), problems)
    return symbols, levels


def _add(symbols: dict[str, Symbol], symbol: Symbol, problems: Collector) -> None:
    if symbol.name in taken_names():
        problems.error(
            "BL0204",
            f"`{symbol.name}` is a built-in name and cannot be defined again",
            symbol.span,
            hints=("choose another name",),
        )
        return
    before = symbols.get(symbol.name)
    if before is not None:
        same = (
            f"the {symbol.words} `{symbol.name}` is declared twice"
            if before.kind == symbol.kind
            else f"`{symbol.name}` is already the name of a {before.words}"
        )
        hints = (
            ("the levels share their names: each uses the variables of the other",)
            if (before.level, before.follower) != (symbol.level, symbol.follower) and before.level and symbol.level
            else ()
        )
        problems.error(
            "BL0201",
            same,
            symbol.span,
            "declared again here",
            secondary=[(before.span, "first declared here")],
            hints=hints,
        )
        return
    symbols[symbol.name] = symbol


def unknown_name(
    name: ast.Name, known: list[str], problems: Collector, reported: set[str], loops: Set[str] = frozenset()
) -> None:
    """Report an undeclared name, the first time it is met; `loops`: all loop variables of the model."""
    if name.id in reported:
        return
    reported.add(name.id)
    hints = did_you_mean(name.id, [*known, *known_names()])
    if name.id in NAMES:
        hints = (NAMES[name.id],)
    elif name.id in loops:
        hints = (f"the loop variable `{name.id}` is known only inside its own generator",)
    problems.error("BL0202", f"`{name.id}` is not declared", name.span, hints=hints)
