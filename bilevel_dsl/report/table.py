"""A result for reading: why it stopped, what is known of the point, the point.

`lines` makes the text as pieces with a style; `plain` and `show` (with rich, on a terminal) print the
same pieces. Nothing is wider than `width`, and nothing needs Unicode unless `unicode` is true.
"""

from __future__ import annotations

import math
import textwrap
from typing import TextIO

from ..certify.result import Check
from .solution import Point, Solution
from .values import array_lines, number, rough

Line = list[tuple[str, str]]  # pieces of text, each with a style of rich ("" for none)

STOPPED = {
    "converged": "every tolerance of the method is met",
    "iteration_limit": "max_iter iterations are done; --max-iter allows more",
    "time_limit": "the time is over; --time-limit allows more",
    "stalled": "no further progress: steps below what rounding allows",
    "diverged": "iterates or objective leave every bound; is the problem bounded?",
    "infeasible": "the constraints could not be met",
    "not_finite": "a function or derivative became infinite or not a number",
    "interrupted": "stopped by the user; the best point so far is kept",
}
_GOOD, _POOR, _BAD, _DIM = "bold green", "bold yellow", "bold red", "dim"
_WIDEST = 100  # columns; longer lines of text are hard to read


def lines(result: Point, *, width: int = 80, unicode: bool = False, verbose: bool = False,
          warnings: bool = True) -> list[Line]:
    """The table of a result.

    Args:
        verbose: with settings, evaluations and the measures of the method.
        warnings: with one line for each warning of the model.
    """
    page = _Page(min(width, _WIDEST), unicode)
    page.add((_title(result), _tint(result)))
    page.blank()
    _verdict(page, result)
    page.blank()
    _objectives(page, result)
    _values(page, result)
    _work(page, result, verbose)
    _remarks(page, result, warnings)
    return page.lines


def plain(table: list[Line]) -> str:
    return "\n".join("".join(text for text, _ in line).rstrip() for line in table)


def show(table: list[Line], file: TextIO, color: bool) -> None:
    """Print to `file`, with styles if `color`."""
    if not color:
        file.write(plain(table) + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=file, force_terminal=True, soft_wrap=True, highlight=False)
    for line in table:
        console.print(Text.assemble(*((text, style) for text, style in line)))


# --- the parts ------------------------------------------------------------------------------------


def _title(result: Point) -> str:
    known = "verified" if result.verified else "not verified"
    return f"{result.problem.name}: {result.status.replace('_', ' ')}, {known}" if isinstance(result, Solution) \
        else f"{result.problem.name}: {known}"


def _tint(result: Point) -> str:
    return {0: _GOOD, 6: _POOR, 7: _POOR, 130: _POOR}.get(result.exit_status, _BAD)


def _verdict(page: "_Page", result: Point) -> None:
    """The two things: why it stopped, and what is known, with each number of the certificate."""
    if isinstance(result, Solution):
        page.entry("why it stopped", STOPPED[result.status])
    checks = result.certificate.checks
    failed = [_title_of(c) for c in checks if not c.passed]
    if not checks:
        known = "nothing: " + ("the answer was not checked" if result.variables else "there is no usable point")
    elif failed:
        known = f"not verified, because of {' and '.join(failed)}"
    else:
        known = f"a {result.certificate.scope} solution: all {len(checks)} checks hold"
    page.entry("what is known", known)
    name, value = (max((len(f(c)) for c in checks), default=0) for f in (_title_of, _value_of))
    for check in checks:
        _check(page, check, name, value)


def _title_of(check: Check) -> str:
    return check.name.replace("_", " ")


def _value_of(check: Check) -> str:
    return "not computed" if math.isnan(check.value) else rough(check.value)


def _check(page: "_Page", check: Check, name: int, value: int) -> None:
    mark, style = page.mark(check.passed)
    bound = "" if check.tolerance is None else f" {'<=' if check.passed else '> '} {rough(check.tolerance)}"
    head = f"  {mark} {_title_of(check):<{name}}  {_value_of(check):>{value}}{bound:<9}"
    doc = textwrap.shorten(check.doc, max(0, page.width - len(head) - 2), placeholder=page.more)
    page.add((head[:len(mark) + 2], style), (head[len(mark) + 2:], "" if check.passed else style), ("  " + doc, _DIM))


