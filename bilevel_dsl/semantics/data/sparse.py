"""Sparse matrices of data: the entries that are not zero are the numbers of a parameter, where they stand is structure.

So a matrix of a hundred million places with a million entries is a vector of a million, in checks, in the graph, in
results and in C; `A @ x` and what is derived from it go through its entries only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .files import Unreadable, archive_of, require_numbers

_MEMBERS = {"csr": ("indptr", "indices"), "csc": ("indptr", "indices"), "coo": ("row", "col")}
USAGE = "`scipy.sparse.save_npz` writes one, `npz(file, key)` reads an array"


@dataclass(frozen=True, eq=False)
class Pattern:
    """Where the entries stand, by columns: those of column j are `rows[starts[j]:starts[j + 1]]`, in ascending order."""

    shape: tuple[int, int]
    starts: np.ndarray
    rows: np.ndarray

    @property
    def size(self) -> int:
        return len(self.rows)

    def place(self, k: int) -> tuple[int, int]:
        """Row and column of an entry, from 1."""
        return int(self.rows[k]) + 1, int(np.searchsorted(self.starts, k, "right"))

    def dense(self, values: np.ndarray) -> np.ndarray:
        found = np.zeros(self.shape)
        found[self.rows, np.repeat(np.arange(self.shape[1]), np.diff(self.starts))] = values
        return found


@dataclass(frozen=True, eq=False)
class Sparse:
    """A matrix: its entries by columns, and where they stand."""

    pattern: Pattern
    values: np.ndarray

    @classmethod
    def of(cls, shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> Sparse:
        """From triplets in any order; those at one place add up, as SciPy means it."""
        order = np.lexsort((rows, columns))
        place = (columns.astype(np.int64) * shape[0] + rows)[order]
        first = np.flatnonzero(np.diff(place, prepend=-1))
        values = np.add.reduceat(np.asarray(values, float)[order], first) if len(first) else np.zeros(0)
        columns, rows = np.divmod(place[first], max(shape[0], 1))
        starts = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=shape[1]))])
        return cls(Pattern(shape, starts.astype(np.int64), rows.astype(np.int64)), values)

    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        return self.pattern.shape

    @property
    def size(self) -> int:
        return self.pattern.size


def is_sparse(value: object) -> bool:
    """A sparse matrix or array of SciPy, known by what it can do: the library itself is not needed."""
    return hasattr(value, "tocoo") and hasattr(value, "nnz") and hasattr(value, "shape")


def from_scipy(value: object, what: str) -> Sparse:
    """
    Raises:
        Unreadable: not two dimensions, or no real numbers.
    """
    if len(value.shape) != 2:
        raise Unreadable(f"{what} is a sparse array of {len(value.shape)} dimensions, and two are possible")
    found = value.tocoo()
    if np.asarray(found.data).dtype.kind not in "iufb":
        raise Unreadable(f"{what} has entries that are no real numbers")
    return Sparse.of(tuple(map(int, found.shape)), np.asarray(found.row), np.asarray(found.col), found.data)


def read_sparse(path: Path) -> Sparse:
    """What `scipy.sparse.save_npz` wrote: CSR, CSC or COO.

    Raises:
        Unreadable: another archive, or a damaged one.
    """
    with archive_of(path) as archive:
        names = set(archive.files)
        if not {"format", "shape", "data"} <= names:
            raise Unreadable(
                f"`{path.name}` holds no sparse matrix of SciPy", f"it has: {', '.join(sorted(names)[:8])}", USAGE
            )
        raw = archive["format"].item() if archive["format"].size == 1 else ""
        kind = raw.decode() if isinstance(raw, bytes) else str(raw)
        if kind not in _MEMBERS or not set(_MEMBERS[kind]) <= names:
            raise Unreadable(
                f"the matrix in `{path.name}` is in the format `{kind}`", "csr, csc and coo are read: `A.tocsr()`"
            )
        members = (*_MEMBERS[kind], "data", "shape")
        for key in members:
            require_numbers(archive, key, path.name)
        first, second, values, shape = (archive[key] for key in members)
    fault = _fault(kind, first, second, values, shape)
    if fault:
        raise Unreadable(f"`{path.name}` is damaged: {fault}")
    m, n = map(int, shape)
    if kind != "coo":
        first = np.repeat(np.arange(len(first) - 1), np.diff(first))
    rows, columns = (first, second) if kind != "csc" else (second, first)
    return Sparse.of((m, n), rows, columns, values)


def _fault(kind: str, first: np.ndarray, second: np.ndarray, values: np.ndarray, shape: np.ndarray) -> str:
    """What does not fit together in the members of a file."""
    if shape.shape != (2,) or shape.dtype.kind not in "iu" or np.any(shape < 1):
        return "its shape is not two numbers from 1"
    if any(a.ndim != 1 for a in (first, second, values)) or any(a.dtype.kind not in "iu" for a in (first, second)):
        return "its places are not vectors of whole numbers"
    if len(second) != len(values):
        return f"{len(values)} entries and {len(second)} places"
    outer, inner = (shape[1], shape[0]) if kind == "csc" else (shape[0], shape[1])
    if kind == "coo":
        if len(first) != len(values) or np.any(first < 0) or np.any(first >= outer):
            return "an entry outside of its shape"
    elif len(first) != outer + 1 or first[0] != 0 or first[-1] != len(values) or np.any(np.diff(first) < 0):
        return "its rows do not follow each other"
    return "an entry outside of its shape" if len(second) and (second.min() < 0 or second.max() >= inner) else ""
