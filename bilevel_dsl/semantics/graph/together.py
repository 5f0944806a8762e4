"""Entries of a recursion that were lowered all at once, taken apart into steps.

A body that is lowered for all entries together is a graph of batches whose size does not depend on how many entries there
are. What it says of one of them is the same graph with a batch of one: indices, and numbers that differ, must follow the
entries in a regular way. Where they do not, `NotAlike` is raised, and the entries are lowered one by one (`recurrence.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...records import replace
from ..builtins import BUILTINS
from ..nodes.ir import Node, Run, Segments, node, postorder, slot
from .batches import has_batch_form


class NotAlike(Exception):
    """These entries have no common step that can be seen from all of them at once."""


def runs_of(root: Node, at: np.ndarray, total: int, name: str, args: list[Node]) -> list[Run]:
    """`root` holds the entries at the places `at` of `total`; `args` of the recursion grow by what its steps need."""
    found: list[tuple[int, _Stretch]] = []
    for part, chosen in _parts(root, np.arange(len(at))):
        for local in np.split(np.arange(len(chosen)), np.flatnonzero(np.diff(chosen) != 1) + 1):
            if local.size:
                own = at[chosen[local]]
                found.append((int(own[0]), _Stretch(part, len(chosen), slice(local[0], local[-1] + 1), own, total, name)))
    return [stretch.run(args) for _, stretch in sorted(found, key=lambda pair: pair[0])]


def _parts(root: Node, chosen: np.ndarray) -> Iterator[tuple[Node, np.ndarray]]:
    """The branches of `if` that the entries take, and which of them do."""
    if root.op != "merge" or root.batch != len(chosen):
        yield root, chosen
        return
    for mask, part in zip((root.attr, ~root.attr), root.args):
        yield from _parts(part, chosen[mask])


class _Stretch:
    """Entries that follow each other, `cut` out of the `each` that have the expression `root`."""

    def __init__(self, root: Node, each: int, cut: slice, at: np.ndarray, total: int, name: str):
        self.root, self.each, self.cut, self.at, self.total, self.name = root, each, cut, at, total, name
        self.count = len(at)
        self.sliding: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # components and steps back
        self.rooted: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # components and places
        self.shared: list[int] = []
        self.mapped: list[int] = []
        self._slots: dict[int, Node] = {}

    def run(self, args: list[Node]) -> Run:
        self.args = args
        mine = self._inside()
        for n in mine:
            if n.op == "gather" and n.args[0].op == "own":
                self._look_back(n)
        self.window = int(max((steps.max() for _, steps in self.sliding.values() if steps.size), default=0))
        places = [p.ravel() for _, p in self.rooted.values()]
        self.fixed = np.unique(np.concatenate(places)).astype(int) if places else np.zeros(0, int)
        self.made: dict[int, Node] = {}
        for n in mine:
            self.made[id(n)] = self._one(n)
        step = self._arg(self.root)
        return Run(step, self.count, self.window, self.fixed, tuple(self.shared), tuple(self.mapped))

    def _inside(self) -> list[Node]:
        """What a step computes: all that depends on other entries, or has a form for one entry only."""
        found: dict[int, Node] = {}
        for n in postorder(self.root):
            one_by_one = _has_no_batches(n)
            if one_by_one and self._batch(n) is not None:
                raise NotAlike
            if n.op != "own" and (one_by_one or self.name in n.variables or any(id(a) in found for a in n.args)):
                found[id(n)] = n
        return list(found.values())

    # --- what differs from entry to entry ---------------------------------------------------

    def _by_entry(self, values: np.ndarray) -> np.ndarray:
        """An axis of entries before that of the iterations inside of each."""
        if len(values) % self.each:
            raise NotAlike
        return values.reshape(self.each, -1, *values.shape[1:])[self.cut]

    def _regular(self, n: Node, values: np.ndarray, step: int = 0) -> np.ndarray:
        """What is the same in all entries, but for `step` more in each: as in one."""
        found = self._by_entry(values)
        found = found - (np.arange(self.each)[self.cut] * step).reshape(-1, *(1,) * (found.ndim - 1))
        if not (found == found[:1]).all():
            raise NotAlike
        return found[0, 0] if n.batch == self.each else found[0]

    def _batch(self, n: Node) -> int | None:
        """The iterations inside of one entry."""
        if n.batch is None or n.batch == self.each:
            return None
        if n.batch % self.each:
            raise NotAlike
        return n.batch // self.each

    def _look_back(self, n: Node) -> None:
        index = np.broadcast_to(n.attr, (self.count, 1, *n.attr.shape)) if n.batch is None else self._by_entry(n.attr)
        if n.batch in (None, self.each):
            index = index[:, 0]
        component, place = index // self.total, index % self.total
        steps = self.at.reshape(-1, *(1,) * (place.ndim - 1)) - place
        if not (component == component[:1]).all():
            raise NotAlike
        if self.count > 1 and (steps == steps[:1]).all():
            self.sliding[id(n)] = component[0], steps[0]
        elif (place == place[:1]).all():
            self.rooted[id(n)] = component[0], place[0]
        else:
            raise NotAlike

    # --- one entry ------------------------------------------------------------------------------

    def _one(self, n: Node) -> Node:
        if id(n) in self.sliding:
            component, steps = self.sliding[id(n)]
            base = slot("window", (self.root.size, self.window), None, n)
            return self._entries(n, base, component + self.root.size * (self.window - steps))
        if id(n) in self.rooted:
            component, places = self.rooted[id(n)]
            base = slot("fixed", (self.root.size, len(self.fixed)), None, n)
            return self._entries(n, base, component + self.root.size * np.searchsorted(self.fixed, places))
        special = {"gather": self._gather, "rebatch": self._rebatch, "fold": self._fold, "collect": self._fold}
        if n.op in ("merge", "columns"):
            raise NotAlike
        if n.op in special:
            return special[n.op](n)
        return replace(n, args=tuple(map(self._arg, n.args)), batch=self._batch(n))

    def _entries(self, n: Node, base: Node, index: np.ndarray) -> Node:
        return replace(n, args=(base,), attr=index.astype(int), batch=self._batch(n))

    def _gather(self, n: Node) -> Node:
        index = n.attr
        if n.batch is not None and index.ndim > len(n.shape):
            index = self._regular(n, index)
        return replace(n, args=(self._arg(n.args[0]),), attr=index, batch=self._batch(n))

    def _rebatch(self, n: Node) -> Node:
        """A value of an entry, or of iterations in it, in iterations further inside."""
        (a,) = n.args
        inside, around = self._batch(n), self._batch(a)
        places = self._regular(n, n.attr, around or 1)
        if inside is None:
            raise NotAlike
        if around is None:
            index = np.broadcast_to(np.arange(n.size).reshape(n.shape, order="F"), (inside, *n.shape))
            return replace(n, op="gather", args=(self._arg(a),), attr=index, batch=inside)
        if places.min() < 0 or places.max() >= around:
            raise NotAlike
        return replace(n, args=(self._arg(a),), attr=places, batch=inside)

    def _fold(self, n: Node) -> Node:
        (a,) = n.args
        segments: Segments = n.attr[1] if n.op == "fold" else n.attr
        inside, around = self._batch(a), self._batch(n)
        if inside is None or n.batch is None:
            raise NotAlike
        parent = self._regular(a, segments.parent, around or 1)
        if parent.min() < 0 or parent.max() >= (around or 1):
            raise NotAlike
        new = Segments(parent, around, np.bincount(parent, minlength=around)) if around else Segments(parent * 0, None)
        return replace(n, args=(self._arg(a),), attr=(n.attr[0], new) if n.op == "fold" else new, batch=around)

    # --- what comes from outside ----------------------------------------------------------------

    def _arg(self, a: Node) -> Node:
        if id(a) in self.made:
            return self.made[id(a)]
        if id(a) not in self._slots:
            self._slots[id(a)] = self._outside(a)
        return self._slots[id(a)]

    def _outside(self, a: Node) -> Node:
        if a.batch is None:
            if a.op == "const":
                return a
            self.shared.append(len(self.args))
            self.args.append(a)
            return slot(self.shared[-1], a.shape, None, a)
        batch = self._batch(a)
        if a.op == "const":
            values = self._by_entry(a.attr)
            if np.array_equal(values, np.broadcast_to(values[:1], values.shape), equal_nan=True):
                return replace(a, attr=values[0, 0] if batch is None else values[0], batch=batch)
        places = self._by_entry(np.arange(a.batch)).ravel()
        whole = len(places) == a.batch
        self.mapped.append(len(self.args))
        self.args.append(a if whole else node("rebatch", (a,), a.shape, a.span, places, batch=len(places)))
        return slot(self.mapped[-1], a.shape, batch, a)


def _has_no_batches(n: Node) -> bool:
    if n.batch is None or n.op == "const":
        return False
    if n.op in BUILTINS:
        return not BUILTINS[n.op].in_batches
    return n.op == "matmul" and not has_batch_form(*n.args)
