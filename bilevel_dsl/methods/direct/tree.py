"""Branch and bound on complementarity pairs, without constants that bound multipliers (Bard, Moore 1990)."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from time import perf_counter

import numpy as np

TOLERANCE = 1e-9  # of the smaller member of a pair that counts as zero
GAP = 1e-9  # of the size of the value

Solve = Callable[[frozenset[int]], tuple[str, float, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Searched:
    """How the search ended: "converged", "infeasible", "diverged", "time_limit" or "stalled"; None: no point was found."""

    status: str
    value: float
    bound: float
    w: np.ndarray | None
    nodes: int


def search(
    solve: Solve,
    pairs: list[tuple[int, int]],
    deadline: float = np.inf,
    most: float = np.inf,
    stop: Callable[[int], bool] | None = None,
) -> Searched:
    """The least value over points where one member of each pair is zero; best bound first.

    Args:
        solve: the relaxation with columns held at zero, see `relaxation.py`. Members of pairs are nonnegative.
        most: nodes.
        stop: called with the number of nodes; True ends the search with "interrupted".
    """
    order, nodes, doubtful = count(), 0, np.inf
    best, w = np.inf, None
    heap = [(-np.inf, next(order), frozenset())]
    while heap and heap[0][0] < best - GAP * max(1.0, abs(best) if w is not None else 1.0):
        left = min(best, doubtful, heap[0][0])
        if perf_counter() > deadline or nodes >= most:
            return Searched("time_limit" if nodes < most else "iteration_limit", best, left, w, nodes)
        if stop is not None and stop(nodes):
            return Searched("interrupted", best, left, w, nodes)
        above, _, held = heapq.heappop(heap)
        status, value, point = solve(held)
        nodes += 1
        free = [pair for pair in pairs if not held & set(pair)]
        if status == "infeasible":
            continue
        if status == "optimal":
            products = [min(point[i], point[j]) for i, j in free]
            if max(products, default=0.0) <= TOLERANCE:
                if value < best:
                    best, w = value, point
                continue
            pair, value = free[int(np.argmax(products))], max(value, above)
        elif free:
            pair, value = free[0], above
        elif status == "unbounded":
            return Searched("diverged", -np.inf, -np.inf, w, nodes)
        else:
            doubtful = min(doubtful, above)
            continue
        for j in pair:
            heapq.heappush(heap, (value, next(order), held | {j}))
    if doubtful < best:
        return Searched("stalled", best, doubtful, w, nodes)
    bound = min(best, heap[0][0]) if heap else best
    return Searched("infeasible" if w is None else "converged", best, bound, w, nodes)
