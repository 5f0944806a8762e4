"""How a problem whose kinks are split into rows differs from the user's: each level has more variables."""

from __future__ import annotations

from dataclasses import dataclass, field

import casadi as ca
import numpy as np


@dataclass(frozen=True, eq=False, kw_only=True)
class Split:
    """The way there and back.

    Attributes:
        size: number of the user's lower variables, the first of the follower's.
        kinks: (x, y) -> values of the kinks, those of the other lower variables; None where there are none.
        curved: for each kink whether it is a norm, whose rows are curved.
        words: what was split, a sentence for each place, with its line.
        upper_size, upper_kinks: the same of the leader; (x, y) with the lower variables of the split problem.
    """

    size: int
    kinks: ca.Function | None = None
    curved: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    words: tuple[tuple[str, int], ...] = ()
    upper_size: int | None = None
    upper_kinks: ca.Function | None = None

    def inside(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A point of the user with the values of its kinks."""
        y = y if self.kinks is None else np.concatenate([y, _values(self.kinks, x, y)])
        return x if self.upper_kinks is None else np.concatenate([x, _values(self.upper_kinks, x, y)]), y

    def outside(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A point of the split problem, without them."""
        return x[: self.upper_size], y[: self.size]


def _values(kinks: ca.Function, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.array(kinks(x, y), float).ravel())
