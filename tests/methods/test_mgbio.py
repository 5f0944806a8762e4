"""MGBiO's steps: safe for any condition of the follower, right where the answer is known."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.runtime.status import Status
from tests.methods.running import point, run
from tests.problems import problem


def instance(condition: float, seed: int, quadratic: bool = True):
    """y*(x) = B x whatever H, so that F is well-conditioned and known; the follower's Hessian has the condition."""
    rng = np.random.default_rng(seed)
    n, m = 4, 3
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    H = Q @ np.diag(np.logspace(0, np.log10(condition), n)) @ Q.T
    B, target, wanted = rng.normal(size=(n, m)), rng.normal(size=n), rng.normal(size=m)

    def f(x, y):
        return ca.sumsqr(y - target) + 0.5 * ca.sumsqr(x - wanted)

    def g(x, y):
        away = y - B @ x
        return ca.dot(away, H @ away) / 2 + (0 if quadratic else ca.sum1(ca.sqrt(1 + away**2)))

    x = np.linalg.solve(2 * B.T @ B + np.eye(m), 2 * B.T @ target + wanted)
    return problem(f, g, m, n), np.concatenate([x, B @ x])


CONDITIONS = [(c, True) for c in (1, 3, 10, 1e2, 1e3, 1e4, 1e6)] + [(c, False) for c in (1, 3, 10, 1e2, 1e3)]


@pytest.mark.parametrize("condition, quadratic", CONDITIONS)
@pytest.mark.parametrize("seed", range(4))
def test_the_answer_does_not_depend_on_the_condition(condition, seed, quadratic):
    case, answer = instance(condition, seed, quadratic)
    found = run("mgbio", case, np.zeros(3), np.zeros(4))
    assert found.status == Status.CONVERGED and found.iterations < (200 if quadratic else 20000)
    assert point(found) == pytest.approx(answer, abs=1e-5)


@pytest.mark.parametrize("condition", [1, 30, 1e3])
def test_gradient_steps_of_y_are_safe_too(condition):
    """`lam` is given: y takes the paper's steps, and x waits for it."""
    case, answer = instance(condition, 1)
    found = run("mgbio", case, np.zeros(3), np.zeros(4), lam=1 / condition, max_iter=200000)
    assert found.status == Status.CONVERGED
    assert point(found) == pytest.approx(answer, abs=1e-4)


def test_a_hard_follower_makes_it_slow_and_not_wrong():
    """Far from the answer y takes gradient steps, 1e6 of them for a digit; x waits, and does not run away."""
    case, _ = instance(1e6, 0, quadratic=False)
    found = run("mgbio", case, np.zeros(3), np.zeros(4), max_iter=3000)
    assert found.status in (Status.CONVERGED, Status.ITERATION_LIMIT)
    assert np.linalg.norm(found.state["x"]) < 10 and np.linalg.norm(found.state["y"]) < 30
