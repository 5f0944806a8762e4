"""How much work a verification may take: counted, so that a verdict does not depend on the machine, and bounded in time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter, thread_time


@dataclass(frozen=True)
class Effort:
    """Counts of one level of `--verify`."""

    samples: int  # of the follower's objective, per variable of a block, for starts
    starts: int  # re-solutions of the follower
    scans: int  # points of a scan along one coordinate
    boxes: int  # of one interval search
    probes: int  # re-solutions around the leader's decision
    branches: int  # linear programs at a kink
    far: int  # re-solutions elsewhere in the leader's set


EFFORTS = {
    "quick": Effort(samples=100, starts=4, scans=51, boxes=2_000, probes=12, branches=50, far=0),
    "normal": Effort(samples=400, starts=16, scans=201, boxes=20_000, probes=60, branches=400, far=12),
    "thorough": Effort(samples=2_000, starts=64, scans=1_001, boxes=200_000, probes=400, branches=5_000, far=400),
}
GLANCE = 6  # probes
MANY = 100  # variables of both levels, above which fewer decisions are tried
LEAST_SECONDS = 10.0  # of a normal verification, however short the solve was
ASIDE_SECONDS = 1.0  # the same, of what a verdict does not rest on


@dataclass(frozen=True)
class Budget:
    """An effort, and when it must end.

    Attributes:
        end: of `perf_counter`: a time limit of the user.
        busy: of `thread_time`, as a verdict should not depend on what else the machine does.
        aside: the same, for what does not decide whether a point is verified.
    """

    effort: Effort
    end: float = float("inf")
    busy: float = float("inf")
    aside: float = float("inf")

    @property
    def left(self) -> float:
        """Seconds."""
        return max(0.0, min(self.end - perf_counter(), self.busy - thread_time()))

    @property
    def over(self) -> bool:
        return self.left <= 0

    @property
    def over_aside(self) -> bool:
        return self.over or thread_time() >= self.aside

    @property
    def deadline(self) -> float:
        """Of `perf_counter`, for what looks at this clock by itself."""
        return perf_counter() + self.left

    def half(self) -> Budget:
        """The same work, within half of the time that is left."""
        now, busy = perf_counter(), thread_time()
        return replace(self, end=now + (self.end - now) / 2, busy=busy + (self.busy - busy) / 2)


def glance(limits: Budget) -> Budget:
    """For the leader's decision where a bound proves it: a few probes, that would speak against the bound."""
    few = replace(limits.effort, probes=min(limits.effort.probes, GLANCE), far=0)
    return limits if limits.effort is EFFORTS["thorough"] else replace(limits, effort=few)


def fewer(count: int, variables: int, least: int = 0) -> int:
    """Of so many re-solutions those worth their price in a large problem, where each costs more and says less."""
    return max(min(count, least), int(count * min(1.0, MANY / max(variables, 1)) ** 2))


def budget(level: str, solve_seconds: float | None = None, end: float = float("inf")) -> Budget:
    """The budget of `level`; without "thorough" it ends after a few seconds, or as many as the solve took."""
    if level == "thorough":
        return Budget(EFFORTS[level], end)
    now, solved = thread_time(), solve_seconds or 0.0
    return Budget(EFFORTS[level], end, now + max(LEAST_SECONDS, solved), now + max(ASIDE_SECONDS, solved))
