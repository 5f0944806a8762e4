"""Least squares with signs: min |A v - b| over v >= 0 in the entries that are signed.

Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23, with free variables always in the passive set.
"""

from __future__ import annotations

import numpy as np

from .separate import parts


def nonnegative(
    A: np.ndarray, b: np.ndarray, signed: np.ndarray, guess: np.ndarray | None = None, tolerance: float = 1e-12
) -> np.ndarray:
    """v of A.shape[1]; entries where `signed` are >= 0. Of several solutions one with few positive entries.

    `guess`: where to begin; its positive entries save as many rounds.
    """
    v = np.zeros(A.shape[1])
    for rows, columns in parts(A) if v.size else ():
        begin = None if guess is None else guess[columns]
        v[columns] = _of_part(A[np.ix_(rows, columns)], b[rows], signed[columns], begin, tolerance)
    return v


def _of_part(A: np.ndarray, b: np.ndarray, signed: np.ndarray, guess: np.ndarray | None, tolerance: float) -> np.ndarray:
    n = A.shape[1]
    v = np.zeros(n) if guess is None else np.where(signed, np.maximum(guess, 0.0), guess)
    passive = ~signed | (v > 0)
    if passive.any():
        v, passive = _descend(A, b, signed, v, passive)
    scale = tolerance * (1 + np.linalg.norm(A, axis=0)) * max(1.0, float(np.linalg.norm(b)))
    for _ in range(3 * n + 10):
        slope = A.T @ (b - A @ v)
        candidates = np.where(passive | ~signed, -np.inf, slope - scale)
        k = int(np.argmax(candidates))
        if candidates[k] <= 0:
            break
        passive[k] = True
        v, passive = _descend(A, b, signed, v, passive)
        if not passive[k]:  # rounding: it would come and go
            scale[k] = np.inf
    return v


def _descend(
    A: np.ndarray, b: np.ndarray, signed: np.ndarray, v: np.ndarray, passive: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The inner loop: towards the least-squares solution in the passive entries, dropping those that would turn."""
    while True:
        trial = np.zeros(v.size)
        trial[passive] = np.linalg.lstsq(A[:, passive], b, rcond=1e-12)[0]
        wrong = passive & signed & (trial <= 0)
        if not wrong.any():
            return trial, passive
        with np.errstate(over="ignore"):  # of entries that are not wrong
            steps = np.where(wrong, v / np.maximum(v - trial, 1e-300), np.inf)
        step = min(1.0, float(np.min(steps)))
        v = v + step * (trial - v)
        passive = passive & ~(wrong & (steps <= step))
        v[~passive] = 0.0
