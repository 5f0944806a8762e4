"""A search over the leader's decisions against an adverse follower, where no method has a proof.

Every decision is worth what the follower's worst answer leaves (`certify/follow.py`'s rule, as the certificate judges). Such
a value may jump, so nothing but values is used: a compass search (Kolda, Lewis, Torczon, SIAM Review 45, 2003) from the
point that was found for a friendly follower and from others of the leader's set.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from time import perf_counter

import numpy as np

from ..certify.certificate import Examination
from ..certify.reaction import Reaction
from ..certify.stationarity import project_x
from .attempt import Attempt
from .examine import Examiner
from .search import Search
from .starts import elsewhere

FIRST, LAST = 0.25, 1e-7  # lengths of the first and the last steps
EVALUATIONS = {"quick": 60, "normal": 400, "thorough": 4000}
FARTHER = 4  # starts beside the first


def against_the_worst(search: Search, examiner: Examiner, begun: Attempt) -> Attempt:
    """The best decision that the search meets, examined; `begun` where it meets none."""
    problem = search.runner.oracles.problem
    if not begun.usable or examiner.level == "no" or problem.is_simple or problem.used_duals or problem.whole.any():
        return begun
    examined = Examination(search.runner.oracles, begun.x, begun.y, adverse=True)
    if not examined.finite or not examined.region.describable:
        return begun
    clock, look = perf_counter(), _Compass(examined, EVALUATIONS[examiner.level], examiner.end)
    starts = [begun.x, *(s.x for s in islice(elsewhere(search.runner.oracles, begun.x, begun.y, search.plan.seed), FARTHER))]
    for k, x in enumerate(starts):
        look.most = look.counted + (EVALUATIONS[examiner.level] - look.counted) // (len(starts) - k)
        look.down(x, begun.y)
    best = look.best
    if best is None:
        return begun
    found = replace(
        begun,
        start=replace(begun.start, words=f"{begun.start.words}, then {look.counted} decisions against the worst answers"),
        x=best.x,
        y=best.y,
        upper=best.f,
        seconds=perf_counter() - clock,
        certificate=None,
        run=replace(begun.run, bound=None, unattained=False),
    )
    search.attempts.append(found)
    search.attempts[-1] = examiner(found)
    return search.attempts[-1]


class _Compass:
    """Steps along the axes, and along the last way that helped, halved where none is better."""

    def __init__(self, examined: Examination, most: int, end: float):
        self.examined, self.most, self.end = examined, most, end
        self.counted = 0
        self.best: Reaction | None = None

    def down(self, x: np.ndarray, y: np.ndarray) -> None:
        here, step = self._at(x, y), FIRST
        if here is None:
            return
        lengths, n = self.examined.scales.x, x.size
        axes = [s * np.eye(1, n, i).ravel() for i in range(n) for s in (1.0, -1.0)]
        way = None
        while step > LAST and self.counted < self.most and perf_counter() < self.end:
            for d in [*([way] if way is not None else []), *axes]:
                found = self._at(here.x + step * lengths * d, here.y)
                if found is not None and found.f < here.f - 1e-12 * self.examined.scales.f:
                    way, here, step = (found.x - here.x) / (lengths * step), found, min(2 * step, 1.0)
                    break
                if self.counted >= self.most:
                    break
            else:
                way, step = None, step / 2

    def _at(self, x: np.ndarray, y: np.ndarray) -> Reaction | None:
        """The leader's value there; None where the leader's rows do not hold with all answers."""
        self.counted += 1
        found = self.examined.reaction(project_x(self.examined.oracles, x), y)
        if found is None or not found.admissible:
            return None
        if self.best is None or found.f < self.best.f:
            self.best = found
        return found
