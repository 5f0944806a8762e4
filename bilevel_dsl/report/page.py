"""Text of a given width, made of pieces with a style: printed plainly, or with colours on a terminal."""

from __future__ import annotations

import textwrap
from io import StringIO

from .values import array_lines

Line = list[tuple[str, str]]  # pieces of text, each with a style of rich ("" for none)

DIM = "dim"
_NARROWEST, _WIDEST = 50, 100  # columns; longer lines of text are hard to read


def declared(name: str, shape: tuple[int, ...]) -> str:
    """`W[20, 3]`."""
    return name + (f"[{', '.join(map(str, shape))}]" if shape else "")


class Page:
    """Lines of at most `width` characters, between 50 and 100: a column of `label` characters, then text."""

    def __init__(self, width: int, unicode: bool = False, label: int = 18):
        self.label = label
        self.width = max(_NARROWEST, min(width, _WIDEST))
        self.unicode = unicode
        self.more = "\N{HORIZONTAL ELLIPSIS}" if unicode else "..."
        self.lines: list[Line] = []

    def mark(self, passed: bool) -> tuple[str, str]:
        if self.unicode:
            return ("\N{CHECK MARK}", "green") if passed else ("\N{MULTIPLICATION X}", "bold red")
        return ("ok", "green") if passed else ("NO", "bold red")

    def add(self, *pieces: tuple[str, str]) -> None:
        self.lines.append(list(pieces))

    def blank(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append([])

    def entry(self, label: str, text: str, style: str = "") -> None:
        self._labelled(label, textwrap.wrap(text, self.width - self.label - 2, break_on_hyphens=False) or [""], style)

    def array(self, name: str, shape: tuple[int, ...], value, labels=(), whole: bool = False) -> bool:
        """A named number, vector or matrix; true if entries were left out, which `whole` forbids."""
        label = declared(name, shape)
        found = array_lines(value, self.width - self.label - 2, labels, self.more, whole)
        self._labelled(label, found, "")
        return any(line.endswith(self.more) for line in found)

    def _labelled(self, label: str, texts: list[str], style: str) -> None:
        if len(label) > self.label - 2:
            self.add(("  " + textwrap.shorten(label, self.width - 2, placeholder=self.more), DIM))
            label = ""
        for k, text in enumerate(texts):
            self.add(("  " + (label if k == 0 else "").ljust(self.label), DIM), (text, style))

    def paragraph(self, kind: str, text: str) -> None:
        for k, part in enumerate(textwrap.wrap(f"{kind}: {text}", self.width, subsequent_indent="  ")):
            head = len(kind) + 1 if k == 0 else 0
            self.add((part[:head], "yellow" if kind == "warning" else "cyan"), (part[head:], ""))


def plain(lines: list[Line]) -> str:
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def styled(lines: list[Line]) -> str:
    """With the escape sequences of a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=StringIO(), force_terminal=True, color_system="standard", soft_wrap=True, highlight=False)
    for line in lines:
        console.print(Text.assemble(*line))
    return console.file.getvalue().rstrip("\n")
