"""Between which numbers the entries of an expression lie, for all values that the sets of the variables allow.

One interval for all entries of a node, and no correlations: `x - x` for x in [0, 1] is [-1, 1]. So an interval may
be too wide, never too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .checked import CheckedVar
from .evaluate import evaluate
from .ir import Node, postorder

Interval = tuple[float, float]
EVERYTHING = (-np.inf, np.inf)


def intervals(root: Node, variables: Mapping[str, CheckedVar], data: Mapping[str, np.ndarray]) -> dict[int, Interval]:
    """The interval of `root` and of each node below it, by `id`."""
    found: dict[int, Interval] = {}
    with np.errstate(all="ignore"):
        for n in postorder(root):
            low, high = _one(n, [found[id(a)] for a in n.args], variables, data)
            found[id(n)] = np.float64(-np.inf if np.isnan(low) else low), np.float64(np.inf if np.isnan(high) else high)
    return found


def of_set(v: CheckedVar, data: Mapping[str, np.ndarray]) -> Interval:
    """Between which numbers the entries of a variable lie."""
    kind, args = v.set.kind, [evaluate(a, data) for a in v.set.args]
    if kind in ("box", "integer"):
        return args[0].min(), args[1].max()
    if kind == "nonneg":
        return 0.0, np.inf
    if kind == "simplex":
        return 0.0, args[0]
    if kind in ("capped_simplex", "binary"):
        return 0.0, 1.0
    if kind in ("ball", "linfball"):
        return (args[0] - args[1]).min(), (args[0] + args[1]).max()
    if kind == "l1ball":
        return -args[0], args[0]
    return EVERYTHING


def _one(n: Node, a: list[Interval], variables, data) -> Interval:
    if n.op == "const":
        return _hull(n.attr)
    if n.op == "param":
        return _hull(data[n.attr])
    if n.op == "var":
        return of_set(variables[n.attr], data)
    if n.op in _SAME:
        return min(low for low, _ in a), max(high for _, high in a)
    if n.op in _INCREASING:
        f = _INCREASING[n.op]
        return f(a[0][0]), f(a[0][1])
    if n.op in _RANGES:
        return _RANGES[n.op]
    rule = _RULES.get(n.op)
    return rule(n, *a) if rule else EVERYTHING


def _hull(values) -> Interval:
    values = np.asarray(values)
    return (values.min(), values.max()) if values.size and not np.isnan(values).any() else EVERYTHING


def _products(a: Interval, b: Interval) -> Interval:
    ends = [0.0 if 0 in (u, v) else u * v for u in a for v in b]
    return min(ends), max(ends)


def _times(count: float, a: Interval) -> Interval:
    return _products((count, count), a)


def _quotient(n: Node, a: Interval, b: Interval) -> Interval:
    return EVERYTHING if b[0] <= 0 <= b[1] else _products(a, (1 / b[1], 1 / b[0]))


def _square(a: Interval) -> Interval:
    ends = [u * u for u in a]
    return (0.0 if a[0] <= 0 <= a[1] else min(ends)), max(ends)


def _power(n: Node, a: Interval, b: Interval) -> Interval:
    if b[0] != b[1] or not np.isfinite(b[0]):
        return (0.0, np.inf) if a[0] >= 0 else EVERYTHING
    p = b[0]
    if p == round(p) and p >= 0 and p % 2 == 0:
        low, high = _magnitude(a)
        return low**p, high**p
    if p >= 0 and (a[0] >= 0 or p == round(p)):
        return a[0] ** p, a[1] ** p
    return (a[1] ** p, a[0] ** p) if a[0] > 0 else (0.0, np.inf) if a[0] >= 0 else EVERYTHING


def _magnitude(a: Interval) -> Interval:
    ends = [abs(u) for u in a]
    return (0.0 if a[0] <= 0 <= a[1] else min(ends)), max(ends)


def _fold(n: Node, a: Interval) -> Interval:
    kind = n.attr if n.op == "reduce" else n.attr[0]
    if kind in ("mean", "min", "max", "expect"):
        return a
    if kind != "sum":
        return (0.0, np.inf) if a[0] >= 0 else EVERYTHING
    if n.op == "reduce":
        counts = (n.args[0].size,) * 2
    else:
        segments = n.attr[1]
        counts = (n.args[0].batch,) * 2 if segments.count is None else _hull(segments.sizes)
    return min(_times(counts[0], a)[0], _times(counts[1], a)[0]), max(_times(counts[0], a)[1], _times(counts[1], a)[1])


def _norm(n: Node, a: Interval) -> Interval:
    low, high = _magnitude(a)
    root = np.sqrt(n.args[0].size)
    return low * root, high * root


_SAME = {"gather", "rebatch", "merge", "columns", "stack", "collect", "transpose", "vec", "reshape", "hcat", "vcat"}
_INCREASING: dict[str, Callable[[float], float]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "sinh": np.sinh,
    "tanh": np.tanh,
    "atan": np.arctan,
    "sign": np.sign,
    "relu": lambda x: max(x, 0.0),
    "sigmoid": lambda x: 0.5 * np.tanh(0.5 * x) + 0.5,
    "softplus": lambda x: np.logaddexp(0, x),
}
_RANGES: dict[str, Interval] = {
    "sin": (-1.0, 1.0),
    "cos": (-1.0, 1.0),
    "cosh": (1.0, np.inf),
    "softmax": (0.0, 1.0),
    "asin": (-np.pi / 2, np.pi / 2),
    "acos": (0.0, np.pi),
    "atan2": (-np.pi, np.pi),
    "huber": (0.0, np.inf),
    "smooth_abs": (1e-300, np.inf),
    **dict.fromkeys(("==", "!=", "<=", ">=", "<", ">", "and", "or", "not"), (0.0, 1.0)),
}
_RULES: dict[str, Callable[..., Interval]] = {
    "neg": lambda n, a: (-a[1], -a[0]),
    "+": lambda n, a, b: (a[0] + b[0], a[1] + b[1]),
    "-": lambda n, a, b: (a[0] - b[1], a[1] - b[0]),
    "*": lambda n, a, b: _square(a) if n.args[0] is n.args[1] else _products(a, b),
    "/": _quotient,
    "^": _power,
    "dot": lambda n, a, b: _times(n.args[0].size, _square(a) if n.args[0] is n.args[1] else _products(a, b)),
    "matmul": lambda n, a, b: _times(n.args[0].shape[-1] if len(n.args[0].shape) == 2 else 1, _products(a, b)),
    "abs": lambda n, a: _magnitude(a),
    "norm": _norm,
    "norm1": lambda n, a: _times(n.args[0].size, _magnitude(a)),
    "norminf": lambda n, a: _magnitude(a),
    "sumsqr": lambda n, a: _times(n.args[0].size, _square(a)),
    "min2": lambda n, a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "max2": lambda n, a, b: (max(a[0], b[0]), max(a[1], b[1])),
    "where": lambda n, c, a, b: (min(a[0], b[0]), max(a[1], b[1])),
    "diag": lambda n, a: (min(a[0], 0.0), max(a[1], 0.0)) if len(n.args[0].shape) == 1 else a,
    "trace": lambda n, a: _times(n.args[0].shape[0], a),
    "fold": _fold,
    "reduce": _fold,
}
