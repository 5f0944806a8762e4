"""The leader's value at a decision: the follower answers anew, and where it has several answers the leader picks.

What is asked of a decision x near the point: the follower's answer there, its multipliers if the leader uses them, whether
the leader's rows hold, and f.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .extremes import corners, extremes
from .follower import Follower, Response
from .local import Active, Local, active, local
from .newton import nearby
from .place import Place, Region
from .scales import Scales

TIED = 1e-9  # of the size of g, within which the follower is indifferent
FEASIBLE = 1e-6  # lengths: violation of the leader's rows at a point that may stand against another one


@dataclass(frozen=True)
class Reaction:
    x: np.ndarray
    y: np.ndarray
    f: float
    violation: float  # of the leader's rows, in their sizes

    @property
    def admissible(self) -> bool:
        return bool(np.isfinite(self.f) and self.violation <= FEASIBLE)


class Reactions:
    """The follower's answers around a point: in its basin, or in another one that is known and better there.

    `others`: answers in other basins, see `ties.py`.
    """

    def __init__(
        self,
        place: Place,
        leader: Region,
        region: Region,
        follower: Follower,
        scales: Scales,
        upper_rows: np.ndarray,
        several: bool,
        point: tuple[np.ndarray, np.ndarray],
        convex: bool = False,
        here: Local | None = None,
        others: list[np.ndarray] | None = None,
        adverse: bool = False,
    ):
        self.adverse = adverse
        self.others = others or []
        self.place, self.leader, self.region = place, leader, region
        self.follower, self.scales, self.upper_rows, self.several = follower, scales, upper_rows, several
        self.point, self.convex, self.here = point, convex, here

    def at(self, x: np.ndarray, start: np.ndarray) -> Reaction | None:
        """None where the follower has no answer."""
        answer = self._answer(x, start, self.here)
        if not answer.solved:
            return None
        for other, there in self.basins:
            found = self._answer(x, other.y, there)
            if found.solved and self._preferred(found, answer):
                answer = found
        broken = 0.0
        if self.adverse:
            answer, broken = self.feared(x, answer)
        elif self.several:
            answer = self.favoured(x, answer)
        place = self.place
        if place.problem.used_duals:
            place = place.with_multipliers(self.multipliers(x, answer))
        f = place.value("f", x, answer.y)
        return Reaction(x, answer.y, f, max(broken, self.violation(place, x, answer.y)))

    def _answer(self, x: np.ndarray, start: np.ndarray, around: Local | None) -> Response:
        """In the basin of `start`, where `around` is what holds at the point."""
        found = None
        if around is not None:
            found = nearby(self.place, self.region, self.follower.frame, around, x, start, self.convex)
        return found or self.follower.answer(x, start)

    @cached_property
    def basins(self) -> list[tuple[Response, Local | None]]:
        """The answers at the point in other basins, and what holds at each."""
        answers = [self.follower.answer(self.point[0], other) for other in self.others]
        return [(answer, self.local(self.point[0], answer)) for answer in answers if answer.solved]

    def _preferred(self, found: Response, answer: Response) -> bool:
        """By the follower; where it is indifferent, by the leader."""
        apart, tied = found.g - answer.g, TIED * self.scales.g
        better = found.f > answer.f if self.adverse else found.f < answer.f
        return apart < -tied or (apart <= tied and better)

    def favoured(self, x: np.ndarray, answer: Response) -> Response:
        """Of the answers around `answer` the one that the leader likes best, under its own rows."""
        kept = self.follower.as_good_as(x, answer, answer.y, self.convex)
        found = self.follower.respond(x, answer.y, "f", upper=self.leader.count > 0, **kept)
        return found if found.solved and found.f < answer.f else answer

    def feared(self, x: np.ndarray, answer: Response) -> tuple[Response, float]:
        """Of the answers around `answer` the one that is worst for the leader; how far one breaks the leader's rows."""
        ends = extremes(self.place, self.leader, self.region, self.follower, x, answer.y, self.convex)
        if ends is not None:
            f, y = ends.worst
            worst = Response(y, self.place.value("g", x, y), f, True, "", answer.multipliers)
            return worst, ends.broken[0] if ends.broken is not None else 0.0
        kept = self.follower.as_good_as(x, answer, answer.y, self.convex)
        found = self.follower.respond(x, answer.y, "-f", **kept)
        worst = found if found.solved and found.f > answer.f else answer
        for y in corners(self.place, self.leader, self.region, self.follower, x, answer.y, self.convex):
            f = self.place.value("f", x, y)
            if f > worst.f:
                worst = Response(y, self.place.value("g", x, y), f, True, "", answer.multipliers)
        return worst, 0.0

    def multipliers(self, x: np.ndarray, answer: Response) -> dict[str, np.ndarray]:
        """Values for every `dual(...)` that upper expressions use; NaN where none is known."""
        here = active(self.place, self.region, self.scales, self.follower.frame.rows, answer, x)
        return named(self.place, self.region, here, used=True)

    def local(self, x: np.ndarray, answer: Response) -> Local | None:
        return local(self.place, self.region, self.scales, self.follower.frame.rows, answer, x)

    def violation(self, place: Place, x: np.ndarray, y: np.ndarray) -> float:
        lower, upper, low, high = self.leader.limits(place, x)
        rows = self.leader.values(place, x, y)
        parts = np.concatenate(
            [
                (lower - x) / self.scales.x,
                (x - upper) / self.scales.x,
                (low - rows) / self.upper_rows,
                (rows - high) / self.upper_rows,
            ]
        )
        return float(np.max(parts, initial=0.0))


def named(place: Place, region: Region, here: Active | None, used: bool = False) -> dict[str, np.ndarray]:
    """Every `dual(...)` of the problem, as written, from the multipliers of what is active; NaN where none is known."""
    problem = place.problem
    found = {}
    for d in problem.used_duals if used else problem.duals:
        if here is None:
            values = np.full(d.size, np.nan)
        else:
            values = here.entries(d, region.first_constraint, region.count) @ here.multipliers
        found[d.name] = np.reshape(values, d.shape, order="F")
    return found
