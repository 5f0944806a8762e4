"""Structured control: what it computes, what it becomes, and what it refuses, in words and with the line."""

from __future__ import annotations

import shutil

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.functions.select import norm
from bilevel_dsl.methods.flow import Method, MethodError
from bilevel_dsl.methods.program import Setting, Signal
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.status import Status
from tests.problems import TWO_LEVEL
from tests.runtime.machines import COMPILER, assert_same

COMMON = (Setting("tol", 1e-6, "", 0), Setting("max_iter", 40, "", 0, integer=True), Setting("T", 3, "", 0, integer=True))
P1 = TWO_LEVEL["p1"]  # f = (x - 1)^2 / 2 + (y - 2)^2 / 2, g = (y - x)^2 / 2


def method() -> Method:
    m = Method("test", Oracles(P1.problem), COMMON)
    m.slots(x=m.x_start, y=m.y_start, n=0, inner=0)
    return m


def run(m: Method, compiled: bool = False, **settings):
    s = m.state
    program = m.program({"upper": m.f(s.x, s.y), "n": s.n}, {})
    executor = "compiled" if compiled else "interpreted"
    return program, execute(program, np.array([0.0]), np.array([0.0]), executor=executor, settings=settings)


@pytest.mark.parametrize("times", [0, 1, 4])
def test_repeat_runs_as_often_as_its_setting_says(times):
    m = method()
    s, o = m.state, m.settings
    with m.iteration():
        with m.repeat(o.T, "inner_loop"):
            s.inner = s.inner + 1
        s.n = s.n + 1
    _, found = run(m, T=times, max_iter=5)
    assert (found.iterations, found.state["n"][0], found.state["inner"][0]) == (5, 5, 5 * times)


def test_loops_branches_and_stops_nest():
    """Collatz from 27 takes 111 steps; one number an iteration, from 1 on."""
    m = method()
    s = m.state
    m.slots(value=1, steps=0, longest=0)
    with m.iteration():
        s.n = s.n + 1
        s.value = s.n
        s.steps = 0
        with m.loop("collatz") as until:
            with m.when(s.value != 1, "step"):
                even = ca.fmod(s.value, 2) == 0
                s.value = ca.if_else(even, s.value / 2, 3 * s.value + 1)
                s.steps = s.steps + 1
            until(s.value == 1)
        with m.when(s.steps > s.longest, "record"):
            s.longest = s.steps
        m.stop(Signal.CONVERGED, when=s.n >= 27)
        s.inner = s.inner + 1
    program, found = run(m)
    names = [phase.name for phase in program.phases]
    assert len(set(names)) == len(names) and {"step", "step_2"} <= set(names)  # of the iteration, and of the branch
    assert found.status == Status.CONVERGED and found.iterations == 27
    assert (found.state["longest"][0], found.state["steps"][0], found.state["inner"][0]) == (111, 111, 27)


def test_blocks_that_compute_nothing_are_no_phases():
    m = method()
    s = m.state
    with m.iteration("head"):
        s.n = s.n + 1
        with m.when(s.n > 2, "outer"), m.when(s.n > 3, "inner"), m.loop("descent") as until:
            s.y = s.y - 0.5 * m.grad_y_g(s.x, s.y)
            until(norm(m.grad_y_g(s.x, s.y)) < 1e-3)
    program, found = run(m, max_iter=6)
    assert [p.name for p in program.phases] == ["head", "descent"]
    assert found.phase_calls["head"] == 6 and found.phase_calls["descent"] >= 3


def test_finish_ends_the_iteration_and_later_lines_do_not_run():
    m = method()
    s = m.state
    with m.iteration():
        s.n = s.n + 1
        m.finish(when=s.n > 2)
        with m.when(1, "rest"):
            s.inner = s.inner + 1
    _, found = run(m, max_iter=5)
    assert found.state["inner"][0] == 2


@pytest.mark.skipif(not shutil.which(COMPILER), reason="there is no C compiler")
def test_compiled_gives_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path))

    def made():
        m = method()
        s, o = m.state, m.settings
        with m.iteration():
            with m.repeat(o.T, "lower"):
                s.y = s.y - 0.3 * m.grad_y_g(s.x, s.y)
            grad_x, grad_y = m.grad_f(s.x, s.y)
            s.x = s.x - 0.2 * (grad_x + grad_y)
            s.n = s.n + 1
            m.stop(Signal.CONVERGED, when=norm(grad_x + grad_y) < 1e-9)
        return m

    (_, a), (_, b) = run(made()), run(made(), compiled=True)
    assert a.state["x"][0] == pytest.approx(1.5, abs=0.1)
    assert_same(b, a)


def refused(write) -> str:
    m = method()
    with pytest.raises(MethodError) as caught:
        write(m, m.state)
        m.program({"n": m.state.n})
    text = str(caught.value)
    assert text.startswith(__file__ + ":")
    line = int(text.split(":")[1])
    with open(__file__) as file:
        assert "# here" in file.read().splitlines()[line - 1], text
    return text.split(": ", 1)[1]


def test_a_value_kept_over_a_control_point_is_refused():
    def write(m, s):
        with m.iteration():
            y = s.y + 1
            with m.when(s.n > 1, "later"):
                s.x = y  # here

    assert refused(write) == "slot `x` uses `y` as it was before a control point; keep it in a slot"


def test_a_condition_kept_over_a_control_point_is_refused():
    def write(m, s):
        with m.iteration(), m.loop("inner") as until:
            stale = s.n > 1
            with m.when(s.n > 1, "later"):
                s.n = s.n + 1
            until(stale)  # here

    assert "`until` of loop `inner` uses `n` as it was before" in refused(write)


def test_unknown_slots_are_refused_with_a_guess():
    def write(m, s):
        with m.iteration():
            s.inmer = 1  # here

    assert refused(write) == "there is no slot `inmer` (did you mean `inner`?)"


def test_wrong_shapes_are_refused():
    def write(m, s):
        with m.iteration():
            s.x = ca.MX.zeros(3)  # here

    assert refused(write) == "slot `x` has 1 entries, the value 3"


def test_a_loop_without_an_end_is_refused():
    def write(m, s):
        with m.iteration():
            with m.loop("for ever"):  # here
                s.n = s.n + 1

    assert refused(write) == "loop `for ever` has no `until` and would never end"


def test_values_outside_of_an_iteration_are_refused():
    def write(m, s):
        s.n = 1  # here

    assert refused(write) == "`n` is given a value outside of an iteration; its first value is a `start`"


def test_a_second_iteration_is_refused():
    def write(m, s):
        with m.iteration():
            s.n = s.n + 1
        with m.iteration():  # here
            s.n = s.n + 1

    assert refused(write) == "a method has one iteration"


def test_two_slots_of_one_name_are_refused():
    def write(m, s):
        m.slots(n=1)  # here

    assert refused(write) == "there is a slot `n` already"
