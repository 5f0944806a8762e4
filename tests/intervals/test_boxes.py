"""Branch and bound against dense grids."""

from __future__ import annotations

import time

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.intervals.boxes import minimise
from bilevel_dsl.model import functions


def search(expression, v, low, high, tolerance=1e-6, **options):
    f = ca.Function("f", [v], [ca.densify(expression)])
    n = v.numel()
    return minimise(f, np.full(n, float(low)), np.full(n, float(high)), tolerance=tolerance, **options)


def proved(found, value, tolerance=1e-6):
    assert found.complete and found.reason == ""
    assert found.lower - 1e-8 * (1 + abs(value)) <= value <= found.upper + tolerance
    assert found.lower >= found.upper - tolerance


y, Y, T = ca.MX.sym("y"), ca.MX.sym("Y", 2), ca.MX.sym("T", 3)


def rastrigin(v):
    return 10 * v.numel() + ca.sum1(v * v - 10 * ca.cos(2 * np.pi * v))


@pytest.mark.parametrize(
    "expression, v, low, high, value, tolerance",
    [
        (rastrigin(y), y, -5.12, 5.0, 0.0, 1e-6),
        (rastrigin(Y - 0.3), Y, -5.12, 5.0, 0.0, 1e-6),
        (rastrigin(T + 0.2), T, -5.12, 5.0, 0.0, 1e-6),
        (ca.sin(5 * y) + 0.1 * y, y, -10, 10, -1.911261877, 1e-6),
        (ca.sum1((Y * Y - 1) ** 2 + 0.1 * Y), Y, -3, 3, -0.2012347548, 1e-6),
        ((y * y - 1) ** 2, y, -np.inf, np.inf, 0, 1e-6),
        (100 * (Y[1] - Y[0] ** 2) ** 2 + (1 - Y[0]) ** 2, Y, -3, 3, 0.0, 1e-6),
        (y**4, y, -1, 3, 0.0, 1e-6),
        (ca.fabs(y - 1) + ca.fabs(y + 1), y, -5, 5, 2.0, 1e-6),
        (ca.fabs(y), y, -1, 1, 0.0, 1e-9),
        (functions.larger(y, -2 * y) + 0.1, y, -1, 1, 0.1, 1e-6),
        (y * ca.log(y) - y, y, 0, np.inf, -1.0, 1e-6),
        (ca.exp(-y), y, 0, np.inf, 0.0, 1e-6),
        (functions._logsumexp(T) + ca.sumsqr(T - 1), T, -9, 9, 1.9875, 1e-3),
        (functions._softplus(3 * y) - y, y, -np.inf, np.inf, None, 1e-6),
        (-ca.floor(y) + 0.5 * y, y, 0, 2.5, -1.0, 1e-6),
        (Y[0] ** 2 + Y[1] ** 2 - Y[0] * Y[1] + ca.sin(Y[0]), Y, -np.inf, np.inf, -0.29599915, 1e-6),
        (ca.sqrt(y) + y, y, -1, 1, 0.0, 1e-6),
        (1 / y + y, y, 0, np.inf, 2.0, 1e-6),
        (y, y, 2, 2, 2.0, 1e-6),
    ],
)
def test_known_minima(expression, v, low, high, value, tolerance):
    found = search(expression, v, low, high, tolerance)
    if value is None:
        value = float(np.min(np.logaddexp(0, 3 * np.linspace(-3, 3, 100_001)) - np.linspace(-3, 3, 100_001)))
    if tolerance == 1e-3:
        assert found.complete
        return
    proved(found, value, 2 * tolerance)


def test_a_narrow_well_is_found():
    found = search((y - 0.5) ** 2 - 200 * ca.exp(-1e5 * (y - 7.3) ** 2), y, -10, 10)
    proved(found, -200 + 6.8**2, 1e-4)
    assert abs(found.point[0] - 7.3) < 1e-5 and found.boxes < 200


@pytest.mark.parametrize(
    "expression, low, high, near",
    [
        (ca.log(y) + 5 * (y - 1) ** 2, 0, 10, 0.0),
        (-1 / (y - 0.3) ** 2, 0, 1, 0.3),
        (-y, 0, np.inf, None),
        (-ca.log(y), 1, np.inf, None),
        (y**3, -np.inf, 1, None),
        (ca.log(y - 0.7), 0, 3, 0.7),
    ],
)
def test_unbounded(expression, low, high, near):
    found = search(expression, y, low, high)
    assert found.lower == -np.inf and not found.complete and found.reason.startswith("unbounded")
    if near is None:
        assert abs(found.point[0]) > 1e6
    else:
        assert abs(found.point[0] - near) < 1e-3


