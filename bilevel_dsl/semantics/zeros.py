"""Where sparse matrices stay sparse: in products, transposed, times a number; all else writes their zeros out."""

from __future__ import annotations

from math import prod

from ..diagnostics import Collector
from .checked import Checked
from .evaluate import TooLarge
from .ir import Node, postorder
from .symbols import MANY

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


def refuse_dense(checked: Checked, problems: Collector) -> None:
    """No zeros are written out of a matrix that is too large for it."""
    seen: set[int] = set()
    for root in _roots(checked):
        for n in postorder(root):
            if id(n) in seen or n.op == "sparse" or keeps_zeros(n):
                continue
            seen.add(id(n))
            large = next((a for a in n.args if prod(a.shape) > MANY and is_sparse(a)), None)
            if large is not None:
                problems.error("BL0315", str(TooLarge(large)), large.span, hints=(KEPT_SPARSE,))


def _roots(checked: Checked) -> list[Node]:
    things = [checked.upper_objective, *checked.lower_objectives, *checked.upper_constraints, *checked.lower_constraints]
    return [
        *(t.node for t in things),
        *(r.node for r in checked.report),
        *(a for v in checked.variables for a in v.set.args),
    ]
