"""Between which numbers a function and its first two derivatives lie while its variables lie in a box.

`Graph` reads the scalar graph of a CasADi Function: equal expressions become one node, and the forms in which the
language writes max, min, norm, softplus, huber, logsumexp and integer powers become single nodes with rules of their
own. `IntervalFunction` walks the graph for many boxes at once. Results are rounded outward: the true value of the
expression at every point of the box is inside.

An interval is an array `(2, B)`, low above high, for B boxes. Infinite ends mean "as far as you like". Whether a
function is defined (log of a negative number is not) is told by a status: 0 everywhere in the box, 1 perhaps not
everywhere, 2 nowhere. Values always enclose those at the points where the function is defined. A power of a negative
number whose exponent is not constant counts as not defined; log(0) is -inf.

Source: R. E. Moore, R. B. Kearfott, M. J. Cloud, Introduction to Interval Analysis, SIAM 2009.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import casadi as ca
import numpy as np

LARGEST = 20_000  # instructions
PAIRS = 8  # arguments of a norm or logsumexp up to which second derivatives go pair by pair

_NAMES = {
    ca.OP_ADD: "add",
    ca.OP_SUB: "sub",
    ca.OP_MUL: "mul",
    ca.OP_DIV: "div",
    ca.OP_NEG: "neg",
    ca.OP_EXP: "exp",
    ca.OP_LOG: "log",
    ca.OP_POW: "pow",
    ca.OP_CONSTPOW: "pow",
    ca.OP_SQRT: "sqrt",
    ca.OP_SQ: "sq",
    ca.OP_TWICE: "twice",
    ca.OP_SIN: "sin",
    ca.OP_COS: "cos",
    ca.OP_TAN: "tan",
    ca.OP_ASIN: "asin",
    ca.OP_ACOS: "acos",
    ca.OP_ATAN: "atan",
    ca.OP_LT: "lt",
    ca.OP_LE: "le",
    ca.OP_EQ: "eq",
    ca.OP_NE: "ne",
    ca.OP_NOT: "not",
    ca.OP_AND: "and",
    ca.OP_OR: "or",
    ca.OP_FLOOR: "floor",
    ca.OP_CEIL: "ceil",
    ca.OP_FABS: "abs",
    ca.OP_SIGN: "sign",
    ca.OP_COPYSIGN: "copysign",
    ca.OP_IF_ELSE_ZERO: "if",
    ca.OP_ERF: "erf",
    ca.OP_FMIN: "fmin",
    ca.OP_FMAX: "fmax",
    ca.OP_INV: "inv",
    ca.OP_SINH: "sinh",
    ca.OP_COSH: "cosh",
    ca.OP_TANH: "tanh",
    ca.OP_ASINH: "asinh",
    ca.OP_ACOSH: "acosh",
    ca.OP_ATANH: "atanh",
    ca.OP_ATAN2: "atan2",
    ca.OP_LOG1P: "log1p",
    ca.OP_EXPM1: "expm1",
    ca.OP_HYPOT: "hypot",
    ca.OP_ASSIGN: "assign",
}
_BINARY = (
    ca.OP_ADD,
    ca.OP_SUB,
    ca.OP_MUL,
    ca.OP_DIV,
    ca.OP_POW,
    ca.OP_CONSTPOW,
    ca.OP_LT,
    ca.OP_LE,
    ca.OP_EQ,
    ca.OP_NE,
    ca.OP_AND,
    ca.OP_OR,
    ca.OP_COPYSIGN,
    ca.OP_IF_ELSE_ZERO,
    ca.OP_FMIN,
    ca.OP_FMAX,
    ca.OP_ATAN2,
    ca.OP_HYPOT,
)


_LOGICAL = ("lt", "le", "eq", "ne", "not", "and", "or")


class Unsupported(Exception):
    """There are no intervals for this function; the message says why."""


# --- the graph -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """One operation: `args` are the numbers of earlier nodes, `data` a constant, an exponent, or (input, entry)."""

    op: str
    args: tuple[int, ...] = ()
    data: object = None


class Graph:
    """The operations of a Function, equal ones once.

    Attributes:
        nodes: in an order of evaluation. Operations beside CasADi's own: `max`, `min` (NaN if an argument is),
            `fmax`, `fmin` (ignore NaN), `norm` (square root of the sum of squares plus `data`), `softplus`, `huber`
            (`data`: where it becomes linear), `xlogx`, `lse` (logarithm of the sum of exponentials), `pow` (one
            argument, `data` the exponent), `if` (condition, then; else 0), `select` (condition, then, else),
            `signum` (sign without 0).
        outputs: for each output of the Function, the node of each entry (column by column).
        sizes: number of entries of each input.

    Raises:
        Unsupported: no scalar graph, an operation without a rule, or more than 20,000 instructions.
    """

    def __init__(self, function: ca.Function):
        if not function.is_a("SXFunction") and function.n_instructions() <= LARGEST:
            try:
                function = function.expand()
            except RuntimeError as error:
                raise Unsupported("it has no graph of scalars") from error
        if function.n_instructions() > LARGEST:
            raise Unsupported(f"{function.n_instructions():,} instructions are more than {LARGEST:,}")
        self.sizes = [function.numel_in(k) for k in range(function.n_in())]
        self.nodes: list[Node] = []
        self._known: dict[Node, int] = {}
        self._choices: dict[int, list[tuple[int, int]]] = {}  # node -> (condition, what it is then), 0 otherwise
        zero = self.constant(0.0)
        self.outputs = [[zero] * function.numel_out(k) for k in range(function.n_out())]
        self._read(function)

    def _read(self, function: ca.Function) -> None:
        entries_in = [function.sparsity_in(k).find() for k in range(function.n_in())]
        entries_out = [function.sparsity_out(k).find() for k in range(function.n_out())]
        slots: dict[int, int] = {}
        for k in range(function.n_instructions()):
            op, taken, given = function.instruction_id(k), function.instruction_input(k), function.instruction_output(k)
            if op == ca.OP_OUTPUT:
                self.outputs[given[0]][entries_out[given[0]][given[1]]] = slots[taken[0]]
            elif op == ca.OP_INPUT:
                slots[given[0]] = self._node("input", (), (taken[0], entries_in[taken[0]][taken[1]]))
            elif op == ca.OP_CONST:
                slots[given[0]] = self.constant(function.instruction_constant(k))
            elif op in _NAMES:
                slots[given[0]] = self.make(_NAMES[op], *[slots[s] for s in taken[: 2 if op in _BINARY else 1]])
            else:
                raise Unsupported(f"there is no rule for operation {op} of CasADi")

    @cached_property
    def needed(self) -> list[int]:
        """The nodes on which outputs depend, in order."""
        seen, stack = set(), [n for column in self.outputs for n in column]
        while stack:
            n = stack.pop()
            if n not in seen:
                seen.add(n)
                stack.extend(self.nodes[n].args)
        return sorted(seen)

    def value(self, n: int) -> float | None:
        """The number that node `n` is, None unless it is a constant."""
        return self.nodes[n].data if self.nodes[n].op == "const" else None

    def terms(self, n: int) -> list[int]:
        """The summands of a sum, `[n]` of anything else."""
        found, stack = [], [n]
        while stack:
            n = stack.pop()
            if self.nodes[n].op == "add":
                stack.extend(reversed(self.nodes[n].args))
            else:
                found.append(n)
        return found

    # --- making nodes ---

    def constant(self, value: float) -> int:
        return self._node("const", (), float(value))

    def make(self, op: str, *args: int) -> int:
        """The node of an operation, in its simplest form."""
        form = getattr(self, f"_make_{op}", None)
        return form(*args) if form else self._node(op, args)

    def _node(self, op: str, args: tuple[int, ...] = (), data: object = None) -> int:
        node = Node(op, args, data)
        if node not in self._known:
            self._known[node] = len(self.nodes)
            self.nodes.append(node)
        return self._known[node]

    def _make_assign(self, a: int) -> int:
        return a

    def _make_twice(self, a: int) -> int:
        return self.make("mul", self.constant(2.0), a)

    def _make_neg(self, a: int) -> int:
        node = self.nodes[a]
        if node.op == "const":
            return self.constant(-node.data)
        return node.args[0] if node.op == "neg" else self._node("neg", (a,))

    def _make_add(self, a: int, b: int) -> int:
        for c, then in self._choices.get(a, ()):
            for d, other in self._choices.get(b, ()):
                if self.nodes[c] == Node("not", (d,)) or self.nodes[d] == Node("not", (c,)):
                    return self._select(c, then, other)
        for m, other in ((a, b), (b, a)):
            node = self.nodes[other]
            if node.op == "lse" and all(self._is_minus(v, m) for v in node.args):  # m + log(sum(exp(v - m)))
                return self._node("lse", tuple(self._plus(v) for v in node.args))
            if node.op == "softplus" and self.nodes[m].op == "max":  # max(u, 0) + log1p(exp(-abs(u)))
                u, bound = self.nodes[m].args
                if self.value(bound) == 0.0 and node.args[0] == self.make("neg", self.make("abs", u)):
                    return self._node("softplus", (u,))
        return self.make("twice", a) if a == b else self._node("add", (a, b))

    def _is_minus(self, v: int, m: int) -> bool:
        node = self.nodes[v]
        return node == Node("neg", (m,)) or node.op == "sub" and node.args[1] == m

    def _plus(self, v: int) -> int:
        return self.constant(0.0) if self.nodes[v].op == "neg" else self.nodes[v].args[0]

    def _make_mul(self, a: int, b: int) -> int:
        if self.value(b) is not None:
            a, b = b, a
        if self.value(a) == 1.0:
            return b
        if a == b:
            return self.make("sq", a)
        for left, right in ((a, b), (b, a)) if self.value(a) is None else ():
            node = self.nodes[right]
            if node.op in ("lt", "le") and left in node.args and 0.0 in map(self.value, node.args):  # x * (x > 0)
                return self._node("max" if node.args[1] == left else "min", (left, self.constant(0.0)))
            if node.op == "mul" and left in node.args:  # (c * x) * x
                other = node.args[0] if node.args[1] == left else node.args[1]
                return self.make("mul", other, self.make("sq", left))
            if node == Node("log", (left,)):
                return self._node("xlogx", (left,))
            if node == Node("sq", (left,)):
                return self._node("pow", (left,), 3.0)
            if node.op == "pow" and node.args[0] == left and node.data.is_integer() and node.data > 0:
                return self._node("pow", (left,), node.data + 1)
        return self._node("mul", (a, b))

    def _make_sq(self, a: int) -> int:
        node = self.nodes[a]
        if node.op == "sq":
            return self._node("pow", node.args, 4.0)
        if node.op == "pow" and node.data.is_integer() and node.data > 0:
            return self._node("pow", node.args, 2 * node.data)
        return self._node("sq", node.args if node.op in ("neg", "abs") else (a,))

    def _make_div(self, a: int, b: int) -> int:
        return self.make("inv", b) if self.value(a) == 1.0 else self._node("div", (a, b))

    def _make_pow(self, a: int, b: int) -> int:
        p = self.value(b)
        if p is None:
            return self.make("exp", self.make("mul", b, self.make("log", a)))
        if p == 2.0 or p == 0.5:
            return self.make("sq" if p == 2.0 else "sqrt", a)
        if p == 0.0 or not math.isfinite(p):
            raise Unsupported(f"there is no rule for the power {p}")
        return self._node("pow", (a,), p)

    def _make_log(self, a: int) -> int:
        terms = self.terms(a)
        if len(terms) > 1 and all(self.nodes[t].op == "exp" or (self.value(t) or 0.0) > 0 for t in terms):
            args = [
                self.constant(0.0)
                if self.value(t) == 1.0
                else self.nodes[t].args[0]
                if self.nodes[t].args
                else self._node("log", (t,))
                for t in terms
            ]
            zeros = [self.value(u) == 0.0 for u in args]
            if len(args) == 2 and any(zeros):
                return self._node("softplus", (args[1] if zeros[0] else args[0],))
            return self._node("lse", tuple(args))
        return self._node("log", (a,))

    def _make_log1p(self, a: int) -> int:
        return self._node("softplus", self.nodes[a].args) if self.nodes[a].op == "exp" else self._node("log1p", (a,))

    def _make_sqrt(self, a: int) -> int:
        args, rest = [], 0.0
        for t in self.terms(a):
            node = self.nodes[t]
            if node.op == "sq":
                args.append(node.args[0])
            elif node.op == "const" and node.data >= 0 and rest == 0.0:  # only one: a sum would be rounded
                rest = node.data
            else:
                return self._node("sqrt", (a,))
        if len(args) == 1 and rest == 0.0:
            return self.make("abs", args[0])
        return self._node("norm", tuple(args), rest) if args else self._node("sqrt", (a,))

    def _make_hypot(self, a: int, b: int) -> int:
        return self._node("norm", (a, b), 0.0)

    def _make_copysign(self, a: int, b: int) -> int:
        return self.make("mul", self.make("abs", a), self._node("signum", (b,)))

    def _make_abs(self, a: int) -> int:
        return self._node("abs", self.nodes[a].args if self.nodes[a].op == "neg" else (a,))

    def _make_max(self, a: int, b: int, op: str = "max") -> int:
        if op == "max" and self.make("neg", a) == b:
            return self.make("abs", a)
        return self._node(op, (b, a) if self.value(a) is not None else (a, b))

    def _make_min(self, a: int, b: int) -> int:
        return self._make_max(a, b, "min")

    def _make_not(self, a: int) -> int:
        return self.nodes[a].args[0] if self.nodes[a].op == "not" else self._node("not", (a,))

    def _make_if(self, c: int, a: int) -> int:
        """a where c holds, else 0."""
        node, holds = self.nodes[c], True
        if node.op == "not":
            node, holds = self.nodes[node.args[0]], False
        zero, made = self.constant(0.0), None
        for p, q in self._sides(node) if a != zero else ():
            if (p, q) in ((zero, a), (a, zero)):
                made = self._node("max" if (q == a) == holds else "min", (a, zero))
        if made is None:
            made = self._node("if", (c, a))
        self._choices.setdefault(made, []).append((c, a))
        return made

    def _sides(self, node: Node) -> list[tuple[int, int]]:
        """The comparison p < q or p <= q, and the same as -q < -p."""
        if node.op not in ("lt", "le"):
            return []
        p, q = node.args
        return [(p, q), (self.make("neg", q), self.make("neg", p))]

    def _select(self, c: int, a: int, b: int) -> int:
        """a where c holds, else b."""
        if self.nodes[c].op == "not":
            c, a, b = self.nodes[c].args[0], b, a
        if a == b:
            return a
        for p, q in self._sides(self.nodes[c]):
            for kind, (first, second) in (("max", (q, p)), ("min", (p, q))):  # p < q: then q is the larger one
                if a == first and (
                    b == second
                    or self.nodes[b] in (Node(kind, (p, q)), Node(kind, (q, p)))
                    or self._is_second(b, first, second)
                ):
                    return self.make(kind, p, q)
            special = self._softplus(p, q, a, b) or self._huber(p, q, a, b)
            if special:
                return special
        return self._node("select", (c, a, b))

    def _is_second(self, b: int, first: int, second: int) -> bool:
        """Is b, where `first` was not chosen, `second` unless something is NaN?"""
        node = self.nodes[b]
        if node.op not in ("select", "if") or node.args[1] != second:
            return False
        return any({p, q} == {first, second} for p, q in self._sides(self.nodes[node.args[0]]))

    def _softplus(self, p: int, x: int, a: int, b: int) -> int | None:
        """if x >= 0 then x + log1p(exp(-max(x, 0))) else log1p(exp(min(x, 0)))"""
        zero = self.constant(0.0)
        top, bottom = self._known.get(Node("max", (x, zero))), self._known.get(Node("min", (x, zero)))
        if p != zero or top is None or bottom is None or self.nodes[b] != Node("softplus", (bottom,)):
            return None
        tail = self._known.get(Node("softplus", (self.make("neg", top),)))
        if tail is None or self.nodes[a] not in (
            Node("add", (x, tail)),
            Node("add", (tail, x)),
            Node("sub", (tail, self.make("neg", x))),
        ):
            return None
        return self._node("softplus", (x,))

    def _huber(self, p: int, q: int, a: int, b: int) -> int | None:
        """if abs(u) <= delta then u^2 / 2 else delta (abs(u) - delta / 2)"""
        delta, size_ = self.value(q), self.nodes[p]
        if delta is None or not 0 < delta < math.inf or size_.op != "abs":
            return None
        if self.nodes[a] != Node("mul", (self.constant(0.5), self.make("sq", size_.args[0]))):
            return None
        line = self.nodes[b]
        if line.op == "mul" and self.value(line.args[0]) == delta:
            line = self.nodes[line.args[1]]
        elif delta != 1.0:
            return None
        fits = line.op == "sub" and line.args[0] == p and self.value(line.args[1]) == 0.5 * delta
        return self._node("huber", size_.args, delta) if fits else None


# --- arithmetic of intervals (..., 2, B), rounded outward --------------------------------------------------

_OUT = np.array([[-np.inf], [np.inf]])
_SIGN = np.array([[-1.0], [1.0]])
WHOLE = np.array([[-np.inf], [np.inf]])
_UNIT = np.array([[-1.0], [1.0]])
_INDICATOR = np.array([[0.0], [1.0]])
_TINY = 3e-308  # the smallest normal number, with a margin


def _out(v: np.ndarray) -> np.ndarray:
    """After an operation that is rounded correctly: one unit in the last place. A 0 is exact (not so of products)."""
    return np.where(v == 0.0, 0.0, np.nextafter(v, _OUT))


def _wide(v: np.ndarray, absolute: float = _TINY) -> np.ndarray:
    """After a function of the mathematical library: four units in the last place, and more."""
    v = np.nextafter(v, _OUT)
    return v + _SIGN * (np.abs(v) * 1e-15 + absolute)


def _point(value: float) -> np.ndarray:
    largest = np.finfo(float).max
    low, high = min(value, largest), max(value, -largest)
    return np.array([[low], [high]])


def _pair(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    shape = low.shape if low.shape == high.shape else np.broadcast_shapes(low.shape, high.shape)
    pair = np.empty((*shape[:-1], 2, shape[-1]))
    pair[..., 0, :], pair[..., 1, :] = low, high
    return pair


def neg(a: np.ndarray) -> np.ndarray:
    return -a[..., ::-1, :]


def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _out(a + b)


def sub(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _out(a - b[..., ::-1, :])


def mul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    p = a[..., :, None, :] * b[..., None, :, :]
    p = p.reshape(*p.shape[:-3], 4, p.shape[-1])
    if np.isnan(p).any():  # 0 times infinity: the end of a range that is never reached
        p = np.where(np.isnan(p), 0.0, p)
    low, high = p.min(-2), p.max(-2)
    out = np.nextafter(_pair(low, high), _OUT)
    if not (low.all() and high.all()):  # 0: exact if the signs say so, else perhaps an underflow
        positive_a, negative_a = a[..., 0, :] >= 0, a[..., 1, :] <= 0
        positive_b, negative_b = b[..., 0, :] >= 0, b[..., 1, :] <= 0
        nothing = positive_a & negative_a | positive_b & negative_b
        at_least = positive_a & positive_b | negative_a & negative_b | nothing
        at_most = positive_a & negative_b | negative_a & positive_b | nothing
        out = _pair(
            np.where(at_least, np.maximum(out[..., 0, :], 0.0), out[..., 0, :]),
            np.where(at_most, np.minimum(out[..., 1, :], 0.0), out[..., 1, :]),
        )
    return out


def scale(c: float, a: np.ndarray) -> np.ndarray:
    if c == 0.0:
        return np.zeros_like(a)
    a = a if c > 0 else a[..., ::-1, :]
    return np.where(a == 0.0, 0.0, np.nextafter(c * a, _OUT))


def hull(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _pair(np.minimum(a[..., 0, :], b[..., 0, :]), np.maximum(a[..., 1, :], b[..., 1, :]))


def meet(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The intersection of two enclosures of the same number."""
    return _pair(np.maximum(a[..., 0, :], b[..., 0, :]), np.minimum(a[..., 1, :], b[..., 1, :]))


