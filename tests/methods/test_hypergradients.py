"""What drives the upper level is the derivative of f(x, y*(x)): against differences of a closed form."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.runtime.execute import execute
from tests.methods.running import run
from tests.problems import problem


def quadratic(seed: int, kernel: int = 0, nx: int = 3, ny: int = 4):
    """g = y'Hy/2 + y'Bx with B in the range of H, which has `kernel` zero eigenvalues; y*(x) of least norm."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((ny, ny)))[0]
    e = np.concatenate([np.zeros(kernel), rng.uniform(1, 3, ny - kernel)])
    H = (Q * e) @ Q.T
    H, pinv = (H + H.T) / 2, (Q * np.where(e > 0, 1 / np.where(e > 0, e, 1), 0)) @ Q.T
    B = H @ rng.standard_normal((ny, nx))
    target = H @ rng.standard_normal(ny)  # keeps grad_y f in the range

    def f(x, y):
        r = ca.DM(H) @ y - target
        return ca.dot(r, r) / 2 + ca.sum1(ca.cos(x)) + 0.1 * ca.sumsqr(x)

    made = problem(f, lambda x, y: ca.dot(y, ca.DM(H) @ y) / 2 + ca.dot(y, ca.DM(B) @ x), nx, ny)
    answer = lambda x: -pinv @ B @ x  # noqa: E731
    value = lambda x: np.sum((H @ answer(x) - target) ** 2) / 2 + np.sum(np.cos(x)) + 0.1 * x @ x  # noqa: E731
    return made, answer, value, H, B, target


def differences(value, x: np.ndarray) -> np.ndarray:
    h = 1e-4
    return np.array(
        [
            (8 * (value(x + h * e) - value(x - h * e)) - (value(x + 2 * h * e) - value(x - 2 * h * e))) / (12 * h)
            for e in np.eye(x.size)
        ]
    )


@pytest.mark.parametrize("rule", ["clip", "abs", "kernel"])
@pytest.mark.parametrize("kernel", [0, 2])
def test_mgbio(rule, kernel):
    """One step from (x, y*(x)) with a step size of 1: the move of x is minus the hypergradient.

    With a singular H all rules are the pseudo-inverse here, since both right-hand sides are in its range.
    """
    made, answer, value, H, B, target = quadratic(kernel, kernel)
    x = np.array([0.3, -0.2, 0.7])
    number = {"clip": 0, "abs": 1, "kernel": 2}[rule]
    after = run("mgbio", made, x, answer(x), rule=number, mu=1e-9, gamma=1, max_iter=1)
    w = x - after.state["x"]
    assert w == pytest.approx(differences(value, x), abs=1e-7)
    pull = H @ (H @ answer(x) - target)
    direct = -np.sin(x) + 0.2 * x
    assert w == pytest.approx(direct - B.T @ np.linalg.pinv(H, rcond=1e-9) @ pull, abs=1e-7)


def test_mgbio_moves_y_along_the_gradient():
    made, answer, _, H, B, _ = quadratic(1)
    x, y = np.array([0.3, -0.2, 0.7]), np.array([1.0, -1.0, 2.0, 0.5])
    after = run("mgbio", made, x, y, lam=0.125, max_iter=1)
    assert after.state["y"] == pytest.approx(y - 0.125 * (H @ y + B @ x), abs=1e-14)
    half = run("mgbio", made, x, y, lam=0.125, eta=0.5, max_iter=1)
    assert half.state["y"] == pytest.approx(y - 0.0625 * (H @ y + B @ x), abs=1e-14)


def test_penalty_gradient_has_a_bias_of_first_order():
    """After the first judgement the slot x_gradient is that of psi_s: its error is proportional to s."""
    made, answer, value, *_ = quadratic(2)
    x = np.array([0.3, -0.2, 0.7])
    exact, errors = differences(value, x), []
    for s in (1e-3, 1e-4):
        program = METHODS["penalty"].program(Oracles(made))
        settings = {"max_iter": 1, "s_start": s, "s_end": s, "lower_accuracy": 1e-8}
        first = execute(program, x, answer(x), executor="interpreted", settings=settings)
        while not first.phase_calls["judge"]:  # the first iteration ends with the judgement of the start
            settings["max_iter"] += 1
            first = execute(program, x, answer(x), executor="interpreted", settings=settings)
        errors.append(np.linalg.norm(first.state["x_gradient"] - exact))
    assert errors[0] < 1e-1
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.05)


def test_penalty_and_kkt_find_the_same_stationary_point():
    made, answer, value, *_ = quadratic(3)
    for method in ("penalty", "kkt", "mgbio"):
        found = run(method, made, np.array([0.3, -0.2, 0.7]), np.zeros(4))
        assert found.status.label == "converged", method
        assert np.linalg.norm(differences(value, found.state["x"])) <= 1e-4 * (1 + abs(found.measures["upper"])), method
