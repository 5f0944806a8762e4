"""User equilibria of road networks, apart from bilevel_dsl: flows of paths move to the quickest one (gradient projection).

Jayakrishnan, Tsai, Prashker, Rajadhyaksha, Transportation Research Record 1443, 1994.
"""

from __future__ import annotations

import csv
import heapq
from collections import defaultdict
from pathlib import Path

import numpy as np


def column(file: Path, name: str) -> np.ndarray:
    with file.open(encoding="utf-8") as lines:
        return np.array([float(row[name]) for row in csv.DictReader(lines)])


class Network:
    """Links with the time empty + delay (v / capacity)^4; times and flows in any units.

    Args:
        trips: (origin, destination) -> flow.
    """

    def __init__(self, tail, head, empty, delay, trips: dict[tuple[int, int], float]):
        self.tail, self.head = np.asarray(tail, int), np.asarray(head, int)
        self.empty, self.delay = np.asarray(empty), np.asarray(delay)
        self.trips = {w: q for w, q in trips.items() if q > 0}
        self.leaving = defaultdict(list)
        for k, i in enumerate(self.tail.tolist()):
            self.leaving[i].append(k)

    def times(self, v: np.ndarray, capacity: np.ndarray) -> np.ndarray:
        return self.empty + self.delay * (v / capacity) ** 4

    def flows(self, capacity: np.ndarray, toll: np.ndarray | float = 0.0, gap: float = 1e-9, most: int = 2000) -> np.ndarray:
        """Flows on the links at the equilibrium of times and tolls, to a relative gap."""
        v, paths = np.zeros(len(self.tail)), {w: {} for w in self.trips}
        for _ in range(most):
            spent, least = 0.0, 0.0
            for origin in sorted({o for o, _ in self.trips}):
                cost = self.times(v, capacity) + toll
                ways = self._quickest(origin, cost)
                for w, q in self.trips.items():
                    if w[0] == origin:
                        best = ways(w[1])
                        spent += sum(f * cost[list(p)].sum() for p, f in paths[w].items())
                        least += q * cost[list(best)].sum()
                        self._move(paths[w], best, q, v, capacity, toll)
            if spent - least < gap * least and spent:
                return v
        raise AssertionError(f"no equilibrium: gap {(spent - least) / least:.1e}")

    def _move(self, used: dict, best: tuple, q: float, v: np.ndarray, capacity: np.ndarray, toll) -> None:
        """Newton steps of flow from slower paths to the quickest one."""
        if not used:
            used[best] = q
            v[list(best)] += q
            return
        used.setdefault(best, 0.0)
        for path in [p for p in used if p != best]:
            apart = sorted(set(path) ^ set(best))
            cost = self.times(v, capacity) + toll
            slope = (4 * self.delay * v**3 / capacity**4)[apart].sum()
            step = (cost[list(path)].sum() - cost[list(best)].sum()) / max(slope, 1e-12)
            step = float(np.clip(step, -used[best], used[path]))
            used[path] -= step
            used[best] += step
            v[list(path)] -= step
            v[list(best)] += step
            if used[path] <= 0:
                del used[path]

    def _quickest(self, origin: int, cost: np.ndarray):
        """Dijkstra; a function: destination -> links of the quickest way."""
        far, by, queue = {origin: 0.0}, {}, [(0.0, origin)]
        while queue:
            d, i = heapq.heappop(queue)
            if d > far[i]:
                continue
            for k in self.leaving[i]:
                j = int(self.head[k])
                if d + cost[k] < far.get(j, np.inf):
                    far[j], by[j] = d + cost[k], k
                    heapq.heappush(queue, (far[j], j))

        def way(end: int) -> tuple:
            links = []
            while end != origin:
                links.append(by[end])
                end = int(self.tail[by[end]])
            return tuple(links[::-1])

        return way
