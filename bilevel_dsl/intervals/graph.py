"""The scalar graph of a CasADi Function, with the forms of the language as single operations.

Equal expressions become one node. max, min, norm, softplus, huber, logsumexp and integer powers, which the language writes
with several operations, become one each, with a rule of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import casadi as ca

LARGEST = 20_000  # instructions

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


LOGICAL = ("lt", "le", "eq", "ne", "not", "and", "or")


class Unsupported(Exception):
    """There are no intervals for this function; the message says why."""


@dataclass(frozen=True)
class Node:
    """One operation: `args` are the numbers of earlier nodes, `data` a constant, an exponent, or (input, entry)."""

    op: str
    args: tuple[int, ...] = ()
    data: Any = None  # of what kind depends on `op`


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
