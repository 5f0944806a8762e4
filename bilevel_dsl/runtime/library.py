"""The loop in C: a compiled program behind the interface of `Interpreter`.

The library holds constants only; all that a run touches is allocated here, so that any number
of runs may share one library, also from several threads.
"""

from __future__ import annotations

import ctypes as ct
from pathlib import Path

import numpy as np

from .csource import work_sizes
from .iterate import Poll
from .layout import Layout
from .status import Status

_POLL = ct.CFUNCTYPE(ct.c_long, ct.c_void_p, ct.c_long, ct.c_long, ct.POINTER(ct.c_double))


class _Run(ct.Structure):
    """`bl_run` of driver.h."""

    _fields_ = [
        ("program", ct.c_void_p),
        ("memory", ct.c_void_p),
        ("data", ct.c_void_p),
        ("arg", ct.c_void_p),
        ("res", ct.c_void_p),
        ("iw", ct.c_void_p),
        ("w", ct.c_void_p),
        ("phase_calls", ct.c_void_p),
        ("iterations", ct.c_long),
        ("calls", ct.c_long),
        ("max_phase_calls", ct.c_long),
        ("trace", ct.c_void_p),
        ("trace_rows", ct.c_long),
        ("trace_used", ct.c_long),
        ("trace_stride", ct.c_long),
        ("poll", _POLL),
        ("user", ct.c_void_p),
        ("poll_every", ct.c_long),
    ]


class Library:
    """A compiled program. The file is never written again under its name."""

    def __init__(self, path: Path):
        self.path = path
        self._handle = ct.CDLL(str(path))
        self.functions = {}
        for name in ("prepare", "start", "iterate"):
            function = getattr(self._handle, f"bl_{name}")
            function.argtypes, function.restype = (ct.POINTER(_Run),), ct.c_int
            self.functions[name] = function
        self.program = ct.addressof(ct.c_char.in_dll(self._handle, "bl_the_program"))

    @property
    def arithmetic(self) -> int:
        """0 if the compiler kept every rounding; see driver.h."""
        return self._handle.bl_arithmetic()


class Compiled:
    """One run of a compiled program: its memory and counters, and the loop."""

    def __init__(
        self,
        library: Library,
        layout: Layout,
        memory: np.ndarray,
        data: tuple[np.ndarray, ...],
        *,
        poll: Poll | None = None,
        poll_every: int = 1,
        trace: np.ndarray | None = None,
        max_phase_calls: int = 10**7,
    ):
        sizes = work_sizes(layout)
        self._library = library
        self.memory, self.measures = memory, memory[layout.measures]
        self.phase_calls = np.zeros(max(1, len(layout.phases)), np.dtype(ct.c_long))
        self._data = data
        work = {"w": np.zeros(sizes["w"]), "iw": np.zeros(sizes["iw"], np.int32)}
        pointers = {
            "data": (ct.c_void_p * max(1, len(data)))(*[d.ctypes.data for d in data]),
            "arg": (ct.c_void_p * sizes["arg"])(),
            "res": (ct.c_void_p * sizes["res"])(),
        }
        self._keep = work, pointers, trace
        self._error: BaseException | None = None
        self._run = _Run(
            program=library.program,
            memory=memory.ctypes.data,
            phase_calls=self.phase_calls.ctypes.data,
            **{k: ct.addressof(v) for k, v in pointers.items()},
            **{k: v.ctypes.data for k, v in work.items()},
            max_phase_calls=max_phase_calls,
            trace_stride=1,
            trace=None if trace is None else trace.ctypes.data,
            trace_rows=0 if trace is None else len(trace),
            poll=_POLL(self._guarded(poll)) if poll else _POLL(),
            poll_every=poll_every,
        )

    def _guarded(self, poll: Poll):
        """`poll` for C: an exception stops the loop, and is raised again afterwards."""

        def call(_user, iterations, calls, _measures):
            try:
                return poll(iterations, calls, self.measures)
            except BaseException as error:  # noqa: BLE001  KeyboardInterrupt too
                self._error = error
                return -1

        return call

    def _enter(self, name: str) -> int:
        status = self._library.functions[name](ct.byref(self._run))
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return status if status < 0 else Status(status)

    def begin(self, trace: np.ndarray | None, patience: float | None = None) -> None:
        """Where the trace of the next `iterate` goes. `patience` is for what may yet be compiled."""
        self._keep = *self._keep[:2], trace
        self._run.trace = None if trace is None else trace.ctypes.data
        self._run.trace_rows = 0 if trace is None else len(trace)

    def prepare(self) -> int:
        return self._enter("prepare")

    def start(self) -> int:
        return self._enter("start")

    def iterate(self) -> int:
        return self._enter("iterate")

    @property
    def iterations(self) -> int:
        return self._run.iterations

    @property
    def calls(self) -> int:
        return self._run.calls

    @property
    def trace_used(self) -> int:
        return self._run.trace_used

    @property
    def trace_stride(self) -> int:
        return self._run.trace_stride
