"""Running a program: compiled if that is possible, else interpreted; stopped by time or by Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from weakref import WeakKeyDictionary

import numpy as np

from .. import interrupts
from ..diagnostics import BilevelError, Diagnostic
from ..methods.program import Program
from .compile import library
from .compiler import CompilerFailed
from .csource import NotCompilable, functions_source
from .iterate import PAUSED, Interpreter
from .layout import Layout, lay_out
from .library import Compiled, Library
from .status import RUNNING, Status

TRACE_ROWS = 100_000  # then every second row goes, and so on
POLL_SECONDS = 0.05
FIRST_SECONDS = 0.3  # of a run before it is asked whether to compile
COMPILE_SECONDS, SECONDS_PER_CHARACTER = 0.3, 1.2e-5  # of a compilation, measured with gcc on programs of 10 kB to 1 MB

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
    bound: tuple[float, str] | None = None  # a proved lower bound of f, minimised, and what it rests on; inf: infeasible
    unattained: bool = False  # that bound is an infimum, which no decision attains

    @property
    def proved_infeasible(self) -> bool:
        """No decision of the leader has an answer of the follower that both levels allow."""
        return self.bound is not None and self.bound[0] == np.inf


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
    stops: Sequence[int] = (),
    on_stop: Callable[[Stop], bool | None] | None = None,
) -> Run:
    """Run `program` from the start (x0, y0).

    Args:
        settings: by name; the others keep their defaults.
        executor: "compiled"; "interpreted"; "eager": compiled if there is a compiler that works; "auto": compiled where it
            was compiled before, else interpreted until that has taken about as long as a compilation would, then
            "eager" from the same state. The bits are those of either.
        data: values of parameters by their names in the model, in place of the program's.
        state0: values of state slots by name, set after the start: a warm start.
        time_limit: seconds in the loop.
        on_progress: called with (iterations, measures) about every 50 ms.
        trace: keep the measures of every iteration.
        stops: numbers of iterations, rising, at which the loop pauses and `on_stop` is called with what there is; the bits
            are the same, and the time that `on_stop` takes counts for nothing. True ends the run there, as a limit of
            iterations does. Not for a program that reads `max_iter`.

    Raises:
        BilevelError: BL0604, "compiled" is asked for and impossible.
        ValueError: an unknown name, or a value of the wrong size.
    """
    began = perf_counter()
    layout, compiled, warnings = _form(program, executor)
    compile_seconds = perf_counter() - began

    memory, columns = np.zeros(layout.size), _columns(program, data)
    _fill(layout, memory, x0, y0, settings or {})
    most = memory[layout.offsets["o_max_iter"]]
    with interruptible() as pressed:
        left = None if time_limit is None else max(0.0, time_limit - compile_seconds)
        poll = Poll(program.measure_names, pressed, left, on_progress)
        waits, enough, asked = executor == "auto" and compiled is None, FIRST_SECONDS, False
        machine, legs, done = None, [], 0
        ahead, aside = [k for k in stops if 0 < k < most], 0.0
        while True:
            patience = max(0.0, enough - _spent.get(program, 0.0)) if waits else None
            memory[layout.offsets["o_max_iter"]] = (ahead[0] if ahead else most) - done
            clock = perf_counter()
            machine = machine or _machine(layout, compiled, memory, columns, poll)
            legs.append(_leg(program, layout, machine, memory, trace, patience, state0, resume=bool(legs)))
            _spent[program] = _spent.get(program, 0.0) + perf_counter() - clock
            if legs[-1].status == Status.ITERATION_LIMIT and ahead:
                done += legs[-1].iterations
                ahead.pop(0)
                clock = perf_counter()
                seconds = clock - began - compile_seconds - aside
                ended = on_stop is not None and on_stop(_stop(program, layout, memory, legs, done, seconds))
                aside += perf_counter() - clock
                if ended:
                    break
                poll.later(legs[-1].iterations, perf_counter() - clock)
            elif legs[-1].status == PAUSED:
                # between two iterations: the driver goes on from the state as if nothing had been
                done += legs[-1].iterations
                poll.since(legs[-1].iterations)
            else:
                break
            if waits and not asked and _spent[program] >= enough:
                enough, asked = max(enough, compile_seconds_of(layout)), True
            if waits and _spent[program] >= enough:
                clock = perf_counter()
                layout, compiled, warnings = _form(program, "eager")
                machine = None
                compile_seconds, waits = compile_seconds + perf_counter() - clock, False
        memory[layout.offsets["o_max_iter"]] = most
        pressed.heard = legs[-1].status == Status.INTERRUPTED
    seconds = perf_counter() - began - compile_seconds - aside
    return Run(
        Status(legs[-1].status),
        {s.name: memory[layout.of(s.name)].copy() for s in program.state},
        sum(leg.iterations for leg in legs),
        _calls(program, legs),
        _measures(program, memory[layout.measures], sum(leg.iterations for leg in legs)),
        _joined([(leg.trace, leg.iterations) for leg in legs]),
        "interpreted" if compiled is None else "compiled",
        {"compile": compile_seconds, "solve": seconds},
        (*program.remarks, *warnings),
    )


@dataclass(frozen=True, eq=False)
class Stop:
    """A run at one of its `stops`."""

    iterations: int
    seconds: float  # in the loop so far
    state: dict[str, np.ndarray]
    phase_calls: dict[str, int]


def _stop(program: Program, layout: Layout, memory: np.ndarray, legs: list[_Leg], done: int, seconds: float) -> Stop:
    return Stop(done, seconds, {s.name: memory[layout.of(s.name)].copy() for s in program.state}, _calls(program, legs))


def _calls(program: Program, legs: list[_Leg]) -> dict[str, int]:
    return dict(zip((p.name for p in program.phases), map(int, sum(leg.phase_calls for leg in legs))))


@dataclass(frozen=True, eq=False)
class _Leg:
    """What a stretch of a run by one machine has left; the machine, with its buffers, goes on to the next."""

    status: int
    iterations: int
    phase_calls: np.ndarray
    trace: dict[str, np.ndarray]


def _machine(layout, compiled, memory, columns, poll) -> Interpreter | Compiled:
    if compiled is None:
        return Interpreter(layout, memory, columns, poll=poll)
    return Compiled(compiled, layout, memory, columns, poll=poll)


def _leg(program, layout, machine, memory, trace, patience, state0, resume=False) -> _Leg:
    """From the start, or from the state as it is; interpreted it pauses after `patience` seconds, between iterations."""
    most = _rows(memory[layout.offsets["o_max_iter"]])
    rows = np.empty((most, program.measures.n_out())) if trace else None
    machine.begin(rows, patience)
    status = RUNNING
    if not resume:
        status = machine.prepare()
        if status == RUNNING:
            status = machine.start()
        _overwrite(layout, memory, state0 or {})
    status = machine.iterate() if status == RUNNING else status
    return _Leg(status, machine.iterations, machine.phase_calls.copy(), _trace(program, machine, rows))


def _joined(traces: list[tuple[dict[str, np.ndarray], int]]) -> dict[str, np.ndarray]:
    """The traces of the legs as one; each comes with the number of its iterations."""
    parts, before = [], 0
    for trace, iterations in traces:
        parts.append({**trace, "iteration": trace["iteration"] + before} if trace else trace)
        before += iterations
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


# --- compiled or interpreted --------------------------------------------------------------------

_libraries: WeakKeyDictionary[Program, Library] = WeakKeyDictionary()  # of this process
_spent: WeakKeyDictionary[Program, float] = WeakKeyDictionary()  # seconds of runs before it was compiled


def compile_seconds_of(layout: Layout) -> float:
    """Seconds that a compilation of the program may take, from the length of its C; infinite where there is none."""
    try:
        return COMPILE_SECONDS + SECONDS_PER_CHARACTER * len(functions_source(layout))
    except NotCompilable:
        return np.inf


def _form(program: Program, executor: str) -> tuple[Layout, Library | None, tuple[Diagnostic, ...]]:
    """The layout, the library if it is to run compiled, and what is to be said of that.

    "auto" takes a library that is there already, and makes none.
    """
    if executor not in ("auto", "eager", "compiled", "interpreted"):
        raise ValueError(f"there is no executor `{executor}`")
    layout = lay_out(program)
    if executor == "interpreted" or program in _libraries:
        return layout, _libraries[program] if executor != "interpreted" else None, ()
    try:
        compiled = library(layout, make=executor != "auto")
    except CompilerFailed as error:
        problem = Diagnostic("BL0601", str(error), hints=tuple(error.output.strip().splitlines()[:3]), exit_status=2)
    except NotCompilable as error:
        problem = Diagnostic("BL0602", f"the method cannot be compiled: {error}", exit_status=2)
    else:
        if compiled is None and executor == "auto":
            return layout, None, ()
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
        self.every, self.before = 1, 0

    def since(self, iterations: int) -> None:
        """Another machine goes on, after so many iterations."""
        self.before += iterations
        self.last, self.last_calls, self.every = perf_counter(), 0, 1

    def later(self, iterations: int, seconds: float) -> None:
        """The loop stood still for so long, after so many iterations of its machine."""
        self.end += seconds
        self.since(iterations)

    def __call__(self, iterations: int, calls: int, measures: np.ndarray) -> int:
        now = perf_counter()
        if self.pressed.times:
            return -1
        if now >= self.end:
            return 0
        if self.on_progress and iterations and now - self.shown >= POLL_SECONDS:
            self.on_progress(self.before + iterations, dict(zip(self.names, map(float, measures))))
            self.shown = now
        ahead = min(POLL_SECONDS, self.end - now) * (calls - self.last_calls) / max(now - self.last, 1e-9)
        self.every = int(max(1, min(ahead, 8 * self.every, 10**9)))  # grows by steps: early phases may be cheap
        self.last, self.last_calls = now, calls
        return self.every


class _Pressed:
    times = 0
    heard = False  # what was told of it ends for it


@contextmanager
def interruptible() -> Iterator[_Pressed]:
    """Ctrl-C is noted once; pressed again it raises. The previous handler comes back.

    Who ends for it says so (`heard`); else it is remembered for who comes next.
    """
    pressed = _Pressed()
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield pressed
        return

    def note(number, frame):
        pressed.times += 1
        if pressed.times > 1:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    pressed.times = int(interrupts.taken())
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed.times and not pressed.heard:
        interrupts.unheard()
