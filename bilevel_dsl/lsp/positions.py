"""Offsets in a text, and the lines and columns of the language server protocol.

Lines end with \\n, \\r\\n or \\r; both count from 0. Columns are in units of UTF-16, in which a character outside
the basic plane takes two, unless client and server have agreed on whole characters or on bytes of UTF-8.
"""

from __future__ import annotations

import re
from bisect import bisect_right

_END_OF_LINE = re.compile(r"\r\n|\n|\r")


class Positions:
    """Both directions for one text; places outside of it are moved to its nearest one."""

    def __init__(self, text: str, encoding: str = "utf-16"):
        self.text = text
        self.encoding = encoding
        self.starts = [0, *(m.end() for m in _END_OF_LINE.finditer(text))]

    def offset(self, line: int, column: int) -> int:
        if line >= len(self.starts):
            return len(self.text)
        start = self.starts[max(line, 0)]
        shown = self._line(max(line, 0))
        if self.encoding == "utf-32" or shown.isascii():
            return start + min(column, len(shown))
        for k, character in enumerate(shown):
            if column <= 0:
                return start + k
            column -= self._units(character)
        return start + len(shown)

    def line_column(self, offset: int) -> tuple[int, int]:
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self.starts, offset) - 1
        before = self.text[self.starts[line] : offset]
        return line, len(before) if self.encoding == "utf-32" or before.isascii() else sum(map(self._units, before))

    def _line(self, number: int) -> str:
        last = number + 1 == len(self.starts)
        return self.text[self.starts[number] : len(self.text) if last else self.starts[number + 1]].rstrip("\r\n")

    def _units(self, character: str) -> int:
        if self.encoding == "utf-8":
            return len(character.encode("utf-8", errors="surrogatepass"))
        return 1 if self.encoding == "utf-32" or ord(character) < 0x10000 else 2