def _objectives(page: "_Page", result: Point) -> None:
    problem, reference = result.problem, result.problem.reference
    if not result.variables:
        return
    error = result.reference_error()
    for level, objective, value, known in (("upper", problem.f, result.upper, reference.upper),
                                           ("lower", problem.g, result.lower, reference.lower)):
        sense = "minimize" if objective.sense > 0 else "maximize"
        more = "" if known is None else f"   reference {number(known)}"
        if level == "upper" and error is not None:
            more += f", relative error {rough(error)}"
        page.entry(f"{level} ({sense})", number(value) + more, bold=True)
    if reference.source and (reference.upper is not None or reference.lower is not None):
        page.entry("reference from", reference.source)
    page.blank()


def _values(page: "_Page", result: Point) -> None:
    """Variables, then the entries of `report`."""
    if not result.variables:
        return
    elided = False
    for v in result.problem.variables:
        elided |= page.array(v.name, v.shape, result.variables[v.name], v.labels)
    if result.report:
        page.blank()
    for r in result.problem.report:
        elided |= page.array(r.name, r.shape, result.report[r.name])
    if elided:
        page.add(("  (cut to fit; --json FILE has every entry)", _DIM))
    page.blank()


def _work(page: "_Page", result: Point, verbose: bool) -> None:
    spent = ", ".join(f"{name} {_seconds(t)}" for name, t in result.timings.items() if t >= 5e-4)
    total = _seconds(sum(result.timings.values()))
    if isinstance(result, Solution):
        page.entry("method", result.method + (f", since {result.reason}" if result.reason else ""))
        count = f"{result.iterations} iteration{'s' * (result.iterations != 1)}, {result.executor}"
        page.entry("work", f"{count}, {total} s" + (f" ({spent})" if spent else ""))
    else:
        page.entry("work", f"{total} s")
    if verbose and isinstance(result, Solution):
        page.entry("settings", ", ".join(f"{k} {v:g}" for k, v in result.settings.items()))
        page.entry("evaluations", ", ".join(f"{k} {v}" for k, v in result.evaluations.items()))
        page.entry("measures", ", ".join(f"{k} {number(v)}" for k, v in result.measures.items()))


def _seconds(t: float) -> str:
    return f"{t:.3f}" if t < 0.1 else f"{t:.2f}" if t < 10 else f"{t:.0f}"


def _remarks(page: "_Page", result: Point, warnings: bool) -> None:
    notes = [("note", note) for note in result.certificate.notes]
    if warnings:
        notes += [("warning", d.message + (f" (line {d.primary.span.line})" if d.primary else ""))
                  for d in result.warnings]
    if notes:
        page.blank()
    for kind, text in notes:
        page.paragraph(kind, text)


class _Page:
    """Lines of at most `width` characters: a column of labels, then text."""

    LABEL = 18

    def __init__(self, width: int, unicode: bool):
        self.width = max(width, 40)
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

    def entry(self, label: str, text: str, bold: bool = False) -> None:
        self._labelled(label, textwrap.wrap(text, self.width - self.LABEL - 2) or [""], "bold" if bold else "")

    def array(self, name: str, shape: tuple[int, ...], value, labels=()) -> bool:
        """The value of a variable; true if entries were left out."""
        label = name + (f"[{', '.join(map(str, shape))}]" if shape else "")
        found = array_lines(value, self.width - self.LABEL - 2, labels, self.more)
        self._labelled(label, found, "")
        return any(line.endswith(self.more) for line in found)

    def _labelled(self, label: str, texts: list[str], style: str) -> None:
        if len(label) > self.LABEL - 2:
            self.add(("  " + textwrap.shorten(label, self.width - 2, placeholder=self.more), ""))
            label = ""
        for k, text in enumerate(texts):
            self.add(("  " + (label if k == 0 else "").ljust(self.LABEL), "" if style else _DIM), (text, style))

    def paragraph(self, kind: str, text: str) -> None:
        for k, part in enumerate(textwrap.wrap(f"{kind}: {text}", self.width, subsequent_indent="  ")):
            head = len(kind) + 1 if k == 0 else 0
            self.add((part[:head], "yellow" if kind == "warning" else "cyan"), (part[head:], ""))
