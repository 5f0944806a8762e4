"""What local names mean at a place of a model: iterations of generators, all at once, and arguments of functions.

A `Frame` is a generator that is being read: how many iterations it has, the values of its loop
variables in each, and how its iterations belong to those of the generator around it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...diagnostics import Span
from ...syntax import ast
from ..nodes.elements import IndexSet, Universe
from ..nodes.ir import Node, Segments, const, node


@dataclass(eq=False)
class Loop:
    """A loop variable in each iteration of its frame: a whole number, the code of a label, the place of a tuple from 0."""

    values: np.ndarray
    universe: Universe | None  # of a label
    set_name: str
    frame: Frame
    domain: IndexSet | None = None  # the set that it runs over, as a whole
    part: int = -1  # of a tuple that was taken apart: which component of the domain it is

    @property
    def tuples(self) -> IndexSet | None:
        """The set whose tuples it runs over."""
        return self.domain if self.domain is not None and self.domain.arity > 1 and self.part < 0 else None

    @property
    def is_number(self) -> bool:
        return self.universe is None and self.tuples is None


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


@dataclass(frozen=True)
class Env:
    """A place that is being read: what local names mean there, and what it is inside of."""

    frame: Frame | None = None
    names: dict[str, Loop | tuple[Node, Frame | None]] = field(default_factory=dict)  # loop variables and arguments
    calls: tuple[ast.Call, ...] = ()  # functions that are being put in
    inside_expect: bool = False
    at_once: bool = False  # entries of a recursion, whose batches become steps (`graph/together.py`)

    def within(self, frame: Frame | None, names: dict[str, Loop | tuple[Node, Frame | None]]) -> Env:
        """The same place with other local names."""
        return Env(frame, names, self.calls, self.inside_expect, self.at_once)

    @property
    def outside(self) -> Env:
        """The same place without local names."""
        return self.within(None, {})

    def iteration(self, k: int) -> Env:
        """Iteration k of the frame alone: its loop variables are numbers."""
        return self.within(
            None,
            {
                name: replace(v, values=v.values[k], frame=None) if isinstance(v, Loop) and v.frame is self.frame else v
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


def loops_of(g: ast.Generator, found: IndexSet, places: np.ndarray, frame: Frame) -> dict[str, Loop]:
    """The loop variables of a generator over a set, at places of it."""
    if isinstance(g.variable, ast.Tuple):
        return {
            name.id: Loop(column[places], universe, found.name, frame, found, k)
            for k, (name, column, universe) in enumerate(zip(g.names, found.columns, found.universes))
        }
    if found.arity > 1:
        return {g.variable.id: Loop(places, None, found.name, frame, found)}
    return {g.variable.id: Loop(found.values[places], found.universes[0], found.name, frame, found)}


def loop_value(loop: Loop, env: Env, span: Span) -> Node:
    """The numbers of a loop variable, seen from `env`."""
    if loop.frame is None:  # written out: one number
        return const(float(loop.values), span)
    return env.lift(const(loop.values, span, loop.frame.count), loop.frame, span)
