"""Trace, progress, time limit and Ctrl-C, the same in both executors."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from bilevel_dsl import interrupts
from bilevel_dsl.runtime import execute as execution
from bilevel_dsl.runtime.execute import Poll, execute
from bilevel_dsl.runtime.layout import lay_out
from bilevel_dsl.runtime.status import Status
from tests.runtime import programs
from tests.runtime.machines import EXECUTORS, machine

ROOT = Path(__file__).parents[2]
X0, Y0 = np.ones(2), np.zeros(1)
each = pytest.mark.parametrize("executor", EXECUTORS)


# --- trace ----------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize(
    "rows, iterations, stride",
    [(8, 8, 1), (8, 9, 2), (8, 17, 2), (8, 18, 4), (8, 100, 16), (2, 9, 4), (7, 14, 2), (5, 23, 4), (5, 24, 8)],
)
def test_a_full_trace_keeps_every_second_row(executor, rows, iterations, stride):
    trace = np.full((rows, 2), -1.0)
    made, _ = machine(executor, programs.counter(), settings={"max_iter": iterations}, trace=trace)
    assert made.iterate() == Status.ITERATION_LIMIT
    assert made.trace_stride == stride
    assert list(trace[: made.trace_used, 0]) == list(range(stride, iterations + 1, stride))


@each
def test_the_trace_ends_with_the_last_iteration(executor, monkeypatch):
    monkeypatch.setattr(execution, "TRACE_ROWS", 10)
    run = execute(programs.counter(), X0, Y0, executor=executor, settings={"max_iter": 33})
    assert list(run.trace["iteration"]) == [4, 8, 12, 16, 20, 24, 28, 32, 33]
    assert np.array_equal(run.trace["count"], run.trace["iteration"])
    assert np.array_equal(run.trace["distance"], [np.hypot(*(X0 * 0.5**k)) for k in run.trace["iteration"]])


@each
def test_no_trace(executor):
    assert execute(programs.counter(), X0, Y0, executor=executor, settings={"max_iter": 9}, trace=False).trace == {}


# --- poll -----------------------------------------------------------------------------------------


@each
def test_the_poll_says_when_it_is_called_again(executor):
    asked = []

    def poll(iterations, calls, measures):
        asked.append((iterations, calls, measures[0]))
        return len(asked) + 1 if len(asked) < 4 else 0

    made, memory = machine(executor, programs.counter(), poll=poll, poll_every=3)
    assert made.iterate() == Status.TIME_LIMIT
    assert asked == [(3, 3, 3.0), (5, 5, 5.0), (8, 8, 8.0), (12, 12, 12.0)]
    assert made.iterations == 12 and memory[lay_out(programs.counter()).offsets["y"]] == 12


@each
def test_a_negative_answer_interrupts(executor):
    made, _ = machine(executor, programs.counter(), poll=lambda *_: -1, poll_every=7)
    assert (made.iterate(), made.iterations) == (Status.INTERRUPTED, 7)


@each
def test_within_an_iteration_the_last_complete_one_is_kept(executor):
    made, memory = machine(executor, programs.descent(), poll=lambda iterations, calls, _: int(iterations < 3))
    assert made.iterate() == Status.TIME_LIMIT
    after = memory.copy()
    again, memory = machine(executor, programs.descent(), settings={"max_iter": made.iterations})
    again.iterate()
    place = lay_out(programs.descent()).state
    assert np.array_equal(after[place], memory[place])


@each
def test_an_exception_in_the_poll_comes_out(executor):
    def progress(iterations, measures):
        raise RuntimeError("the screen is gone")

    with pytest.raises(RuntimeError, match="the screen is gone"):
        execute(programs.counter(), X0, Y0, executor=executor, settings={"max_iter": 10**8}, on_progress=progress)


@each
def test_time_limit(executor):
    run = execute(programs.counter(), X0, Y0, executor=executor, settings={"max_iter": 10**9}, time_limit=0.02)
    assert run.status == Status.TIME_LIMIT
    assert run.iterations > 0 and run.state["y"][0] == run.iterations


@each
def test_progress_sees_iterations_grow(executor):
    seen = []
    execute(
        programs.counter(),
        X0,
        Y0,
        executor=executor,
        settings={"max_iter": 10**9},
        time_limit=0.3,
        on_progress=lambda iterations, measures: seen.append((iterations, measures["count"])),
    )
    assert len(seen) >= 2 and seen == sorted(seen)
    assert all(iterations == count for iterations, count in seen)


def test_polls_are_about_as_often_as_wanted(monkeypatch):
    """At 1000 calls per second, 50 ms are 50 calls; the way there is by factors of at most 8."""
    now = [0.0]
    monkeypatch.setattr(execution, "perf_counter", lambda: now[0])
    poll, calls, answers = Poll(("m",), execution._Pressed(), None, None), 0, []
    every = 1
    for _ in range(5):
        calls += every
        now[0] += every / 1000
        every = poll(0, calls, np.zeros(1))
        answers.append(every)
    assert answers[0] == 8 and set(answers[1:]) <= {49, 50}


def test_the_poll_comes_in_time_for_the_limit(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(execution, "perf_counter", lambda: now[0])
    poll = Poll(("m",), execution._Pressed(), 0.0105, None)
    now[0] = 0.01
    assert poll(0, 100, np.zeros(1)) in (4, 5)
    now[0] = 0.0105
    assert poll(0, 105, np.zeros(1)) == 0


# --- Ctrl-C ---------------------------------------------------------------------------------------

LOOP = textwrap.dedent("""
    import sys
    import numpy as np
    from bilevel_dsl.runtime.execute import execute
    from tests.runtime.programs import counter

    def progress(iterations, measures):
        print("running", flush=True)

    program = counter()
    print("ready", flush=True)
    run = execute(program, np.ones(2), np.zeros(1), executor=sys.argv[1], settings={"max_iter": 1e15},
                  on_progress=progress)
    print(run.status.name, run.executor, run.state["y"][0] == run.iterations > 0, flush=True)
""")


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@each
def test_ctrl_c_while_the_loop_runs(executor):
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, executor], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stdout:
            if line == "running\n":
                break
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, error
    assert out.splitlines()[-1] == f"INTERRUPTED {executor} True"


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_the_handler_comes_back_and_a_second_ctrl_c_raises():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), execution.interruptible() as pressed:
        os.kill(os.getpid(), signal.SIGINT)
        assert pressed.times == 1
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@each
def test_a_press_whose_exception_was_cleared_ends_the_next_loop(executor):
    """As CasADi clears it within its wrappers, where it may be a conversion that failed."""
    run = lambda: execute(programs.counter(), X0, Y0, executor=executor, settings={"max_iter": 5})
    before = signal.getsignal(signal.SIGINT)
    with interrupts.remembered():
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert run().status is Status.INTERRUPTED
        assert run().status is not Status.INTERRUPTED  # it has been taken
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_a_press_that_a_loop_did_not_end_for_is_remembered():
    with interrupts.remembered():
        with execution.interruptible():
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.heed()
        interrupts.heed()  # once


@each
def test_other_threads_leave_signals_alone(executor):
    found = []
    thread = threading.Thread(
        target=lambda: found.append(
            execute(programs.counter(), X0, Y0, executor=executor, settings={"max_iter": 5}).iterations
        )
    )
    thread.start()
    thread.join()
    assert found == [5]
