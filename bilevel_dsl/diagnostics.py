"""Source positions, and what is told to the author of a model.

A mistake in a model is a `Diagnostic`: a stable code, a sentence in the modeller's words,
the place, and where there is one the place that it contradicts. Diagnostics are values;
only `render` and `to_json` turn them into text. Bugs of ours are ordinary exceptions and
never pass through here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field


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


@dataclass(frozen=True, eq=False)
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
class Diagnostic:
    code: str  # "BL0203"
    message: str
    primary: Label | None = None  # None: about a file, a flag or the machine
    secondary: tuple[Label, ...] = ()
    hints: tuple[str, ...] = ()
    severity: str = "error"  # "error" | "warning"
    exit_status: int = 3  # what the command exits with if this is an error


class BilevelError(Exception):
    """One or more diagnostics that stop the work; `str()` is the rendered text."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]):
        if isinstance(diagnostics, Diagnostic):
            diagnostics = (diagnostics,)
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return render(self.diagnostics)


class Collector:
    """Gathers diagnostics, so that one run reports all independent mistakes."""

    def __init__(self):
        self.items: list[Diagnostic] = []

    def error(self, code: str, message: str, span: Span | None, label: str = "", *,
              secondary: Iterable[tuple[Span, str]] = (), hints: Iterable[str] = ()):
        self._add("error", code, message, span, label, secondary, hints)

    def warning(self, code: str, message: str, span: Span | None, label: str = "", *,
                secondary: Iterable[tuple[Span, str]] = (), hints: Iterable[str] = ()):
        self._add("warning", code, message, span, label, secondary, hints)

    def _add(self, severity, code, message, span, label, secondary, hints):
        primary = None if span is None else Label(span, label)
        others = tuple(Label(s, t) for s, t in secondary)
        self.items.append(Diagnostic(code, message, primary, others, tuple(hints), severity))

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


def render(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    return "\n".join(f"{d.severity}[{d.code}]: {d.message}" for d in diagnostics)
