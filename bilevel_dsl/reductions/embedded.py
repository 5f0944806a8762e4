"""A problem over some of its entries, the others being functions of these; the way back is `Problem.embedding`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import casadi as ca
import numpy as np

from ..model.bounds import limits
from ..model.embedding import Embedding
from ..model.problem import Constraint, Dual, Objective, Problem, Reference, Variable
from ..model.sampling import Sampled, Sampling
from ..model.sets import Box, ConstraintSet, Free, LinfBall

INTERVALS = (Free, Box, LinfBall)  # sets of which entries can be taken out one by one


def embedded(
    problem: Problem,
    x: np.ndarray,
    y: np.ndarray,
    whole: Callable[[ca.MX, ca.MX], tuple[ca.MX, ca.MX]],
    words: tuple[tuple[str, int], ...],
) -> Problem:
    """The problem over the entries `x`, `y`, rising places; reports and references are left out, rows are all there.

    Args:
        whole: the user's columns from those that are left, as expressions of these and of parameters.
        words: see `Embedding`.
    """
    left = _symbol("x", problem.x, x), _symbol("y", problem.y, y)
    columns = [ca.densify(v) for v in whole(*left)]
    made = ca.Function("whole", [*left, *problem.p], columns)
    own = Embedding(x=x, y=y, whole=made, data=_in(problem.p, columns), words=words)

    def rewritten(expressions: list[ca.MX]) -> list[ca.MX]:
        return ca.substitute(expressions, [problem.x, problem.y], columns)

    levels = problem.upper_constraints, problem.lower_constraints
    f, g, *rows = rewritten([problem.f.expression, problem.g.expression, *(c.expression for level in levels for c in level)])
    split = len(levels[0])
    return replace(
        problem,
        x=left[0],
        y=left[1],
        upper_variables=_variables(problem.upper_variables, left[0], x),
        lower_variables=_variables(problem.lower_variables, left[1], y),
        f=_objective(problem.f, f, rewritten),
        g=_objective(problem.g, g, rewritten),
        upper_constraints=tuple(replace(c, expression=e) for c, e in zip(levels[0], rows[:split])),
        lower_constraints=tuple(replace(c, expression=e) for c, e in zip(levels[1], rows[split:])),
        duals=tuple(_of_entries(d, y) if d.bounds else d for d in problem.duals) if problem.used_duals else (),
        report=(),
        reference=Reference(),
        embedding=own.after(problem.embedding) if problem.embedding else own,
    )


def with_rows(problem: Problem, upper: list[np.ndarray], lower: list[np.ndarray]) -> Problem:
    """The problem with some rows only of every constraint, and the multipliers of these."""
    kept = np.flatnonzero(np.concatenate([np.zeros(0, bool), *lower]))
    place = {int(old): new for new, old in enumerate(kept)}
    return replace(
        problem,
        upper_constraints=_rows(problem.upper_constraints, upper),
        lower_constraints=_rows(problem.lower_constraints, lower),
        duals=tuple(d if d.bounds else _of_rows(d, place) for d in problem.duals),
    )


def _rows(constraints: tuple[Constraint, ...], masks: list[np.ndarray]) -> tuple[Constraint, ...]:
    pairs = [(c, mask) for c, mask in zip(constraints, masks) if mask.any() or not mask.size]
    return tuple(c if mask.all() else c.only(np.flatnonzero(mask).tolist()) for c, mask in pairs)


def _of_rows(d: Dual, place: dict[int, int]) -> Dual:
    mask = np.array([int(r) in place for r in d.rows], bool)
    rows = np.array([place[int(r)] for r in np.asarray(d.rows)[mask]], int)
    return replace(d, rows=rows, places=np.asarray(d.places)[mask], signs=np.asarray(d.signs)[mask])


def _of_entries(d: Dual, y: np.ndarray) -> Dual:
    return _of_rows(d, {int(old): new for new, old in enumerate(y)})


def _in(p: tuple[ca.MX, ...], columns: list[ca.MX]) -> frozenset[int]:
    """The places of the symbols that the columns depend on."""
    used = {s.__hash__() for s in ca.symvar(ca.veccat(*columns))}
    return frozenset(k for k, symbol in enumerate(p) if symbol.__hash__() in used)


def _symbol(name: str, own: ca.MX, places: np.ndarray) -> ca.MX:
    return own if len(places) == own.numel() else ca.MX.sym(name, len(places))


def _variables(own: tuple[Variable, ...], column: ca.MX, places: np.ndarray) -> tuple[Variable, ...]:
    found, first = [], 0
    for v in own:
        entries = [int(k) - v.offset for k in places if v.offset <= k < v.offset + v.size]
        if len(entries) == v.size:
            found.append(
                replace(v, offset=first, expression=ca.reshape(column[first : first + v.size], *v.expression.shape))
            )
        elif entries:
            found.append(_part(v, entries, column[first : first + len(entries)], first))
        first += len(entries)
    return tuple(found)


def _part(v: Variable, entries: list[int], column: ca.MX, first: int) -> Variable:
    """Some entries of a variable, as one without labels."""
    start = None if v.start is None else np.asarray(v.start, float).ravel(order="F")[entries]
    return replace(
        v,
        shape=(len(entries),),
        expression=column,
        offset=first,
        set=_set_of(v, entries),
        start=start,
        labels=(),
        index=(),
    )


def _set_of(v: Variable, entries: list[int]) -> ConstraintSet:
    if isinstance(v.set, Free):
        return Free(len(entries))
    lower, upper = (side[entries] for side in limits(v))
    return Free(len(entries)) if _open(lower, upper) else Box(len(entries), lower, upper)


def _open(lower: ca.MX, upper: ca.MX) -> bool:
    """Whether these bounds are none, whatever the data."""
    if ca.symvar(lower) or ca.symvar(upper):
        return False
    return bool(np.all(np.array(ca.evalf(lower)) == -np.inf) and np.all(np.array(ca.evalf(upper)) == np.inf))


def _objective(own: Objective, expression: ca.MX, rewritten: Callable) -> Objective:
    sampling = own.sampling and RewrittenSampling(own.sampling, lambda e: rewritten([e])[0])
    return replace(own, expression=expression, sampling=sampling)


def told(problem: Problem) -> list[str]:
    """What was taken out, for readers."""
    return [f"{words} (line {line})" for words, line in problem.embedding.words] if problem.embedding else []


class RewrittenSampling(Sampling):
    """The samples of an objective in other variables or other numbers: what `rewrite` makes of its expression."""

    def __init__(self, own: Sampling, rewrite: Callable[[ca.MX], ca.MX]):
        super().__init__(own.terms, own._symbols, own._translation)
        self._own, self._rewrite = own, rewrite

    def drawn(self, counts: tuple[int, ...]) -> Sampled:
        found = self._own.drawn(counts)
        return replace(found, expression=self._rewrite(found.expression))
