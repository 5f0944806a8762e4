"""An interpreted run that goes on compiled gives the bits of either."""

from __future__ import annotations

import numpy as np
import pytest

from bilevel_dsl.runtime import execute as running
from bilevel_dsl.runtime.execute import execute
from tests.runtime import programs
from tests.runtime.machines import assert_same

pytestmark = pytest.mark.usefixtures("compiler")


def impatient(monkeypatch, first: float, estimate: float) -> None:
    monkeypatch.setattr(running, "FIRST_SECONDS", first)
    monkeypatch.setattr(running, "compile_seconds_of", lambda layout: estimate)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path))


@pytest.mark.parametrize("make", [programs.newton, programs.descent])
def test_bits_counts_and_trace(make, monkeypatch):
    impatient(monkeypatch, 0.0, 0.0)
    sizes = {s.name: s.size for s in make().state}
    x0, y0 = np.linspace(0.1, 1, sizes["x"]), np.linspace(0.5, 1.5, sizes["y"])
    mixed = execute(make(), x0, y0, executor="auto")
    whole = execute(make(), x0, y0, executor="interpreted")
    assert mixed.executor == "compiled" and mixed.iterations > 2
    assert_same(mixed, whole)


def test_the_limit_of_iterations_is_that_of_both(monkeypatch):
    impatient(monkeypatch, 0.0, 0.0)
    mixed = execute(programs.counter(), np.ones(2), np.zeros(1), settings={"max_iter": 9}, executor="auto")
    assert mixed.iterations == 9 and list(mixed.trace["iteration"]) == list(range(1, 10))
    assert_same(
        mixed, execute(programs.counter(), np.ones(2), np.zeros(1), settings={"max_iter": 9}, executor="interpreted")
    )


def test_a_run_that_is_looked_at_after_each_iteration_is_compiled_too(monkeypatch):
    """It never pauses of itself, as each of its legs is over before."""
    impatient(monkeypatch, 0.0, 0.0)
    met, more = [], {"settings": {"max_iter": 9}, "stops": range(1, 9)}
    mixed = execute(programs.counter(), np.ones(2), np.zeros(1), executor="auto", on_stop=met.append, **more)
    assert mixed.executor == "compiled" and [stop.iterations for stop in met] == list(range(1, 9))
    whole = execute(programs.counter(), np.ones(2), np.zeros(1), executor="interpreted", settings={"max_iter": 9})
    assert_same(mixed, whole)


def test_a_short_run_is_not_compiled(monkeypatch):
    impatient(monkeypatch, 30.0, 0.0)
    assert execute(programs.newton(), np.zeros(0), np.ones(1), executor="auto").executor == "interpreted"


def test_what_takes_longer_to_compile_stays_interpreted(monkeypatch):
    impatient(monkeypatch, 0.0, np.inf)
    run = execute(programs.newton(), np.zeros(0), np.ones(1), executor="auto")
    assert run.executor == "interpreted" and run.status.label == "converged"


def test_what_was_compiled_once_is_taken_at_once(monkeypatch):
    impatient(monkeypatch, 30.0, 0.0)
    program = programs.descent(5, 6, seed=11)
    y0 = np.ones(5)
    assert execute(program, np.ones(2), y0, executor="compiled").executor == "compiled"
    assert execute(programs.descent(5, 6, seed=11), np.ones(2), y0, executor="auto").executor == "compiled"
