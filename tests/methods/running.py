"""Running a method on a problem of the tests."""

from __future__ import annotations

import numpy as np

from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.model.problem import Problem
from bilevel_dsl.runtime.execute import Run, execute


def run(method: str, problem: Problem, x0, y0, **settings: float) -> Run:
    """Interpreted: the tests of the executors see to it that compiled C gives the same bits."""
    program = METHODS[method].program(Oracles(problem))
    return execute(program, np.asarray(x0, float), np.asarray(y0, float), executor="interpreted", settings=settings)


def point(run: Run) -> np.ndarray:
    return np.concatenate([run.state["x"], run.state["y"]])
