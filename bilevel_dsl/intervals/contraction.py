"""Boxes made smaller by rows that must hold in them, from enclosures of slopes.

For any point v of a box, any row and the centre c,   row(v) = row(c) + sum_i s_i (v_i - c_i),   s_i in the enclosure of the
slope. Where the slope along v_j keeps its sign, this is solved for v_j: a step of the interval Gauss-Seidel method
(Kearfott 1996).
"""

from __future__ import annotations

import numpy as np

from .arithmetic import add, inverse, meet, mul, sub
from .walk import Enclosure


def contracted(
    found: list[Enclosure],
    at: list[Enclosure],
    centres: np.ndarray,
    lows: np.ndarray,
    highs: np.ndarray,
    row_low: np.ndarray,
    row_high: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The smaller boxes (n, B), and in which of them a row cannot hold.

    Args:
        found, at: of the rows, over the boxes and at the centres; where the status is not 0 a row says nothing.
        row_low, row_high: limits (m, B).
    """
    n = len(lows)
    lows, highs = lows.copy(), highs.copy()
    gone = np.zeros(lows.shape[1], bool)
    for row, here, least, most in zip(found, at, row_low, row_high):
        known = (row.status == 0) & (here.status == 0) & (np.isfinite(least) | np.isfinite(most))
        if not known.any():
            continue
        steps = sub(np.stack([lows, highs], 1), np.stack([centres, centres], 1))  # (n, 2, B)
        terms = mul(row.gradient, steps)
        goal = np.stack([least, most])
        for j in range(n):
            rest = here.value
            for i in range(n):
                rest = rest if i == j else add(rest, terms[i])
            slope = row.gradient[j]
            use = known & ((slope[0] > 0) | (slope[1] < 0)) & np.isfinite(rest).all(0) & (lows[j] < highs[j])
            if not use.any():
                continue
            ends = add(np.stack([centres[j], centres[j]]), mul(sub(goal, rest), inverse(slope)))
            ends = np.where(use, ends, np.stack([lows[j], highs[j]]))
            ends = np.where(np.isnan(ends), np.stack([lows[j], highs[j]]), ends)
            both = meet(np.stack([lows[j], highs[j]]), ends)
            empty = both[0] > both[1]
            gone |= empty
            lows[j], highs[j] = np.where(empty, lows[j], both[0]), np.where(empty, highs[j], both[1])
    return lows, highs, gone


def preconditioned(
    found: list[Enclosure], at: list[Enclosure], matrix: np.ndarray
) -> tuple[list[Enclosure], list[Enclosure]]:
    """Combinations of rows: `matrix` (B, k, m) times them, without curvature."""
    made = []
    for rows in (found, at):
        status = np.max([r.status for r in rows], axis=0)
        own = []
        for k in range(matrix.shape[1]):
            value = gradient = None
            for i, row in enumerate(rows):
                factor = np.stack([matrix[:, k, i]] * 2)
                v, g = mul(factor, row.value), mul(factor, row.gradient)
                value, gradient = (v, g) if value is None else (add(value, v), add(gradient, g))
            own.append(Enclosure(value, gradient, None, status))
        made.append(own)
    return made[0], made[1]
