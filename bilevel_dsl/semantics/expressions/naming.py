"""What the dimensions of an expression are over: a set, where its entries belong to the elements of one."""

from __future__ import annotations

from ..builtins import BUILTINS
from ..graph.evaluate import ELEMENTWISE
from ..names.scope import Scope
from ..nodes.ir import Dim, Node, postorder


def named(scope: Scope, found: Node, dims: tuple[Dim, ...]) -> Node:
    """`found`, whose dimensions are `dims`."""
    if not found.bad and any(d.members is not None for d in dims):
        scope.dims[id(found)] = (found, dims)
    return found


def dims_of(scope: Scope, root: Node) -> tuple[Dim, ...]:
    """The dimensions of an expression; those of operations entry by entry are those of their operands."""
    known: dict[int, tuple[Dim, ...]] = {}
    for n in postorder(root):
        known[id(n)] = _dims_of_one(scope, n, known)
    return known[id(root)]


def _dims_of_one(scope: Scope, n: Node, known: dict[int, tuple[Dim, ...]]) -> tuple[Dim, ...]:
    if id(n) in scope.dims:
        return scope.dims[id(n)][1]
    if n.op in ("param", "var", "dual"):
        return declared_dims_of(scope, n)
    plain = tuple(Dim(size) for size in n.shape)
    builtin = BUILTINS.get(n.op)
    if n.batch is None and (n.op in ELEMENTWISE or builtin and builtin.elementwise):
        candidates = [known[id(a)] for a in n.args if a.shape == n.shape]
        return next((dims for dims in candidates if any(d.members for d in dims)), plain)
    return plain


def declared_dims_of(scope: Scope, base: Node) -> tuple[Dim, ...]:
    if base.op in ("param", "var"):
        return scope.symbols[base.attr].over
    if base.op == "dual":
        return scope.used_duals[base.attr][0]
    return tuple(Dim(n) for n in base.shape)
