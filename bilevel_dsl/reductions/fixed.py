"""Entries that have one value, and entries that nothing depends on, as numbers.

    lower <= v <= upper with lower == upper,  or  a v == b       v is a number
    v in no objective and no row of either level                 v stays where it starts, or at the nearest end of its bounds

A fixed entry makes products linear and leaves methods of interior points no interior; an unused one of the follower makes
its Hessian singular and its answer not unique, where nobody asks. The answers are the same otherwise, and multipliers of
rows are; those of bounds that have gone are had from the whole point.

Bounds are compared with the data of the problem. For exported C, whose data may change, only those count that are numbers
in the model. Where a level would be left without variables, or a row without variables is broken, nothing is done: methods
and certificate tell of these as they are written.
"""

from __future__ import annotations

from functools import lru_cache

import casadi as ca
import numpy as np

from ..model.bounds import KEPT, limits, with_bounds
from ..model.problem import Constraint, Problem, Variable
from .embedded import INTERVALS, embedded, with_rows

ROUNDING = 1e-9  # of the terms of a row that is met, or of a whole number


@lru_cache(maxsize=2 * KEPT)
def without_fixed(problem: Problem, exported: bool = False) -> Problem:
    """The problem without entries that are fixed or unused, with `embedding` as the way back; itself where there are none.

    Args:
        exported: what is done has to be right for all data.
    """
    if not any(isinstance(v.set, INTERVALS) for v in problem.variables):
        return problem
    bounded = with_bounds(problem)
    found = _Numbers(bounded, exported)
    if not found.words or not found.leaves_both_levels:
        return problem
    left = [np.flatnonzero(np.isnan(values)) for values in found.values]
    seen = embedded(bounded, left[0], left[1], lambda x, y: _whole((x, y), left, found.values), tuple(found.words))
    return _without_empty_rows(seen, bounded) or problem


class _Numbers:
    """The entries that become numbers.

    Attributes:
        values: of x and y, NaN where an entry stays.
        words: see `Embedding`.
    """

    def __init__(self, problem: Problem, exported: bool):
        self.problem, self.exported = problem, exported
        self.values = [np.full(n, np.nan) for n in (problem.x.numel(), problem.y.numel())]
        self.words: list[tuple[str, int]] = []
        self._used = _used(problem)
        self._of_bounds = {(d.name.split(".")[0]) for d in problem.used_duals if d.bounds}
        for which, level in enumerate((problem.upper_variables, problem.lower_variables)):
            for v in level:
                if isinstance(v.set, INTERVALS) and v.size and v.name not in self._of_bounds:
                    self._look_at(which, v)

    @property
    def leaves_both_levels(self) -> bool:
        return all(not values.size or np.isnan(values).any() for values in self.values)

    def _look_at(self, which: int, v: Variable) -> None:
        low, high = limits(v)
        if self.exported and (ca.symvar(low) or ca.symvar(high)):
            return
        low, high = self._numbers(low, high)
        if v.whole:
            low, high = np.ceil(low - ROUNDING) + 0.0, np.floor(high + ROUNDING) + 0.0  # no -0
        start = np.zeros(v.size) if v.start is None else np.asarray(v.start, float).ravel(order="F")
        fixed = (low == high) & np.isfinite(low)
        unused = ~self._used[which][v.slice] & ~fixed & (low <= high) & np.isfinite(start)
        values = self.values[which][v.slice]
        values[fixed] = low[fixed]
        values[unused] = np.clip(np.round(start) if v.whole else start, low, high)[unused]
        self._tell(v, fixed, "has one value only", "have one value only")
        self._tell(v, unused, "occurs in no objective and no constraint", "occur in no objective and no constraint")

    def _numbers(self, *expressions: ca.MX) -> list[np.ndarray]:
        """Values with the data; only those data are looked at that there are in them, others may be long."""
        used = {s.__hash__() for e in expressions for s in ca.symvar(e)}
        own = [(q.symbol, q) for q in self.problem.parameters if q.symbol.__hash__() in used]
        values = [ca.reshape(ca.DM(np.asarray(q.value, float).ravel(order="F")), *s.shape) for s, q in own]
        made = ca.Function("limits", [s for s, _ in own], list(expressions))
        return [np.array(e).ravel() for e in made.call(values)]

    def _tell(self, v: Variable, which: np.ndarray, one: str, several: str) -> None:
        count = int(np.sum(which))
        if count == 1:
            self.words.append((f"{v.entry(v.offset + int(np.argmax(which)))} {one}", v.span.line))
        elif count:
            whose = "all entries" if count == v.size else f"{count} of {v.size} entries"
            self.words.append((f"{whose} of {v.name} {several}", v.span.line))


