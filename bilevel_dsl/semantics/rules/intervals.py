"""Between which numbers the entries of an expression lie, for all values that the sets of the variables allow.

One interval for all entries of a node, and no correlations: `x - x` for x in [0, 1] is [-1, 1]. So an interval may
be too wide, never too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..builtins import BUILTINS
from ..checked import CheckedVar
from ..graph.evaluate import evaluate
from ..nodes.arithmetic import EVERYTHING, Interval, Rule, hull, magnitude, products, square, times, together
from ..nodes.ir import Node, postorder


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
    return v.set.record.entries(*(evaluate(a, data) for a in v.set.args))


def _one(n: Node, a: list[Interval], variables, data) -> Interval:
    if n.op == "const":
        return hull(n.attr)
    if n.op == "param":
        return hull(data[n.attr])
    if n.op == "var":
        return of_set(variables[n.attr], data)
    if n.op in BUILTINS:
        rule = BUILTINS[n.op].interval
        return rule(n, *a) if callable(rule) else rule or EVERYTHING
    return _RULES[n.op](n, *a) if n.op in _RULES else EVERYTHING


def _quotient(n: Node, a: Interval, b: Interval) -> Interval:
    return EVERYTHING if b[0] <= 0 <= b[1] else products(a, (1 / b[1], 1 / b[0]))


def _power(n: Node, a: Interval, b: Interval) -> Interval:
    if b[0] != b[1] or not np.isfinite(b[0]):
        return (0.0, np.inf) if a[0] >= 0 else EVERYTHING
    p = b[0]
    if p == round(p) and p >= 0 and p % 2 == 0:
        low, high = magnitude(a)
        return low**p, high**p
    if p >= 0 and (a[0] >= 0 or p == round(p)):
        return a[0] ** p, a[1] ** p
    return (a[1] ** p, a[0] ** p) if a[0] > 0 else (0.0, np.inf) if a[0] >= 0 else EVERYTHING


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
        counts = (n.args[0].batch,) * 2 if segments.count is None else hull(segments.sizes)
    return min(times(counts[0], a)[0], times(counts[1], a)[0]), max(times(counts[0], a)[1], times(counts[1], a)[1])


_RULES: dict[str, Rule] = {
    **dict.fromkeys(("gather", "rebatch", "merge", "columns", "stack", "collect", "transpose"), together),
    **dict.fromkeys(("==", "!=", "<=", ">=", "<", ">", "and", "or", "not"), lambda n, *a: (0.0, 1.0)),
    "neg": lambda n, a: (-a[1], -a[0]),
    "+": lambda n, a, b: (a[0] + b[0], a[1] + b[1]),
    "-": lambda n, a, b: (a[0] - b[1], a[1] - b[0]),
    "*": lambda n, a, b: square(a) if n.args[0] is n.args[1] else products(a, b),
    "/": _quotient,
    "^": _power,
    "matmul": lambda n, a, b: times(n.args[0].shape[-1] if len(n.args[0].shape) == 2 else 1, products(a, b)),
    "min2": lambda n, a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "max2": lambda n, a, b: (max(a[0], b[0]), max(a[1], b[1])),
    "where": lambda n, c, a, b: (min(a[0], b[0]), max(a[1], b[1])),
    "fold": _fold,
    "reduce": _fold,
}  # of operators; those of functions are in their records
