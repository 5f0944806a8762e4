"""Numbers, vectors and matrices as text of a given width: six digits, long ones cut with a count."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

VECTOR_LINES = 3
MATRIX_ROWS = 8, 4  # a matrix of at most 8 rows is shown whole, of a larger one the first 4
_GAP = "  "
_LONGEST = 1000  # entries of a vector that are looked at
_LABEL = 20  # characters of a label that are shown


def number(value: float, digits: int = 6) -> str:
    """A number of so many digits; zero without a sign."""
    return f"{value + 0.0:.{digits}g}"


def rough(value: float) -> str:
    """Two digits, for a residual or a tolerance: `3.1e-08`, `1e-06`, `0`."""
    return "0" if value == 0 else f"{value:.1e}".replace(".0e", "e")


def array_lines(
    value, width: int, labels: Sequence[Sequence[str] | None] = (), more: str = "...", whole: bool = False
) -> list[str]:
    """A scalar, a vector or a matrix as lines of at most `width` characters.

    Args:
        labels: for each dimension the names of its indices, or None.
        more: what stands for what is left out.
        whole: nothing is left out; a matrix that is too wide stands in blocks of columns.
    """
    array = np.asarray(value, float)
    if array.ndim == 0:
        return [number(array.item())]
    if array.size == 0:
        return ["(empty)"]
    if array.ndim > 2:  # a row for all indices but the last
        names = [labels[k] if k < len(labels) and labels[k] else range(1, n + 1) for k, n in enumerate(array.shape)]
        rows = [",".join(map(str, combination)) for combination in product(*names[:-1])]
        last = labels[array.ndim - 1] if len(labels) == array.ndim else None
        return array_lines(array.reshape(-1, array.shape[-1]), width, (rows, last), more, whole)
    given = [*labels, *[None] * array.ndim][: array.ndim]
    names = [[name[:_LABEL] for name in own] if own else None for own in given]
    if array.ndim == 1:
        words = _words(array if whole else array[:_LONGEST])
        first = names[0]
        return _vector([f"{n} {w}" for n, w in zip(first, words)] if first else words, width, more, whole)
    count = array.shape[0] if whole or array.shape[0] <= MATRIX_ROWS[0] else MATRIX_ROWS[1]
    words = _words(array[:count])
    rows = [words[i * array.shape[1] : (i + 1) * array.shape[1]] for i in range(count)]
    return _blocks(rows, width, names) if whole else _matrix(rows, array.shape, width, names, more)[0]


def _blocks(rows: list[list[str]], width: int, names: list) -> list[str]:
    """All columns of a matrix, as many side by side as fit; columns without names are numbered in all blocks but one."""
    lines, done, n = [], 0, len(rows[0])
    while done < n:
        left = [row[done:] for row in rows]
        heads = [names[0], names[1] and names[1][done:]]
        shape = len(rows), n - done
        if done and not names[1]:
            heads[1] = [f"[{k}]" for k in range(done + 1, n + 1)]
        block, shown = _matrix(left, shape, width, heads, "")
        lines += ([""] if done else []) + block
        done += shown
    return lines


def _words(array: np.ndarray) -> list[str]:
    """Each entry, by rows; those below the rounding of the largest one are 0."""
    entries = array.ravel()
    noise = 1e-12 * np.abs(entries[np.isfinite(entries)]).max(initial=0.0)
    return [number(0.0 if abs(v) <= noise else v) for v in entries.tolist()]


def _vector(words: list[str], width: int, more: str, whole: bool = False) -> list[str]:
    """On one line if it fits; else in columns as wide as the widest entry shown."""
    joined = _GAP.join(words)
    if len(joined) <= width:
        return [joined]
    for columns in range((width + len(_GAP)) // (1 + len(_GAP)), 0, -1):
        shown = words if whole else words[: columns * VECTOR_LINES]
        cell = max(map(len, shown))
        if columns * (cell + len(_GAP)) - len(_GAP) <= width:
            break
    lines = [_GAP.join(w.rjust(cell) for w in shown[k : k + columns]) for k in range(0, len(shown), columns)]
    return lines + [more] * (len(shown) < len(words))


def _matrix(rows: list[list[str]], shape: tuple[int, int], width: int, names: list, more: str) -> tuple[list[str], int]:
    """Columns as wide as their entries, headed by the labels where there are any; and how many of them fit."""
    m, n = shape
    head = list(names[0][: len(rows)]) if names[0] else [""] * len(rows)
    table = ([list(names[1])] if names[1] else []) + rows
    if names[1]:
        head.insert(0, "")
    side = max(map(len, head))
    room = width - (side + len(_GAP) if side else 0)
    widths, used = [], -len(_GAP)
    for j in range(n):
        cell = max(len(row[j]) for row in table)
        used += len(_GAP) + cell
        if used + (len(_GAP) + len(more) if j < n - 1 else 0) > room and widths:
            break
        widths.append(cell)
    cut = _GAP + more if more and len(widths) < n else ""
    lines = [
        (name.ljust(side) + _GAP if side else "") + _GAP.join(map(str.rjust, row, widths)) + cut
        for name, row in zip(head, table)
    ]
    return lines + [more] * (m > len(rows)), len(widths)
