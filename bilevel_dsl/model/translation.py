"""Nodes to CasADi: a generator is a few matrix operations, whatever its length."""

from __future__ import annotations

import casadi as ca
import numpy as np

from ..semantics.graph.zeros import keeps_zeros
from ..semantics.nodes.ir import Node, Segments, postorder
from .functions import ELEMENTWISE, FUNCTIONS, along_rows
from .layout import as_columns, matrix_shape
from .recursion import recursion


class Translation:
    """Nodes to CasADi, each once: shared parts stay shared."""

    def __init__(self, symbols: dict[str | int, ca.MX]):
        self.symbols = symbols
        self.known: dict[int, ca.MX] = {}
        self._alive: list[Node] = []  # a node's id is its key: it must not be freed

    def __call__(self, root: Node) -> ca.MX:
        for n in postorder(root):
            if id(n) not in self.known:
                self._alive.append(n)
                self.known[id(n)] = self._one(n, [self.known[id(a)] for a in n.args])
        return self.known[id(root)]

    def _one(self, n: Node, a: list[ca.MX]) -> ca.MX:
        if n.op == "const":
            return ca.MX(ca.DM(as_columns(n.attr, n.shape, n.batch)))
        if n.op in ("param", "var", "slot"):
            return self.symbols[n.attr]
        if n.op == "dual":
            return self.symbols[f"dual({n.attr})"]
        if n.op == "recursion":
            return _rowwise(n, recursion(n, a, lambda step, slots: Translation(_shaped(step, slots))(step)))
        if not keeps_zeros(n):
            a = [v if v.is_dense() else ca.densify(v) for v in a]
        if n.op in _STRUCTURAL:
            return _STRUCTURAL[n.op](n, *a)
        if n.op in ELEMENTWISE:
            return ELEMENTWISE[n.op](*_aligned(n, a))
        return FUNCTIONS[n.op](n, *a)


def _aligned(n: Node, values: list[ca.MX]) -> list[ca.MX]:
    """Operands of one size: CasADi itself spreads only single scalars."""
    if n.batch is None:
        return values
    rows, out = n.size, []
    for arg, v in zip(n.args, values):
        if arg.batch is None:
            v = ca.vec(v)
            v = v if v.numel() == 1 else ca.repmat(v, 1, n.batch)
        elif v.shape[0] < rows:
            v = ca.repmat(v, rows, 1)
        out.append(v)
    return out


# --- structure ------------------------------------------------------------------------------------


def _gather(n: Node, v: ca.MX) -> ca.MX:
    base, index = n.args[0], n.attr
    if base.batch is None:
        places = as_columns(index, n.shape, n.batch)
        return ca.reshape(ca.vec(v)[places.ravel(order="F").astype(int).tolist()], *places.shape)
    if index.ndim == len(n.shape):
        return v[index.ravel(order="F").astype(int).tolist(), :]
    places = as_columns(index, n.shape, n.batch) + np.arange(n.batch) * base.size
    return ca.reshape(ca.vec(v)[places.ravel(order="F").astype(int).tolist()], *places.shape)


def _merge(n: Node, a: ca.MX, b: ca.MX) -> ca.MX:
    order = np.argsort(np.concatenate([np.flatnonzero(n.attr), np.flatnonzero(~n.attr)]))
    return ca.horzcat(a, b)[:, order.tolist()]


def _stack(n: Node, *parts: ca.MX) -> ca.MX:
    if n.batch is None:
        return ca.vertcat(*parts) if len(n.shape) == 1 else ca.horzcat(*parts).T
    wide = [v if a.batch is not None else ca.repmat(ca.vec(v), 1, n.batch) for a, v in zip(n.args, parts)]
    whole = ca.vertcat(*wide)
    return whole if len(n.shape) == 1 else whole[_transposed(n.shape[::-1]), :]


