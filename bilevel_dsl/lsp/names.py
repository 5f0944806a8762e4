"""Which declaration a name means, at every place where one stands.

The rules of scope are those of `semantics`: all declarations of a model in one table, loop variables and
arguments of functions local, labels of constraints apart. Works on trees with mistakes, and computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..diagnostics import Collector, Span
from ..semantics.builtins import is_known
from ..semantics.names.symbols import Symbol, declare
from ..semantics.names.walk import children
from ..syntax import ast
from ..syntax.room import deep_recursion


@dataclass(frozen=True, eq=False)
class Local:
    """A loop variable, an argument of a function, a label, a follower, a model: a name that is in no table."""

    name: str
    kind: str  # "loop" | "argument" | "label" | "follower" | "problem" | "result"
    span: Span
    scope: ast.Node  # the part of the tree in which it is known
    domain: ast.Expr | None = None  # of a loop variable


@dataclass(frozen=True, eq=False)
class BuiltIn:
    name: str


Target = Symbol | Local | BuiltIn


@dataclass(frozen=True, eq=False)
class Occurrence:
    span: Span
    target: Target | None  # None: not declared
    declares: bool = False
    name: str = ""


def occurrences(tree: ast.Model) -> tuple[dict[str, Symbol], list[Occurrence]]:
    """The declared names of a model, and all places where a name stands, in the order of the text."""
    symbols, _ = declare(tree, Collector())
    resolver = _Resolver(tree, symbols)
    with deep_recursion():
        for statement in tree.statements:
            resolver.statement(statement)
    return symbols, sorted(resolver.found, key=lambda o: o.span.start)


class _Resolver:
    def __init__(self, tree: ast.Model, symbols: dict[str, Symbol]):
        self.symbols = symbols
        self.found: list[Occurrence] = []
        self.labels = {id(c): Local(c.label.id, "label", c.label.span, level) for level, c in _labelled(tree)}
        self.lower_labels = {c.label.id: self.labels[id(c)] for level, c in _labelled(tree) if level.kind == "lower"}

    # --- statements

    def statement(self, s: ast.Statement) -> None:
        """Those without a method declare nothing."""
        read = getattr(self, f"_{type(s).__name__.lower()}", None)
        if read is None:
            self._below(s, {})
        else:
            read(s)

    def _problemname(self, s: ast.ProblemName) -> None:
        self._declare(s.name, Local(s.name.id, "problem", s.name.span, s))

    def _param(self, s: ast.Param) -> None:
        self._declare(s.name, self.symbols.get(s.name.id))
        self._below(s, {}, s.name)

    _setdecl = _var = _param

    def _let(self, s: ast.Let) -> None:
        self._declare(s.name, self.symbols.get(s.name.id))
        self._loop(s, s.generators, (s.value,), {})

    def _functiondecl(self, s: ast.FunctionDecl) -> None:
        self._declare(s.name, self.symbols.get(s.name.id))
        names = {p.id: Local(p.id, "argument", p.span, s) for p in s.parameters}
        for p in s.parameters:
            self._declare(p, names[p.id])
        self.expression(s.body, names)

    def _objective(self, s: ast.Objective) -> None:
        self.expression(s.value, {})

    def _constraint(self, s: ast.Constraint) -> None:
        if s.label is not None:
            self._declare(s.label, self.labels[id(s)])
        self._loop(s, s.generators, (*((s.condition,) if s.condition else ()), *s.terms), {})

    def _level(self, s: ast.Level) -> None:
        if s.name is not None:
            self._declare(s.name, Local(s.name.id, "follower", s.name.span, s))
        for item in s.items:
            self.statement(item)

    def _report(self, s: ast.Report) -> None:
        for entry in s.entries:
            self._declare(entry.name, Local(entry.name.id, "result", entry.name.span, entry))
            self.expression(entry.value, {})

    def _options(self, s: ast.Options) -> None:
        for entry in s.entries:
            self.expression(entry.value, {})

    def _reference(self, s: ast.Reference) -> None:
        for entry in s.entries:
            symbol = self.symbols.get(entry.name.id)
            if symbol is not None and symbol.kind == "var":
                self._use(entry.name, symbol)
            self.expression(entry.value, {})

    # --- expressions

    def expression(self, e: ast.Node, local: dict[str, Local]) -> None:
        if isinstance(e, ast.Name):
            self._use(e, self._meaning(e.id, local))
        elif isinstance(e, (ast.Comprehension, ast.SetOf)):
            self._loop(e, e.generators, (*((e.condition,) if e.condition else ()), e.body), local)
        elif isinstance(e, ast.Call):
            self._call(e, local)
        elif isinstance(e, ast.Attribute):
            self.expression(e.base, local)
        else:
            self._below(e, local)

    def _call(self, e: ast.Call, local: dict[str, Local]) -> None:
        self._use(e.function, self._meaning(e.function.id, {}))
        for argument in e.arguments:
            named = isinstance(argument, ast.Name) and e.function.id == "dual"
            label = self.lower_labels.get(argument.id) if named else None
            self._use(argument, label) if label else self.expression(argument, local)
        for _, value in e.keywords:
            self.expression(value, local)

    def _loop(self, scope: ast.Node, generators, inside, local: dict[str, Local]) -> None:
        """A later domain sees the variables before it; condition and body see all."""
        local = dict(local)
        for g in generators:
            self.expression(g.domain, local)
            for name in g.names:
                local[name.id] = Local(name.id, "loop", name.span, scope, g.domain)
                self._declare(name, local[name.id])
        for e in inside:
            self.expression(e, local)

    def _below(self, node: ast.Node, local: dict[str, Local], without: ast.Node | None = None) -> None:
        for child in children(node):
            if child is not without:
                self.expression(child, local)

    # --- what is found

    def _meaning(self, name: str, local: dict[str, Local]) -> Target | None:
        found = local.get(name) or self.symbols.get(name)
        return found or (BuiltIn(name) if is_known(name) else None)

    def _use(self, name: ast.Name, target: Target | None) -> None:
        self.found.append(Occurrence(name.span, target, False, name.id))

    def _declare(self, name: ast.Name, target: Target | None) -> None:
        self.found.append(Occurrence(name.span, target, True, name.id))


def _labelled(tree: ast.Model) -> Iterator[tuple[ast.Level, ast.Constraint]]:
    for level in tree.statements:
        if isinstance(level, ast.Level):
            for item in level.items:
                if isinstance(item, ast.Constraint) and item.label is not None:
                    yield level, item
