"""Linear systems and linear programs in rational numbers: what is claimed by a solver in doubles, checked without rounding.

For  min c'w + c0  over  low <= w <= high, row_low <= A w <= row_high  and any numbers m of the rows, with r = c - A'm,

    c'w + c0 >= c0 + sum of m_i (row_low_i where m_i > 0, row_high_i where m_i < 0) + sum of r_j (low_j or high_j likewise)

for all w that are allowed. With c = 0 a right side above 0 says that there is none (Farkas). So m is all that a proof needs;
doubles tell which m_i are not zero, and these are found again as solutions of the equations r_j = 0.

Numbers are the shortest decimals that read back as the doubles: as they are written, up to 15 digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

Row = dict[int, Fraction]
MOST = 400  # unknowns of a system


def rational(value: float) -> Fraction:
    """The number as it is written."""
    return Fraction(repr(float(value)))


@dataclass(frozen=True)
class Program:
    """A linear program in rational numbers; None stands for a limit that there is not.

    Attributes:
        rows: coefficients by column.
        cost: by column, 0 where there is none.
    """

    rows: tuple[Row, ...]
    row_low: tuple[Fraction | None, ...]
    row_high: tuple[Fraction | None, ...]
    low: tuple[Fraction | None, ...]
    high: tuple[Fraction | None, ...]
    cost: tuple[Fraction, ...]
    constant: Fraction

    @staticmethod
    def of(cost: np.ndarray, constant: float, low, high, matrix: np.ndarray, row_low, row_high) -> Program:
        """From doubles; infinite limits are none."""
        rows = tuple({int(j): rational(v[j]) for j in np.flatnonzero(v)} for v in matrix)
        r_low, r_high, v_low, v_high = (
            tuple(rational(v) if np.isfinite(v) else None for v in part) for part in (row_low, row_high, low, high)
        )
        return Program(rows, r_low, r_high, v_low, v_high, tuple(map(rational, cost)), rational(constant))

    def bound(self, m: Row, zero: frozenset[int], cost: bool = True) -> Fraction | None:
        """The right side above, with these columns held at zero; `cost`: False for c = 0. None where a limit is missing."""
        total, left = (self.constant, dict(enumerate(self.cost))) if cost else (Fraction(0), {})
        for i, value in m.items():
            if value == 0:
                continue
            limit = self.row_low[i] if value > 0 else self.row_high[i]
            if limit is None:
                return None
            total += value * limit
            for j, a in self.rows[i].items():
                left[j] = left.get(j, 0) - value * a
        for j, r in left.items():
            if r == 0 or j in zero:
                continue
            limit = self.low[j] if r > 0 else self.high[j]
            if limit is None:
                return None
            total += r * limit
        return total

    def broken(self, w: list[Fraction]) -> str:
        """What a point breaks; empty where it is allowed."""
        for j, value in enumerate(w):
            if not _within(self.low[j], value, self.high[j]):
                return f"column {j} is {value}, outside of its bounds"
        for i, row in enumerate(self.rows):
            if not _within(self.row_low[i], sum((a * w[j] for j, a in row.items()), Fraction(0)), self.row_high[i]):
                return f"row {i} is broken"
        return ""

    def value(self, w: list[Fraction]) -> Fraction:
        return self.constant + sum((c * v for c, v in zip(self.cost, w)), Fraction(0))


def _within(low: Fraction | None, value: Fraction, high: Fraction | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)


def solved(equations: list[tuple[Row, Fraction]], guess: dict[int, Fraction]) -> dict[int, Fraction] | None:
    """The solution of sparse equations that leaves what is free at its guess; None where they contradict each other.

    Gauss and Jordan, the shortest row first, so that it stays sparse.
    """
    waiting = [(dict(row), right) for row, right in equations]
    done: list[tuple[int, Row, Fraction]] = []
    while waiting:
        k = min(range(len(waiting)), key=lambda i: len(waiting[i][0]))
        row, right = waiting.pop(k)
        if not row:
            if right != 0:
                return None
            continue
        pivot = min(row, key=lambda j: (sum(j in other for other, _ in waiting), j))
        scale = row.pop(pivot)
        row, right = {j: a / scale for j, a in row.items()}, right / scale
        done.append((pivot, row, right))
        waiting = [_without(pivot, row, right, other, its) for other, its in waiting]
    found = dict(guess)
    for pivot, row, right in reversed(done):
        found[pivot] = right - sum((a * found.get(j, Fraction(0)) for j, a in row.items()), Fraction(0))
    return found


def _without(pivot: int, row: Row, right: Fraction, other: Row, its: Fraction) -> tuple[Row, Fraction]:
    factor = other.pop(pivot, None)
    if factor is None:
        return other, its
    for j, a in row.items():
        value = other.get(j, 0) - factor * a
        if value:
            other[j] = value
        else:
            other.pop(j, None)
    return other, its - factor * right


def semidefinite(matrix: list[list[Fraction]]) -> bool:
    """Whether a symmetric matrix is positive semidefinite, by elimination."""
    M = [row[:] for row in matrix]
    n = len(M)
    for k in range(n):
        if M[k][k] < 0 or M[k][k] == 0 and any(M[k][k + 1 :]):
            return False
        if M[k][k] == 0:
            continue
        for i in range(k + 1, n):
            factor = M[i][k] / M[k][k]
            if factor:
                M[i] = [a - factor * b for a, b in zip(M[i], M[k])]
    return True
