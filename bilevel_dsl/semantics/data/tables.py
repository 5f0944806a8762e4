"""Tables in CSV files: named columns of text, and where each cell stands, for messages that show it.

Cells are separated by commas, semicolons or tabulators, whichever the first line has; a cell in double quotes may have
the separator inside. Lines that are blank or begin with `#` are passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from operator import methodcaller
from pathlib import Path

import numpy as np

from ...diagnostics import Source, Span, did_you_mean
from .files import Unreadable

SEPARATORS = ";\t,"


class Misfit(Unreadable):
    """What is wrong in a table, with the cells that show it."""

    def __init__(self, message: str, *hints: str, places: tuple[tuple[Span, str], ...] = ()):
        super().__init__(message, *hints)
        self.places = places


class Table:
    """The text of a file and its lines; a column is cut out when it is asked for."""

    def __init__(self, name: str, path: Path):
        self.name = name
        self.text = _decoded(name, path.read_bytes())
        lines = self.text.split("\n")
        kept: Sequence[int] = range(len(lines) - (not lines[-1]))
        if "\n#" in self.text or not all(lines[: len(kept)]) or any(map(str.isspace, lines)) or lines[0][:1] == "#":
            kept = [k for k, line in enumerate(lines) if line.strip() and not line.startswith("#")]
        if not kept:
            raise Unreadable(f"`{name}` is empty")
        first = lines[kept[0]]
        self.separator = _separator(first)
        self.lines = [lines[k] for k in kept[1:]] if isinstance(kept, list) else lines[1 : len(kept)]
        self.numbers = [k + 1 for k in kept]  # of the lines in the file, the header's first
        self.header = [_clean(cell) for _, cell in self._cells(first)]
        if not self.lines:
            raise Unreadable(f"`{name}` has names of columns, and no rows below them")
        self._check_widths()

    @cached_property
    def source(self) -> Source:
        return Source(self.name, self.text)

    @property
    def size(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> tuple[int, list[str]]:
        """The place and the cells of a column."""
        if name not in self.header:
            known = [h for h in self.header if h]
            hints = did_you_mean(name, known) or (f"its columns are: {', '.join(known[:12])}",)
            where = ((self.cell_span(-1, 0).to(self.cell_span(-1, len(self.header) - 1)), "the names of the columns"),)
            raise Misfit(f"`{self.name}` has no column `{name}`", *hints, places=where)
        at = self.header.index(name)
        if name in self.header[at + 1 :]:
            again = self.header.index(name, at + 1)
            places = ((self.cell_span(-1, at), "the first one"), (self.cell_span(-1, again), "again"))
            raise Misfit(f"`{self.name}` has two columns `{name}`", places=places)
        return at, self.cells(at)

    def cells(self, at: int) -> list[str]:
        if '"' in self.text:
            return [_clean(self._cells(line)[at][1]) for line in self.lines]
        return [line.split(self.separator)[at].strip() for line in self.lines]

    def cell_span(self, row: int, column: int) -> Span:
        """The characters of a cell; row -1 is the header."""
        line = self.numbers[row + 1]
        start = self.source.line_starts[line - 1]
        offset, cell = self._cells(self.source.line(line))[column]
        blank = len(cell) - len(cell.lstrip())
        first = start + offset + blank
        return Span(self.source, first, first + len(cell.strip()))

    def row_span(self, row: int) -> Span:
        line = self.numbers[row + 1]
        start = self.source.line_starts[line - 1]
        return Span(self.source, start, start + len(self.source.line(line).rstrip()))

    def place(self, row: int, column: int) -> str:
        """As messages say it."""
        return f"`{self.name}`, line {self.numbers[row + 1]}, column {column + 1}"

    def _cells(self, line: str) -> list[tuple[int, str]]:
        return _cut(line, self.separator)

    def _check_widths(self) -> None:
        width = len(self.header)
        quoted = '"' in self.text
        if not quoted and set(map(methodcaller("count", self.separator), self.lines)) == {width - 1}:
            return
        for row, line in enumerate(self.lines):
            count = len(self._cells(line)) if quoted else line.count(self.separator) + 1
            if count == width:
                continue
            other = next((s for s in SEPARATORS if s != self.separator and line.count(s) == width - 1 > 0), None)
            hints = (f"it is separated by `{other}`, the first line by `{self.separator}`",) if other else ()
            if not hints and count > width and self.separator == ",":
                hints = ("a comma inside of a cell needs quotes around it, and a number has a decimal point: `1.5`",)
            raise Misfit(
                f"`{self.name}`, line {self.numbers[row + 1]}: {_counted(count)}, but the first line has {_counted(width)}",
                *hints,
                places=((self.row_span(row), _counted(count)), (self.row_span(-1), _counted(width))),
            )

    # --- numbers ---------------------------------------------------------------------------

    def floats(self, at: int, cells: list[str], default: float | None = None) -> np.ndarray:
        """The numbers of a column; empty cells are `default`.

        Raises:
            Misfit: a cell is empty or no number.
        """
        try:
            return np.array(cells, dtype=object).astype(float)
        except ValueError:
            pass
        values = np.empty(len(cells))
        for row, cell in enumerate(cells):
            if not cell and default is not None:
                values[row] = default
                continue
            try:
                values[row] = float(cell)
            except ValueError:
                raise self.no_number(row, at, cell) from None
        return values

    def no_number(self, row: int, at: int, cell: str) -> Misfit:
        name = self.header[at] or f"column {at + 1}"
        if not cell:
            return Misfit(
                f"{self.place(row, at)}: the cell is empty, and `{name}` is read as numbers",
                "`default = 0` behind the name of the column fills empty cells",
                places=((self.row_span(row), "no value here"),),
            )
        places = ((self.cell_span(row, at), "not a number"),)
        number = cell.replace(".", "").replace(",", ".") if cell.count(",") == 1 else ""
        if number and _is_number(number):
            return Misfit(
                f"{self.place(row, at)}: `{cell}` has a decimal comma",
                f"numbers are written with a point, `{number}`: export the file in English notation, or replace the commas",
                places=places,
            )
        return Misfit(f"{self.place(row, at)}: `{cell[:40]}` is not a number", places=places)


def _decoded(name: str, raw: bytes) -> str:
    """The text; with the line and column of what is no UTF-8."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable(
            f"`{name}`, line 1, column 1: the file is UTF-16, as its byte-order mark says, and not UTF-8",
            "save it as UTF-8; spreadsheets call that `CSV UTF-8`",
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = raw.rfind(b"\n", 0, error.start) + 1
        line, column = raw.count(b"\n", 0, error.start) + 1, len(raw[start : error.start].decode("utf-8", "replace")) + 1
        whole = raw[start : (raw + b"\n").index(b"\n", start)].decode("cp1252", "replace").strip()
        raise Misfit(
            f"`{name}`, line {line}, column {column}: this is not UTF-8 text",
            f"save the file as UTF-8; in Western European encoding the line reads `{whole[:60]}`",
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _clean(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _counted(n: int) -> str:
    return f"{n} cell{'' if n == 1 else 's'}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def header_of(path: Path) -> list[str]:
    """The names of the columns, without the rows below them.

    Raises:
        OSError, UnicodeDecodeError: it cannot be read.
    """
    with open(path, encoding="utf-8-sig") as file:
        first = next((line for line in map(str.rstrip, islice(file, 1000)) if line and not line.startswith("#")), "")
    return [_clean(cell) for _, cell in _cut(first, _separator(first))]


def _separator(first: str) -> str:
    return next((s for s in SEPARATORS if s in first), ",")


def _cut(line: str, separator: str) -> list[tuple[int, str]]:
    """The cells of a line and where they begin; quotes stay."""
    if '"' not in line:
        found, start = [], 0
        for cell in line.split(separator):
            found.append((start, cell))
            start += len(cell) + 1
        return found
    found, start, quoted = [], 0, False
    for k, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            found.append((start, line[start:k]))
            start = k + 1
    return [*found, (start, line[start:])]
