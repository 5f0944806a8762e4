"""The call that is being written, and which of its arguments."""

from __future__ import annotations

from dataclasses import dataclass

from ..semantics.builtins import is_known
from .analysis import Document
from .words import built_in

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True)
class Signature:
    text: str  # "norm(x)"
    doc: str
    arguments: tuple[str, ...]  # as they stand in the text
    active: int  # index of the argument at the place; may be past the last


def call_at(document: Document, offset: int) -> Signature | None:
    """Of the innermost call of a known function or set around `offset`."""
    before = [t for t in document.tokens if t.end <= offset]
    depth, active = 0, 0
    for k in range(len(before) - 1, 0, -1):
        kind = before[k].type
        if kind in (";", "{", "}") and depth == 0:
            return None
        if kind in _CLOSING:
            depth += 1
        elif kind in _OPENING and depth:
            depth -= 1
        elif kind in _OPENING:
            if kind == "(" and before[k - 1].type == "NAME":
                return _signature(document, before[k - 1].text, active)
            active = 0
        elif kind == "," and depth == 0:
            active += 1
    return None


def _signature(document: Document, name: str, active: int) -> Signature | None:
    symbol = document.symbols.get(name)
    if symbol is not None and symbol.kind == "function":
        arguments = tuple(p.id for p in symbol.decl.parameters)
        return Signature(f"{name}({', '.join(arguments)})", document.remark(symbol.decl.span), arguments, active)
    if not is_known(name):
        return None
    text, doc = built_in(name)
    inside = text[text.rfind("(") + 1 : text.rfind(")")] if "(" in text else ""  # the longest form comes last
    return Signature(text, doc, tuple(a.strip() for a in inside.split(",") if a.strip()), active)
