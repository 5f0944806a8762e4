"""Points of both levels: the follower solved globally at a decision, and the leader's best near a point.

A point counts where the follower, solved globally at its x, gains no more than `GAP`, and all rows hold to `ROWS`.
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from ....functions.buffers import Call
from ..follower import Follower as Local
from ..ipopt import Ipopt, Watch
from .faces import Conditions, Face
from .follower import Follower
from .rules import TOGETHER, Rules

GAP = 1e-9  # of the follower, relative to the size of g, at least 1
ROWS = 1e-8  # by which rows may be missed, of their size
MEET = 4e-7  # of f, or of its change over one length where that is more: how near the bounds come
NEAR = 1e-2  # lengths, over which the change is taken
LEAST = 1e-3  # of the width of a box: a length is not below it
ROUNDS = 3  # of the leader's choice and the follower's answer to it
ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class Point:
    f: float
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False)
class Answer:
    """The follower's best answer to a decision, and whether no better one is left; y is None where none was found."""

    y: np.ndarray | None
    g: float
    proved: bool


class Points:
    """Admissible points: the best so far, and attempts at better ones."""

    def __init__(self, conditions: Conditions, faces: list[Face], rules: Rules, watch: Watch, start):
        self.conditions, self.levels, self.rules, self.watch = conditions, conditions.levels, rules, watch
        self.start = np.concatenate(start)
        self.goal = np.inf  # what a better point is below
        self.follower = Follower(conditions, faces, rules.near, watch.deadline)
        self.best: Point | None = None
        self._solvers: dict[int, Ipopt] = {}
        self.local = Local(self.levels, watch)
        c = conditions
        q = ca.SX.sym("q", rules.size)
        self._of_rules = Call(ca.Function("of_rules", [c.x, q], [ca.densify(ca.horzcat(*rules.symbols(q)))]))
        outputs = [c.f, c.g, ca.densify(c.h), ca.densify(c.e), ca.densify(c.c)]
        self._values = Call(ca.Function("values", [c.x, c.y], outputs))
        self._slopes = Call(ca.Function("slopes", [c.v], [ca.jacobian(r, c.v) for r in (c.h, c.e, c.c)]))

    @property
    def upper(self) -> float:
        return np.inf if self.best is None else self.best.f

    def offer(self, x: np.ndarray, y: np.ndarray) -> bool:
        """Keep (x, y) if it is admissible and better; whether it was."""
        f, g, h, e, c = (v.ravel() for v in self._values(x, y))
        if not np.all(np.isfinite(np.concatenate([f, g, h, e, c]))):
            return False
        kinds = [np.maximum(h, 0), np.abs(e), np.where(self.levels.c_equal, np.abs(c), np.maximum(c, 0))]
        sizes = [1 + np.abs(s).max(1, initial=0.0) for s in self._slopes(np.concatenate([x, y]))]
        fits = all(np.all(broken <= ROWS * size) for broken, size in zip(kinds, sizes))
        if not fits or f[0] >= self.goal:
            return False
        near = [y, *self._said(x, y)]
        slack = GAP * max(1.0, abs(g[0]))
        if any(self.follower.value(x, other) < g[0] - slack for other in near):  # a cut says so
            return False
        answer = self.follower(x, near)
        if answer.y is None:
            return False
        self.rules.add(x, answer.y)
        if g[0] > answer.g + slack:
            return False
        self.best = Point(float(f[0]), x.copy(), y.copy())
        self.goal = self.best.f - self._tolerance()
        return True

    def _tolerance(self) -> float:
        """Of f, at the best point: of its value, or of its change over one length, as the certificate has it."""
        best, levels = self.best, self.levels
        v = np.concatenate([best.x, best.y])
        low, high = (np.concatenate(b) for b in ((levels.x_low, levels.y_low), (levels.x_high, levels.y_high)))
        width, boxed = np.where(np.isfinite(high - low), high - low, 1.0), np.isfinite(high - low)
        length = np.max(np.abs([v, self.start, v - self.start]), axis=0)
        length = np.where(boxed, np.clip(length, LEAST * width, width), length)
        if not np.any(length > 0):
            length = np.ones(length.size)  # else an entry of which nothing is known says nothing
        moved = v[:, None] + NEAR * np.concatenate([np.diag(length), -np.diag(length)], 1)
        values = np.array([float(levels.numbers(*np.split(c, [levels.nx]))[0]) for c in moved.T])
        change = np.abs(values - best.f) / NEAR
        return MEET * max(abs(best.f), float(np.max(change[np.isfinite(change)], initial=0.0)), 1e-9)

    def at(self, x: np.ndarray, y: np.ndarray) -> None:
        """Answers of the follower to x, from y and from what the best rule says: they become rules."""
        found = self.local.answer(x, y)
        for start in [*[found.y] * found.solved, *self._said(x, y)]:
            answer = self.rules.near.polished(x, start)
            if np.isfinite(self.follower.value(x, answer)):
                self.rules.add(x, answer)
                self.offer(x, answer)

    def _said(self, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
        """What the best rules for (x, y) say."""
        q, _ = self.rules.at(np.concatenate([x, y]))
        answers = np.clip(self._of_rules(x, q)[0].T, self.levels.y_low, self.levels.y_high)
        return list(answers)

    def globally(self, x: np.ndarray, y: np.ndarray) -> None:
        """The follower's global answer to x, which becomes a rule."""
        answer = self.follower(x, [y])
        if answer.y is not None:
            self.rules.add(x, answer.y)
            self.offer(x, answer.y)

    def descend(self, face: Face, v: np.ndarray) -> None:
        """From v on the face, with rules of the follower as rows, as long as it finds better ones."""
        nx = self.levels.nx
        self.at(*np.split(v, [nx]))
        for k in range(ROUNDS):
            if self.watch.over:
                return
            q, known = self.rules.at(v)
            limits = (
                np.append(face.row_low, [-np.inf] * TOGETHER),
                np.append(face.row_high, np.where(known & (k > 0), 0, np.inf)),
            )
            found = self._solver(face)(v, face.low, face.high, *limits, p=q)
            v = np.clip(found.w, face.low, face.high)
            if found.kind in ("not_finite", "diverged") or self.offer(*np.split(v, [nx])):
                return
            count = len(self.rules.a)
            self.at(*np.split(v, [nx]))
            if len(self.rules.a) == count:
                return

    def _solver(self, face: Face) -> Ipopt:
        if id(face) not in self._solvers:
            c, q = self.conditions, ca.SX.sym("q", self.rules.size)
            worse = [c.g - self.levels.expressions(c.x, answer)[1] for answer in self.rules.symbols(q)]
            nlp = {"x": c.v, "p": q, "f": c.f, "g": ca.densify(ca.vertcat(face.rows, *worse))}
            self._solvers[id(face)] = Ipopt(nlp, self.watch, {"tol": 1e-10, "max_iter": ITERATIONS})
        return self._solvers[id(face)]
