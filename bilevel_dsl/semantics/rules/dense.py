"""Zeros of sparse matrices are not written out where they are too many."""

from __future__ import annotations

from math import prod

from ...diagnostics import Collector
from ..checked import Checked
from ..graph.evaluate import TooLarge
from ..graph.zeros import KEPT_SPARSE, is_sparse, keeps_zeros
from ..nodes.ir import MANY, Node, postorder


def refuse_dense(checked: Checked, problems: Collector) -> None:
    """No zeros are written out of a matrix that is too large for it."""
    if not any(p.pattern for p in checked.params):
        return
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
