"""Constraints as rows `<= 0` or `== 0`, an indexed one as all its rows at once."""

from __future__ import annotations

from math import prod

import numpy as np

from ...records import replace
from ...syntax import ast
from ..builtins import words
from ..checked import CheckedConstraint
from ..expressions.generators import open_generators
from ..expressions.index_sets import index_set
from ..expressions.lower import expr
from ..expressions.reductions import iterated_body
from ..expressions.values import peek
from ..names.frames import TOP
from ..names.scope import Scope
from ..names.walk import walk
from ..nodes.ir import Dim, Node, const, node


class Constraints:
    """Collects the rows of one level in `found`."""

    def __init__(self, scope: Scope):
        self.scope = scope
        self.problems = self.scope.problems
        self.found: list[CheckedConstraint] = []
        self._labels: dict[str, ast.Name] = {}

    def read(self, c: ast.Constraint, level: str, follower: str) -> None:
        if c.label is not None:
            before = self._labels.setdefault(c.label.id, c.label)
            if before is not c.label:
                self.problems.error(
                    "BL0201",
                    f"two constraints are called `{c.label.id}`",
                    c.label.span,
                    secondary=[(before.span, "the first one")],
                )
        terms = self._terms(c)
        if terms is None or any(t.bad for t in terms) or not self._shapes_fit(c, terms):
            return
        name = c.label.id if c.label else f"line {c.span.line}"
        pairs = list(zip(terms, terms[1:], c.operators))
        if len(pairs) == 2 and len(set(c.operators)) > 1:
            self.problems.error(
                "BL0353",
                f"a constraint with two comparisons has them in one direction, not "
                f"`{c.operators[0]}` and `{c.operators[1]}`",
                c.span,
                hints=("write `l <= e <= u`, or two constraints",),
            )
            return
        dims, places = self._label(c, terms)
        for k, (a, b, op) in enumerate(pairs):
            small, large = (b, a) if op == ">=" else (a, b)
            side = "" if len(pairs) == 1 else "lower" if (k == 0) == (op != ">=") else "upper"
            outer = a if len(pairs) == 2 and k == 0 else b
            self._row(
                c,
                small,
                large,
                places,
                CheckedConstraint(
                    name,
                    level,
                    follower,
                    "eq" if op == "==" else "le",
                    small,
                    c.span,
                    side,
                    c.label.id if c.label else "",
                    dims,
                    None,
                    1 if outer is small else -1,
                ),
            )

    def _label(self, c: ast.Constraint, terms: list[Node]) -> tuple[tuple[Dim, ...], np.ndarray | None]:
        """The dimensions of the label, and the place there of every row, in the order of the rows."""
        shape = next((t.shape for t in terms if t.shape), ())
        size, count = prod(shape), next((t.batch for t in terms if t.batch is not None), None)
        if count is None:
            return tuple(Dim(n) for n in shape), None
        axes = self._axes(c)
        if not axes:
            return (Dim(count * size),), None
        if len(axes) == 1 and not shape:
            return axes, None
        sizes = tuple(d.size for d in axes)
        by_columns = np.ravel_multi_index(np.unravel_index(np.arange(count), sizes), sizes, order="F")
        iteration, entry = np.divmod(np.arange(count * size), size)
        return (*axes, *(Dim(n) for n in shape)), by_columns[iteration] + entry * count

    def _axes(self, c: ast.Constraint) -> tuple[Dim, ...]:
        """A dimension for each generator, where they make a whole array; else none."""
        loops = {name.id for g in c.generators for name in g.names}
        if c.condition is not None or any(
            isinstance(n, ast.Name) and n.id in loops for g in c.generators for n in walk(g.domain)
        ):
            return ()
        found = [index_set(self.scope, g.domain) for g in c.generators]
        return tuple(map(Dim.over, found))

    def _terms(self, c: ast.Constraint) -> list[Node] | None:
        if not c.generators:
            return [expr(self.scope, t, TOP) for t in c.terms]
        inner = open_generators(self.scope, c.generators, c.condition, TOP)
        if inner is None:
            return None
        if inner.frame.count == 0:
            self.problems.warning("BL0705", "this constraint has no rows: its index runs over nothing", c.span)
            return None
        return [
            iterated_body(self.scope, lambda where, t=t: expr(self.scope, t, where), inner, TOP, t.span) for t in c.terms
        ]

    def _shapes_fit(self, c: ast.Constraint, terms: list[Node]) -> bool:
        shapes = {t.shape for t in terms if t.shape}
        if len(shapes) > 1:
            self.problems.error(
                "BL0301",
                "the sides of a constraint differ in shape",
                c.span,
                secondary=[(w.span, words(t.shape)) for t, w in zip(terms, c.terms)],
            )
        return len(shapes) <= 1

    def _row(self, c, small: Node, large: Node, places: np.ndarray | None, row: CheckedConstraint) -> None:
        """`row` with small <= large, without the entries whose bound is infinite."""
        if not (small.variables or large.variables):
            return self._constant(c, small, large, row.kind)
        found = self._finite_rows(small, large, row.kind, c)
        if found is None:
            return
        node_, kept = found
        if kept is not None:
            places = kept if places is None else places[kept]
        self.found.append(replace(row, node=node_, places=places))

    def _finite_rows(self, small: Node, large: Node, kind: str, c) -> tuple[Node, np.ndarray | None] | None:
        """The rows, and which of them are left."""
        keep, sides = None, []
        for bound, sign in ((small, -1), (large, 1)):
            value = peek(self.scope, bound) if bound.is_data else None
            if value is None or np.isfinite(value).all():
                sides.append(bound)
                continue
            if kind == "eq" or (value == -sign * np.inf).any():
                self.problems.error(
                    "BL0352",
                    "no number satisfies this constraint",
                    bound.span,
                    "infinite",
                    hints=("a bound that is not there is written `<= inf` or `>= -inf`",),
                )
                return None
            self.scope.frozen |= bound.params
            bounded = np.isfinite(value)
            keep = bounded if keep is None else keep & bounded
            zero = const(0.0, bound.span)  # in the place of infinity, whose rows are left out
            sides.append(node("where", (const(bounded, bound.span, bound.batch), bound, zero), bound.shape, bound.span))
        row = node("-", tuple(sides), small.shape or large.shape, c.span)
        return (row, None) if keep is None else _entries(row, keep)

    def _constant(self, c, small: Node, large: Node, kind: str) -> None:
        values = [peek(self.scope, side, freeze=True) for side in (small, large)]
        if any(v is None for v in values):
            return
        rank = max(len(small.shape), len(large.shape))
        low, high = (
            v.ravel()
            for v in np.broadcast_arrays(*(_iterations_first(side, v, rank) for side, v in zip((small, large), values)))
        )
        with np.errstate(invalid="ignore"):
            broken = ~((np.abs(low - high) <= 1e-12) | (low == high)) if kind == "eq" else ~(low - high <= 1e-12)
        if not broken.any():
            self.problems.warning("BL0706", "this constraint has no variables: it holds whatever is decided", c.span)
            return
        at = int(np.argmax(broken))
        told = f"{low[at]:g} is not {'equal to' if kind == 'eq' else 'at most'} {high[at]:g}"
        self.problems.error("BL0352", "this constraint has no variables, and the data break it", c.span, told)


