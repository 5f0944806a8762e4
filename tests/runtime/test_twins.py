"""The compiled and the interpreted executor give the same bits, iteration by iteration."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.status import Status
from tests.problems import TWO_LEVEL, box, problem
from tests.runtime import programs
from tests.runtime.machines import assert_same

pytestmark = pytest.mark.usefixtures("compiler")
RNG = np.random.default_rng(5)
A, B = RNG.normal(size=(3, 6)), RNG.normal(size=3)
Q = np.diag(RNG.uniform(1, 4, 5)) + 0.2 * np.ones((5, 5))

LEAST_NORM = problem(
    lambda x, y, A, b: ca.sumsqr(y - 1) + ca.sum1(ca.sqrt(1 + y**2)),
    lambda x, y, A, b: ca.sumsqr(A @ y - b) / 2,
    0,
    6,
    y_set=box(6, -2, 2),
    parameters=[("A", A), ("b", B)],
)
RIDGE = problem(
    lambda x, y, Q: ca.sumsqr(y - 1) + ca.sum1(ca.log(1 + ca.exp(x))),
    lambda x, y, Q: ca.dot(y, Q @ y) / 2 - ca.dot(x, y) + ca.sum1(ca.cosh(y)) / 10,
    5,
    5,
    x_set=box(5, -4, 6),
    parameters=[("Q", Q)],
)
CASES = [
    ("penalty", TWO_LEVEL["p3"].problem),
    ("penalty", TWO_LEVEL["p4"].problem),
    ("penalty", TWO_LEVEL["sine"].problem),
    ("penalty", TWO_LEVEL["lower row"].problem),
    ("penalty", TWO_LEVEL["lower equality"].problem),
    ("penalty", RIDGE),
    ("mgbio", TWO_LEVEL["p1"].problem),
    ("mgbio", RIDGE),
    ("dbgd", LEAST_NORM),
]


@pytest.mark.parametrize(
    "program",
    [programs.newton(), programs.descent(), programs.descent(17, 30, seed=8), programs.counter()],
    ids=["newton", "descent", "larger descent", "counter"],
)
def test_small_programs(program):
    sizes = {s.name: s.size for s in program.state}
    x0, y0 = np.linspace(0.1, 1, sizes["x"]), np.linspace(0.5, 1.5, sizes["y"])
    runs = [execute(program, x0, y0, executor=e) for e in ("compiled", "interpreted")]
    assert [r.executor for r in runs] == ["compiled", "interpreted"]
    assert_same(*runs)


@pytest.mark.parametrize("method, case", CASES, ids=[f"{m} {k}" for k, (m, _) in enumerate(CASES)])
def test_methods(method, case):
    program = METHODS[method].program(Oracles(case))
    x0, y0 = case.start()
    compiled, interpreted = (
        execute(program, x0 + 0.3, y0 + 0.1, executor=e, settings={"max_iter": 60}) for e in ("compiled", "interpreted")
    )
    assert compiled.iterations > 3
    assert_same(compiled, interpreted)


def test_known_answers():
    root = execute(programs.newton(), np.zeros(0), np.ones(1))
    assert root.status == Status.CONVERGED
    assert root.state["y"] == pytest.approx(7 ** (1 / 3), abs=1e-9)
    count = execute(programs.counter(), np.zeros(2), np.zeros(1), settings={"max_iter": 17})
    assert (count.status, count.iterations, count.state["y"][0]) == (Status.ITERATION_LIMIT, 17, 17)


@pytest.mark.parametrize("executor", ["compiled", "interpreted"])
def test_other_settings_and_data_need_no_new_program(executor):
    program = programs.newton()
    slow = execute(program, np.zeros(0), np.ones(1), executor=executor, settings={"damping": 0.3})
    fast = execute(program, np.zeros(0), np.ones(1), executor=executor, settings={"damping": 1.0})
    assert fast.iterations < slow.iterations
    other = execute(program, np.zeros(0), np.ones(1), executor=executor, data={"c": 27.0})
    assert other.state["y"] == pytest.approx(3, abs=1e-9)


def test_threads_share_a_library():
    """A run touches nothing but its own memory."""
    from concurrent.futures import ThreadPoolExecutor

    program = programs.descent()
    start = lambda k: (np.zeros(2), np.full(7, 0.1 * k))
    alone = [execute(program, *start(k), executor="compiled") for k in range(6)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda k: execute(program, *start(k), executor="compiled"), range(6)))
    assert len({tuple(r.state["y"]) for r in alone}) > 1
    for one, other in zip(alone, together):
        assert_same(one, other)


@pytest.mark.parametrize("executor", ["compiled", "interpreted"])
def test_a_run_that_was_stopped_goes_on_as_if_it_was_not(executor):
    program = programs.descent()
    run = lambda limit, **more: execute(
        program, np.zeros(2), np.zeros(7), executor=executor, settings={"max_iter": limit}, **more
    )
    whole, part = run(40), run(9)
    rest = run(31, state0=part.state)
    assert whole.state["value"] < part.state["value"]
    for name in whole.state:
        assert np.array_equal(whole.state[name], rest.state[name]), name
