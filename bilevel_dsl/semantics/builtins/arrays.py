"""Functions of vectors and matrices."""

from __future__ import annotations

from math import prod

import numpy as np

from ..nodes.arithmetic import Interval, magnitude, products, square, times, together
from ..nodes.ir import Node, Shape
from .record import Builtin, Misuse, bilinear, linear, words

# --- shapes ---------------------------------------------------------------------------------------


def _any_to_scalar(a: Shape) -> Shape:
    return ()


def _square(a: Shape) -> Shape:
    if len(a) != 2 or a[0] != a[1]:
        raise Misuse(f"needs a square matrix, not {words(a)}")
    return a


def _trace(a: Shape) -> Shape:
    _square(a)
    return ()


def _dot(a: Shape, b: Shape) -> Shape:
    if prod(a) != prod(b):
        raise Misuse(f"needs two of equal length, not {words(a)} and {words(b)}")
    return ()


def _diag(a: Shape) -> Shape:
    if len(a) == 1:
        return (a[0], a[0])
    if len(a) == 2 and a[0] == a[1]:
        return (a[0],)
    raise Misuse(f"needs a vector or a square matrix, not {words(a)}")


def _vec(a: Shape) -> Shape:
    return (prod(a),)


def _columns(a: Shape) -> tuple[int, int]:
    return a if len(a) == 2 else (prod(a), 1)


def _hcat(*shapes: Shape) -> Shape:
    rows = {_columns(s)[0] for s in shapes}
    if len(rows) > 1:
        raise Misuse(f"puts side by side what has equally many rows, not {' and '.join(words(s) for s in shapes)}")
    return (rows.pop(), sum(_columns(s)[1] for s in shapes))


def _vcat(*shapes: Shape) -> Shape:
    if all(len(s) < 2 for s in shapes):
        return (sum(prod(s) for s in shapes),)
    columns = {_columns(s)[1] for s in shapes}
    if len(columns) > 1:
        raise Misuse(
            f"stacks what has equally many columns, not {' and '.join(words(s) for s in shapes)}",
            "a vector is a column; transpose it with `'` to make a row",
        )
    return (sum(_columns(s)[0] for s in shapes), columns.pop())


def _kron(a: Shape, b: Shape) -> Shape:
    (m, n), (p, q) = _columns(a), _columns(b)
    return (m * p, n * q) if len(a) == 2 or len(b) == 2 else (m * p,)


def _outer(a: Shape, b: Shape) -> Shape:
    if len(a) != 1 or len(b) != 1:
        raise Misuse(f"needs two vectors, not {words(a)} and {words(b)}")
    return (a[0], b[0])


def _vector(a: Shape) -> Shape:
    if len(a) != 1:
        raise Misuse(f"needs a vector, not {words(a)}")
    return a


def _vector_to_scalar(a: Shape) -> Shape:
    _vector(a)
    return ()


def _solve(a: Shape, b: Shape) -> Shape:
    _square(a)
    if not b or b[0] != a[0]:
        raise Misuse(f"needs a right-hand side with {a[0]} rows, not {words(b)}")
    return b


# --- values on numbers; one value, no batch ---------------------------------------------------------


def _norm(x):
    return np.sqrt(np.sum(x * x))


def _softmax(x):
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def _logsumexp(x):
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


def _flat(x):
    return np.ravel(x, order="F")


def _two_dimensional(x):
    x = np.asarray(x, float)
    return x if x.ndim == 2 else x.reshape(-1, 1)


def _vcat_value(*parts):
    if all(np.ndim(p) < 2 for p in parts):
        return np.concatenate([np.ravel(p) for p in parts])
    return np.vstack([_two_dimensional(p) for p in parts])


def _kron_value(a, b):
    out = np.kron(_two_dimensional(a), _two_dimensional(b))
    return out if np.ndim(a) == 2 or np.ndim(b) == 2 else out.ravel()


# --- degrees and intervals --------------------------------------------------------------------------


def _dot_interval(n: Node, a: Interval, b: Interval) -> Interval:
    return times(n.args[0].size, square(a) if n.args[0] is n.args[1] else products(a, b))


def _norm_interval(n: Node, a: Interval) -> Interval:
    low, high = magnitude(a)
    root = np.sqrt(n.args[0].size)
    return low * root, high * root


def _diag_interval(n: Node, a: Interval) -> Interval:
    return (min(a[0], 0.0), max(a[1], 0.0)) if len(n.args[0].shape) == 1 else a


# --- the functions ----------------------------------------------------------------------------------

