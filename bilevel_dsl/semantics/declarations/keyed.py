"""Parameters from tables: which columns, and how rows are matched to entries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...diagnostics import Span, did_you_mean
from ...syntax import ast
from ..checked import Filled
from ..data.files import Unreadable
from ..data.matching import KEYS, Matched, members_of, told
from ..data.tables import Misfit, Table
from ..expressions.files import USAGE, cells_span, columns_hint, misread, open_table
from ..expressions.index_sets import index_set
from ..expressions.values import scalar_data
from ..names.scope import Scope
from ..names.texts import file_text, text_is_reported
from ..nodes.elements import IndexSet, name_of
from ..nodes.ir import Dim


@dataclass(frozen=True)
class _Request:
    """A call that reads a table by key."""

    call: ast.Call
    table: Table
    column: str  # of values; empty in a wide table
    keys: tuple[str, ...]
    columns: int  # the dimension whose entries are columns; -1: none
    names: tuple[str, ...]  # of these columns
    default: ast.Expr | None


def table_value(scope: Scope, e: ast.Call, name: str, dims: tuple[Dim, ...], domain: IndexSet | None) -> np.ndarray | None:
    """The value of a parameter from a table; of labels (`domain`) their codes."""
    try:
        request = _request_of(scope, e, name, dims)
        if request is None:
            return None
        return _in_order(scope, request, domain) if not request.keys else _by_key(scope, request, name, dims, domain)
    except Unreadable as error:
        misread(scope, error, e.span)
        return None


def _request_of(scope: Scope, e: ast.Call, name: str, dims: tuple[Dim, ...]) -> _Request | None:
    texts, words = [file_text(scope, a) for a in e.arguments], {k.id: v for k, v in e.keywords}
    if any(text_is_reported(scope, a) for a in (*e.arguments, *words.values())):
        return None
    unknown = next((k for k, _ in e.keywords if k.id not in ("key", "columns", "default")), None)
    if unknown is not None or any(t is None for t in texts) or not texts or len(texts) > 2 and e.keywords:
        hints = did_you_mean(unknown.id, ["key", "columns", "default"]) if unknown else ()
        scope.problems.error("BL0340", f"`csv` is called as `{USAGE}`", unknown.span if unknown else e.span, hints=hints)
        return None
    keys = _key_columns(scope, words.get("key"))
    if keys is None:
        return None
    table = open_table(scope, texts[0])
    across = (-1, ()) if "columns" not in words else _across(scope, words["columns"], name, dims)
    if across is None or not _keys_fit(scope, e, table, name, dims, keys, across[0]):
        return None
    columns, names = across
    if (len(texts) == 2) == (columns >= 0):
        wrong = "a wide table has its values in the columns of a set, and no column of values"
        message = wrong if columns >= 0 else "the column of the values is not named"
        scope.problems.error("BL0340", message, e.span, hints=(f"`csv` is called as `{USAGE}`", *columns_hint(scope, texts)))
        return None
    if len(texts) == 2:
        table.column(texts[1])
    return _Request(e, table, texts[1] if len(texts) == 2 else "", keys, columns, names, words.get("default"))


def _key_columns(scope: Scope, e: ast.Expr | None) -> tuple[str, ...] | None:
    if e is None:
        return ()
    texts = [file_text(scope, item) for item in (e.items if isinstance(e, ast.Array) else (e,))]
    if not texts or any(t is None for t in texts):
        scope.problems.error(
            "BL0340",
            "a key is the name of a column, or several",
            e.span,
            hints=('write `key = "bus"` or `key = ["hour", "bus"]`',),
        )
        return None
    return tuple(texts)


def _named_columns(scope: Scope, e: ast.Array, name: str, dims: tuple[Dim, ...]) -> tuple[int, tuple[str, ...]] | None:
    """`columns = ["u", "v"]`, for a dimension whose entries are numbered: by place, as the names are written."""
    texts = [file_text(scope, item) for item in e.items]
    if any(t is None for t in texts):
        if not any(text_is_reported(scope, a) for a in e.items):
            scope.problems.error("BL0340", "the columns of a table are named by texts", e.span)
        return None
    numbered = [k for k, d in enumerate(dims) if d.members is None and d.size == len(texts)]
    if numbered:
        return numbered[-1], tuple(texts)
    keyed = next((d for d in reversed(dims) if d.members and d.members.has_labels and d.size == len(texts)), None)
    hints = (f"the columns of a set are found by its elements: `columns = {keyed.set_name}`",) if keyed else ()
    sizes = ", ".join(f"`{d.set_name}`" if d.set_name else str(d.size) for d in dims) or "nothing"
    message = f"{len(texts)} columns are named, and `{name}` is over {sizes}: no dimension is numbered 1..{len(texts)}"
    scope.problems.error("BL0340", message, e.span, hints=hints)
    return None


def _across(scope: Scope, e: ast.Expr, name: str, dims: tuple[Dim, ...]) -> tuple[int, tuple[str, ...]] | None:
    """The dimension that goes across the columns of a wide table, the last one that fits, and their names."""
    if isinstance(e, ast.Array) and any(isinstance(item, ast.Text) for item in e.items):
        return _named_columns(scope, e, name, dims)
    found = index_set(scope, e, what="`columns` is")
    if found is None:
        return None
    for k in reversed(range(len(dims))):
        same = members_of(dims[k]).universes == found.universes or _same_elements(members_of(dims[k]), found)
        if dims[k].arity == 1 == found.arity and same and dims[k].size == found.size:
            across = members_of(dims[k])
            return k, across.labels or tuple(str(v) for v in across.values.tolist())
    over = ", ".join(f"`{d.set_name}`" if d.set_name else str(d.size) for d in dims) or "nothing"
    scope.problems.error("BL0340", f"`{e.span.text}` is no dimension of `{name}`, which is over {over}", e.span)
    return None


def _keys_fit(scope: Scope, e: ast.Call, table: Table, name: str, dims, keys: tuple[str, ...], columns: int) -> bool:
    """As many columns of keys as the rest of the dimensions has indices."""
    wanted = sum(d.arity for k, d in enumerate(dims) if k != columns)
    if not keys and columns < 0:
        keyed = next((d for d in dims if d.members is not None), None)
        if keyed is not None:
            _needs_key(scope, e, table, name, keyed)
        return keyed is None
    if len(keys) == wanted:
        return True
    what = f"{wanted} column{'s' * (wanted != 1)}"
    rest = [d for k, d in enumerate(dims) if k != columns]
    shown = " and ".join(f"`{d.set_name}`" if d.set_name else f"`1..{d.size}`" for d in rest)
    scope.problems.error(
        "BL0340",
        f"`{name}` is matched by {what} of keys{f', for {shown}' if shown else ''}, and {len(keys)} are named",
        e.span,
        hints=(f"the columns of `{table.name}` are: {', '.join(h for h in table.header[:12] if h)}",),
    )
    return False


def _needs_key(scope: Scope, e: ast.Call, table: Table, name: str, dim: Dim) -> None:
    texts = [a.span.text for a in e.arguments]
    guess = next((f'"{h}"' for k, h in enumerate(table.header) if h and _has_all(table, k, dim.members)), '"..."')
    guess = guess if dim.arity == 1 else "[" + ", ".join(['"..."'] * dim.arity) + "]"
    scope.problems.error(
        "BL0340",
        f"`{name}` is over the {dim.members.words}s of `{dim.set_name}`, and rows are matched by key, not by place",
        e.span,
        hints=(f"write `csv({', '.join(texts)}, key = {guess})`",),
    )


def _in_order(scope: Scope, request: _Request, domain: IndexSet | None) -> np.ndarray | None:
    table = request.table
    at, cells = table.column(request.column)
    return _cell_values(scope, request, domain, np.arange(len(cells)), at, cells)


def _by_key(scope: Scope, request: _Request, name: str, dims: tuple[Dim, ...], domain) -> np.ndarray | None:
    """An entry for each row of a long table, for each cell of a wide one."""
    table = request.table
    keys = [table.column(k) for k in request.keys]
    rest = tuple(d for k, d in enumerate(dims) if k != request.columns)
    if not keys and table.size > 1:
        scope.problems.error(
            "BL0340",
            f"`{table.name}` has {table.size} rows, and only the columns are matched",
            request.call.span,
            hints=('the column that tells the rows apart is the `key`: `key = "hour"`',),
        )
        return None
    matched = Matched(rest, [cells for _, cells in keys])
    fine = _rows_fit(scope, request, name, matched, [at for at, _ in keys])
    if request.columns < 0:
        at, cells = table.column(request.column)
        read = _cell_values(scope, request, domain, matched.places, at, cells)
        if read is None or not fine:
            return None
        found = _blank(scope, request, domain, matched.size)
        if found is None:
            return None
        found[matched.places] = read
        return found.reshape(tuple(d.size for d in dims))
    return _wide(scope, request, dims, domain, matched) if fine else None


def _wide(scope: Scope, request: _Request, dims: tuple[Dim, ...], domain, matched: Matched) -> np.ndarray | None:
    """A column for each element of one dimension."""
    table, names, across = request.table, request.names, dims[request.columns].set_name
    missing = [n for n in names if n not in table.header]
    if missing and request.default is None:
        of = f" of the set `{across}`" if across else ""
        raise Misfit(
            f"`{table.name}` has no column for {told([f'`{n}`' for n in missing])}{of}",
            *(did_you_mean(missing[0], table.header) or ("`default = 0` fills what is missing",)),
            places=((table.row_span(-1), "the names of the columns"),),
        )
    found = _blank(scope, request, domain, matched.size * len(names))
    if found is None:
        return None
    found = found.reshape(matched.size, len(names))
    for k, label in enumerate(names):
        if label in table.header:
            at, cells = table.column(label)
            read = _cell_values(scope, request, domain, matched.places, at, cells)
            if read is None:
                return None
            found[matched.places, k] = read
    whole = found.reshape(*(d.size for k, d in enumerate(dims) if k != request.columns), len(names))
    return np.moveaxis(whole, -1, request.columns)


def _rows_fit(scope: Scope, request: _Request, name: str, matched: Matched, columns: list[int]) -> bool:
    """Every row has its entry, no entry two rows, and none is missing."""

    def span_of(row: int) -> Span:
        return cells_span(table, row, columns)

    table, span = request.table, request.call.span
    over = " and ".join(f"`{d.set_name}`" for d in matched.dims if d.set_name) or f"the indices of `{name}`"
    fine = True
    if len(matched.unknown):
        rows = matched.unknown[:KEYS]
        keys = [matched.key(row) for row in rows]
        scope.problems.error(
            "BL0342",
            f"`{table.name}` has {'a row' if len(matched.unknown) == 1 else 'rows'} for "
            f"{told(keys, len(matched.unknown))}, not in {over}",
            span,
            secondary=[(span_of(row), "no such element") for row in rows],
            hints=matched.near(rows[0]),
        )
        fine = False
    if matched.doubled:
        pairs = matched.doubled[:KEYS]
        scope.problems.error(
            "BL0342",
            f"`{table.name}` has more than one row for {told([matched.key(a) for a, _ in pairs], len(matched.doubled))}",
            span,
            secondary=[s for a, b in pairs for s in ((span_of(a), "first here"), (span_of(b), "again here"))],
        )
        fine = False
    missing = matched.missing
    if len(missing) and request.default is not None:
        first = matched.entry(missing[0])
        scope.filled[name] = Filled(name, len(missing), matched.size, first, request.default.span)
        return fine
    if len(missing):
        shown = [matched.entry(place) for place in missing[:KEYS]]
        scope.problems.error(
            "BL0342",
            f"`{table.name}` has no row for {told(shown, len(missing))} of {over}",
            span,
            hints=("`default = 0` fills what is missing",),
        )
        fine = False
    return fine


def _blank(scope: Scope, request: _Request, domain: IndexSet | None, size: int) -> np.ndarray | None:
    if request.default is None:
        return np.full(size, np.nan)
    value = _default_of(scope, request, domain)
    return None if value is None else np.full(size, value)


def _default_of(scope: Scope, request: _Request, domain: IndexSet | None) -> float | None:
    if domain is not None and domain.has_labels:
        text = file_text(scope, request.default)
        code = domain.universes[0].codes.get(text, 0)
        if not code:
            scope.problems.error(
                "BL0335", f"`{request.default.span.text}` is no label of {name_of(domain)}", request.default.span
            )
        return float(code) or None
    return scalar_data(scope, request.default, "a default")


def _cell_values(
    scope: Scope, request: _Request, domain, places: np.ndarray, at: int, cells: list[str]
) -> np.ndarray | None:
    """The cells of a column as numbers, or as codes of labels."""
    default = None
    if request.default is not None:
        default = _default_of(scope, request, domain)
        if default is None:
            return None
    if domain is None or not domain.has_labels:
        return request.table.floats(at, cells, default)
    return _codes(request.table, at, cells, domain, default)


def _codes(table: Table, at: int, cells: list[str], domain: IndexSet, default: float | None) -> np.ndarray:
    """Labels of a column as codes of their set."""
    universe = domain.universes[0]
    inside = set(domain.values.tolist())
    known = {label: code for label, code in universe.codes.items() if code in inside}
    if default is not None:
        known[""] = int(default)
    found = np.array([known.get(cell, 0) for cell in cells], float)
    wrong = np.flatnonzero(found == 0)
    if len(wrong):
        row = int(wrong[0])
        if not cells[row]:
            places = ((table.row_span(row), "no label here"),)
            raise Misfit(
                f"{table.place(row, at)}: the cell is empty, and a label of {name_of(domain)} is needed", places=places
            )
        hints = did_you_mean(cells[row], known)
        labels = told(['"' + cells[k] + '"' for k in wrong[:KEYS]], len(wrong))
        raise Misfit(
            f"{table.place(row, at)}: {labels} {'is' if len(wrong) == 1 else 'are'} not in {name_of(domain)}",
            *(h.replace("`", '"') for h in hints),
            places=tuple((table.cell_span(int(k), at), "no such label") for k in wrong[:KEYS]),
        )
    return found


def _same_elements(a: IndexSet, b: IndexSet) -> bool:
    """The same elements in the same order."""
    if a.arity != 1 or b.arity != 1 or a.size != b.size or a.has_labels != b.has_labels:
        return False
    same = not a.has_labels or a.universes[0].same(b.universes[0])
    return same and bool(np.array_equal(a.values, b.values))


def _has_all(table: Table, at: int, members: IndexSet) -> bool:
    return members.arity == 1 and set(members.labels) <= set(table.cells(at))
