"""Pieces of the complementarity program: of every pair one member is zero, which leaves an ordinary smooth program.

A stationary point of the relaxations is made exact on its piece. Where both members of a pair are zero, two pieces meet; the
multipliers of the member that is held say whether the leader gains on the other one (Scheel and Scholtes, Math. Oper. Res.
25, 2000; Giallombardo and Ralph, Math. Program. 112, 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .ipopt import Found
from .system import System

BOTH = 1e-6  # members of a pair below which both count as zero
WRONG = 1e-6  # multipliers of the wrong sign beyond which the other piece is tried
ADMISSIBLE = 1e-7  # violation of the rows of what counts as a point
GAIN = 1e-9  # of f, relative, by which another piece must be better
MOST_FAILURES = 4  # in a row, of pairs changed alone

Solve = Callable[[np.ndarray, np.ndarray, np.ndarray], Found]  # w and bounds of a piece -> its minimiser


@dataclass(frozen=True, eq=False)
class Candidate:
    """An exact point: f (scaled, to be minimised), the piece it is on, and its IPOPT solution."""

    w: np.ndarray
    f: float
    held: np.ndarray  # for each pair -1: the multiplier is zero, 1: the slack is
    found: Found


@dataclass(frozen=True, eq=False)
class Failure:
    """No point. kind: that of `ipopt.Found`; "diverged" only where f fell without end."""

    kind: str


class Pieces:
    def __init__(self, system: System, solve: Solve, over: Callable[[], bool], moves: int):
        """moves: to neighbouring pieces at most, from one point."""
        self.system, self.solve, self.over, self.moves = system, solve, over, moves

    def refined(self, w: np.ndarray) -> Candidate | Failure:
        """The local minimiser of the piece nearest to w, then of neighbouring ones while the leader gains."""
        a, b = self.system.pairs(w)
        best = self._on(w, np.where(b < a, -1, 1))
        if isinstance(best, Failure):
            if self.over() or best.kind == "diverged":
                return best
            close = np.maximum(a, b) < 1e-2  # which of the two is zero may have been a mistake
            other = self._on(w, np.where((b < a) & ~close, -1, 1))
            best = other if isinstance(other, Candidate) else best
        return self.descended(best) if isinstance(best, Candidate) else best

    def descended(self, best: Candidate) -> Candidate | Failure:
        """`best`, or the end of a path over neighbouring pieces of decreasing f.

        Several pairs change sides at once while that works, else fewer, at last each of the most promising ones alone.
        """
        many, failures = self.system.n_pairs, 0
        for _ in range(self.moves):
            wrong = self._wrong(best)
            order = np.flatnonzero(wrong > WRONG * max(1.0, 1e-3 * abs(best.f)))
            order = order[np.argsort(-wrong[order])]
            many = min(many, len(order))
            if many > 1:
                flip = order[:many]
            else:
                flip = order[failures : failures + 1]
            if not len(flip) or failures > MOST_FAILURES or self.over():
                break
            held = best.held.copy()
            held[flip] *= -1
            moved = self._on(best.w, held)
            if isinstance(moved, Failure) and moved.kind == "diverged":
                return moved
            if isinstance(moved, Candidate) and moved.f < best.f - GAIN * max(1.0, abs(best.f)):
                best, many, failures = moved, 2 * max(many, 1), 0
            else:
                many, failures = (many // 4, 0) if many > 1 else (1, failures + 1)
        return best

    def _wrong(self, best: Candidate) -> np.ndarray:
        """For each pair with both members zero, by how much f falls per unit of the held one; else 0."""
        system, lam = self.system, best.found.lam_w
        a, b = system.pairs(best.w)
        _, y, s, mu, z_low, z_high, _ = np.split(lam, system.ends[1:-1])
        by_a = np.concatenate([s, y[system.at_low], -y[system.at_high]])
        by_b = np.concatenate([mu, z_low, z_high])
        by_held = np.where(best.held > 0, by_a, by_b)
        return np.where(system.paired & (np.maximum(a, b) < BOTH), by_held, 0.0)

    def _on(self, w: np.ndarray, held: np.ndarray) -> Candidate | Failure:
        system = self.system
        low, high = system.limits(held)
        found = self.solve(np.clip(w, low, high), low, high)
        w = np.clip(found.w, low, high)
        f, rows = system.values(w)
        if found.kind == "diverged":
            return Failure("diverged" if f < -1e8 else "stalled")
        if np.isfinite(f) and system.violation(rows) <= ADMISSIBLE and (found.solved or not self.over()):
            return Candidate(w, f, held, found)
        return Failure("stalled" if found.solved else found.kind)
