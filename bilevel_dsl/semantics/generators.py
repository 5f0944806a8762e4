"""`for` loops of a model as arrays: all iterations at once.

A `Frame` is a generator that is being read: how many iterations it has, the values of its loop
variables in each, and how its iterations belong to those of the generator around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..diagnostics import Span
from ..syntax import ast
from .ir import IndexSet, Node, Segments, node
from .symbols import MANY


@dataclass(eq=False)
class Loop:
    """A loop variable: a whole number, or the place of a label, in each iteration of its frame."""

    values: np.ndarray
    labels: tuple[str, ...] | None
    set_name: str
    frame: Frame


@dataclass(eq=False)
class Frame:
    count: int
    outer: Frame | None = None
    parent: np.ndarray | None = None  # for each iteration, the one of `outer` that it is in
    single: dict[str, tuple[float, object]] = field(default_factory=dict)

    def segments(self) -> Segments:
        if self.outer is None:
            return Segments(np.zeros(self.count, int), None)
        return Segments(self.parent, self.outer.count, np.bincount(self.parent, minlength=self.outer.count))

    def back_to(self, frame: Frame | None) -> np.ndarray | None:
        """For each iteration, the iteration of an enclosing `frame`; None if it is this one or none."""
        if frame is self or frame is None:
            return None
        here, places = self, np.arange(self.count)
        while here is not frame:
            places, here = here.parent[places], here.outer
        return places


class Unvectorizable(Exception):
    """An operation that has no form for all iterations at once; the generator is written out instead."""


WRITTEN_OUT = 50_000  # iterations of a generator that has to be written out, at most


@dataclass(frozen=True)
class Env:
    """What local names mean at a place: loop variables and function arguments."""

    frame: Frame | None = None
    names: dict[str, Loop | tuple[Node, Frame | None]] = field(default_factory=dict)

    def iteration(self, k: int) -> Env:
        """Iteration k of the frame alone: its loop variables are numbers."""
        return Env(
            None,
            {
                name: Loop(v.values[k], v.labels, v.set_name, None) if isinstance(v, Loop) and v.frame is self.frame else v
                for name, v in self.names.items()
            },
        )

    def lift(self, value: Node, frame: Frame | None, span: Span) -> Node:
        """A node made in `frame`, seen from here."""
        if value.batch is None or self.frame is None or value.bad:
            return value
        places = self.frame.back_to(frame)
        if places is None:
            return value
        if value.op == "const":
            return Node("const", (), value.shape, len(places), span, value.attr[places])
        return node("rebatch", (value,), value.shape, span, places, batch=len(places))


TOP = Env()  # outside of all generators


class Generators:
    """Makes frames; `lowering` evaluates bounds and conditions."""

    def __init__(self, lowering):
        self.lowering = lowering
        self.problems = lowering.problems

    def open(self, generators: tuple[ast.Generator, ...], condition: ast.Expr | None, env: Env) -> Env | None:
        """The environment inside of a generator; None after a mistake."""
        outer = env.frame
        inner = Frame(
            1 if outer is None else outer.count, outer, np.zeros(1, int) if outer is None else np.arange(outer.count)
        )
        env = Env(inner, dict(env.names))
        mine: list[str] = []
        for k, g in enumerate(generators):
            if not self._free_name(g, generators[:k]):
                return None
            values = self._values(g.domain, env)
            if values is None:
                return None
            repeats, numbers, index_set = values
            if int(repeats.sum()) > MANY:
                self.problems.error(
                    "BL0315", f"this generator has {int(repeats.sum()):,} iterations, more than {MANY:,}", g.span
                )
                return None
            self._extend(env, mine, repeats)
            env.names[g.variable.id] = Loop(
                numbers, index_set.labels if index_set else None, index_set.name if index_set else "", inner
            )
            mine.append(g.variable.id)
        if condition is not None and not self._filter(env, mine, condition):
            return None
        return env

    def _free_name(self, g: ast.Generator, before: tuple[ast.Generator, ...]) -> bool:
        name = g.variable.id
        first = next((b for b in before if b.variable.id == name), None)
        if first is not None:
            self.problems.error(
                "BL0201",
                f"two loop variables are called `{name}`",
                g.variable.span,
                secondary=[(first.variable.span, "the first one")],
            )
        return first is None

    @staticmethod
    def _extend(env: Env, mine: list[str], repeats: np.ndarray) -> None:
        """Repeat each iteration of the frame `repeats` times."""
        frame = env.frame
        frame.parent = np.repeat(frame.parent, repeats)
        frame.count = len(frame.parent)
        for name in mine:
            env.names[name].values = np.repeat(env.names[name].values, repeats)

    def _filter(self, env: Env, mine: list[str], condition: ast.Expr) -> bool:
        keep = self._each(lambda where: self.lowering.condition(condition, where), env, condition.span)
        if keep is None:
            return False
        frame = env.frame
        keep = np.broadcast_to(keep, (frame.count,)).astype(bool)
        frame.parent = frame.parent[keep]
        frame.count = len(frame.parent)
        for name in mine:
            env.names[name].values = env.names[name].values[keep]
        return True

    def _values(self, domain: ast.Expr, env: Env) -> tuple[np.ndarray, np.ndarray, IndexSet | None] | None:
        """For each iteration so far, how many values; and all of them in a row."""
        count = env.frame.count
        if isinstance(domain, ast.Range):
            ends = [
                self._each(lambda where, e=e: self.lowering.whole_numbers(e, where, "the end of a range"), env, e.span)
                for e in (domain.lower, domain.upper)
            ]
            if any(e is None for e in ends):
                return None
            low, high = (np.broadcast_to(e, (count,)).astype(np.int64) for e in ends)
            sizes = np.maximum(high - low + 1, 0)
            if sizes.sum() > MANY:
                return sizes, np.zeros(0), None
            offsets = np.cumsum(sizes) - sizes
            return sizes, np.repeat(low, sizes) + np.arange(sizes.sum()) - np.repeat(offsets, sizes), None
        try:
            found = self.lowering.index_set(domain, env)
        except Unvectorizable:
            if env.frame.outer is not None:
                raise
            self.problems.error(
                "BL0313",
                "a generator runs over one set, and this one changes from one iteration to the next",
                domain.span,
                hints=("a range may change: `j in 1..n[i]`",),
            )
            return None
        if found is None:
            return None
        return np.full(count, found.size), np.tile(found.values, count), found

    def _each(self, read: Callable[[Env], np.ndarray | None], env: Env, span: Span) -> np.ndarray | None:
        """`read(env)`; one iteration after the other where it has no form for all of them at once."""
        before = len(self.problems.items)
        try:
            return read(env)
        except Unvectorizable:
            del self.problems.items[before:]
            if env.frame.outer is not None:
                raise
        if not self.can_be_written_out(env.frame.count, span):
            return None
        found: list[np.ndarray] = []
        for k in range(env.frame.count):
            value = read(env.iteration(k))
            if value is None:
                return None
            found.append(value)
        return np.array(found, float).reshape(env.frame.count)

    def can_be_written_out(self, count: int, span: Span) -> bool:
        if count > WRITTEN_OUT:
            self.problems.error(
                "BL0315",
                f"this generator has {count:,} iterations, and this expression cannot be evaluated for all of them at once",
                span,
                hints=(f"at most {WRITTEN_OUT:,} are possible; products of whole matrices are faster",),
            )
        return count <= WRITTEN_OUT
