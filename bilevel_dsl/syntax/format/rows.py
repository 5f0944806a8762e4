"""The lines of the result, and their columns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Row:
    """A line of the result."""

    indent: int
    text: str
    comment: str = ""
    blank: bool = False  # a blank line before it
    line: int = 0  # of the source, for a statement on a single line
    equals: int = -1  # column of its `=` in the source
    comment_column: int = -1  # of its comment in the source

    def __str__(self) -> str:
        text = " " * self.indent + self.text
        return f"{text}  {self.comment}" if self.comment else text


def align(rows: list[Row]) -> None:
    """Columns that the author has aligned in statements on adjacent lines stay aligned."""
    for run in _runs(rows, lambda row: row.equals):
        width = max(row.text.index(" = ") for row in run)
        for row in run:
            left, right = row.text.split(" = ", 1)
            row.text = f"{left.ljust(width)} = {right}"
    for run in _runs(rows, lambda row: row.comment_column):
        width = max(len(row.text) for row in run)
        for row in run:
            row.text = row.text.ljust(width)


def _runs(rows: list[Row], column):
    """Runs of two or more adjacent rows that have the same column."""
    run: list[Row] = []
    for row in [*rows, Row(0, "")]:
        if run and (
            row.line != run[-1].line + 1 or row.blank or column(row) != column(run[-1]) or row.indent != run[-1].indent
        ):
            if len(run) > 1:
                yield run
            run = []
        if row.line and column(row) > 0:
            run.append(row)
