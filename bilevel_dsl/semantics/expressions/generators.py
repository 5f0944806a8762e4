"""`for` loops of a model as arrays: all iterations at once, in frames (`names/frames.py`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...diagnostics import Span
from ...syntax import ast
from ..names.frames import Env, Frame, Loop, Unvectorizable, loops_of
from ..names.scope import Scope
from ..nodes.elements import IndexSet
from ..nodes.ir import MANY
from .index_sets import index_set
from .selections import Selections
from .values import truth_of, whole_numbers

WRITTEN_OUT = 50_000  # iterations of a generator that has to be written out, at most


def open_generators(scope: Scope, generators: tuple[ast.Generator, ...], condition: ast.Expr | None, env: Env) -> Env | None:
    """The environment inside of a generator; None after a mistake."""
    outer, outside = env.frame, env
    inner = Frame(1 if outer is None else outer.count, outer, np.zeros(1, int) if outer is None else np.arange(outer.count))
    env = env.within(inner, dict(env.names))
    mine: list[str] = []
    selections = Selections(scope, generators, condition)
    for k, g in enumerate(generators):
        if not _free_names(scope, g, generators[:k], outside):
            return None
        drawn = selections.drawn(k, env) or _drawn(scope, g, env, inner)
        if drawn is None:
            return None
        repeats, loops = drawn
        if int(repeats.sum()) > MANY:
            scope.problems.error(
                "BL0315", f"this generator has {int(repeats.sum()):,} iterations, more than {MANY:,}", g.span
            )
            return None
        _extend(env, mine, repeats)
        env.names.update(loops)
        mine += loops
    for part in selections.rest:
        if not _filter(scope, env, mine, part):
            return None
    return env


def _free_names(scope: Scope, g: ast.Generator, before: tuple[ast.Generator, ...], outside: Env) -> bool:
    """Names of loop variables are new: among those beside them, and those of a tuple also among those around."""
    known = {name.id: name for b in before for name in b.names}
    for name in g.names:
        first = known.get(name.id)
        if first is not None:
            scope.problems.error(
                "BL0201",
                f"two loop variables are called `{name.id}`",
                name.span,
                secondary=[(first.span, "the first one")],
            )
            return False
        known[name.id] = name
        if len(g.names) > 1 and isinstance(outside.names.get(name.id), Loop):
            scope.problems.error(
                "BL0201",
                f"`{name.id}` is a loop variable already, and a tuple in a loop is taken apart into new names",
                name.span,
                hints=(f"to select by it, take another name and a condition: `if other == {name.id}`",),
            )
            return False
    return True


def _drawn(scope: Scope, g: ast.Generator, env: Env, frame: Frame) -> tuple[np.ndarray, dict[str, Loop]] | None:
    """For each iteration so far how many there will be, and the loop variables in all of them."""
    values = _values_of(scope, g.domain, env)
    if values is None:
        return None
    repeats, numbers, found = values
    if found is None:
        found = IndexSet.of_numbers("", np.zeros(0), None)
        loop = Loop(numbers, None, "", frame)
        return (repeats, {g.variable.id: loop}) if matches_elements(scope, g, found) else None
    if not matches_elements(scope, g, found):
        return None
    if int(repeats.sum()) > MANY:
        return repeats, {}
    return repeats, loops_of(g, found, np.tile(np.arange(found.size), len(repeats)), frame)


def matches_elements(scope: Scope, g: ast.Generator, found: IndexSet) -> bool:
    """Whether the loop variables fit the elements; a single one takes whatever they are."""
    count = len(g.names)
    if not isinstance(g.variable, ast.Tuple) or count == found.arity:
        return True
    name = f"`{found.name}`" if found.name else "this set"
    has = f"{found.words}s" if found.arity > 1 or found.has_labels or found.keyed else "numbers"
    right = ", ".join("ijklmn"[k] if k < 6 else f"i{k}" for k in range(found.arity))
    scope.problems.error(
        "BL0313",
        f"{name} has {has}, and `{g.variable.span.text}` takes apart tuples of {count}",
        g.variable.span,
        secondary=[(found.span, "declared here")] if found.span and found.name else [],
        hints=(f"write `({right}) in {g.domain.span.text}`" if found.arity > 1 else f"write `i in {g.domain.span.text}`",),
    )
    return False


def _extend(env: Env, mine: list[str], repeats: np.ndarray) -> None:
    """Repeat each iteration of the frame `repeats` times."""
    frame = env.frame
    frame.parent = np.repeat(frame.parent, repeats)
    frame.count = len(frame.parent)
    for name in mine:
        env.names[name].values = np.repeat(env.names[name].values, repeats)


def _filter(scope: Scope, env: Env, mine: list[str], condition: ast.Expr) -> bool:
    keep = _each(scope, lambda where: truth_of(scope, condition, where), env, condition.span)
    if keep is None:
        return False
    frame = env.frame
    keep = np.broadcast_to(keep, (frame.count,)).astype(bool)
    frame.parent = frame.parent[keep]
    frame.count = len(frame.parent)
    for name in mine:
        env.names[name].values = env.names[name].values[keep]
    return True


def _values_of(scope: Scope, domain: ast.Expr, env: Env) -> tuple[np.ndarray, np.ndarray | None, IndexSet | None] | None:
    """For each iteration so far how many values, and all of them in a row where they differ; else the set of all."""
    count = env.frame.count
    if isinstance(domain, ast.Range):
        ends = [
            _each(scope, lambda where, e=e: whole_numbers(scope, e, where, "the end of a range"), env, e.span)
            for e in (domain.lower, domain.upper)
        ]
        if any(e is None for e in ends):
            return None
        low, high = (np.broadcast_to(e, (count,)).astype(np.int64) for e in ends)
        sizes = np.maximum(high - low + 1, 0)
        if sizes.sum() > MANY:
            return sizes, np.zeros(0, int), None
        offsets = np.cumsum(sizes) - sizes
        return sizes, np.repeat(low, sizes) + np.arange(sizes.sum()) - np.repeat(offsets, sizes), None
    try:
        found = index_set(scope, domain, env)
    except Unvectorizable:
        if env.frame.outer is not None:
            raise
        scope.problems.error(
            "BL0313",
            "a generator runs over one set, and this one changes from one iteration to the next",
            domain.span,
            hints=("a range may change: `j in 1..n[i]`",),
        )
        return None
    if found is None:
        return None
    return np.full(count, found.size), None, found


def _each(scope: Scope, read: Callable[[Env], np.ndarray | None], env: Env, span: Span) -> np.ndarray | None:
    """`read(env)`; one iteration after the other where it has no form for all of them at once."""
    before = len(scope.problems.items)
    try:
        return read(env)
    except Unvectorizable:
        del scope.problems.items[before:]
        if env.frame.outer is not None:
            raise
    if not can_be_written_out(scope, env.frame.count, span):
        return None
    found: list[np.ndarray] = []
    for k in range(env.frame.count):
        value = read(env.iteration(k))
        if value is None:
            return None
        found.append(value)
    return np.array(found, float).reshape(env.frame.count)


def can_be_written_out(scope: Scope, count: int, span: Span) -> bool:
    if count > WRITTEN_OUT:
        scope.problems.error(
            "BL0315",
            f"this generator has {count:,} iterations, and this expression cannot be evaluated for all of them at once",
            span,
            hints=(f"at most {WRITTEN_OUT:,} are possible; products of whole matrices are faster",),
        )
    return count <= WRITTEN_OUT
