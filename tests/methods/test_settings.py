"""Each setting does what it says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.methods.running import point, run
from tests.problems import TWO_LEVEL

P1, P2, ROW = TWO_LEVEL["p1"], TWO_LEVEL["p2"], TWO_LEVEL["lower row"]


def solved(method, case, **settings):
    return run(method, case.problem, case.x0, case.y0, **settings)


def error(found, case) -> float:
    return float(np.max(np.abs(point(found) - case.answer)))


@pytest.mark.parametrize("method, tol", [("penalty", 1e-7), ("kkt", 1e-9), ("mgbio", 1e-9)])
def test_tol_buys_accuracy(method, tol):
    loose, tight = solved(method, P2, tol=1e-3), solved(method, P2, tol=tol)
    assert loose.status.label == "converged" and tight.iterations > loose.iterations
    assert error(tight, P2) < 1e-6 and error(tight, P2) <= error(loose, P2)
    assert tight.status.label == "converged" and tight.measures["stationarity"] <= tol


@pytest.mark.parametrize("method", ["penalty", "kkt", "mgbio"])
def test_max_iter_stops(method):
    found = solved(method, P2, max_iter=4)
    assert (found.status.label, found.iterations) == ("iteration_limit", 4)
    assert len(found.trace["iteration"]) == 4


def test_penalty_starts_and_ends_where_it_is_told():
    found = solved("penalty", P1, s_start=1e-2, s_end=1e-3, s_factor=0.1)
    relative = 1 / (found.trace["penalty"] * found.state["unit"])
    used = sorted({float(f"{s:.3g}") for s in relative[np.isfinite(relative)]}, reverse=True)
    assert used[0] == pytest.approx(1e-2) and 1e-3 in [pytest.approx(s) for s in used]
    slow = solved("penalty", P1, s_factor=0.5)
    assert slow.iterations > found.iterations and error(slow, P1) < 1e-5


def test_penalty_lower_accuracy_costs_lower_steps():
    loose, tight = (solved("penalty", P2, lower_accuracy=a).phase_calls["solve_w"] for a in (1e-1, 1e-6))
    assert tight > loose


def test_penalty_lower_trials_bounds_each_solve():
    found = solved("penalty", P2, lower_trials=1, max_iter=5)
    outer = found.phase_calls["judge"] + found.phase_calls["judge_polish"]
    assert found.phase_calls["solve_w"] <= outer + 1


def test_kkt_first_penalties():
    first = solved("kkt", ROW, gamma=7.0, rho=3.0, max_iter=1)
    assert first.measures["penalty"] == 7.0 and first.state["rho"][0] == 3.0
    for gamma in (1e-3, 1e3):
        assert error(solved("kkt", ROW, gamma=gamma), ROW) < 1e-6


def test_kkt_gamma_grows_by_its_factor():
    found = solved("kkt", TWO_LEVEL["p6"], gamma=1e-3, gamma_factor=10)
    steps = np.unique(found.trace["penalty"])
    assert steps[1:] / steps[:-1] == pytest.approx(10)


def test_kkt_inner_iterations_are_bounded():
    found = solved("kkt", P2, inner_iter=1)
    assert found.phase_calls["update"] >= found.phase_calls["newton"] // 2


def test_mgbio_step_sizes():
    one = solved("mgbio", P1, gamma=0.05, lam=0.5, max_iter=1)
    assert one.state["gamma"][0] == 0.05
    halved = solved("mgbio", P1, gamma=0.05, lam=0.5, eta=0.5, max_iter=1)
    assert halved.state["y"] - P1.y0 == pytest.approx((one.state["y"] - P1.y0) / 2)
    assert halved.state["x"] - P1.x0 == pytest.approx((one.state["x"] - P1.x0) / 2)


def test_mgbio_warm_up_moves_y_alone():
    far = np.array([50.0])
    waiting = run("mgbio", P1.problem, P1.x0, far, lam=0.1, gamma=0.1, warm_up=5, max_iter=5)
    assert waiting.state["x"] == pytest.approx(P1.x0, abs=0) and abs(waiting.state["y"][0]) < 50
    assert run("mgbio", P1.problem, P1.x0, far, lam=0.1, gamma=0.1, warm_up=0, max_iter=5).state["x"][0] != P1.x0[0]


@pytest.mark.parametrize("settings", [{"mu": 0.5}, {"L": 0.5}])
def test_mgbio_spectrum_settings_change_the_hypergradient(settings):
    """H = cos is far from 1 here, so that the floor and the cap matter."""
    case = TWO_LEVEL["p4"]
    plain, changed = (
        run("mgbio", case.problem, [2.0], [0.3], gamma=1e-3, warm_up=0, max_iter=3, **s) for s in ({}, settings)
    )
    if settings == {"mu": 0.5}:  # one eigenvalue: relative to itself, a floor below 1 changes nothing
        assert np.array_equal(point(plain), point(changed))
    else:
        assert not np.array_equal(point(plain), point(changed))
