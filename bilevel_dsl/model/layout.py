"""How values stand in CasADi: a batch, N values of shape s, is a matrix with N columns, the entries of each by columns."""

from __future__ import annotations

import casadi as ca
import numpy as np

from ..semantics.nodes.ir import Node, Shape


def matrix_shape(shape: Shape) -> tuple[int, int]:
    """In CasADi: as it is, with more dimensions a column of all entries by columns."""
    return (*shape, 1, 1)[:2] if len(shape) < 3 else (int(np.prod(shape)), 1)


def as_columns(value: np.ndarray, shape: Shape, batch: int | None) -> np.ndarray:
    """A logical value as the matrix that stands for it."""
    if batch is None:
        return value.reshape(matrix_shape(shape), order="F")
    return value.transpose(0, *range(value.ndim - 1, 0, -1)).reshape(batch, -1).T


def flat(n: Node, v: ca.MX) -> ca.MX:
    """As in a batch: a column of entries for each iteration; an unbatched value is one column."""
    return v if n.batch is not None else ca.vec(v)
