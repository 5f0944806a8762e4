"""Source positions, and what is told to the author of a model.

A mistake in a model is a `Diagnostic`: a stable code, a sentence in the modeller's words,
the place, and where there is one the place that it contradicts. Diagnostics are values;
only `render` and `to_json` turn them into text. Bugs of ours are ordinary exceptions and
never pass through here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from unicodedata import combining, east_asian_width

from .records import record


@dataclass(frozen=True, eq=False)
class Source:
    """A text and the name it is shown under (a path as the user gave it)."""

    name: str
    text: str
    line_starts: tuple[int, ...] = field(default=(), repr=False)

    def __post_init__(self):
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        object.__setattr__(self, "line_starts", tuple(starts))

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character offset."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")


@record
class Span:
    """The characters start <= k < end of a source."""

    source: Source
    start: int
    end: int

    def to(self, other: Span) -> Span:
        return Span(self.source, self.start, max(self.end, other.end))

    @property
    def line(self) -> int:
        return self.source.line_column(self.start)[0]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def __str__(self) -> str:
        line, column = self.source.line_column(self.start)
        return f"{self.source.name}:{line}:{column}"


@record
class Label:
    span: Span
    text: str = ""


@record
class Fix:
    """An edit that puts a mistake right: `text` in the place of `span`."""

    span: Span
    text: str


@dataclass(frozen=True, eq=False)
class Diagnostic:
    code: str  # "BL0203"
    message: str
    primary: Label | None = None  # None: about a file, a flag or the machine
    secondary: tuple[Label, ...] = ()
    hints: tuple[str, ...] = ()
    severity: str = "error"  # "error" | "warning"
    exit_status: int = 3  # what the command exits with if this is an error
    fix: Fix | None = None  # for editors


class BilevelError(Exception):
    """One or more diagnostics that stop the work; `str()` is the rendered text."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]):
        if isinstance(diagnostics, Diagnostic):
            diagnostics = (diagnostics,)
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return render(self.diagnostics)

    @property
    def exit_status(self) -> int:
        """Of the command that this ends: 2 usage or file, 3 model or data."""
        return max((d.exit_status for d in self.diagnostics if d.severity == "error"), default=3)


class Collector:
    """Gathers diagnostics, so that one run reports all independent mistakes."""

    def __init__(self):
        self.items: list[Diagnostic] = []

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        label: str = "",
        *,
        secondary: Iterable[tuple[Span, str]] = (),
        hints: Iterable[str] = (),
        fix: Fix | None = None,
    ):
        self._add("error", code, message, span, label, secondary, hints, fix)

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None,
        label: str = "",
        *,
        secondary: Iterable[tuple[Span, str]] = (),
        hints: Iterable[str] = (),
    ):
        self._add("warning", code, message, span, label, secondary, hints, None)

    def _add(self, severity, code, message, span, label, secondary, hints, fix):
        primary = None if span is None else Label(span, label)
        others = tuple(Label(s, t) for s, t in secondary)
        hints = tuple(hints)
        if fix is None and span is not None:
            fix = next((Fix(span, found[1] or found[2]) for found in map(_SUGGESTION.fullmatch, hints) if found), None)
        self.items.append(Diagnostic(code, message, primary, others, hints, severity, fix=fix))

    def label(self, since: int, span: Span, text: str):
        """Add a label to all items from index `since` on."""
        self.items[since:] = [replace(d, secondary=(*d.secondary, Label(span, text))) for d in self.items[since:]]

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self.items if d.severity == "error"]

    @property
    def warnings(self) -> list[Diagnostic]:
        return [d for d in self.items if d.severity == "warning"]

    def raise_errors(self):
        if self.errors:
            raise BilevelError(sorted(self.errors, key=_position))


def _position(diagnostic: Diagnostic) -> int:
    return diagnostic.primary.span.start if diagnostic.primary else -1


# --- as text ------------------------------------------------------------------------------------

_RED, _YELLOW, _BLUE, _BOLD, _OFF = "\033[31m", "\033[33m", "\033[34m", "\033[1m", "\033[0m"
_WIDTH = 100  # columns of source shown; longer lines are cut around the span


