"""Answers of the follower as rules: what it may do all over a box, and how well off it is with that.

An answer y_j that is known at x_j goes along with the leader, to first order, as

    y_j(x) = a_j + S_j x,      S_j = dy/dx on its active rows, a little inside of them where they depend on x.

Wherever that is admissible, g(x, y) <= g(x, y_j(x)) at every answer y of the follower: the cut of Mitsos with a rule in the
place of a point, which is second-order accurate near x_j.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

from ....intervals.cutting import middle
from .active import Near
from .faces import Conditions

TOGETHER = 2  # rules for one box: the best one away from it, and the best one of all
MOST = 240  # that are kept
INSIDE = 10.0 ** -np.arange(1, 12, 2)  # how far inside of active rows, in units of a unit step
ROUNDING = 1e-13  # by which rows must hold to be told from those that rounding leaves open
PAIRS = 60_000  # of rules and boxes at once


class Rules:
    """The rules known so far."""

    def __init__(self, conditions: Conditions):
        self.conditions, self.levels = conditions, conditions.levels
        levels, c = self.levels, conditions
        self.nx, self.ny = levels.nx, levels.ny
        self.a, self.s = np.zeros((0, self.ny)), np.zeros((0, self.ny, self.nx))
        self.near = Near(conditions)
        self._keep(middle(levels.y_low[:, None], levels.y_high[:, None])[:, 0], np.zeros((self.ny, self.nx)))
        own = [a for a in range(levels.n_h) if c.in_h[a].any()]
        self._seen = ca.Function("seen", [c.x, c.y], [ca.vertcat(c.g, c.h[own])])

    @property
    def size(self) -> int:
        """Of the numbers that describe the rules of one box."""
        return TOGETHER * self.ny * (1 + self.nx)

    def symbols(self, q: ca.SX) -> list[ca.SX]:
        """The rules as functions of x, of their numbers q."""
        found, ny, nx = [], self.ny, self.nx
        for k in range(TOGETHER):
            own = q[k * ny * (1 + nx) : (k + 1) * ny * (1 + nx)]
            found.append(own[:ny] + ca.mtimes(ca.reshape(own[ny:], ny, nx), self.conditions.x))
        return found

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """An answer y to x, as a constant and as what follows the leader."""
        still = np.zeros((self.ny, self.nx))
        self._keep(y, still)
        near = self.near.moves(x, y)
        if near is None:
            return
        moves, inward = near
        if np.any(moves):
            self._keep(y - moves @ x, moves)
        for inside in INSIDE if np.any(inward) else ():
            self._keep(y + inside * inward - moves @ x, moves)
            if np.any(moves):
                self._keep(y + inside * inward, still)

    def _keep(self, a: np.ndarray, s: np.ndarray) -> None:
        if len(self.a) and np.any(np.all(np.abs(self.a - a) < 1e-12, 1) & np.all(np.abs(self.s - s) < 1e-12, (1, 2))):
            return
        self.a, self.s = np.concatenate([self.a, a[None]])[-MOST:], np.concatenate([self.s, s[None]])[-MOST:]

    def at(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the rules for a point, and which of the rules are admissible there."""
        q, known = self._best(*[v[:, None]] * 3)
        return q[:, 0], known[:, 0]

    def chosen(self, centres: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
        """The numbers (size, B) of the rules for boxes (n, B): of those that seem admissible, the best for the follower."""
        return self._best(centres, lows, highs)[0]

    def _best(self, centres, lows, highs):
        count, boxes = len(self.a), centres.shape[1]
        value, answers = np.empty((count, boxes)), np.empty((count, self.ny, boxes))
        step = max(1, PAIRS // max(count, 1))
        for k in range(0, boxes, step):
            part = slice(k, k + step)
            value[:, part], answers[:, :, part] = self._values(centres[:, part], lows[:, part], highs[:, part])
        away = np.any((answers < lows[self.nx :]) | (answers > highs[self.nx :]), 1)
        first = np.argmin(np.where(away, value, np.inf), 0)
        first = np.where(np.any(away & np.isfinite(value), 0), first, np.argmin(value, 0))
        known = [np.isfinite(value[first, np.arange(boxes)])]
        value[first, np.arange(boxes)] = np.inf
        second = np.argmin(value, 0)
        known.append(np.isfinite(value[second, np.arange(boxes)]))
        numbers = np.concatenate([self.a, self.s.transpose(0, 2, 1).reshape(count, -1)], 1)
        return np.concatenate([numbers[first], numbers[second]], 1).T, np.array(known)

    def _values(self, centres, lows, highs):
        """g of each rule at the centres, inf where it leaves the follower's set at the centre or a corner in x."""
        nx, boxes = self.nx, centres.shape[1]
        x = centres[:nx]
        answers = self._answers(x)
        seen = self._at(x, answers)
        reach = 0.5 * np.abs(self.s) @ np.where(np.isfinite(highs[:nx] - lows[:nx]), highs[:nx] - lows[:nx], 0.0)
        low, high = self.levels.y_low[:, None], self.levels.y_high[:, None]
        slack = 1e-15 * (1 + np.abs(answers))
        bad = np.any((answers - reach < low - slack) | (answers + reach > high + slack), 1)
        if len(seen) > 1:
            margin = ROUNDING * (1 + np.abs(answers).max(1) + np.abs(x).max(0, initial=0.0))
            bad |= np.any(seen[1:] > -margin, 0)
            for corner in range(2 ** min(nx, 3)):
                ends = np.array([(highs if corner >> min(i, 2) & 1 else lows)[i] for i in range(nx)]).reshape(nx, boxes)
                ends = np.where(np.isfinite(ends), ends, x)
                bad |= np.any(self._at(ends, self._answers(ends))[1:] > -margin, 0)
        return np.where(bad | np.isnan(seen[0]), np.inf, seen[0]), answers

    def _answers(self, x: np.ndarray) -> np.ndarray:
        return self.a[:, :, None] + self.s @ x

    def _at(self, x: np.ndarray, answers: np.ndarray) -> np.ndarray:
        count, _, boxes = answers.shape
        there = np.broadcast_to(x, (count, self.nx, boxes)).transpose(1, 0, 2).reshape(self.nx, count * boxes)
        flat = answers.transpose(1, 0, 2).reshape(self.ny, count * boxes)
        return np.array(self._seen(ca.DM(there), ca.DM(flat))).reshape(self._seen.numel_out(0), count, boxes)
