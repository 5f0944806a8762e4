"""Entries that are defined one after the other, as steps that are repeated.

Each entry is lowered by itself. Where two that follow each other have the same expression, but for numbers, for places of
what is indexed, and for how far back they look, they belong to one `Run`, whose step is written once: what differs becomes
an argument of the step with a column for each entry, what does not is computed outside.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...diagnostics import Span
from ...records import replace
from ..nodes.ir import Node, Run, Segments, const, node, postorder, slot
from .evaluate import flat
from .together import NotAlike, runs_of


class Recurrence:
    """Takes the entries in their order; `node` is all of them."""

    def __init__(self, count: int):
        self.count = count
        self._args: list[Node] = []
        self._runs: list[Run] = []
        self._now: _Alike | None = None

    def add(self, place: int, root: Node) -> None:
        """The entry at `place`, from 0. Entries before it are what it gathers from the node `own`."""
        if self._now is None or not self._now.take(place, root):
            self._close()
            self._now = _Alike(self.count, place, root)

    def add_together(self, at: np.ndarray, root: Node, name: str) -> bool:
        """The last entries, at the places `at`, which were lowered at once; False: they are not seen to be alike."""
        self._close()
        args = list(self._args)
        try:
            self._runs += runs_of(root, at, self.count, name, args)
        except NotAlike:
            return False
        self._args = args
        return True

    def _close(self) -> None:
        if self._now is not None:
            self._runs.append(_Closing(self._now, self._args).run())
            self._now = None

    def node(self, shape: tuple[int, ...], span: Span) -> Node:
        self._close()
        return node("recursion", tuple(self._args), shape, span, tuple(self._runs), batch=None)


def own_entries(name: str, shape: tuple[int, ...], span: Span) -> Node:
    """What stands for all entries while they are defined. It is no data: nothing may ask for its value."""
    return Node("own", (), shape, None, span, name, frozenset((name,)))


class _Alike:
    """Entries with one expression: that of the first one, and what differs from it in the others.

    `differing` are numbers, and places of what is indexed, by node and entry. `moved` are indices into what is not the same
    in all entries; uses of own entries are `sliding`, as many steps back in all, or `rooted`, the same entries in all.
    """

    def __init__(self, count: int, place: int, root: Node):
        self.all, self.place, self.root, self.count = count, place, root, 1
        self.differing: dict[int, dict[int, np.ndarray]] = {}
        self.moved: set[int] = set()
        self.sliding: set[int] = set()
        self.rooted: set[int] = set()

    def take(self, place: int, root: Node) -> bool:
        """Whether the entry is like those so far; then it is one of them."""
        met: dict[int, Node] = {}
        values: dict[int, np.ndarray] = {}
        sets = {"moved": set(self.moved), "sliding": set(self.sliding), "rooted": set(self.rooted)}
        stack = [(self.root, root)]
        while stack:
            a, b = stack.pop()
            if met.setdefault(id(a), b) is not b:
                return False
            if a is b:
                continue
            if (a.op, a.shape, a.batch, len(a.args)) != (b.op, b.shape, b.batch, len(b.args)):
                return False
            if _is_own(a) and _is_own(b):
                way = self._way_back(a, b, place)
                if way is None:
                    return False
                sets[way].add(id(a))
                continue
            if a.op in ("const", "gather") and a.attr.shape == b.attr.shape:
                if not np.array_equal(a.attr, b.attr, equal_nan=True):
                    values[id(a)] = b.attr
                if a.op == "gather" and (a.args[0].batch is not None or not _identical(a.args[0], b.args[0])):
                    sets["moved"].add(id(a))
            elif not _same(a.attr, b.attr):
                return False
            stack += zip(a.args, b.args)
        if sets["moved"] & (values.keys() | self.differing.keys()) or sets["sliding"] & sets["rooted"]:
            return False
        for key, value in values.items():
            self.differing.setdefault(key, {})[self.count] = value
        self.moved, self.sliding, self.rooted = sets["moved"], sets["sliding"], sets["rooted"]
        self.count += 1
        return True

    def _way_back(self, a: Node, b: Node, place: int) -> str | None:
        """How two uses of own entries, an index of which is place + all * component, are alike."""
        if a.attr.shape != b.attr.shape or not np.array_equal(a.attr // self.all, b.attr // self.all):
            return None
        steps = b.attr - a.attr
        if np.all(steps == place - self.place):
            return "sliding"
        return "rooted" if not steps.any() else None


def _same(a, b) -> bool:
    """Equal attributes of nodes."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and np.array_equal(a, b)
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, Segments):
        return isinstance(b, Segments) and a.count == b.count and np.array_equal(a.parent, b.parent)
    return a is b or a == b


