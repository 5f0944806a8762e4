"""Indices: `x[i]`, `A[i, :]`, `x["north"]`, known before solving and checked against the declared range."""

from __future__ import annotations

import numpy as np

from ..diagnostics import Span, did_you_mean
from ..syntax import ast
from .builtins import exactly, words
from .generators import Env, Loop, Unvectorizable
from .ir import Dim, Node, bad, node

WHOLE = ("`round`, `floor` and `ceil` make whole numbers",)  # the hint for what is none


class Indexing:
    """The part of the lowering that reads indices."""

    def _index(self, e: ast.Index, env: Env) -> Node:
        base = self.expr(e.base, env)
        if base.bad:
            return base
        if base.shape == ():
            self.problems.error(
                "BL0310", f"{_named(e.base)} is a scalar and has no entries", e.span, secondary=self._declared(base)
            )
            return bad(e.span)
        rank = len(base.shape)
        if len(e.items) != rank:
            hints = (
                (f"`{e.base.id}[i, :]` is a row, `{e.base.id}[:, j]` a column",)
                if rank == 2 and isinstance(e.base, ast.Name)
                else ()
            )
            self.problems.error(
                "BL0310",
                f"{_named(e.base)} is {words(base.shape)} and needs {'one index' if rank == 1 else 'two indices'}, "
                f"not {len(e.items)}",
                e.span,
                hints=hints,
                secondary=self._declared(base),
            )
            return bad(e.span)
        dims = self._dims(base)
        axes = [self._axis(item, dim, e.base, env, base) for item, dim in zip(e.items, dims)]
        if any(a is None for a in axes):
            return bad(e.span)
        return self._gathered(e.span, base, axes)

    def _gathered(self, span: Span, base: Node, axes: list[tuple[np.ndarray, bool, bool]]) -> Node:
        """Entries of `base`; an axis is (positions from 0, one row for each iteration?, kept as an axis?)."""
        batched = any(b for _, b, _ in axes)
        grids = []
        for k, (positions, b, kept) in enumerate(axes):
            lead = positions.shape[0] if b else 1
            tail = positions.shape[-1] if kept else 1
            grids.append(positions.reshape(lead, *((tail, 1) if k == 0 else (1, tail))))
        flat = grids[0] if len(grids) == 1 else grids[0] + grids[1] * base.shape[0]
        kept = [k for _, _, k in axes]
        sizes = [p.shape[-1] if k else 1 for p, _, k in axes]
        if len(axes) == 1:
            shape = (sizes[0],) if kept[0] else ()
        else:
            shape = {
                (True, True): tuple(sizes),
                (True, False): (sizes[0],),
                (False, True): (1, sizes[1]),
                (False, False): (),
            }[tuple(kept)]
        count = flat.shape[0] if batched else None
        index = flat.reshape(((count,) if batched else ()) + shape)
        return self._folded(node("gather", (base,), shape, span, index, batch=count if batched else base.batch))

    def _axis(
        self, item: ast.Expr | ast.Slice, dim: Dim, base: ast.Expr, env: Env, node_: Node
    ) -> tuple[np.ndarray, bool, bool] | None:
        if isinstance(item, ast.Slice):
            return self._slice(item, dim, base, env, node_)
        if isinstance(item, ast.Number) and 1 <= item.value <= dim.size and item.value == int(item.value):
            return np.array(int(item.value) - 1), False, False  # by far the most frequent
        if isinstance(item, ast.Text):
            place = self._label(item, dim)
            return None if place is None else (np.array(place), False, False)
        loop = env.names.get(item.id) if isinstance(item, ast.Name) else None
        if isinstance(loop, Loop) and loop.labels is not None:
            return self._label_variable(item, loop, dim, base, env, node_)
        if isinstance(item, ast.Name) and item.id not in env.names:
            symbol = self.symbols.get(item.id)
            if symbol is not None and symbol.kind == "set" and (found := self.index_set(item, env)) is not None:
                positions = found.values - 1
                return (positions, False, True) if self._within(positions + 1, dim, item.span, base, env, node_) else None
        found = self.data(item, "an index must be known before solving", env=env)
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
        if not self._within(value, dim, item.span, base, env, node_):
            return None
        return value.astype(np.int64) - 1, found.batch is not None, len(found.shape) == 1

    def _slice(self, item: ast.Slice, dim: Dim, base: ast.Expr, env: Env, node_: Node):
        ends = []
        for e, default in ((item.lower, 1), (item.upper, dim.size)):
            value = np.array(default) if e is None else self.whole_numbers(e, env, "the end of a slice")
            if value is None:
                return None
            if value.ndim:  # the lengths may differ from one iteration to the next
                raise Unvectorizable
            ends.append(int(value))
        low, high = ends
        if high < low:
            self.problems.error("BL0309", f"this slice is empty: it goes from {low} to {high}", item.span)
            return None
        if not self._within(np.array([low, high]), dim, item.span, base, env, node_):
            return None
        return np.arange(low - 1, high), False, True

    def _within(self, value: np.ndarray, dim: Dim, span: Span, base: ast.Expr, env: Env, node_: Node) -> bool:
        wrong = np.ravel((value < 1) | (value > dim.size))
        if not wrong.any():
            return True
        at = int(np.argmax(wrong))
        found = int(np.ravel(value)[at])
        where = (
            self._iteration(env, at) if value.ndim and env.frame is not None and value.shape[0] == env.frame.count else ""
        )
        hints = (
            ("indices start at 1",)
            if found == 0
            else (f"indices start at 1, and the last one is {dim.size}",)
            if found < 0
            else ()
        )
        self.problems.error(
            "BL0309",
            f"index {found} is out of range: {_named(base)} has 1..{dim.size}{where}",
            span,
            hints=hints,
            secondary=self._declared(node_),
        )
        return False

    @staticmethod
    def _iteration(env: Env, at: int) -> str:
        values = []
        for name, loop in env.names.items():
            if isinstance(loop, Loop) and loop.frame is not None:
                back = env.frame.back_to(loop.frame)
                k = at if back is None else int(back[at])
                shown = loop.labels[int(loop.values[k]) - 1] if loop.labels else int(loop.values[k])
                values.append(f"{name} = {shown}")
        return f" (here {', '.join(values)})" if values else ""

    # --- labels --------------------------------------------------------------------------

    def _label(self, item: ast.Text, dim: Dim) -> int | None:
        if dim.labels is None:
            self.problems.error(
                "BL0311", f'there is no label "{item.value}" here: this dimension is numbered 1..{dim.size}', item.span
            )
            return None
        if item.value not in dim.labels:
            self._no_label(item, dim.labels, dim.set_name)
            return None
        return dim.labels.index(item.value)

    def _no_label(self, item: ast.Text, labels: tuple[str, ...], set_name: str = "") -> None:
        near = did_you_mean(item.value, labels)
        known = ", ".join(f'"{v}"' for v in labels[:6]) + (", ..." if len(labels) > 6 else "")
        self.problems.error(
            "BL0311",
            f'"{item.value}" is not in {f"the set `{set_name}`" if set_name else "the set"}',
            item.span,
            hints=tuple(h.replace("`", '"') for h in near) or (f"its labels are {known}",),
        )

    def _label_variable(self, item: ast.Name, loop: Loop, dim: Dim, base: ast.Expr, env: Env, node_: Node):
        if dim.labels is not None and dim.labels != loop.labels or dim.labels is None and dim.size != len(loop.labels):
            expected = f"by `{dim.set_name}`" if dim.set_name else f"from 1 to {dim.size}"
            self.problems.error(
                "BL0311",
                f"`{item.id}` is a label of {f'`{loop.set_name}`' if loop.set_name else 'a set'}, but "
                f"{_named(base)} is indexed {expected}",
                item.span,
                secondary=self._declared(node_),
            )
            return None
        value = self.loop_value(loop, env, item.span)
        return value.attr.astype(np.int64) - 1, value.batch is not None, False

    # --- help ----------------------------------------------------------------------------

    def _dims(self, base: Node) -> tuple[Dim, ...]:
        if base.op in ("param", "var"):
            return self.symbols[base.attr].dims
        if base.op == "dual":
            return self.used_duals[base.attr][0]
        return tuple(Dim(n) for n in base.shape)

    def _declared(self, base: Node) -> list[tuple[Span, str]]:
        return [(self.symbols[base.attr].span, "declared here")] if base.op in ("param", "var") else []


def _named(base: ast.Expr) -> str:
    return f"`{base.id}`" if isinstance(base, ast.Name) else "this"
