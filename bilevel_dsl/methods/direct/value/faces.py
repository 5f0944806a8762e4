"""Where answers of the follower can lie: its necessary conditions, face by face.

A face holds some of the follower's variables at a bound, the others F are between theirs, and some rows A of its constraints
are active. At a local minimum there is a face of which the point is a member, and on it (Fritz John 1948)

    the vectors grad_F g, grad_F h_a (a in A), grad_F e are linearly dependent:   their minors are zero,
    g_i >= 0 where y_i is at its lower bound, <= 0 at its upper one    (no row contains y_i),
    g_ii >= 0 for i in F                                               (no row contains them)

for rows h_A = 0, by Caratheodory with at most as many as F has members. No multiplier becomes a variable.
Only of functions with derivatives everywhere in y; of others there is one face, without conditions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import casadi as ca
import numpy as np

from ....intervals import Graph
from ..system import Levels

MOST = 400  # faces
SMOOTH = {
    "add", "sub", "mul", "div", "neg", "inv", "sq", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "atan", "sinh",
    "cosh", "tanh", "asinh", "erf", "softplus", "lse", "input", "const",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Face:
    """Bounds of v = (x, y), and rows with their limits that hold at all answers of the follower on the face.

    Attributes:
        conditions: of each row, whether it is one of the follower's conditions; the others say what is admissible.
    """

    low: np.ndarray
    high: np.ndarray
    rows: ca.SX
    row_low: np.ndarray
    row_high: np.ndarray
    conditions: np.ndarray


class Conditions:
    """The follower's functions and derivatives on symbols v = (x, y)."""

    def __init__(self, levels: Levels):
        self.levels = levels
        self.x, self.y = ca.SX.sym("x", levels.nx), ca.SX.sym("y", levels.ny)
        self.v = ca.vertcat(self.x, self.y)
        self.f, self.g, self.h, self.e, self.c = levels.expressions(self.x, self.y)
        self.smooth = all(_smooth(part, self.x, self.y) for part in (self.g, self.h, self.e))
        self.slope = ca.densify(ca.gradient(self.g, self.y))
        self.of_h = ca.densify(ca.jacobian(self.h, self.y))
        self.of_e = ca.densify(ca.jacobian(self.e, self.y))
        self.in_h, self.in_e = (np.array(ca.DM(ca.jacobian_sparsity(r, self.y), 1.0)) != 0 for r in (self.h, self.e))

    def faces(self) -> list[Face]:
        """All of them; one without conditions where there are none, or too many faces."""
        levels = self.levels
        low, high = levels.y_low, levels.y_high
        sides = [[s for s in (-1, 1) if np.isfinite((low, high)[s > 0][i])] + [0] for i in range(levels.ny)]
        sides = [[-1] if low[i] == high[i] else s for i, s in enumerate(sides)]
        if not self.smooth or np.prod([len(s) for s in sides]) > MOST:
            return [self._face([0] * levels.ny, (), [], [])]
        found = []
        for side in product(*sides):
            free = [i for i, s in enumerate(side) if s == 0]
            rows = [a for a in range(levels.n_h) if self.in_h[a, free].any()]
            for count in range(min(len(rows), len(free)) + 1):
                found += [self._at(side, free, active) for active in combinations(rows, count)]
                if len(found) > MOST:
                    return [self._face([0] * levels.ny, (), [], [])]
        return found

    def _at(self, side: tuple[int, ...], free: list[int], active: tuple[int, ...]) -> Face:
        low, high = self.levels.y_low, self.levels.y_high
        tied = [a for a in range(self.levels.n_e) if self.in_e[a, free].any()]
        columns = [self.slope[free], *(self.of_h[a, free].T for a in active), *(self.of_e[a, free].T for a in tied)]
        zero = _minors(ca.horzcat(*columns)) if free else []
        alone = ~(self.in_h.any(0) | self.in_e.any(0))
        signed = [-s * self.slope[i] for i, s in enumerate(side) if s and alone[i] and low[i] < high[i]]
        curved = []
        if free and alone[free].all():
            curved = [ca.jacobian(self.slope[i], self.y[i]) for i in free]
        return self._face(side, active, zero, [-e for e in (*signed, *curved)])

    def _face(self, side, active, zero: list[ca.SX], negative: list[ca.SX]) -> Face:
        levels = self.levels
        y_low, y_high = levels.y_low.copy(), levels.y_high.copy()
        for i, s in enumerate(side):
            if s:
                y_low[i] = y_high[i] = (levels.y_low, levels.y_high)[s > 0][i]
        none = -np.inf
        h_low = [0.0 if a in active else none for a in range(levels.n_h)]
        row_low = [*np.where(levels.c_equal, 0.0, none), *h_low, *[0.0] * (levels.n_e + len(zero)), *[none] * len(negative)]
        rows = ca.densify(ca.vertcat(self.c, self.h, self.e, *zero, *negative))
        conditions = np.arange(rows.numel()) >= rows.numel() - len(zero) - len(negative)
        low, high = np.concatenate([levels.x_low, y_low]), np.concatenate([levels.x_high, y_high])
        return Face(low, high, rows, np.array(row_low, float), np.zeros(rows.numel()), conditions)


def _minors(matrix: ca.SX) -> list[ca.SX]:
    """Those of full column rank: zero where the columns are dependent; none of more columns than rows."""
    n, m = matrix.shape
    return [ca.det(matrix[list(rows), :]) for rows in combinations(range(n), m)] if m <= n else []


def _smooth(expression: ca.SX, x: ca.SX, y: ca.SX) -> bool:
    """Whether it has derivatives in y wherever it is defined, told by its operations."""
    graph = Graph(ca.Function("rows", [y, x], [ca.densify(expression)]))
    moves: set[int] = set()
    for k in graph.needed:
        node = graph.nodes[k]
        if node.op == "input" and node.data[0] == 0 or any(a in moves for a in node.args):
            moves.add(k)
            whole = node.op == "pow" and float(node.data).is_integer()
            if node.op not in SMOOTH and not whole:
                return False
    return True
