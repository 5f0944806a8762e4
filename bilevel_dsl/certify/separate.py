"""Least squares whose matrix falls into parts: hours of a market, named followers. Each part is solved by itself."""

from __future__ import annotations

import numpy as np

LARGE = 60  # columns up to which there is nothing to gain


def least_squares(A: np.ndarray, b: np.ndarray, rcond: float) -> np.ndarray:
    """The shortest v with the least |A v - b|; singular values below `rcond` of the largest one of a part count as zero.

    Args:
        A, b: (m, n); (m,) or (m, k).
    """
    found = np.zeros((A.shape[1], *b.shape[1:]))
    for rows, columns in parts(A):
        found[columns] = np.linalg.lstsq(A[np.ix_(rows, columns)], b[rows], rcond=rcond)[0]
    return found


def parts(A: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of the diagonal blocks that a matrix has after a change of order; those of zeros are in none."""
    m, n = A.shape
    if n <= LARGE:
        return [(np.arange(m), np.arange(n))]
    rows, columns = np.nonzero(A)
    label = _labels(rows, columns, m, n)
    order = np.argsort(label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    of_row = np.full(m, -1)
    of_row[rows] = label[columns]
    by_row = np.argsort(of_row, kind="stable")
    first = np.searchsorted(of_row[by_row], np.arange(n + 1))
    return [
        (by_row[first[k] : first[k + 1]], group) for group in groups if first[(k := int(label[group[0]]))] < first[k + 1]
    ]


def _labels(rows: np.ndarray, columns: np.ndarray, m: int, n: int) -> np.ndarray:
    """For each column the first one that it hangs together with: labels spread until nothing changes."""
    label = np.arange(n)
    while True:
        of_row = np.full(m, n)
        np.minimum.at(of_row, rows, label[columns])
        found = label.copy()
        np.minimum.at(found, columns, of_row[rows])
        found = found[found]  # of the first one, too: chains close in few rounds
        if np.array_equal(found, label):
            return label
        label = found


def rank(A: np.ndarray, least: float) -> int:
    """How many singular values are above `least`."""
    return sum(int(np.linalg.matrix_rank(A[np.ix_(rows, columns)], tol=least)) for rows, columns in parts(A))


def null_space(A: np.ndarray, least: float) -> np.ndarray:
    """Orthonormal columns Z, A Z = 0 up to singular values of at most `least`."""
    n = A.shape[1]
    found, seen = [], np.zeros(n, bool)
    for rows, columns in parts(A):
        _, s, Vt = np.linalg.svd(A[np.ix_(rows, columns)])
        Z = np.zeros((n, len(columns) - int(np.sum(s > least))))
        Z[columns] = Vt[int(np.sum(s > least)) :].T
        found.append(Z)
        seen[columns] = True
    return np.hstack([*found, np.eye(n)[:, ~seen]])
