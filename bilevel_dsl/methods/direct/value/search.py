"""Lower and upper bounds until they meet: boxes of all faces, cuts and points together.

The rounds of Mitsos, Lemonidis and Barton share one tree of boxes: what a cut has removed stays removed, so the lower
bounding problem is not begun anew when the follower gives another answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from time import perf_counter

import numpy as np

from ....intervals.cutting import middle
from ..ipopt import Watch
from ..system import Levels
from .boxes import Boxes
from .faces import Conditions
from .points import Point, Points
from .rules import Rules

BATCH = 128  # boxes at once
SEEDS = 6  # decisions at which the follower is asked first, at most
FIRST = 4  # faces from whose middle a point is looked for first
OFTEN = 1.7  # times as many boxes between two looks for a point

Stop = Callable[[int, float, float], bool]


@dataclass(frozen=True, eq=False)
class Searched:
    """status: "converged", "infeasible", "time_limit", "iteration_limit", "stalled" or "interrupted"."""

    status: str
    point: Point | None
    bound: float
    boxes: int
    cuts: int
    followers: int  # solved globally
    faces: int
    trace: list[tuple[int, float, float]] = field(default_factory=list)  # boxes, upper, bound


class Search:
    """See `Searched`.

    Args:
        start: (x, y), where a point is looked for first.
        most: boxes.
        stop: called with boxes, upper and lower bound; True ends the search.
    """

    def __init__(self, levels: Levels, start: tuple[np.ndarray, np.ndarray], watch: Watch, most: int, stop: Stop | None):
        self.levels, self.start, self.watch, self.most, self.stop = levels, start, watch, most, stop
        self.conditions = Conditions(levels)
        self.rules = Rules(self.conditions)
        faces = self.conditions.faces()
        self.points = Points(self.conditions, faces, self.rules, watch, start)
        self.faces: list[Boxes] = []
        for face in faces:
            if not watch.over:
                self.faces.append(Boxes(self.conditions, face, self.rules))
        self.begun = len(self.faces) == len(faces)  # else the time is over, and nothing is known of the others
        self.looked, self._next = 0, 1.0
        self.trace: list[tuple[int, float, float]] = []

    def run(self) -> Searched:
        if not self.begun:
            return self._as("time_limit")
        with np.errstate(all="ignore"):
            self._seed()
            while True:
                goal = self.points.goal
                for face in self.faces:
                    face.drop(goal)
                open_ = [face for face in self.faces if len(face)]
                self._note()
                if not open_:
                    return self._as(self._conclusion())
                ended = self._ended()
                if ended:
                    return self._as(ended)
                face = min(open_, key=lambda f: f.least)
                if self.looked >= self._next:
                    self._look(face)
                    self._next = max(self.looked + 1, OFTEN * self.looked)
                    continue
                self.looked += face.advance(min(BATCH, self.most - self.looked + 1), goal)
                while face.tiny:
                    self.points.at(*np.split(face.tiny.pop(), [self.levels.nx]))

    @property
    def bound(self) -> float:
        """Below f at every point of both levels."""
        if not self.begun:
            return -np.inf
        return min([self.points.upper, *(min(f.least, f.settled) for f in self.faces)])

    def _seed(self) -> None:
        """The follower's answers to the start, the middle and the corners of the leader's box."""
        levels = self.levels
        boxes = ((levels.x_low, levels.x_high), (levels.y_low, levels.y_high))
        ends = [middle(low[:, None], high[:, None])[:, 0] for low, high in boxes]
        self.points.at(*self.start)
        self.points.globally(*ends)
        sides = zip(levels.x_low, levels.x_high, ends[0])
        finite = [[b for b in {float(l), float(h)} if np.isfinite(b)] or [m] for l, h, m in sides]
        for k, corner in enumerate(product(*finite)):
            if k < SEEDS and not self.watch.over:
                self.points.at(np.array(corner), ends[1])
        for face in [f for f in self.faces if len(f)][:FIRST]:
            self._look(face)

    def _look(self, face: Boxes) -> None:
        low, high = face.best()
        self.points.descend(face.face, middle(low[:, None], high[:, None])[:, 0])

    # --- the end ---

    def _conclusion(self) -> str:
        if any(np.isfinite(f.stuck) and f.stuck < self.points.goal for f in self.faces):
            return "stalled"
        return "infeasible" if self.points.best is None else "converged"

    def _ended(self) -> str:
        if self.watch.over:
            return self.watch.stopped
        if self.looked >= self.most:
            return "iteration_limit"
        if perf_counter() > self.watch.deadline:
            return "time_limit"
        return "interrupted" if self.stop is not None and self.stop(self.looked, self.points.upper, self.bound) else ""

    def _note(self) -> None:
        last = self.trace[-1] if self.trace else (0, np.inf, -np.inf)
        if self.looked > 1.1 * last[0] or self.points.upper < last[1]:
            self.trace.append((self.looked, self.points.upper, self.bound))

    def _as(self, status: str) -> Searched:
        bound = np.inf if status == "infeasible" else self.bound
        return Searched(
            status,
            self.points.best,
            bound,
            self.looked,
            len(self.rules.a),
            self.points.follower.solved,
            len(self.faces),
            self.trace,
        )
