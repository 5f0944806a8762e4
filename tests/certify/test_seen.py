"""Answers of a follower that are many, where the leader sees no difference between them; and where it does."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.certificate import Examination
from bilevel_dsl.certify.claims import Verdict
from bilevel_dsl.certify.effort import budget
from bilevel_dsl.functions.oracles import Oracles

FLOWS = """
upper {{ var x in [0, 5]; minimize {leader}; {rows} }}
lower {{
  var v in nonneg;
  var part[2] in nonneg;
  minimize {follower};
  subject to
    total: v == sum(part);
    all: sum(part) >= 1;
}}
"""


def claim(leader: str, follower: str = "(v - x)^2", rows: str = "", part=(2.0, 1.0)):
    """The claim "follower_answer" at x = 3, v = 3."""
    problem = bl.load(bl.Source("flows", FLOWS.format(leader=leader, follower=follower, rows=rows)))
    x, y = np.array([3.0]), np.array([3.0, *part])
    return Examination(Oracles(problem), x, y).certificate(budget("normal"), seed=0, tol=1e-6).claim("follower_answer")


def test_a_sum_is_the_same_in_all_answers():
    found = claim("(v - 3)^2")
    assert found.verdict is Verdict.PROVED
    assert found.words == "all answers are the same in v, and the leader sees no more"


@pytest.mark.parametrize(
    "leader, follower, rows",
    [
        ("(v - 3)^2 + 0.1 * part[1]", "(v - x)^2", ""),  # a part, which is free
        ("(v - 3)^2", "(v - x)^2", "subject to own: part[1] <= 4;"),  # a row sees it
    ],
)
def test_what_differs_is_looked_at(leader, follower, rows):
    """Nothing of it is claimed where the leader sees an entry in which answers differ."""
    assert "sees no more" not in claim(leader, follower, rows).words


def test_the_leader_does_not_get_its_choice_for_free():
    """Of all parts that add up to 3 it would take part[1] = 0."""
    assert claim("(v - 3)^2 + part[1]").verdict is Verdict.FAILED


def test_an_entry_tied_to_one_that_differs_is_no_answer():
    """v stands in the Hessian with part: their block is singular, v + part[1] is the same and v is not."""
    found = claim("(v - 3)^2", "(v + part[1] - x - 2)^2", part=(2.0, 1.0))
    assert "sees no more" not in found.words


def test_a_follower_with_many_variables_is_solved_by_its_sparse_hessian():
    """Newton's method, where limited memory takes hundreds of iterations."""
    text = """
    upper { var x in [0.5, 2] start 1; minimize (sum(v) - 5)^2 + x; }
    lower {
      var v[60] in nonneg start 1;
      var part[60, 4] in nonneg start 1;
      minimize sum(v[i]^2 / (i * x) for i in 1..60);
      subject to
        total[i in 1..60]: v[i] == sum(part[i, :]);
        all[j in 1..4]: sum(part[:, j]) == j;
    }
    """
    problem = bl.load(bl.Source("many", text))
    examined = Examination(Oracles(problem), *problem.start())
    found = examined.follower.answer(*problem.start())
    (solver,) = examined.follower._solvers.values()
    assert found.solved and "t_wall_nlp_hess_l" in solver.stats()
    n = np.arange(1, 61)  # 2 v / i is the same for all i, so that v is proportional to i
    assert found.y[:60] == pytest.approx(10 * n / n.sum(), rel=1e-4)


def test_a_better_sample_speaks_even_where_the_solver_fails():
    """The second derivative is no number at any point: 0^0 of data. At t = -1 the follower is better off by 15."""
    text = """
    param at[5] = [-1, -0.5, 0, 0.5, 1];
    let M = [[sum(w[i] * at[i]^(j + k - 2) for i in 1..5) for k in 1..3] for j in 1..3];
    let variance = dot([1, t, t^2], inv(M) @ [1, t, t^2]);
    upper { var w[5] in simplex start 0.2; minimize variance; }
    lower { var t in [-1, 1]; maximize variance; }
    """
    problem = bl.load(bl.Source("design", text))
    w = np.array([0.0542719, 0.0314718, 0.0, 0.180851, 0.7334053])
    found = Examination(Oracles(problem), w, np.array([1.0])).certificate(budget("normal"), seed=0, tol=1e-6)
    optimal = found.claim("follower_optimal")
    assert optimal.verdict is Verdict.FAILED and optimal.witness["variables"]["t"] == pytest.approx(-1)


def test_what_has_no_value_is_no_number():
    problem = bl.load(
        bl.Source(
            "inverse",
            "upper { var x in [0, 1]; minimize y; } lower { var y; minimize (y - inv([[x, 1], [0, x]])[1, 1])^2; }",
        )
    )
    place = Examination(Oracles(problem), np.array([1.0]), np.array([1.0])).place
    assert np.isnan(place.value("g", np.array([0.0]), np.array([1.0])))
