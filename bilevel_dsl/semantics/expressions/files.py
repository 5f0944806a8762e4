"""Files in expressions: arrays, columns of tables, sets, sparse matrices."""

from __future__ import annotations

import re

import numpy as np

from ...diagnostics import Span
from ...syntax import ast
from ..data.files import Unreadable, find, read
from ..data.sparse import Sparse, read_sparse
from ..data.tables import Misfit, Table
from ..names.frames import TOP, Env
from ..names.scope import Scope
from ..names.texts import file_text, text_is_reported
from ..nodes.elements import IndexSet, Universe
from ..nodes.ir import Node, bad, const

WHOLE_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})")
USAGE = 'csv("file.csv", "column", key = "column", default = 0)'


def lower_file(scope: Scope, e: ast.Call, env: Env) -> Node:
    name = e.function.id
    if is_table(e):
        found = columns_read(scope, e)
        return bad(e.span) if found is None else const(found, e.span)
    wanted = 2 if name in ("npz", "json") else 1
    texts = [file_text(scope, a) for a in e.arguments]
    if any(t is None and text_is_reported(scope, a) for t, a in zip(texts, e.arguments)):
        return bad(e.span)
    if len(e.arguments) != wanted or None in texts or e.keywords:
        usage = f'{name}("file", "key")' if wanted == 2 else f'{name}("file")'
        scope.problems.error("BL0340", f"`{name}` is called as `{usage}`", e.span)
        return bad(e.span)
    try:
        array = read(name, texts[0], texts[1] if wanted == 2 else None, scope.base, scope.data_dirs)
    except Unreadable as error:
        scope.problems.error("BL0341", str(error), e.span, hints=error.hints)
        return bad(e.span)
    return const(array, e.span)


def open_table(scope: Scope, name: str) -> Table:
    """
    Raises:
        Unreadable: missing, or not a table.
    """
    if name not in scope.tables:
        path = find(name, scope.base, scope.data_dirs)
        try:
            scope.tables[name] = Table(name, path)
        except OSError as error:
            raise Unreadable(f"`{name}` cannot be read: {error.strerror or error}") from error
    return scope.tables[name]


def misread(scope: Scope, error: Unreadable, span: Span) -> None:
    places = error.places if isinstance(error, Misfit) else ()
    scope.problems.error("BL0341", str(error), span, secondary=places, hints=error.hints)


def set_from_file(scope: Scope, e: ast.Call, env: Env = TOP, name: str = "") -> IndexSet | None:
    """`csv("buses.csv", "bus")`, `csv("links.csv", "tail", "head")`."""
    texts = [file_text(scope, a) for a in e.arguments]
    if any(text_is_reported(scope, a) for a in e.arguments):
        return None
    if e.function.id != "csv" or len(texts) < 2 or any(t is None for t in texts) or e.keywords:
        hints = ('write `csv("file.csv", "column")`, for pairs `csv("file.csv", "from", "to")`', *columns_hint(scope, texts))
        scope.problems.error("BL0340", "a set is read from the columns of a table", e.span, hints=hints)
        return None
    try:
        return _set_of_columns(open_table(scope, texts[0]), texts[1:], e.span, name)
    except Unreadable as error:
        misread(scope, error, e.span)
        return None


def columns_hint(scope: Scope, texts: list[str | None]) -> tuple[str, ...]:
    """The hint for a file whose column is not named."""
    try:
        known = [name for name in open_table(scope, texts[0]).header if name] if len(texts) == 1 and texts[0] else []
    except Unreadable:
        return ()
    return (f"the columns of `{texts[0]}` are: {', '.join(known[:12])}",) if known else ()


def is_sparse_file(e: ast.Expr | None) -> bool:
    """Whether it reads a sparse matrix: `npz("A.npz")`, without the name of an array."""
    return isinstance(e, ast.Call) and e.function.id == "npz" and len(e.arguments) == 1 and not e.keywords


def sparse_file(scope: Scope, e: ast.Call) -> Sparse | None:
    text = file_text(scope, e.arguments[0])
    if text is None:
        if not text_is_reported(scope, e.arguments[0]):
            scope.problems.error("BL0340", 'a sparse matrix is read by `npz("file")`', e.span)
        return None
    try:
        return read_sparse(find(text, scope.base, scope.data_dirs))
    except (Unreadable, OSError) as error:
        found = error if isinstance(error, Unreadable) else Unreadable(f"`{text}` cannot be read: {error.strerror}")
        misread(scope, found, e.span)
        return None


def is_table(e: ast.Expr | None) -> bool:
    """Whether it reads columns of a table."""
    is_call = isinstance(e, ast.Call) and e.function.id == "csv"
    return is_call and bool(len(e.arguments) > 1 or e.keywords)


def columns_read(scope: Scope, e: ast.Call) -> np.ndarray | None:
    """`csv("run.csv", "u")` as a vector, with several columns as a matrix."""
    texts = [file_text(scope, a) for a in e.arguments]
    if any(text_is_reported(scope, a) for a in e.arguments):
        return None
    if any(t is None for t in texts):
        scope.problems.error("BL0340", f"`csv` is called as `{USAGE}`", e.span)
        return None
    if e.keywords:
        scope.problems.error(
            "BL0340",
            "rows are matched by key where a table is the whole value of a parameter",
            e.span,
            hints=(f"write `param table[S] = {e.span.text};`, and compute with `table`",),
        )
        return None
    try:
        table = open_table(scope, texts[0])
        read = [table.floats(*table.column(name)) for name in texts[1:]]
    except Unreadable as error:
        misread(scope, error, e.span)
        return None
    return read[0] if len(read) == 1 else np.stack(read, axis=1)


def _set_of_columns(table: Table, names: list[str], span: Span, name: str) -> IndexSet:
    columns = [table.column(n) for n in names]
    for at, cells in columns:
        if "" in cells:
            row = cells.index("")
            raise Misfit(
                f"{table.place(row, at)}: the cell is empty, and an element of a set is needed",
                places=((table.row_span(row), "no label here"),),
            )
    numbers = [all(map(WHOLE_NUMBER.fullmatch, cells)) for _, cells in columns]
    texts = dict.fromkeys(cell for (_, cells), n in zip(columns, numbers) if not n for cell in cells)
    several = len(columns) > 1
    universe = Universe(tuple(texts), "" if several else name, loose=several or not name, of_tuples=several)
    codes = universe.codes
    found = IndexSet(
        name,
        tuple(
            np.array(list(map(int, cells)) if n else [codes[c] for c in cells], dtype=np.int64)
            for (_, cells), n in zip(columns, numbers)
        ),
        tuple(None if n else universe for n in numbers),
        span,
    )
    twice = found.lookup.repeated
    if twice is not None:
        what = found.key(np.array(twice[0])).text()
        spans = [cells_span(table, int(row), [at for at, _ in columns]) for row in twice[:2]]
        raise Misfit(
            f"{what} stands in `{table.name}` twice, in lines {table.numbers[twice[0] + 1]} and "
            f"{table.numbers[twice[1] + 1]}; a set has each element once",
            places=((spans[0], "first here"), (spans[1], "again here")),
        )
    return found


def cells_span(table: Table, row: int, columns: list[int]) -> Span:
    spans = [table.cell_span(row, at) for at in columns]
    return min(spans, key=lambda s: s.start).to(max(spans, key=lambda s: s.end))
