"""bic_gaffa and lv_hba: known answers under rows, and the steps of their papers against loops written apart."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.methods.lv_hba import distance
from tests.methods.running import point, run
from tests.methods.test_penalty_family import COUPLED
from tests.problems import TWO_LEVEL, box, problem

BOTH = ["bic_gaffa", "lv_hba"]

# y1 + y2 >= 2 - x and y1 - y2 <= 1, an answer with one row active and one not; f pulls across both.
MIXED = problem(
    lambda x, y: (x - 1) ** 2 + ca.sumsqr(y - ca.DM([0.2, 0.9])),
    lambda x, y: ca.sumsqr(y) + y[0] * y[1],
    1,
    2,
    x_set=box(1, 0, 3),
    lower=[("le", lambda x, y: 2 - x - y[0] - y[1]), ("le", lambda x, y: y[0] - y[1] - 1)],
)  # y = (1 - x / 2) (1, 1), so f' = 2 (x - 1) - (0.8 - x / 2) - (0.1 - x / 2) = 0 at x = 2.9 / 3


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("case", ["p3", "p6", "lower row", "lower equality"])
def test_known_answers(name, case):
    case = TWO_LEVEL[case]
    found = run(name, case.problem, case.x0, case.y0)
    assert found.status.label == "converged" and point(found) == pytest.approx(case.answer, abs=5e-5)


@pytest.mark.parametrize("name", BOTH)
def test_rows_that_are_active_and_rows_that_are_not(name):
    found = run(name, MIXED, [0], [0, 0])
    x = 2.9 / 3
    assert found.status.label == "converged" and point(found) == pytest.approx([x, 1 - x / 2, 1 - x / 2], abs=5e-5)
    assert found.state["z"] == pytest.approx([3 * (1 - x / 2), 0], abs=1e-4)  # 2 y1 + y2 = z


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("start", [0.3, 0.8, 1.9, 2.9])
def test_the_toy_of_blocc(name, start):
    """One of its local answers, with the multiplier 2 x."""
    found = run(name, COUPLED, [start], [0])
    x, y = point(found)
    assert found.status.label == "converged" and y == pytest.approx(x, abs=2e-5)
    assert min(abs(x - answer) for answer in (0.1489, 0.9862, 2.0197, 2.9908)) < 2e-4
    assert found.state["z"][0] == pytest.approx(2 * x, abs=1e-3)


@pytest.mark.parametrize("name", BOTH)
def test_the_bound_of_the_multipliers_cuts_off(name):
    """The multiplier of the toy is 2 x: from above, x ends where it is R."""
    found = run(name, COUPLED, [0.8], [0], R=0.1)
    assert found.state["z"][0] == pytest.approx(0.1) and point(found) == pytest.approx([0.05, 0.05], abs=1e-4)


@pytest.mark.parametrize("equality", [False, True])
def test_the_distance_to_the_rows_is_the_least_over_slacks(equality):
    h, z, g2 = ca.MX.sym("h"), ca.MX.sym("z"), 0.7
    value, by_h, by_z = distance(h, z, g2, [equality])
    function = ca.Function("D", [h, z], [value, by_h, by_z, ca.gradient(value, h), ca.gradient(value, z)])
    slacks = [0.0] if equality else np.linspace(0, 6, 60001)
    for at in np.random.default_rng(0).uniform([-3, -1 if equality else 0], [2, 3], (40, 2)):
        found = np.ravel(function(*at))

        def term(row, mu=at[1]):
            t = mu + g2 * row
            return ((t if equality else np.maximum(0, t)) ** 2 - mu**2) / (2 * g2)

        least = min(g2 * (at[0] + s) ** 2 - term(-s) for s in slacks)
        assert found[0] == pytest.approx(term(at[0]) + least, abs=1e-6)
        assert found[1:3] == pytest.approx(found[3:], abs=1e-9)


# --- as printed: f = (x - 1)^2 + (y - 2)^2, g = (y - 2 x)^2, h = y - x, x in [0, 3] --------------------------------

ROW = TWO_LEVEL["lower row"]
STEPS = {"alpha": 0.01, "beta": 0.02, "eta": 0.05, "g1": 2, "g2": 0.5, "c": 0.7, "p": 0.3, "R": 5}


def bic_gaffa(count, alpha, beta, eta, g1, g2, c, p, R):
    x, y, z, theta = 0.5, 0.0, 0.0, 0.0
    for k in range(count):
        weight = c * (k + 1) ** p
        theta -= eta * (2 * (theta - 2 * x) + z + (theta - y) / g1)
        lam = max(0, z + g2 * (y - x))
        dx = 2 * (x - 1) / weight - 4 * (y - 2 * x) - lam + 4 * (theta - 2 * x) + z
        dy = 2 * (y - 2) / weight + 2 * (y - 2 * x) + lam - (y - theta) / g1
        dz = -(z - lam) / g2 - (theta - x)
        x, y, z = np.clip(x - alpha * dx, 0, 3), y - alpha * dy, np.clip(z - beta * dz, 0, R)
    return x, y, z


def lv_hba(count, alpha, beta, eta, g1, g2, c, p, R):
    x, y, z, theta, lam = 0.5, 0.0, 0.0, 0.0, 0.0
    for k in range(count):
        weight = c * (k + 1) ** p
        climbed = max(0, lam - eta * ((lam - z) / g2 - (theta - x)))
        theta -= eta * (2 * (theta - 2 * x) + lam + (theta - y) / g1)
        lam = climbed
        dx = 2 * (x - 1) / weight - 4 * (y - 2 * x) + 4 * (theta - 2 * x) + lam
        dy = 2 * (y - 2) / weight + 2 * (y - 2 * x) - (y - theta) / g1
        a, b = x - alpha * dx, y - alpha * dy
        if b > a:  # nearest with b <= a
            a = b = (a + b) / 2
        assert 0 <= a <= 3
        x, y, z = a, b, np.clip(z + beta * (lam - z) / g2, 0, R)
    return x, y, z


@pytest.mark.parametrize("name, loop", [("bic_gaffa", bic_gaffa), ("lv_hba", lv_hba)])
@pytest.mark.parametrize("count", [1, 7, 300])
def test_the_steps_of_the_paper(name, loop, count):
    """A trial of iteration k is the point of iteration k - 1, so the point after k + 1 iterations is theirs after k."""
    found = run(name, ROW.problem, [0.5], [0], max_iter=count + 1, **STEPS)
    assert [*point(found), found.state["z"][0]] == pytest.approx(loop(count, **STEPS), abs=1e-7)


@pytest.mark.parametrize("name", BOTH)
def test_the_steps_of_the_paper_come_near_the_answer(name):
    """The error falls as c_k grows: c_k is 16 after ten thousand steps."""
    found = run(name, ROW.problem, [0.5], [0], max_iter=10000, tol=0, **{**STEPS, "c": 1, "R": 100})
    assert point(found) == pytest.approx(ROW.answer, abs=0.08)
    assert point(found) != pytest.approx(ROW.answer, abs=1e-3)
