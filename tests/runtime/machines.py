"""Running a program on each executor with everything in the test's hands."""

from __future__ import annotations

import os
import shlex
import shutil

import numpy as np

from bilevel_dsl.methods.program import Program
from bilevel_dsl.runtime.compile import library
from bilevel_dsl.runtime.execute import Run, _columns, _fill
from bilevel_dsl.runtime.iterate import Interpreter
from bilevel_dsl.runtime.layout import lay_out
from bilevel_dsl.runtime.library import Compiled
from bilevel_dsl.runtime.status import RUNNING

COMPILER = next(
    (c for c in (*shlex.split(os.environ.get("BILEVELDSL_CC", ""))[:1], "cc", "gcc", "clang") if shutil.which(c)), "cc"
)
EXECUTORS = ["interpreted", "compiled"] if shutil.which(COMPILER) else ["interpreted"]


def machine(executor: str, program: Program, x0=None, y0=None, *, settings=None, start=True, **more):
    """A machine that has prepared and started, and its memory."""
    layout = lay_out(program)
    memory = np.zeros(layout.size)
    sizes = {s.name: s.size for s in program.state}
    x0, y0 = np.ones(sizes["x"]) if x0 is None else x0, np.zeros(sizes["y"]) if y0 is None else y0
    _fill(layout, memory, x0, y0, settings or {})
    columns = _columns(program, None)
    if executor == "interpreted":
        made = Interpreter(layout, memory, columns, **more)
    else:
        made = Compiled(library(layout), layout, memory, columns, **more)
    if start:
        assert made.prepare() == RUNNING and made.start() == RUNNING
    return made, memory


def assert_same(one: Run, other: Run) -> None:
    """Bit for bit: counts, state, measures and the whole trace."""
    assert one.status == other.status
    assert one.iterations == other.iterations
    assert one.phase_calls == other.phase_calls
    for kind in ("state", "trace"):
        mine, theirs = getattr(one, kind), getattr(other, kind)
        assert list(mine) == list(theirs)
        for name in mine:
            assert np.array_equal(mine[name], theirs[name], equal_nan=True), f"{kind} {name}"
    assert list(one.measures) == list(other.measures)
    assert np.array_equal(list(one.measures.values()), list(other.measures.values()), equal_nan=True)
