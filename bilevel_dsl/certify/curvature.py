"""Is a function convex? Told by its structure, so by an argument, not by samples.

Rules of disciplined convex programming on the graph of `intervals`: a sum is taken apart down to its summands; those of
second degree together are judged by their constant Hessian, the others one by one by rules of composition, in which the
shape of every function is that over the range of its argument in the box. Logarithms of sums of exponentials go by a
class of log-convex expressions. What is left is tried by the interval Hessian. The answer "unknown" says nothing.

Source: M. Grant, S. Boyd, Y. Ye, Disciplined convex programming, in: Global Optimization, Springer 2006.
"""

from __future__ import annotations

from heapq import heappop, heappush

import casadi as ca
import numpy as np

from ..intervals import Graph, IntervalFunction, Unsupported
from ..intervals.rules import UNARY, huber_rule, power_rule

CONSTANT, AFFINE, CONVEX, CONCAVE, UNKNOWN = "constant", "affine", "convex", "concave", "unknown"
FLAT = 1e-12  # eigenvalues of either sign that count as 0, relative to the largest
DENSE = 2000  # variables in one quadratic form, at most
FEW = 6  # variables up to which the interval Hessian is tried
PIECES = {1: 32, 2: 8, 3: 4}  # of each side of a box, for the interval Hessian
_MIRROR = {CONVEX: CONCAVE, CONCAVE: CONVEX}


def curvature(function: ca.Function, low: np.ndarray | None = None, high: np.ndarray | None = None) -> str:
    """The shape of a scalar function of one column: "constant", "affine", "convex", "concave" or "unknown".

    It holds on the box from `low` to `high` (n,), by default everywhere, where the function is defined.
    """
    return curvatures(function, low, high)[0]


def curvatures(function: ca.Function, low: np.ndarray | None = None, high: np.ndarray | None = None) -> list[str]:
    """The shape of every entry of a function with a column of values; see `curvature`."""
    n = function.numel_in(0)
    low = np.full(n, -np.inf) if low is None else np.asarray(low, float).ravel()
    high = np.full(n, np.inf) if high is None else np.asarray(high, float).ravel()
    try:
        enclosing = IntervalFunction(function)
        shapes = _Shapes(enclosing, low, high)
        found = [shapes.shape(k) for k in enclosing.graph.outputs[0]]
    except (Unsupported, RecursionError):
        return [UNKNOWN] * function.numel_out(0)
    if UNKNOWN in found and n <= FEW:
        tried = _by_hessian(enclosing, low, high)
        found = [t if f == UNKNOWN else f for f, t in zip(found, tried)]
    return found


def _join(a: str, b: str) -> str:
    """The shape of a sum."""
    for one, other in ((a, b), (b, a)):
        if one == CONSTANT or one == other or one == AFFINE and other != CONSTANT:
            return other
    return UNKNOWN


