"""The value of a node on numbers: for indices, conditions, sizes, start points and derived data."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from ..builtins import BUILTINS
from ..nodes.ir import MANY, Node, Segments, postorder

ELEMENTWISE = {
    "neg": np.negative,
    "not": np.logical_not,
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "==": np.equal,
    "!=": np.not_equal,
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "<": np.less,
    ">": np.greater,
    "and": np.logical_and,
    "or": np.logical_or,
    "where": lambda c, a, b: np.where(c, a, b),
    "min2": np.minimum,
    "max2": np.maximum,
}
FOLDS = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "min": np.min, "max": np.max, "expect": np.mean}


def evaluate(root: Node, params: Mapping[str, np.ndarray]) -> np.ndarray:
    """The value of `root`: of its shape, with a leading axis if it is batched.

    Raises:
        KeyError: a parameter has no value. LinAlgError: a singular matrix. TooLarge: a sparse matrix is.
    """
    values: dict[int, np.ndarray] = {}
    with np.errstate(all="ignore"):
        for n in postorder(root):
            values[id(n)] = _value(n, [values[id(a)] for a in n.args], params)
    return values[id(root)]


def _value(n: Node, a: list[np.ndarray], params: Mapping[str, np.ndarray]) -> np.ndarray:
    if n.op == "const":
        return n.attr
    if n.op in ("param", "slot"):
        return np.asarray(params[n.attr], float)
    if n.op in _STRUCTURAL:
        return _STRUCTURAL[n.op](n, *a)
    if n.op in ELEMENTWISE:
        return np.asarray(ELEMENTWISE[n.op](*_aligned(n, a)), float)
    builtin = BUILTINS[n.op]
    if builtin.elementwise:
        return np.asarray(builtin.value(*_aligned(n, a)), float)
    call = builtin.value if builtin.sizes is None else lambda *v: builtin.value(n.attr or n.shape, *v)
    if n.batch is None:
        return np.asarray(call(*a), float).reshape(n.shape)
    if n.batch == 0:
        return np.zeros((0, *n.shape))
    whole = [v if arg.batch is not None else np.broadcast_to(v, (n.batch, *v.shape)) for v, arg in zip(a, n.args)]
    return np.stack([np.asarray(call(*(v[k] for v in whole)), float).reshape(n.shape) for k in range(n.batch)])


def _aligned(n: Node, values: list[np.ndarray]) -> list[np.ndarray]:
    """Batched scalars get axes of length one, so that they meet the entries of an array."""
    rank = len(n.shape)
    return [
        v.reshape(v.shape + (1,) * rank) if arg.batch is not None and arg.shape == () and rank else v
        for v, arg in zip(values, n.args)
    ]


def flat(v: np.ndarray, batch: int | None) -> np.ndarray:
    """The entries by columns; batched: one row for each iteration."""
    if batch is None:
        return np.ravel(v, order="F")
    return v.transpose(0, *range(v.ndim - 1, 0, -1)).reshape(batch, -1)


class TooLarge(ValueError):
    """A sparse matrix that would have to be written out."""

    def __init__(self, n: Node):
        super().__init__(f"with its zeros this matrix has {prod(n.shape):,} entries, more than {MANY:,}")
        self.node = n


def _sparse(n: Node, values: np.ndarray) -> np.ndarray:
    if prod(n.shape) > MANY:
        raise TooLarge(n)
    return n.attr.dense(values)


def _gather(n: Node, base: np.ndarray) -> np.ndarray:
    entries, index = flat(base, n.args[0].batch), n.attr
    if n.args[0].batch is None:
        return entries[index]
    if index.ndim == len(n.shape):  # the same index in every iteration
        return entries[:, index]
    return entries[np.arange(n.batch).reshape((-1,) + (1,) * len(n.shape)), index]


def _merge(n: Node, *parts: np.ndarray) -> np.ndarray:
    out = np.empty((n.batch, *n.shape))
    for mask, part, _ in zip((n.attr, ~n.attr), parts, n.args):
        out[mask] = part
    return out


def _fold(n: Node, inner: np.ndarray) -> np.ndarray:
    kind, segments = n.attr
    if segments.count is None:
        return FOLDS[kind](inner, axis=0)
    if kind in ("sum", "mean", "expect"):
        total = np.zeros((segments.count, *n.shape))
        np.add.at(total, segments.parent, inner)
        return total if kind == "sum" else total / segments.sizes.reshape(-1, *(1,) * len(n.shape))
    return np.stack([FOLDS[kind](inner[segments.parent == k], axis=0) for k in range(segments.count)])


def _collect(n: Node, inner: np.ndarray) -> np.ndarray:
    segments: Segments = n.attr
    return inner if segments.count is None else inner.reshape(segments.count, *n.shape)


def _reduce(n: Node, v: np.ndarray) -> np.ndarray:
    return FOLDS[n.attr](v) if n.batch is None else FOLDS[n.attr](v.reshape(n.batch, -1), axis=1)


def _recursion(n: Node, *a: np.ndarray) -> np.ndarray:
    size = int(np.prod(n.shape[1:], dtype=int))
    entries = np.zeros((size, 0))
    for run in n.attr:
        slots = {m.attr: m for m in postorder(run.step) if m.op == "slot"}
        fixed = entries[:, run.fixed]
        columns = {j: _by_entry(a[j], n.args[j].batch, run.count) for j in run.mapped}
        for k in range(run.count):
            values = {j: a[j] for j in run.shared} | {j: unflat(columns[j][k], slots[j]) for j in run.mapped}
            values |= {"window": entries[:, entries.shape[1] - run.window :], "fixed": fixed}
            entries = np.column_stack([entries, flat(evaluate(run.step, values), None)])
    return entries.T.ravel(order="F").reshape(n.shape, order="F")


def _by_entry(value: np.ndarray, batch: int | None, count: int) -> np.ndarray:
    """What is mapped over the entries of a recursion, a row for each: columns of a matrix, or the iterations of a batch."""
    return value.T if batch is None else flat(value, batch).reshape(count, -1)


def unflat(entries: np.ndarray, n: Node) -> np.ndarray:
    """The value of a node from its entries by columns, those of one iteration after the other."""
    if n.batch is None:
        return entries.reshape(n.shape, order="F")
    return np.stack([row.reshape(n.shape, order="F") for row in entries.reshape(n.batch, n.size)])


def _transpose(n: Node, v: np.ndarray) -> np.ndarray:
    rank = len(n.args[0].shape)
    if rank == 0:
        return v
    turned = np.expand_dims(v, -2) if rank == 1 else np.swapaxes(v, -1, -2)
    return turned[..., 0] if len(n.shape) == 1 else turned


def _matmul(n: Node, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    left, right = n.args
    a = np.expand_dims(a, -1) if len(left.shape) == 1 else a
    b = np.expand_dims(b, -1) if len(right.shape) == 1 else b
    out = a @ b
    return out.reshape(n.shape if n.batch is None else (n.batch, *n.shape))


_STRUCTURAL = {
    "sparse": _sparse,
    "gather": _gather,
    "rebatch": lambda n, v: v[n.attr],
    "merge": _merge,
    "columns": lambda n, *v: np.stack(v),
    "stack": lambda n, *v: np.stack(
        [x if arg.batch == n.batch else np.broadcast_to(x, (n.batch, *x.shape)) for x, arg in zip(v, n.args)],
        axis=0 if n.batch is None else 1,
    ),
    "collect": _collect,
    "fold": _fold,
    "reduce": _reduce,
    "recursion": _recursion,
    "transpose": _transpose,
    "matmul": _matmul,
}
