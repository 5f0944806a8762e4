"""Each method on small problems with known answers; iteration counts within what is usual."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.certify.certificate import certify
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.model.sets import Ball, Simplex
from tests.methods.running import point, run
from tests.problems import TWO_LEVEL, box, problem

ACCURACY = {"p4": 2e-5, "sine": 1e-4}  # as far as their literature gives digits
KKT = [n for n in TWO_LEVEL if n != "p4"]  # p4: a stationary point of the follower that is no minimiser attracts it
MGBIO = ["p0", "p1", "p2", "upper row"]


@pytest.mark.parametrize(
    "method, name", [("penalty", n) for n in TWO_LEVEL] + [("kkt", n) for n in KKT] + [("mgbio", n) for n in MGBIO]
)
def test_answer(method, name):
    case = TWO_LEVEL[name]
    found = run(method, case.problem, case.x0, case.y0)
    assert found.status.label == "converged"
    assert point(found) == pytest.approx(case.answer, abs=ACCURACY.get(name, 2e-6))
    assert found.iterations <= {"penalty": 60, "kkt": 60, "mgbio": 200}[method]


@pytest.mark.parametrize("method", ["penalty", "kkt"])
@pytest.mark.parametrize("seed", range(4))
def test_start_does_not_matter_for_a_convex_problem(method, seed):
    case, rng = TWO_LEVEL["lower row"], np.random.default_rng(seed)
    found = run(method, case.problem, 3 * rng.random(1), 5 * rng.standard_normal(1))
    assert found.status.label == "converged" and point(found) == pytest.approx(case.answer, abs=5e-6)


# --- linear lower levels: what `kkt` is for ------------------------------------------------------------


def linear(upper_cost, lower_cost, rows, *, upper=(), high=20):
    """min c'(x, y) over x in [0, high], y in argmin { d'y : rows (a, b): a'(x, y) <= b, y >= 0 }."""

    def row(a, b):
        return "le", lambda x, y: ca.dot(ca.DM(a), ca.vertcat(x, y)) - b

    return problem(
        lambda x, y: ca.dot(ca.DM(upper_cost), ca.vertcat(x, y)),
        lambda x, y: ca.dot(ca.DM(lower_cost), y),
        1,
        len(lower_cost),
        x_set=box(1, 0, high),
        y_set=box(len(lower_cost), 0, np.inf),
        upper=[row(*r) for r in upper],
        lower=[row(*r) for r in rows],
    )


LINEAR = {
    # Clark, Westerberg 1988: the follower minimises y, the leader prefers a large one
    "clark westerberg": (linear([1, -4], [1], [([-2, 1], 0), ([2, 5], 108), ([2, -3], -4)]), [19, 14], -37),
    # the follower takes y as large as it may, y = min(x, 4 - x), at its peak where two rows meet
    "peak": (linear([0, -1], [-1], [([-1, 1], 0), ([1, 1], 4)]), [2, 2], -2),
    # y = max(0, 1 - x) by the follower, f = x + 3 y: a kink at x = 1
    "kink": (linear([1, 3], [1], [([-1, -1], -1)]), [1, 0], 1),
    # any y1, y2 with y1 + y2 = 1 is optimal: the leader's choice is taken
    "several answers": (linear([1, -1, 1], [1, 1], [([0, -1, -1], -1)]), [0, 1, 0], -1),
    # x + y <= 3 binds the leader only; y = x
    "upper row on y": (linear([-1, 0], [-1], [([-1, 1], 0)], upper=[([1, 1], 3)]), [1.5, 1.5], -1.5),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_lower_levels(name):
    made, answer, value = LINEAR[name]
    found = run("kkt", made, [0.3], np.full(len(answer) - 1, 0.2))
    assert found.status.label == "converged" and found.iterations <= 150
    assert point(found) == pytest.approx(answer, abs=1e-6)
    assert found.measures["upper"] == pytest.approx(value, abs=1e-6)
    certificate = certify(Oracles(made), found.state["x"], found.state["y"])
    assert certificate.verified, certificate


def test_tolls_without_a_bound_on_the_toll():
    """Two roads of cost 1 + x and 4: the most that road 1 can bear is a toll of 3. The relaxation is unbounded."""
    made = problem(lambda x, y: -x * y[0], lambda x, y: (1 + x) * y[0] + 4 * y[1], 1, 2, y_set=Simplex(2, ca.MX(1)))
    found = run("kkt", made, [0], [0.5, 0.5])
    assert found.status.label == "converged"
    assert point(found) == pytest.approx([3, 1, 0], abs=1e-5)


def test_a_set_without_interior_bounds_is_taken_by_its_rows():
    """The follower projects (x, 0) onto the unit disk: y = (1, 0) for x >= 1."""
    made = problem(
        lambda x, y: (x - 3) ** 2 + (y[0] - 2) ** 2,
        lambda x, y: ca.sumsqr(y - ca.vertcat(x, 0)),
        1,
        2,
        y_set=Ball(2, ca.MX(ca.DM([0, 0])), ca.MX(1)),
    )
    for method in ("kkt", "penalty"):
        found = run(method, made, [0.5], [0, 0])
        assert found.status.label == "converged"
        assert point(found) == pytest.approx([3, 1, 0], abs=1e-5)


# --- problems without an answer --------------------------------------------------------------------------


def test_infeasible_is_said():
    """y = x >= 1 by the follower, and the leader may not exceed y <= 0.5."""
    made = problem(
        lambda x, y: x**2, lambda x, y: (y - x) ** 2, 1, 1, x_set=box(1, 1, 2), upper=[("le", lambda x, y: y - 0.5 + 0 * x)]
    )
    for method in ("kkt", "penalty"):
        assert run(method, made, [1.5], [0]).status.label == "infeasible"


def test_unbounded_is_said():
    made = problem(lambda x, y: -x - y, lambda x, y: (y - x) ** 2, 1, 1)
    for method in ("kkt", "penalty", "mgbio"):
        assert run(method, made, [0], [0]).status.label == "diverged"


def test_a_follower_without_a_minimum_is_said():
    made = problem(lambda x, y: x**2, lambda x, y: y[0] * (1 + x**2), 1, 1)
    for method in ("kkt", "penalty"):
        assert run(method, made, [0], [0]).status.label in ("diverged", "infeasible")
