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


@dataclass(frozen=True, eq=False, slots=True)
class Span:
    """The characters start <= k < end of a source."""

    source: Source
    start: int
    end: int

    def to(self, other: "Span") -> "Span":
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


@dataclass(frozen=True, eq=False)
class Label:
    span: Span
    text: str = ""


@dataclass(frozen=True, eq=False)
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

    def error(self, code: str, message: str, span: Span | None, label: str = "", *,
              secondary: Iterable[tuple[Span, str]] = (), hints: Iterable[str] = (), fix: Fix | None = None):
        self._add("error", code, message, span, label, secondary, hints, fix)

    def warning(self, code: str, message: str, span: Span | None, label: str = "", *,
                secondary: Iterable[tuple[Span, str]] = (), hints: Iterable[str] = ()):
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
    labels = [(label, "^", tint) for label in ([d.primary] if d.primary else [])]
    labels += [(label, "-", _BLUE) for label in d.secondary]
    gutter = max((len(str(label.span.line)) for label, *_ in labels), default=0)
    shown = None  # the line of source above
    for k, (label, mark, hue) in enumerate(labels):
        before = None if k == 0 else labels[k - 1][0].span
        new_file = before is None or label.span.source is not before.source
        arrow = "-->" if k == 0 else ":::"
        if new_file:
            lines.append(" " * gutter + paint(f" {arrow} ", _BLUE) + str(label.span))
        excerpt = _excerpt(label, mark, hue, gutter, paint)
        lines += excerpt[1:] if not new_file and excerpt[0] == shown else excerpt
        shown = excerpt[0]
    lines += [" " * gutter + paint(" = ", _BLUE) + f"hint: {hint}" for hint in d.hints]
    return "\n".join(lines)


def _excerpt(label: Label, mark: str, hue: str, gutter: int, paint) -> list[str]:
    span = label.span
    number, column = span.source.line_column(span.start)
    text = span.source.line(number)
    length = max(1, min(span.end - span.start, len(text) - column + 1))
    first = column - 1
    cut = 0
    if len(text) > _WIDTH:
        cut = max(0, min(first - 20, len(text) - _WIDTH))
        shown = ("..." if cut else "") + text[cut : cut + _WIDTH] + ("..." if cut + _WIDTH < len(text) else "")
        pad = first - cut + (3 if cut else 0)
        length = min(length, max(1, cut + _WIDTH - first))
    else:
        shown, pad = text, first
    shown = "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in shown)
    indent = "".join("\t" if c == "\t" else " " * _cells(c) for c in shown[:pad]) + " " * (pad - len(shown[:pad]))
    carets = mark * max(1, sum(_cells(c) for c in shown[pad : pad + length]))
    note = f" {label.text}" if label.text else ""
    bar = paint("|", _BLUE)
    return [
        f"{paint(str(number).rjust(gutter), _BLUE)} {bar} {shown}",
        f"{' ' * gutter} {bar} {indent}{paint(carets + note, hue)}",
    ]


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
    return {"filename": span.source.name, "firstLine": first_line, "firstColumn": first_column,
            "lastLine": last_line, "lastColumn": last_column}


_SUGGESTION = re.compile(r'did you mean (?:`([^`]+)`|("[^"]+"))\?')


def did_you_mean(name: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """The hint for a misspelt name, if one of the candidates is near."""
    near = get_close_matches(name, list(candidates), n=1, cutoff=0.7)
    if not near:
        near = [c for c in candidates if c.lower() == name.lower()][:1]
    return (f"did you mean `{near[0]}`?",) if near else ()