def _identical(a: Node, b: Node) -> bool:
    """The same expression, to the last number."""
    stack = [(a, b)]
    while stack:
        a, b = stack.pop()
        if a is b:
            continue
        if (a.op, a.shape, a.batch, len(a.args)) != (b.op, b.shape, b.batch, len(b.args)) or not _same(a.attr, b.attr):
            return False
        stack += zip(a.args, b.args)
    return True


class _Closing:
    """Entries that are alike as one step; `args` of the whole recursion grow by what it needs."""

    def __init__(self, alike: _Alike, args: list[Node]):
        self.alike, self.args = alike, args
        self.size = alike.root.size
        self.shared: list[int] = []
        self.mapped: list[int] = []
        self._slots: dict[int, Node] = {}
        back = [n for n in postorder(alike.root) if _is_own(n)]
        self._sliding = {id(n) for n in back if alike.count > 1 and id(n) not in alike.rooted}
        places = [n.attr % alike.all for n in back]
        steps = [alike.place - p.min() for n, p in zip(back, places) if id(n) in self._sliding and p.size]
        self.window = int(max(steps, default=0))
        rooted = [p.ravel() for n, p in zip(back, places) if id(n) not in self._sliding]
        self.fixed = np.unique(np.concatenate(rooted)).astype(int) if rooted else np.zeros(0, int)

    def run(self) -> Run:
        made: dict[int, Node] = {}
        own: set[int] = set()  # nodes of the step: they depend on what is different in each entry, or on entries
        for n in self._order():
            known = any(id(a) in own for a in n.args)
            if _is_own(n):
                made[id(n)], known = self._back(n), True
            elif self._differs(n):
                made[id(n)], known = self._column(n), True
            elif known:
                made[id(n)] = replace(n, args=tuple(made[id(a)] if id(a) in own else self._outside(a) for a in n.args))
            if known:
                own.add(id(n))
        root = self.alike.root
        step = made[id(root)] if id(root) in own else self._outside(root)
        return Run(step, self.alike.count, self.window, self.fixed, tuple(self.shared), tuple(self.mapped))

    def _order(self) -> Iterator[Node]:
        return (n for n in postorder(self.alike.root) if n.op != "own")

    def _differs(self, n: Node) -> bool:
        return id(n) in self.alike.differing

    def _back(self, n: Node) -> Node:
        """Entries of the window before this one, or of those that every one uses."""
        component, place = n.attr // self.alike.all, n.attr % self.alike.all
        if id(n) in self._sliding:
            column, base = self.window - self.alike.place + place, slot("window", (self.size, self.window), None, n)
        else:
            column, base = np.searchsorted(self.fixed, place), slot("fixed", (self.size, len(self.fixed)), None, n)
        return replace(n, args=(base,), attr=(component + self.size * column).astype(int))

    def _column(self, n: Node) -> Node:
        """What differs, a column for each entry."""
        values = self.alike.differing[id(n)]
        columns = np.stack([flat(values.get(k, n.attr), n.batch).ravel() for k in range(self.alike.count)], axis=1)
        if n.op == "const":
            arg = const(columns, n.span)
        else:
            arg = node("gather", n.args, columns.shape, n.span, columns.astype(int), batch=None)
        self.mapped.append(len(self.args))
        self.args.append(arg)
        return slot(self.mapped[-1], n.shape, n.batch, n)

    def _outside(self, n: Node) -> Node:
        """What is the same in all entries, and computed once."""
        if n.op == "const":
            return n
        if id(n) not in self._slots:
            self.shared.append(len(self.args))
            self.args.append(n)
            self._slots[id(n)] = slot(self.shared[-1], n.shape, n.batch, n)
        return self._slots[id(n)]


def _is_own(n: Node) -> bool:
    return n.op == "gather" and n.args[0].op == "own"
