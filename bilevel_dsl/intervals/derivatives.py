"""A function and its first two derivatives over boxes: one pass through a graph, with a rule for each operation.

Intervals and statuses are those of `walk.py`. The rules of sums, products and chains are here; those of single functions are
in `rules.py`.
"""

from __future__ import annotations

import math

import numpy as np

from .arithmetic import (
    OUT,
    SIGN,
    WHOLE,
    add,
    hull,
    inverse,
    mul,
    neg,
    number,
    outward,
    pair,
    power,
    scale,
    square,
    sub,
    widened,
    within,
)
from .graph import LOGICAL, Graph, Node
from .rules import UNARY, huber_rule, may_have_pole, power_rule

PAIRS = 8  # arguments of a norm or logsumexp up to which second derivatives go pair by pair


class Walk:
    """One pass through a graph; derivatives by the variables of the first input up to `order`. None stands for 0."""

    def __init__(self, graph: Graph, boxes, order: int):
        self.graph, self.order = graph, order
        self.boxes = [
            np.stack(np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float)), 1) for low, high in boxes
        ]
        self.n = graph.sizes[0] if graph.sizes else 0
        self.rows, self.columns = np.triu_indices(self.n if order > 1 else 0)  # of the Hessian: what is kept of it
        self.diagonal = np.flatnonzero(self.rows == self.columns)
        self.values: dict[int, np.ndarray] = {}
        self.status: dict[int, np.ndarray | int] = {}
        self.gradients: dict[int, np.ndarray | None] = {}
        self.hessians: dict[int, np.ndarray | None] = {}
        with np.errstate(all="ignore"):
            for k in graph.needed:
                self.visit(k, graph.nodes[k])

    def visit(self, k: int, node: Node) -> None:
        if node.op == "const":
            bad = math.isnan(node.data)
            self.values[k], self.status[k] = (WHOLE, 2) if bad else (number(node.data), 0)
        elif node.op == "input":
            which, entry = node.data
            self.values[k], self.status[k] = self.boxes[which][entry], 0
            if self.order and which == 0:
                self.gradients[k] = (np.arange(self.n) == entry).astype(float)[:, None, None] * np.ones((1, 2, 1))
        elif node.op in UNARY or node.op in ("pow", "huber"):
            self._unary(k, node)
        else:
            getattr(self, f"_{node.op}")(k, *node.args)

    def _together(self, *nodes: int):
        """The status of what needs all of them."""
        found = 0
        for n in nodes:
            if not isinstance(self.status[n], int) or self.status[n]:
                found = np.maximum(found, self.status[n])
        return found

    # --- derivatives of combinations ---

    def _sum(self, a, b, sign: int = 1):
        if b is None:
            return a
        if a is None:
            return b if sign > 0 else neg(b)
        return add(a, b) if sign > 0 else sub(a, b)

    def _times(self, factor, a):
        """An interval (2, B) times a stack of intervals."""
        return None if a is None else mul(factor, a)

    def _outer(self, g):
        """The upper triangle of g g'."""
        if g is None:
            return None
        product = mul(g[self.rows], g[self.columns])
        product[self.diagonal] = square(g)
        return product

    def _symmetric(self, g, h):
        """The upper triangle of g h' + h g'."""
        if g is None or h is None:
            return None
        return add(mul(g[self.rows], h[self.columns]), mul(g[self.columns], h[self.rows]))

    def _anything(self, where, a, pairs: bool = False):
        """`a`, but the whole line in the boxes `where`."""
        if not np.any(where):
            return a
        shape = (len(self.rows) if pairs else self.n, 2, 1)
        return np.where(where, WHOLE, np.zeros(shape) if a is None else a)

    def _choose(self, where, a, b):
        if a is None and b is None:
            return None
        return np.where(where, 0.0 if a is None else a, 0.0 if b is None else b)

    # --- operations ---

    def _unary(self, k: int, node: Node) -> None:
        (a,) = node.args
        u, status = self.values[a], self.status[a]
        rule = power_rule(node.data) if node.op == "pow" else huber_rule(node.data) if node.op == "huber" else UNARY[node.op]
        low, high = u
        if rule.low != -np.inf or rule.high != np.inf:
            gone = (high < rule.low) | (low > rule.high)
            part = (low < rule.low) | (high > rule.high)
            if part.any():
                status = np.maximum(status, np.where(gone, 2, part))
                u = within(u, rule.low, rule.high)
                low, high = u
        if node.op == "inv" or node.op == "pow" and node.data < 0:
            status = self._zero(status, low, high)
        elif node.op == "tan":
            pole = may_have_pole(u)
            status = np.maximum(status, pole) if pole.any() else status
        f = rule.value(u)
        self.values[k], self.status[k] = f, status
        if not self.order or self.gradients.get(a) is None:
            return
        g, h = self.gradients[a], self.hessians.get(a)
        first = rule.first(u, f)
        self.gradients[k] = mul(first, g)
        if self.order > 1:
            second = rule.second(u, f)
            bend = None if second is None else mul(second, self._outer(g))
            self.hessians[k] = self._sum(self._times(first, h), bend)

    def _zero(self, status, low, high):
        """The status of a division by [low, high]."""
        touches = (low <= 0) & (high >= 0)
        if not touches.any():
            return status
        return np.maximum(status, np.where((low == 0) & (high == 0), 2, touches))

    def _add(self, k: int, a: int, b: int, sign: int = 1) -> None:
        self.values[k] = (add if sign > 0 else sub)(self.values[a], self.values[b])
        self.status[k] = self._together(a, b)
        if self.order:
            self.gradients[k] = self._sum(self.gradients.get(a), self.gradients.get(b), sign)
            self.hessians[k] = self._sum(self.hessians.get(a), self.hessians.get(b), sign)

    def _sub(self, k: int, a: int, b: int) -> None:
        self._add(k, a, b, -1)

    def _mul(self, k: int, a: int, b: int) -> None:
        c = self.graph.value(a)
        self.status[k] = self._together(a, b)
        if c is not None and math.isfinite(c):
            self.values[k] = scale(c, self.values[b])
            for known in (self.gradients, self.hessians) if self.order else ():
                known[k] = None if known.get(b) is None else scale(c, known[b])
            return
        u, v = self.values[a], self.values[b]
        self.values[k] = mul(u, v)
        if self.order:
            g, h = self.gradients.get(a), self.gradients.get(b)
            self.gradients[k] = self._sum(self._times(v, g), self._times(u, h))
            if self.order > 1:
                bend = self._sum(self._times(v, self.hessians.get(a)), self._times(u, self.hessians.get(b)))
                self.hessians[k] = self._sum(bend, self._symmetric(g, h))

    def _div(self, k: int, a: int, b: int) -> None:
        c, u, v = self.graph.value(b), self.values[a], self.values[b]
        self.status[k] = self._zero(self._together(a, b), *v)
        r = inverse(v)
        if c is not None and math.isfinite(c) and c != 0.0:
            u = u if c > 0 else u[::-1]
            q = np.where(u == 0.0, 0.0, np.nextafter(u / c, OUT))
        else:
            q = mul(u, r)
        self.values[k] = q
        if self.order:
            g, h = self.gradients.get(a), self.gradients.get(b)
            self.gradients[k] = self._times(r, self._sum(g, self._times(q, h), -1))
            if self.order > 1:
                bend = self._sum(self.hessians.get(a), self._times(q, self.hessians.get(b)), -1)
                bend = self._sum(bend, self._symmetric(self.gradients[k], h), -1)
                self.hessians[k] = self._times(r, bend)

    def _max(self, k: int, a: int, b: int, top: bool = True) -> None:
        u, v = self.values[a], self.values[b]
        self.values[k] = np.maximum(u, v) if top else np.minimum(u, v)
        self.status[k] = self._together(a, b)
        if self.order:
            first = u[0] > v[1] if top else u[1] < v[0]
            second = v[0] > u[1] if top else v[1] < u[0]
            self._either(k, a, b, first, second, 1 if top else -1)

    def _either(self, k: int, a: int, b: int, first, second, sign: int) -> None:
        """Derivatives of what is a where `first`, b where `second`, and elsewhere the larger (smaller) one."""
        g, h = self.gradients.get(a), self.gradients.get(b)
        if g is None and h is None:
            return
        zero = np.zeros((self.n, 2, 1))
        between = hull(zero if g is None else g, zero if h is None else h)
        self.gradients[k] = np.where(first, 0.0 if g is None else g, np.where(second, 0.0 if h is None else h, between))
        if self.order < 2:
            return
        A, B = self.hessians.get(a), self.hessians.get(b)
        zero = np.zeros((len(self.rows), 2, 1))
        A, B = zero if A is None else A, zero if B is None else B
        if self.n == 1:  # one of both, and at the kink the slope only grows (falls)
            open_end = np.array([[0.0], [np.inf]]) if sign > 0 else np.array([[-np.inf], [0.0]])
            neither = hull(A, B) + open_end
        else:
            neither = WHOLE
        self.hessians[k] = np.where(first, A, np.where(second, B, neither))

    def _min(self, k: int, a: int, b: int) -> None:
        self._max(k, a, b, False)

    def _fmax(self, k: int, a: int, b: int, top: bool = True) -> None:
        """NaN is ignored: where one argument is not defined, the other one is the value."""
        self._max(k, a, b, top)
        s, t = (np.asarray(self.status[n]) for n in (a, b))
        if not (s.any() or t.any()):
            return
        low, high = self.values[k]
        u, v = self.values[a], self.values[b]
        for status, other in ((s, v), (t, u)):
            low = np.where(status > 0, np.minimum(low, other[0]), low)
            high = np.where(status > 0, np.maximum(high, other[1]), high)
        self.values[k] = pair(low, high)
        self.status[k] = np.where((s == 2) & (t == 2), 2, (s > 0) & (t > 0))
        if self.order:
            doubtful = (s > 0) | (t > 0)
            self.gradients[k] = self._anything(doubtful, self.gradients.get(k))
            self.hessians[k] = self._anything(doubtful, self.hessians.get(k), True)

    def _fmin(self, k: int, a: int, b: int) -> None:
        self._fmax(k, a, b, False)

    def _indicator(self, k: int, yes, no, *args: int) -> None:
        """1 in the boxes `yes`, 0 in the boxes `no`: a comparison with NaN has a value, but not a known one."""
        doubtful = np.asarray(self._together(*args)) > 0
        value = pair(np.where(yes & ~doubtful, 1.0, 0.0), np.where(no & ~doubtful, 0.0, 1.0))
        self.values[k], self.status[k] = value, 0
        if self.order and any(self.gradients.get(a) is not None for a in args):
            open_ = (value[0] != value[1]) | self._touching(args)
            self.gradients[k] = self._anything(open_, None)
            self.hessians[k] = self._anything(open_, None, True)

    def _touching(self, args):
        """Where a jump may be next door: a comparison of equal ends, or of what jumps there itself."""
        touching = np.zeros(1, bool)
        if len(args) == 2 and all(self.graph.nodes[a].op not in LOGICAL for a in args):
            u, v = self.values[args[0]], self.values[args[1]]
            touching = (u[0] <= v[1]) & (v[0] <= u[1])
        for a in args:
            touching = touching | self._jumps(a)
        return touching

    def _jumps(self, a: int):
        """Where the derivatives of a node are the whole line."""
        g = self.gradients.get(a)
        return np.zeros(1, bool) if g is None else np.isinf(g).any((0, 1))

    def _lt(self, k: int, a: int, b: int) -> None:
        u, v = self.values[a], self.values[b]
        self._indicator(k, u[1] < v[0], u[0] >= v[1], a, b)

    def _le(self, k: int, a: int, b: int) -> None:
        u, v = self.values[a], self.values[b]
        self._indicator(k, u[1] <= v[0], u[0] > v[1], a, b)

    def _eq(self, k: int, a: int, b: int) -> None:
        u, v = self.values[a], self.values[b]
        same = (u[0] == u[1]) & (v[0] == v[1]) & (u[0] == v[0])
        self._indicator(k, same, (u[0] > v[1]) | (u[1] < v[0]), a, b)

    def _ne(self, k: int, a: int, b: int) -> None:
        u, v = self.values[a], self.values[b]
        same = (u[0] == u[1]) & (v[0] == v[1]) & (u[0] == v[0])
        self._indicator(k, (u[0] > v[1]) | (u[1] < v[0]), same, a, b)

    def _truth(self, a: int):
        """Where a is surely not 0, and where it surely is 0."""
        low, high = self.values[a]
        return (low > 0) | (high < 0), (low == 0) & (high == 0)

    def _not(self, k: int, a: int) -> None:
        yes, no = self._truth(a)
        self._indicator(k, no, yes, a)

    def _and(self, k: int, a: int, b: int) -> None:
        (p, q), (r, s) = self._truth(a), self._truth(b)
        self._indicator(k, p & r, q | s, a, b)

    def _or(self, k: int, a: int, b: int) -> None:
        (p, q), (r, s) = self._truth(a), self._truth(b)
        self._indicator(k, p | r, q & s, a, b)

    def _if(self, k: int, c: int, a: int) -> None:
        self._select(k, c, a, None)

    def _select(self, k: int, c: int, a: int, b: int | None) -> None:
        yes, no = self._truth(c)
        u = self.values[a]
        v, other = (np.zeros((2, 1)), 0) if b is None else (self.values[b], self.status[b])
        self.values[k] = np.where(yes, u, np.where(no, v, hull(u, v)))
        s, t = np.asarray(self.status[a]), np.asarray(other)
        if s.any() or t.any():
            both = np.where((s == 2) & (t == 2), 2, (s > 0) | (t > 0))
            self.status[k] = np.maximum(self.status[c], np.where(yes, s, np.where(no, t, both)))
        else:
            self.status[k] = self.status[c]
        if self.order:
            open_ = ~(yes | no) | self._jumps(c)
            for known, pairs in ((self.gradients, False), (self.hessians, True)):
                chosen = self._choose(yes, known.get(a), known.get(b))
                moves = any(self.gradients.get(n) is not None for n in (a, b, c))
                known[k] = self._anything(open_, chosen, pairs) if moves else None

    def _atan2(self, k: int, y: int, x: int) -> None:
        u, v = self.values[y], self.values[x]
        right = v[0] > 0
        q = mul(u, inverse(v))
        pi = widened(number(math.pi))[1]
        self.values[k] = np.where(right, widened(np.arctan(q)), SIGN * pi)
        self.status[k] = self._together(y, x)
        if self.order:
            g, h = self.gradients.get(y), self.gradients.get(x)
            r = inverse(add(square(u), square(v)))
            slope = self._times(r, self._sum(self._times(v, g), self._times(u, h), -1))
            self.gradients[k] = self._anything(~right, slope)
            self.hessians[k] = self._anything(np.full(right.shape, True), None, True)

    def _lse(self, k: int, *args: int) -> None:
        count = len(args)
        u = np.stack(np.broadcast_arrays(*[self.values[a] for a in args]))
        rounding = count * 1e-15 * (1 + np.abs(u).max(0))
        total = np.logaddexp.reduce(u, 0)
        self.values[k] = np.where(np.isfinite(total), total + SIGN * rounding, total)
        self.status[k] = self._together(*args)
        moving = [i for i in range(count) if self.gradients.get(args[i]) is not None]
        if not self.order or not moving:
            return
        g = {i: self.gradients[args[i]] for i in moving}
        weight = {}
        for i in moving:  # 1 / sum(exp(u_j - u_i)): low where u_i is low and the others are high
            others = np.exp(np.delete(u, i, 0)[:, ::-1] - u[i]).sum(0)
            weight[i] = np.clip(widened(1 / (1 + others)) + SIGN * 1e-15 * count, 0.0, 1.0)
        slope = bend = None
        for i in moving:
            slope = self._sum(slope, mul(weight[i], g[i]))
            bend = self._sum(bend, self._times(weight[i], self.hessians.get(args[i])))
        self.gradients[k] = slope
        if self.order < 2:
            return
        if count > PAIRS:
            for i in moving:
                bend = self._sum(bend, mul(weight[i], self._outer(g[i])))
            self.hessians[k] = self._sum(bend, self._outer(slope), -1)
            return
        still = [i for i in range(count) if i not in g]
        for i in still:
            others = np.exp(np.delete(u, i, 0)[:, ::-1] - u[i]).sum(0)
            weight[i] = np.clip(widened(1 / (1 + others)) + SIGN * 1e-15 * count, 0.0, 1.0)
        for i in moving:  # the variance of the gradients: sum over pairs of w_i w_j (g_i - g_j) (g_i - g_j)'
            for j in range(count):
                if j in g and j <= i:
                    continue
                apart = sub(g[i], g[j]) if j in g else g[i]
                bend = self._sum(bend, mul(mul(weight[i], weight[j]), self._outer(apart)))
        self.hessians[k] = bend

    def _norm(self, k: int, *args: int) -> None:
        rest = self.graph.nodes[k].data
        s = number(rest)
        for a in args:
            s = add(s, square(self.values[a]))
        root = np.maximum(outward(np.sqrt(np.maximum(s, 0.0))), math.sqrt(rest) * (1 - 1e-15))
        self.values[k], self.status[k] = root, self._together(*args)
        moving = [a for a in args if self.gradients.get(a) is not None]
        if not self.order or not moving:
            return
        r = inverse(root)
        slope = bend = None
        for a in moving:
            weight = within(mul(self.values[a], r), -1.0, 1.0)
            slope = self._sum(slope, mul(weight, self.gradients[a]))
            bend = self._sum(bend, self._times(weight, self.hessians.get(a)))
        self.gradients[k] = slope
        if self.order < 2:
            return
        if len(args) > PAIRS:
            self.hessians[k] = self._anything(np.full(root.shape[-1:], True), None, True)
            return
        inner = None  # (rest * sum of g_i g_i' + sum over pairs of (u_i g_j - u_j g_i) (...)') / norm^3
        for i, a in enumerate(args):
            g = self.gradients.get(a)
            if rest and g is not None:
                inner = self._sum(inner, scale(rest, self._outer(g)))
            for b in args[i + 1 :]:
                turn = self._sum(self._times(self.values[a], self.gradients.get(b)), self._times(self.values[b], g), -1)
                inner = self._sum(inner, self._outer(turn))
        self.hessians[k] = self._sum(bend, self._times(power(r, 3.0), inner))
