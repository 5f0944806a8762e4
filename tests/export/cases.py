"""Problems whose names and numbers are awkward in C, and one exported solver as a library for tests."""

from __future__ import annotations

import ctypes as ct
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import casadi as ca
import numpy as np

from bilevel_dsl.export.c_solver import export, prefix_of
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.methods.program import Program
from bilevel_dsl.model.problem import Named, Objective, Parameter, Problem, Reference, Variable
from bilevel_dsl.model.sets import Box, Free
from tests.problems import HERE

EXACT = ["-std=c99", "-O2", "-ffp-contract=off", "-fno-builtin"]
STRICT = [*EXACT, "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
C_COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)] or ["cc"]


def awkward() -> Problem:
    """C keywords, names that differ in case, a maximised objective, matrices, and data at the ends of doubles.

    The follower's `double` equals (int, Int + pi, n) by columns, up to 5e-324; `n` is a size and cannot be changed.
    """
    x, y = ca.MX.sym("x", 3), ca.MX.sym("y", 5)
    matrix = np.array([[0.1, 1e-310], [2 / 3, -7.0]])
    names = {"if": matrix, "x": np.array(1.25), "BL_MEMORY": np.array([np.pi, 5e-324, -0.0, 1e300, 3.0])}
    data = tuple(Parameter(n, v.shape, ca.MX.sym(n, *(v.shape or (1, 1))), v, False, HERE) for n, v in names.items())
    size = Parameter("n", (), ca.MX.sym("n"), np.array(3.0), True, HERE)
    M, c, tiny, n = [p.symbol for p in (*data, size)]
    box = lambda k, low, high: Box(k, ca.MX(ca.DM([low] * k)), ca.MX(ca.DM([high] * k)))
    upper = (
        Variable("int", "upper", (2,), x[:2], 0, box(2, -5, 5), np.array([0.5, -0.25]), HERE),
        Variable("Int", "upper", (), x[2], 2, box(1, 0, np.inf), None, HERE),
    )
    start = np.array([[1.0, 2], [3, 4]])
    lower = (
        Variable("double", "lower", (2, 2), ca.reshape(y[:4], 2, 2), 0, Free(4), start, HERE),
        Variable("_bl_", "lower", (), y[4], 4, Free(1), None, HERE),
    )
    follower = ca.sumsqr(y[:4] - ca.vertcat(x[:2], x[2] + tiny[0], n)) / 2 + ca.cosh(y[4] - c * x[0]) + tiny[1] * y[0]
    leader = 9 - ca.sumsqr(x[:2] - c) - ca.sumsqr(ca.reshape(y[:4], 2, 2) - M) - (y[4] - 1) ** 2 * ca.exp(-tiny[2])
    report = (
        Named("return", (2, 2), ca.reshape(y[:4], 2, 2) * c, HERE),
        Named("main", (), leader - follower, HERE),
        Named("UPPER", (2,), ca.sin(x[:2]), HERE),
    )
    return Problem(
        "for",
        x,
        y,
        upper,
        lower,
        Objective(-leader, -1, HERE),
        Objective(follower, 1, HERE),
        (),
        (),
        (*data, size),
        report,
        reference=Reference(),
    )


def program_of(problem: Problem, method: str, **settings: float) -> Program:
    """`settings`: of these, those that are built in."""
    return METHODS[method].program(Oracles(problem), settings)


def exported(problem: Problem, method: str, folder: Path, *, real: str = "double", **settings: float) -> list[Path]:
    return export(program_of(problem, method), problem, folder, real=real, settings=settings)


def renamed(problem: Problem, name: str) -> Problem:
    return replace(problem, name=name)


HARNESS = """
#include "solver.h"
#include <string.h>
size_t h_size(void) { return sizeof(bl_solver); }
long h_iterations(bl_solver *s) { return s->run.iterations; }
long h_calls(bl_solver *s) { return s->run.calls; }
long *h_phase_calls(bl_solver *s) { return s->phase_calls; }
void h_copy(bl_solver *to, bl_solver *from) { *to = *from; memset(from, 255, sizeof *from); }
void h_poll(bl_solver *s, bl_poll poll, long every) { s->run.poll = poll; s->run.poll_every = every; }
void h_trace(bl_solver *s, bl_real *rows, long n) { s->run.trace = rows; s->run.trace_rows = n; }
long h_trace_used(bl_solver *s) { return s->run.trace_used; }
void h_data(bl_solver *s, int k, const bl_real *values) { s->data[k] = values; }
int h_variable(int k) { return bl_variables[k].place; }
int h_setting(int k) { return bl_settings[k].place; }
int h_upper(void) { return BL_UPPER; }
int h_state(void) { return BL_STATE_phase; }
"""
POLL = ct.CFUNCTYPE(ct.c_long, ct.c_void_p, ct.c_long, ct.c_long, ct.POINTER(ct.c_double))


class ExportedLibrary:
    """An exported folder, compiled into a shared library with the functions of HARNESS."""

    def __init__(self, problem: Problem, method: str, folder: Path, flags: tuple[str, ...] = (), **settings: float):
        self.program = program_of(problem, method, **settings)
        export(self.program, problem, folder, real="double", settings=METHODS[method].at_run_time(settings))
        prefix = prefix_of(problem.name)
        (folder / "harness.c").write_text(HARNESS.replace("bl_", prefix).replace("BL_", prefix.upper()))
        sources = ["driver.c", "functions.c", "data.c", "solver.c", "harness.c"]
        subprocess.run(
            [C_COMPILERS[0], *EXACT, *flags, "-fPIC", "-shared", *sources, "-o", "library.so", "-lm"], cwd=folder, check=True
        )
        self.c = ct.CDLL(str(folder / "library.so"))
        self.c.h_size.restype = ct.c_size_t
        for name in ("h_iterations", "h_calls", "h_trace_used"):
            getattr(self.c, name).restype = ct.c_long
        self.c.h_phase_calls.restype = ct.POINTER(ct.c_long)
        self.prefix = prefix

    def solver(self) -> ExportedSolver:
        return ExportedSolver(self)


class ExportedSolver:
    """One solver struct, in memory of Python."""

    def __init__(self, library: ExportedLibrary):
        self.library, self.c = library, library.c
        self.bytes = np.zeros(library.c.h_size(), np.uint8)
        self.memory = self.bytes[: self.bytes.size // 8 * 8].view(np.float64)  # comes first in the struct
        self.call("init")

    @property
    def pointer(self) -> ct.c_void_p:
        return ct.c_void_p(self.bytes.ctypes.data)

    def call(self, name: str, *arguments) -> int:
        return getattr(self.c, f"{self.library.prefix}{name}")(self.pointer, *arguments)

    def harness(self, name: str, *arguments):
        return getattr(self.c, f"h_{name}")(self.pointer, *arguments)

    def set_setting(self, name: str, value: float) -> int:
        names = [s.name for s in self.library.program.settings]
        return self.call("set_setting", self.c.h_setting(names.index(name)), ct.c_double(value))

    @property
    def phase_calls(self) -> list[int]:
        return self.harness("phase_calls")[: len(self.library.program.phases)]

    @property
    def state(self) -> np.ndarray:
        start = self.c.h_state()
        return self.memory[start : start + sum(s.size for s in self.library.program.state)].copy()
