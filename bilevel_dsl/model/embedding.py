"""How points of a problem with fewer variables lie among the user's: some entries of x and y are functions of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import casadi as ca
import numpy as np


@dataclass(frozen=True, eq=False, kw_only=True)
class Embedding:
    """The way there and back.

    Attributes:
        x, y: places of the entries that are left, rising, in the user's x and y.
        whole: (x', y', *p) -> (x, y), columns: all entries from those that are left and the data.
        data: places in p of the parameters that `whole` depends on.
        words: what was taken out, a sentence for each place, with its line.
    """

    x: np.ndarray
    y: np.ndarray
    whole: ca.Function
    data: frozenset[int]
    words: tuple[tuple[str, int], ...]

    def inside(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is left of a point of the user."""
        return x[self.x], y[self.y]

    def outside(self, x: np.ndarray, y: np.ndarray, data: Sequence[ca.DM]) -> tuple[np.ndarray, np.ndarray]:
        """The user's point; data: of the parameters, in their CasADi shapes."""
        return tuple(np.array(v, float).ravel() for v in self.whole.call([ca.DM(x), ca.DM(y), *data]))

    def after(self, other: Embedding) -> Embedding:
        """Both: this one is of a problem that came out of `other`."""
        x, y, *p = (self.whole.mx_in(k) for k in range(self.whole.n_in()))
        whole = other.whole.call([*self.whole.call([x, y, *p], True, False), *p], True, False)
        return Embedding(
            x=other.x[self.x],
            y=other.y[self.y],
            whole=ca.Function("whole", [x, y, *p], [ca.densify(v) for v in whole]),
            data=self.data | other.data,
            words=(*other.words, *self.words),
        )
