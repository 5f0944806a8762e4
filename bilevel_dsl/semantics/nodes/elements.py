"""What indices are elements of: whole numbers, labels, and tuples of both.

Elements are kept as columns of whole numbers, one column for each component, so that a hundred thousand arcs are two
arrays. A component that is a label is a code 1, 2, ... of its `Universe`; one that is a number is that number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...diagnostics import Span


@dataclass(frozen=True, eq=False)
class Universe:
    """The labels that codes 1, 2, ... stand for.

    Labels of two declared sets are never mixed up. Those of tuples, and those written in an expression, belong to no set
    (`loose`): they are any label of the same text.
    """

    labels: tuple[str, ...]
    name: str = ""
    loose: bool = False
    of_tuples: bool = False  # of all components together: the place of a label means nothing

    @cached_property
    def codes(self) -> dict[str, int]:
        return {label: k for k, label in enumerate(self.labels, 1)}

    def same(self, other: Universe) -> bool:
        return self is other or self.labels == other.labels

    def to(self, other: Universe) -> np.ndarray | None:
        """At each code (and at 0, which is none): the code there of the same label, 0 where it has none; None: as it is."""
        if self.same(other):
            return None
        return np.array([0, *(other.codes.get(label, 0) for label in self.labels)])


def comparable(a: Universe | None, b: Universe | None) -> bool:
    """Whether elements of the two may be the same."""
    if a is None or b is None:
        return a is b
    return a.loose or b.loose or a.same(b)


def recoded(codes: np.ndarray, own: Universe | None, other: Universe | None) -> np.ndarray:
    """Codes of one universe as those of another, 0 where there is none; numbers stay."""
    table = own.to(other) if own is not None and other is not None else None
    return codes if table is None else table[codes]


class Lookup:
    """Rows of columns by their values: which rows are equal to a given one."""

    def __init__(self, columns: tuple[np.ndarray, ...]):
        self._values: list[np.ndarray] = []
        self._joint: list[np.ndarray] = []
        group = None
        for column in columns:
            values, code = np.unique(column, return_inverse=True)
            self._values.append(values)
            if group is None:
                group = code
                continue
            joint, group = np.unique(group * len(values) + code, return_inverse=True)
            self._joint.append(joint)
        count = len(self._joint[-1] if self._joint else self._values[0])
        self.order = np.argsort(group, kind="stable")  # rows, equal ones side by side, in their order
        self.ends = np.searchsorted(group[self.order], np.arange(count + 1))

    def groups(self, columns: tuple[np.ndarray, ...]) -> np.ndarray:
        """The group of equal rows that each given row belongs to; -1: there is none."""
        group = _place(self._values[0], columns[0])
        for values, joint, column in zip(self._values[1:], self._joint, columns[1:]):
            code = _place(values, column)
            found = _place(joint, group * len(values) + code)
            group = np.where((group < 0) | (code < 0), -1, found)
        return group

    def first(self, columns: tuple[np.ndarray, ...]) -> np.ndarray:
        """The first row that is equal to each given one, from 0; -1: there is none."""
        group = self.groups(columns)
        if not len(self.order):
            return np.full(np.shape(group), -1)
        return np.where(group < 0, -1, self.order[self.ends[np.maximum(group, 0)]])

    @property
    def repeated(self) -> np.ndarray | None:
        """The first rows that are equal, if there are any."""
        twice = np.flatnonzero(np.diff(self.ends) > 1)
        if not len(twice):
            return None
        rows = [self.order[self.ends[k] : self.ends[k + 1]] for k in twice]
        return min(rows, key=lambda r: r[1])


def _place(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted value stands among sorted ones; -1: nowhere."""
    if not len(values):
        return np.full(np.shape(wanted), -1)
    at = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.where(values[at] == wanted, at, -1)


@dataclass(frozen=True, eq=False)
class Key:
    """What an expression says of elements: one, one for each iteration (`batched`), or a vector of them (`kept`)."""

    columns: tuple[np.ndarray, ...]
    universes: tuple[Universe | None, ...]
    batched: bool = False
    kept: bool = False
    set_name: str = ""  # of the set that it runs over

    @property
    def arity(self) -> int:
        return len(self.columns)

    def text(self, at: int = 0) -> str:
        """The element at one place, as it is written."""
        words = [shown(c[at] if c.ndim else c, u) for c, u in zip(self.columns, self.universes)]
        return words[0] if len(words) == 1 else f"({', '.join(words)})"


