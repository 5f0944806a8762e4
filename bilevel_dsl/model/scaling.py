"""How the numbers of a scaled problem differ from the user's.

    the user's number = factor * the scaled one

Factors are powers of a thousand. One below 1 is kept as its inverse, a whole number, so that a value is multiplied or
divided by a number that a double holds exactly, and rounded once at most.
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
    return _moved(v, *_parts(factors))


def divided(v, factors):
    """v / factors, entry by entry; of numbers or CasADi expressions."""
    over, under = _parts(factors)
    return _moved(v, under, over)


def _parts(factors) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers whose quotient the factors are."""
    factors = np.asarray(factors, float)
    large = factors >= 1
    return np.where(large, factors, 1.0), np.where(large, 1.0, np.round(1 / factors))


def _moved(v, over: np.ndarray, under: np.ndarray):
    symbolic = isinstance(v, (ca.MX, ca.SX))
    if np.any(over != 1):
        v = v * (_constant(over) if symbolic else over)
    if np.any(under != 1):
        v = v / (_constant(under) if symbolic else under)
    return v if symbolic or np.ndim(v) else float(v)


def _constant(values: np.ndarray) -> float | ca.DM:
    return float(values.flat[0]) if np.all(values == values.flat[0]) else ca.DM(values)
