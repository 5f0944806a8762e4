"""What the dimensions of an expression are over: a set, where its entries belong to the elements of one."""

from __future__ import annotations

from .builtins import BUILTINS
from .evaluate import ELEMENTWISE
from .ir import Dim, Node, postorder
from .parts import Part


class Naming(Part):
    """The part of the lowering that remembers which sets the entries of results belong to."""

    _named: dict[int, tuple[Node, tuple[Dim, ...]]]  # by id, with the node, which must not be freed

    def named(self, found: Node, dims: tuple[Dim, ...]) -> Node:
        """`found`, whose dimensions are `dims`."""
        if not found.bad and any(d.members is not None for d in dims):
            self._named[id(found)] = (found, dims)
        return found

    def dims_of(self, root: Node) -> tuple[Dim, ...]:
        """The dimensions of an expression; those of operations entry by entry are those of their operands."""
        known: dict[int, tuple[Dim, ...]] = {}
        for n in postorder(root):
            known[id(n)] = self._dims_of_one(n, known)
        return known[id(root)]

    def _dims_of_one(self, n: Node, known: dict[int, tuple[Dim, ...]]) -> tuple[Dim, ...]:
        if id(n) in self._named:
            return self._named[id(n)][1]
        if n.op in ("param", "var", "dual"):
            return self._dims(n)
        plain = tuple(Dim(size) for size in n.shape)
        builtin = BUILTINS.get(n.op)
        if n.batch is None and (n.op in ELEMENTWISE or builtin and builtin.elementwise):
            candidates = [known[id(a)] for a in n.args if a.shape == n.shape]
            return next((dims for dims in candidates if any(d.members for d in dims)), plain)
        return plain
