"""solver.h as it is used: parameters, settings, start, going on, copies, and runs within runs."""

from __future__ import annotations

import ctypes as ct
from dataclasses import replace

import numpy as np
import pytest

from bilevel_dsl.export.c_solver import solver_texts
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.status import Status
from tests.export.cases import POLL, awkward, program_of

pytestmark = pytest.mark.usefixtures("compiler")
IF, X, NUMBERS, N = range(4)  # parameters


def pointer(values: np.ndarray) -> ct.c_void_p:
    return ct.c_void_p(values.ctypes.data)


def solved(library, prepare=lambda solver: None):
    solver = library.solver()
    prepare(solver)
    return solver.call("solve"), solver


def python(data=None, **settings):
    program = program_of(awkward(), "penalty")
    return execute(program, *awkward().start(), executor="interpreted", data=data, settings=settings)


def flat(run) -> np.ndarray:
    return np.concatenate(list(run.state.values()))


def test_parameters_at_run_time(awkward_library):
    matrix = np.array([0.3, -0.2, 0.9, 1.5])
    status, solver = solved(awkward_library, lambda s: s.call("set_parameter", IF, pointer(matrix)))
    run = python(data={"if": matrix})
    assert status == run.status == Status.CONVERGED
    assert np.array_equal(solver.state, flat(run))
    assert not np.array_equal(solver.state, flat(python()))
    assert solver.call("set_parameter", IF, None) == 0
    solver.call("solve")
    assert np.array_equal(solver.state, flat(python()))


@pytest.mark.parametrize(
    "parameter, values", [(N, [4.0]), (-1, [4.0]), (4, [4.0]), (X, [np.nan]), (NUMBERS, [1, 2, 3, 4, np.nan])]
)
def test_parameters_that_are_refused(awkward_library, parameter, values):
    values, solver = np.array(values, float), awkward_library.solver()
    assert solver.call("set_parameter", parameter, pointer(values)) == -1
    solver.call("solve")
    assert np.array_equal(solver.state, flat(python()))


def test_settings_at_run_time(awkward_library):
    status, solver = solved(awkward_library, lambda s: s.set_setting("s_end", 1e-2))
    run = python(s_end=1e-2)
    assert (status, solver.harness("iterations")) == (run.status, run.iterations)
    assert np.array_equal(solver.state, flat(run))
    assert run.iterations != python().iterations


@pytest.mark.parametrize("name, value", [("tol", -1.0), ("max_iter", 2.5), ("s_factor", 0.95), ("tol", np.nan)])
def test_settings_that_are_refused(awkward_library, name, value):
    solver = awkward_library.solver()
    assert solver.set_setting(name, value) == -1
    assert solver.call("set_setting", 10**6, ct.c_double(1)) == -1
    solver.call("solve")
    assert np.array_equal(solver.state, flat(python()))


def test_going_on_after_a_limit(awkward_library):
    """Its iterates are those of a run that was not stopped."""
    status, solver = solved(awkward_library, lambda s: s.set_setting("max_iter", 4))
    assert (status, solver.harness("iterations")) == (Status.ITERATION_LIMIT, 4)
    solver.set_setting("max_iter", 1000)
    assert solver.call("resume") == Status.CONVERGED
    whole = python()
    assert solver.harness("iterations") == whole.iterations - 4
    assert np.array_equal(solver.state, flat(whole))


def test_a_solver_may_be_copied(awkward_library):
    """Also in the middle; the source is overwritten."""
    _, source = solved(awkward_library, lambda s: s.set_setting("max_iter", 4))
    target = awkward_library.solver()
    target.c.h_copy(target.pointer, source.pointer)
    target.set_setting("max_iter", 1000)
    assert target.call("resume") == Status.CONVERGED
    assert np.array_equal(target.state, flat(python()))


def test_warm_start(awkward_library):
    _, solver = solved(awkward_library)
    cold = solver.state.copy()
    solver.call("warm_start")
    assert solver.call("solve") == Status.CONVERGED
    problem = awkward()
    answer = python().state
    run = execute(program_of(problem, "penalty"), answer["x"], answer["y"], executor="interpreted")
    assert np.array_equal(solver.state, flat(run))
    assert not np.array_equal(solver.state, cold)


def test_solving_twice_gives_the_same(awkward_library):
    _, solver = solved(awkward_library)
    first, calls = solver.memory.copy(), solver.phase_calls
    solver.call("solve")
    assert np.array_equal(first, solver.memory) and calls == solver.phase_calls


@pytest.mark.parametrize("parameter", [IF, X, NUMBERS])
def test_no_number_in_data_and_what_comes_after(awkward_library, parameter):
    """Put in behind the back of set_parameter; the next solve is that of a fresh solver."""
    spoiled = np.full(8, np.nan)
    solver = awkward_library.solver()
    solver.harness("data", parameter, pointer(spoiled))
    assert solver.call("solve") == Status.NOT_FINITE
    assert solver.harness("iterations") == 0
    assert solver.call("set_parameter", parameter, None) == 0
    assert solver.call("solve") == Status.CONVERGED
    assert np.array_equal(solver.state, flat(python()))


def test_runs_within_runs(awkward_library):
    """Whenever one run polls, another on other data runs to its end: no memory is shared."""
    matrix = np.array([0.3, -0.2, 0.9, 1.5])
    outer, inner = awkward_library.solver(), awkward_library.solver()
    inner.call("set_parameter", IF, pointer(matrix))
    found = []

    @POLL
    def poll(user, iterations, calls, measures):
        if iterations < 3:
            found.append(inner.call("solve"))
        return 7

    outer.harness("poll", poll, ct.c_long(1))
    assert outer.call("solve") == Status.CONVERGED
    assert len(found) > 3 and set(found) == {Status.CONVERGED}
    assert np.array_equal(outer.state, flat(python()))
    assert np.array_equal(inner.state, flat(python(data={"if": matrix})))


@pytest.mark.parametrize("answer, status", [(0, Status.TIME_LIMIT), (-1, Status.INTERRUPTED)])
def test_the_poll_stops_a_run(awkward_library, answer, status):
    solver = awkward_library.solver()
    poll = POLL(lambda user, iterations, calls, measures: answer if iterations == 5 else 1)
    solver.harness("poll", poll, ct.c_long(1))
    assert solver.call("solve") == status
    assert solver.harness("iterations") == 5
    assert np.array_equal(solver.state, flat(python(max_iter=5)))


def test_objectives_and_reports_belong_to_the_answer_that_is_left(awkward_library):
    _, solver = solved(awkward_library, lambda s: s.set_setting("max_iter", 3))
    upper = solver.memory[solver.c.h_upper()]
    assert upper == -python(max_iter=3).measures["upper"]


def test_names_of_statuses(awkward_library):
    name = getattr(awkward_library.c, f"{awkward_library.prefix}status_name")
    name.restype = ct.c_char_p
    assert [name(int(s)).decode() for s in Status] == [s.label for s in Status]
    assert name(-1) == name(99) == b"running"


def test_initial_values_of_settings():
    problem = replace(awkward(), name="tolls")
    texts = solver_texts(program_of(problem, "mgbio"), problem, real="double", settings={"tol": 1e-9, "rule": 2.0})
    assert '{"tol", 0, 1e-09, 0.0, INFINITY, 0},' in texts["solver.c"]
    assert '{"rule", 2, 2.0, 0.0, 2.0, 1},' in texts["solver.c"]
    assert "| `TOLLS_SET_tol` | 1e-09 | 0 to inf |" in texts["README.md"]
