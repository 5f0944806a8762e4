"""How a problem whose follower's kinks are split into rows differs from the user's: the follower has more variables."""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np


@dataclass(frozen=True, eq=False, kw_only=True)
class Split:
    """The way there and back.

    Attributes:
        size: number of the user's lower variables, the first of the follower's.
        kinks: (x, y) -> values of the kinks, those of the other lower variables.
        curved: for each kink whether it is a norm, whose rows are curved.
        words: what was split, a sentence for each place, with its line.
    """

    size: int
    kinks: ca.Function
    curved: np.ndarray
    words: tuple[tuple[str, int], ...]

    def inside(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A point of the user with the values of its kinks."""
        found = np.nan_to_num(np.array(self.kinks(x, y), float).ravel())
        return x, np.concatenate([y, found])

    def outside(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A point of the split problem, without them."""
        return x, y[: self.size]
