"""Parts of the follower that do not see each other: each is answered, and its gap measured, by itself.

Two entries of y belong to one block if the second derivative of g by both is not structurally zero, or a row has both.
Named followers and the hours of a market come apart in this way.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

from .place import Place, Region

LARGEST_GRAPH = 100_000  # operations of g up to which its Hessian's pattern is looked at


def blocks(place: Place, region: Region) -> list[np.ndarray]:
    """Indices of the entries of y, block by block; one block where the pattern is not known."""
    n = place.ny
    hessian, rows = _hessian_pattern(place), _row_pattern(place, region)
    if hessian is None or rows is None:
        return [np.arange(n)]
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in (*hessian, *rows):
        parent[root(i)] = root(j)
    groups: dict[int, list[int]] = {}
    for i in range(n):
        groups.setdefault(root(i), []).append(i)
    return [np.array(g) for g in groups.values()]


def _hessian_pattern(place: Place) -> list[tuple[int, int]] | None:
    g = scalar_graph(place.oracles.function("g"))
    if g is None:
        return None
    x, y, *p = (ca.SX.sym("v", *g.size_in(i)) for i in range(g.n_in()))
    gradient = ca.gradient(g(x, y, *p), y)
    pattern = ca.Function("gradient", [x, y, *p], [gradient]).jac_sparsity(0, 1)
    return list(zip(*pattern.get_triplet()))


def _row_pattern(place: Place, region: Region) -> list[tuple[int, int]] | None:
    if not region.count:
        return []
    pattern = ca.jacobian(region.rows, place.problem.y).sparsity()
    last: dict[int, int] = {}
    pairs = []
    for i, j in zip(*pattern.get_triplet()):
        if i in last:
            pairs.append((last[i], j))
        last[i] = j
    return pairs


def scalar_graph(function: ca.Function, largest: int = LARGEST_GRAPH) -> ca.Function | None:
    """`function` as a graph of scalars, None where it has none or is too large."""
    if function.is_a("SXFunction"):
        return function
    if function.n_instructions() > largest or sum(map(function.numel_in, range(function.n_in()))) > largest:
        return None
    if function.sz_w() > 20 * largest:
        return None
    try:
        scalar = function.expand()
    except RuntimeError:  # a node without a scalar form: a solver, a fold
        return None
    return scalar if scalar.n_instructions() <= largest else None


def at_leader(
    place: Place,
    function: ca.Function,
    x: np.ndarray,
    y: np.ndarray | None = None,
    block: np.ndarray | None = None,
    largest: int = LARGEST_GRAPH,
) -> ca.Function | None:
    """A Function of (x, y, *p) as one of y alone, or of a block of y with the other entries held: a graph of scalars."""
    scalar = scalar_graph(function, largest)
    if scalar is None:
        return None
    v = ca.SX.sym("v", place.ny if block is None else len(block))
    if block is None:
        whole = v
    else:
        whole = ca.SX(ca.DM(y))
        whole[[int(i) for i in block]] = v
    return ca.Function("of_y", [v], [ca.densify(scalar(ca.DM(x), whole, *place.columns))])
