"""Why a run stops, and what it leaves, when things go wrong: faults are put in at a known iteration."""

from __future__ import annotations

import numpy as np
import pytest

from bilevel_dsl.methods.program import Signal
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.status import Status
from tests.runtime import programs
from tests.runtime.machines import EXECUTORS, machine

NAN, INF = float("nan"), float("inf")
X0, Y0 = np.array([1.0, -2.0]), np.zeros(1)
each = pytest.mark.parametrize("executor", EXECUTORS)


@each
@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_the_last_finite_iterate_is_kept(executor, value, k):
    run = execute(programs.failing_at(k, value), X0, Y0, executor=executor)
    assert run.status == Status.NOT_FINITE
    assert run.iterations == k - 1
    assert run.state["y"][0] == k - 1
    assert np.all(np.isfinite(run.state["x"]))
    assert len(run.trace["iteration"]) == k - 1
    assert (run.measures == {}) == (k == 1)


@each
@pytest.mark.parametrize("x0", [np.array([NAN, 1.0]), np.array([1.0, INF])])
def test_a_start_that_is_not_finite(executor, x0):
    run = execute(programs.counter(), x0, Y0, executor=executor)
    assert (run.status, run.iterations, run.measures, len(run.trace["iteration"])) == (Status.NOT_FINITE, 0, {}, 0)


@each
@pytest.mark.parametrize("bad", [{"data": {"c": NAN}}, {"settings": {"damping": NAN}}, {"settings": {"tol": NAN}}])
def test_no_number_in_what_is_given(executor, bad):
    run = execute(programs.newton(), np.zeros(0), np.ones(1), executor=executor, **bad)
    assert (run.status, run.iterations) == (Status.NOT_FINITE, 0)
    again = execute(programs.newton(), np.zeros(0), np.ones(1), executor=executor)
    assert again.status == Status.CONVERGED


@each
def test_no_number_in_a_measure_is_not_convergence(executor):
    program = programs.counter(measure=lambda y: y * NAN)
    run = execute(program, X0, Y0, executor=executor, settings={"max_iter": 6})
    assert (run.status, run.iterations) == (Status.ITERATION_LIMIT, 6)
    assert np.isnan(run.measures["distance"])


@each
def test_an_infinite_measure_is_not_convergence(executor):
    program = programs.counter(measure=lambda y: y * 0 - INF)
    run = execute(program, X0, Y0, executor=executor, settings={"max_iter": 6})
    assert (run.status, run.iterations, run.measures["distance"]) == (Status.NOT_FINITE, 1, -INF)


@each
def test_tolerances_are_met_with_equality(executor):
    program = programs.counter(measure=lambda y: 8 - y)
    run = execute(program, X0, Y0, executor=executor, settings={"tol": 3.0})
    assert (run.status, run.iterations) == (Status.CONVERGED, 5)


@each
@pytest.mark.parametrize("signal", [s for s in Signal if s])
def test_signals(executor, signal):
    run = execute(programs.signalling(signal, at=4), X0, Y0, executor=executor)
    assert (run.status.name, run.iterations) == (signal.name, 4)


@each
@pytest.mark.parametrize("value", [-1.0, 5.0, 0.5])
def test_signals_without_a_meaning(executor, value):
    program = programs.counter(lambda n: {"signal": value})
    assert execute(program, X0, Y0, executor=executor).status == Status.STALLED


@each
def test_an_iteration_that_never_ends(executor):
    made, memory = machine(executor, programs.endless(), X0, max_phase_calls=50)
    assert made.iterate() == Status.STALLED
    assert (made.iterations, made.calls, list(made.phase_calls)) == (0, 50, [50])


@each
@pytest.mark.parametrize(
    "phase, status", [(1.0, Status.STALLED), (-1.0, Status.STALLED), (1e300, Status.STALLED), (NAN, Status.NOT_FINITE)]
)
def test_a_phase_that_does_not_exist(executor, phase, status):
    run = execute(programs.lost(phase), X0, Y0, executor=executor)
    assert (run.status, run.iterations, run.state["y"][0]) == (status, 2, 2)


@each
@pytest.mark.parametrize("limit", [0, 1, 7])
def test_iteration_limit(executor, limit):
    run = execute(programs.counter(), X0, Y0, executor=executor, settings={"max_iter": limit})
    assert (run.status, run.iterations, run.state["y"][0]) == (Status.ITERATION_LIMIT, limit, limit)


def test_every_status_has_a_label_and_a_meaning():
    assert [int(s) for s in Status] == list(range(len(Status)))
    assert Status.ITERATION_LIMIT.label == "iteration_limit"
    assert len({s.meaning for s in Status}) == len(Status)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"settings": {"speed": 1.0}}, "no setting speed"),
        ({"data": {"d": 1.0}}, "no data `d`"),
        ({"data": {"c": [1.0, 2.0]}}, "2 entries"),
        ({"state0": {"y": [1.0, 2.0]}}, "`y` of 2 entries"),
        ({"state0": {"nothing": 1.0}}, "no slot"),
        ({"executor": "quantum"}, "no executor"),
    ],
)
def test_wrong_names_and_sizes(wrong, message):
    with pytest.raises(ValueError, match=message):
        execute(programs.newton(), np.zeros(0), np.ones(1), **{"executor": "interpreted", **wrong})
