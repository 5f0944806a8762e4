"""Dynamic barrier gradient descent: its direction, both barriers, sets, and simple problems with known answers."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.model.sets import Simplex
from tests.methods.running import run
from tests.problems import box, problem


def simple(f, g, n: int, y_set=None):
    return problem(lambda x, y: f(y), lambda x, y: g(y), 0, n, y_set=y_set)


# a line of minimisers y1 + y2 = 1; the nearest to (2, 0) is (1.5, -0.5)
LINE = simple(lambda y: ca.sumsqr(y - ca.DM([2, 0])) / 2, lambda y: (y[0] + y[1] - 1) ** 2 / 2, 2)


def direction(
    barrier: int, y: np.ndarray, beta: float = 1.0, alpha: float = 1.0, bound: float = 0.0, made=LINE
) -> np.ndarray:
    """d of one step with eta = 1 and no decay, in the plane."""
    after = run(
        "dbgd",
        made,
        [],
        y,
        barrier=barrier,
        beta=beta,
        alpha=alpha,
        lower_bound=bound,
        step_size=1,
        decay=np.inf,
        polish=0,
        max_iter=1,
    )
    return y - after.state["y"]


@pytest.mark.parametrize("beta", [0.1, 1.0, 7.0])
@pytest.mark.parametrize("seed", range(5))
def test_direction_solves_its_quadratic_program(beta, seed):
    """d = argmin |d - grad f|^2 subject to <grad g, d> >= beta |grad g|^2, by its optimality conditions."""
    y = np.random.default_rng(seed).standard_normal(2) * 3
    grad_f, grad_g = y - [2, 0], np.full(2, y.sum() - 1)
    d = direction(0, y, beta)
    phi = beta * grad_g @ grad_g
    slack = grad_g @ d - phi
    assert slack >= -1e-12
    multiplier = (d - grad_f) @ grad_g / (grad_g @ grad_g)
    assert multiplier >= -1e-12 and abs(multiplier * slack) <= 1e-11
    assert d == pytest.approx(grad_f + multiplier * grad_g, abs=1e-12)


@pytest.mark.parametrize("alpha, bound", [(1.0, 0.0), (0.05, 0.0), (5.0, -1.0)])
def test_barrier_of_the_value(alpha, bound):
    """phi = min( alpha (g - bound), beta |grad g|^2 )."""
    for seed in range(5):
        y = np.random.default_rng(seed).standard_normal(2) * 3
        grad_f, grad_g, g = y - [2, 0], np.full(2, y.sum() - 1), (y.sum() - 1) ** 2 / 2
        phi = min(alpha * (g - bound), grad_g @ grad_g)
        push = max((phi - grad_f @ grad_g) / (grad_g @ grad_g), 0)
        assert direction(1, y, alpha=alpha, bound=bound) == pytest.approx(grad_f + push * grad_g, abs=1e-12)


def test_on_the_solution_set_only_f_counts():
    """grad g = 0 there: no 0/0, d = grad f."""
    y = np.array([0.5, 0.5])
    assert direction(0, y) == pytest.approx([-1.5, 0.5], abs=1e-12)


@pytest.mark.parametrize("barrier", [0, 1])
@pytest.mark.parametrize("start", [[0, 0], [10, -30], [1.5, -0.5]])
def test_line_of_minimisers(barrier, start):
    found = run("dbgd", LINE, [], start, barrier=barrier)
    assert found.status.label == "converged"
    assert found.state["y"] == pytest.approx([1.5, -0.5], abs=1e-5)
    assert found.iterations <= 1100


def test_minimisers_on_the_boundary_of_a_set():
    """g = -(y1 + y2) over the simplex is constant: f decides, (0.75, 0.25) is nearest to (1, 0.5)."""
    made = simple(lambda y: ca.sumsqr(y - ca.DM([1, 0.5])), lambda y: -y[0] - y[1], 2, Simplex(2, ca.MX(1)))
    found = run("dbgd", made, [], [0.1, 0.9])
    assert found.status.label == "converged" and found.state["y"] == pytest.approx([0.75, 0.25], abs=1e-5)


def test_gradient_of_g_that_does_not_vanish():
    """g = y1 over the unit box: minimisers y1 = 0, with grad g = (1, 0) there; f wants (2, 0.3)."""
    made = simple(lambda y: ca.sumsqr(y - ca.DM([2, 0.3])), lambda y: y[0], 2, box(2, 0, 1))
    found = run("dbgd", made, [], [0.7, 0.7])
    assert found.status.label == "converged" and found.state["y"] == pytest.approx([0, 0.3], abs=1e-5)


def test_least_norm_solution():
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((3, 8)), rng.standard_normal(3)
    made = simple(lambda y: ca.sumsqr(y) / 2, lambda y: ca.sumsqr(ca.DM(A) @ y - b) / 2, 8)
    found = run("dbgd", made, [], rng.standard_normal(8))
    assert found.status.label == "converged"
    assert found.state["y"] == pytest.approx(np.linalg.pinv(A) @ b, abs=1e-5)


def test_without_polish_the_method_is_the_paper_s():
    """A smaller beta leaves a larger residual of g after the same number of steps, and a smaller f."""
    rng = np.random.default_rng(1)
    A = rng.standard_normal((6, 8)) * np.geomspace(1, 0.03, 6)[:, None]
    b = rng.standard_normal(6)
    made = simple(lambda y: ca.sumsqr(y) / 2, lambda y: ca.sumsqr(ca.DM(A) @ y - b) / 2, 8)
    ends = [run("dbgd", made, [], np.full(8, 3.0), beta=beta, polish=0, max_iter=300) for beta in (0.05, 1.0)]
    assert all(e.status.label == "iteration_limit" and e.iterations == 300 for e in ends)
    assert all(set(e.phase_calls) >= {"step"} and e.phase_calls["solve_w"] == 0 for e in ends)
    assert ends[0].measures["lower"] > ends[1].measures["lower"]
    assert ends[0].measures["upper"] < ends[1].measures["upper"]


def test_settings_of_the_polish():
    few = run("dbgd", LINE, [], [10, -30], barrier_iter=5)
    assert few.phase_calls["step"] == 5 and few.status.label == "converged"
    runs = [run("dbgd", LINE, [], [10, -30], barrier_iter=5, s=s) for s in (1e-1, 1e-4)]
    coarse, fine = (r.measures["stationarity"] for r in runs)
    assert fine <= max(coarse, 1e-6)


def test_unbounded_is_said():
    made = simple(lambda y: y[0], lambda y: (y[1] - 1) ** 2, 2)
    assert run("dbgd", made, [], [0, 0]).status.label == "diverged"
