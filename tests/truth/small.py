"""Strictly convex quadratic programs in a few variables, exactly, by enumeration of the active rows."""

from __future__ import annotations

from itertools import combinations

import numpy as np

CLOSE = 1e-9


def least(P: np.ndarray, p: np.ndarray, C: np.ndarray, d: np.ndarray, M: np.ndarray | None = None, k: np.ndarray | None = None
          ) -> tuple[float, np.ndarray] | None:
    """The value and the point of min v'Pv/2 + p'v with C v <= d and M v == k; None where nothing is feasible."""
    n = len(p)
    M, k = (np.zeros((0, n)), np.zeros(0)) if M is None else (M, k)
    sizes = np.linalg.norm(C, axis=1)
    empty = sizes < 1e-12
    if (d[empty] < -CLOSE).any():
        return None
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
        known = np.concatenate([np.broadcast_to(-p, (len(active), n)), right], axis=1)
        found = np.linalg.solve(system, known[:, :, None])[:, :, 0]
        points, multipliers = found[:, :n], found[:, n + len(M):]
        good = (points @ C.T <= d + room).all(axis=1) & (multipliers >= -CLOSE * (1 + np.abs(p).max())).all(axis=1)
        if good.any():
            v = points[np.argmax(good)]
            return float(v @ P @ v / 2 + p @ v), v
    return None