def size(a: np.ndarray) -> np.ndarray:
    """abs(a)"""
    low, high = a[..., 0, :], a[..., 1, :]
    return _pair(np.maximum(np.maximum(low, -high), 0.0), np.maximum(high, -low))


def square(a: np.ndarray) -> np.ndarray:
    s = size(a)
    return np.where(s == 0.0, 0.0, np.maximum(np.nextafter(s * s, _OUT), 0.0))


def inverse(a: np.ndarray) -> np.ndarray:
    """1 / a where a is not 0; the whole line if a has both signs."""
    low, high = a[..., 0, :], a[..., 1, :]
    both = (low < 0) & (high > 0) | (low == 0) & (high == 0)
    left = np.where(both | (high == 0), -np.inf, 1 / high)
    right = np.where(both | (low == 0), np.inf, 1 / low)
    return _out(_pair(left, right))


def _real_power(a: np.ndarray, p: float) -> np.ndarray:
    """a^p for a >= 0."""
    b = np.maximum(a, 0.0)
    b = b if p >= 0 else b[..., ::-1, :]
    return np.maximum(_wide(np.power(b, p)), 0.0)


def power(a: np.ndarray, p: float) -> np.ndarray:
    """a^p, of negative a only for integers p."""
    if p == 0.0:
        return np.ones_like(a)
    if p == 1.0:
        return a
    if p == 2.0:
        return square(a)
    if not p.is_integer():
        return _real_power(a, p)
    if p < 0:
        return power(inverse(a), -p)
    if p % 2 == 0:
        return np.maximum(_wide(np.power(size(a), p)), 0.0)
    return np.where(a == 0.0, 0.0, _wide(np.power(a, p)))


