"""Documents that know where they may be broken, and how they are laid out.

The algorithm is that of Wadler ("A prettier printer", 2003): a group stands on one line where it
fits; a fill breaks only where the next piece does not fit any more.
"""

from __future__ import annotations

from dataclasses import dataclass

INDENT = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A place to break: `flat` where it is not broken. `hard`: always broken."""

    flat: str = " "
    hard: bool = False


@dataclass(frozen=True, slots=True)
class FreshLine:
    """A break, unless the line is still empty."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A space, unless one is there or the line is still empty."""


@dataclass(frozen=True, slots=True)
class Suffix:
    """Text that waits for the end of its line: a comment."""

    text: str


class Indent:
    __slots__ = ("body", "forced")

    def __init__(self, body):
        self.body, self.forced = body, is_forced(body)


class Group:
    """On one line if it fits, else broken at all its own lines."""

    __slots__ = ("body", "forced")

    def __init__(self, body):
        self.body, self.forced = body, is_forced(body)


class Fill:
    """Pieces with a `Line` between each two: [piece, line, piece, ...].

    hug: a piece that fits on no line begins on the line before rather than on one of its own.
    """

    __slots__ = ("parts", "hug", "forced")

    def __init__(self, parts: list, hug: bool = False):
        self.parts, self.hug, self.forced = parts, hug, is_forced(parts)


@dataclass(frozen=True, slots=True)
class _Rest:
    """Of a fill: what follows from the line at `index` on."""

    fill: Fill
    index: int


SPACE, SOFT, HARD, FRESH, GAP = Line(), Line(""), Line(hard=True), FreshLine(), Gap()
Doc = object  # str | Line | FreshLine | Gap | Suffix | Indent | Group | Fill | list of them


def is_forced(doc: Doc) -> bool:
    """Whether the document holds a break that must be."""
    if isinstance(doc, str):
        return "\n" in doc
    if isinstance(doc, list):
        for part in doc:  # no `any`: nested lists may be deep, and the stack of C is not ours to raise
            if is_forced(part):
                return True
        return False
    if isinstance(doc, Line):
        return doc.hard
    if isinstance(doc, (Suffix, Gap, FreshLine)):
        return isinstance(doc, FreshLine)
    return doc.forced


def first_piece(doc: Doc) -> Doc:
    """What a document begins with: a text or a break."""
    while not isinstance(doc, (str, Line, FreshLine, Gap, Suffix)):
        if isinstance(doc, list):
            doc = next((part for part in doc if part != ""), "")
        else:
            doc = doc.parts[0] if isinstance(doc, Fill) else doc.body
    return doc


def render(doc: Doc, indent: int, width: int) -> str:
    """`doc` as text whose lines begin at column `indent` (the first without its indentation) and end before `width`."""
    return _Printer(width).run(doc, indent)


class _Printer:
    def __init__(self, width: int):
        self.width = width
        self.out: list[str] = []
        self.column = 0
        self.fresh = True  # nothing stands on this line
        self.suffixes: list[str] = []
        self.stack: list[tuple[int, bool, Doc]] = []  # indentation, on one line, document

    def run(self, doc: Doc, indent: int) -> str:
        self.column = indent
        self.stack.append((indent, False, doc))
        while self.stack:
            self._print(*self.stack.pop())
        self._flush()
        return "".join(self.out)

    def _print(self, indent: int, flat: bool, doc: Doc) -> None:
        push = self.stack.append
        if isinstance(doc, str):
            self._text(doc)
        elif isinstance(doc, list):
            self.stack.extend((indent, flat, d) for d in reversed(doc))
        elif isinstance(doc, Line):
            self._text(doc.flat) if flat and not doc.hard else self._newline(indent)
        elif isinstance(doc, FreshLine):
            if not self.fresh:
                self._newline(indent)
        elif isinstance(doc, Suffix):
            self.suffixes.append(doc.text)
        elif isinstance(doc, Gap):
            if not self.fresh and not self.out[-1].endswith(" "):
                self._text(" ")
        elif isinstance(doc, Indent):
            push((indent + INDENT, flat, doc.body))
        elif isinstance(doc, Group):
            push((indent, flat or self._fits([doc.body], doc.forced), doc.body))
        elif isinstance(doc, Fill):
            push((indent, flat, _Rest(doc, 1)))
            push((indent, flat or self._fits([doc.parts[0]], is_forced(doc.parts[0])), doc.parts[0]))
        else:
            self._next_of_fill(indent, flat, doc)

    def _next_of_fill(self, indent: int, flat: bool, rest: _Rest) -> None:
        parts, i = rest.fill.parts, rest.index
        if i >= len(parts):
            return
        line, piece = parts[i], parts[i + 1]
        self.stack.append((indent, flat, _Rest(rest.fill, i + 2)))
        forced = is_forced(piece)
        if flat or (not line.hard and self._fits([piece, line], forced)):
            self.stack.append((indent, True, piece))
            self._text(line.flat)
            return
        here, self.column = self.column, indent
        fits = self._fits([piece], forced)
        self.column = here
        if rest.fill.hug and not fits and not line.hard:
            self._text(line.flat)
        else:
            self._newline(indent)
        self.stack.append((indent, fits, piece))

    def _text(self, text: str) -> None:
        if not text:
            return
        self.out.append(text)
        self.fresh = False
        last = text.rfind("\n")
        self.column = self.column + len(text) if last < 0 else len(text) - last - 1

    def _newline(self, indent: int) -> None:
        """To the next line; a line that is still empty is used instead."""
        if not self.fresh:
            self._flush()
            self.out.append("\n" + " " * indent)
        elif self.out:
            self.out[-1] = "\n" + " " * indent
        self.fresh = True
        self.column = indent

    def _flush(self) -> None:
        """The end of a line: no spaces, then what waited for it."""
        while self.out and self.out[-1].isspace() and "\n" not in self.out[-1]:
            self.out.pop()
        self.out += ["  " + text for text in self.suffixes]
        self.suffixes.clear()

    def _fits(self, docs: list[Doc], forced: bool) -> bool:
        """Whether `docs` (last first), on one line, and what follows up to the next break, end before the margin."""
        if forced:
            return False
        room = self.width - self.column
        todo = [(True, d) for d in docs]
        following = len(self.stack)
        while room >= 0:
            if not todo:
                if following == 0:
                    return True
                following -= 1
                _, flat, doc = self.stack[following]
                todo.append((flat, doc))
                continue
            flat, doc = todo.pop()
            if isinstance(doc, str):
                if "\n" in doc:
                    return len(doc.split("\n")[0]) <= room
                room -= len(doc)
            elif isinstance(doc, list):
                todo.extend((flat, d) for d in reversed(doc))
            elif isinstance(doc, Line):
                if doc.hard or not flat:
                    return True
                room -= len(doc.flat)
            elif isinstance(doc, FreshLine):
                return True
            elif isinstance(doc, Gap):
                room -= 1
            elif isinstance(doc, Suffix):
                continue
            elif isinstance(doc, (Indent, Group)):
                todo.append((flat, doc.body))
            elif isinstance(doc, Fill):
                todo.append((flat, _Rest(doc, 1)))
                todo.append((flat, doc.parts[0]))
            elif doc.index < len(doc.fill.parts):
                if not flat:
                    return True
                todo.append((flat, _Rest(doc.fill, doc.index + 2)))
                todo.append((flat, doc.fill.parts[doc.index + 1]))
                todo.append((flat, doc.fill.parts[doc.index]))
        return False
