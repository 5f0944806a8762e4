"""Which pair to branch on: the one whose both children raise the bound most, by trial or from what was seen before.

Gains per unit of the member that is held at zero are pseudocosts (Benichou and others 1971); a member is tried out until it
has been seen RELIABLE times (Achterberg, Koch, Martin, Operations Research Letters 33, 2005).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .relaxation import Relaxed

TRIED = 4  # pairs that are compared, those broken most
RELIABLE = 1
LEAST = 1e-6  # a gain is not taken for less, so that one of 0 does not hide the other

Held = frozenset[int]


@dataclass(eq=False)
class Branching:
    """Gains by column, and how often each was seen."""

    solve: Callable[[Held], Relaxed]
    _seen: dict[int, tuple[float, int]] = field(default_factory=dict)

    def children(
        self, held: Held, bound: float, cutoff: float, point: np.ndarray, pairs: list[tuple[int, int]], broken: np.ndarray
    ) -> list[Held]:
        """The children of a node, the one of the smaller gain first; fewer where some cannot be better than `cutoff`."""
        best, chosen = -1.0, None
        for k in np.argsort(-broken, kind="stable")[:TRIED]:
            if broken[k] <= 0:
                break
            pair = pairs[k]
            gains = [self._gain(held, j, bound, cutoff, float(point[j])) for j in pair]
            kept = [held | {j} for j, gain in sorted(zip(pair, gains), key=lambda c: c[1]) if gain < np.inf]
            if len(kept) < 2:
                return kept
            score = max(gains[0], LEAST) * max(gains[1], LEAST)
            if score > best:
                best, chosen = score, kept
        return chosen

    def _gain(self, held: Held, j: int, bound: float, cutoff: float, member: float) -> float:
        """Of the bound where column j is held; inf where that leaves nothing better than the cutoff."""
        total, times = self._seen.get(j, (0.0, 0))
        if times >= RELIABLE:
            return total / times * member
        child = self.solve(held | {j})
        if child.status == "infeasible" or child.status == "optimal" and child.bound >= cutoff:
            return np.inf
        if child.status != "optimal":
            return 0.0
        gain = max(child.bound - bound, 0.0)
        self._seen[j] = total + gain / max(member, LEAST), times + 1
        return gain