def render(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """All diagnostics as text: message, place, the line with carets, labels, hints."""
    return "\n\n".join(_render_one(d, _paint if color else _plain) for d in diagnostics)


def _paint(text: str, *codes: str) -> str:
    return "".join(codes) + text + _OFF


def _plain(text: str, *codes: str) -> str:
    return text


def _render_one(d: Diagnostic, paint) -> str:
    tint = _RED if d.severity == "error" else _YELLOW
    lines = [paint(f"{d.severity}[{d.code}]", tint, _BOLD) + paint(f": {d.message}", _BOLD)]
    labels = ([d.primary] if d.primary else []) + list(d.secondary)
    marks = [m for k, label in enumerate(labels) for m in _marks(label, "-" if k else "^", _BLUE if k else tint)]
    gutter = max((len(str(m.line)) for m in marks), default=0)
    sources = list(dict.fromkeys(label.span.source for label in labels))
    for k, source in enumerate(sources):
        first = next(label for label in labels if label.span.source is source)
        lines.append(" " * gutter + paint(" ::: " if k else " --> ", _BLUE) + str(first.span))
        before = 0
        for number in sorted({m.line for m in marks if m.source is source}):
            if before and number > before + 1:
                lines.append("...")
            here = sorted((m for m in marks if m.source is source and m.line == number), key=lambda m: m.first)
            lines += _excerpt(source.line(number), number, here, gutter, paint)
            before = number
    lines += [" " * gutter + paint(" = ", _BLUE) + f"hint: {hint}" for hint in d.hints]
    return "\n".join(lines)


@dataclass(frozen=True)
class _Mark:
    """Columns first <= k < end (from 0) of a line, to be underlined."""

    source: Source
    line: int
    first: int
    end: int
    sign: str
    hue: str
    text: str


def _marks(label: Label, sign: str, hue: str) -> list[_Mark]:
    """One mark; two for a span over several lines, on its first and its last."""
    span = label.span
    source = span.source
    line, column = source.line_column(span.start)
    last_line, last_column = source.line_column(max(span.start, span.end - 1))
    if last_line == line:
        return [_Mark(source, line, column - 1, max(last_column, column), sign, hue, label.text)]
    last = source.line(last_line)
    return [
        _Mark(source, line, column - 1, len(source.line(line)), sign, hue, ""),
        _Mark(source, last_line, len(last) - len(last.lstrip()), last_column, sign, hue, label.text),
    ]


def _excerpt(text: str, number: int, marks: list[_Mark], gutter: int, paint) -> list[str]:
    """A line of source, cut around its marks if it is long, the marks under it, and their texts."""
    cut, dots = 0, ""
    if len(text) > _WIDTH:
        anchor = next((m for m in marks if m.sign == "^"), marks[0])
        cut = max(0, min(anchor.first - 20, len(text) - _WIDTH))
        dots = "..." if cut else ""
        shown = dots + text[cut : cut + _WIDTH] + ("..." if cut + _WIDTH < len(text) else "")
        marks = [m for m in marks if cut <= m.first <= cut + _WIDTH]
    else:
        shown = text
    bar = paint("|", _BLUE)
    clean = "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in shown)
    lines = [f"{paint(str(number).rjust(gutter), _BLUE)} {bar} {clean}"]
    for row in _apart(marks):
        lines += [f"{' ' * gutter} {bar} {under}" for under in _underlined(shown, row, cut - len(dots), paint)]
    return lines


def _apart(marks: list[_Mark]) -> list[list[_Mark]]:
    """Rows of marks that do not overlap, the one with the primary first."""
    rows: list[list[_Mark]] = []
    for mark in sorted(marks, key=lambda m: (m.sign != "^", m.first)):
        row = next((r for r in rows if all(mark.end <= m.first or m.end <= mark.first for m in r)), None)
        if row is None:
            rows.append([mark])
        else:
            row.append(mark)
    return [sorted(row, key=lambda m: m.first) for row in rows]


def _underlined(shown: str, marks: list[_Mark], cut: int, paint) -> list[str]:
    """The marks under `shown`, of which `cut` columns are left out; texts that would be in the way come below."""
    under, end = "", 0
    pads = []  # what stands before each mark
    for mark in marks:
        first = mark.first - cut
        pads.append(_spaces(shown, 0, first))
        under += _spaces(shown, end, first)
        end = max(first + 1, min(mark.end - cut, len(shown)))
        under += paint(mark.sign * max(1, sum(_cells(c) for c in shown[first:end])), mark.hue)
    last = marks[-1]
    lines = [under + paint(f" {last.text}" if last.text else "", last.hue)]
    for mark, pad in reversed(list(zip(marks[:-1], pads))):
        if mark.text:
            lines.append(pad + paint(mark.text, mark.hue))
    return lines


def _spaces(text: str, first: int, end: int) -> str:
    """Blank of the width of `text[first:end]`; tabs stay, so that they are as wide as above."""
    kept = text[first:end]
    return "".join("\t" if c == "\t" else " " * _cells(c) for c in kept) + " " * (end - first - len(kept))


def _cells(character: str) -> int:
    """Terminal cells of a character: two for wide ones."""
    return 2 if east_asian_width(character) in "WF" else 0 if combining(character) else 1


# --- as data --------------------------------------------------------------------------------------


def to_json(d: Diagnostic) -> dict:
    """The diagnostic as a JSON object, with locations as MiniZinc writes them."""
    return {
        "severity": d.severity,
        "code": d.code,
        "message": d.message,
        "location": _location(d.primary.span) if d.primary else None,
        "label": d.primary.text if d.primary else "",
        "related": [{"location": _location(label.span), "message": label.text} for label in d.secondary],
        "hints": list(d.hints),
        "fix": {"location": _location(d.fix.span), "text": d.fix.text} if d.fix else None,
    }


def _location(span: Span) -> dict:
    first_line, first_column = span.source.line_column(span.start)
    last_line, last_column = span.source.line_column(max(span.start, span.end - 1))
    return {
        "filename": span.source.name,
        "firstLine": first_line,
        "firstColumn": first_column,
        "lastLine": last_line,
        "lastColumn": last_column,
    }


_SUGGESTION = re.compile(r'did you mean (?:`([^`]+)`|("[^"]+"))\?')


def did_you_mean(name: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """The hint for a misspelt name, if one of the candidates is near."""
    near = get_close_matches(name, list(candidates), n=1, cutoff=0.7)
    if not near:
        near = [c for c in candidates if c.lower() == name.lower()][:1]
    return (f"did you mean `{near[0]}`?",) if near else ()
