"""Checked expressions: arrays of known shape, with generators turned into one array operation each.

A `Node` is an operation on arrays. Inside a generator it stands for all iterations at once: `batch`
is their number, and a node of shape s and batch N has N values of shape s. So `sum(c[i] * x[i]^2 for
i in 1..n)` is five nodes, whatever n is. A `bad` node is an expression with a reported mistake; what is
made from it is not reported again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ...diagnostics import Span
from ...records import record
from .elements import IndexSet

Shape = tuple[int, ...]
NONE: frozenset[str] = frozenset()
MANY = 20_000_000  # entries that any one array may have


@record
class Node:
    op: str  # "const", "param", "var", an operator, the name of a built-in function, or see `lower`
    args: tuple[Node, ...]
    shape: Shape  # of a bad node: ()
    batch: int | None
    span: Span
    attr: Any = None  # of what kind depends on `op`
    variables: frozenset[str] = NONE  # names of the variables that it depends on
    params: frozenset[str] = NONE

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def is_data(self) -> bool:
        """Known before solving."""
        return not self.variables

    @property
    def bad(self) -> bool:
        return self.op == "bad"


@dataclass(frozen=True)
class Dim:
    """One declared dimension of a parameter or variable."""

    size: int
    members: IndexSet | None = None  # whose elements its entries are found by; None: they are numbered from 1
    set_name: str = ""
    ranged: bool = False  # its members are whole numbers that follow each other

    @classmethod
    def over(cls, found: IndexSet) -> Dim:
        """A dimension for the elements of a set, or for the numbers of a range, `0..N`; other numbers are counted from 1."""
        if found.keyed:
            return cls(found.size, found, found.name)
        if found.first == 1 or not found.is_range:
            return cls(found.size, None, found.name)
        return cls(found.size, found.as_keyed(), found.name, ranged=True)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The names of its entries."""
        return self.members.labels if self.members else None

    @property
    def arity(self) -> int:
        """How many indices an entry has along it."""
        return self.members.arity if self.members else 1


def node(op: str, args: tuple[Node, ...], shape: Shape, span: Span, attr: Any = None, batch: int | None = -1) -> Node:
    """A node on `args`, batched if one of them is (or as given); bad if one of them is."""
    first = None
    variables = params = NONE
    for a in args:
        if a.op == "bad":
            return bad(span)
        if first is None:
            first = a.batch
        if a.variables is not variables:
            variables = variables | a.variables if variables else a.variables
        if a.params is not params:
            params = params | a.params if params else a.params
    return Node(op, args, shape, first if batch == -1 else batch, span, attr, variables, params)


def const(value, span: Span, batch: int | None = None) -> Node:
    """A constant: `value` of the logical shape, with a leading axis of length `batch` if there is one."""
    array = np.asarray(value, float)
    return Node("const", (), array.shape if batch is None else array.shape[1:], batch, span, array)


def bad(span: Span) -> Node:
    return Node("bad", (), (), None, span)


def postorder(*roots: Node) -> Iterator[Node]:
    """Every node once, arguments first; no recursion, so that long chains do no harm."""
    seen: set[int] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        here, ready = stack.pop()
        if id(here) in seen:
            continue
        if ready:
            seen.add(id(here))
            yield here
        else:
            stack.append((here, True))
            stack.extend((a, False) for a in reversed(here.args) if id(a) not in seen)


@dataclass(frozen=True, eq=False)
class Segments:
    """How iterations fold into those of the generator around: `parent[k]` is where iteration k belongs."""

    parent: np.ndarray
    count: int | None  # iterations around; None: there is no generator around
    sizes: np.ndarray = field(default_factory=lambda: np.zeros(0, int))

    @property
    def uniform(self) -> bool:
        return self.count is None or bool(np.all(self.sizes == self.sizes[0])) if self.sizes.size else True


@dataclass(frozen=True, eq=False)
class Run:
    """Entries of a recursion that follow each other and are computed alike.

    `step` is one of them, as a node on slots: `window` holds the entries before it, a column each; `fixed` those that
    every one uses; a number is an argument of the recursion, as it is or, if `mapped`, the column of this entry.
    """

    step: Node
    count: int
    window: int
    fixed: np.ndarray  # their places among all entries
    shared: tuple[int, ...]
    mapped: tuple[int, ...]


def slot(name: str | int, shape: tuple[int, ...], batch: int | None, n: Node) -> Node:
    """An argument of a step: `window`, `fixed`, or the number of an argument of the recursion."""
    return Node("slot", (), shape, batch, n.span, name, n.variables, n.params)
