"""What to branch on: the choice whose both children raise the bound most, by trial or from what was seen before.

A choice is between two ways to go on: one member of a pair at zero or the other, a whole number up to one value or from the
next one on. Gains per unit by which a child moves its column are pseudocosts (Benichou and others 1971); a way is tried out
until it has been seen RELIABLE times (Achterberg, Koch, Martin, Operations Research Letters 33, 2005).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .relaxation import Held, Limit, Relaxed

TRIED = 4  # choices that are compared, those broken most
RELIABLE = 1
LEAST = 1e-6  # a gain is not taken for less, so that one of 0 does not hide the other


@dataclass(frozen=True)
class Choice:
    """Two ways, and by how much each moves its column from where it is."""

    ways: tuple[int | Limit, int | Limit]
    moves: tuple[float, float]

    @property
    def broken(self) -> float:
        """By how much the point is off both ways."""
        return min(self.moves)


def of_pair(pair: tuple[int, int], point: np.ndarray) -> Choice:
    """Either member at zero."""
    return Choice(pair, (float(point[pair[0]]), float(point[pair[1]])))


def of_whole(column: int, value: float) -> Choice:
    """Up to the whole number below, or from the next one on."""
    below = float(np.floor(value))
    return Choice((Limit(column, high=below), Limit(column, low=below + 1)), (value - below, below + 1 - value))


@dataclass(eq=False)
class Branching:
    """Gains by way, and how often each was seen."""

    solve: Callable[[Held], Relaxed]
    _seen: dict[tuple[int, bool], tuple[float, int]] = field(default_factory=dict)

    def children(self, held: Held, bound: float, cutoff: float, choices: list[Choice]) -> list[Held]:
        """The children of a node, the one of the smaller gain first; fewer where some cannot be better than `cutoff`."""
        best, chosen = -1.0, None
        for choice in sorted(choices, key=lambda c: -c.broken)[:TRIED]:
            gains = [self._gain(held, way, bound, cutoff, move) for way, move in zip(choice.ways, choice.moves)]
            order = sorted(zip(gains, (0, 1)))
            kept = [held | {choice.ways[k]} for gain, k in order if gain < np.inf]
            if len(kept) < 2:
                return kept
            score = max(gains[0], LEAST) * max(gains[1], LEAST)
            if score > best:
                best, chosen = score, kept
        return chosen or []

    def _gain(self, held: Held, way: int | Limit, bound: float, cutoff: float, move: float) -> float:
        """Of the bound on this way; inf where that leaves nothing better than the cutoff."""
        key = (way.column, np.isfinite(way.low)) if isinstance(way, Limit) else (way, False)
        total, times = self._seen.get(key, (0.0, 0))
        if times >= RELIABLE:
            return total / times * move
        child = self.solve(held | {way})
        if child.status == "infeasible" or child.status == "optimal" and child.bound >= cutoff:
            return np.inf
        if child.status != "optimal":
            return 0.0
        gain = max(child.bound - bound, 0.0)
        self._seen[key] = total + gain / max(move, LEAST), times + 1
        return gain
