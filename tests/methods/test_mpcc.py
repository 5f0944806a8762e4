"""mpcc: known answers of each class, exact complementarity, prices, size, and what has no answer."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl


def solve(text: str, **more) -> bl.Solution:
    return bl.solve(bl.load(bl.Source("test", text)), "mpcc", **more)


# upper value, then values of variables
KNOWN = {
    "linear follower (Clark, Westerberg 1988)": (
        """upper { var x in [0, 20]; minimize x - 4 * y; }
           lower { var y in nonneg; minimize y; subject to -2*x + y <= 0; 2*x + 5*y <= 108; 2*x - 3*y <= -4; }""",
        -37,
        {"x": 19, "y": 14},
    ),
    "a kink of the answer": (
        "upper { var x in [0, 20]; minimize x + 3 * y; } lower { var y in nonneg; minimize y; subject to y >= 1 - x; }",
        1,
        {"x": 1, "y": 0},
    ),
    "rows (y = min(2 x, x))": (
        """upper { var x in [0, 3]; minimize (x - 1)^2 + (y - 2)^2; }
           lower { var y; minimize (y - 2*x)^2; subject to y <= x; }""",
        0.5,
        {"x": 1.5, "y": 1.5},
    ),
    "an equation": (
        """upper { var x; minimize (x - 2)^2 + (y[1] - 3)^2; }
           lower { var y[2]; minimize sumsqr(y); subject to y[1] + y[2] == x; }""",
        3.2,
        {"x": 2.8, "y": [1.4, 1.4]},
    ),
    "a row of the leader on the answer": (
        """upper { var x in [0, 9]; minimize -x; subject to x + y <= 3; }
           lower { var y; minimize y^2 - 2*x*y; subject to y <= x; }""",
        -1.5,
        {"x": 1.5, "y": 1.5},
    ),
    "a simplex (two roads of cost 1 + x and 4)": (
        "upper { var x in nonneg; maximize x * y[1]; } lower { var y[2] in simplex; minimize (1 + x) * y[1] + 4 * y[2]; }",
        3,
        {"x": 3, "y": [1, 0]},
    ),
    "several answers: the leader's choice": (
        """upper { var x in [0, 1]; minimize x - y[1] + y[2]; }
           lower { var y[2] in nonneg; minimize y[1] + y[2]; subject to y[1] + y[2] >= 1; }""",
        -1,
        {"x": 0, "y": [1, 0]},
    ),
    "prices: the follower is paid the cost of the last unit": (
        """param demand = 3;
           upper { var x in [0, 4]; maximize dual(balance) * y[1] - y[1]; }
           lower { var y[2] in nonneg; minimize x * y[1] + 2 * y[2]^2;
                   subject to balance: y[1] + y[2] == demand; y[1] <= 2; }""",
        6,
        None,
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_answers(name):
    text, value, point = KNOWN[name]
    found = solve(text)
    assert found.status == "converged" and found.upper == pytest.approx(value, abs=1e-7)
    for variable, expected in (point or {}).items():
        assert found[variable] == pytest.approx(expected, abs=1e-6)
    assert found.verified, found


def test_a_follower_that_is_not_convex_keeps_to_its_minima():
    """The stationary points of g are 0, a maximum, and -1 and 1; the leader would like 0."""
    found = solve("upper { var x in [0, 1]; minimize y^2 + x; } lower { var y in [-2, 2]; minimize (y^2 - 1)^2 - 0.1*y; }")
    assert abs(found["y"]) > 0.9


HOURS = """
param hours = {hours};
upper {{ var price[hours] in [0, 10] start 1; maximize dot(price, own); }}
lower {{
  var own[hours] in [0, 5]; var other[hours] in [0, 20];
  minimize dot(price, own) + sum(0.5 * other[h]^2 + 0.1 * h / hours * other[h] for h in 1..hours);
  subject to demand[h in 1..hours]: own[h] + other[h] == 8 + 2 * sin(h);
}}
"""


def test_size_does_not_matter_much():
    """Hours that are separate: the leader is paid price (d - price + 0.1 h / hours) while own <= 5, by a closed form."""
    hours = 400
    found = solve(HOURS.format(hours=hours))
    h = np.arange(1, hours + 1)
    slope, demand = 0.1 * h / hours, 8 + 2 * np.sin(h)
    grid = np.linspace(0, 10, 20001)[:, None]
    own = np.clip(demand - (grid - slope), 0, 5)
    best = np.max(grid * own, axis=0)
    assert found.status == "converged" and found.upper == pytest.approx(best.sum(), rel=1e-5)


def test_what_has_no_answer():
    infeasible = "upper { var x in [1, 2]; minimize x; subject to y <= 0.5; } lower { var y; minimize (y - x)^2; }"
    assert solve(infeasible).status == "infeasible"
    unbounded = "upper { var x; minimize -x - y; } lower { var y; minimize (y - x)^2; }"
    assert solve(unbounded).status == "diverged"


def test_time_ends_it():
    found = solve(HOURS.format(hours=200), time_limit=0.05)
    assert found.status in ("time_limit", "converged")


def test_there_is_no_c(tmp_path):
    with pytest.raises(bl.BilevelError) as caught:
        bl.export_c(bl.load(bl.Source("test", KNOWN["an equation"][0])), tmp_path / "out", method="mpcc")
    assert caught.value.diagnostics[0].code == "BL0607" and "kkt" in str(caught.value)
    assert not (tmp_path / "out").exists()
