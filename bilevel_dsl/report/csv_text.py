"""Results and traces as CSV: a header and numbers, nothing else. Numbers read back to the same bits."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np

from ..model.problem import labels_of
from .indices import indexed
from .origin import digest, is_short
from .solution import Point, Solution


def csv_text(result: Point) -> str:
    """One row: how it ended, the parameters from outside, the objectives, every entry of variables and report.

    Entries are named as in the model: `t[2]`, `W[1,3]`, `x[north]`. Without a point their cells are empty.
    """
    problem = result.problem
    solved = isinstance(result, Solution)
    entries = [
        ("status", result.status if solved else ""),
        ("verified", str(result.verified).lower()),
        ("method", result.method if solved else ""),
        ("seconds", round(sum(result.timings.values()), 6)),
    ]
    for name, given in problem.given.items():
        entries += _parameter(name, given.value, given.labels)
    entries += [("upper", result.upper), ("lower", result.lower)]
    for v in problem.variables:
        entries += zip(entry_names(v.name, v.shape, v.labels), _flat(result.variables.get(v.name), v.size))
    for r in problem.report:
        entries += zip(
            entry_names(r.name, r.shape, labels_of(r.index)),
            _flat(result.report.get(r.name), int(np.prod(r.shape, dtype=int))),
        )
    header, row = zip(*entries)
    return _text([header, row])


def _parameter(name: str, value: np.ndarray | str, labels: tuple) -> Iterator[tuple[str, object]]:
    """A text, or entries; of a large one the digest."""
    if isinstance(value, str):
        yield name, value
    elif not is_short(value):
        yield name, digest(value)["sha256"]
    else:
        yield from zip(entry_names(name, value.shape, labels), value.ravel().tolist())


def long_text(result: Point) -> str:
    """One row for each entry of variables, report and multipliers: the name, its indices, the value."""
    found = [(name, index, array) for name, index, array in indexed(result)]
    most = max((_depth(index) for _, index, _ in found), default=0)
    header = ("name", *(f"index{k}" for k in range(1, most + 1)), "value")
    return _text([header, *(row for name, index, array in found for row in _rows(name, index, array, most))])


def _depth(index: list[list]) -> int:
    return sum(len(axis[0]) if isinstance(axis[0], tuple) else 1 for axis in index)


def _rows(name: str, index: list[list], array, most: int) -> Iterator[tuple]:
    for keys, value in zip(product(*index), np.asarray(array, float).ravel().tolist()):
        flat = [part for key in keys for part in (key if isinstance(key, tuple) else (key,))]
        yield (name, *flat, *[""] * (most - len(flat)), value)


def trace_text(solution: Solution) -> str:
    """One row for each iteration kept: its number and the measures of the method."""
    columns = [np.asarray(c).tolist() for c in solution.trace.values()]
    return _text([tuple(solution.trace) or ("iteration",), *zip(*columns)])


def _text(rows: Iterable[tuple]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _flat(value, size: int) -> list:
    return [""] * size if value is None else np.asarray(value, float).ravel().tolist()


def entry_names(name: str, shape: tuple[int, ...], labels: tuple = ()) -> Iterator[str]:
    """The names of the entries, by rows."""
    for index in np.ndindex(*shape):
        words = [labels[k][i] if k < len(labels) and labels[k] else str(i + 1) for k, i in enumerate(index)]
        yield f"{name}[{','.join(words)}]" if words else name
