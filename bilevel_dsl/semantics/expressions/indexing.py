"""Indices: `x[i]`, `A[i, :]`, `x["north"]`, `flow[i, j]`, known before solving and checked against what is declared."""

from __future__ import annotations

import numpy as np

from ...diagnostics import Span
from ...syntax import ast
from ..builtins import words
from ..graph.recurrence import own_entries
from ..graph.together import NotAlike
from ..names.frames import Env, Loop
from ..names.resolve import resolve
from ..names.scope import Scope
from ..names.symbols import Symbol
from ..nodes.elements import Key
from ..nodes.ir import Dim, Node, bad, const, node
from .axes import Axis, Place, axis_of, base_words, tuple_axis
from .index_sets import index_set
from .keys import BROKEN, label_is_no_number, label_key
from .lower import expr
from .naming import declared_dims_of, named
from .operators import folded
from .own import Own, family_of, own_of


def lower_index(scope: Scope, e: ast.Index, env: Env) -> Node:
    if _is_of_labels(scope, e.base, env):
        key = label_key(scope, e, env)
        if key is not None:
            return label_is_no_number(scope, e.span, key)
    family = family_of(scope, e.base, env)
    if family is not None:
        return family_entry(scope, e, family, env)
    base = expr(scope, e.base, env)
    if base.bad:
        return base
    if id(base) in scope.families:  # as the argument of a function
        return family_entry(scope, e, scope.families[id(base)], env)
    return indexed(scope, e, base, declared_dims_of(scope, base), env, _declared(scope, base))


def _is_of_labels(scope: Scope, base: ast.Expr, env: Env) -> bool:
    symbol = scope.symbols.get(base.id) if isinstance(base, ast.Name) and base.id not in env.names else None
    return symbol is not None and symbol.kind == "param" and symbol.decl.domain is not None


def indexed(scope: Scope, e: ast.Index, base: Node, dims: tuple[Dim, ...], env: Env, declared, rows: bool = True) -> Node:
    """The entries of `base` that `e` names. `rows`: what is left of a matrix by its first index is a row, 1 by n."""
    if base.shape == () and base.op == "matmul":  # a vector of one: `(A @ y)[i]` for any size of A
        base, dims = node("stack", (base,), (1,), base.span), (Dim(1),)
    if base.shape == ():
        scope.problems.error("BL0310", f"{base_words(e.base)} is a scalar and has no entries", e.span, secondary=declared)
        return bad(e.span)
    parts = _parts(scope, e, dims, env)
    if parts is None:
        _wrong_number(scope, e, base, dims, declared)
        return bad(e.span)
    cut = next((d for p, d in zip(parts, dims) if len(p) > 1 and any(isinstance(i, ast.Slice) for i in p)), None)
    if cut is not None:
        _no_rows(scope, e, cut)
        return bad(e.span)
    axes = []
    for items, dim in zip(parts, dims):
        place = Place(e.base, dim, env, declared)
        axes.append(axis_of(scope, items[0], place) if len(items) == 1 else tuple_axis(scope, items, place))
    if any(a is None for a in axes):
        return bad(e.span)
    kept = tuple(_kept(scope, items[0], dim, axis) for items, dim, axis in zip(parts, dims, axes) if axis[2])
    found = _gathered(e.span, base, axes, rows)
    return named(scope, found, kept) if len(kept) == len(found.shape) else found


def _kept(scope: Scope, item, dim: Dim, axis: Axis) -> Dim:
    """What a dimension that an index leaves is over."""
    if isinstance(item, ast.Slice) and item.lower is item.upper is None:
        return dim
    symbol = scope.symbols.get(item.id) if isinstance(item, ast.Name) else None
    found = index_set(scope, item, quiet=True) if symbol is not None and symbol.kind == "set" else None
    return Dim.over(found) if found is not None else Dim(axis[0].shape[-1])


def _parts(scope: Scope, e: ast.Index, dims: tuple[Dim, ...], env: Env) -> list[tuple] | None:
    """The indices of each dimension: one, or the components of a tuple; None if there are too few or too many."""
    parts, rest = _apart(scope, e.items, dims, env)
    return None if rest else parts


def _apart(scope: Scope, items: tuple, dims: tuple[Dim, ...], env: Env) -> tuple[list[tuple] | None, tuple]:
    """The indices of each dimension, None if there are too few; and those that are left."""
    parts, rest = [], tuple(items)
    for dim in dims:
        one = dim.arity == 1 or not rest or _is_whole_element(scope, rest[0], env) or len(rest) < dim.arity
        take = 1 if one else dim.arity
        if len(rest) < take:
            return None, ()
        parts.append(rest[:take])
        rest = rest[take:]
    fine = all(d.arity == 1 or len(p) > 1 or _is_whole_element(scope, p[0], env) for d, p in zip(dims, parts))
    return parts if fine else None, rest


def _is_whole_element(scope: Scope, item, env: Env) -> bool:
    """Stands for a tuple, or for several: `a` in `a in ARC`, `(i, j)`, `first(ARC)`, the set itself, `:`."""
    if isinstance(item, (ast.Slice, ast.Tuple)):
        return not isinstance(item, ast.Slice) or item.lower is item.upper is None
    if isinstance(item, ast.Call):
        return item.function.id in ("first", "last") and item.function.id not in scope.symbols
    if not isinstance(item, ast.Name):
        return False
    loop = env.names.get(item.id)
    if loop is not None:
        return isinstance(loop, Loop) and loop.tuples is not None
    symbol = scope.symbols.get(item.id)
    return symbol is not None and symbol.kind == "set"


