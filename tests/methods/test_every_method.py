"""Every method with its defaults on the first small problem that it accepts: the known answer, and equal bits."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.runtime.direct import run_direct
from bilevel_dsl.runtime.execute import execute
from tests.methods.running import point
from tests.methods.test_known_answers import LINEAR
from tests.methods.test_mgbio import instance
from tests.problems import TWO_LEVEL, Case
from tests.runtime.machines import COMPILER, assert_same
from tests.runtime.test_twins import LEAST_NORM

WHOLE = "upper { var n in integer(0, 5); minimize (n - 2.2)^2 + (y - 2)^2; } lower { var y; minimize exp(y - n) - y; }"


def cases() -> list[Case]:
    """Free and strongly convex, of condition 3; with a row; without upper variables; whole numbers; linear levels."""
    free, answer = instance(3, 1)
    start = np.zeros(free.y.numel())
    closest = execute(METHODS["dbgd"].program(Oracles(LEAST_NORM)), np.zeros(0), np.zeros(6), executor="interpreted")
    return [
        Case(free, np.zeros(free.x.numel()), start, answer),
        TWO_LEVEL["lower row"],
        Case(LEAST_NORM, np.zeros(0), np.zeros(6), closest.state["y"]),
        Case(bl.load(bl.Source("whole", WHOLE)), np.zeros(1), np.zeros(1), np.array([2.0, 2.0])),
        Case(LINEAR["clark westerberg"][0], np.zeros(1), np.zeros(1), np.array(LINEAR["clark westerberg"][1], float)),
    ]


CASES = cases()


def case_of(name: str) -> Case:
    return next(c for c in CASES if not METHODS[name].refusals(c.problem))


@pytest.mark.parametrize("name", METHODS)
def test_the_answer_with_the_defaults(name):
    case, card, oracles = case_of(name), METHODS[name].card, Oracles(case_of(name).problem)
    if METHODS[name].direct:
        settings = {s.name: s.default for s in METHODS[name].settings}
        run = run_direct(METHODS[name], oracles, case.x0, case.y0, settings=settings)
    else:
        run = execute(METHODS[name].program(oracles), case.x0, case.y0)
    away = np.linalg.norm(point(run) - case.answer) / np.linalg.norm(case.answer)
    assert away <= (0.1 if card.stochastic else 0.02), (run.status, point(run), case.answer)


@pytest.mark.skipif(not shutil.which(COMPILER), reason="no C compiler")
@pytest.mark.parametrize("name", [name for name in METHODS if not METHODS[name].direct])
def test_the_executors_agree(name):
    case = case_of(name)
    program = METHODS[name].program(Oracles(case.problem))
    runs = [execute(program, case.x0, case.y0, executor=e, settings={"max_iter": 40}) for e in ("compiled", "interpreted")]
    assert_same(*runs)
