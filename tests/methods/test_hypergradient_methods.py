"""Methods of the hypergradient: what their papers say of one step, and that no lag is reported as an answer."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.methods.msgbio import capped
from bilevel_dsl.runtime.status import Status
from tests.methods.running import point, run
from tests.methods.test_hypergradients import differences, quadratic
from tests.methods.test_mgbio import instance
from tests.problems import problem

ALL = ("itd", "stocbio", "amigo", "bgs_opt", "galet", "soba", "hjfbio", "msgbio", "vr_msgbio")
EXACT = {"lower_accuracy": 1e-9, "linear_accuracy": 1e-10}
X = np.array([0.3, -0.2, 0.7])


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("condition, quadratic", [(1, False), (30, True), (100, False)])
def test_the_answer_whatever_the_condition(name, condition, quadratic):
    case, answer = instance(condition, 1, quadratic)
    found = run(name, case, np.zeros(3), np.zeros(4))
    assert found.status == Status.CONVERGED
    assert point(found) == pytest.approx(answer, abs=1e-5)


@pytest.mark.parametrize("name", ["itd", "stocbio", "amigo", "bgs_opt", "galet", "soba", "hjfbio"])
def test_the_first_w_is_the_derivative_of_the_closed_form(name):
    made, _, value, *_ = quadratic(5)
    after = run(name, made, X, np.ones(4), max_iter=1, **EXACT)
    assert np.array_equal(after.state["x"], X)
    assert after.state["w"] == pytest.approx(differences(value, X), abs=1e-6)


@pytest.mark.parametrize("name", ["galet", "bgs_opt"])
def test_of_many_answers_w_is_that_of_least_norm(name):
    """H has two zero eigenvalues; y starts anywhere, and its part in the kernel stays."""
    made, _, value, *_ = quadratic(6, kernel=2)
    after = run(name, made, X, np.ones(4), max_iter=1, **EXACT)
    assert after.state["w"] == pytest.approx(differences(value, X), abs=1e-6)


@pytest.mark.parametrize("name", ["msgbio", "vr_msgbio"])
@pytest.mark.parametrize("rule", [0, 1, 2])
def test_momentum_methods_step_along_the_derivative(name, rule):
    made, answer, value, *_ = quadratic(2, kernel=2)
    after = run(name, made, X, answer(X), rule=rule, mu=1e-9, gamma=1, max_iter=1)
    assert X - after.state["x"] == pytest.approx(differences(value, X), abs=1e-7)


FEW = {
    "itd": {"T": 3, "before": 0, "beyond": 0, "alpha": 0.02},
    "stocbio": {"T": 1, "Q": 3, "alpha": 0.02, "eta": 0.02},
    "amigo": {"T": 1, "N": 1, "alpha": 0.02, "beta": 0.02},
    "bgs_opt": {"before": 1, "exactly": 1, "T": 0, "N": 1, "alpha": 0.02, "beta": 0.02**2},
    "galet": {"N": 1, "T": 1, "warm": 0, "beta": 0.02, "rho": 0.02**2},
    "soba": {"rho": 0.02},
    "hjfbio": {"lam": 0.02, "tau": 0.02, "delta": 1e-3},
    "msgbio": {"lam": 0.02, "c": 0.2},
    "vr_msgbio": {"lam": 0.02, "c": 0.2},
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("gamma", [1e-3, 0.02, 0.3, 2])
def test_given_steps_give_the_answer_or_no_claim(name, gamma):
    """Condition 30 with few steps of everything: what lags, is biased or diverges does not say `converged`."""
    case, answer = instance(30, 2)
    step = {"alpha": gamma} if name == "galet" else {"gamma": gamma}
    found = run(name, case, np.zeros(3), np.zeros(4), max_iter=3000, **FEW[name], **step)
    if found.status == Status.CONVERGED:
        assert point(found) == pytest.approx(answer, abs=1e-4)


# --- itd, stocbio, amigo, bgs_opt -----------------------------------------------------------------------


def curved(nx: int = 2, ny: int = 3):
    """A follower whose Hessian changes with y, and the same in numpy: f, grad_y g."""
    rng = np.random.default_rng(3)
    A, B = np.diag([1.0, 2.0, 4.0]), rng.normal(size=(ny, nx))
    f = lambda x, y: ca.sumsqr(y - 1) / 2 + ca.sum1(ca.sin(x)) * y[0]  # noqa: E731
    g = lambda x, y: ca.dot(y, A @ y) / 2 + ca.sum1(ca.sqrt(1 + y**2)) - ca.dot(y, B @ x)  # noqa: E731
    value = lambda x, y: np.sum((y - 1) ** 2) / 2 + np.sum(np.sin(x)) * y[0]  # noqa: E731
    gradient = lambda x, y: A @ y + y / np.sqrt(1 + y**2) - B @ x  # noqa: E731
    return problem(f, g, nx, ny), value, gradient


@pytest.mark.parametrize("T", [0, 1, 7])
def test_itd_differentiates_what_the_steps_do(T):
    made, value, gradient = curved()
    x, y0, alpha = np.array([0.4, -0.9]), np.array([0.5, 1.0, -1.0]), 0.15

    def unrolled(x):
        y = y0
        for _ in range(T):
            y = y - alpha * gradient(x, y)
        return value(x, y)

    after = run("itd", made, x, y0, T=T, alpha=alpha, before=0, beyond=0, max_iter=1)
    assert after.state["w"] == pytest.approx(differences(unrolled, x), abs=1e-9)


def test_itd_says_what_it_truncates():
    case, _ = instance(100, 1)
    found = run("itd", case, np.zeros(3), np.zeros(4), T=10, alpha=0.01, gamma=0.05, before=0, beyond=0, max_iter=2000)
    assert found.status == Status.ITERATION_LIMIT
    assert found.measures["stationarity"] < 1e-6 and found.measures["truncation"] > 1e-2  # stationary for another function


@pytest.mark.parametrize("Q", [1, 5, 20])
def test_the_residual_of_the_series_is_its_last_power(Q):
    made, answer, _, H, _, target = quadratic(5)
    found = run("stocbio", made, X, answer(X), T=1, Q=Q, eta=0.2, max_iter=1)
    b = H @ (H @ answer(X) - target)
    power = np.linalg.matrix_power(np.eye(4) - 0.2 * H, Q) @ b
    assert found.measures["linear"] == pytest.approx(np.linalg.norm(power) / np.linalg.norm(b), rel=1e-9)


def test_amigo_has_two_linear_rates():
    """x stands still: errors of y and z fall by 1 - mu / L a step, from one iteration to the next."""
    made, answer, _, H, _, target = quadratic(5)
    L, mu = (np.linalg.eigvalsh(H)[k] for k in (-1, 0))
    z = np.linalg.solve(H, H @ (H @ answer(X) - target))
    errors = []
    for k in (20, 40):
        found = run("amigo", made, X, np.ones(4), T=1, N=1, alpha=1 / L, beta=1 / L, gamma=1e-30, max_iter=k)
        errors.append([np.linalg.norm(found.state["y"] - answer(X)), np.linalg.norm(found.state["z_z"] - z)])
    fallen = np.array(errors[1]) / errors[0]
    assert np.all(fallen <= (1 - mu / L) ** 20 * np.array([1.001, 30]))  # z follows an H and a b that y still moves


@pytest.mark.parametrize("T", [0, 1, 6])
def test_what_bgs_opt_does_not_unroll_the_linear_system_has(T):
    made, answer, value, *_ = quadratic(5)
    after = run("bgs_opt", made, X, answer(X), T=T, alpha=0.1, max_iter=1, **EXACT)
    assert after.state["w"] == pytest.approx(differences(value, X), abs=1e-7)


# --- galet ------------------------------------------------------------------------------------------------


MANY = problem(
    lambda x, y: x**2 + y[0] - ca.sin(y[1]), lambda x, y: (x + y[0] - ca.sin(y[1])) ** 2 / 2, 1, 2
)  # y(x) is a curve on which f = x^2 - x: x = 1/2


@pytest.mark.parametrize("seed", range(4))
def test_galet_takes_any_of_many_answers(seed):
    start = np.random.default_rng(seed).normal(size=3)
    found = run("galet", MANY, start[:1], start[1:])
    assert found.status == Status.CONVERGED
    assert found.state["x"] == pytest.approx([0.5], abs=1e-5)


def test_a_cold_start_of_w_with_one_step_is_wrong_and_says_so():
    steps = {"alpha": 0.1, "beta": 0.3, "rho": 0.2, "N": 1, "T": 1, "max_iter": 1000}
    cold = run("galet", MANY, [1.0], [0.3, 0.2], warm=0, **steps)
    assert cold.status == Status.ITERATION_LIMIT and abs(cold.state["x"][0] - 0.5) > 0.05
    assert cold.measures["stationarity"] < 1e-6 and cold.measures["linear"] > 1e-2
    warm = run("galet", MANY, [1.0], [0.3, 0.2], warm=1, **steps)
    assert warm.status == Status.CONVERGED and warm.state["x"] == pytest.approx([0.5], abs=1e-5)


# --- the single loops -------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0, 0.5])
def test_soba_moves_all_three_at_once(decay):
    made, _, _, H, B, target = quadratic(5)
    x, y, z = X, np.ones(4), np.zeros(4)
    for t in range(1, 8):
        rho, gamma = 0.2 * t**-decay, 0.05 * t**-decay
        D_y, D_z = H @ y + B @ x, H @ z - H @ (H @ y - target)
        D_x = -np.sin(x) + 0.2 * x - B.T @ z
        x, y, z = x - gamma * D_x, y - rho * D_y, z - rho * D_z
    found = run("soba", made, X, np.ones(4), rho=0.2, gamma=0.05, decay=decay, max_iter=7)
    assert point(found) == pytest.approx(np.concatenate([x, y]), abs=1e-12)
    assert found.state["z"] == pytest.approx(z, abs=1e-12)


def test_hjfbio_is_soba_where_differences_are_exact():
    made = quadratic(5)[0]
    one = run("soba", made, X, np.ones(4), rho=0.2, gamma=0.05, max_iter=50)
    other = run("hjfbio", made, X, np.ones(4), lam=0.2, tau=0.2, gamma=0.05, delta=1e-2, max_iter=50)
    assert point(other) == pytest.approx(point(one), abs=1e-9)
    held = run("hjfbio", made, X, np.ones(4), lam=0.2, tau=0.2, gamma=0.05, r_v=0.3, max_iter=50)
    assert np.linalg.norm(held.state["z"]) == pytest.approx(0.3) and held.measures["linear"] > 1e-2


def test_x_that_does_not_wait_runs_away_loudly():
    case, _ = instance(1e3, 0)
    found = run("soba", case, np.zeros(3), np.zeros(4), rho=1e-3, gamma=1, max_iter=20000)
    assert found.status == Status.DIVERGED


# --- momentum ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, weight", [("msgbio", 1.0), ("vr_msgbio", 0.3)])
def test_exact_samples_make_mgbio(name, weight):
    """Weights 1; recursive momentum whatever its weight."""
    case, _ = instance(10, 3, quadratic=False)
    given = {"gamma": 0.01, "lam": 0.08, "eta": 0.5, "warm_up": 0, "max_iter": 30}
    expected = run("mgbio", case, np.zeros(3), np.ones(4), **given)
    eta = {"k": 0.5 * 1e8, "m": 1e16} if name == "msgbio" else {"k": 0.5 * 1e8, "m": 1e24}  # as good as constant
    c = 2 * weight if name == "msgbio" else weight
    found = run(name, case, np.zeros(3), np.ones(4), gamma=0.01, lam=0.08, c=c, max_iter=30, **eta)
    assert point(found) == pytest.approx(point(expected), abs=1e-9)


def test_msgbio_follows_by_momentum():
    made, _, _, H, B, target = quadratic(5)
    x, y, gamma, lam, beta = X, np.ones(4), 0.05, 0.2, 0.3
    u = h = v = None
    for _ in range(6):
        new = -np.sin(x) + 0.2 * x, H @ (H @ y - target), H @ y + B @ x
        u, h, v = new if u is None else tuple(beta * s + (1 - beta) * e for s, e in zip(new, (u, h, v)))
        x, y = x - gamma * (u - B.T @ np.linalg.solve(H, h)), y - lam * v
    found = run("msgbio", made, X, np.ones(4), gamma=gamma, lam=lam, c=beta, max_iter=6)
    assert point(found) == pytest.approx(np.concatenate([x, y]), abs=1e-10)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (1, 4)])
def test_the_cap_of_singular_values(shape):
    G = np.random.default_rng(1).normal(size=shape)
    U, e, V = np.linalg.svd(G, full_matrices=False)
    got = np.array(ca.evalf(capped(ca.MX(ca.DM(G)), ca.MX(1.2))))
    assert got == pytest.approx(U @ np.diag(np.minimum(e, 1.2)) @ V, abs=1e-12)


def test_caps_hold_w():
    made, *_ = quadratic(5)
    found = run("vr_msgbio", made, X, np.ones(4), C_f=0.5, C_g=0.7, max_iter=20)
    G = found.state["G"].reshape(3, 4, order="F")
    assert np.linalg.norm(G, 2) <= 0.7 + 1e-12 and np.linalg.norm(found.state["h"]) <= 0.5 + 1e-12