def _wrong_number(scope: Scope, e: ast.Index, base: Node, dims: tuple[Dim, ...], declared) -> None:
    rank = len(base.shape)
    name = e.base.id if isinstance(e.base, ast.Name) else "x"
    tuples = next((d for d in dims if d.arity > 1), None)
    if tuples is not None:
        if any(isinstance(item, ast.Slice) for item in e.items):
            _no_rows(scope, e, tuples)
            return
        letters = iter("ijklmnopq")
        shown = ", ".join(next(letters, "i") for d in dims for _ in range(d.arity))
        hints = (f"write `{name}[{shown}]`, or `{name}[a]` for `a in {tuples.set_name}`",) if rank == 1 else ()
        over = " and ".join(f"`{d.set_name}`" if d.set_name else "a size" for d in dims)
        count = f"{len(e.items)} ind{'ex' if len(e.items) == 1 else 'ices'}"
        message = f"{base_words(e.base)} is indexed by {over} and needs `{shown}`, and this has {count}"
    else:
        hints = (f"`{name}[i, :]` is a row, `{name}[:, j]` a column",)
        hints = hints if rank == 2 and isinstance(e.base, ast.Name) else ()
        needs = {1: "one index", 2: "two indices"}.get(rank, f"{rank} indices")
        message = f"{base_words(e.base)} is {words(base.shape)} and needs {needs}, not {len(e.items)}"
    scope.problems.error("BL0310", message, e.span, hints=hints, secondary=declared)


def _no_rows(scope: Scope, e: ast.Index, dim: Dim) -> None:
    scope.problems.error(
        "BL0310",
        f"{base_words(e.base)} has one entry for each element of `{dim.set_name}`, and no rows or columns",
        next(item.span for item in e.items if isinstance(item, ast.Slice)),
        hints=("a part of it is selected by a condition: `sum(x[i, j] for (i, j) in S if i == n)`",),
    )


def _gathered(span: Span, base: Node, axes: list[Axis], rows: bool = True) -> Node:
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
    return folded(node("gather", (base,), shape, span, index, batch=count if batched else base.batch))


def _declared(scope: Scope, base: Node) -> list[tuple[Span, str]]:
    return [(scope.symbols[base.attr].span, "declared here")] if base.op in ("param", "var") else []


def family_entry(scope: Scope, e: ast.Index, symbol: Symbol, env: Env) -> Node:
    """`x[k]`, an entry; `x[k][i]` and `x[k, i]`, a component of it; `x[1:3]`, several."""
    own = own_of(scope, e.base, env)
    if own is None and not resolve(scope, symbol):
        return bad(e.span)
    dims, loops = symbol.over, len(symbol.decl.generators)
    base = symbol.node
    if own is not None:
        base = own.node or own_entries(symbol.name, tuple(d.size for d in dims), e.span)
    declared = [(symbol.span, "declared here")]
    lead, rest = _apart(scope, e.items, dims[:loops], env)
    if lead is None:
        _wrong_number(scope, e, base, dims, declared)
        return bad(e.span)
    items = (*(i for part in lead for i in part), *(ast.Slice(e.span, None, None) for _ in dims[loops:]))
    whole = ast.Index(e.span, e.base, items)
    found = indexed(scope, whole, base, dims, env, declared, rows=False)
    if found.bad or own is not None and not _descends(scope, e, own, found, env):
        return bad(e.span)
    if not rest or own is not None and own.node is None:
        return found
    if len(found.shape) == len(dims) - loops:
        one = ast.Index(e.span, e.base, ())  # see `axes.base_words`
        return indexed(scope, ast.Index(e.span, one, rest), found, dims[loops:], env, declared)
    return indexed(scope, e, base, dims, env, declared)


def _descends(scope: Scope, e: ast.Index, own: Own, found: Node, env: Env) -> bool:
    """Whether these entries are all before the one that is being defined."""
    places = found.attr % len(own.numbers)
    if own.frame is not None:
        back = env.frame.back_to(own.frame)
        now = 1 if found.batch is None else np.arange(1, len(own.numbers)) if back is None else back + 1
        if not np.all(places < np.reshape(now, (-1, *(1,) * len(found.shape)))):
            raise NotAlike
        return True
    places = np.ravel(places)
    wrong = places[places >= own.place]
    if not wrong.size:
        return True
    used = own.entry(int(own.numbers[wrong[0]]))
    by = "by itself" if wrong[0] == own.place else f"by `{used}`, which comes after it"
    scope.problems.error(
        "BL0215",
        f"the entry `{own.now}` is defined {by}",
        e.span,
        f"here this is `{used}`",
        secondary=[(own.symbol.span, f"`{own.now}` needs it")],
        hints=(f"an entry may use those of smaller index: `{own.symbol.name}[{own.variable} - 1]`",),
    )
    return False


def value_key(scope: Scope, e: ast.Index, env: Env) -> Key | None:
    """`from[l]`, where the values of `from` are labels."""
    if not isinstance(e.base, ast.Name) or not _is_of_labels(scope, e.base, env):
        return None
    symbol = scope.symbols[e.base.id]
    if not resolve(scope, symbol) or symbol.universe is None:
        return None
    if symbol.elements is None:
        return BROKEN
    found = indexed(scope, e, const(symbol.elements, e.base.span), symbol.dims, env, [(symbol.span, "declared here")])
    if found.bad:
        return BROKEN
    if len(found.shape) > 1:
        scope.problems.error("BL0310", "an index is one label or a vector of labels, not a matrix", e.span)
        return BROKEN
    values = found.attr.astype(np.int64)
    return Key((values,), (symbol.universe,), found.batch is not None, len(found.shape) == 1, symbol.domain_name)
