"""What could be written at a place: keywords that the parser would accept there, and names in scope."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..semantics.builtins import function_names
from ..semantics.constraint_sets import CONSTRAINT_SETS
from ..semantics.names.symbols import Symbol
from ..syntax.parser import Continuation, continuation
from ..syntax.tokens import KEYWORDS, Lexeme
from .analysis import Document, is_index_set
from .quoted import quoted
from .words import KEYWORDS as MEANINGS
from .words import built_in

_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")
_QUIET = re.compile(r'"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z)|#[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_EXPRESSION = frozenset(["NAME", "NUMBER", "("])


@dataclass(frozen=True)
class Item:
    label: str
    kind: str  # "keyword", "function", "set", "label", "option", "loop", or that of a symbol
    detail: str = ""
    doc: str = ""


def complete(document: Document, offset: int) -> list[Item]:
    """In no order; what has been written of the word is left to the editor to match."""
    text = document.source.text
    quiet = _quiet(text, offset)
    if quiet:
        return [Item(text, "label", detail) for text, detail in quoted(document, offset)] if quiet.startswith('"') else []
    start = offset - len((_WORD.search(text[:offset]) or [""])[0])
    if re.search(r"\d\Z", text[:start]):  # inside of a number
        return []
    here = continuation(document.source, start)
    if here.block in ("options", "reference", "report") and not here.statement:
        return _entries(document, here.block)
    items = [_keyword(k) for k in sorted(here.accepted & KEYWORDS)]
    if _EXPRESSION <= here.accepted:
        items += _names(document, here, offset)
    return items


def _quiet(text: str, offset: int) -> str:
    """The string or the comment that `offset` is in; empty if it is in none."""
    for m in _QUIET.finditer(text):
        open_end = m[0].startswith("#") or len(m[0]) == 1 or not m[0].endswith(('"', "*/"))
        if m.start() < offset < m.end() or (offset == m.end() and open_end):
            return m[0]
    return ""


def _keyword(word: str) -> Item:
    shown = "subject to" if word == "subject" else word
    return Item(shown, "keyword", "", MEANINGS[shown])


def _names(document: Document, here: Continuation, offset: int) -> list[Item]:
    statement = here.statement
    symbols = list(document.symbols.values())
    if statement[-1:] == ("in",) and statement[0] == "var" and not {"[", "("} & set(statement[2:]):
        named = [s for s in symbols if s.kind == "set" and not is_index_set(s)]
        fitting = [s.name for s in CONSTRAINT_SETS.values() if not (s.whole and here.block == "lower")]
        return [*map(_symbol, named), *(_built_in(n, "set") for n in fitting)]
    loops = [Item(name, "loop", "loop variable") for name in _loop_variables(document, offset)]
    index_sets = [_symbol(s) for s in symbols if is_index_set(s)]
    params = [_symbol(s) for s in symbols if s.kind == "param"]
    if statement[-1:] == ("in",):
        return loops + index_sets + params
    if statement[:1] in (("param",), ("var",)) and statement[2:3] == ("[",):
        return index_sets + params
    values = [_symbol(s) for s in symbols if s.kind in ("param", "var", "let", "function")] + _half_written(document)
    functions = [_built_in(n, "function") for n in sorted(function_names())]
    return loops + values + functions + (index_sets if "[" in statement else [])


def _symbol(s: Symbol) -> Item:
    signature = f"({', '.join(p.id for p in s.decl.parameters)})" if s.kind == "function" else ""
    level = f" of the {s.level} level" if s.kind == "var" else ""
    return Item(s.name, s.kind, s.name + signature if signature else s.words + level)


def _half_written(document: Document) -> list[Item]:
    """Names of declarations that could not be read to their end."""
    tokens = document.tokens
    found = {
        b.text: a.type
        for a, b in zip(tokens, tokens[1:])
        if a.type in ("param", "let", "function", "var") and b.type == "NAME"
    }
    return [Item(name, kind) for name, kind in found.items() if name not in document.symbols]


def _built_in(name: str, kind: str) -> Item:
    signature, doc = built_in(name)
    return Item(name, kind, signature, doc)


def _loop_variables(document: Document, offset: int) -> list[str]:
    """Of the statement around `offset`, also those that are named behind it: `sum(| for i in I)`; and arguments."""
    ends = [t for t in document.tokens if t.type in (";", "{", "}")]
    first = max((t.end for t in ends if t.end <= offset), default=0)
    last = min((t.start for t in ends if t.start >= offset), default=len(document.source.text))
    statement = [t for t in document.tokens if first <= t.start < last]
    names = [a.text for a, b in zip(statement, statement[1:]) if a.type == "NAME" and b.type == "in"]
    kinds = [t.type for t in statement[:1]]
    if kinds == ["var"]:
        names = names[1:]
    if kinds == ["function"]:
        names += _arguments(statement)
    return list(dict.fromkeys(names))


def _arguments(statement: list[Lexeme]) -> list[str]:
    end = next((k for k, t in enumerate(statement) if t.type == ")"), 0)
    return [t.text for t in statement[2:end] if t.type == "NAME"]


def _entries(document: Document, block: str) -> list[Item]:
    if block == "report":
        return []
    if block == "reference":
        fixed = {
            "upper": "the upper objective, as written",
            "lower": "the lower objective, as written",
            "source": "where the values come from, a string",
        }
        return [Item(k, "option", v) for k, v in fixed.items()] + [
            _symbol(s) for s in document.symbols.values() if s.kind == "var"
        ]
    return [Item(name, "option", doc) for name, doc in sorted(settings().items())]


def settings() -> dict[str, str]:
    """The options by name: of all methods, which load CasADi when first asked for."""
    from ..methods import METHODS

    found = {"method": f"one of: auto, {', '.join(METHODS)}", "ties": "one of: optimistic, pessimistic, report"}
    for info in METHODS.values():
        for s in info.settings:
            found.setdefault(s.name, f"{info.name}: {s.doc}" if s.name not in ("tol", "max_iter") else s.doc)
    return found
