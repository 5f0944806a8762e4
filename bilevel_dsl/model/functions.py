"""The operators and built-in functions of the language in CasADi, under the names that their nodes have.

What a function takes and gives is said in its record (`semantics/builtins/`): here `ELEMENTWISE` ones take arrays of equal
shape or scalars, `FUNCTIONS` the node as well, with arguments that may be batches (`layout.py`).
"""

from __future__ import annotations

import casadi as ca

from ..semantics.nodes.ir import Node
from .layout import flat, matrix_shape

# --- entry by entry -------------------------------------------------------------------------------


def larger(a, b):
    """max(a, b), NaN if one of them is: fmax swallows it."""
    return ca.if_else(a > b, a, ca.if_else(b >= a, b, a + b))


def smaller(a, b):
    return ca.if_else(a < b, a, ca.if_else(b <= a, b, a + b))


def _power(a, b):
    if isinstance(b, ca.MX) and b.is_constant() and b.numel() == 1 and float(b.to_DM()) == 2.0:
        return a * a
    return a**b


def _softplus(x):
    """log(1 + exp(x)) without overflow, and with the right derivatives at 0, where |x| would have none."""
    positive, negative = ca.if_else(x >= 0, x, 0), ca.if_else(x >= 0, 0, x)
    return ca.if_else(x >= 0, x + ca.log1p(ca.exp(-positive)), ca.log1p(ca.exp(negative)))


def _huber(x, delta=1.0):
    size = ca.fabs(x)
    return ca.if_else(size <= delta, 0.5 * x * x, delta * (size - 0.5 * delta))


ELEMENTWISE = {
    "neg": lambda a: -a,
    "not": ca.logic_not,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": _power,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "and": ca.logic_and,
    "or": ca.logic_or,
    "where": ca.if_else,
    "min2": smaller,
    "max2": larger,
    "abs": ca.fabs,
    "sqrt": ca.sqrt,
    "exp": ca.exp,
    "log": ca.log,
    "log1p": ca.log1p,
    "expm1": ca.expm1,
    "sin": ca.sin,
    "cos": ca.cos,
    "tan": ca.tan,
    "asin": ca.asin,
    "acos": ca.acos,
    "atan": ca.atan,
    "atan2": ca.atan2,
    "sinh": ca.sinh,
    "cosh": ca.cosh,
    "tanh": ca.tanh,
    "sign": ca.sign,
    "sigmoid": lambda x: 0.5 * ca.tanh(0.5 * x) + 0.5,
    "softplus": _softplus,
    "relu": lambda x: x * (x > 0),  # keeps NaN
    "huber": _huber,
    "smooth_abs": lambda x, eps=1e-3: ca.sqrt(x * x + eps * eps),
}


# --- functions of vectors and matrices ----------------------------------------------------------------


def along_rows(kind: str, v: ca.MX) -> ca.MX:
    """One number for each row."""
    if kind == "sum":
        return ca.sum2(v)
    if kind in ("mean", "expect"):
        return ca.sum2(v) / v.shape[1]
    combine = {"prod": lambda a, b: a * b, "min": smaller, "max": larger}[kind]
    while v.shape[1] > 1:  # by halves: the depth is the logarithm of the length
        half, odd = v.shape[1] // 2, v.shape[1] % 2
        halves = combine(v[:, :half], v[:, half : 2 * half])
        v = ca.horzcat(halves, v[:, -1]) if odd else halves
    return v


def _dot(n: Node, a: ca.MX, b: ca.MX) -> ca.MX:
    left, right = n.args
    if n.batch is None:
        return ca.dot(ca.vec(a), ca.vec(b))
    if left.batch is not None and right.batch is not None:
        return ca.sum1(a * b)
    one, many = (a, b) if left.batch is None else (b, a)
    return ca.vec(one).T @ many


def _columnwise(function):
    """A function of the whole array, for one value or for every column of a batch."""
    return lambda n, v: function(flat(n.args[0], v))


def _largest(v: ca.MX) -> ca.MX:
    return along_rows("max", v.T).T


def _softmax(v: ca.MX) -> ca.MX:
    e = ca.exp(v - ca.repmat(_largest(v), v.shape[0], 1))
    return e / ca.repmat(ca.sum1(e), v.shape[0], 1)


def _logsumexp(v: ca.MX) -> ca.MX:
    m = _largest(v)
    return m + ca.log(ca.sum1(ca.exp(v - ca.repmat(m, v.shape[0], 1))))


FUNCTIONS = {
    "dot": _dot,
    "norm": _columnwise(lambda v: ca.sqrt(ca.sum1(v * v))),
    "norm1": _columnwise(lambda v: ca.sum1(ca.fabs(v))),
    "norminf": _columnwise(lambda v: _largest(ca.fabs(v))),
    "sumsqr": _columnwise(lambda v: ca.sum1(v * v)),
    "softmax": _columnwise(_softmax),
    "logsumexp": _columnwise(_logsumexp),
    "trace": lambda n, v: ca.trace(v),
    "diag": lambda n, v: ca.densify(ca.diag(v)),
    "vec": lambda n, v: flat(n.args[0], v),
    "reshape": lambda n, v: v if n.batch is not None else ca.reshape(v, *matrix_shape(n.shape)),
    "vcat": lambda n, *v: ca.vertcat(*v),
    "hcat": lambda n, *v: ca.horzcat(*v),
    "kron": lambda n, a, b: ca.kron(a, b),
    "outer": lambda n, a, b: a @ b.T,
    "solve": lambda n, a, b: ca.solve(a, b),
    "inv": lambda n, a: ca.inv(a),
    "det": lambda n, a: ca.det(a),
}
