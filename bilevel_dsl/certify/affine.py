"""A large objective as a function of its affine parts: where that is convex, so is the objective in the variables.

Of learning with many data nearly all operations are in products with the data, which are affine in y. Cut there, the rest
is small enough for the rules of `curvature.py`: g(y) = h(z(y)) with z affine is convex in y where h is convex in z.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

from ..functions.polynomial import degrees_by_node
from .blocks import scalar_graph
from .curvature import curvature
from .place import Place

LARGEST_REST = 20_000  # operations between the affine parts and the value
_MIXING = (ca.OP_MTIMES, ca.OP_DOT, ca.OP_BILIN, ca.OP_RANK1, ca.OP_HORZREPSUM)  # many operations for an entry


def convex_by_parts(place: Place, x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> bool:
    """Whether g is seen to be convex in y within [lower, upper], as a function of its affine parts. False says nothing."""
    problem = place.problem
    g, y = problem.g.expression, problem.y
    parts = affine_parts(g, y)
    symbols = [ca.MX.sym(f"z{k}", part.sparsity()) for k, part in enumerate(parts)]
    (rest,) = ca.graph_substitute([g], parts, symbols)
    if not symbols or ca.depends_on(rest, y):
        return False
    with_data = ca.Function("rest", [*symbols, problem.x, *problem.p], [ca.densify(rest)])
    (value,) = with_data.call([*symbols, ca.DM(x), *place.columns], True, False)
    scalar = scalar_graph(ca.Function("of_parts", symbols, [value]), LARGEST_REST)
    if scalar is None:
        return False
    z = [ca.SX.sym(s.name(), s.sparsity()) for s in symbols]
    own = [p.__hash__() == y.__hash__() for p in parts]
    low, high = (
        np.concatenate([end if is_y else np.full(s.nnz(), far) for is_y, s in zip(own, symbols)])
        for end, far in ((lower, -np.inf), (upper, np.inf))
    )
    column = ca.vertcat(*[entry for v in z for entry in v.nonzeros()])
    return curvature(ca.Function("of_parts", [column], scalar.call(z)), low, high) in ("constant", "affine", "convex")


def affine_parts(expression: ca.MX, y: ca.MX) -> list[ca.MX]:
    """The products and sums of many terms that are affine in y, and y where it stands apart from them.

    What is done to them entry by entry, as -z or 2 z, is left to the rest: its rules see z and -z as what they are.
    """
    degrees = degrees_by_node([expression], [y])
    found: list[ca.MX] = []
    seen: set[int] = set()
    stack = [expression]
    while stack:
        node = stack.pop()
        key = node.__hash__()
        if key in seen or degrees[key] == 0:
            continue
        seen.add(key)
        if degrees[key] == 1 and (node.is_symbolic() or node.op() in _MIXING):
            found.append(node)
        else:
            stack.extend(node.dep(k) for k in range(node.n_dep()))
    return found
