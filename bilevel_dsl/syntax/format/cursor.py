"""The tokens of a model in their order, with the comments between them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...diagnostics import Collector, Source
from ..layout import FRESH, GAP, HARD, Doc, Suffix
from ..tokens import END, Lexeme, tokenize

_COMMENT = re.compile(r"#[^\n]*|/\*.*?\*/", re.DOTALL)
_CLOSERS = frozenset([",", ";", ")", "]", "}", ":"])


@dataclass(frozen=True)
class Remark:
    """A comment: its text, the line breaks before it, whether code follows on its line."""

    text: str
    breaks: int
    followed: bool
    start: int

    @property
    def apart(self) -> bool:
        """Whether it stands on lines of its own; others may move to the end of a line."""
        return "\n" in self.text or (self.breaks > 0 and not self.followed)


class Cursor:
    def __init__(self, source: Source):
        self.source = source
        end = len(source.text)
        self.tokens = [*tokenize(source, Collector()), Lexeme(END, "", end, end)]
        self.closing = _closings(self.tokens)
        self.starts = {token.start: k for k, token in enumerate(self.tokens)}
        self.k = 0  # the next token
        self.remarks: list[Remark] = self._remarks(0)  # before it, and not yet printed

    def _remarks(self, k: int) -> list[Remark]:
        """The comments before token `k`; those on one line are one."""
        start = self.tokens[k - 1].end if k else 0
        end = self.tokens[k].start
        text, found, position = self.source.text, [], start
        for match in _COMMENT.finditer(text, start, end):
            said = "\n".join(line.rstrip() for line in match.group().split("\n"))
            breaks = text.count("\n", position, match.start())
            followed = "\n" not in text[match.end() : end] and self.tokens[k].type != END
            position = match.end()
            if found and breaks == 0:
                first = found.pop()
                between = text[first.start + len(first.text) : match.start()] if "\n" not in first.text else "  "
                found.append(Remark(first.text + between + said, first.breaks, followed, first.start))
            else:
                found.append(Remark(said, max(breaks, k == 0), followed, match.start()))
        return found

    def _breaks_before(self) -> int:
        """Line breaks between the next token and what stands before it."""
        start = self.tokens[self.k - 1].end if self.k else 0
        gap = self.source.text[start : self.tokens[self.k].start]
        last = list(_COMMENT.finditer(gap))
        return gap.count("\n", last[-1].end() if last else 0)

    def _broken_before(self) -> bool:
        start = self.tokens[self.k - 1].end if self.k else 0
        return "\n" in self.source.text[start : self.tokens[self.k].start]

    @property
    def next(self) -> str:
        return self.tokens[self.k].type

    def take(self, text: str | None = None, ends: bool = False) -> Doc:
        """The next token (or `text` for it), with the comments before it inside of a statement and the one behind it.

        ends: it ends a row, to which the comment behind it will belong.
        """
        token = self.tokens[self.k]
        docs: list[Doc] = []
        for remark, after in zip(self.remarks, [*self.remarks[1:], None]):
            if remark.apart:
                docs += [FRESH, remark.text, HARD]
            elif remark.followed and not (after and after.breaks):
                docs += [GAP, remark.text, "" if token.type in _CLOSERS else " "]
            else:
                docs.append(Suffix(remark.text))
        self._advance()
        docs.append(token.text if text is None else text)
        if (
            self.remarks
            and not ends
            and token.type != ";"
            and self.remarks[0].breaks == 0
            and not self.remarks[0].followed
            and "\n" not in self.remarks[0].text
        ):
            docs.append(Suffix(self.remarks.pop(0).text))
        return docs if len(docs) > 1 else docs[0]

    def drop(self) -> None:
        """Leave out the next token; the comments before it wait for the one after."""
        kept = self.remarks
        self._advance()
        self.remarks = kept + self.remarks

    def _advance(self) -> None:
        self.k += 1
        self.remarks = self._remarks(self.k) if self.k < len(self.tokens) else []


def _closings(tokens: list[Lexeme]) -> dict[int, int]:
    """The index of the closing bracket for that of the opening one."""
    pairs, opened = {}, []
    for k, token in enumerate(tokens):
        if token.type in ("(", "[", "{"):
            opened.append(k)
        elif token.type in (")", "]", "}"):
            pairs[opened.pop()] = k
    return pairs
