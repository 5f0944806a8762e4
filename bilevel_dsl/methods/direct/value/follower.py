"""The follower's global answer to a decision: the same faces and boxes, with x held and g in the place of f."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import casadi as ca
import numpy as np

from ....functions.buffers import Call
from ....intervals.cutting import middle
from .active import Near
from .boxes import Boxes
from .faces import Conditions, Face

TOLERANCE = 2e-10  # of g, relative to its size, at least 1
BATCHES = 60  # of boxes in one search; where these are not enough, the certificate has the word
BATCH = 128
ROWS = 1e-9  # by which rows may be missed


@dataclass(frozen=True, eq=False)
class Answer:
    """The follower's best answer to a decision, and whether no better one is left; y is None where none was found."""

    y: np.ndarray | None
    g: float
    proved: bool


class Follower:
    """Its global answers; they are kept."""

    def __init__(self, conditions: Conditions, faces: list[Face], near: Near, deadline: float):
        self.conditions, self.levels, self.near, self.deadline = conditions, conditions.levels, near, deadline
        self.faces, self._boxes = faces, {}
        self.solved = self.boxes = 0
        self._known: dict[bytes, Answer] = {}
        c = conditions
        self._values = Call(ca.Function("values", [c.x, c.y], [c.g, c.h, c.e]))

    def __call__(self, x: np.ndarray, near: list[np.ndarray]) -> Answer:
        """The answer to x; near: where one may be."""
        key = x.tobytes()
        if key not in self._known:
            self._known[key] = self._solve(x, near)
            self.solved += 1
        return self._known[key]

    def value(self, x: np.ndarray, y: np.ndarray) -> float:
        """g, inf where y is not admissible."""
        g, h, e = (v.ravel() for v in self._values(x, y))
        fits = np.all(h <= ROWS * (1 + np.abs(y).max())) and np.all(np.abs(e) <= ROWS * (1 + np.abs(y).max()))
        return float(g[0]) if fits and np.isfinite(g[0]) else np.inf

    def _solve(self, x: np.ndarray, near: list[np.ndarray]) -> Answer:
        best: tuple[float, np.ndarray | None] = (np.inf, None)
        for y in near:
            best = self._better(x, y, best)
        looked, batches, proved = 0, 0, True
        for k in range(len(self.faces)):
            low, high = self.faces[k].low.copy(), self.faces[k].high.copy()
            if np.array_equal(low[len(x) :], high[len(x) :]):  # a corner
                best = self._better(x, low[len(x) :], best)
                continue
            face = self._face(k)
            low[: len(x)] = high[: len(x)] = x
            face.begin(low, high, self._goal(best))
            while len(face) and batches < BATCHES and perf_counter() < self.deadline:
                best = self._better(x, middle(*(v[:, None] for v in face.best()))[len(x) :, 0], best)
                looked += face.advance(BATCH, self._goal(best))
                batches += 1
                for v in face.tiny:
                    best = self._better(x, v[len(x) :], best)
                face.tiny.clear()
                face.drop(self._goal(best))
            proved &= not len(face) and face.stuck >= self._goal(best)
        self.boxes += looked
        return Answer(best[1], best[0], proved)

    def _goal(self, best) -> float:
        return best[0] - TOLERANCE * max(1.0, abs(best[0])) if best[1] is not None else np.inf

    def _better(self, x, y, best):
        """The better of `best` and the answers near y."""
        for candidate in (self.near.polished(x, y), y):
            value = self.value(x, candidate)
            if value < best[0]:
                best = (value, candidate)
        return best

    def _face(self, k: int) -> Boxes:
        if k not in self._boxes:
            self._boxes[k] = Boxes(self.conditions, self.faces[k], None)
        return self._boxes[k]
