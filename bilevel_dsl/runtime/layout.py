"""Where every slot of a program lies in one flat array, for all three executors.

    memory = settings | prepared | x_start | y_start | state | measures | good | scratch | results

`good` is the state and the measures of the last complete finite iteration. A phase writes into
`scratch`, an image of the state, so that no output overlaps an input; its runs are then copied
back. Data are not copied: an input -1 - k means "the data slot k, where it is".
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from ..methods.program import INHABITED, Program, Slot


@dataclass(frozen=True, eq=False)
class Bound:
    """A function with the offset of every input and output."""

    name: str
    function: ca.Function
    inputs: tuple[int, ...]  # offset in memory, or -1 - k for data slot k
    outputs: tuple[int, ...]
    runs: tuple[tuple[int, int], ...] = ()  # (offset, size) of what a phase writes, to copy from scratch


@dataclass(frozen=True, eq=False)
class Layout:
    program: Program
    offsets: dict[str, int]  # of settings `o_...`, prepared slots, starts, state slots
    state: slice
    measures: slice
    good: int
    scratch: int
    results: int
    size: int
    inhabited: int  # offset of that prepared slot, or -1: no set can be empty
    prepare: Bound | None
    initial: Bound
    phases: tuple[Bound, ...]
    measure: Bound
    result: Bound | None
    tolerances: tuple[tuple[int, int], ...]  # (measure, setting): offsets of both

    @property
    def functions(self) -> tuple[Bound, ...]:
        """All of them, in the order they are generated."""
        first = (self.prepare, self.initial) if self.prepare else (self.initial,)
        return (*first, *self.phases, self.measure, *((self.result,) if self.result else ()))

    def of(self, name: str) -> slice:
        """The place of a state or start slot."""
        sizes = {s.name: s.size for s in self.program.state}
        sizes |= {"x_start": sizes["x"], "y_start": sizes["y"]}
        return slice(self.offsets[name], self.offsets[name] + sizes[name])


def lay_out(program: Program, results: ca.Function | None = None) -> Layout:
    """The layout of `program`; `results` is a further function of slots, evaluated at the end.

    Raises:
        ValueError: a function names no slot, or its sizes are not those of the slots.
    """
    sizes = {s.name: s.size for s in program.state}
    for name in ("x", "y", "phase", "signal"):
        if name not in sizes:
            raise ValueError(f"the program has no state slot `{name}`")
    slots = [Slot(f"o_{s.name}", 1) for s in program.settings] + list(program.prepared)
    slots += [Slot("x_start", sizes["x"]), Slot("y_start", sizes["y"])]
    offsets, end = _stack(slots, 0)
    state_offsets, state_end = _stack(program.state, end)
    state = slice(end, state_end)
    n_measures = program.measures.n_out()
    measures = slice(state_end, state_end + n_measures)
    good = measures.stop
    scratch = good + (measures.stop - state.start)
    results_at = scratch + (state.stop - state.start)
    size = results_at + (sum(map(results.numel_out, range(results.n_out()))) if results else 0)

    everything = [*program.data, *slots, *program.state]
    known = {s.name: s.size for s in everything}
    if len(known) != len(everything):
        raise ValueError("two slots of the program have one name")
    offsets |= state_offsets
    readable = offsets | {s.name: -1 - k for k, s in enumerate(program.data)}
    image = {name: offset + scratch - state.start for name, offset in state_offsets.items()}

    def bind(name, function, places=None, runs=False):
        inputs = tuple(_place(readable, known, function, i) for i in range(function.n_in()))
        if places is None:
            ends = np.cumsum([0] + [function.numel_out(i) for i in range(function.n_out())])
            start = results_at if function is results else measures.start
            return Bound(name, function, inputs, tuple(start + int(e) for e in ends[:-1]))
        outputs = tuple(_place(places, known, function, i, output=True) for i in range(function.n_out()))
        return Bound(name, function, inputs, outputs, _runs(function, state_offsets) if runs else ())

    names = {m: measures.start + k for k, m in enumerate(program.measure_names)}
    return Layout(
        program,
        offsets,
        state,
        measures,
        good,
        scratch,
        results_at,
        size,
        offsets.get(INHABITED, -1),
        prepare=bind("prepare", program.prepare, offsets) if program.prepare else None,
        initial=bind("initial", program.initial, state_offsets),
        phases=tuple(bind(f"phase_{p.name}", p.function, image, runs=True) for p in program.phases),
        measure=bind("measures", program.measures),
        result=bind("results", results) if results else None,
        tolerances=tuple((names[m], offsets[f"o_{s}"]) for m, s in program.tolerances.items()),
    )


def _stack(slots, start: int) -> tuple[dict[str, int], int]:
    offsets = {}
    for slot in slots:
        offsets[slot.name], start = start, start + slot.size
    return offsets, start


def _place(places: dict[str, int], sizes: dict[str, int], function: ca.Function, i: int, output=False) -> int:
    name = function.name_out(i) if output else function.name_in(i)
    if name not in places:
        raise ValueError(f"{function.name()}: `{name}` is no slot that it can {'write' if output else 'read'}")
    found = function.nnz_out(i) if output else function.nnz_in(i)
    if found != sizes[name]:
        raise ValueError(f"{function.name()}: `{name}` has {found} entries, not {sizes[name]}")
    return places[name]


def _runs(function: ca.Function, offsets: dict[str, int]) -> tuple[tuple[int, int], ...]:
    """The parts of the state that `function` writes, adjacent ones merged."""
    runs: list[tuple[int, int]] = []
    for offset, size in sorted((offsets[function.name_out(i)], function.numel_out(i)) for i in range(function.n_out())):
        if not size:
            continue
        if runs and sum(runs[-1]) == offset:
            offset, size = runs[-1][0], runs.pop()[1] + size
        runs.append((offset, size))
    return tuple(runs)
