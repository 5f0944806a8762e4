"""What is known of a model that is being written. Knows no editor and no protocol: places are offsets.

Syntax and names are found at once, the rest (shapes, data) only when it is asked for, since it
may read files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock

from ..diagnostics import Collector, Diagnostic, Source, Span
from ..semantics.builtins import FILES, is_known
from ..semantics.check import Examined, examine
from ..semantics.names.symbols import Symbol
from ..semantics.rules.pedantic import pedantic
from ..syntax import ast
from ..syntax.parser import parse_what_can_be
from ..syntax.tokens import RESERVED, Lexeme, tokenize
from .names import BuiltIn, Local, Occurrence, Target, occurrences

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


class CannotRename(Exception):
    """Why, as a sentence."""


@dataclass(frozen=True)
class Entry:
    """One line of the outline of a model."""

    name: str
    kind: str  # that of a symbol, or "upper", "lower", "objective", "label", "result", "problem", "block"
    detail: str
    span: Span
    name_span: Span
    below: tuple[Entry, ...] = ()


class Document:
    """One version of the text of a model, in `folder`."""

    def __init__(self, name: str, text: str, folder: Path):
        self.source = Source(name, text)
        self.folder = folder
        self._syntax = Collector()
        self.tree = parse_what_can_be(self.source, self._syntax)
        self.symbols, self.occurrences = occurrences(self.tree)
        self._lock = Lock()
        self._examined: Examined | None = None

    @cached_property
    def tokens(self) -> list[Lexeme]:
        return tokenize(self.source, Collector())

    @property
    def examined(self) -> Examined:
        """Shapes and values, as far as they are known; of a text with syntax errors, of what could be read."""
        with self._lock:
            if self._examined is None:
                self._examined = examine(self.tree, source=self.source, base_dir=self.folder)
            return self._examined

    def diagnostics(self) -> list[Diagnostic]:
        """All mistakes, and the warnings of `check --pedantic` as hints.

        Those of syntax alone where there are any, as the others may follow from them.
        """
        if self._syntax.items:
            return self._syntax.items
        found, advice = self.examined, Collector()
        if found.checked is not None:
            pedantic(found.checked, advice)
        return [
            *map(_expected_from_outside, found.problems.items),
            *(replace(d, severity="hint") for d in advice.items),
        ]

    # --- names

    def at(self, offset: int) -> Occurrence | None:
        """The name at `offset`, or just before it."""
        touching = [o for o in self.occurrences if o.span.start <= offset <= o.span.end]
        return next((o for o in touching if offset < o.span.end), touching[0] if touching else None)

    def all_of(self, target: Target) -> list[Occurrence]:
        if isinstance(target, BuiltIn):
            return [o for o in self.occurrences if isinstance(o.target, BuiltIn) and o.name == target.name]
        return [o for o in self.occurrences if o.target is target]

    def definition(self, offset: int) -> Span | None:
        here = self.at(offset)
        return None if here is None or here.target is None or isinstance(here.target, BuiltIn) else here.target.span

    def renamable(self, offset: int) -> Occurrence:
        """The name at `offset`.

        Raises:
            CannotRename: there is none, or it is part of the language.
        """
        here = self.at(offset)
        if here is None:
            raise CannotRename("there is no name here")
        if isinstance(here.target, BuiltIn):
            raise CannotRename(f"`{here.name}` is part of the language")
        if here.target is None:
            raise CannotRename(f"`{here.name}` is not declared")
        return here

    def rename(self, offset: int, new: str) -> list[Span]:
        """All places that have to change, so that the model means the same.

        Raises:
            CannotRename: `new` is no name, or means something else in one of these places.
        """
        target = self.renamable(offset).target
        if not _NAME.fullmatch(new):
            raise CannotRename(f"`{new}` is not a name: a letter or `_`, then letters, digits and `_`")
        if new in RESERVED:
            raise CannotRename(f"`{new}` is a keyword")
        if is_known(new):
            raise CannotRename(f"`{new}` is a built-in name")
        places = self.all_of(target)
        if new != target.name:
            self._refuse_clash(target, places, new)
        return [o.span for o in places]

    def _refuse_clash(self, target: Target, places: list[Occurrence], new: str) -> None:
        if isinstance(target, Symbol):
            clash = self.symbols.get(new) or next(
                (
                    o.target
                    for o in self.occurrences
                    if o.name == new and _is_local(o.target) and any(_inside(p.span, o.target.scope.span) for p in places)
                ),
                None,
            )
        elif _is_local(target):
            clash = next(
                (
                    o.target or o
                    for o in self.occurrences
                    if o.name == new
                    and _inside(o.span, target.scope.span)
                    and not (isinstance(o.target, Local) and o.target.kind in ("label", "result"))
                ),
                None,
            )
        else:
            clash = next(
                (
                    o.target
                    for o in self.occurrences
                    if o.declares and o.name == new and isinstance(o.target, Local) and o.target.kind == target.kind
                ),
                None,
            )
        if clash is not None:
            raise CannotRename(f"`{new}` is already a name here (line {clash.span.line})")

    # --- outline

    def outline(self) -> list[Entry]:
        return [e for s in self.tree.statements if (e := _entry(s)) is not None]

    def remark(self, span: Span) -> str:
        """The comment behind a statement on its last line, or else the lines of comment right above it."""
        text = self.source.text
        end = text.find("\n", span.end)
        behind = re.match(r"[ \t;]*#\s*(.*?)\s*$", text[span.end : len(text) if end < 0 else end])
        if behind:
            return behind[1]
        lines, found = text[: span.start].split("\n")[:-1], []
        while lines and lines[-1].strip().startswith("#"):
            found.append(lines.pop().strip().lstrip("#").strip())
        return " ".join(reversed(found))


def is_index_set(symbol: Symbol) -> bool:
    """As it is written; not a constraint set."""
    value = symbol.decl.value if symbol.kind == "set" else None
    from_file = isinstance(value, ast.Call) and value.function.id in FILES
    return from_file or isinstance(value, (ast.Range, ast.Labels, ast.SetOf))


def _expected_from_outside(d: Diagnostic) -> Diagnostic:
    """A parameter without a value is no mistake of the text: it comes from the command line."""
    return replace(d, severity="information") if d.code == "BL0330" else d


def _is_local(target: Target | None) -> bool:
    return isinstance(target, Local) and target.kind in ("loop", "argument")


def _inside(span: Span, scope: Span) -> bool:
    return scope.start <= span.start and span.end <= scope.end


# --- outline ---------------------------------------------------------------------------------------

_DECLARATIONS = {ast.Param: "param", ast.SetDecl: "set", ast.FunctionDecl: "function", ast.Let: "let", ast.Var: "var"}


def _entry(s: ast.Statement) -> Entry | None:
    kind = _DECLARATIONS.get(type(s))
    if kind:
        parts = s.generators if isinstance(s, ast.Let) else getattr(s, "dimensions", ())
        dimensions = ", ".join(_short(d.span) for d in parts)
        return Entry(s.name.id, kind, f"[{dimensions}]" if dimensions else "", s.span, s.name.span)
    if isinstance(s, ast.ProblemName):
        return Entry(s.name.id, "problem", "", s.span, s.name.span)
    if isinstance(s, ast.Objective):
        return Entry(s.sense, "objective", _short(s.value.span), s.span, _keyword(s))
    if isinstance(s, ast.Constraint):
        if s.label is None:
            return Entry(_short(s.span), "label", "", s.span, s.terms[0].span)
        return Entry(s.label.id, "label", _short(s.span), s.span, s.label.span)
    word = {ast.Options: "options", ast.Report: "report", ast.Reference: "reference"}.get(type(s))
    if isinstance(s, ast.Level):
        name = f"{s.kind} {s.name.id}" if s.name else s.kind
        return Entry(name, s.kind, "", s.span, _keyword(s), tuple(e for i in s.items if (e := _entry(i)) is not None))
    if word:
        below = tuple(Entry(e.name.id, "result", _short(e.value.span), e.span, e.name.span) for e in s.entries)
        return Entry(word, "block", "", s.span, _keyword(s), below)
    return None


def _keyword(s: ast.Statement) -> Span:
    return Span(s.span.source, s.span.start, s.span.start + len(_NAME.match(s.span.text)[0]))


def _short(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 60 else text[:57] + "..."
