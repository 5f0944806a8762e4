"""What the penalty method says where there is no answer."""

from __future__ import annotations

import pytest

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
