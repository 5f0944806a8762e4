"""Branch and bound against an adverse follower: on which rows have positive multipliers, and on where its worst answer is.

Every relaxation bounds its node; every x that one meets is tried out, which gives values that are attained. A leaf
counts where its support is strict (`adverse.py`): else its x belong to smaller supports, which have leaves of their own.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter

import numpy as np

from .adverse import AdverseProgram
from .relaxation import Relaxed
from .tree import GAP, TOLERANCE

TRIED = 3  # members on which branching is tried out, those broken most
LATER = 500  # nodes that are spent on whether an infimum is attained
NEAR = 1e-3  # of the way to a point inside: how near a decision comes to an infimum that none attains

Node = tuple[frozenset[int], frozenset[int]]  # members and columns that are zero


@dataclass(frozen=True, eq=False)
class Worst:
    """The least worst value.

    Attributes:
        status: "converged", "infeasible", "diverged", "time_limit", "iteration_limit", "interrupted" or "stalled".
        value: at `point` = (x, y), y the worst answer to x; inf where there is none.
        bound: no decision is worth less.
        attained: `value` is the infimum; else decisions come as near to `bound` as wanted, `point` within a thousandth of
            the way, where the search has come to its end.
    """

    status: str
    value: float
    bound: float
    point: np.ndarray | None
    attained: bool
    nodes: int
    trace: list[tuple[int, float, float]]


@dataclass(eq=False)
class AdverseTree:
    """The open nodes, the best decision and the least infimum so far."""

    program: AdverseProgram
    deadline: float = np.inf
    most: float = np.inf
    stop: Callable[[int, float, float], bool] | None = None
    best: float = np.inf  # attained
    point: np.ndarray | None = None
    infimum: float = np.inf  # attained or not
    nodes: int = 0
    doubtful: float = np.inf
    _leaf: tuple[frozenset[int], np.ndarray] | None = None  # support and point of the infimum
    _open: list[tuple[float, int, Node]] = field(default_factory=list)
    _trace: list[tuple[int, float, float]] = field(default_factory=list)
    _order: count = field(default_factory=count)
    _falls: bool = False
    _reached: int = 0  # nodes when the infimum was met

    def search(self) -> Worst:
        """The least worst value over all decisions."""
        self._push(-np.inf, (frozenset(), frozenset()))
        while self._open and not self._falls:
            bound, _, node = heapq.heappop(self._open)
            if not self._wanted(bound):
                continue
            self._note(bound)
            ended = self._ended(bound)
            if ended:
                return self._as(ended, bound)
            self._branch(bound, node)
        if self._falls:
            return Worst("diverged", -np.inf, -np.inf, self.point, False, self.nodes, self._trace)
        if self.doubtful < min(self.best, self.infimum) - self._slack:
            return self._as("stalled")
        return self._as("infeasible" if min(self.best, self.infimum) == np.inf else "converged")

    # --- nodes ------------------------------------------------------------------------------------

    def _solve(self, node: Node) -> Relaxed:
        self.nodes += 1
        return self.program.solve(*node)

    def _branch(self, above: float, node: Node) -> None:
        """Solve the node, and put its children among the open ones."""
        found = self._solve(node)
        bound = max(found.bound, above)
        if found.status == "infeasible" or found.status == "optimal" and not self._wanted(bound):
            return
        if found.status != "optimal":
            self._blind(found.status, above, node)
            return
        w = found.point
        self._try(w)
        pairs, further = self._free(node)
        values = self.program.values(w)
        broken = [(min(values[2 * k], values[2 * k + 1]), self._sides(node, k)) for k in pairs]
        broken += [(min(w[s], w[p]), self._ends(node, s, p)) for s, p in further]
        if max((b for b, _ in broken), default=0.0) <= TOLERANCE:
            leaf = self._nearest(node, w, values, pairs, further)
            at = self._solve(leaf)
            if at.status == "optimal" and at.value <= bound + self._slack and self._closed(at, leaf, node):
                return
        if not broken:
            return
        broken.sort(key=lambda b: -b[0])
        for child_bound, child in self._children(bound, [sides for _, sides in broken[:TRIED]]):
            self._push(child_bound, child)

    def _free(self, node: Node) -> tuple[list[int], list[tuple[int, int]]]:
        """Pairs whose side is open; columns of a slack and a multiplier of the worst answer of which one must be zero."""
        held, zero = node
        pairs = [k for k in range(len(self.program.pairs)) if held.isdisjoint((2 * k, 2 * k + 1))]
        further = [(s, p) for k, s, p in self.program.further if 2 * k not in held and zero.isdisjoint((s, p))]
        return pairs, further

    @staticmethod
    def _sides(node: Node, k: int) -> tuple[Node, Node]:
        held, zero = node
        return (held | {2 * k}, zero), (held | {2 * k + 1}, zero)

    @staticmethod
    def _ends(node: Node, s: int, p: int) -> tuple[Node, Node]:
        held, zero = node
        return (held, zero | {s}), (held, zero | {p})

    def _children(self, bound: float, choices: list[tuple[Node, Node]]) -> list[tuple[float, Node]]:
        """Of the choices the one whose smaller gain is the largest, with bounds; fewer children where some are closed."""
        best, chosen = -np.inf, []
        for sides in choices:
            solved = [(self._solve(side), side) for side in sides]
            kept = [(max(bound, f.bound), side) for f, side in solved if f.status != "infeasible"]
            kept = [(b, side) for b, side in kept if self._wanted(b)]
            if len(kept) < 2:
                return kept
            score = min(b for b, _ in kept)
            if score > best:
                best, chosen = score, kept
        return chosen

    def _blind(self, status: str, above: float, node: Node) -> None:
        """A node without a point: branch on anything that is open; where nothing is, the problem falls without end."""
        pairs, further = self._free(node)
        if pairs or further:
            for side in self._sides(node, pairs[0]) if pairs else self._ends(node, *further[0]):
                self._push(above, side)
        elif not self.program.strict(self._support(node)):
            return
        elif status == "unbounded":
            self._falls = True
        else:
            self.doubtful = min(self.doubtful, above)

    def _support(self, node: Node) -> frozenset[int]:
        return frozenset(k for k in range(len(self.program.pairs)) if 2 * k in node[0])

    def _nearest(self, node: Node, w, values, pairs, further) -> Node:
        """The leaf that holds at zero what nearly is."""
        held, zero = node
        chosen = {2 * k + (values[2 * k + 1] < values[2 * k] or values[2 * k + 1] == 0) for k in pairs}
        return held | chosen, zero | {s if w[s] <= w[p] else p for s, p in further}

    def _closed(self, at: Relaxed, leaf: Node, node: Node) -> bool:
        """Whether the point of a leaf settles the node: it counts and is attained, or nothing else is open."""
        program, w = self.program, at.point
        values = program.values(w)
        least = program.support(w)
        most = frozenset(k for k in range(len(program.pairs)) if 2 * k + 1 not in node[0] and values[2 * k] <= TOLERANCE)
        J = next((J for J in (least, most, self._support(leaf)) if program.strict(J)), None)
        open_ = bool(self._free(node)[0])
        if J is None:
            return not open_
        if at.value < self.infimum - self._slack or self._leaf is None:
            self._reached = self.nodes
        if at.value < self.infimum:
            self.infimum, self._leaf = at.value, (J, w)
        self._try(w)
        if self.best > at.value + self._slack:
            moved = program.settled(*leaf, J, w)
            if moved is not None:
                self._try(moved)
        return self.best <= at.value + self._slack or not open_

    def _try(self, w: np.ndarray) -> None:
        """What the decision of a point is worth in truth."""
        found = self.program.at(w[: self.program.nx])
        if found is not None and found[0] < self.best:
            self.best, self.point = found

    # --- order ------------------------------------------------------------------------------------

    @property
    def _slack(self) -> float:
        size = min(abs(self.best), abs(self.infimum))
        return GAP * max(1.0, size) if np.isfinite(size) else 0.0

    def _wanted(self, bound: float) -> bool:
        """Whether a node of this bound may have a better value, or the infimum itself where that is not yet attained."""
        if bound >= self.best - self._slack or bound > self.infimum + self._slack:
            return False
        return bound < self.infimum - self._slack or self.nodes <= self._reached + LATER

    def _push(self, bound: float, node: Node) -> None:
        heapq.heappush(self._open, (bound, next(self._order), node))

    def _ended(self, bound: float) -> str:
        if perf_counter() > self.deadline:
            return "time_limit"
        if self.nodes >= self.most:
            return "iteration_limit"
        return "interrupted" if self.stop is not None and self.stop(self.nodes, self.best, self._least(bound)) else ""

    def _least(self, bound: float = np.inf) -> float:
        return min(self.best, self.infimum, self.doubtful, bound, self._open[0][0] if self._open else np.inf)

    def _note(self, bound: float) -> None:
        last = self._trace[-1] if self._trace else (0, np.inf, -np.inf)
        if self.nodes and (self.best < last[1] or self.nodes > 1.1 * last[0]):
            self._trace.append((self.nodes, self.best, self._least(bound)))

    def _as(self, status: str, bound: float = np.inf) -> Worst:
        least = self._least(bound)
        attained = self.best <= self.infimum + self._slack
        if status == "converged" and not attained:
            self._approach()
        kept = self._trace[:-1] if self._trace and self._trace[-1][0] == self.nodes else self._trace
        trace = [*kept, (self.nodes, self.best, least)]
        return Worst(status, self.best, least, self.point, attained, self.nodes, trace)

    def _approach(self) -> None:
        """A decision near the infimum: a step from its point to one inside of its support."""
        if self._leaf is None:
            return
        J, w = self._leaf
        inside = self.program.inside(J)
        n = self.program.nx
        x = w[:n] + NEAR * (inside[:n] - w[:n])
        found = self.program.at(x)
        if found is not None and found[0] < self.best:
            self.best, self.point = found
