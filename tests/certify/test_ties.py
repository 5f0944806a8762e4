"""Where the follower has two answers as good as each other, and the leader stands at the edge of one."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.methods import value

# Mitsos and Barton 2006, example 3.14: g has the answers sqrt(x) (a minimum) and -1 (its lower end), as good as each
# other at x = 1/4; for smaller x the follower takes -1. The leader would like x = 1/4, y = 0.
EDGE = """
upper { var x in [-1, 1]; minimize (x - 0.25)^2 + y^2; }
lower { var y in [-1, 1]; minimize y^3 / 3 - x * y; }
"""


def problem(text: str = EDGE) -> bl.Problem:
    return bl.load(bl.Source("test", text))


def test_the_edge_is_a_local_solution():
    found = bl.verify(problem(), {"x": 0.25, "y": 0.5})
    assert found.verified, found
    assert "the leader's choice among several: 0.25 to 1" in found.certificate.claim("follower_answer").words


def test_beside_the_edge_it_is_not():
    inside = bl.verify(problem(), {"x": 0.26, "y": np.sqrt(0.26)})
    assert inside.certificate.claim("leader_stationary").witness and not inside.verified
    beyond = bl.verify(problem(), {"x": 0.24, "y": np.sqrt(0.24)})
    assert beyond.certificate.claim("follower_optimal").witness and not beyond.verified


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_units_do_not_matter(scale):
    text = EDGE.replace("minimize (", f"minimize {scale} * (").replace(
        "minimize y^3 / 3 - x * y", f"minimize {scale} * (y^3 / 3 - x * y)"
    )
    assert bl.verify(problem(text), {"x": 0.25, "y": 0.5}).verified == bl.verify(problem(), {"x": 0.25, "y": 0.5}).verified


def test_the_search_finds_the_edge_by_rows_for_the_other_answers(monkeypatch):
    """Where the follower has more variables than `value` takes: rows of the leader lead there."""
    monkeypatch.setattr(value, "FEW", 0)
    found = bl.solve(problem(), compile="never")
    assert found.verified and found.upper == pytest.approx(0.25, abs=1e-6)
    assert any("as rows" in a.start for a in found.attempts)


def test_of_a_convex_follower_no_row_is_made():
    text = "upper { var x in [0, 1]; minimize x + y; } lower { var y in [0, 1]; minimize (y - x)^2; }"
    assert not any("as rows" in a.start for a in bl.solve(problem(text), compile="never").attempts)


# The Lagrangian dual of a nonconvex quadratic (Pyomo issue 1700). At l = 0 any x is an answer; the leader gains in a cone
# of directions between the axes, along which the follower jumps from one end of its answers into their middle.
FACE = """
upper {
  var l1 in nonneg start 0.5; var l2 in nonneg start 0.5;
  let L = -y + l1*(2*x*y + x*x - y*y - x) + l2*(-x*y - 0.3*x*x - 0.2*y*y - 0.5*x + 1.5*y);
  maximize L;
}
lower { var x in [0, 1] start 0.5; var y in [0, 1] start 0.5; minimize L; }
"""


def test_a_cone_of_ascent_between_the_axes_is_seen():
    found = bl.verify(problem(FACE), {"l1": 0, "l2": 0, "x": 0, "y": 1})
    assert found.certificate.claim("leader_stationary").witness and not found.verified
