"""Branch and bound on complementarity pairs, without constants that bound multipliers (Bard, Moore 1990), and whole numbers.

A node holds some columns at zero, its children one member of another pair; or some between limits, its children in the two
parts around a value that is not whole, which goes first (`branching.py`). The child of the smaller gain is
solved next, so that answers are found soon; where that dive ends the node of the least bound is taken.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter

import numpy as np

from .branching import Branching, of_pair, of_whole
from .relaxation import Held, Limit, Relaxed

TOLERANCE = 1e-9  # of the smaller member of a pair that is nearly zero: the leaf that holds it there decides
GAP = 1e-9  # of the size of the value
ROUND = 50  # nodes up to which each tells of an answer near by, and then one of so many

Solve = Callable[[Held], Relaxed]


@dataclass(frozen=True, eq=False)
class Searched:
    """How the search ended: "converged", "infeasible", "diverged", "time_limit" or "stalled"; None: no point was found."""

    status: str
    value: float
    bound: float
    w: np.ndarray | None
    nodes: int
    trace: list[tuple[int, float, float]] = field(default_factory=list)  # nodes, value, bound


@dataclass(eq=False)
class Tree:
    """The nodes that are open, and the best answer so far.

    Args:
        solve: the relaxation with columns held. Members of pairs are nonnegative.
        whole: least and largest value of each column that takes whole numbers only.
        leaf: of a point of a relaxation, the columns that are zero at an answer near it.
        settled: of what is held, columns that are zero then at all answers.
        most: nodes.
        stop: called with the number of nodes and the measures "upper" and "bound"; True ends the search.
    """

    solve: Solve
    pairs: list[tuple[int, int]]
    whole: dict[int, tuple[float, float]] = field(default_factory=dict)
    leaf: Callable[[np.ndarray], Held | None] | None = None
    settled: Callable[[Held], Held] | None = None
    deadline: float = np.inf
    most: float = np.inf
    stop: Callable[[int, float, float], bool] | None = None
    best: float = np.inf
    w: np.ndarray | None = None
    nodes: int = 0
    doubtful: float = np.inf  # the least bound of a node that could not be solved
    _trace: list[tuple[int, float, float]] = field(default_factory=list)
    _open: list[tuple[float, int, Held]] = field(default_factory=list)
    _tried: set[Held] = field(default_factory=set)
    _order: count = field(default_factory=count)

    def search(self) -> Searched:
        """The least value over points where one member of each pair is zero."""
        node: tuple[float, Held] | None = (-np.inf, frozenset())
        while node is not None:
            self._note(node[0])
            ended = self._ended(node[0])
            if ended:
                return self._as(ended, node[0])
            node = self._branched(*node) or self._next()
        if not np.isfinite(self.best) and self.best < 0:
            return Searched("diverged", -np.inf, -np.inf, self.w, self.nodes, self._trace)
        if self.doubtful < self.best - self._slack:
            return self._as("stalled")
        return self._as("infeasible" if self.w is None else "converged")

    def __post_init__(self) -> None:
        self._branching = Branching(self._relaxed)

    def _relaxed(self, held: Held) -> Relaxed:
        self.nodes += 1
        return self.solve(held)

    # --- nodes -----------------------------------------------------------------------------

    def _branched(self, above: float, held: Held) -> tuple[float, Held] | None:
        """Solve the node; its child that is to be solved next, None where it has none."""
        if self.settled is not None:
            held |= self.settled(held)
        found = self._relaxed(held)
        bound = max(found.bound, above)
        if found.status == "infeasible" or found.status == "optimal" and bound >= self.best - self._slack:
            return None
        free = [pair for pair in self.pairs if held.isdisjoint(pair)]
        if found.status != "optimal":
            return self._blind(found.status, above, held, free)
        point = found.point
        pairs = [c for c in (of_pair(pair, point) for pair in free) if c.broken]
        split = [c for c in (of_whole(j, float(point[j])) for j in self.whole) if c.broken]
        if not pairs and not split:
            self._keep(found, bound)
            return None
        if max(c.broken for c in pairs + split) <= TOLERANCE:
            if self._at(held | self._near(point, free)).value <= bound + self._slack:
                return None
        if self.nodes < ROUND or self.nodes % ROUND == 0:
            self._guess(point)
        first, *others = self._branching.children(held, bound, self.best - self._slack, split or pairs) or [None]
        for other in others:
            self._push(bound, other)
        return None if first is None else (bound, first)

    def _near(self, point: np.ndarray, free: list[tuple[int, int]]) -> Held:
        """The leaf at a point that nearly is one."""
        zeros = [i if point[i] <= point[j] else j for i, j in free]
        whole = [Limit(j, round(point[j]), round(point[j])) for j in self.whole]
        return frozenset([*zeros, *whole])

    def _blind(self, status: str, above: float, held: Held, free: list[tuple[int, int]]) -> tuple[float, Held] | None:
        """A node without a point: branch on anything; a leaf that is unbounded ends all."""
        ways = free[0] if free else self._halves(held)
        if ways is not None:
            self._push(above, held | {ways[1]})
            return above, held | {ways[0]}
        if status == "unbounded":
            self.best, self._open = -np.inf, []
        else:
            self.doubtful = min(self.doubtful, above)
        return None

    def _halves(self, held: Held) -> tuple[Limit, Limit] | None:
        """The widest whole column in two; None where all are held at one value."""
        width, j, middle = max(
            ((high - low, j, (low + high) // 2) for j, low, high in self._ranges(held)), default=(0, 0, 0)
        )
        return (Limit(j, high=middle), Limit(j, low=middle + 1)) if width > 0 else None

    def _ranges(self, held: Held) -> list[tuple[int, float, float]]:
        """Every whole column with the least and the largest number that it may be."""
        limits = [h for h in held if isinstance(h, Limit)]
        own = {j: [(low, high)] for j, (low, high) in self.whole.items()}
        for limit in limits:
            own[limit.column].append((limit.low, limit.high))
        return [(j, max(low for low, _ in both), min(high for _, high in both)) for j, both in own.items()]

    def _keep(self, found: Relaxed, bound: float) -> None:
        """A point where all pairs hold; `bound` is of its node, which is closed."""
        if found.value < self.best:
            self.best, self.w = found.value, found.point
        if bound < found.value - self._slack:
            self.doubtful = min(self.doubtful, bound)

    def _guess(self, point: np.ndarray) -> None:
        """The leaf near a point of a relaxation."""
        held = self.leaf(point) if self.leaf is not None else None
        if held is not None and held not in self._tried:
            self._tried.add(held)
            self._at(held)

    def _at(self, held: Held) -> Relaxed:
        """A leaf: an answer, where it has a point."""
        found = self._relaxed(held)
        if found.status == "optimal" and found.value < self.best:
            self.best, self.w = found.value, found.point
        return found

    # --- order -----------------------------------------------------------------------------

    @property
    def _slack(self) -> float:
        return GAP * max(1.0, abs(self.best)) if self.w is not None else 0.0

    def _push(self, bound: float, held: Held) -> None:
        heapq.heappush(self._open, (bound, next(self._order), held))

    def _next(self) -> tuple[float, Held] | None:
        """The open node of the least bound, None where no other can be better."""
        if not self._open or self._open[0][0] >= self.best - self._slack:
            return None
        bound, _, held = heapq.heappop(self._open)
        return bound, held

    def _ended(self, bound: float) -> str:
        if perf_counter() > self.deadline:
            return "time_limit"
        if self.nodes >= self.most:
            return "iteration_limit"
        return "interrupted" if self.stop is not None and self.stop(self.nodes, self.best, self._least(bound)) else ""

    def _least(self, bound: float = np.inf) -> float:
        return min(self.best, self.doubtful, bound, self._open[0][0] if self._open else np.inf)

    def _note(self, bound: float) -> None:
        """A row of the trace where the best value is new, or the tree a tenth larger."""
        last = self._trace[-1] if self._trace else (0, np.inf, -np.inf)
        if self.nodes and (self.best < last[1] or self.nodes > 1.1 * last[0]):
            self._trace.append((self.nodes, self.best, self._least(bound)))

    def _as(self, status: str, bound: float = np.inf) -> Searched:
        row = self.nodes, self.best, self._least(bound)
        kept = self._trace[:-1] if self._trace and self._trace[-1][0] == self.nodes else self._trace
        return Searched(status, self.best, row[2], self.w, self.nodes, [*kept, row])


def search(solve: Solve, pairs: list[tuple[int, int]], **more) -> Searched:
    """See `Tree`."""
    return Tree(solve, pairs, **more).search()