def _transposed(shape: tuple[int, int]) -> list[int]:
    """Places, by columns, of the entries of the transpose of a matrix of this shape."""
    return np.arange(shape[0] * shape[1]).reshape(shape, order="F").T.ravel(order="F").tolist()


def _rowwise(n: Node, v: ca.MX) -> ca.MX:
    """An array whose first dimension is over the columns of `v`."""
    return v.T if len(n.shape) == 2 else ca.vec(v.T)


def _shaped(step: Node, slots: dict[str | int, ca.MX]) -> dict[str | int, ca.MX]:
    """The arguments of a step as its nodes take them: those with a column for each entry are of the shape of the slot."""
    found = dict(slots)
    for n in postorder(step):
        if n.op == "slot" and n.attr in slots:
            found[n.attr] = ca.reshape(slots[n.attr], *(matrix_shape(n.shape) if n.batch is None else (n.size, n.batch)))
    return found


def _collect(n: Node, v: ca.MX) -> ca.MX:
    segments: Segments = n.attr
    count, rows = n.shape[0], n.args[0].size
    if segments.count is None:
        return _rowwise(n, v)
    whole = ca.reshape(v, rows * count, segments.count)
    return whole if len(n.shape) == 1 else whole[_transposed((rows, count)), :]


def _fold(n: Node, v: ca.MX) -> ca.MX:
    kind, segments = n.attr
    rows, columns = v.shape
    if segments.count is None:
        out = along_rows(kind, v)
        return ca.reshape(out, *matrix_shape(n.shape))
    if kind in ("sum", "mean", "expect"):
        weight = np.ones(columns) if kind == "sum" else 1 / segments.sizes[segments.parent]
        pick = ca.DM(ca.Sparsity.triplet(columns, segments.count, list(range(columns)), segments.parent.tolist()), 1.0)
        pick.nz[:] = weight.tolist() if segments.parent.size else []
        return ca.densify(v @ ca.MX(pick))
    size = columns // segments.count
    each = [along_rows(kind, ca.horzcat(*[v[:, k * size + j] for j in range(size)])) for k in range(segments.count)]
    return ca.horzcat(*each)


def _reduce(n: Node, v: ca.MX) -> ca.MX:
    if n.batch is None:
        return along_rows(n.attr, ca.vec(v).T)
    if n.attr in ("sum", "mean"):
        return ca.sum1(v) / (1 if n.attr == "sum" else v.shape[0])
    return ca.vec(along_rows(n.attr, v.T)).T


def _matmul(n: Node, a: ca.MX, b: ca.MX) -> ca.MX:
    left, right = n.args
    (m, k), (_, columns) = matrix_shape(left.shape), matrix_shape(right.shape)
    if n.batch is None:
        return a @ b if not (a.is_dense() or b.is_dense()) else ca.densify(a @ b)
    if left.batch is None:  # the same matrix from the left
        return ca.reshape(ca.densify(a @ ca.reshape(b, k, columns * n.batch)), m * columns, n.batch)
    if right.batch is None:  # a row in each iteration: (b' row')'
        return ca.densify(b.T @ a)
    return ca.sum1(a * b)


def _sparse(n: Node, v: ca.MX) -> ca.MX:
    pattern = n.attr
    return ca.sparsity_cast(v, ca.Sparsity(*pattern.shape, pattern.starts.tolist(), pattern.rows.tolist()))


_STRUCTURAL = {
    "sparse": _sparse,
    "gather": _gather,
    "merge": _merge,
    "stack": _stack,
    "collect": _collect,
    "fold": _fold,
    "reduce": _reduce,
    "matmul": _matmul,
    "rebatch": lambda n, v: v[:, n.attr.tolist()],
    "columns": lambda n, *v: ca.horzcat(*[ca.vec(x) for x in v]),
    "transpose": lambda n, v: (
        v.T if n.batch is None else v if len(n.args[0].shape) == 1 else v[_transposed(n.args[0].shape), :]
    ),
}
