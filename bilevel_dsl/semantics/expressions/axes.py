"""An index along one dimension: which entries it is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...diagnostics import Span
from ...syntax import ast
from ..builtins import exactly, words
from ..names.frames import Env, Loop, Unvectorizable
from ..names.scope import Scope
from ..nodes.elements import IndexSet, Key, elements_of
from ..nodes.ir import Dim
from .index_sets import index_set
from .keys import BROKEN, label_key, no_label, tuple_key
from .own import no_base_case, own_of
from .values import WHOLE, lower_data, peek, whole_numbers

Axis = tuple[np.ndarray, bool, bool]  # positions from 0, one row for each iteration?, kept as an axis?


class Place:
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


def axis_of(scope: Scope, item: ast.Expr | ast.Slice, at: Place) -> Axis | None:
    dim, env = at.dim, at.env
    if isinstance(item, ast.Slice):
        return _slice_axis(scope, item, at)
    if isinstance(item, ast.Number) and not at.by_number and 1 <= item.value <= dim.size and item.value == int(item.value):
        return np.array(int(item.value) - 1), False, False  # by far the most frequent
    if isinstance(item, ast.Text):
        place = _label_place(scope, item, at)
        return None if place is None else (np.array(place), False, False)
    key = label_key(scope, item, env)
    if key is not None:
        return None if key is BROKEN else _found_axis(scope, item, key, at)
    if isinstance(item, ast.Name) and item.id not in env.names:
        symbol = scope.symbols.get(item.id)
        if symbol is not None and symbol.kind == "set" and (found := index_set(scope, item, env)) is not None:
            return _set_axis(scope, item, found, at)
    return _number_axis(scope, item, at)


def _number_axis(scope: Scope, item: ast.Expr, at: Place) -> Axis | None:
    found = lower_data(scope, item, "an index must be known before solving", env=at.env)
    if found.bad:
        return None
    if len(found.shape) > 1:
        scope.problems.error("BL0310", f"an index is a number or a vector of numbers, not {words(found.shape)}", item.span)
        return None
    value = peek(scope, found, freeze=True)
    if value is None:
        return None
    if np.any(value != np.round(value)) or not np.isfinite(value).all():
        wrong = np.ravel(value)[np.argmax(np.ravel(value != np.round(value)))]
        scope.problems.error("BL0308", f"an index is a whole number, and this is {exactly(wrong)}", item.span, hints=WHOLE)
        return None
    if at.by_number:
        key = Key((value.astype(np.int64),), (None,), found.batch is not None, len(found.shape) == 1)
        return _found_axis(scope, item, key, at)
    if not _is_within(scope, value, item, at):
        return None
    return value.astype(np.int64) - 1, found.batch is not None, len(found.shape) == 1


def _set_axis(scope: Scope, item: ast.Name, found: IndexSet, at: Place) -> Axis | None:
    """All elements of a set as an index: a vector."""
    if at.by_number and not found.has_labels and found.arity == 1:
        return _found_axis(scope, item, Key(found.columns, found.universes, kept=True, set_name=found.name), at)
    if found.keyed and at.dim.members is not None:
        return _found_axis(scope, item, found.key(np.arange(found.size), kept=True), at)
    if found.arity > 1:
        scope.problems.error("BL0311", f"`{item.id}` has {found.words}s, and {base_words(at.base)} is numbered", item.span)
        return None
    return (found.values - 1, False, True) if _is_within(scope, found.values, item, at) else None


def tuple_axis(scope: Scope, items: tuple, at: Place) -> Axis | None:
    """`flow[i, j]`: the components of a tuple, one after the other."""
    span = items[0].span.to(items[-1].span)
    key = tuple_key(scope, ast.Tuple(span, items), at.env)
    return None if key is BROKEN else _found_axis(scope, ast.Tuple(span, items), key, at)


def _found_axis(scope: Scope, item: ast.Expr, key: Key, at: Place) -> Axis | None:
    """The places of elements in a dimension."""
    members = at.dim.members
    if members is None:
        return _numbered_axis(scope, item, key, at)
    if not members.accepts(key):
        _other_elements(scope, item, key, at)
        return None
    places = members.find(key)
    missing = np.ravel(places < 0)
    if not missing.any():
        return places, key.batched, key.kept
    where = int(np.argmax(missing))
    if at.dim.ranged:
        here = _iteration_shown(at.env, where if key.batched else None)
        _out_of_range(scope, item, int(np.ravel(key.columns[0])[where]), here, at)
        return None
    here = _iteration_shown(at.env, where if key.batched else None)
    known = f"its {members.words}s are {elements_of(members)}"
    scope.problems.error(
        "BL0309",
        f"{key.text(where)} is not in {_set_name(at.dim)}, and {base_words(at.base)} has no such entry{here}",
        item.span,
        hints=(known,) if members.size <= 6 or members.arity == 1 else ("keep to what is there: `if (i, j) in S`",),
        secondary=at.declared,
    )
    return None


def _numbered_axis(scope: Scope, item: ast.Expr, key: Key, at: Place) -> Axis | None:
    """A label where entries are numbered: its place in its set, if there are as many."""
    universe = key.universes[0]
    if key.arity > 1 or universe is None or universe.of_tuples or len(universe.labels) != at.dim.size:
        _other_elements(scope, item, key, at)
        return None
    return key.columns[0] - 1, key.batched, key.kept


def _other_elements(scope: Scope, item: ast.Expr, key: Key, at: Place) -> None:
    dim = at.dim
    if dim.arity == key.arity > 1:
        kinds = [listed("a label" if u else "a number" for u in x.universes) for x in (dim.members, key)]
        message = f"the elements of {_set_name(dim)} are {kinds[0]}, and `{item.span.text}` is {kinds[1]}"
        scope.problems.error("BL0311", message, item.span, secondary=at.declared)
        return
    expected = f"by `{dim.set_name}`" if dim.set_name else f"from 1 to {dim.size}"
    kind = {1: "a label" if key.universes[0] else "a number", 2: "a pair"}.get(key.arity, "a tuple")
    of = f" of {f'`{key.set_name}`' if key.set_name else 'a set'}" if key.arity > 1 or key.universes[0] else ""
    scope.problems.error(
        "BL0311",
        f"`{item.span.text}` is {kind}{of}, but {base_words(at.base)} is indexed {expected}",
        item.span,
        secondary=at.declared,
    )


def _slice_axis(scope: Scope, item: ast.Slice, at: Place) -> Axis | None:
    whole = item.lower is item.upper is None
    if at.dim.members is not None and not whole and not at.dim.members.is_whole and not at.dim.ranged:
        scope.problems.error(
            "BL0310",
            f"{base_words(at.base)} is indexed by {_set_name(at.dim)}, which has no first and last number to slice between",
            item.span,
            secondary=at.declared,
        )
        return None
    first, last = at.ends
    ends = []
    for e, default in ((item.lower, first), (item.upper, last)):
        value = np.array(default) if e is None else whole_numbers(scope, e, at.env, "the end of a slice")
        if value is None:
            return None
        if value.ndim:  # the lengths may differ from one iteration to the next
            raise Unvectorizable
        ends.append(int(value))
    low, high = ends
    if high < low:
        scope.problems.error("BL0309", f"this slice is empty: it goes from {low} to {high}", item.span)
        return None
    if not _is_within(scope, np.array([low, high]), item, at):
        return None
    return np.arange(low - first, high - first + 1), False, True


def _is_within(scope: Scope, value: np.ndarray, item: ast.Expr | ast.Slice, at: Place) -> bool:
    low, high = at.ends
    wrong = np.ravel((value < low) | (value > high))
    if not wrong.any():
        return True
    first, env = int(np.argmax(wrong)), at.env
    in_loop = value.ndim and env.frame is not None and value.shape[0] == env.frame.count
    _out_of_range(scope, item, int(np.ravel(value)[first]), _iteration_shown(env, first if in_loop else None), at)
    return False


def _out_of_range(scope: Scope, item: ast.Expr | ast.Slice, found: int, where: str, at: Place) -> None:
    low, high = at.ends
    own = own_of(scope, at.base, at.env)
    if own is not None and at.dim is own.symbol.over[0] and found < low:
        no_base_case(scope, found, item, own)
        return
    first = f"indices start at {low}"
    hints = () if found >= low else (first,) if found == low - 1 else (f"{first}, and the last one is {high}",)
    scope.problems.error(
        "BL0309",
        f"index {found} is out of range: {base_words(at.base)} has {low}..{high}{where}",
        item.span,
        hints=hints,
        secondary=at.declared,
    )


def _iteration_shown(env: Env, at: int | None) -> str:
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


def _label_place(scope: Scope, item: ast.Text, at: Place) -> int | None:
    members = at.dim.members
    if members is None or members.arity == 1 and not members.has_labels:
        numbered = f"numbered 1..{at.dim.size}" if members is None else "indexed by numbers"
        scope.problems.error("BL0311", f'there is no label "{item.value}" here: this dimension is {numbered}', item.span)
        return None
    place = int(members.find(label_key(scope, item, at.env))) if members.arity == 1 else -1
    if place < 0:
        no_label(scope, item, members.labels, at.dim.set_name)
        return None
    return place


def listed(words: Iterable[str]) -> str:
    """a, b and c"""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _set_name(dim: Dim) -> str:
    return f"the set `{dim.set_name}`" if dim.set_name else "its set"


def base_words(base: ast.Expr) -> str:
    if isinstance(base, ast.Index) and not base.items:
        return f"an entry of {base_words(base.base)}"
    return f"`{base.id}`" if isinstance(base, ast.Name) else "this"
