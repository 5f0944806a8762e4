"""The loop of driver.c in Python, line by line, over CasADi's virtual machine.

Buffers are bound once to places in one array, so that a call costs no conversion. Returns are
statuses, or RUNNING where there is none yet.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np

from ..functions.buffers import evaluator
from .layout import Bound, Layout
from .lookups import parted
from .status import RUNNING, Status

Poll = Callable[[int, int, np.ndarray], int]  # (iterations, calls, measures) -> calls to the next, <= 0 to stop

PAUSED = -2  # not of the program: the caller goes on with another machine
_FOUND = (RUNNING, Status.CONVERGED, Status.STALLED, Status.DIVERGED, Status.INFEASIBLE)


class Interpreter:
    """One run of a program: its memory and counters, and the loop."""

    def __init__(
        self,
        layout: Layout,
        memory: np.ndarray,
        data: tuple[np.ndarray, ...],
        *,
        poll: Poll | None = None,
        poll_every: int = 1,
        trace: np.ndarray | None = None,
        max_phase_calls: int = 10**7,
    ):
        self.patience = None
        self.layout, self.memory, self.data = layout, memory, data
        self.poll, self.poll_every, self.max_phase_calls = poll, poll_every, max_phase_calls
        self.trace, self.trace_used, self.trace_stride = trace, 0, 1
        self.iterations = self.calls = 0
        self.phase_calls = np.zeros(len(layout.phases), int)
        self._prepare = self._call(layout.prepare)
        self._initial = self._call(layout.initial)
        self._phases = [self._call(phase) for phase in layout.phases]
        self._measure = self._call(layout.measure)
        self.state, self.measures = memory[layout.state], memory[layout.measures]
        self._now = memory[layout.state.start : layout.measures.stop]
        self._good = memory[layout.good : layout.scratch]
        shift = layout.scratch - layout.state.start
        self._runs = [
            [(memory[o : o + n], memory[o + shift : o + shift + n]) for o, n in phase.runs] for phase in layout.phases
        ]

    def _call(self, bound: Bound | None) -> Callable[[], bool]:
        """The function, bound to its places; what it returns says whether it failed."""
        if bound is None:
            return lambda: False
        function = bound.function
        inputs = []
        for i, offset in enumerate(bound.inputs):
            size = function.nnz_in(i)
            inputs.append(self.data[-1 - offset] if offset < 0 else self.memory[offset : offset + size])
        outputs = [self.memory[offset : offset + function.nnz_out(i)] for i, offset in enumerate(bound.outputs)]
        split = parted(function)
        return evaluator(function, inputs, outputs) if split is None else split.evaluator(inputs, outputs)

    def begin(self, trace: np.ndarray | None, patience: float | None = None) -> None:
        """Of the next `iterate`: where its trace goes, and after how many seconds it ends with PAUSED, if at all."""
        self.trace, self.patience = trace, patience

    def record(self) -> None:
        if self.trace is None or self.iterations % self.trace_stride:
            return
        if self.trace_used == len(self.trace):
            half = len(self.trace) // 2
            self.trace[:half] = self.trace[1 : 2 * half : 2]
            self.trace_used = half
            self.trace_stride *= 2
            if self.iterations % self.trace_stride:
                return
        self.trace[self.trace_used] = self.measures
        self.trace_used += 1

    def completed(self) -> int:
        m = self.memory
        signal = m[self.layout.offsets["signal"]]
        if not np.isfinite(self.state).all():
            return Status.NOT_FINITE
        if self._measure():
            return Status.NOT_FINITE
        self._good[:] = self._now
        self.iterations += 1
        self.record()
        tolerances = self.layout.tolerances
        if signal != 0:
            status = _FOUND[int(signal)] if 1 <= signal <= 4 else Status.STALLED
        elif tolerances and all(m[measure] <= m[setting] for measure, setting in tolerances):  # fails for NaN
            status = Status.CONVERGED
        else:
            status = Status.ITERATION_LIMIT if self.iterations >= m[self.layout.offsets["o_max_iter"]] else RUNNING
        # no answer where an objective has no value: its gradient may vanish all the same
        if status == Status.CONVERGED and not np.isfinite(self.measures).all():
            return Status.NOT_FINITE
        return status

    def prepare(self) -> int:
        settings = self.memory[: len(self.layout.program.settings)]
        starts = self.memory[self.layout.offsets["x_start"] : self.layout.state.start]
        given = [*self.data, settings, starts]
        if any(np.isnan(values).any() for values in given):
            return Status.NOT_FINITE
        if self._prepare():
            return Status.NOT_FINITE
        inhabited = self.layout.inhabited
        return RUNNING if inhabited < 0 or self.memory[inhabited] == 1 else Status.INFEASIBLE

    def start(self) -> int:
        self._now[:] = 0
        return Status.NOT_FINITE if self._initial() else RUNNING

    def iterate(self) -> int:
        m, phase = self.memory, self.layout.offsets["phase"]
        status = RUNNING if m[self.layout.offsets["o_max_iter"]] > 0 else Status.ITERATION_LIMIT
        in_iteration, until_poll = 0, self.poll_every
        self.iterations = self.calls = self.trace_used = 0
        self.trace_stride = 1
        self.phase_calls[:] = 0
        if not np.isfinite(self.state).all():
            return Status.NOT_FINITE
        self._good[:] = self._now
        pause = None if self.patience is None else perf_counter() + self.patience
        while status == RUNNING:
            if not 0 <= m[phase] < len(self._phases):
                status = Status.STALLED if m[phase] == m[phase] else Status.NOT_FINITE
                break
            if in_iteration >= self.max_phase_calls:
                status = Status.STALLED
                break
            in_iteration += 1
            j = int(m[phase])
            self.phase_calls[j] += 1
            self.calls += 1
            if self._phases[j]():
                status = Status.NOT_FINITE
                break
            for place, scratch in self._runs[j]:
                place[:] = scratch
            if m[phase] == 0:
                status = self.completed()
                in_iteration = 0
                if pause is not None and status == RUNNING and perf_counter() >= pause:
                    status = PAUSED
                    break
            if self.poll and status == RUNNING:
                until_poll -= 1
                if until_poll <= 0:
                    until_poll = self.poll(self.iterations, self.calls, self.measures)
                    if until_poll <= 0:
                        status = Status.TIME_LIMIT if until_poll == 0 else Status.INTERRUPTED
        self._now[:] = self._good
        return status
