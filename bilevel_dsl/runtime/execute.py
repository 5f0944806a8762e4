"""Running a program: compiled if that is possible, else interpreted; stopped by time or by Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from weakref import WeakKeyDictionary

import numpy as np

from ..diagnostics import BilevelError, Diagnostic
from ..methods.program import Program
from .compile import library
from .compiler import CompilerFailed
from .csource import NotCompilable
from .iterate import Interpreter
from .layout import Layout, lay_out
from .library import Compiled, Library
from .status import RUNNING, Status

TRACE_ROWS = 100_000  # then every second row goes, and so on
POLL_SECONDS = 0.05

Progress = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, eq=False)
class Run:
    """How a run of a program ended. Without a complete iteration there are no measures."""

    status: Status
    state: dict[str, np.ndarray]  # of the last complete finite iteration
    iterations: int
    phase_calls: dict[str, int]
    measures: dict[str, float]
    trace: dict[str, np.ndarray]  # "iteration" and every measure; thinned out in very long runs
    executor: str  # "compiled" | "interpreted"
    timings: dict[str, float]  # compile, solve: seconds
    warnings: tuple[Diagnostic, ...] = ()


def execute(
    program: Program,
    x0: np.ndarray,
    y0: np.ndarray,
    *,
    settings: Mapping[str, float] | None = None,
    executor: str = "auto",
    data: Mapping[str, np.ndarray] | None = None,
    state0: Mapping[str, np.ndarray] | None = None,
    time_limit: float | None = None,
    on_progress: Progress | None = None,
    trace: bool = True,
) -> Run:
    """Run `program` from the start (x0, y0).

    Args:
        settings: by name; the others keep their defaults.
        executor: "compiled", "interpreted", or "auto": compiled if there is a compiler that works.
        data: values of parameters by their names in the model, in place of the program's.
        state0: values of state slots by name, set after the start: a warm start.
        time_limit: seconds in the loop.
        on_progress: called with (iterations, measures) about every 50 ms.
        trace: keep the measures of every iteration.

    Raises:
        BilevelError: BL0604, "compiled" is asked for and impossible.
        ValueError: an unknown name, or a value of the wrong size.
    """
    clock = perf_counter()
    layout, compiled, warnings = _form(program, executor)
    compile_seconds = perf_counter() - clock

    memory, columns = np.zeros(layout.size), _columns(program, data)
    _fill(layout, memory, x0, y0, settings or {})
    rows = np.empty((_rows(memory[layout.offsets["o_max_iter"]]), program.measures.n_out())) if trace else None
    clock = perf_counter()
    with _interruptible() as pressed:
        left = None if time_limit is None else max(0.0, time_limit - compile_seconds)
        poll = Poll(program.measure_names, pressed, left, on_progress)
        make = Interpreter if compiled is None else lambda *a, **k: Compiled(compiled, *a, **k)
        machine = make(layout, memory, columns, poll=poll, trace=rows)
        status = machine.prepare()
        if status == RUNNING:
            status = machine.start()
        _overwrite(layout, memory, state0 or {})
        if status == RUNNING:
            status = machine.iterate()
    return Run(
        Status(status),
        {s.name: memory[layout.of(s.name)].copy() for s in program.state},
        machine.iterations,
        dict(zip((p.name for p in program.phases), map(int, machine.phase_calls))),
        _measures(program, memory[layout.measures], machine.iterations),
        _trace(program, machine, rows),
        "interpreted" if compiled is None else "compiled",
        {"compile": compile_seconds, "solve": perf_counter() - clock},
        (*program.remarks, *warnings),
    )


# --- compiled or interpreted --------------------------------------------------------------------

_libraries: WeakKeyDictionary[Program, Library] = WeakKeyDictionary()  # of this process


def _form(program: Program, executor: str) -> tuple[Layout, Library | None, tuple[Diagnostic, ...]]:
    """The layout, the library if it is to run compiled, and what is to be said of that."""
    if executor not in ("auto", "compiled", "interpreted"):
        raise ValueError(f"there is no executor `{executor}`")
    layout = lay_out(program)
    if executor == "interpreted" or program in _libraries:
        return layout, _libraries[program] if executor != "interpreted" else None, ()
    try:
        compiled = library(layout)
    except CompilerFailed as error:
        problem = Diagnostic("BL0601", str(error), hints=tuple(error.output.strip().splitlines()[:3]), exit_status=2)
    except NotCompilable as error:
        problem = Diagnostic("BL0602", f"the method cannot be compiled: {error}", exit_status=2)
    else:
        if compiled:
            _libraries[program] = compiled
            return layout, compiled, ()
        problem = Diagnostic(
            "BL0604", "no C compiler was found", exit_status=2, hints=("install gcc or clang, or `pip install ziglang`",)
        )
    if executor == "compiled":
        raise BilevelError(problem)
    if problem.code == "BL0604":  # a machine without a compiler is no reason to complain at every solve
        return layout, None, ()
    message = f"{problem.message}; the solve runs interpreted, which is slower"
    return layout, None, (replace(problem, message=message, severity="warning"),)


# --- what goes in ---------------------------------------------------------------------------------


def _columns(program: Program, data: Mapping[str, np.ndarray] | None) -> tuple[np.ndarray, ...]:
    values = dict(zip((s.label or s.name for s in program.data), program.data_values))
    for name, value in (data or {}).items():
        if name not in values:
            raise ValueError(f"the program has no data `{name}`")
        values[name] = value
    columns = tuple(np.ascontiguousarray(np.asarray(v, float).ravel(order="F")) for v in values.values())
    for slot, column in zip(program.data, columns):
        if column.size != slot.size:
            raise ValueError(f"data `{slot.label or slot.name}` has {column.size} entries, not {slot.size}")
    return columns


def _fill(layout: Layout, memory: np.ndarray, x0: np.ndarray, y0: np.ndarray, settings: Mapping[str, float]) -> None:
    known = {s.name: s.default for s in layout.program.settings}
    unknown = set(settings) - set(known)
    if unknown:
        raise ValueError(f"the program has no setting {', '.join(sorted(unknown))}")
    for name, value in {**known, **settings}.items():
        memory[layout.offsets[f"o_{name}"]] = value
    _overwrite(layout, memory, {"x_start": x0, "y_start": y0})


def _overwrite(layout: Layout, memory: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
    for name, value in values.items():
        place = layout.of(name) if name in layout.offsets else slice(0, 0)
        value = np.asarray(value, float).ravel(order="F")
        if name not in layout.offsets or value.size != place.stop - place.start:
            raise ValueError(f"`{name}` of {value.size} entries is no slot of the state")
        memory[place] = value


def _rows(max_iter: float) -> int:
    return int(min(TRACE_ROWS, max(2, max_iter)))


# --- what comes out -------------------------------------------------------------------------------


def _measures(program: Program, values: np.ndarray, iterations: int) -> dict[str, float]:
    return dict(zip(program.measure_names, map(float, values))) if iterations else {}


def _trace(program: Program, machine: Interpreter | Compiled, rows: np.ndarray | None) -> dict[str, np.ndarray]:
    if rows is None:
        return {}
    used, stride = machine.trace_used, machine.trace_stride
    iteration, kept = stride * np.arange(1, used + 1), rows[:used]
    if machine.iterations % stride:  # the last one is always in
        iteration, kept = np.append(iteration, machine.iterations), np.vstack([kept, machine.measures])
    return {"iteration": iteration, **{m: kept[:, k].copy() for k, m in enumerate(program.measure_names)}}


# --- stopping -------------------------------------------------------------------------------------


class Poll:
    """Called from the loop about every 50 ms: progress, time, Ctrl-C. Says when to call again."""

    def __init__(self, names: tuple[str, ...], pressed: _Pressed, time_limit: float | None, on_progress: Progress | None):
        self.names, self.pressed, self.on_progress = names, pressed, on_progress
        now = perf_counter()
        self.end = np.inf if time_limit is None else now + time_limit
        self.last, self.last_calls, self.shown = now, 0, now
        self.every = 1

    def __call__(self, iterations: int, calls: int, measures: np.ndarray) -> int:
        now = perf_counter()
        if self.pressed.times:
            return -1
        if now >= self.end:
            return 0
        if self.on_progress and iterations and now - self.shown >= POLL_SECONDS:
            self.on_progress(iterations, dict(zip(self.names, map(float, measures))))
            self.shown = now
        ahead = min(POLL_SECONDS, self.end - now) * (calls - self.last_calls) / max(now - self.last, 1e-9)
        self.every = int(max(1, min(ahead, 8 * self.every, 10**9)))  # grows by steps: early phases may be cheap
        self.last, self.last_calls = now, calls
        return self.every


class _Pressed:
    times = 0


@contextmanager
def _interruptible() -> Iterator[_Pressed]:
    """Ctrl-C is noted once; pressed again it raises. The previous handler comes back."""
    pressed = _Pressed()
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield pressed
        return

    def note(number, frame):
        pressed.times += 1
        if pressed.times > 1:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
