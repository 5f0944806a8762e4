"""Between which numbers a function and its first two derivatives lie while its variables lie in a box.

`IntervalFunction` walks the graph of a CasADi Function for many boxes at once. Results are rounded outward: the true
value of the expression at every point of the box is inside.

An interval is an array `(2, B)`, low above high, for B boxes. Infinite ends mean "as far as you like". Whether a
function is defined (log of a negative number is not) is told by a status: 0 everywhere in the box, 1 perhaps not
everywhere, 2 nowhere. Values always enclose those at the points where the function is defined. A power of a negative
number whose exponent is not constant counts as not defined; log(0) is -inf.

Source: R. E. Moore, R. B. Kearfott, M. J. Cloud, Introduction to Interval Analysis, SIAM 2009.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import casadi as ca
import numpy as np

from .derivatives import Walk
from .graph import Graph


class Range(NamedTuple):
    """Where the entries of an output lie: arrays (entries, boxes).

    `low` and `high` hold at all points of the box where the function is defined; `partial`: it may be undefined
    somewhere in the box. Defined nowhere: `low` is inf and `high` is -inf, the empty interval.
    """

    low: np.ndarray
    high: np.ndarray
    partial: np.ndarray


@dataclass(frozen=True)
class Enclosure:
    """One entry of an output over B boxes of n variables, with its derivatives.

    `value` (2, B), `gradient` (n, 2, B), `hessian` (n (n + 1) / 2, 2, B; upper triangle by rows) and `status` (B,).
    At kinks the gradient holds all generalized gradients (so differences of values are enclosed as well), the hessian
    anything up to infinity; across jumps and gaps of the domain both are the whole line. Where `status` is not 0 the
    derivatives say nothing.
    """

    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray | None
    status: np.ndarray


class IntervalFunction:
    """Enclosures of a CasADi Function over boxes.

    Raises:
        Unsupported: see `Graph`.
    """

    def __init__(self, function: ca.Function):
        self.graph = Graph(function)

    def __call__(self, *boxes: tuple[np.ndarray, np.ndarray]) -> list[Range]:
        """For each output a `Range`, of one pair (low, high) for each input.

        Each end of an input has shape (entries, B) or (entries, 1). Infinite ends are allowed.
        """
        values, status = self.walk(*boxes)
        count = max((np.shape(end)[-1] for box in boxes for end in box), default=1)
        results = []
        for column in self.graph.outputs:
            ends = np.empty((len(column), 2, count))
            flags = np.empty((len(column), count), np.int8)
            for i, n in enumerate(column):
                ends[i], flags[i] = values[n], status[n]
            empty = flags == 2
            results.append(Range(np.where(empty, np.inf, ends[:, 0]), np.where(empty, -np.inf, ends[:, 1]), flags > 0))
        return results

    def walk(self, *boxes: tuple[np.ndarray, np.ndarray]) -> tuple[dict, dict]:
        """The interval (2, B) and the status of every node; (2, 1) and a number if the same in all boxes."""
        return walked(self.graph, boxes)

    def derivatives(self, low: np.ndarray, high: np.ndarray, order: int = 2, *others: np.ndarray) -> list[Enclosure]:
        """For every entry of the first output an `Enclosure`, with derivatives by the first input; ends of shape (n, B).

        others: numbers of the further inputs, (entries, B) or (entries, 1).
        """
        walk = Walk(self.graph, ((low, high), *((v, v) for v in others)), order)
        n, count = low.shape[0], max(low.shape[1], high.shape[1])
        pairs = n * (n + 1) // 2
        results = []
        for k in self.graph.outputs[0]:
            gradient, hessian = walk.gradients.get(k), walk.hessians.get(k)
            results.append(
                Enclosure(
                    np.broadcast_to(walk.values[k], (2, count)),
                    np.zeros((n, 2, count)) if gradient is None else np.broadcast_to(gradient, (n, 2, count)),
                    np.zeros((pairs, 2, count)) if hessian is None else np.broadcast_to(hessian, (pairs, 2, count)),
                    np.broadcast_to(np.asarray(walk.status[k], np.int8), (count,)),
                )
            )
        return results


def walked(graph: Graph, boxes) -> tuple[dict, dict]:
    """The interval and the status of every node that outputs need, of one pair (low, high) for each input."""
    walk = Walk(graph, boxes, 0)
    return walk.values, walk.status
