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
MOST_MOVES, MOST_FAILURES = 20, 3

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
    def __init__(self, system: System, solve: Solve, over: Callable[[], bool]):
        self.system, self.solve, self.over = system, solve, over

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
        """`best`, or the end of a path over pieces of decreasing f."""
        for _ in range(MOST_MOVES):
            moved = self._better(best)
            if moved is None:
                return best
            if isinstance(moved, Failure):
                return moved
            best = moved
        return best

    def _better(self, best: Candidate) -> Candidate | Failure | None:
        wrong = self._wrong(best)
        order = np.flatnonzero(wrong > WRONG)
        order = order[np.argsort(-wrong[order])]
        if not len(order):
            return None
        tries = [order, *([order[: len(order) // 2]] if len(order) > 3 else []), *([k] for k in order[:MOST_FAILURES])]
        for flip in tries[:1] if len(order) == 1 else tries:
            if self.over():
                return None
            held = best.held.copy()
            held[flip] *= -1
            moved = self._on(best.w, held)
            if isinstance(moved, Failure) and moved.kind == "diverged":
                return moved
            if isinstance(moved, Candidate) and moved.f < best.f - GAIN * max(1.0, abs(best.f)):
                return moved
        return None

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