TERMS = [
    lambda v: ca.sin(3 * v),
    lambda v: 0.3 * v * v,
    lambda v: ca.fabs(v - 0.4),
    lambda v: ca.exp(0.5 * v),
    lambda v: -ca.exp(-3 * (v - 0.5) ** 2),
    lambda v: 0.1 * v**4 - v * v,
    lambda v: functions._softplus(2 * v),
    lambda v: functions._huber(v),
    lambda v: functions.larger(v, -0.3 * v),
    lambda v: 1 / (1 + v * v),
    ca.cos,
    lambda v: ca.if_else(v > 0.3, 1 - v, v * v),
]


def random_function(rng, v, coupled):
    n = v.numel()
    total = 0
    for _ in range(n + 1):
        weights = rng.normal(size=n) if coupled else np.eye(n)[rng.integers(n)]
        total += float(rng.normal()) * TERMS[rng.integers(len(TERMS))](ca.dot(ca.DM(weights), v) + float(rng.normal()))
    return total


@pytest.mark.parametrize("seed", range(24))
def test_random_functions(seed):
    rng = np.random.default_rng(seed)
    n = 1 + seed % 3
    v = ca.MX.sym("v", n)
    f = ca.Function("f", [v], [random_function(rng, v, seed % 2)]).expand()
    low, high = -2 * np.ones(n), np.round(rng.uniform(0, 2, n), 1)
    axes = [np.linspace(a, b, (4001, 161, 41)[n - 1]) for a, b in zip(low, high)]
    grid = np.array(np.meshgrid(*axes, indexing="ij")).reshape(n, -1)
    values = np.array(f(grid))[0]
    found = minimise(f, low, high, tolerance=1e-3, most=6000)
    assert found.lower <= values.min() + 1e-9
    assert found.upper == pytest.approx(float(f(found.point)), abs=1e-9)
    assert np.all((low <= found.point) & (found.point <= high))
    if "if" not in str(f(ca.SX.sym("v", n))):
        assert found.upper <= values.min() + 1e-3
        assert found.complete


@pytest.mark.parametrize("seed", range(8))
def test_rows(seed):
    rng = np.random.default_rng(100 + seed)
    n = 2 + seed % 2
    v = ca.MX.sym("v", n)
    f = ca.Function("f", [v], [ca.sum1(ca.sin(2 * v + float(rng.normal()))) + ca.dot(ca.DM(rng.normal(size=n)), v)])
    weights = ca.DM(rng.normal(size=n))
    rows = ca.Function("r", [v], [ca.vertcat(ca.sumsqr(v), ca.dot(weights, v) + 0.3 * v[0] * v[1])])
    low, high = -2 * np.ones(n), 2 * np.ones(n)
    limits = np.array([-np.inf, -0.2]), np.array([1.5, np.inf])
    found = minimise(
        f, low, high, rows=rows, rows_low=limits[0], rows_high=limits[1], tolerance=1e-3, most=8000, feasibility=1e-8
    )
    grid = np.array(np.meshgrid(*[np.linspace(-2, 2, (401, 61)[n - 2])] * n, indexing="ij")).reshape(n, -1)
    held = np.array(rows(grid))
    values = np.array(f(grid))[0][np.all((held >= limits[0][:, None]) & (held <= limits[1][:, None]), axis=0)]
    assert found.complete, found
    assert found.lower <= values.min() + 1e-9 and found.upper <= values.min() + 1e-3
    at = np.array(rows(found.point)).ravel()
    assert np.all((at >= limits[0] - 1e-8) & (at <= limits[1] + 1e-8))


def test_an_equation():
    rows = ca.Function("r", [Y], [Y[0] ** 2 + Y[1] ** 2])
    found = search(
        ca.sumsqr(Y - 1), Y, -2, 2, rows=rows, rows_low=np.array([1.0]), rows_high=np.array([1.0]), feasibility=1e-9
    )
    proved(found, (np.sqrt(2) - 1) ** 2)


def test_nothing_is_admissible():
    rows = ca.Function("r", [Y], [Y[0] ** 2 + Y[1] ** 2])
    found = search(Y[0], Y, -1, 1, rows=rows, rows_low=np.array([3.0]), rows_high=np.array([4.0]))
    assert found.complete and found.lower == np.inf and found.point is None


def test_a_known_point_is_used_and_limits_are_kept():
    found = search(rastrigin(T) + ca.sin(40 * T[0] * T[1]), T, -5, 5, tolerance=1e-12, most=300, known=(np.zeros(3), 0.0))
    assert found.upper <= 0.0 and not found.complete and "boxes" in found.reason and found.boxes <= 310
    found = search(rastrigin(T) + ca.sin(40 * T[0] * T[1]), T, -5, 5, tolerance=1e-12, deadline=time.perf_counter())
    assert "time" in found.reason


def test_no_rule_no_proof():
    found = search(ca.fmod(y, 2), y, 0, 5, known=(np.array([1.0]), 1.0))
    assert not found.complete and found.lower == -np.inf and found.upper == 1.0 and "rule" in found.reason
