"""Equations of the follower that define one of its variables, substituted into everything else.

    min { g(x, u, s) : s[k+1] == A s[k] + B u[k], ... }        becomes        min { g(x, u, s(x, u)) : u ... }

An equation defines an entry of y that has no bound if it is linear in it, with a number for a coefficient that is not zero,
and if the entries are defined one after the other: none by itself, through others. It may be nonlinear in all the rest. The
follower's answers are the same; its Hessian is that along the equations, and dense. With a = dh/ds the multipliers of the
equations are those that make the slope in s vanish, grad_s g + a' nu = 0.

So methods for followers without constraints take models in state form. The others are better off with the equations, which
keep derivatives sparse; so it is all rows or none. "Condensing" in control: Bock, Plitt, IFAC World Congress 1984;
Rawlings, Mayne, Diehl, Model Predictive Control, 2nd ed., 2017, section 8.8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import heapify, heappop, heappush

import casadi as ca
import numpy as np

from ..model.bounds import KEPT, limits, with_bounds
from ..model.problem import Problem, Variable
from .embedded import INTERVALS, embedded

MOST = 3000  # equations, and operations of each
LARGEST = 1_000_000  # entries of data


@lru_cache(maxsize=KEPT)
def without_defined(problem: Problem) -> Problem:
    """The problem without lower variables that equations define, `embedding` as the way back; itself where rows are left."""
    bounded = with_bounds(problem)
    if problem.used_duals or not all(c.kind == "eq" for c in bounded.lower_constraints):
        return problem
    rows = _Rows.of(bounded)
    found = rows.definitions() if rows else []
    if not found:
        return problem
    whole, left = rows.solved(found), np.setdiff1d(np.arange(problem.y.numel()), [d.entry for d in found])
    if not left.size:
        return problem
    everything = np.arange(problem.x.numel())
    seen = embedded(
        bounded, everything, left, lambda x, y: (x, _applied(whole, x, y, problem.p)), tuple(_words(bounded, rows, found))
    )
    return replace(seen, lower_constraints=())


@dataclass(frozen=True)
class Definition:
    """Row `row` of the equations defines entry `entry` of y: `slope` times it, and the rest."""

    row: int
    entry: int
    slope: float


@dataclass(frozen=True, eq=False)
class _Rows:
    """The equations of the follower.

    Attributes:
        function: (x, y, *p) -> their values, a scalar graph.
        owners: place of the constraint of each, and its row there.
        entries: of y that each depends on.
        slopes: for each the entries that have a number as their slope there, with it.
        free: entries of y without bounds.
    """

    problem: Problem
    function: ca.Function
    owners: list[tuple[int, int]]
    entries: list[list[int]]
    slopes: list[dict[int, float]]
    free: np.ndarray

    @staticmethod
    def of(problem: Problem) -> _Rows | None:
        """None where they are too many, or have no scalar graph."""
        equations = [(k, c) for k, c in enumerate(problem.lower_constraints) if c.kind == "eq"]
        owners = [(k, i) for k, c in equations for i in range(c.expression.numel())]
        if not 0 < len(owners) <= min(MOST, problem.y.numel()) or sum(s.numel() for s in problem.p) > LARGEST:
            return None
        rows = ca.densify(ca.vertcat(*[ca.vec(c.expression) for _, c in equations]))
        try:
            function = ca.Function("rows", [problem.x, problem.y, *problem.p], [rows]).expand()
        except RuntimeError:  # a node without a scalar form
            return None
        if function.n_instructions() > MOST * len(owners):
            return None
        entries, slopes = _linear(function)
        return _Rows(problem, function, owners, entries, slopes, _free(problem.lower_variables, problem.matrices, problem.p))

    def definitions(self) -> list[Definition]:
        """One for each row, in an order in which each depends on those before it only; none where a row defines nothing.

        From the last one: an entry that stands in one of the rows that are left can be defined by it, and no other order is
        lost. Those that stand alone at one side of their equation, as they are meant, before others.
        """
        counts = np.bincount(np.concatenate([np.zeros(0, int), *self.entries]).astype(int), minlength=self.free.size)
        rows_of: dict[int, list[int]] = {}
        for i, slopes in enumerate(self.slopes):
            for j in slopes:
                rows_of.setdefault(j, []).append(i)
        left, found = set(range(len(self.entries))), []
        waiting = [self._key(i, j) for j, rows in rows_of.items() if counts[j] == 1 for i in rows if self.free[j]]
        heapify(waiting)
        while waiting:
            *_, i, j = heappop(waiting)
            if i not in left:
                continue
            left.remove(i)
            found.append(Definition(i, j, self.slopes[i][j]))
            for k in self.entries[i]:
                counts[k] -= 1
                if counts[k] == 1 and self.free[k]:
                    for row in [row for row in rows_of.get(k, ()) if row in left]:
                        heappush(waiting, self._key(row, k))
        return [] if left else found[::-1]

    def _key(self, i: int, j: int) -> tuple:
        slope = self.slopes[i][j]
        return slope != 1, abs(float(np.log(abs(slope)))), i, j

    def solved(self, found: list[Definition]) -> ca.Function:
        """(x, y', *p) -> y, step by step."""
        x, y, *p = (self.function.sx_in(k) for k in range(self.function.n_in()))
        rows, known = self.function.call([x, y, *p])[0], ca.vertsplit(y)
        level: dict[int, int] = {}
        for d in found:
            level[d.entry] = 1 + max((level[k] for k in self.entries[d.row] if k in level), default=0)
        for step in range(1, max(level.values()) + 1):
            here = [d for d in found if level[d.entry] == step]
            at = ca.vertcat(*[0 if level.get(k, 0) >= step else v for k, v in enumerate(known)])
            values = ca.Function("step", [x, y, *p], [rows[[d.row for d in here]]]).call([x, at, *p])[0]
            for d, value in zip(here, ca.vertsplit(values)):
                known[d.entry] = -value / d.slope
        left = ca.vertcat(*[v for k, v in enumerate(ca.vertsplit(y)) if k not in level])
        return ca.Function("defined", [x, left, *p], [ca.densify(ca.vertcat(*known))])


def _applied(function: ca.Function, x: ca.MX, left: ca.MX, p: tuple[ca.MX, ...]) -> ca.MX:
    """The whole y as an expression; where it is affine as a matrix of the data times (x, y'), so that this shows."""
    a, b, *data = (function.sx_in(k) for k in range(function.n_in()))
    y, point = function.call([a, b, *data])[0], ca.vertcat(a, b)
    slopes = ca.jacobian(y, point)
    if slopes.nnz() > LARGEST or ca.depends_on(slopes, point):
        return function(x, left, *p)
    rest = ca.substitute(y, point, ca.SX.zeros(point.numel()))
    made = ca.Function("affine", data, [slopes, ca.densify(rest)])
    matrix, constant = made.call(list(p)) if data else map(ca.MX, made.call([]))
    return ca.densify(constant + matrix @ ca.vertcat(x, left))


def _linear(function: ca.Function) -> tuple[list[list[int]], list[dict[int, float]]]:
    """For each row the entries of y that it depends on, and those whose slope is a number."""
    x, y, *p = (function.sx_in(k) for k in range(function.n_in()))
    rows = function.call([x, y, *p])[0]
    slopes = ca.jacobian(rows, y)
    values = ca.vertcat(*slopes.nonzeros()) if slopes.nnz() else ca.SX(0, 1)
    moving = ca.which_depends(values, ca.veccat(x, y, *p), 1, True) if slopes.nnz() else []
    numbers = np.array(ca.Function("slopes", [x, y, *p], [values]).call([ca.DM.zeros(v.shape) for v in (x, y, *p)])[0])
    entries = [[] for _ in range(rows.numel())]
    found: list[dict[int, float]] = [{} for _ in entries]
    for i, j, moves, number in zip(*slopes.sparsity().get_triplet(), moving, numbers.ravel()):
        entries[i].append(j)
        if not moves and np.isfinite(number) and number != 0:
            found[i][j] = float(number)
    return entries, found


def _free(variables: tuple[Variable, ...], data: list[ca.DM], p: tuple[ca.MX, ...]) -> np.ndarray:
    """For the entries of y whether they have no bounds, and their variable no other set."""
    found = []
    for v in variables:
        if not isinstance(v.set, INTERVALS):
            found.append(np.zeros(v.size, bool))
            continue
        low, high = (ca.MX(e) for e in limits(v))
        numbers = [not ca.symvar(e) for e in ca.vertsplit(low + high)] if v.size else []
        values = ca.Function("limits", list(p), [low, high]).call(data)
        open_ = [np.isinf(np.array(e).ravel()) for e in values]
        found.append(open_[0] & open_[1] & np.array(numbers, bool))
    return np.concatenate(found)


def _words(problem: Problem, rows: _Rows, found: list[Definition]) -> list[tuple[str, int]]:
    count: dict[tuple[int, str], int] = {}
    for d in sorted(found, key=lambda d: d.row):
        name = next(v.name for v in problem.lower_variables if v.offset <= d.entry < v.offset + v.size)
        key = rows.owners[d.row][0], name
        count[key] = count.get(key, 0) + 1
    told = []
    for (k, name), n in count.items():
        c = problem.lower_constraints[k]
        what = "an equation" if n == 1 else f"{n} equations"
        label = "" if c.name.startswith("line ") else f" ({c.name})"
        told.append((f"{what}{label} that define{'s' * (n == 1)} {name}, substituted", c.span.line))
    return told
