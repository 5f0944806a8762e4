"""What could stand in quotes at a place: files and their columns inside of what reads data, else labels of sets."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np

from ..semantics.builtins import FILES
from ..semantics.data.files import Unreadable, find
from ..semantics.data.tables import header_of
from ..semantics.names.symbols import Symbol
from ..semantics.nodes.elements import IndexSet
from ..syntax.tokens import Lexeme
from .analysis import Document

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_MANY = 500  # names that are offered
_LARGE = 1 << 24  # bytes of a JSON file that is looked into

Found = list[tuple[str, str]]  # what could be written, and what it is


def quoted(document: Document, offset: int) -> Found:
    """In the order of the file or of the set."""
    before = [t for t in document.tokens if t.end <= offset and t.start < offset]
    if before and before[-1].type == "STRING" and before[-1].end >= offset:
        before = before[:-1]  # what is being written
    name, k, place = _around(before)
    if name and before[k].type == "(" and name in FILES:
        return _of_files(document, name, before[k + 1 :], place)
    symbol = document.examined.symbols.get(name)
    if symbol is not None and before[k].type == "[" and symbol.dims:
        return _of_dimension(symbol, place)
    return _of_all_sets(document)


def _around(before: list[Lexeme]) -> tuple[str, int, int]:
    """The innermost call or index around the end: its name, where its bracket is, and how many commas are before."""
    depth, commas = 0, 0
    for k in range(len(before) - 1, 0, -1):
        kind = before[k].type
        if kind in (";", "upper", "lower"):
            break
        if kind in _CLOSING:
            depth += 1
        elif kind in _OPENING and depth:
            depth -= 1
        elif kind in _OPENING:
            if before[k - 1].type == "NAME":
                return before[k - 1].text, k, commas
            commas = 0
        elif kind == "," and depth == 0:
            commas += 1
    return "", 0, 0


def _of_files(document: Document, reader: str, inside: list[Lexeme], place: int) -> Found:
    if place == 0:
        return _files(document.folder, reader)
    texts = [t.text for t in inside[:1] if t.type in ("STRING", "NAME")]
    symbol = document.symbols.get(texts[0]) if texts and inside[0].type == "NAME" else None
    if symbol is not None:  # `param file = "train.npz";`
        texts = [document.examined.symbols[symbol.name].text or ""]
    try:
        path = find(texts[0].strip("\"'"), document.folder, ()) if texts else None
    except Unreadable:
        return []
    if path is None:
        return []
    try:
        names = {"csv": _columns, "npz": _arrays, "json": _keys}.get(reader, lambda path: [])(path)
    except (OSError, ValueError, Unreadable):  # not yet a file of that kind
        return []
    kind = "column" if reader == "csv" else "entry"
    return [(n, f"{kind} of {path.name}") for n in names[:_MANY] if n]


def _files(folder: Path, reader: str) -> Found:
    """Below the folder of the model, two deep."""
    ending = f".{reader}"
    found = (p for pattern in ("*", "*/*") for p in sorted(folder.glob(pattern + ending)) if p.is_file())
    return [(p.relative_to(folder).as_posix(), "file") for p in islice(found, _MANY)]


def _columns(path: Path) -> list[str]:
    return list(header_of(path))


def _arrays(path: Path) -> list[str]:
    with np.load(path, allow_pickle=False) as archive:
        return list(archive.files)


def _keys(path: Path) -> list[str]:
    content = json.loads(path.read_text(encoding="utf-8-sig")) if path.stat().st_size < _LARGE else {}
    return list(content) if isinstance(content, dict) else []


def _of_dimension(symbol: Symbol, place: int) -> Found:
    """Labels of the dimension that an index stands in; a tuple has several indices."""
    for dim in symbol.dims or ():
        if place < dim.arity:
            return [(label, dim.set_name) for label in _labels(dim.members, place)] if dim.members is not None else []
        place -= dim.arity
    return []


def _of_all_sets(document: Document) -> Found:
    sets = [s for s in document.examined.symbols.values() if s.index_set is not None]
    found: dict[str, str] = {}
    for s in sets:
        for k in range(s.index_set.arity):
            found |= {label: s.name for label in _labels(s.index_set, k) if label not in found}
    return list(found.items())


def _labels(members: IndexSet, k: int) -> list[str]:
    """Those that component `k` of the elements has, in the order in which they come first."""
    if members.universes[k] is None:
        return []
    codes = list(dict.fromkeys(members.columns[k].tolist()))[:_MANY]
    return [members.universes[k].labels[code - 1] for code in codes]
