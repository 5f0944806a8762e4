"""The way back from a problem with fewer variables: programs and solvers that take and give the points of the user.

The slots `x`, `y`, `x_start`, `y_start` of a program hold all entries; every function picks those that are left from what it
reads, and completes what it writes. Other slots are about what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import casadi as ca

from ..model.embedding import Embedding
from ..model.problem import Problem
from .outcome import Outcome
from .program import Program
from .units import SAME_NAMES


def program_of_whole(program: Program, problem: Problem) -> Program:
    """The program of a problem with fewer variables as one of the user's."""
    if problem.embedding is None:
        return program
    wrap = _Wrapper(problem.embedding, [symbol.shape for symbol in problem.p])
    return replace(
        program,
        state=tuple(replace(s, size=wrap.sizes[s.name]) if s.name in wrap.sizes else s for s in program.state),
        prepare=program.prepare and wrap(program.prepare),
        initial=wrap(program.initial),
        phases=tuple(replace(p, function=wrap(p.function)) for p in program.phases),
        measures=wrap(program.measures),
    )


class _Wrapper:
    def __init__(self, embedding: Embedding, shapes: Sequence[tuple[int, int]]):
        self.embedding, self.shapes = embedding, shapes
        n = {"x": embedding.whole.numel_out(0), "y": embedding.whole.numel_out(1)}
        self.sizes = {"x": n["x"], "y": n["y"], "x_start": n["x"], "y_start": n["y"]}
        self.places = {name: getattr(embedding, name[0]).tolist() for name in self.sizes}

    def __call__(self, function: ca.Function) -> ca.Function:
        """The function of slots that hold all entries."""
        names_in, names_out = function.name_in(), function.name_out()
        writes = bool({"x", "y"} & set(names_out))
        if not writes and not self.sizes.keys() & set(names_in):
            return function
        kind = ca.SX if function.is_a("SXFunction") else ca.MX
        read = {name: kind.sym(name, *self._shape(function, name, k)) for k, name in enumerate(names_in)}
        inner = [read[name][self.places[name]] if name in self.sizes else read[name] for name in names_in]
        values = dict(zip(names_out, function.call(inner, True, False)))
        if writes:
            values |= dict(zip("xy", self._completed(kind, read, values)))
        outputs = [ca.densify(v) for v in values.values()]
        return ca.Function(function.name(), [*read.values()], outputs, [*read], [*values], SAME_NAMES)

    def _shape(self, function: ca.Function, name: str, k: int) -> tuple[int, int]:
        return (self.sizes[name], 1) if name in self.sizes else function.size_in(k)

    def _completed(self, kind: type, read: dict, values: dict) -> list:
        """x and y with all entries, as they are after the function; what this needs beyond its inputs is read too."""
        left = []
        for name in "xy":
            if name not in values and name not in read:
                read[name] = kind.sym(name, self.sizes[name])
            left.append(values[name] if name in values else read[name][self.places[name]])
        data = [ca.DM(*shape) for shape in self.shapes]
        for k in self.embedding.data:
            name = f"p{k}"
            read.setdefault(name, kind.sym(name, data[k].numel()))
            data[k] = ca.reshape(read[name], *self.shapes[k])
        return self.embedding.whole.call([*left, *data], True, False)


def outcome_of_whole(outcome: Outcome, problem: Problem) -> Outcome:
    """What a direct method found of a problem with fewer variables, as of the user's."""
    x, y = problem.embedding.outside(outcome.x, outcome.y, problem.matrices)
    return replace(outcome, x=x, y=y)
