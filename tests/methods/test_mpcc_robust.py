"""mpcc where it is hard: degenerate pairs, units, large sparse followers, graphs of matrices, and why it stops."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.methods.direct import system
from bilevel_dsl.methods.mpcc import MPCC_LIMIT, SETTINGS, solve

DEFAULTS = {s.name: s.default for s in SETTINGS}

# name -> model, upper value, values of variables
KNOWN = {
    # the leader's line x + y = 7 meets the follower's y = x - 1 (Bard 1984 style): worked out by hand
    "linear follower": (
        """upper { var x in [0, 10]; minimize x - 4 * y; }
           lower { var y in [0, 10]; minimize y; s.t. -x - y <= -3; -2*x + y <= 0; 2*x + y <= 12; 3*x - 2*y <= 4; }""",
        -12.0,
        {"x": 4.0, "y": 4.0},
    ),
    # y = min(x, 1): (x - 3)^2 + (y - 2)^2 has its minimum at x = 3, y = 1
    "quadratic with a row": (
        "upper { var x; minimize (x - 3)^2 + (y - 2)^2; } lower { var y; minimize (y - x)^2; s.t. y <= 1; }",
        1.0,
        {"x": 3.0, "y": 1.0},
    ),
    # y = 1 - x, x = 1 - y only on the row; leader pushes x to 2, y = -1 by the coupled row
    "coupled row": (
        "upper { var x in [0, 2]; minimize -x - y^2; } lower { var y; minimize (y - 4)^2; s.t. x + y <= 1; }",
        -3.0,
        {"x": 2.0, "y": -1.0},
    ),
    "simplex": (
        """upper { var x[2] in [0, 1]; minimize (y[1] - 0.25)^2 + x[1]^2 / 1000; }
           lower { var y[2] in simplex; minimize sumsqr(y - x); }""",
        0.0,
        {"y": [0.25, 0.75]},
    ),
    # y[1] = (x + 1) / 2, the other 1 - that
    "equality": (
        "upper { var x; minimize (y[1] - 1)^2 + x^2; } lower { var y[2]; minimize sumsqr(y) - 2*x*y[1]; s.t. sum(y) == 1; }",
        0.2,
        {"x": 0.2, "y": [0.6, 0.4]},
    ),
    # y = (q in the market) price 100 - q: strategic quantity, price taker of cost y^2/2 follows p = y = 100 - q - y
    "prices": (
        """upper { var q in [0, 100]; maximize (dual(balance) - 10) * q; }
           lower { var g in nonneg; var d in [0, 100]; minimize g^2 / 2 - 100*d + d^2 / 2; s.t. balance: g + q == d; }""",
        800.0,
        {"q": 40.0, "g": 30.0, "d": 70.0},
    ),
    "no leader variables": (
        "upper { minimize sumsqr(y - [3, 0]); } lower { var y[2] in [0, 4]; minimize (sum(y) - 2)^2; }",
        1.0,
        {"y": [2.0, 0.0]},
    ),
    # sin has its minima where x + y - 2 = -pi/2 + 2 k pi
    "not convex": (
        """upper { var x start 2; minimize (x - 2)^2 + (y - 4)^2; }
           lower { var y in [0, 8] start 4; minimize sin(x + y - 2) + 1; }""",
        2 * (3 * np.pi / 4 - 2) ** 2,
        {"x": 3 * np.pi / 4, "y": 2 + 3 * np.pi / 4},
    ),
    # a bound that is a number, equal on both sides
    "a fixed variable": (
        """upper { var x; minimize (x - 1)^2 + (z - 2)^2 + y; } lower { var y in [2, 2]; var z; minimize (z - x)^2 + y; }""",
        2.5,
        {"x": 1.5, "y": 2.0, "z": 1.5},
    ),
    # units: thousands of the same problem
    "units": (
        "upper { var x in [0, 1e6]; maximize 1e3*x - y/10; } lower { var y in [0, 1e8]; minimize y; s.t. y >= 1e2 * x; }",
        9.9e8,
        {"x": 1e6, "y": 1e8},
    ),
}


def load(text: str) -> bl.Problem:
    return bl.load(bl.Source("mpcc.bilevel", text))


@pytest.mark.parametrize("name", KNOWN)
def test_known_answers(name):
    text, upper, values = KNOWN[name]
    found = bl.solve(load(text), "mpcc")
    assert found.status == "converged" and found.verified, str(found)
    assert found.upper == pytest.approx(upper, rel=1e-7, abs=1e-7)
    for variable, value in values.items():
        np.testing.assert_allclose(found[variable], value, rtol=1e-6, atol=1e-6 if name != "simplex" else 1e-3)
    assert found.measures["complementarity"] == 0 and found.measures["violation"] < 1e-7
    assert found.executor == "ipopt" and found.evaluations["pieces"] > 0
    assert len(found.trace["iteration"]) == len(found.trace["upper"]) > 0


@pytest.mark.parametrize("name", ["quadratic with a row", "simplex", "prices", "not convex"])
def test_graphs_of_matrices(name, monkeypatch):
    """What is too large for scalars gives the same answer."""
    monkeypatch.setattr(system, "SCALAR_LIMIT", 0)
    text, upper, _ = KNOWN[name]
    found = bl.solve(load(text), "mpcc")
    assert found.verified and found.upper == pytest.approx(upper, rel=1e-7, abs=1e-7)


def test_a_better_corner_than_the_first():
    """Candler and Townsley 1982: the piece at the start has -23, the best is -29.2."""
    found = bl.solve(
        load("""
        upper { var x[2] in nonneg; minimize -8*x[1] - 4*x[2] + 4*y[1] - 40*y[2] - 4*y[3]; }
        lower { var y[3] in nonneg; minimize x[1] + 2*x[2] + y[1] + y[2] + 2*y[3];
          s.t. y[2] + y[3] - y[1] <= 1; 2*x[1] - y[1] + 2*y[2] - 0.5*y[3] <= 1;
          2*x[2] + 2*y[1] - y[2] - 0.5*y[3] <= 1; }"""),
        "mpcc",
    )
    assert found.verified and found.upper == pytest.approx(-29.2, abs=1e-6)


def test_a_maximum_of_the_follower_is_left():
    """Mirrlees-like: y = 0 is stationary, and the worst for the follower."""
    found = bl.solve(
        load("upper { var x in [-1, 1]; minimize x^2 + y^2; } lower { var y in [-2, 3]; minimize -y^2 + x; }"), "mpcc"
    )
    assert found.verified and found["y"] == pytest.approx(3.0)


def test_a_large_sparse_follower():
    """8000 variables with one row each and one over all: seconds, and exact."""
    problem = load("""
    param n = 4000;
    upper { var m[2] in [0, 5]; maximize sum((y[i] - z[i]) for i in 1..n) / n - 0.05 * sumsqr(m); }
    lower { var y[n] in [0, 9]; var z[n] in nonneg;
      minimize sum((y[i] - m[1])^2 + (z[i] - m[2])^2 + i / n * z[i] for i in 1..n);
      s.t. c[i in 1..n]: y[i] + z[i] >= 1; }""")
    begun = perf_counter()
    found = solve(Oracles(problem), *problem.start(), DEFAULTS, deadline=begun + 120, on_progress=None)
    assert found.status == "converged" and perf_counter() - begun < 60
    m = found.x
    assert m == pytest.approx([5.0, 0.0], abs=1e-4)  # the slope of the leader vanishes at 0
    np.testing.assert_allclose(found.y[:4000], 5.0, atol=1e-7)
    assert found.measures["stationarity"] < 1e-8 and found.measures["complementarity"] == 0


# --- why it stops ----------------------------------------------------------------------------------------


def test_infeasible():
    """The follower answers y = x >= 0, which the leader's row forbids."""
    problem = load("upper { var x in [0, 4]; minimize x; s.t. y <= -1; } lower { var y; minimize (y - x)^2; }")
    assert bl.solve(problem, "mpcc").status == "infeasible"


