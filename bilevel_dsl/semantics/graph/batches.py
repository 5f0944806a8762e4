"""Which operations have a form for all iterations at once."""

from __future__ import annotations

from ..nodes.ir import Node


def has_batch_form(a: Node, b: Node) -> bool:
    """Whether `a @ b` is one operation on all iterations."""
    m, n = (a.shape[0] if len(a.shape) == 2 else a.size), (b.shape[1] if len(b.shape) == 2 else 1)
    return a.batch is None or b.batch is None and m == 1 or m == n == 1
