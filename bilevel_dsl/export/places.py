"""Where everything with a name lies in the memory of an exported solver."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..methods.program import Setting, Slot
from ..model.problem import Problem
from ..runtime.layout import Layout


@dataclass(frozen=True)
class Place:
    """`place` is an offset in memory; the index of a data slot for parameters, -1 if it is fixed."""

    name: str
    place: int
    shape: tuple[int, ...] = ()
    doc: str = ""

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def rows(self) -> int:
        return self.size if len(self.shape) > 2 else self.shape[0] if self.shape else 1

    @property
    def columns(self) -> int:
        return self.shape[1] if len(self.shape) == 2 else 1


class Places:
    def __init__(self, layout: Layout, problem: Problem):
        self.layout, self.problem = layout, problem

    @cached_property
    def variables(self) -> tuple[Place, ...]:
        return self._variables("x", "y")

    @cached_property
    def starts(self) -> tuple[Place, ...]:
        return self._variables("x_start", "y_start")

    def _variables(self, upper: str, lower: str) -> tuple[Place, ...]:
        slots = {"upper": upper, "lower": lower}
        return tuple(
            Place(v.name, self.layout.offsets[slots[v.level]] + v.offset, v.shape, f"{v.level} level, {described(v.shape)}")
            for v in self.problem.variables
        )

    @cached_property
    def reports(self) -> tuple[Place, ...]:
        places, offset = [], self.layout.results + 2  # after the objectives
        for r in self.problem.report:
            places.append(Place(r.name, offset, r.shape, described(r.shape)))
            offset += places[-1].size
        return tuple(places)

    @cached_property
    def parameters(self) -> tuple[Place, ...]:
        return tuple(
            Place(q.name, -1 if q.structural else k, q.shape, described(q.shape))
            for k, q in enumerate(self.problem.parameters)
        )

    @cached_property
    def settings(self) -> tuple[Place, ...]:
        return tuple(Place(s.name, self.layout.offsets[f"o_{s.name}"], (), meaning(s)) for s in self.layout.program.settings)

    @cached_property
    def measures(self) -> tuple[Place, ...]:
        names = self.layout.program.measure_names
        return tuple(Place(name, self.layout.measures.start + k) for k, name in enumerate(names))

    @cached_property
    def state(self) -> tuple[Place, ...]:
        slots = [s for s in self.layout.program.state if s.size]
        return tuple(Place(s.name, self.layout.offsets[s.name], (s.size,), _counted(s)) for s in slots)


def _counted(slot: Slot) -> str:
    many = f"{slot.size} numbers" if slot.size > 1 else ""
    return ": ".join(filter(None, (many, slot.doc)))


def described(shape: tuple[int, ...]) -> str:
    return "a scalar" if not shape else f"a vector of {shape[0]}" if len(shape) == 1 else " by ".join(map(str, shape))


def accepted(setting: Setting) -> tuple[float, float]:
    """The range of a setting, both ends in; of one with choices, their numbers."""
    return (0, len(setting.choices) - 1) if setting.choices else (setting.lower, setting.upper)


def meaning(setting: Setting) -> str:
    """What a setting does, with its choices by number."""
    choices = ", ".join(f"{k} {name}" for k, name in enumerate(setting.choices))
    return f"{setting.doc}: {choices}" if choices else setting.doc
