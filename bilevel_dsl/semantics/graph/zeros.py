"""Where sparse matrices stay sparse: in products, transposed, times a number; all else writes their zeros out."""

from __future__ import annotations

from ..nodes.ir import Node

KEPT_SPARSE = "products `A @ x`, `A' @ r`, and a multiple `c * A` go through its entries only"


def keeps_zeros(n: Node) -> bool:
    """Whether zeros of the arguments need not be written out to compute `n`."""
    if n.op in ("matmul", "transpose", "neg"):
        return True
    if n.op not in ("*", "/"):
        return False
    left, right = n.args
    return right.shape == () or n.op == "*" and left.shape == ()


def is_sparse(n: Node) -> bool:
    """Whether `n` is a sparse matrix, computed without its zeros."""
    if n.op == "sparse":
        return True
    if n.batch is not None or not keeps_zeros(n):
        return False
    return all(map(is_sparse, n.args)) if n.op == "matmul" else any(map(is_sparse, n.args))
