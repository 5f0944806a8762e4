"""Why a solve stopped. The integers are those of the generated C; new ones are only appended."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    CONVERGED = 0
    ITERATION_LIMIT = 1
    TIME_LIMIT = 2
    STALLED = 3
    DIVERGED = 4
    INFEASIBLE = 5
    NOT_FINITE = 6
    INTERRUPTED = 7

    @property
    def label(self) -> str:
        """The word of reports and JSON: `iteration_limit`."""
        return self.name.lower()

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


RUNNING = -1  # no status yet; the same in C

_MEANINGS = {
    Status.CONVERGED: "every tolerance is met, or the method itself found that it converged",
    Status.ITERATION_LIMIT: "max_iter iterations are done",
    Status.TIME_LIMIT: "the caller's time is over",
    Status.STALLED: "no progress: steps or decrease below what rounding allows",
    Status.DIVERGED: "iterates or objective leave every bound",
    Status.INFEASIBLE: "the constraints could not be met, or a constraint set has no point with these parameters",
    Status.NOT_FINITE: "an evaluation gave infinity or no number; the last finite iterate is kept",
    Status.INTERRUPTED: "the caller asked to stop",
}
