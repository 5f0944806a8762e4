"""How the numbers of a scaled problem differ from the user's.

    the user's number = factor * the scaled one

A factor is the size of what it belongs to, any positive number; see `reductions/sizes.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np


@dataclass(frozen=True, eq=False, kw_only=True)
class Scaling:
    """Factors of the entries of x and y, of both objectives, and of the rows of both levels as they are written."""

    x: np.ndarray
    y: np.ndarray
    f: float
    g: float
    upper_rows: np.ndarray
    lower_rows: np.ndarray

    @property
    def nothing(self) -> bool:
        """Whether every factor is 1."""
        columns = (self.x, self.y, self.upper_rows, self.lower_rows)
        return self.f == self.g == 1 and all(np.all(v == 1) for v in columns)

    def inside(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A point of the user in scaled numbers."""
        return divided(x, self.x), divided(y, self.y)

    def outside(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A scaled point in the user's numbers."""
        return multiplied(x, self.x), multiplied(y, self.y)

    def of_measures(self, measures: dict) -> dict:
        """Measures, or columns of a trace, with objectives in the user's numbers; the others stay as they are."""
        factors = {"upper": self.f, "bound": self.f, "lower": self.g}
        return {name: multiplied(v, factors[name]) if name in factors else v for name, v in measures.items()}


def multiplied(v, factors):
    """v * factors, entry by entry; of numbers or CasADi expressions."""
    factors = np.asarray(factors, float)
    symbolic = isinstance(v, (ca.MX, ca.SX))
    if np.any(factors != 1):
        v = v * (_constant(factors) if symbolic else factors)
    return v if symbolic or np.ndim(v) else float(v)


def divided(v, factors):
    """v / factors, entry by entry; of numbers or CasADi expressions."""
    factors = np.asarray(factors, float)
    symbolic = isinstance(v, (ca.MX, ca.SX))
    if np.any(factors != 1):
        v = v / (_constant(factors) if symbolic else factors)
    return v if symbolic or np.ndim(v) else float(v)


def _constant(values: np.ndarray) -> float | ca.DM:
    return float(values.flat[0]) if np.all(values == values.flat[0]) else ca.DM(values)