class _Shapes:
    def __init__(self, enclosing: IntervalFunction, low: np.ndarray, high: np.ndarray):
        self.graph: Graph = enclosing.graph
        self.values, self.status = enclosing.walk((low[:, None], high[:, None]))
        self._shapes: dict[int | tuple[str, int], str] = {}
        self._affine: dict[int, dict[int, float] | None] = {}

    # --- sums ---

    def shape(self, n: int) -> str:
        if n not in self._shapes:
            self._shapes[n] = self._of_sum(n)
        return self._shapes[n]

    def summands(self, n: int) -> tuple[dict[int, float], float]:
        """Node `n` as a sum of multiples of nodes that are no sums, and a number.

        From the last node to the first, each with all its uses at once: there are many ways to the first states of a
        recursion.
        """
        found: dict[int, float] = {}
        factors, rest, number = {n: 1.0}, [-n], 0.0

        def add(k: int, c: float) -> None:
            if k not in factors:
                heappush(rest, -k)
            factors[k] = factors.get(k, 0.0) + c

        while rest:
            k = -heappop(rest)
            c = factors.pop(k)
            node = self.graph.nodes[k]
            if node.op == "const":
                number += c * node.data
            elif node.op in ("add", "sub"):
                add(node.args[0], c)
                add(node.args[1], c if node.op == "add" else -c)
            elif node.op == "neg":
                add(node.args[0], -c)
            elif node.op == "mul" and self.graph.value(node.args[0]) is not None:
                add(node.args[1], c * self.graph.value(node.args[0]))
            elif node.op == "div" and self.graph.value(node.args[1]) not in (None, 0.0):
                add(node.args[0], c / self.graph.value(node.args[1]))
            elif node.op == "div" and self.graph.value(node.args[0]) is not None:
                inverse = self.graph.make("inv", node.args[1])
                found[inverse] = found.get(inverse, 0.0) + c * self.graph.value(node.args[0])
            else:
                found[k] = found.get(k, 0.0) + c
        return {k: c for k, c in found.items() if c != 0.0}, number

    def _of_sum(self, n: int) -> str:
        parts, number = self.summands(n)
        if not np.isfinite([number, *parts.values()]).all():
            return UNKNOWN
        shape, products = CONSTANT, []
        for k, c in parts.items():
            node = self.graph.nodes[k]
            factors = node.args if node.op == "mul" else 2 * node.args if node.op == "sq" else ()
            forms = [form for a in factors if (form := self.affine(a)) is not None]
            if len(forms) == 2:
                products.append((c, *forms))
                continue
            own = self._of_node(k)
            shape = _join(shape, own if c > 0 else _MIRROR.get(own, own))
            if shape == UNKNOWN:
                return UNKNOWN
        return _join(shape, self._quadratic(products)) if products else shape

    def affine(self, n: int) -> dict[int, float] | None:
        """The coefficients of an affine expression by entry of the variables, None of anything else."""
        if n not in self._affine:
            parts, _ = self.summands(n)
            nodes = self.graph.nodes
            plain = all(nodes[k].op == "input" for k in parts) and np.isfinite(list(parts.values())).all()
            self._affine[n] = {nodes[k].data[1]: c for k, c in parts.items()} if plain else None
        return self._affine[n]

    def _quadratic(self, products: list[tuple[float, dict[int, float], dict[int, float]]]) -> str:
        """The shape of a sum of products of affine expressions: the sign of its Hessian."""
        rows = sorted({i for _, u, v in products for i in (*u, *v)})
        if len(rows) > DENSE:
            return UNKNOWN
        place = {i: k for k, i in enumerate(rows)}
        hessian = np.zeros((len(rows), len(rows)))
        for c, u, v in products:
            i, j = [place[k] for k in u], [place[k] for k in v]
            hessian[np.ix_(i, j)] += c * np.outer(list(u.values()), list(v.values()))
        hessian = hessian + hessian.T
        if not np.isfinite(hessian).all():
            return UNKNOWN
        if not hessian.any():
            return AFFINE
        size = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))  # units of the variables do not matter
        scaled = hessian / size / size[:, None] if np.diag(hessian).all() else hessian
        apart = np.count_nonzero(scaled) == np.count_nonzero(np.diag(scaled))  # a sum of squares, each of its own
        values = np.sort(np.diag(scaled)) if apart else np.linalg.eigvalsh(scaled)
        slack = FLAT * np.abs(values).max()
        return CONVEX if values[0] >= -slack else CONCAVE if values[-1] <= slack else UNKNOWN

    # --- anything else ---

    def _of_node(self, k: int) -> str:
        if ("node", k) not in self._shapes:
            self._shapes["node", k] = self._by_rules(k)
        return self._shapes["node", k]

    def _range(self, k: int) -> tuple[float, float]:
        if k not in self.values:  # a node made here
            return -np.inf, np.inf
        return float(self.values[k][0].min()), float(self.values[k][1].max())

    def _by_rules(self, k: int) -> str:
        node = self.graph.nodes[k]
        if node.op == "input":
            return AFFINE
        shapes = [self.shape(a) for a in node.args]
        if all(s == CONSTANT for s in shapes):
            return CONSTANT
        if node.op in UNARY or node.op in ("pow", "huber"):
            if node.op == "log" and self.log_convex(node.args[0]):
                return CONVEX
            return self._composed(node, shapes[0])
        convex = [s in (CONSTANT, AFFINE, CONVEX) for s in shapes]
        concave = [s in (CONSTANT, AFFINE, CONCAVE) for s in shapes]
        if node.op == "lse" or node.op == "max" or node.op == "fmax" and self._defined(node.args):
            return CONVEX if all(convex) else UNKNOWN
        if node.op == "min" or node.op == "fmin" and self._defined(node.args):
            return CONCAVE if all(concave) else UNKNOWN
        if node.op == "norm":
            return CONVEX if all(self._convex_size(a) for a in node.args) else UNKNOWN
        if node.op == "mul":
            return self._product(*node.args) if not self.log_convex(k) else CONVEX
        if node.op == "div" and self._sum_of_squares(node.args[0]):  # |u|^2 / t
            positive = concave[1] and self._range(node.args[1])[0] >= 0
            return CONVEX if positive else UNKNOWN
        return CONVEX if self.log_convex(k) else UNKNOWN

    def _defined(self, nodes) -> bool:
        return not any(np.any(self.status[n]) for n in nodes)

    def _composed(self, node, inner: str) -> str:
        """A function of one argument, by its first and second derivative over the range of the argument."""
        (a,) = node.args
        rule = power_rule(node.data) if node.op == "pow" else huber_rule(node.data) if node.op == "huber" else UNARY[node.op]
        low, high = self._range(a)
        if high < rule.low or low > rule.high or inner == UNKNOWN:
            return UNKNOWN
        cut_low, cut_high = low < rule.low, high > rule.high
        if cut_low and inner == CONVEX or cut_high and inner == CONCAVE:
            return UNKNOWN  # it may be defined on a set that is not convex
        u = np.clip(np.array([[low], [high]]), rule.low, rule.high)
        with np.errstate(all="ignore"):
            f = rule.value(u)
            (first_low,), (first_high,) = rule.first(u, f)
            second = rule.second(u, f)
        (second_low,), (second_high,) = ((0.0,), (0.0,)) if second is None else second
        for bends, shape, other in ((second_low >= 0, CONVEX, CONCAVE), (second_high <= 0, CONCAVE, CONVEX)):
            rising, falling = first_low >= 0, first_high <= 0
            if bends and (inner == AFFINE or rising and inner == shape or falling and inner == other):
                return shape
        return UNKNOWN

    def _convex_size(self, n: int) -> bool:
        """Is abs(n) convex?"""
        shape, (low, high) = self.shape(n), self._range(n)
        return shape in (CONSTANT, AFFINE) or shape == CONVEX and low >= 0 or shape == CONCAVE and high <= 0

    def _sum_of_squares(self, n: int) -> bool:
        """Is it a sum of squares of what has a convex size, and of a number that is not negative?"""
        parts, number = self.summands(n)
        return number >= 0 and all(
            c > 0 and self.graph.nodes[k].op == "sq" and self._convex_size(self.graph.nodes[k].args[0])
            for k, c in parts.items()
        )

    def _product(self, a: int, b: int) -> str:
        """u log(c u), by its definition where u >= 0."""
        for one, other in ((a, b), (b, a)):
            node = self.graph.nodes[other]
            if node.op != "log" or self.affine(one) is None:
                continue
            (u, plain), (v, rest) = self.summands(one), self.summands(node.args[0])
            if set(u) != set(v):
                continue
            share = next(v[k] / u[k] for k in u)
            if share > 0 and rest == share * plain and all(v[k] == share * u[k] for k in u):
                return CONVEX
        return UNKNOWN

    def log_convex(self, n: int) -> bool:
        """Is n > 0 and log(n) convex?"""
        key = ("log", n)
        if key not in self._shapes:
            self._shapes[key] = ""
            self._shapes[key] = "yes" if self._log_convex(n) else ""
        return bool(self._shapes[key])

    def _log_convex(self, n: int) -> bool:
        parts, number = self.summands(n)
        if list(parts) != [n]:
            return (
                number >= 0 and (number > 0 or bool(parts)) and all(c > 0 and self.log_convex(k) for k, c in parts.items())
            )
        node = self.graph.nodes[n]
        convex, concave = (CONSTANT, AFFINE, CONVEX), (CONSTANT, AFFINE, CONCAVE)
        if node.op == "exp":
            return self.shape(node.args[0]) in convex
        if node.op in ("mul", "sq"):
            return all(self.log_convex(a) for a in node.args)
        if node.op == "pow" and node.data > 0:
            return self.log_convex(node.args[0])
        if node.op == "inv" or node.op == "pow":
            return self.shape(node.args[0]) in concave and self._range(node.args[0])[0] > 0
        return node.op == "cosh" and self.shape(node.args[0]) in (CONSTANT, AFFINE)