def test_a_set_without_a_point():
    """The data of a set may be changed after the model was read."""
    text = "param r = 1; upper { var x in ball(0, r); minimize x + y; } lower { var y; minimize (y - x)^2; }"
    problem = load(text)
    empty = replace(problem, parameters=tuple(replace(q, value=np.array(-1.0)) for q in problem.parameters))
    assert solve(Oracles(empty), *empty.start(), DEFAULTS, deadline=np.inf, on_progress=None).status == "infeasible"


def test_unbounded():
    problem = load("upper { var x; minimize 2 * x - y; } lower { var y in [0, 1]; minimize (y - x)^2; }")
    assert bl.solve(problem, "mpcc").status == "diverged"


def test_a_kink_is_no_traceback():
    """A norm has no derivative at 0, where the follower goes."""
    problem = load("""upper { var x[2] start 1; minimize sumsqr(x - 2) + sumsqr(y); }
                      lower { var y[2]; minimize norm(y - x) + sumsqr(y) / 9; }""")
    found = bl.solve(problem, "mpcc", verify="no", max_iter=300)
    assert found.status in {"converged", "stalled", "not_finite", "iteration_limit", "infeasible"}


HOURS = """
param H = 60; param G = 10;
upper { var m[G] in [0, 20]; maximize sum((dual(bal)[h] - 10) * q[h, 1] for h in 1..H); }
lower { var q[H, G] in nonneg; var d[H] in [0, 1000];
  minimize sum(sum((10 + i + m[i]) * q[h, i] + 0.05 * q[h, i]^2 for i in 1..G) - (200 + 5*h)*d[h] + d[h]^2/2 for h in 1..H);
  s.t. bal[h in 1..H]: sum(q[h, i] for i in 1..G) == d[h]; cap[h in 1..H, i in 1..G]: q[h, i] <= 30 + 2*i; }
"""


def test_limits():
    problem = load(HOURS)
    start, oracles = problem.start(), Oracles(problem)
    begun = perf_counter()
    assert solve(oracles, *start, DEFAULTS, deadline=begun + 1, on_progress=None).status == "time_limit"
    assert perf_counter() - begun < 10
    found = solve(oracles, *start, {**DEFAULTS, "max_iter": 7}, deadline=np.inf, on_progress=None)
    assert found.status == "iteration_limit" and found.iterations <= 7


def test_progress_may_stop_it():
    problem, seen = load(HOURS), []

    def stop(iterations, measures):
        seen.append((iterations, measures))
        return bool(measures)

    found = solve(Oracles(problem), *problem.start(), DEFAULTS, deadline=np.inf, on_progress=stop)
    assert found.status == "interrupted" and {"upper", "lower", "violation"} <= set(seen[-1][1])
    assert np.all(np.isfinite(found.y))


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals")
def test_ctrl_c_gives_the_best_point():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(1.5, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    try:
        found = bl.solve(load(HOURS), "mpcc", verify="no", on_progress=lambda k, measures: None)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    assert found.status == "interrupted" and found.variables


# --- what it takes --------------------------------------------------------------------------------------


def test_too_large():
    problem = load(f"upper {{ var x; minimize x^2; }} lower {{ var y[{MPCC_LIMIT + 1}]; minimize sumsqr(y - x); }}")
    assert "limit" in METHODS["mpcc"].refusals(problem)[0].rule
