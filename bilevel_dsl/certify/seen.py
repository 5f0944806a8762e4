"""Of several answers of a convex follower: whether the leader sees any difference between them.

Answers of a convex follower form a convex set on which g is constant. Along it, from y* in a direction d, the second
derivative d' H d of g is zero, and so is H d, as H = grad_yy g(x, y*) is positive semidefinite. So where the block of H of
some entries is positive definite and the rest of their rows is zero, all answers are the same in these entries. Flows of a
network by origin are many, those on its links are not, and a leader who counts traffic sees the latter.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

from .place import Place, Region
from .scales import Scales

MOST = 600  # entries of a block, which is a dense matrix here
DEFINITE = 1e-8  # the smallest eigenvalue, relative to the largest entry


def alike(place: Place, leader: Region, scales: Scales, x: np.ndarray, y: np.ndarray) -> list[str] | None:
    """Variables that f and the leader's rows have of the follower, if all of its answers share these; y is one of them.

    Returns:
        Their names; None where it is not known.
    """
    problem = place.problem
    if not problem.y.numel() or problem.used_duals:
        return None
    outputs = ca.vertcat(problem.f.expression, ca.vec(leader.rows))
    seen = np.unique(_columns(ca.jacobian_sparsity(outputs, problem.y)))
    slope = ca.gradient(problem.g.expression, problem.y)
    block = _closure(seen, ca.jacobian_sparsity(slope, problem.y))
    if len(block) > MOST:
        return None
    if len(block):
        hessian = _block(place, slope, block, x, y) * np.outer(scales.y[block], scales.y[block])
        if not np.all(np.isfinite(hessian)):
            return None
        size = float(np.max(np.abs(hessian)))
        if not size > 0 or not np.linalg.eigvalsh((hessian + hessian.T) / 2)[0] > DEFINITE * size:
            return None
    return [v.name for v in problem.lower_variables if np.any((seen >= v.slice.start) & (seen < v.slice.stop))]


def _columns(pattern: ca.Sparsity) -> np.ndarray:
    return np.array(pattern.get_triplet()[1], int)


def _closure(entries: np.ndarray, pattern: ca.Sparsity) -> np.ndarray:
    """The entries, and those that the Hessian connects with them."""
    rows, columns = (np.array(v, int) for v in pattern.get_triplet())
    held = np.zeros(pattern.size1(), bool)
    held[entries] = True
    while True:
        new = columns[held[rows] & ~held[columns]]
        if not len(new):
            return np.flatnonzero(held)
        held[new] = True


def _block(place: Place, slope: ca.MX, block: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The rows and columns `block` of the Hessian of g."""
    problem = place.problem
    directions = ca.DM.zeros(problem.y.numel(), len(block))
    for k, i in enumerate(block.tolist()):
        directions[i, k] = 1
    columns = ca.jtimes(slope, problem.y, directions)[block.tolist(), :]
    function = ca.Function("block", [problem.x, problem.y, *problem.p], [ca.densify(columns)])
    return place.call(function, x, y)[0]
