"""Points of both levels: the follower solved globally at a decision, and the leader's best near a point.

A point counts where the follower, solved globally at its x, gains no more than `GAP`, and all rows hold to `ROWS`.
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from ..follower import Follower as Local
from ..ipopt import Ipopt, Watch
from .faces import Conditions, Face
from .follower import Follower
from .rules import Rules

GAP = 1e-9  # of the follower, relative to the size of g, at least 1
ROWS = 1e-8  # by which rows may be missed, of their size
ROUNDS = 4  # of the leader's choice and the follower's answer to it
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

    def __init__(self, conditions: Conditions, faces: list[Face], rules: Rules, watch: Watch):
        self.conditions, self.levels, self.rules, self.watch = conditions, conditions.levels, rules, watch
        self.follower = Follower(conditions, faces, rules.near, watch.deadline)
        self.best: Point | None = None
        self._solvers: dict[int, Ipopt] = {}
        self.local = Local(self.levels, watch)
        c = conditions
        q = ca.SX.sym("q", rules.size)
        self._of_rules = ca.Function("of_rules", [c.x, q], [ca.horzcat(*rules.symbols(q))])
        self._values = ca.Function("values", [c.x, c.y], [c.f, c.g, ca.densify(c.h), ca.densify(c.e), ca.densify(c.c)])
        self._slopes = ca.Function("slopes", [c.v], [ca.densify(ca.jacobian(r, c.v)) for r in (c.h, c.e, c.c)])

    @property
    def upper(self) -> float:
        return np.inf if self.best is None else self.best.f

    def offer(self, x: np.ndarray, y: np.ndarray) -> bool:
        """Keep (x, y) if it is admissible and better; whether it was."""
        f, g, h, e, c = (np.array(v).ravel() for v in self._values(x, y))
        if not np.all(np.isfinite(np.concatenate([f, g, h, e, c]))):
            return False
        kinds = [np.maximum(h, 0), np.abs(e), np.where(self.levels.c_equal, np.abs(c), np.maximum(c, 0))]
        sizes = [1 + np.abs(np.array(s)).max(1, initial=0.0) for s in self._slopes(np.concatenate([x, y]))]
        fits = all(np.all(broken <= ROWS * size) for broken, size in zip(kinds, sizes))
        if not fits or f[0] >= self.upper:
            return False
        answer = self.follower(x, [y, *self._said(x, y)])
        if answer.y is None:
            return False
        self.rules.add(x, answer.y)
        if not (answer.proved and g[0] <= answer.g + GAP * max(1.0, abs(answer.g))):
            return False
        self.best = Point(float(f[0]), x.copy(), y.copy())
        return True

    def at(self, x: np.ndarray, y: np.ndarray) -> None:
        """Answers of the follower to x, from y and from what the best rule says: they become rules."""
        for start in [y, *self._said(x, y)[:1]]:
            found = self.local.answer(x, start)
            answer = self.rules.near.polished(x, found.y)
            if found.solved:
                self.rules.add(x, answer)
                self.offer(x, answer)

    def _said(self, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
        """What the best rules for (x, y) say."""
        q = self.rules.chosen(*[np.concatenate([x, y])[:, None]] * 3)[:, 0]
        answers = np.clip(np.array(self._of_rules(x, q)).T, self.levels.y_low, self.levels.y_high)
        return list(answers)

    def globally(self, x: np.ndarray, y: np.ndarray) -> None:
        """The follower's global answer to x, which becomes a rule."""
        answer = self.follower(x, [y])
        if answer.y is not None:
            self.rules.add(x, answer.y)
            self.offer(x, answer.y)

    def descend(self, face: Face, low: np.ndarray, high: np.ndarray, v: np.ndarray) -> None:
        """From v on the face, with rules of the follower as rows, as long as it finds better ones."""
        nx = self.levels.nx
        self.at(*np.split(v, [nx]))
        for _ in range(ROUNDS):
            if self.watch.over:
                return
            q = self.rules.chosen(v[:, None], v[:, None], v[:, None])[:, 0]
            found = self._solver(face)(v, face.low, face.high, *self._row_limits(face), p=q)
            v = np.clip(found.w, face.low, face.high)
            if found.kind in ("not_finite", "diverged") or self.offer(*np.split(v, [nx])):
                return
            count = len(self.rules.a)
            self.at(*np.split(v, [nx]))
            if len(self.rules.a) == count:
                return

    def _row_limits(self, face: Face):
        extra = np.zeros(2)
        return np.concatenate([face.row_low, extra - np.inf]), np.concatenate([face.row_high, extra])

    def _solver(self, face: Face) -> Ipopt:
        if id(face) not in self._solvers:
            c, q = self.conditions, ca.SX.sym("q", self.rules.size)
            worse = [c.g - self.levels.expressions(c.x, answer)[1] for answer in self.rules.symbols(q)]
            nlp = {"x": c.v, "p": q, "f": c.f, "g": ca.densify(ca.vertcat(face.rows, *worse))}
            self._solvers[id(face)] = Ipopt(nlp, self.watch, {"tol": 1e-10, "max_iter": ITERATIONS})
        return self._solvers[id(face)]
