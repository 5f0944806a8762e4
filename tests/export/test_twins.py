"""The exported solver against the Python runtime, bit for bit."""

from __future__ import annotations

import ctypes as ct
import subprocess
from itertools import product

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.model.problem import labels_of
from bilevel_dsl.runtime.execute import execute
from tests.export.cases import ExportedLibrary, awkward, exported, program_of
from tests.problems import TWO_LEVEL
from tests.runtime.test_twins import LEAST_NORM, RIDGE

pytestmark = pytest.mark.usefixtures("compiler")
CASES = [
    ("penalty", TWO_LEVEL["p4"].problem),
    ("penalty", TWO_LEVEL["lower row"].problem),
    ("penalty", RIDGE),
    ("mgbio", TWO_LEVEL["p3"].problem),
    ("mgbio", RIDGE),
    ("mgbio", awkward()),
    ("dbgd", LEAST_NORM),
]


@pytest.mark.parametrize("method, problem", CASES, ids=[f"{m} {k}" for k, (m, _) in enumerate(CASES)])
def test_every_slot_and_count(method, problem, tmp_path):
    library = ExportedLibrary(problem, method, tmp_path / "out", max_iter=40)
    solver = library.solver()
    status = solver.call("solve")
    run = execute(library.program, *problem.start(), executor="compiled", settings={"max_iter": 40})
    assert (status, solver.harness("iterations")) == (run.status, run.iterations)
    assert solver.phase_calls == list(run.phase_calls.values())
    assert solver.harness("calls") == sum(run.phase_calls.values())
    assert np.array_equal(solver.state, np.concatenate(list(run.state.values())))


@pytest.mark.parametrize("flags", [("-O0",), ("-O3", "-march=native")])
def test_other_levels_of_optimization(flags, tmp_path, awkward_library):
    library = ExportedLibrary(awkward(), "penalty", tmp_path / "out", flags)
    solvers = [library.solver(), awkward_library.solver()]
    for solver in solvers:
        solver.call("solve")
    assert np.array_equal(solvers[0].state, solvers[1].state)


def test_the_trace(awkward_library):
    solver = awkward_library.solver()
    names = awkward_library.program.measure_names
    rows = np.zeros((100, len(names)))
    solver.harness("trace", ct.c_void_p(rows.ctypes.data), ct.c_long(100))
    solver.call("solve")
    run = execute(awkward_library.program, *awkward().start())
    for k, name in enumerate(names):
        assert np.array_equal(rows[: solver.harness("trace_used"), k], run.trace[name]), name


def printed(text: str) -> dict[str, str]:
    return dict(line.split(" = ", 1) for line in text.splitlines())


def c_text(value) -> str:
    if np.ndim(value) == 0:
        return f"{float(value):.17g}"
    return f"[{', '.join(map(c_text, value))}]"


def c_lines(thing, value) -> dict[str, str]:
    """What the program prints of a variable or a report: a line, or one for each entry over a set, by its labels."""
    labels = labels_of(thing.index)
    if not any(labels):
        return {thing.name: c_text(value)}
    axes = [axis or [str(i + 1) for i in range(n)] for axis, n in zip(labels, thing.shape)]
    return {f"{thing.name}[{','.join(names)}]": c_text(v) for names, v in zip(product(*axes), np.ravel(value))}


@pytest.mark.parametrize("method", ["penalty", "mgbio"])
def test_make_and_run_prints_the_answer_of_python(method, tmp_path):
    """Everything that a solve tells, from `make && ./solver`."""
    problem = awkward()
    exported(problem, method, tmp_path / "out")
    subprocess.run(["make", "-s", "CFLAGS=-O2 -Wall -Wextra -Wpedantic -Werror"], cwd=tmp_path / "out", check=True)
    done = subprocess.run(["./solver"], cwd=tmp_path / "out", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    run = execute(program_of(problem, method), *problem.start(), executor="interpreted")
    x, y = run.state["x"], run.state["y"]
    columns = [ca.reshape(ca.DM(v), q.symbol.shape) for v, q in zip(problem.data, problem.parameters)]
    oracles, point = Oracles(problem), [ca.DM(x), ca.DM(y), *columns]
    upper, lower = (float(oracles.function(n).call(point)[0]) for n in "fg")
    report = [np.array(v).ravel() for v in oracles.function("report").call(point)]
    assert printed(done.stdout) == {
        "status": "converged",
        "iterations": str(run.iterations),
        "calls": str(sum(run.phase_calls.values())),
        "upper": c_text(-upper),
        "lower": c_text(lower),
        "int": c_text(x[:2]),
        "Int": c_text(x[2]),
        "double": c_text(y[:4].reshape(2, 2, order="F")),
        "_bl_": c_text(y[4]),
        "return": c_text(report[0].reshape(2, 2, order="F")),
        "main": c_text(report[1][0]),
        "UPPER": c_text(report[2]),
    }


def test_the_answer_is_right(awkward_library):
    """double = (int, Int + pi, n); the box holds Int at 0; int1 and _bl_ balance three terms."""
    solver = awkward_library.solver()
    assert solver.call("solve") == 0
    names = [solver.memory[solver.c.h_variable(k) :] for k in range(4)]
    assert names[1][0] == 0
    assert names[2][:4] == pytest.approx([*names[0][:2], np.pi, 3], abs=1e-5)
    assert names[0][1] == pytest.approx((1.25 + 2 / 3) / 2, abs=1e-5)
    # d/dint1 of (int1 - 1.25)^2 + (int1 - 0.1)^2 + (1.25 int1 - 1)^2
    assert names[0][0] == pytest.approx((1.25 + 0.1 + 1.25) / (2 + 1.25**2), abs=1e-5)