def _by_hessian(enclosing: IntervalFunction, low: np.ndarray, high: np.ndarray) -> list[str]:
    """By the sign of the second derivatives over the box, cut into pieces where it is bounded."""
    n = low.size
    lows, highs = low[:, None], high[:, None]
    if n in PIECES and np.isfinite(high - low).all():
        edges = [np.linspace(a, b, PIECES[n] + 1) for a, b in zip(low, high)]
        lows = np.array(np.meshgrid(*[e[:-1] for e in edges], indexing="ij")).reshape(n, -1)
        highs = np.array(np.meshgrid(*[e[1:] for e in edges], indexing="ij")).reshape(n, -1)
    found = []
    rows, columns = np.triu_indices(n)
    for e in enclosing.derivatives(lows, highs):
        if e.status.any():
            found.append(UNKNOWN)
        elif _semidefinite(e.hessian, rows, columns, n):
            found.append(CONVEX)
        else:
            found.append(CONCAVE if _semidefinite(-e.hessian[:, ::-1], rows, columns, n) else UNKNOWN)
    return found


def _semidefinite(hessian: np.ndarray, rows, columns, n: int) -> bool:
    """Are all matrices in the intervals (pairs, 2, B) positive semidefinite? Larger diagonals only help."""
    down, up = hessian[:, 0], hessian[:, 1]
    diagonal = down[rows == columns]
    if n == 1:
        return bool(np.all(diagonal >= 0))
    if not (
        np.isfinite(diagonal).all() and np.isfinite(up[rows != columns]).all() and np.isfinite(down[rows != columns]).all()
    ):
        return False
    middle = np.zeros((hessian.shape[2], n, n))
    spread = np.zeros_like(middle)
    for i, j, a, b in zip(rows, columns, down, up):
        middle[:, i, j] = middle[:, j, i] = a if i == j else 0.5 * (a + b)
        spread[:, i, j] = spread[:, j, i] = 0.0 if i == j else 0.5 * (b - a)
    moving = (np.abs(middle) + spread).any((0, 1))
    if not moving.any():
        return True
    middle, spread = middle[:, moving][:, :, moving], spread[:, moving][:, :, moving]
    size = np.abs(middle).sum(2).max(1)
    least = np.linalg.eigvalsh(middle)[:, 0] - spread.sum(2).max(1) * (1 + 1e-14)
    if moving.sum() == 1:
        return bool(np.all(middle >= 0))
    return bool(np.all(least >= 1e-14 * n * size))
