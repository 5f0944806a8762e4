"""What came out: a point with its certificate, and for a solve why it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..certify.claims import Certificate, Claim, Verdict
from ..diagnostics import Diagnostic
from ..model.problem import Problem

__all__ = ["Certificate", "Claim", "Point", "Solution", "Verdict"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Point:
    """Values of all variables of a problem, from wherever they come, and what is known of them.

    `point["t"]` is the value of variable t: a float, a vector (n,) or a matrix (m, n).
    """

    problem: Problem
    variables: dict[str, np.ndarray | float]  # empty where no values exist
    upper: float | None  # objectives as written
    lower: float | None
    certificate: Certificate
    report: dict[str, np.ndarray | float] = field(default_factory=dict)
    duals: dict[str, np.ndarray | float] = field(default_factory=dict)  # of labelled lower constraints
    timings: dict[str, float] = field(default_factory=dict)  # seconds
    warnings: tuple[Diagnostic, ...] = ()
    seed: int = 0

    def __getitem__(self, name: str) -> np.ndarray | float:
        if name not in self.variables:
            raise KeyError(f"there is no value for `{name}`; there are: {', '.join(self.variables) or 'none'}")
        return self.variables[name]

    def __str__(self) -> str:
        from .page import plain
        from .table import lines

        return plain(lines(self))

    def _repr_html_(self) -> str:
        from .html import as_html
        from .table import lines

        return as_html(lines(self, width=100, unicode=True))

    @property
    def verified(self) -> bool:
        return self.certificate.verified

    @property
    def proved(self) -> bool:
        """Whether every claim that `verified` needs is proved, not only searched."""
        return self.certificate.proved

    @property
    def exit_status(self) -> int:
        """0 verified, 5 the follower is unbounded, 7 not verified."""
        return 0 if self.verified else 5 if self.certificate.trouble else 7

    @property
    def ties(self) -> str:
        """How the certificate judges several answers of the follower: "optimistic", "pessimistic" or "report"."""
        return self.certificate.ties

    def reference_error(self) -> float | None:
        """|upper - reference| / max(1, |reference|), None without a reference or without a point."""
        reference = self.problem.reference.upper
        if reference is None or self.upper is None:
            return None
        return abs(self.upper - reference) / max(1.0, abs(reference))

    def to_json(self) -> dict:
        """The result as an object of the documented keys; what is not finite is None."""
        from .document import document

        return document(self)

    def save(self, path: str | Path) -> None:
        """Write `to_json()` to `path`; `verify` and a warm start read it.

        Raises:
            BilevelError: BL0511, the file cannot be written.
        """
        from ..files import write_whole
        from .document import json_text

        write_whole(path, json_text(self))

    def save_table(self, path: str | Path) -> None:
        """Write one CSV row for each entry of variables, report and multipliers to `path`: name, indices, value.

        Raises:
            BilevelError: BL0511, the file cannot be written.
        """
        from ..files import write_whole
        from .csv_text import long_text

        write_whole(path, long_text(self))


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One attempt of a solve: a method from a start, and how it ended."""

    method: str
    start: str  # in words: where it began
    status: str
    upper: float | None  # as written; None where it ended without a point
    verified: bool
    examined: bool  # a point that is no better than a verified one is not
    iterations: int
    seconds: float
    chosen: bool  # it is the answer


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Solution(Point):
    """The result of `bilevel_dsl.solve`."""

    status: str  # converged, iteration_limit, time_limit, stalled, diverged, infeasible, not_finite, interrupted
    method: str
    reason: str = ""  # why `auto` chose it; empty if it was named
    settings: dict[str, float]
    executor: str  # "compiled", "interpreted", or the solver of a direct method: "ipopt"
    iterations: int
    evaluations: dict[str, int]  # calls of each phase
    measures: dict[str, float]  # of the method, at the end; objectives as written, as in `trace`
    trace: dict[str, np.ndarray]  # "iteration" and each measure
    attempts: tuple[Tried, ...] = ()
    scaling: dict = field(default_factory=dict)  # user's number = factor * the method's; empty: the same
    kinks: tuple[
        str, ...
    ] = ()  # what the method saw as rows: "8 absolute values of the lower objective as smooth rows (line 9)"
    reductions: tuple[str, ...] = ()  # what was taken out for the method: "v has one value only (line 2)"
    answers: tuple[tuple[float, int], ...] = ()  # upper values at which attempts ended well, and how many, the best first

    def __repr__(self) -> str:
        known = "verified" if self.verified else "not verified"
        return f"<Solution of {self.problem.name}: {self.status}, {known}, upper {self.upper}>"

    @property
    def no_point(self) -> bool:
        """The method met no point of both levels, and where it ended is none: it may have missed its own conditions only."""
        needed = [self.certificate.claim(name) for name in ("feasible", "follower_optimal")]
        return self.status == "infeasible" and not all(c is not None and c.passed for c in needed)

    @property
    def exit_status(self) -> int:
        """0 verified, however the method stopped; else 4 infeasible, 5 unbounded or diverged, 6 limit, 7, 8, 130."""
        if self.status == "interrupted":
            return 130
        if self.verified:
            return 0
        if self.certificate.trouble:
            return 5
        return {
            "converged": 7,
            "infeasible": 4 if self.no_point else 7,
            "diverged": 5,
            "iteration_limit": 6,
            "time_limit": 6,
            "stalled": 6,
            "not_finite": 8,
        }[self.status]
