"""The degree of an expression as a polynomial in some of the variables: 0, 1, 2, or more."""

from __future__ import annotations

from collections.abc import Set

from ..builtins import BUILTINS
from ..nodes.ir import Node, postorder

MORE = 3  # of degree above 2, or no polynomial
_LINEAR = {
    "neg",
    "gather",
    "rebatch",
    "merge",
    "columns",
    "stack",
    "collect",
    "transpose",
    "+",
    "-",
}
_PRODUCT = {"*", "@", "matmul"}


def degree(root: Node, names: Set[str]) -> int:
    """An upper bound of the degree of `root` in the variables `names`; MORE if it is above 2 or not known."""
    return _of(root, names, {})


def _of(root: Node, names: Set[str], slots: dict[str | int, int]) -> int:
    """`slots`: the degrees of the arguments, if `root` is a step of a recursion."""
    found: dict[int, int] = {}
    for n in postorder(root):
        below = [found[id(a)] for a in n.args]
        if n.op == "slot":
            found[id(n)] = slots[n.attr]
        elif slots and not any(below) or not n.variables & names and not slots:
            found[id(n)] = 0
        else:
            found[id(n)] = _recursion(n, below) if n.op == "recursion" else _degree(n, below)
    return found[id(root)]


def _recursion(n: Node, d: list[int]) -> int:
    """Steps are taken until the degree of the entries grows no more: it is MORE then at the latest."""
    entries = 0
    for run in n.attr:
        before = -1
        while entries > before:
            before = entries
            slots = {**dict(enumerate(d)), "window": entries, "fixed": entries}
            entries = max(entries, _of(run.step, frozenset(), slots))
    return entries


def _degree(n: Node, d: list[int]) -> int:
    if n.op == "var":
        return 1
    if n.op in _LINEAR or (
        n.op in ("fold", "reduce") and (n.attr if n.op == "reduce" else n.attr[0]) in ("sum", "mean", "expect")
    ):
        return max(d)
    if n.op in _PRODUCT:
        return min(sum(d), MORE)
    if n.op == "/":
        return d[0] if d[1] == 0 else MORE
    if n.op == "^":
        power = n.args[1]
        if d[1] == 0 and power.op == "const" and power.attr.ndim == 0 and float(power.attr) in (0.0, 1.0, 2.0):
            return min(int(power.attr) * d[0], MORE)
        return MORE
    if n.op == "where":
        return max(d[1:]) if d[0] == 0 else MORE
    builtin = BUILTINS.get(n.op)
    return MORE if builtin is None or builtin.degree is None else int(min(builtin.degree(d), MORE))
