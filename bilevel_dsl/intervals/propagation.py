"""Boxes made smaller by rows, operation by operation: forward with ranges, backward with what the limits leave (HC4).

Knows no slopes, so that it works on unbounded boxes and over kinks: a sum of squares below a number bounds each of them.

Source: F. Benhamou, F. Goualard, L. Granvilliers, J.-F. Puget, Revising hull and box consistency, ICLP 1999.
"""

from __future__ import annotations

import numpy as np

from .arithmetic import SIGN, WHOLE, add, hull, inverse, meet, mul, neg, number, outward, pair, square, sub, widened
from .graph import Graph
from .walk import walked

SWEEPS = 12
GAIN = 0.01  # of a side, from which on another sweep is worth it


def propagated(
    graph: Graph, low: np.ndarray, high: np.ndarray, row_low: np.ndarray, row_high: np.ndarray, sweeps: int = SWEEPS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The smaller boxes (n, B), and which of them have no point.

    Args:
        graph: of a Function of one output and one input.
        row_low, row_high: limits of the entries of the output, (m, B) or (m, 1).
        sweeps: at most.
    """
    low, high = low.copy(), high.copy()
    gone = np.zeros(low.shape[1], bool)
    with np.errstate(all="ignore"):
        for _ in range(sweeps):
            before = high - low
            low, high, empty = _swept(graph, low, high, row_low, row_high)
            gone |= empty
            shrunk = (high - low < (1 - GAIN) * before) | np.isinf(before) & np.isfinite(high - low)
            if not np.any(shrunk & ~gone):
                break
    return low, high, gone


def _swept(graph: Graph, low, high, row_low, row_high):
    values, status = walked(graph, ((low, high),))
    count = low.shape[1]
    ranges = {k: np.broadcast_to(v, (2, count)) for k, v in values.items()}
    gone = np.zeros(count, bool)
    for k, least, most in zip(graph.outputs[0], row_low, row_high):
        gone |= np.broadcast_to(np.asarray(status[k]) == 2, (count,)) & (np.isfinite(least) | np.isfinite(most))
        ranges[k] = meet(ranges[k], np.broadcast_to(np.stack([least, most]), (2, count)))
    for k in reversed(graph.needed):
        node = graph.nodes[k]
        rule = _BACK.get(node.op)
        if rule is None or np.all(ranges[k] == values[k]):
            continue
        gone |= ranges[k][0] > ranges[k][1]
        for a, narrower in zip(node.args, rule(ranges[k], [ranges[a] for a in node.args], node.data)):
            if narrower is not None:
                both = meet(ranges[a], np.where(np.isnan(narrower), WHOLE, narrower))
                gone |= both[0] > both[1]
                ranges[a] = both
    low, high = low.copy(), high.copy()
    for k in graph.needed:
        node = graph.nodes[k]
        if node.op == "input" and node.data[0] == 0:
            j = node.data[1]
            low[j] = np.where(gone, low[j], np.maximum(low[j], ranges[k][0]))
            high[j] = np.where(gone, high[j], np.minimum(high[j], ranges[k][1]))
    return low, high, gone


# --- what is left of the arguments (2, B) of an operation of which the value is known ------------------------------


def _quotient(r, b):
    """Of x with x b in r: everything where b may be 0, unless r is away from it and b has one sign."""
    touches = (b[0] <= 0) & (b[1] >= 0)
    inside = mul(r, inverse(b))
    if not np.count_nonzero(touches):
        return inside
    return np.where(touches & ((r[0] <= 0) & (r[1] >= 0) | (b[0] < 0) & (b[1] > 0)), WHOLE, inside)


def _root(r, own, p: float):
    """Of x with x^p in r, p a whole number."""
    top = _powered(np.maximum(r, 0.0), 1 / p)
    if p % 2:
        bottom = neg(_powered(np.maximum(neg(r), 0.0), 1 / p))
        return pair(np.where(r[0] >= 0, top[0], bottom[0] - 0.0), np.where(r[1] >= 0, top[1], bottom[1]))
    return _signed(np.maximum(top, 0.0), own)


def _powered(r, p: float):
    """r^p of numbers that are not negative; p is rounded, too, which counts times their logarithm."""
    found = widened(np.power(r, p))
    return found + SIGN * (4e-14 * np.abs(found))


def _signed(size, own):
    """Of x with abs(x) in `size`, on the side that `own` leaves."""
    least = np.maximum(size[0], 0.0)
    right, left = pair(least, size[1]), pair(-size[1], -least)
    return np.where(own[0] > -least, right, np.where(own[1] < least, left, hull(left, right)))


def _sq(r, args, data):
    return [_signed(np.maximum(outward(np.sqrt(np.maximum(r, 0.0))), 0.0), args[0])]


def _pow(r, args, data):
    p = float(data)
    if not p.is_integer() or p <= 0:
        return [None]
    return [_root(r, args[0], p)]


def _norm(r, args, data):
    """Each square is what the square of the norm leaves of the others."""
    squares = [square(a) for a in args]
    found = []
    for i, a in enumerate(args):
        rest = sub(square(np.maximum(r, 0.0)), number(float(data)))
        for j, s in enumerate(squares):
            rest = rest if i == j else sub(rest, s)
        found.append(_sq(rest, [a], None)[0])
    return found


def _mul(r, args, data):
    return [_quotient(r, args[1]), _quotient(r, args[0])]


def _div(r, args, data):
    return [mul(r, args[1]), _quotient(args[0], r)]


_BACK = {
    "add": lambda r, args, data: [sub(r, args[1]), sub(r, args[0])],
    "sub": lambda r, args, data: [add(r, args[1]), sub(args[0], r)],
    "neg": lambda r, args, data: [neg(r)],
    "mul": _mul,
    "div": _div,
    "sq": _sq,
    "pow": _pow,
    "norm": _norm,
    "abs": lambda r, args, data: [_signed(np.maximum(r, 0.0), args[0])],
    "exp": lambda r, args, data: [widened(np.log(np.maximum(r, 0.0)))],
    "log": lambda r, args, data: [widened(np.exp(r))],
    "sqrt": lambda r, args, data: [square(np.maximum(r, 0.0))],
    "inv": lambda r, args, data: [_quotient(number(1.0) + np.zeros_like(r), r)],
    "assign": lambda r, args, data: [r],
}
