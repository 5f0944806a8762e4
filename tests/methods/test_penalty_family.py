"""Methods on the value gap: what their papers say of them, and what they say of themselves."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from tests.methods.running import point, run
from tests.methods.test_mgbio import instance
from tests.problems import TWO_LEVEL, box, problem

P1, P3, P6 = (TWO_LEVEL[name] for name in ("p1", "p3", "p6"))
ACCURATE = ["prox_penalty", "f2sa", "v_pbgd", "pbgd_j", "pbgd_b", "bvfim", "bvfsm"]
SINGLE = ["prox_penalty_single", "f3sa"]
ON_SETS = ["prox_penalty", "prox_penalty_single", "v_pbgd", "pbgd_j", "pbgd_b"]


def on(case, name, **settings):
    return run(name, case.problem, case.x0, case.y0, **settings)


@pytest.mark.parametrize("name", [*ACCURATE, "g_pbgd", *SINGLE, "bome"])
@pytest.mark.parametrize("case", ["p1", "p3"])
def test_known_answers(name, case):
    """Also where the follower has a line of answers, of which the leader wants one."""
    found = on(TWO_LEVEL[case], name)
    assert found.status.label == "converged"
    assert point(found) == pytest.approx(TWO_LEVEL[case].answer, abs=5e-4 if name in ("bome", "bvfim", "bvfsm") else 5e-5)


@pytest.mark.parametrize("name", ON_SETS)
def test_sets_on_both_levels(name):
    found = on(P6, name)
    assert found.status.label == "converged" and point(found) == pytest.approx(P6.answer, abs=1e-4)


@pytest.mark.parametrize("case", ["p2", "p6", "sine"])
def test_the_penalty_of_v_pbsgd_where_the_leader_does_not_pull_at_the_start(case):
    """Or where the set on y takes the move that the follower is about to make. A bias of a hundredth stays."""
    found = on(TWO_LEVEL[case], "v_pbsgd")
    assert found.status.label == "converged" and point(found) == pytest.approx(TWO_LEVEL[case].answer, rel=0.01)


@pytest.mark.parametrize("name", ACCURATE)
@pytest.mark.parametrize("condition", [1, 100])
def test_the_condition_of_the_follower_does_not_matter(name, condition):
    """Rounding over sigma may hide the last digits: then the method has stalled, and is right to fewer."""
    case, answer = instance(condition, 2)
    found = run(name, case, np.zeros(3), np.zeros(4))
    assert found.status.label in ("converged", "stalled")
    assert point(found) == pytest.approx(answer, rel=1e-3, abs=1e-3)
    if found.status.label == "converged":
        assert point(found) == pytest.approx(answer, rel=3e-4, abs=3e-4)


@pytest.mark.parametrize("name", SINGLE)
def test_x_waits_for_a_slow_follower(name):
    case, answer = instance(30, 2)
    found = run(name, case, np.zeros(3), np.zeros(4), tol=1e-3)
    assert found.status.label == "converged" and point(found) == pytest.approx(answer, abs=1e-2)


# --- as printed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, of",
    [
        ("pbgd_b", lambda gamma: {"T": 40, "gamma": gamma, "beta": 0.5, "b": 0.5 / gamma, "alpha": 0.2, "max_iter": 300}),
        ("pbgd_j", lambda gamma: {"gamma": gamma, "beta": 0.5, "alpha": 0.25 / gamma, "max_iter": 80 * gamma}),
    ],
)
def test_the_bias_is_of_order_one_over_gamma(name, of):
    """On p1 the answer for gamma is 1.5 - 0.25 / (gamma + 0.5): all digits, and a slope of -1 in the logarithms."""
    gammas = np.array([10.0, 20.0, 40.0])
    wrong = []
    for gamma in gammas:
        found = on(P1, name, **of(gamma))
        assert found.state["x"][0] == pytest.approx(1.5 - 0.25 / (gamma + 0.5), abs=2e-6)
        assert found.status.label == "iteration_limit" and found.measures["bias"] > 1e-4  # never called converged
        wrong.append(1.5 - found.state["x"][0])
    assert np.polyfit(np.log(gammas), np.log(wrong), 1)[0] == pytest.approx(-1, abs=0.03)


def test_a_restart_at_y_leaves_a_bias_that_gamma_does_not_remove():
    wrong = {
        (gamma, keep): 1.5
        - on(P1, "v_pbgd", gamma=gamma, alpha=0.25 / gamma, T=3, beta=0.4, keep=keep, max_iter=60 * gamma).state["x"][0]
        for gamma in (10, 40)
        for keep in (0, 1)
    }
    exact = {gamma: 0.25 / (gamma + 0.5) for gamma in (10, 40)}
    assert all(abs(wrong[gamma, 1] - exact[gamma]) < 1e-4 for gamma in (10, 40))
    assert all(wrong[gamma, 0] - exact[gamma] > 0.01 for gamma in (10, 40))


@pytest.mark.parametrize(
    "name, settings",
    [
        ("f2sa", {"T": 10, "gamma": 0.2, "alpha": 0.2}),
        ("f3sa", {"gamma": 0.2, "alpha": 0.2, "xi": 0.5}),
        ("prox_penalty", {"T": 10}),
        ("prox_penalty_single", {"alpha": 0.1}),
    ],
)
def test_the_schedules_of_the_papers(name, settings):
    """The bias falls like k^(-1/3): a factor 2 for 8 times the iterations."""
    ends = [on(P1, name, max_iter=n, **settings) for n in (1000, 8000)]
    short, long = (1.5 - e.state["x"][0] for e in ends)
    assert 0 < long < short and short / long == pytest.approx(2, abs=0.3)


def test_momentum_of_full_batches_is_no_momentum():
    """STORM with exact gradients is the gradient, whatever the weight."""
    ends = [on(P3, "f3sa", eta=eta, max_iter=200) for eta in (0.01, 1)]
    assert np.array_equal(point(ends[0]), point(ends[1]))


# --- the gradient as a penalty --------------------------------------------------------------------------

# the only answer of the follower is 0; its Hessian vanishes at 2 pi / 3
STUCK = problem(lambda x, y: ca.sin(y - 2 * ca.pi / 3) ** 2 + x**2, lambda x, y: y**2 + 2 * ca.sin(y) ** 2, 1, 1)


@pytest.mark.parametrize("start", [2.2, 2.5, 3.5])
def test_the_spurious_stationary_point_of_the_gradient_penalty(start):
    """The example of Shen and Chen: stationary for every gamma, |y| = 2 pi / 3, and no answer. It says so."""
    printed = run("g_pbgd", STUCK, [0], [start], alpha=1e-3, gamma=25, max_iter=2000)
    assert abs(printed.state["y"][0]) == pytest.approx(2 * np.pi / 3, abs=2e-3)
    assert printed.measures["stationarity"] < 1e-6 and printed.measures["bias"] > 1
    used = run("g_pbgd", STUCK, [0.5], [start])
    assert used.status.label == "stalled" and used.measures["bias"] > 1
    gap = run("v_pbgd", STUCK, [0.5], [start])
    assert gap.status.label == "converged" and gap.state["y"][0] == pytest.approx(0, abs=1e-5)


# --- BOME -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("barrier", [0, 1])
def test_the_barrier_of_bome(barrier):
    """The gap falls at the rate phi at least: <Q, d> >= phi, and d is grad f where that holds by itself."""
    rng = np.random.default_rng(3)
    case, _ = instance(3, 1)
    for _ in range(5):
        x, theta = rng.normal(size=3), rng.normal(size=4)
        settings = {"barrier": barrier, "T": 200, "alpha": 0.3, "xi": 1, "eta": 0.7, "tol": 0, "max_iter": 1}
        after = run("bome", case, x, theta, **settings)
        d = np.concatenate([x - after.state["x"], theta - after.state["theta"]])
        z = after.state["z_point"]
        g = ca.Function("g", [case.x, case.y], [case.g.expression])
        Q, grad_f = gradient(case, case.g.expression, x, theta), gradient(case, case.f.expression, x, theta)
        Q[:3] -= gradient(case, case.g.expression, x, z)[:3]
        phi = 0.7 * (Q @ Q if barrier == 0 else float(g(x, theta) - g(x, z)))
        assert Q @ d >= phi - 1e-9 * (1 + abs(phi))
        push = (d - grad_f) @ Q / (Q @ Q)
        assert push >= -1e-12 and d == pytest.approx(grad_f + push * Q, abs=1e-9)
        assert abs(push * (Q @ d - phi)) < 1e-6 * (1 + abs(phi) * abs(push))


def gradient(case, expression, x, y):
    by = ca.Function("by", [case.x, case.y], [ca.gradient(expression, case.x), ca.gradient(expression, case.y)])
    return np.concatenate([np.array(v).ravel() for v in by(x, y)])


def test_the_restart_bias_of_bome_is_measured():
    """Few steps of z feign a small gap: the error they make in the direction tells, and it is not called converged."""
    few = on(P1, "bome", T=2, alpha=0.3, xi=0.01, max_iter=20000)
    assert abs(few.state["x"][0] - 1.5) > 0.05
    assert few.status.label == "iteration_limit" and few.measures["lower_error"] > 1e-2
    accurate = on(P1, "bome")
    assert accurate.status.label == "converged" and accurate.state["x"][0] == pytest.approx(1.5, abs=1e-3)


# --- barriers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auxiliary", [0, 1, 2])
def test_auxiliary_functions(auxiliary):
    found = on(P3, "bvfsm", auxiliary=auxiliary)
    assert found.status.label == "converged" and point(found) == pytest.approx(P3.answer, abs=5e-4)


@pytest.mark.parametrize("name, settings", [("bvfim", {}), ("bvfsm", {"auxiliary": 1})])
def test_a_barrier_is_not_left(name, settings):
    """g(x, y) < v + mu2 after every iteration."""
    for count in (1, 3, 10, 30):
        found = on(P3, name, max_iter=count, **settings)
        assert found.measures["gap"] <= found.state["mu2"][0]


# --- coupled constraints --------------------------------------------------------------------------------------

COUPLED = problem(
    lambda x, y: ca.exp(2 - y) / (2 + ca.cos(6 * x)) + ca.log((4 * x - 2) ** 2 + 1) / 2,
    lambda x, y: (y - 2 * x) ** 2,
    1,
    1,
    x_set=box(1, 0, 3),
    lower=[("le", lambda x, y: y - x)],
)


@pytest.mark.parametrize("start", [0.3, 0.8, 1.9, 2.9])
def test_the_toy_of_blocc(start):
    """y(x) = x with the multiplier 2 x; four local answers, with the term of the multiplier in the direction."""
    found = run("blocc", COUPLED, [start], [0])
    x, y = point(found)
    assert found.status.label == "converged" and y == pytest.approx(x, abs=1e-5)
    assert min(abs(x - answer) for answer in (0.1489, 0.9862, 2.0197, 2.9908)) < 2e-4
    assert found.state["z_mu"][0] == pytest.approx(2 * x, abs=1e-3)


def test_the_direction_of_blocc():
    """At x = 0.4 it is 7.2896, and 11.21 without the multipliers."""
    found = run("blocc", COUPLED, [0.4], [0], max_iter=1, s_start=1e-3, lower_accuracy=1e-6)
    assert found.state["w"][0] == pytest.approx(7.2896, abs=5e-3)


@pytest.mark.parametrize("case", ["lower row", "lower equality"])
def test_rows_of_the_follower(case):
    found = on(TWO_LEVEL[case], "blocc")
    assert found.status.label == "converged" and point(found) == pytest.approx(TWO_LEVEL[case].answer, abs=1e-4)