def _used(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """For the entries of x and y whether an objective or a row depends on them, read off the graph."""
    levels = problem.upper_constraints, problem.lower_constraints
    written = [problem.f.expression, problem.g.expression, *(c.expression for level in levels for c in level)]
    everything = ca.vertcat(*[ca.vec(e) for e in written])
    return tuple(
        np.array(ca.which_depends(everything, v, 1, False), bool) if v.numel() else np.zeros(0, bool)
        for v in (problem.x, problem.y)
    )


def _whole(parts: tuple[ca.MX, ca.MX], left: list[np.ndarray], values: list[np.ndarray]) -> tuple[ca.MX, ca.MX]:
    """The columns with numbers in them."""
    found = []
    for part, places, numbers in zip(parts, left, values):
        if len(places) == numbers.size:
            found.append(part)
            continue
        order = np.zeros(numbers.size, int)  # where each entry stands in (what is left, numbers)
        order[places], order[~np.isnan(numbers)] = np.arange(len(places)), np.arange(len(places), numbers.size)
        found.append(ca.vertcat(part, ca.DM(numbers[~np.isnan(numbers)]))[order.tolist()])
    return tuple(found)


def _without_empty_rows(problem: Problem, whole: Problem) -> Problem | None:
    """Without the rows that no variable is left in; None where one of these is broken. `whole`: with all entries."""
    masks = []
    pairs = zip(_constraints(problem), _constraints(whole))
    for constraint, written in pairs:
        moving = _moving(problem, constraint)
        if not moving.all() and not _kept(problem, whole, written, np.flatnonzero(~moving).tolist()):
            return None
        masks.append(moving)
    count = len(problem.upper_constraints)
    return problem if all(m.all() for m in masks) else with_rows(problem, masks[:count], masks[count:])


def _constraints(problem: Problem) -> tuple[Constraint, ...]:
    return (*problem.upper_constraints, *problem.lower_constraints)


def _moving(problem: Problem, constraint: Constraint) -> np.ndarray:
    """For the rows of a constraint whether they depend on variables, or on multipliers."""
    point = ca.veccat(problem.x, problem.y, *[d.symbol for d in problem.used_duals])
    return np.array(ca.which_depends(ca.densify(ca.vec(constraint.expression)), point, 1, True), bool)


def _kept(problem: Problem, whole: Problem, written: Constraint, rows: list[int]) -> bool:
    """Whether these rows of numbers alone hold, up to the rounding of their terms."""
    point, e = ca.veccat(whole.x, whole.y), ca.densify(ca.vec(written.expression)[rows])
    made = ca.Function("rows", [whole.x, whole.y, *whole.p], [e, ca.jacobian(e, point)])
    zeros = [np.zeros(v.numel()) for v in (problem.x, problem.y)]
    there = problem.embedding.outside(*zeros, problem.matrices)
    value, slopes = made.call([*map(ca.DM, there), *whole.matrices])
    terms = np.array(ca.fabs(slopes) @ ca.DM(np.abs(np.concatenate(there)))).ravel()
    value = np.array(value).ravel()
    return bool(np.all((np.abs(value) if written.kind == "eq" else value) <= ROUNDING * terms))