def shown(code: float, universe: Universe | None) -> str:
    if universe is None:
        return str(int(code)) if code == int(code) else f"{code:g}"
    return f'"{universe.labels[int(code) - 1]}"'


@dataclass(frozen=True, eq=False)
class IndexSet:
    """A range, or elements written out, read from a file or selected; `name` as declared, empty for a literal."""

    name: str
    columns: tuple[np.ndarray, ...]
    universes: tuple[Universe | None, ...]
    span: Span | None = None
    keyed: bool = True  # entries of what it indexes are found by element; False: a range or a vector, they are numbered

    @classmethod
    def of_numbers(cls, name: str, values: np.ndarray, span: Span | None, keyed: bool = False) -> IndexSet:
        return cls(name, (values.astype(np.int64),), (None,), span, keyed)

    @classmethod
    def of_labels(cls, name: str, labels: tuple[str, ...], span: Span | None) -> IndexSet:
        return cls(name, (np.arange(1, len(labels) + 1),), (Universe(labels, name),), span)

    def as_keyed(self) -> IndexSet:
        """The same numbers, as elements by which entries are found."""
        return replace(self, keyed=True)

    @property
    def first(self) -> int:
        """The first of its numbers; 1 if there is none."""
        return int(self.values[0]) if self.size else 1

    @property
    def is_range(self) -> bool:
        """Whole numbers that follow each other."""
        return np.array_equal(self.values, np.arange(self.first, self.first + self.size))

    @property
    def size(self) -> int:
        return len(self.columns[0])

    @property
    def arity(self) -> int:
        return len(self.columns)

    @property
    def values(self) -> np.ndarray:
        """Of a set without tuples: the numbers, or the codes of the labels."""
        return self.columns[0]

    @cached_property
    def is_whole(self) -> bool:
        """All labels of a set, in their order: an element's code is its place."""
        (first, *others), (codes, *_) = self.universes, self.columns
        if others or first is None or len(codes) != len(first.labels):
            return False
        return bool(np.array_equal(codes, np.arange(1, len(codes) + 1)))

    @property
    def has_labels(self) -> bool:
        return any(u is not None for u in self.universes)

    @cached_property
    def labels(self) -> tuple[str, ...] | None:
        """The elements in words: `north`, `5`, `a,b`; None for a range."""
        if not self.keyed:
            return None
        parts = [
            [str(v) for v in column.tolist()] if universe is None else [universe.labels[v - 1] for v in column.tolist()]
            for column, universe in zip(self.columns, self.universes)
        ]
        return tuple(parts[0]) if len(parts) == 1 else tuple(map(",".join, zip(*parts)))

    @cached_property
    def elements(self) -> tuple[str | int | tuple[str | int, ...], ...]:
        """Labels, whole numbers and tuples of them."""
        parts = [
            column.tolist() if universe is None else [universe.labels[v - 1] for v in column.tolist()]
            for column, universe in zip(self.columns, self.universes)
        ]
        return tuple(parts[0]) if len(parts) == 1 else tuple(zip(*parts))

    @cached_property
    def lookup(self) -> Lookup:
        return Lookup(self.columns)

    def accepts(self, key: Key) -> bool:
        """Whether `key` may be one of the elements."""
        return key.arity == self.arity and all(map(comparable, key.universes, self.universes))

    def find(self, key: Key) -> np.ndarray:
        """The places of elements, from 0; -1: not in the set."""
        columns = tuple(map(recoded, key.columns, key.universes, self.universes))
        if self.is_whole:
            return columns[0].astype(np.int64) - 1
        return self.lookup.first(columns)

    def key(self, places: np.ndarray, batched: bool = False, kept: bool = False) -> Key:
        """The elements at places from 0."""
        return Key(tuple(c[places] for c in self.columns), self.universes, batched, kept, self.name)

    def selected(self, name: str, rows: np.ndarray, span: Span | None) -> IndexSet:
        return IndexSet(name, tuple(c[rows] for c in self.columns), self.universes, span)

    @property
    def words(self) -> str:
        """An element in words: "a label", "a pair"."""
        if self.arity == 1:
            return "label" if self.has_labels else "number"
        return {2: "pair", 3: "triple"}.get(self.arity, f"tuple of {self.arity}")


def name_of(found: IndexSet) -> str:
    return f"the set `{found.name}`" if found.name else "the set"


def elements_of(found: IndexSet, most: int = 6) -> str:
    """The first elements, in words."""
    words = [found.key(np.array(k)).text() for k in range(min(found.size, most))]
    return ", ".join(words) + (", ..." if found.size > most else "")
