"""Indices: `x[i]`, `A[i, :]`, `x["north"]`, `flow[i, j]`, known before solving and checked against what is declared."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..diagnostics import Span, did_you_mean
from ..syntax import ast
from .builtins import exactly, words
from .elements import IndexSet, Key
from .frames import Env, Loop, Unvectorizable
from .ir import Dim, Node, bad, node
from .members import BROKEN, elements_of
from .parts import Part

WHOLE = ("`round`, `floor` and `ceil` make whole numbers",)  # the hint for what is none
Axis = tuple[np.ndarray, bool, bool]  # positions from 0, one row for each iteration?, kept as an axis?


class Indexing(Part):
    """The part of the lowering that reads indices."""

    def _index(self, e: ast.Index, env: Env) -> Node:
        if self._is_of_labels(e.base, env):
            key = self.label_key(e, env)
            if key is not None:
                return self._label_is_no_number(e.span, key)
        family = self._family(e.base, env)
        if family is not None:
            return self._entry(e, family, env)
        base = self.expr(e.base, env)
        if base.bad:
            return base
        if id(base) in self._families:  # as the argument of a function
            return self._entry(e, self._families[id(base)], env)
        return self.indexed(e, base, self._dims(base), env, self._declared(base))

    def _is_of_labels(self, base: ast.Expr, env: Env) -> bool:
        symbol = self.symbols.get(base.id) if isinstance(base, ast.Name) and base.id not in env.names else None
        return symbol is not None and symbol.kind == "param" and symbol.decl.domain is not None

    def _label_is_no_number(self, span: Span, key: Key) -> Node:
        if key is not BROKEN:
            of = f" of `{key.set_name}`" if key.set_name else ""
            self.problems.error(
                "BL0311",
                f"`{span.text}` is a label{of}, not a number",
                span,
                hints=(f"use it as an index, `x[{span.text}]`, or compare it, `{span.text} == b`",),
            )
        return bad(span)

    def indexed(self, e: ast.Index, base: Node, dims: tuple[Dim, ...], env: Env, declared, rows: bool = True) -> Node:
        """The entries of `base` that `e` names. `rows`: what is left of a matrix by its first index is a row, 1 by n."""
        if base.shape == () and base.op == "matmul":  # a vector of one: `(A @ y)[i]` for any size of A
            base, dims = node("stack", (base,), (1,), base.span), (Dim(1),)
        if base.shape == ():
            self.problems.error("BL0310", f"{_named(e.base)} is a scalar and has no entries", e.span, secondary=declared)
            return bad(e.span)
        parts = self._parts(e, dims, env)
        if parts is None:
            self._wrong_number(e, base, dims, declared)
            return bad(e.span)
        cut = next((d for p, d in zip(parts, dims) if len(p) > 1 and any(isinstance(i, ast.Slice) for i in p)), None)
        if cut is not None:
            self._no_rows(e, cut)
            return bad(e.span)
        axes = []
        for items, dim in zip(parts, dims):
            place = _Place(e.base, dim, env, declared)
            axes.append(self._axis(items[0], place) if len(items) == 1 else self._tuple_axis(items, place))
        if any(a is None for a in axes):
            return bad(e.span)
        kept = tuple(self._kept(items[0], dim, axis) for items, dim, axis in zip(parts, dims, axes) if axis[2])
        found = self._gathered(e.span, base, axes, rows)
        return self.named(found, kept) if len(kept) == len(found.shape) else found

    def _kept(self, item, dim: Dim, axis: Axis) -> Dim:
        """What a dimension that an index leaves is over."""
        if isinstance(item, ast.Slice) and item.lower is item.upper is None:
            return dim
        symbol = self.symbols.get(item.id) if isinstance(item, ast.Name) else None
        found = self.index_set(item, quiet=True) if symbol is not None and symbol.kind == "set" else None
        return Dim.over(found) if found is not None else Dim(axis[0].shape[-1])

    def _parts(self, e: ast.Index, dims: tuple[Dim, ...], env: Env) -> list[tuple] | None:
        """The indices of each dimension: one, or the components of a tuple; None if there are too few or too many."""
        parts, rest = self._apart(e.items, dims, env)
        return None if rest else parts

    def _apart(self, items: tuple, dims: tuple[Dim, ...], env: Env) -> tuple[list[tuple] | None, tuple]:
        """The indices of each dimension, None if there are too few; and those that are left."""
        parts, rest = [], tuple(items)
        for dim in dims:
            one = dim.arity == 1 or not rest or self._is_whole_element(rest[0], env) or len(rest) < dim.arity
            take = 1 if one else dim.arity
            if len(rest) < take:
                return None, ()
            parts.append(rest[:take])
            rest = rest[take:]
        fine = all(d.arity == 1 or len(p) > 1 or self._is_whole_element(p[0], env) for d, p in zip(dims, parts))
        return parts if fine else None, rest

    def _is_whole_element(self, item, env: Env) -> bool:
        """Stands for a tuple, or for several: `a` in `a in ARC`, `(i, j)`, `first(ARC)`, the set itself, `:`."""
        if isinstance(item, (ast.Slice, ast.Tuple)):
            return not isinstance(item, ast.Slice) or item.lower is item.upper is None
        if isinstance(item, ast.Call):
            return item.function.id in ("first", "last") and item.function.id not in self.symbols
        if not isinstance(item, ast.Name):
            return False
        loop = env.names.get(item.id)
        if loop is not None:
            return isinstance(loop, Loop) and loop.tuples is not None
        symbol = self.symbols.get(item.id)
        return symbol is not None and symbol.kind == "set"

    def _wrong_number(self, e: ast.Index, base: Node, dims: tuple[Dim, ...], declared) -> None:
        rank = len(base.shape)
        name = e.base.id if isinstance(e.base, ast.Name) else "x"
        tuples = next((d for d in dims if d.arity > 1), None)
        if tuples is not None:
            if any(isinstance(item, ast.Slice) for item in e.items):
                self._no_rows(e, tuples)
                return
            letters = iter("ijklmnopq")
            shown = ", ".join(next(letters, "i") for d in dims for _ in range(d.arity))
            hints = (f"write `{name}[{shown}]`, or `{name}[a]` for `a in {tuples.set_name}`",) if rank == 1 else ()
            over = " and ".join(f"`{d.set_name}`" if d.set_name else "a size" for d in dims)
            count = f"{len(e.items)} ind{'ex' if len(e.items) == 1 else 'ices'}"
            message = f"{_named(e.base)} is indexed by {over} and needs `{shown}`, and this has {count}"
        else:
            hints = (f"`{name}[i, :]` is a row, `{name}[:, j]` a column",)
            hints = hints if rank == 2 and isinstance(e.base, ast.Name) else ()
            needs = {1: "one index", 2: "two indices"}.get(rank, f"{rank} indices")
            message = f"{_named(e.base)} is {words(base.shape)} and needs {needs}, not {len(e.items)}"
        self.problems.error("BL0310", message, e.span, hints=hints, secondary=declared)

    def _no_rows(self, e: ast.Index, dim: Dim) -> None:
        self.problems.error(
            "BL0310",
            f"{_named(e.base)} has one entry for each element of `{dim.set_name}`, and no rows or columns",
            next(item.span for item in e.items if isinstance(item, ast.Slice)),
            hints=("a part of it is selected by a condition: `sum(x[i, j] for (i, j) in S if i == n)`",),
        )

    def _gathered(self, span: Span, base: Node, axes: list[Axis], rows: bool = True) -> Node:
        """Entries of `base`, by its axes."""
        batched = any(b for _, b, _ in axes)
        flat, step = 0, 1  # places by columns
        for k, ((positions, b, kept), size) in enumerate(zip(axes, base.shape)):
            grid = [1] * len(axes)
            grid[k] = positions.shape[-1] if kept else 1
            flat = flat + positions.reshape(positions.shape[0] if b else 1, *grid) * step
            step *= size
        sizes = [p.shape[-1] for p, _, kept in axes if kept]
        kept = [k for _, _, k in axes]
        shape = (1, *sizes) if rows and kept == [False, True] else tuple(sizes)  # a row of a matrix is 1 by n
        count = flat.shape[0] if batched else None
        index = flat.reshape(((count,) if batched else ()) + shape)
        return self._folded(node("gather", (base,), shape, span, index, batch=count if batched else base.batch))

    # --- one dimension -------------------------------------------------------------------

    def _axis(self, item: ast.Expr | ast.Slice, at: _Place) -> Axis | None:
        dim, env = at.dim, at.env
        if isinstance(item, ast.Slice):
            return self._slice(item, at)
        if (
            isinstance(item, ast.Number)
            and not at.by_number
            and 1 <= item.value <= dim.size
            and item.value == int(item.value)
        ):
            return np.array(int(item.value) - 1), False, False  # by far the most frequent
        if isinstance(item, ast.Text):
            place = self._label(item, at)
            return None if place is None else (np.array(place), False, False)
        key = self.label_key(item, env)
        if key is not None:
            return None if key is BROKEN else self._found(item, key, at)
        if isinstance(item, ast.Name) and item.id not in env.names:
            symbol = self.symbols.get(item.id)
            if symbol is not None and symbol.kind == "set" and (found := self.index_set(item, env)) is not None:
                return self._set_axis(item, found, at)
        return self._number_axis(item, at)

    def _number_axis(self, item: ast.Expr, at: _Place) -> Axis | None:
        found = self.data(item, "an index must be known before solving", env=at.env)
        if found.bad:
            return None
        if len(found.shape) > 1:
            self.problems.error(
                "BL0310", f"an index is a number or a vector of numbers, not {words(found.shape)}", item.span
            )
            return None
        value = self.peek(found, freeze=True)
        if value is None:
            return None
        if np.any(value != np.round(value)) or not np.isfinite(value).all():
            wrong = np.ravel(value)[np.argmax(np.ravel(value != np.round(value)))]
            self.problems.error(
                "BL0308", f"an index is a whole number, and this is {exactly(wrong)}", item.span, hints=WHOLE
            )
            return None
        if at.by_number:
            key = Key((value.astype(np.int64),), (None,), found.batch is not None, len(found.shape) == 1)
            return self._found(item, key, at)
        if not self._within(value, item, at):
            return None
        return value.astype(np.int64) - 1, found.batch is not None, len(found.shape) == 1

    def _set_axis(self, item: ast.Name, found: IndexSet, at: _Place) -> Axis | None:
        """All elements of a set as an index: a vector."""
        if at.by_number and not found.has_labels and found.arity == 1:
            return self._found(item, Key(found.columns, found.universes, kept=True, set_name=found.name), at)
        if found.keyed and at.dim.members is not None:
            return self._found(item, found.key(np.arange(found.size), kept=True), at)
        if found.arity > 1:
            self.problems.error("BL0311", f"`{item.id}` has {found.words}s, and {_named(at.base)} is numbered", item.span)
            return None
        return (found.values - 1, False, True) if self._within(found.values, item, at) else None

    def _tuple_axis(self, items: tuple, at: _Place) -> Axis | None:
        """`flow[i, j]`: the components of a tuple, one after the other."""
        span = items[0].span.to(items[-1].span)
        key = self._tuple_key(ast.Tuple(span, items), at.env)
        return None if key is BROKEN else self._found(ast.Tuple(span, items), key, at)

    def _found(self, item: ast.Expr, key: Key, at: _Place) -> Axis | None:
        """The places of elements in a dimension."""
        members = at.dim.members
        if members is None:
            return self._numbered(item, key, at)
        if not members.accepts(key):
            self._other_elements(item, key, at)
            return None
        places = members.find(key)
        missing = np.ravel(places < 0)
        if not missing.any():
            return places, key.batched, key.kept
        where = int(np.argmax(missing))
        if at.dim.ranged:
            here = self._iteration(at.env, where if key.batched else None)
            self._out_of_range(item, int(np.ravel(key.columns[0])[where]), here, at)
            return None
        here = self._iteration(at.env, where if key.batched else None)
        known = f"its {members.words}s are {elements_of(members)}"
        self.problems.error(
            "BL0309",
            f"{key.text(where)} is not in {_set_name(at.dim)}, and {_named(at.base)} has no such entry{here}",
            item.span,
            hints=(known,) if members.size <= 6 or members.arity == 1 else ("keep to what is there: `if (i, j) in S`",),
            secondary=at.declared,
        )
        return None

    def _numbered(self, item: ast.Expr, key: Key, at: _Place) -> Axis | None:
        """A label where entries are numbered: its place in its set, if there are as many."""
        universe = key.universes[0]
        if key.arity > 1 or universe is None or universe.of_tuples or len(universe.labels) != at.dim.size:
            self._other_elements(item, key, at)
            return None
        return key.columns[0] - 1, key.batched, key.kept

    def _other_elements(self, item: ast.Expr, key: Key, at: _Place) -> None:
        dim = at.dim
        if dim.arity == key.arity > 1:
            kinds = [listed("a label" if u else "a number" for u in x.universes) for x in (dim.members, key)]
            message = f"the elements of {_set_name(dim)} are {kinds[0]}, and `{item.span.text}` is {kinds[1]}"
            self.problems.error("BL0311", message, item.span, secondary=at.declared)
            return
        expected = f"by `{dim.set_name}`" if dim.set_name else f"from 1 to {dim.size}"
        kind = {1: "a label" if key.universes[0] else "a number", 2: "a pair"}.get(key.arity, "a tuple")
        of = f" of {f'`{key.set_name}`' if key.set_name else 'a set'}" if key.arity > 1 or key.universes[0] else ""
        self.problems.error(
            "BL0311",
            f"`{item.span.text}` is {kind}{of}, but {_named(at.base)} is indexed {expected}",
            item.span,
            secondary=at.declared,
        )

    def _slice(self, item: ast.Slice, at: _Place) -> Axis | None:
        whole = item.lower is item.upper is None
        if at.dim.members is not None and not whole and not at.dim.members.is_whole and not at.dim.ranged:
            self.problems.error(
                "BL0310",
                f"{_named(at.base)} is indexed by {_set_name(at.dim)}, which has no first and last number to slice between",
                item.span,
                secondary=at.declared,
            )
            return None
        first, last = at.ends
        ends = []
        for e, default in ((item.lower, first), (item.upper, last)):
            value = np.array(default) if e is None else self.whole_numbers(e, at.env, "the end of a slice")
            if value is None:
                return None
            if value.ndim:  # the lengths may differ from one iteration to the next
                raise Unvectorizable
            ends.append(int(value))
        low, high = ends
        if high < low:
            self.problems.error("BL0309", f"this slice is empty: it goes from {low} to {high}", item.span)
            return None
        if not self._within(np.array([low, high]), item, at):
            return None
        return np.arange(low - first, high - first + 1), False, True

    def _within(self, value: np.ndarray, item: ast.Expr | ast.Slice, at: _Place) -> bool:
        low, high = at.ends
        wrong = np.ravel((value < low) | (value > high))
        if not wrong.any():
            return True
        first, env = int(np.argmax(wrong)), at.env
        in_loop = value.ndim and env.frame is not None and value.shape[0] == env.frame.count
        self._out_of_range(item, int(np.ravel(value)[first]), self._iteration(env, first if in_loop else None), at)
        return False

    def _out_of_range(self, item: ast.Expr | ast.Slice, found: int, where: str, at: _Place) -> None:
        low, high = at.ends
        own = self._own(at.base, at.env)
        if own is not None and at.dim is own.symbol.dims[0] and found < low:
            self.no_base_case(found, item, own)
            return
        first = f"indices start at {low}"
        hints = () if found >= low else (first,) if found == low - 1 else (f"{first}, and the last one is {high}",)
        self.problems.error(
            "BL0309",
            f"index {found} is out of range: {_named(at.base)} has {low}..{high}{where}",
            item.span,
            hints=hints,
            secondary=at.declared,
        )

    def _iteration(self, env: Env, at: int | None) -> str:
        """The values of the loop variables in one iteration; None: of those that are written out."""
        values = []
        for name, loop in env.names.items():
            if isinstance(loop, Loop) and (loop.frame is None or at is not None):
                value = loop.values
                if loop.frame is not None:
                    back = env.frame.back_to(loop.frame)
                    value = value[at if back is None else int(back[at])]
                shown = str(int(value))
                if loop.tuples is not None:
                    shown = loop.tuples.key(value).text()
                elif loop.universe is not None:
                    shown = loop.universe.labels[int(value) - 1]
                values.append(f"{name} = {shown}")
        return f" (here {', '.join(values)})" if values else ""

    # --- labels --------------------------------------------------------------------------

    def _label(self, item: ast.Text, at: _Place) -> int | None:
        members = at.dim.members
        if members is None or members.arity == 1 and not members.has_labels:
            numbered = f"numbered 1..{at.dim.size}" if members is None else "indexed by numbers"
            self.problems.error("BL0311", f'there is no label "{item.value}" here: this dimension is {numbered}', item.span)
            return None
        place = int(members.find(self.label_key(item, at.env))) if members.arity == 1 else -1
        if place < 0:
            self._no_label(item, members.labels, at.dim.set_name)
            return None
        return place

    def _no_label(self, item: ast.Text, labels: tuple[str, ...], set_name: str = "") -> None:
        near = did_you_mean(item.value, labels)
        known = ", ".join(f'"{v}"' for v in labels[:6]) + (", ..." if len(labels) > 6 else "")
        self.problems.error(
            "BL0311",
            f'"{item.value}" is not in {f"the set `{set_name}`" if set_name else "the set"}',
            item.span,
            hints=tuple(h.replace("`", '"') for h in near) or (f"its labels are {known}",),
        )

    # --- help ----------------------------------------------------------------------------

    def _dims(self, base: Node) -> tuple[Dim, ...]:
        if base.op in ("param", "var"):
            return self.symbols[base.attr].dims
        if base.op == "dual":
            return self.used_duals[base.attr][0]
        return tuple(Dim(n) for n in base.shape)

    def _declared(self, base: Node) -> list[tuple[Span, str]]:
        return [(self.symbols[base.attr].span, "declared here")] if base.op in ("param", "var") else []


class _Place:
    """A dimension that an index stands in."""

    def __init__(self, base: ast.Expr, dim: Dim, env: Env, declared: list[tuple[Span, str]]):
        self.base, self.dim, self.env, self.declared = base, dim, env, declared

    @property
    def by_number(self) -> bool:
        """Whether its entries are found by whole numbers that are not places."""
        return self.dim.members is not None and self.dim.arity == 1 and not self.dim.members.has_labels

    @property
    def ends(self) -> tuple[int, int]:
        """The numbers of the first and the last entry, where they follow each other."""
        first = int(self.dim.members.values[0]) if self.dim.ranged else 1
        return first, first + self.dim.size - 1


def listed(words: Iterable[str]) -> str:
    """a, b and c"""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _set_name(dim: Dim) -> str:
    return f"the set `{dim.set_name}`" if dim.set_name else "its set"


def _named(base: ast.Expr) -> str:
    if isinstance(base, ast.Index) and not base.items:
        return f"an entry of {_named(base.base)}"
    return f"`{base.id}`" if isinstance(base, ast.Name) else "this"
