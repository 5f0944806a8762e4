"""A comparison of methods: its table, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from ..methods.work import KINDS
from ..model.problem import Problem
from .document import SCHEMA, strict, versions
from .page import DIM, Line, Page, plain
from .values import number, rough

WORDS = {
    "grad_f": "grad f",
    "grad_g": "grad g",
    "products": "H d, J d",
    "hessians": "H, J",
    "projections": "proj.",
}
NUMBERS = ("upper", "lower", "stationarity", "gap", "away")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A run after so many iterations; numbers that are not known are NaN.

    Attributes:
        calls: of oracles, by kind; empty where a method works with functions of its own.
        upper, lower: objectives as written.
        stationarity: the gradient mapping of the hypergradient at x and the follower's answer to it, relative; known where
            the follower is free.
        gap: g above that answer, relative. Both are computed apart from the method.
        away: the distance to the reference, relative: of its variables, else of its upper value.
    """

    iterations: int
    seconds: float
    calls: dict[str, int]
    upper: float
    lower: float
    stationarity: float
    gap: float
    away: float

    @property
    def work(self) -> float:
        """Calls of all oracles, NaN where they are not known; samples are no calls."""
        return (
            float("nan")
            if not self.calls
            else sum(n for kind, n in self.calls.items() if kind not in ("samples", "projections"))
        )


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One run: how it ended, and its way there."""

    seed: int
    status: str
    verified: bool
    end: Checkpoint
    way: tuple[Checkpoint, ...]


@dataclass(frozen=True)
class Entry:
    """A method with settings: its runs, or why it cannot run."""

    label: str  # as it was asked for
    method: str
    settings: dict[str, float]
    trials: tuple[Trial, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class Comparison:
    problem: Problem
    entries: tuple[Entry, ...]
    seeds: int

    @property
    def exit_status(self) -> int:
        """0, or 3 where no method could run."""
        return 0 if any(e.trials for e in self.entries) else 3

    def __str__(self) -> str:
        return plain(lines(self))


# --- the table ------------------------------------------------------------------------------------

COLUMNS: dict[str, Callable[[Checkpoint], str]] = {
    "upper": lambda c: number(c.upper, 7),
    "stationary": lambda c: _rough(c.stationarity),
    "gap": lambda c: _rough(c.gap),
    "reference": lambda c: _rough(c.away),
    "steps": lambda c: str(c.iterations),
    "sec.": lambda c: f"{c.seconds:.2g}" if c.seconds < 10 else f"{c.seconds:.0f}",
}


def _rough(value: float) -> str:
    return "--" if value != value else rough(value)


def lines(result: Comparison, *, width: int = 80, unicode: bool = False) -> list[Line]:
    """A row for each method: of several seeds the median of each number."""
    page = Page(width, unicode)
    ran = [e for e in result.entries if e.trials]
    page.add((f"{result.problem.name}: {len(result.entries)} methods from the same start", "bold"))
    page.blank()
    if ran:
        shown = {name: column for name, column in COLUMNS.items() if name != "reference" or _referred(ran)}
        rows = [[e.label, _ended(e), _verified(e), *(column(middle(e)) for column in shown.values())] for e in ran]
        _table(page, ["method", "ended", "ok", *shown], rows)
        page.blank()
        used = [k for k in KINDS if any(middle(e).calls.get(k) for e in ran)]
        if used:
            _table(
                page,
                ["calls", *(WORDS.get(k, k) for k in used)],
                [[e.label, *(str(middle(e).calls.get(k, "--")) for k in used)] for e in ran],
            )
            page.blank()
    for e in result.entries:
        if e.refused:
            page.paragraph("refused", f"{e.label}: {e.refused}")
    page.paragraph(
        "note",
        "ok: verified by the certificate; stationary: the gradient mapping at x and the follower's answer to it, where the "
        "follower is free; gap: g above that answer; both relative, and computed apart from the methods",
    )
    if any(not middle(e).calls for e in ran):
        page.paragraph("note", "calls --: not known, the method works with functions or with a solver of its own")
    if any(len(e.trials) > 1 for e in ran):
        page.paragraph("note", f"of the methods that draw samples the median of {result.seeds} seeds, number by number")
    reference = result.problem.reference
    if _referred(ran):
        what = "its variables" if reference.variables else "its upper value"
        page.paragraph(
            "note",
            f"the distance to the reference is that of {what}, relative" + f" ({reference.source})" * bool(reference.source),
        )
    return page.lines


def _referred(entries: list[Entry]) -> bool:
    return any(t.end.away == t.end.away for e in entries for t in e.trials)


def _ended(entry: Entry) -> str:
    words = sorted({t.status.replace("_", " ").replace("iteration limit", "max_iter") for t in entry.trials})
    return ", ".join(words)


def _verified(entry: Entry) -> str:
    """Whether the certificate verifies where it ended; of several seeds how many."""
    known, runs = sum(t.verified for t in entry.trials), len(entry.trials)
    return f"{known}/{runs}" if runs > 1 else "yes" if known else "no"


def middle(entry: Entry) -> Checkpoint:
    """The median of the runs, number by number."""
    ends = [t.end for t in entry.trials]
    if len(ends) == 1:
        return ends[0]
    return Checkpoint(
        iterations=int(median(e.iterations for e in ends)),
        seconds=median(e.seconds for e in ends),
        calls={k: int(median(e.calls[k] for e in ends)) for k in KINDS if all(e.calls for e in ends)},
        **{name: median(getattr(e, name) for e in ends) for name in NUMBERS},
    )


def _table(page: Page, head: list[str], rows: list[list[str]]) -> None:
    """Columns of texts; a name that is too long stands on a line of its own."""
    widths = [max(len(r[k]) for r in [head, *rows]) for k in range(len(head))]
    rest = sum(w + 2 for w in widths[1:])
    widths[0] = min(widths[0], max(8, page.width - rest))
    for n, row in enumerate([head, *rows]):
        first = row[0]
        if len(first) > widths[0]:
            page.add((first, ""))
            first = ""
        cells = [first.ljust(widths[0])]
        for k, text in enumerate(row[1:], 1):
            left = head[k] == "ended"
            cells.append(text.ljust(widths[k]) if left else text.rjust(widths[k]))
        page.add(("  ".join(cells), DIM if n == 0 else ""))


# --- files ----------------------------------------------------------------------------------------


def json_text(result: Comparison) -> str:
    """Everything, with the points on the way."""
    document = {
        "schema": SCHEMA,
        "problem": result.problem.name,
        "reference": {"upper": result.problem.reference.upper, "source": result.problem.reference.source},
        "entries": [
            {
                "label": e.label,
                "method": e.method,
                "settings": e.settings,
                "refused": e.refused or None,
                "trials": [
                    {
                        "seed": t.seed,
                        "status": t.status,
                        "verified": t.verified,
                        "end": vars(t.end),
                        "way": [vars(c) for c in t.way],
                    }
                    for t in e.trials
                ],
            }
            for e in result.entries
        ],
        "versions": versions(),
        "hash": result.problem.text_hash,
    }
    return json.dumps(strict(document), indent=1, ensure_ascii=False) + "\n"


def csv_text(result: Comparison) -> str:
    """A row for each point on the way, and for the end, of each run."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["method", "seed", "iterations", "seconds", *NUMBERS, *KINDS])
    for e in result.entries:
        for t in e.trials:
            for c in (*t.way, t.end):
                numbers = [getattr(c, name) for name in NUMBERS]
                writer.writerow([e.label, t.seed, c.iterations, c.seconds, *numbers, *(c.calls.get(k, "") for k in KINDS)])
    return file.getvalue()