def _iterations_first(side: Node, value: np.ndarray, rank: int) -> np.ndarray:
    """A value with an axis of iterations, and as many more as the other side has."""
    value = value if side.batch is not None else value[np.newaxis]
    return value.reshape(value.shape[0], *(value.shape[1:] or (1,) * rank))


def _entries(row: Node, keep: np.ndarray) -> tuple[Node, np.ndarray] | None:
    """The entries of all iterations of `row` where `keep` holds, as a vector; and which they are of all rows."""
    shape = row.shape if row.batch is None else (row.batch, *row.shape)
    keep = np.broadcast_to(keep.reshape(keep.shape + (1,) * (len(shape) - keep.ndim)), shape)
    if not keep.any():
        return None
    if row.batch is None:
        places = np.arange(row.size).reshape(row.shape, order="F")[keep]
        return node("gather", (row,), (len(places),), row.span, places), places
    iterations, *_ = np.nonzero(keep)
    inside = np.broadcast_to(np.arange(row.size).reshape(row.shape, order="F"), shape)[keep]
    picked = node("rebatch", (row,), row.shape, row.span, iterations, batch=len(iterations))
    return node("gather", (picked,), (), row.span, inside, batch=len(iterations)), iterations * row.size + inside


def read_upper_constraints(scope: Scope) -> list[CheckedConstraint]:
    reader = Constraints(scope)
    for block in scope.levels.upper:
        for item in block.items:
            if isinstance(item, ast.Constraint):
                reader.read(item, "upper", "")
    return reader.found