ARRAYS = (
    Builtin(
        signature="dot(a, b)",
        doc="sum of the products of the entries",
        value=lambda a, b: np.sum(_flat(a) * _flat(b)),
        arguments=(2, 2),
        shape=_dot,
        any_rank=True,
        degree=bilinear,
        interval=_dot_interval,
    ),
    Builtin(
        signature="norm(x)",
        doc="Euclidean norm, of a matrix the Frobenius norm",
        value=_norm,
        shape=_any_to_scalar,
        any_rank=True,
        interval=_norm_interval,
    ),
    Builtin(
        signature="norm1(x)",
        doc="sum of the absolute values",
        value=lambda x: np.sum(np.abs(x)),
        shape=_any_to_scalar,
        any_rank=True,
        interval=lambda n, a: times(n.args[0].size, magnitude(a)),
        smoother="`sum(smooth_abs(x))`",
    ),
    Builtin(
        signature="norminf(x)",
        doc="largest absolute value",
        value=lambda x: np.max(np.abs(x)),
        shape=_any_to_scalar,
        any_rank=True,
        interval=lambda n, a: magnitude(a),
        smoother="`logsumexp` of both signs, or `-u <= x <= u` with a variable u",
    ),
    Builtin(
        signature="sumsqr(x)",
        doc="sum of the squares",
        value=lambda x: np.sum(x * x),
        shape=_any_to_scalar,
        any_rank=True,
        degree=lambda degrees: 2 * degrees[0],
        interval=lambda n, a: times(n.args[0].size, square(a)),
    ),
    Builtin(
        signature="trace(A)",
        doc="sum of the diagonal",
        value=np.trace,
        shape=_trace,
        in_batches=False,
        degree=linear,
        interval=lambda n, a: times(n.args[0].shape[0], a),
    ),
    Builtin(
        signature="diag(x)",
        doc="a diagonal matrix, or the diagonal of one",
        value=np.diag,
        shape=_diag,
        in_batches=False,
        degree=linear,
        interval=_diag_interval,
    ),
    Builtin(signature="eye(n)", doc="the n by n identity", value=lambda s: np.eye(*s, *s), sizes=0, in_batches=False),
    Builtin(signature="zeros(m) or zeros(m, n)", doc="all 0", value=lambda s: np.zeros(s), arguments=(1, 2), sizes=0),
    Builtin(signature="ones(m) or ones(m, n)", doc="all 1", value=lambda s: np.ones(s), arguments=(1, 2), sizes=0),
    Builtin(
        signature="vec(A)",
        doc="the columns of A under each other",
        value=_flat,
        shape=_vec,
        any_rank=True,
        degree=linear,
        interval=together,
    ),
    Builtin(
        signature="reshape(a, m) or reshape(a, m, n)",
        doc="the same entries, by columns",
        value=lambda s, a: np.reshape(a, s, order="F"),
        arguments=(2, 3),
        sizes=1,
        any_rank=True,
        degree=linear,
        interval=together,
    ),
    Builtin(
        signature="rows(A)",
        doc="number of rows",
        value=lambda a: float(_columns(np.shape(a))[0]),
        shape=_any_to_scalar,
    ),
    Builtin(
        signature="cols(A)",
        doc="number of columns",
        value=lambda a: float(_columns(np.shape(a))[1]),
        shape=_any_to_scalar,
    ),
    Builtin(
        signature="vcat(a, b, ...)",
        doc="stacked on top of each other",
        value=_vcat_value,
        arguments=(1, None),
        shape=_vcat,
        in_batches=False,
        degree=linear,
        interval=together,
    ),
    Builtin(
        signature="hcat(a, b, ...)",
        doc="side by side",
        value=lambda *p: np.hstack([_two_dimensional(v) for v in p]),
        arguments=(1, None),
        shape=_hcat,
        in_batches=False,
        degree=linear,
        interval=together,
    ),
    Builtin(
        signature="kron(A, B)",
        doc="Kronecker product",
        value=_kron_value,
        arguments=(2, 2),
        shape=_kron,
        in_batches=False,
        degree=bilinear,
    ),
    Builtin(
        signature="outer(a, b)",
        doc="a b'",
        value=np.outer,
        arguments=(2, 2),
        shape=_outer,
        in_batches=False,
        degree=bilinear,
    ),
    Builtin(signature="softmax(x)", doc="exp(x) / sum(exp(x))", value=_softmax, shape=_vector, interval=(0.0, 1.0)),
    Builtin(signature="logsumexp(x)", doc="log(sum(exp(x)))", value=_logsumexp, shape=_vector_to_scalar),
    Builtin(
        signature="solve(A, b)",
        doc="x with A @ x = b",
        value=np.linalg.solve,
        arguments=(2, 2),
        shape=_solve,
        in_batches=False,
        degree=lambda degrees: degrees[1] if degrees[0] == 0 else np.inf,
    ),
    Builtin(signature="inv(A)", doc="inverse", value=np.linalg.inv, shape=_square, in_batches=False),
    Builtin(signature="det(A)", doc="determinant", value=np.linalg.det, shape=_trace, in_batches=False),
)
