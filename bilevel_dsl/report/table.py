"""A result for reading: why it stopped, what is known of the point, the point.

Nothing is wider than `width` (from 50), and nothing needs Unicode
unless `unicode` is true.
"""

from __future__ import annotations

import math
import textwrap

from ..certify.result import Check
from .page import DIM, Line, Page, declared
from .solution import Point, Solution
from .values import number, rough

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
_LABEL, _WIDEST_LABEL = 18, 30  # columns of names
_DIGITS = 7  # of objectives: one more than of variables, so that ties of rounding do not look like errors
_GOOD, _POOR, _BAD = "bold green", "bold yellow", "bold red"


def lines(result: Point, *, width: int = 80, unicode: bool = False, verbose: bool = False,
          warnings: bool = True) -> list[Line]:
    """The table of a result.

    Args:
        verbose: with settings, evaluations and the measures of the method.
        warnings: with one line for each warning of the model.
    """
    names = [len(declared(v.name, v.shape)) + 2 for v in (*result.problem.variables, *result.problem.report)]
    page = Page(width, unicode, min(max(_LABEL, *names), _WIDEST_LABEL))
    page.add((_title(result), _tint(result)))
    page.blank()
    _verdict(page, result)
    page.blank()
    _objectives(page, result)
    _values(page, result)
    _work(page, result, verbose)
    _remarks(page, result, warnings)
    return page.lines


# --- the parts ------------------------------------------------------------------------------------


def _title(result: Point) -> str:
    known = "verified" if result.verified else "not verified"
    return f"{result.problem.name}: {result.status.replace('_', ' ')}, {known}" if isinstance(result, Solution) \
        else f"{result.problem.name}: {known}"


def _tint(result: Point) -> str:
    return {0: _GOOD, 6: _POOR, 7: _POOR, 130: _POOR}.get(result.exit_status, _BAD)


def _verdict(page: Page, result: Point) -> None:
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


def _check(page: Page, check: Check, name: int, value: int) -> None:
    mark, style = page.mark(check.passed)
    bound = "" if check.tolerance is None else f" {'<=' if check.passed else '> '} {rough(check.tolerance)}"
    head = f"  {mark} {_title_of(check):<{name}}  {_value_of(check):>{value}}{bound:<9}"
    room = page.width - len(head) - 2
    doc = "  " + textwrap.shorten(check.doc, room, placeholder=page.more) if room > 10 else ""
    page.add((head[:len(mark) + 2], style), (head[len(mark) + 2:], "" if check.passed else style), (doc, DIM))


def _objectives(page: Page, result: Point) -> None:
    problem, reference = result.problem, result.problem.reference
    if not result.variables:
        return
    error = result.reference_error()
    for level, objective, value, known in (("upper", problem.f, result.upper, reference.upper),
                                           ("lower", problem.g, result.lower, reference.lower)):
        sense = "minimize" if objective.sense > 0 else "maximize"
        more = "" if known is None else f"   reference {number(known, _DIGITS)}"
        if level == "upper" and error is not None:
            more += f", relative error {rough(error)}"
        page.entry(f"{level} ({sense})", number(value, _DIGITS) + more, "bold")
    if reference.source and (reference.upper is not None or reference.lower is not None):
        page.entry("reference from", reference.source)
    page.blank()


def _values(page: Page, result: Point) -> None:
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
        page.add(("  (cut to fit; --json FILE has every entry)", DIM))
    page.blank()


def _work(page: Page, result: Point, verbose: bool) -> None:
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


def _remarks(page: Page, result: Point, warnings: bool) -> None:
    notes = [("note", note) for note in result.certificate.notes]
    if warnings:
        notes += [("warning", d.message + (f" (line {d.primary.span.line})" if d.primary else ""))
                  for d in result.warnings]
    if notes:
        page.blank()
    for kind, text in notes:
        page.paragraph(kind, text)
