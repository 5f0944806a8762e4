"""The penalty method where the follower has no answer, or many."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.runtime.execute import execute
from tests.examples.test_examples import ROOT
from tests.methods.running import run
from tests.problems import box, problem


@pytest.mark.parametrize("kind", ["le", "eq"])
def test_a_follower_without_an_answer_is_infeasible(kind):
    made = problem(
        lambda x, y: x + y,
        lambda x, y: y,
        1,
        1,
        x_set=box(1, 0, 1),
        y_set=box(1, 0, 1),
        lower=[(kind, lambda x, y: x + 2 - y)],
    )
    assert run("penalty", made, [0.5], [0.5]).status.label == "infeasible"


def test_both_ends_of_the_extrapolation_are_next_to_one_answer():
    """The answers X Q are alike but for signs and the order of columns: 2 v - w of two different ones is none of them."""
    made = bl.load(ROOT / "models" / "papers" / "factorisation.bilevel")
    found = execute(METHODS["penalty"].program(Oracles(made)), *made.start())
    X = np.reshape(found.state["y"], (10, 3), order="F")
    weights = X.T @ (X / np.sqrt(X**2 + 1))  # symmetric where no rotation X Q is better
    assert weights == pytest.approx(weights.T, abs=1e-5)
    assert np.sqrt(X**2 + 1).sum() == pytest.approx(36.41711447, abs=1e-7)