def _inside(a: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip(a, low, high)


# --- functions of one argument: value, first and second derivative ------------------------------------------

Rule = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Unary:
    """A function f of one argument u: its range, those of f'(u, f) and f''(u, f), and where it is defined."""

    value: Rule
    first: Callable
    second: Callable
    low: float = -np.inf
    high: float = np.inf


def _monotone(function: Rule, low: float = -np.inf, high: float = np.inf) -> Rule:
    """An increasing function; where it takes 0 to 0 that is exact."""

    def value(u):
        v = function(u)
        return np.clip(np.where((u == 0.0) & (v == 0.0), 0.0, _wide(v)), low, high)

    return value


def _turns(u: np.ndarray, phase: float) -> np.ndarray:
    """Does u contain phase + 2 k pi? With a margin for the rounding of large arguments."""
    period = 2 * np.pi
    low, high = (u[..., 0, :] - phase) / period, (u[..., 1, :] - phase) / period
    margin = 1e-15 * (1 + np.maximum(np.abs(low), np.abs(high)))
    return ~(np.ceil(low - margin) > high + margin)  # also where an end is infinite


def _wave(function: Rule, top: float) -> Rule:
    def value(u):
        ends = function(np.where(np.isfinite(u), u, 0.0))
        ends = _pair(ends.min(-2), ends.max(-2))
        ends = np.where(ends == 0.0, 0.0, _wide(ends, 3e-16))  # only sin(0) is 0
        whole = ~np.isfinite(u).all(-2)
        low = np.where(whole | _turns(u, top + np.pi), -1.0, ends[..., 0, :])
        high = np.where(whole | _turns(u, top), 1.0, ends[..., 1, :])
        return np.clip(_pair(low, high), -1.0, 1.0)

    return value


_sin, _cos = _wave(np.sin, np.pi / 2), _wave(np.cos, 0.0)


def _pole(u: np.ndarray) -> np.ndarray:
    """May tan be infinite in u?"""
    return _turns(2 * u, np.pi) | ~np.isfinite(u).all(-2)


def _tan(u):
    ends = _wide(np.tan(np.where(np.isfinite(u), u, 0.0)))
    return np.where(_pole(u)[..., None, :], WHOLE, ends)


def _cosh(u):
    return np.maximum(_wide(np.cosh(size(u))), 1.0)


def _one_plus_square(u, sign=1.0):
    return add(_point(1.0), square(u) if sign > 0 else neg(square(u)))


def _jump(function: Rule, at_ends: Rule | None = None) -> _Unary:
    """A step function: derivative 0 where it does not change, anything where it may, on the edge of a step as well."""

    def first(u, f):
        steady = f[..., 0, :] == f[..., 1, :]
        if at_ends is not None:
            steady = steady & ~at_ends(u)
        return np.where(steady[..., None, :], 0.0, WHOLE)

    return _Unary(function, first, first)


def _signum(u):
    low, high = u[..., 0, :], u[..., 1, :]
    return _pair(np.where(low > 0, 1.0, -1.0), np.where(high < 0, -1.0, 1.0))


def _abs_first(u, f):
    return _signum(u)


def _abs_second(u, f):
    low, high = u[..., 0, :], u[..., 1, :]
    return _pair(np.zeros_like(low), np.where((low > 0) | (high < 0), 0.0, np.inf))


def _sigmoid(u):
    with np.errstate(over="ignore"):
        return np.clip(_wide(1 / (1 + np.exp(-u))), 0.0, 1.0)


def _bell(u):
    """The derivative of the sigmoid: it falls with abs(u)."""
    e = np.exp(-size(u)[..., ::-1, :])
    return np.clip(_wide(e / (1 + e) ** 2), 0.0, 0.25)


def _erf_first(u):
    e = np.exp(-(size(u)[..., ::-1, :] ** 2))
    s = size(u)[..., ::-1, :]
    return np.clip(_wide(2 / math.sqrt(math.pi) * e * (1 + _SIGN * 1e-15 * np.minimum(s * s, 1e3))), 0.0, 1.13)


def _half_inverse(s):
    """1 / sqrt(s) for s >= 0."""
    return inverse(np.maximum(_out(np.sqrt(np.maximum(s, 0.0))), 0.0))


def _xlogx(u):
    """u log(u), 0 at 0: it falls up to 1 / e and grows from there."""
    ends = np.where(u == 0.0, 0.0, np.where(np.isinf(u), np.inf, u * np.log(u)))
    ends = _wide(_pair(ends.min(-2), ends.max(-2)))
    least = (u[..., 0, :] <= 0.3678794411714424) & (u[..., 1, :] >= 0.3678794411714423)
    return _pair(np.where(least, -0.36787944117144244, ends[..., 0, :]), ends[..., 1, :])


def _asin_first(u):
    return _half_inverse(_one_plus_square(u, -1.0))


_exp = _monotone(np.exp, 0.0)
_UNARY = {
    "exp": _Unary(_exp, lambda u, f: f, lambda u, f: f),
    "expm1": _Unary(_monotone(np.expm1, -1.0), lambda u, f: _exp(u), lambda u, f: _exp(u)),
    "log": _Unary(_monotone(np.log), lambda u, f: inverse(u), lambda u, f: neg(square(inverse(u))), 0.0),
    "log1p": _Unary(
        _monotone(np.log1p),
        lambda u, f: inverse(np.maximum(add(u, _point(1.0)), 0.0)),
        lambda u, f: neg(square(inverse(np.maximum(add(u, _point(1.0)), 0.0)))),
        -1.0,
    ),
    "sqrt": _Unary(
        lambda u: np.maximum(_out(np.sqrt(u)), 0.0),
        lambda u, f: scale(0.5, inverse(f)),
        lambda u, f: scale(-0.25, power(inverse(f), 3.0)),
        0.0,
    ),
    "inv": _Unary(inverse, lambda u, f: neg(square(f)), lambda u, f: scale(2.0, power(f, 3.0))),
    "sq": _Unary(square, lambda u, f: scale(2.0, u), lambda u, f: _point(2.0)),
    "neg": _Unary(neg, lambda u, f: _point(-1.0), lambda u, f: None),
    "sin": _Unary(_sin, lambda u, f: _cos(u), lambda u, f: neg(f)),
    "cos": _Unary(_cos, lambda u, f: neg(_sin(u)), lambda u, f: neg(f)),
    "tan": _Unary(_tan, lambda u, f: _one_plus_square(f), lambda u, f: scale(2.0, mul(f, _one_plus_square(f)))),
    "asin": _Unary(
        _monotone(np.arcsin), lambda u, f: _asin_first(u), lambda u, f: mul(u, power(_asin_first(u), 3.0)), -1.0, 1.0
    ),
    "acos": _Unary(
        lambda u: _wide(np.arccos(u[..., ::-1, :])),
        lambda u, f: neg(_asin_first(u)),
        lambda u, f: neg(mul(u, power(_asin_first(u), 3.0))),
        -1.0,
        1.0,
    ),
    "atan": _Unary(
        _monotone(np.arctan),
        lambda u, f: inverse(_one_plus_square(u)),
        lambda u, f: scale(-2.0, mul(u, square(inverse(_one_plus_square(u))))),
    ),
    "sinh": _Unary(_monotone(np.sinh), lambda u, f: _cosh(u), lambda u, f: f),
    "cosh": _Unary(_cosh, lambda u, f: _wide(np.sinh(u)), lambda u, f: f),
    "tanh": _Unary(
        _monotone(np.tanh, -1.0, 1.0),
        lambda u, f: np.maximum(_one_plus_square(f, -1.0), 0.0),
        lambda u, f: scale(-2.0, mul(f, np.maximum(_one_plus_square(f, -1.0), 0.0))),
    ),
    "asinh": _Unary(
        _monotone(np.arcsinh),
        lambda u, f: _half_inverse(_one_plus_square(u)),
        lambda u, f: neg(mul(u, power(_half_inverse(_one_plus_square(u)), 3.0))),
    ),
    "acosh": _Unary(
        _monotone(np.arccosh, 0.0),
        lambda u, f: _half_inverse(sub(square(u), _point(1.0))),
        lambda u, f: neg(mul(u, power(_half_inverse(sub(square(u), _point(1.0))), 3.0))),
        1.0,
    ),
    "atanh": _Unary(
        _monotone(np.arctanh),
        lambda u, f: inverse(np.maximum(_one_plus_square(u, -1.0), 0.0)),
        lambda u, f: scale(2.0, mul(u, square(inverse(np.maximum(_one_plus_square(u, -1.0), 0.0))))),
        -1.0,
        1.0,
    ),
    "erf": _Unary(
        _monotone(np.vectorize(math.erf, otypes=[float]), -1.0, 1.0),
        lambda u, f: _erf_first(u),
        lambda u, f: scale(-2.0, mul(u, _erf_first(u))),
    ),
    "xlogx": _Unary(_xlogx, lambda u, f: add(_wide(np.log(u)), _point(1.0)), lambda u, f: inverse(u), 0.0),
    "abs": _Unary(size, _abs_first, _abs_second),
    "sign": _jump(np.sign),
    "signum": _jump(_signum),
    "floor": _jump(np.floor, lambda u: np.floor(u[..., 0, :]) == u[..., 0, :]),
    "ceil": _jump(np.ceil, lambda u: np.ceil(u[..., 1, :]) == u[..., 1, :]),
    "softplus": _Unary(_monotone(lambda u: np.logaddexp(0.0, u), 0.0), lambda u, f: _sigmoid(u), lambda u, f: _bell(u)),
}


def _curved(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the entries of a symmetric matrix that are kept: the upper triangle."""
    return np.triu_indices(n)


# --- the walk ------------------------------------------------------------------------------------------


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
        walk = _Walk(self.graph, boxes, 0)
        return walk.values, walk.status

    def derivatives(self, low: np.ndarray, high: np.ndarray, order: int = 2) -> list[Enclosure]:
        """For every entry of the first output an `Enclosure`, of a Function of one column; ends of shape (n, B)."""
        walk = _Walk(self.graph, ((low, high),), order)
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


class _Walk:
    """One pass through a graph; derivatives by the variables of the first input up to `order`. None stands for 0."""

    def __init__(self, graph: Graph, boxes, order: int):
        self.graph, self.order = graph, order
        self.boxes = [
            np.stack(np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float)), 1) for low, high in boxes
        ]
        self.n = graph.sizes[0] if graph.sizes else 0
        self.rows, self.columns = _curved(self.n)
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
            self.values[k], self.status[k] = (WHOLE, 2) if bad else (_point(node.data), 0)
        elif node.op == "input":
            which, entry = node.data
            self.values[k], self.status[k] = self.boxes[which][entry], 0
            if self.order and which == 0:
                self.gradients[k] = (np.arange(self.n) == entry).astype(float)[:, None, None] * np.ones((1, 2, 1))
        elif node.op in _UNARY or node.op in ("pow", "huber"):
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
        rule = (
            power_rule(node.data) if node.op == "pow" else huber_rule(node.data) if node.op == "huber" else _UNARY[node.op]
        )
        low, high = u
        if rule.low != -np.inf or rule.high != np.inf:
            gone = (high < rule.low) | (low > rule.high)
            part = (low < rule.low) | (high > rule.high)
            if part.any():
                status = np.maximum(status, np.where(gone, 2, part))
                u = _inside(u, rule.low, rule.high)
                low, high = u
        if node.op == "inv" or node.op == "pow" and node.data < 0:
            status = self._zero(status, low, high)
        elif node.op == "tan":
            pole = _pole(u)
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
            q = np.where(u == 0.0, 0.0, np.nextafter(u / c, _OUT))
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
        self.values[k] = _pair(low, high)
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
        value = _pair(np.where(yes & ~doubtful, 1.0, 0.0), np.where(no & ~doubtful, 0.0, 1.0))
        self.values[k], self.status[k] = value, 0
        if self.order and any(self.gradients.get(a) is not None for a in args):
            open_ = (value[0] != value[1]) | self._touching(args)
            self.gradients[k] = self._anything(open_, None)
            self.hessians[k] = self._anything(open_, None, True)

    def _touching(self, args):
        """Where a jump may be next door: a comparison of equal ends, or of what jumps there itself."""
        touching = np.zeros(1, bool)
        if len(args) == 2 and all(self.graph.nodes[a].op not in _LOGICAL for a in args):
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
        pi = _wide(_point(math.pi))[1]
        self.values[k] = np.where(right, _wide(np.arctan(q)), _SIGN * pi)
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
        self.values[k] = np.where(np.isfinite(total), total + _SIGN * rounding, total)
        self.status[k] = self._together(*args)
        moving = [i for i in range(count) if self.gradients.get(args[i]) is not None]
        if not self.order or not moving:
            return
        g = {i: self.gradients[args[i]] for i in moving}
        weight = {}
        for i in moving:  # 1 / sum(exp(u_j - u_i)): low where u_i is low and the others are high
            others = np.exp(np.delete(u, i, 0)[:, ::-1] - u[i]).sum(0)
            weight[i] = np.clip(_wide(1 / (1 + others)) + _SIGN * 1e-15 * count, 0.0, 1.0)
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
            weight[i] = np.clip(_wide(1 / (1 + others)) + _SIGN * 1e-15 * count, 0.0, 1.0)
        for i in moving:  # the variance of the gradients: sum over pairs of w_i w_j (g_i - g_j) (g_i - g_j)'
            for j in range(count):
                if j in g and j <= i:
                    continue
                apart = sub(g[i], g[j]) if j in g else g[i]
                bend = self._sum(bend, mul(mul(weight[i], weight[j]), self._outer(apart)))
        self.hessians[k] = bend

    def _norm(self, k: int, *args: int) -> None:
        rest = self.graph.nodes[k].data
        s = _point(rest)
        for a in args:
            s = add(s, square(self.values[a]))
        root = np.maximum(_out(np.sqrt(np.maximum(s, 0.0))), math.sqrt(rest) * (1 - 1e-15))
        self.values[k], self.status[k] = root, self._together(*args)
        moving = [a for a in args if self.gradients.get(a) is not None]
        if not self.order or not moving:
            return
        r = inverse(root)
        slope = bend = None
        for a in moving:
            weight = _inside(mul(self.values[a], r), -1.0, 1.0)
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


def power_rule(p: float) -> _Unary:
    def derivative(k: int):
        factor = p if k == 1 else p * (p - 1)  # rounded: the product below is made wider
        return lambda u, f: mul(_wide(_point(factor)), power(u, p - k))

    return _Unary(lambda u: power(u, p), derivative(1), derivative(2), -np.inf if p.is_integer() else 0.0)


def huber_rule(delta: float) -> _Unary:
    def value(u):
        s = size(u)
        return np.maximum(_wide(np.where(s <= delta, 0.5 * s * s, delta * (s - 0.5 * delta))), 0.0)

    def second(u, f):
        s = size(u)
        return _pair(np.where(s[..., 1, :] < delta, 1.0, 0.0), np.where(s[..., 0, :] > delta, 0.0, 1.0))

    return _Unary(value, lambda u, f: _inside(u, -delta, delta), second)
