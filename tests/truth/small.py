"""Quadratic programs in a few variables, convex or not, exactly, by enumeration of the active rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

CLOSE = 1e-9


def least(
    P: np.ndarray, p: np.ndarray, C: np.ndarray, d: np.ndarray, M: np.ndarray | None = None, k: np.ndarray | None = None
) -> tuple[float, np.ndarray] | None:
    """The value and the point of min v'Pv/2 + p'v with C v <= d and M v == k; None where nothing is feasible.

    P is positive definite on M v == 0: the first feasible point with valid multipliers is the minimum.
    """
    for points, multipliers in _stationary(P, p, C, d, M, k):
        good = (multipliers >= -CLOSE * (1 + np.abs(p).max())).all(axis=1)
        if good.any():
            v = points[np.argmax(good)]
            return float(v @ P @ v / 2 + p @ v), v
    return None


def lowest(
    P: np.ndarray, p: np.ndarray, C: np.ndarray, d: np.ndarray, M: np.ndarray | None = None, k: np.ndarray | None = None
) -> tuple[float, np.ndarray] | None:
    """The same for any P: the lowest of all stationary points, corners among them."""
    best = None
    for points, _ in _stationary(P, p, C, d, M, k):
        values = np.einsum("ki,ij,kj->k", points, P, points) / 2 + points @ p
        if len(values) and (best is None or values.min() < best[0]):
            best = float(values.min()), points[np.argmin(values)]
    return best


def _stationary(
    P: np.ndarray, p: np.ndarray, C: np.ndarray, d: np.ndarray, M: np.ndarray | None, k: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Feasible points that are stationary where some rows of C are active, and these rows' multipliers; few first."""
    n = len(p)
    M, k = (np.zeros((0, n)), np.zeros(0)) if M is None else (M, k)
    sizes = np.linalg.norm(C, axis=1)
    empty = sizes < 1e-12
    if (d[empty] < -CLOSE).any():
        return
    C, d = C[~empty] / sizes[~empty, None], d[~empty] / sizes[~empty]
    room = CLOSE * (1 + np.abs(d))
    for size in range(n - len(M) + 1):
        sets = list(combinations(range(len(d)), size))
        chosen = np.array(sets, int).reshape(len(sets), size)
        active = np.concatenate([np.broadcast_to(M, (len(chosen), *M.shape)), C[chosen]], axis=1)
        right = np.concatenate([np.broadcast_to(k, (len(chosen), len(k))), d[chosen]], axis=1)
        count = active.shape[1]
        if count:
            units = active / np.linalg.norm(active, axis=2, keepdims=True)
            independent = np.linalg.det(units @ units.transpose(0, 2, 1)) > 1e-10
            active, right = active[independent], right[independent]
        system = np.zeros((len(active), n + count, n + count))
        system[:, :n, :n], system[:, :n, n:], system[:, n:, :n] = P, active.transpose(0, 2, 1), active
        regular = np.abs(np.linalg.det(system)) > 1e-12
        system, right = system[regular], right[regular]
        known = np.concatenate([np.broadcast_to(-p, (len(right), n)), right], axis=1)
        found = np.linalg.solve(system, known[:, :, None])[:, :, 0]
        points, multipliers = found[:, :n], found[:, n + len(M) :]
        inside = (points @ C.T <= d + room).all(axis=1)
        yield points[inside], multipliers[inside]
