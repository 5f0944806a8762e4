"""Which entry a key belongs to: rows of tables, keys of dictionaries, labels of axes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np

from ...diagnostics import did_you_mean
from ..nodes.elements import IndexSet, Key
from ..nodes.ir import Dim

KEYS = 3  # that a message names


def members_of(dim: Dim) -> IndexSet:
    """The elements along a dimension: of its set, or 1..n."""
    return dim.members or IndexSet.of_numbers(dim.set_name, np.arange(1, dim.size + 1), None, keyed=True)


class Matched:
    """Keys and the dimensions that they are for.

    `places` are the entries of the keys, by rows of an array of `dims`, -1 where there is none.
    """

    def __init__(self, dims: tuple[Dim, ...], columns: list[Sequence]):
        self.dims, self.columns = dims, columns
        self.members = [members_of(d) for d in dims]
        self.size = prod(d.size for d in dims)
        self.places = np.zeros(len(columns[0]) if columns else 1, int)
        first = 0
        for dim, members in zip(dims, self.members):
            place = place_of(columns[first : first + dim.arity], members)
            self.places = np.where((self.places < 0) | (place < 0), -1, self.places * dim.size + place)
            first += dim.arity

    @cached_property
    def unknown(self) -> np.ndarray:
        return np.flatnonzero(self.places < 0)

    @cached_property
    def missing(self) -> np.ndarray:
        return np.flatnonzero(np.bincount(self.places[self.places >= 0], minlength=self.size) == 0)

    @cached_property
    def doubled(self) -> list[tuple[int, int]]:
        """The first two rows of each entry that has several."""
        rows = np.flatnonzero(self.places >= 0)
        twice = np.flatnonzero(np.bincount(self.places[rows], minlength=self.size) > 1)
        if not len(twice):
            return []
        order = rows[np.argsort(self.places[rows], kind="stable")]
        firsts = np.searchsorted(self.places[order], twice)
        return sorted((int(order[k]), int(order[k + 1])) for k in firsts)

    def key(self, row: int) -> str:
        """The key of a row, in words."""
        return _told_key([c[row] for c in self.columns])

    def entry(self, place: int) -> str:
        """The indices of an entry, in words."""
        words: list[str] = []
        for dim, members in zip(reversed(self.dims), reversed(self.members)):
            place, at = divmod(int(place), dim.size)
            text = members.key(np.array(at)).text()
            words[:0] = [text.strip("()")] if members.arity > 1 else [text]
        return words[0] if len(words) == 1 and "," not in words[0] else f"({', '.join(words)})"

    def near(self, row: int) -> tuple[str, ...]:
        """The hint for a key that is nearly an element."""
        first = 0
        for dim, members in zip(self.dims, self.members):
            if dim.arity == 1 and members.has_labels:
                cell = str(self.columns[first][row])
                labels = members.labels or ()
                if cell not in labels:
                    found = did_you_mean(cell, labels)
                    return tuple(h.replace("`", '"') for h in found) or (f"its labels are {_some(labels)}",)
            first += dim.arity
        return ()


def place_of(columns: list[Sequence], members: IndexSet) -> np.ndarray:
    """Where elements given as texts or numbers stand in a set, from 0; -1: not there."""
    codes = []
    for cells, universe in zip(columns, members.universes):
        if universe is not None:
            known = universe.codes
            codes.append(np.array([known.get(c, 0) if isinstance(c, str) else known.get(str(c), 0) for c in cells], int))
        else:
            codes.append(np.array([_whole(c) for c in cells], float))
    return members.find(Key(tuple(codes), members.universes, batched=True))


def _whole(cell) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return np.nan


def told(words: Sequence[str], count: int | None = None) -> str:
    """The first few, and how many more there are."""
    shown = list(words[:KEYS])
    more = (len(words) if count is None else count) - len(shown)
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _told_key(parts: Sequence) -> str:
    words = [f'"{p}"' if isinstance(p, str) and np.isnan(_whole(p)) else str(p) for p in parts]
    return words[0] if len(words) == 1 else f"({', '.join(words)})"


def _some(labels: Sequence[str]) -> str:
    return ", ".join(f'"{v}"' for v in labels[:6]) + (", ..." if len(labels) > 6 else "")
