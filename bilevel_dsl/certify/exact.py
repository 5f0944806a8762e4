"""Global answers of linear problems, proved in rational numbers: a point, and a tree whose every leaf is closed.

The leader's problem over the follower's conditions (`methods/branches.py`) is a linear program but for pairs of which one
member is zero. The proof has

- a point w = (x, y, slacks, multipliers) that meets all conditions and pairs exactly: so y is the follower's answer to x;
- a tree that branches on pairs; at each leaf numbers of the rows that show that no point there is better, or that there
  is none (`rational.py`).

Doubles only suggest: which columns of the point are at their bounds, which rows count at a leaf. What they suggest is solved
for again in rational numbers, and checked. `check` needs the problem and the proof, and no solver.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..functions.oracles import Oracles
from ..methods.card import Refusal
from ..methods.direct.program import PairedProgram, Unfit
from ..methods.direct.quadratic import program_of
from ..methods.direct.relaxation import Relaxation
from ..methods.direct.system import Levels, Scales, System
from ..model.problem import Problem
from .effort import Budget
from .rational import MOST, Program, Row, rational, semidefinite, solved

NEAR = 1e-7  # of the size of a number: it is zero, or at its bound
NODES = 20_000
KIND = "linear, by pairs"


class Unproved(Exception):
    """Why there is no proof; `expected`: the problem is of the kind that has one."""

    def __init__(self, why: str, expected: bool = True):
        super().__init__(why)
        self.expected = expected


@dataclass(frozen=True)
class Exact:
    """A proof.

    Attributes:
        value: of the leader's objective, minimised.
        x, y: where.
        tree, w: as in the JSON, see `document`.
        leaves: how many.
    """

    value: Fraction
    x: tuple[Fraction, ...]
    y: tuple[Fraction, ...]
    w: tuple[Fraction, ...]
    tree: dict
    leaves: int

    def document(self, problem: Problem) -> dict[str, object]:
        """Plain data: the answer by name, `w` by columns, and `tree`: {"pair", "children"} or {"rows", "bound"}."""
        values = {"upper": self.x, "lower": self.y}
        variables = {
            v.name: [str(n) for n in values[v.level][v.slice]] if v.shape else str(values[v.level][v.offset])
            for v in problem.variables
        }
        return {
            "kind": KIND,
            "upper": str(problem.f.sense * self.value),
            "variables": variables,
            "leaves": self.leaves,
            "w": [str(n) for n in self.w],
            "tree": self.tree,
        }


def prove(problem: Problem, x: np.ndarray, budget: Budget) -> Exact:
    """The proof that the least value is that of the best answers like the one to x.

    Raises:
        Unproved: the problem is not of the kind, or doubles suggest nothing that holds.
    """
    paired, exact = _program(problem)
    return _Prover(paired, exact, budget).proof(x)


def check(problem: Problem, proof: dict) -> Fraction:
    """Check a proof as `document` made it: the leader's least value, as written.

    Raises:
        Unproved: it is none, and why.
    """
    paired, exact = _program(problem)
    try:
        w, tree = [Fraction(n) for n in proof["w"]], proof["tree"]
        claimed = problem.f.sense * Fraction(proof["upper"])
        stated = {name: _fractions(value) for name, value in proof["variables"].items()}
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        raise Unproved("it is not of the form of a proof") from None
    if len(w) != len(exact.cost):
        raise Unproved("it is of another problem")
    wrong = exact.broken(w) or _pairs_broken(paired, w)
    if wrong:
        raise Unproved(f"the point is none: {wrong}")
    if exact.value(w) != claimed:
        raise Unproved(f"the point is worth {exact.value(w)}, not {claimed}")
    nx = paired.system.levels.nx
    for v in problem.variables:
        first = v.offset + (0 if v.level == "upper" else nx)
        if stated.get(v.name) != w[first : first + v.size]:
            raise Unproved(f"`{v.name}` is not that of the point")
    _check_tree(exact, paired.pairs, tree, frozenset(), claimed)
    return problem.f.sense * claimed


def _fractions(value) -> list[Fraction]:
    return [Fraction(n) for n in value] if isinstance(value, list) else [Fraction(value)]


def _check_tree(exact: Program, pairs: list[tuple[int, int]], node: dict, zero: frozenset[int], least: Fraction) -> None:
    """All leaves below, by a stack: trees may be deep."""
    waiting = [(node, zero)]
    while waiting:
        node, zero = waiting.pop()
        try:
            if "pair" in node:
                pair, children = pairs[int(node["pair"])], node["children"]
                if len(children) != 2 or int(node["pair"]) < 0:
                    raise Unproved("a branch leaves something out")
                waiting += [(child, zero | {j}) for child, j in zip(children, pair)]
                continue
            m = {int(i): Fraction(v) for i, v in node["rows"].items()}
            infeasible = bool(node.get("infeasible"))
            bound = exact.bound(m, zero, cost=not infeasible)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, ZeroDivisionError):
            raise Unproved("the tree is not of the form of one") from None
        if bound is None or (bound <= 0 if infeasible else bound < least):
            raise Unproved("a leaf is not closed by its numbers")


def _pairs_broken(paired: PairedProgram, w: list[Fraction]) -> str:
    bad = [(i, j) for i, j in paired.pairs if w[i] != 0 and w[j] != 0]
    return f"columns {bad[0][0]} and {bad[0][1]} are a pair, and both positive" if bad else ""


def in_doubles(problem: Problem) -> PairedProgram:
    """The program in the model's own units.

    Raises:
        Unproved: the problem is not of the kind.
    """
    made = program_of(problem)
    if isinstance(made, Refusal):
        raise Unproved(made.rule, expected=False)
    if problem.whole.any():
        raise Unproved("the leader chooses whole numbers", expected=False)
    if not made.as_written.linear:
        raise Unproved("the upper objective is not linear", expected=False)
    levels = Levels(Oracles(problem))
    ones = [np.ones(n) for n in (levels.nx, levels.ny, levels.n_h, levels.n_e)]
    try:
        paired = PairedProgram(System(levels, Scales(ones[0], ones[1], 1.0, 1.0, ones[2], ones[3])))
    except Unfit as reason:
        raise Unproved(str(reason)) from None
    return paired


def _program(problem: Problem) -> tuple[PairedProgram, Program]:
    """The same, and in rational numbers."""
    paired = in_doubles(problem)
    levels = paired.system.levels
    low, high, matrix, row_low, row_high = paired.rows
    if matrix.shape[1] > MOST:
        raise Unproved(f"there are {matrix.shape[1]} columns (limit {MOST})")
    H = matrix[: levels.ny, levels.nx : levels.nx + levels.ny]
    if not semidefinite([[rational(v) for v in row] for row in H]):
        raise Unproved("the lower objective is not convex without rounding")
    return paired, Program.of(paired.f.c, paired.f.constant, low, high, matrix, row_low, row_high)


class _Prover:
    def __init__(self, paired: PairedProgram, exact: Program, budget: Budget):
        self.paired, self.exact, self.budget = paired, exact, budget
        self.low, self.high, self.A, self.row_low, self.row_high = paired.rows
        m, n = self.A.shape
        self.bounded = paired.relaxation
        elastic = np.hstack([self.A, np.eye(m), -np.eye(m)])
        self.elastic = Relaxation(
            np.append(np.zeros(n), np.ones(2 * m)),
            np.append(self.low, np.zeros(2 * m)),
            np.append(self.high, np.full(2 * m, np.inf)),
            elastic,
            self.row_low,
            self.row_high,
        )
        self.leaves = self.nodes = 0

    def proof(self, x: np.ndarray) -> Exact:
        w = self._point(x)
        least = self.exact.value(w)
        tree = self._tree(least)
        nx, ny = self.paired.system.levels.nx, self.paired.system.levels.ny
        return Exact(least, tuple(w[:nx]), tuple(w[nx : nx + ny]), tuple(w), tree, self.leaves)

    # --- the point ------------------------------------------------------------------------------

    def _point(self, x: np.ndarray) -> list[Fraction]:
        """The best answer with the pairs that are held at zero at the answer to x."""
        held = self.paired.leaf(x)
        found = self.bounded.solve(held) if held is not None else None
        if held is None or found is None or found.status != "optimal":
            raise Unproved("the follower's answer could not be found again")
        w = found.point
        fixed = {j: Fraction(0) for j in held}
        for limits, exact in ((self.low, self.exact.low), (self.high, self.exact.high)):
            at = np.isfinite(limits) & (np.abs(w - np.where(np.isfinite(limits), limits, 0)) <= NEAR * np.maximum(1, abs(w)))
            fixed.update({int(j): exact[j] for j in np.flatnonzero(at) if int(j) not in fixed})
        rows = self.A @ w
        equations = []
        for i, row in enumerate(self.exact.rows):
            for limit, exact in ((self.row_low[i], self.exact.row_low[i]), (self.row_high[i], self.exact.row_high[i])):
                if np.isfinite(limit) and abs(rows[i] - limit) <= NEAR * max(1.0, abs(limit)):
                    right = exact - sum((a * fixed[j] for j, a in row.items() if j in fixed), Fraction(0))
                    equations.append(({j: a for j, a in row.items() if j not in fixed}, right))
                    break
        found = solved(equations, {j: rational(v) for j, v in enumerate(w) if j not in fixed})
        if found is None:
            raise Unproved("the point has no neighbour in rational numbers that meets what is active")
        exact_w = [fixed[j] if j in fixed else found[j] for j in range(len(w))]
        wrong = self.exact.broken(exact_w) or _pairs_broken(self.paired, exact_w)
        if wrong:
            raise Unproved(f"the point in rational numbers is none: {wrong}")
        return exact_w

    # --- the tree ----------------------------------------------------------------------------------

    def _tree(self, least: Fraction) -> dict:
        """Closed leaf by leaf, by a stack of nodes to be filled in."""
        root: dict = {}
        waiting = [(root, frozenset())]
        while waiting:
            node, zero = waiting.pop()
            self.nodes += 1
            if self.nodes > NODES or self.budget.over:
                raise Unproved("the tree is too large, or the time is over")
            leaf, k = self._leaf(zero, least)
            if leaf is not None:
                node.update(leaf)
                self.leaves += 1
                continue
            children: list[dict] = [{}, {}]
            node.update(pair=k, children=children)
            waiting += [(child, zero | {j}) for child, j in zip(children, self.paired.pairs[k])]
        return root

    def _leaf(self, zero: frozenset[int], least: Fraction) -> tuple[dict | None, int]:
        """The numbers that close a node; else the pair to branch on."""
        found = self.bounded.solve(zero)
        if found.status == "infeasible":
            m = self._numbers(self.elastic, zero, cost=False)
            bound = None if m is None else self.exact.bound(m, zero, cost=False)
            if bound is not None and bound > 0:
                return {"rows": _plain(m), "infeasible": True}, -1
        elif found.status == "optimal" and found.bound >= float(least) - NEAR * max(1.0, abs(float(least))):
            m = self._numbers(self.bounded, zero, cost=True)
            bound = None if m is None else self.exact.bound(m, zero)
            if bound is not None and bound >= least:
                return {"rows": _plain(m)}, -1
        free = [k for k, pair in enumerate(self.paired.pairs) if zero.isdisjoint(pair)]
        if not free:
            raise Unproved("a leaf could not be closed in rational numbers")
        if found.status != "optimal":
            return None, free[0]
        broken = [min(found.point[i], found.point[j]) for i, j in (self.paired.pairs[k] for k in free)]
        return None, free[int(np.argmax(broken))]

    def _numbers(self, relaxation: Relaxation, zero: frozenset[int], cost: bool) -> Row | None:
        """Numbers of the rows at the solver's point, found again from which of them, and which reduced costs, are zero."""
        of_rows, of_columns, _ = relaxation.multipliers(zero)
        n = len(self.exact.cost)
        size = max(1.0, float(np.max(np.abs(of_rows), initial=0.0)))
        support = np.flatnonzero(np.abs(of_rows) > NEAR * size)
        free = [j for j in range(n) if abs(of_columns[j]) <= NEAR * size and j not in zero]
        equations = []
        fixed: Row = {}
        if not cost:  # where the elastic columns are positive the numbers are 1 or -1
            fixed = {int(i): Fraction(int(np.sign(of_rows[i]))) for i in support if abs(abs(of_rows[i]) - 1) <= NEAR}
        by_column: dict[int, Row] = {j: {} for j in free}
        right = {j: self.exact.cost[j] if cost else Fraction(0) for j in free}
        for i in map(int, support):
            for j, a in self.exact.rows[i].items():
                if j not in by_column:
                    continue
                if i in fixed:
                    right[j] -= fixed[i] * a
                else:
                    by_column[j][i] = a
        equations = [(by_column[j], right[j]) for j in free]
        guess = {int(i): rational(of_rows[i]) for i in support if int(i) not in fixed}
        found = solved(equations, guess)
        return None if found is None else {i: v for i, v in {**found, **fixed}.items() if v}


def _plain(m: Row) -> dict[str, str]:
    return {str(i): str(v) for i, v in sorted(m.items())}
