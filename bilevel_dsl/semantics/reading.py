"""Sets and parameters from tables: which columns, and what they hold."""

from __future__ import annotations

import numpy as np

from ..diagnostics import Span
from ..syntax import ast
from .elements import IndexSet, Universe
from .files import Unreadable, find
from .members import WHOLE_NUMBER
from .tables import Misfit, Table


class Reading:
    """The part of the lowering that reads tables; each file once."""

    _tables: dict[str, Table]

    def table(self, name: str) -> Table:
        """
        Raises:
            Unreadable: missing, or not a table.
        """
        if name not in self._tables:
            path = find(name, self.base, self.data_dirs)
            try:
                self._tables[name] = Table(name, path)
            except OSError as error:
                raise Unreadable(f"`{name}` cannot be read: {error.strerror or error}") from error
        return self._tables[name]

    def misread(self, error: Unreadable, span: Span) -> None:
        places = error.places if isinstance(error, Misfit) else ()
        self.problems.error("BL0341", str(error), span, secondary=places, hints=error.hints)

    # --- sets ----------------------------------------------------------------------------

    def set_from_file(self, e: ast.Call, name: str = "") -> IndexSet | None:
        """`csv("buses.csv", "bus")`, `csv("links.csv", "tail", "head")`."""
        texts = [self.file_text(a) for a in e.arguments]
        if e.function.id != "csv" or len(texts) < 2 or any(t is None for t in texts) or e.keywords:
            hints = ('write `csv("file.csv", "column")`, for pairs `csv("file.csv", "from", "to")`', *self._columns(texts))
            self.problems.error("BL0340", "a set is read from the columns of a table", e.span, hints=hints)
            return None
        try:
            return self._set_of_columns(self.table(texts[0]), texts[1:], e.span, name)
        except Unreadable as error:
            self.misread(error, e.span)
            return None

    def _columns(self, texts: list[str | None]) -> tuple[str, ...]:
        """The hint for a file whose column is not named."""
        try:
            known = [name for name in self.table(texts[0]).header if name] if len(texts) == 1 and texts[0] else []
        except Unreadable:
            return ()
        return (f"the columns of `{texts[0]}` are: {', '.join(known[:12])}",) if known else ()

    def file_text(self, a: ast.Expr) -> str | None:
        """The text that an argument of a reader is: written, or a parameter."""
        if isinstance(a, ast.Text):
            return a.value
        symbol = self.symbols.get(a.id) if isinstance(a, ast.Name) else None
        if symbol is not None and symbol.kind == "param" and self.resolve(symbol):
            return symbol.text
        return None

    def _set_of_columns(self, table: Table, names: list[str], span: Span, name: str) -> IndexSet:
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
            spans = [self._cells_span(table, int(row), [at for at, _ in columns]) for row in twice[:2]]
            raise Misfit(
                f"{what} stands in `{table.name}` twice, in lines {table.numbers[twice[0] + 1]} and "
                f"{table.numbers[twice[1] + 1]}; a set has each element once",
                places=((spans[0], "first here"), (spans[1], "again here")),
            )
        return found

    @staticmethod
    def _cells_span(table: Table, row: int, columns: list[int]) -> Span:
        spans = [table.cell_span(row, at) for at in columns]
        return min(spans, key=lambda s: s.start).to(max(spans, key=lambda s: s.end))
