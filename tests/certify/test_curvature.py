"""Shapes: a table of known ones, and nothing called convex that is not, by midpoints of sampled points."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.certify.curvature import curvature, curvatures
from bilevel_dsl.model import functions

V = ca.MX.sym("v", 3)
x, y, z = (V[k] for k in range(3))
Q = np.array([[2.0, 1, 0], [1, 2, 1], [0, 1, 2]])
INDEFINITE = np.array([[1.0, 2, 0], [2, 1, 0], [0, 0, 1]])
A = np.array([[1.0, 2, 3], [0, 1, -1]])
POSITIVE = (np.zeros(3), np.full(3, np.inf))


def function(expression) -> ca.Function:
    return ca.Function("f", [V], [ca.densify(expression)])


@pytest.mark.parametrize(
    "expression, box, shape",
    [
        (0 * x + 3, None, "constant"),
        (2 * x - y / 3 + 1, None, "affine"),
        (x - x + y, None, "affine"),
        (ca.bilin(Q, V, V), None, "convex"),
        (ca.bilin(INDEFINITE, V, V), None, "unknown"),
        (-ca.bilin(Q, V, V) + x, None, "concave"),
        (x * x - 2 * x * y + y * y, None, "convex"),
        (x * y, None, "unknown"),
        (1e8 * x * x + 1e-8 * y * y - 1e-10 * z * z, None, "unknown"),
        (1e8 * x * x + 1e-8 * y * y, None, "convex"),
        (ca.sumsqr(ca.mtimes(A, V) - 1), None, "convex"),
        (ca.bilin(Q, V, V) - 0.5 * x * x + ca.exp(x), None, "convex"),
        (ca.sqrt(ca.sum1((V - 1) * (V - 1))), None, "convex"),
        (ca.sum1(ca.fabs(V)), None, "convex"),
        (functions._largest(ca.fabs(V)), None, "convex"),
        (functions._logsumexp(V), None, "convex"),
        (ca.sum1(functions._softplus(-ca.mtimes(A, V))) + ca.sumsqr(V), None, "convex"),
        (ca.log(1 + ca.exp(-x)), None, "convex"),
        (ca.log(ca.exp(x) + 3 * ca.exp(y - x)), None, "convex"),
        (functions.larger(x, y) + ca.exp(x), None, "convex"),
        (functions.smaller(x, y), None, "concave"),
        (ca.sum1(V * ca.log(V)), POSITIVE, "convex"),
        (x * ca.log(x / 0.3), POSITIVE, "convex"),
        (ca.log(1 + x + y), None, "concave"),
        (-ca.log(x), None, "convex"),
        (ca.sqrt(x), None, "concave"),
        ((y - 1) ** 2 / x, POSITIVE, "convex"),
        (1 / (x + 1), POSITIVE, "convex"),
        (1 / x, None, "unknown"),
        ((x - y) ** 4, None, "convex"),
        (x**3, None, "unknown"),
        (x**3, POSITIVE, "convex"),
        (x**1.5, None, "convex"),
        (ca.sum1(functions._huber(V)), None, "convex"),
        ((x * (x > 0)) ** 2, None, "convex"),
        (ca.sin(x), None, "unknown"),
        (x**2 + 0.5 * ca.sin(x), None, "convex"),
        (x**2 + 3 * ca.sin(x), None, "unknown"),
        (ca.if_else(x > 0, x, 2 * x), None, "unknown"),
        (ca.exp(-x * x), None, "unknown"),
        (ca.exp(ca.bilin(Q, V, V)), None, "convex"),
        (ca.exp(x) * ca.exp(y), None, "convex"),
        (ca.sqrt(x * x + 1e-6), None, "convex"),
        (ca.fabs(x * x - 1), None, "unknown"),
        (ca.cosh(x - y), None, "convex"),
        (functions.larger(-ca.log(x), x * x), POSITIVE, "convex"),
        (-ca.fabs(x), None, "concave"),
        (ca.fmax(ca.log(x), -1), None, "unknown"),
        (ca.floor(x), None, "unknown"),
        (ca.sign(x), None, "unknown"),
        (ca.if_else(x <= 1, x * x, 3), None, "unknown"),
        ((x - 1) ** 2 + (x > 0), None, "unknown"),
        (ca.sqrt(x * x - 1), None, "unknown"),
        (ca.log(x * x), None, "unknown"),
        (ca.tanh(x), POSITIVE, "concave"),
    ],
)
def test_known_shapes(expression, box, shape):
    assert curvature(function(expression), *(box or ())) == shape


def test_one_shape_for_every_row():
    f = function(ca.vertcat(x + y, ca.exp(x), -x * x, ca.sin(x)))
    assert curvatures(f) == ["affine", "convex", "concave", "unknown"]


def test_a_bounded_box_helps():
    assert curvature(function(ca.sin(x)), np.zeros(3), np.full(3, 3.0)) == "concave"
    assert curvature(function(x * y + 2 * ca.exp(x) + 2 * ca.exp(y)), np.zeros(3), np.ones(3)) == "convex"


def test_many_variables():
    v = ca.MX.sym("v", 300)
    f = ca.Function("f", [v], [ca.sumsqr(v[1:] - v[:-1]) + ca.sum1(functions._softplus(v)) + functions._logsumexp(v)])
    assert curvature(f) == "convex"


ONE = [
    ca.fabs,
    ca.exp,
    ca.sin,
    ca.tanh,
    ca.atan,
    ca.floor,
    ca.sign,
    ca.cosh,
    functions._softplus,
    functions._huber,
    lambda u: ca.log(u + 2.5),
    lambda u: u * u,
    lambda u: u**3,
    lambda u: u * (u > 0),
    lambda u: -u,
    lambda u: 2 * u,
    lambda u: ca.if_else(u > 0.3, u, 1 - u),
    lambda u: ca.if_else(u <= 1, u * u, 3),
    lambda u: 1 / (u * u + 0.3),
    lambda u: ca.sqrt(u + 1.5),
    lambda u: ca.sqrt(u * u + 0.1),
    lambda u: (u + 3) * ca.log(u + 3),
    lambda u: -ca.ceil(u),
    lambda u: (u + 2) ** 1.5,
    lambda u: ca.exp(-u * u),
]
TWO = [
    lambda p, q: p + q,
    lambda p, q: p + q,
    lambda p, q: p - q,
    lambda p, q: p * q,
    functions.larger,
    functions.smaller,
    lambda p, q: p / (q * q + 1),
    lambda p, q: functions._logsumexp(ca.vertcat(p, q)),
    ca.fmax,
    lambda p, q: ca.sqrt(p * p + q * q),
]


def draw(rng, depth):
    if not depth or rng.random() < 0.15:
        return float(np.round(rng.normal(), 1)) * V[int(rng.integers(3))] + float(np.round(rng.normal(), 1))
    if rng.random() < 0.5:
        return ONE[rng.integers(len(ONE))](draw(rng, depth - 1))
    return TWO[rng.integers(len(TWO))](draw(rng, depth - 1), draw(rng, depth - 1))


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_called_convex_that_is_not(seed):
    rng = np.random.default_rng(seed)
    told = 0
    for _ in range(25):
        f = function(draw(rng, 3)).expand()
        low, high = np.round(rng.uniform(-2, 0, 3), 1), np.round(rng.uniform(0.1, 2, 3), 1)
        shape = curvature(f, low, high)
        if shape == "unknown":
            continue
        told += 1
        ends = [
            np.clip(np.round(low[:, None] + (high - low)[:, None] * rng.random((3, 600)), d), low[:, None], high[:, None])
            for d in (1, 2, 1)
        ]
        left, right = np.hstack([ends[0], ends[1]]), np.hstack([ends[2], ends[0][:, ::-1]])
        a, b, middle = (np.array(f(p))[0] for p in (left, right, 0.5 * (left + right)))
        gap = middle - 0.5 * (a + b)
        known = np.isfinite(gap)
        slack = 1e-9 * (1 + np.abs(middle) + np.abs(a) + np.abs(b))
        above, below = np.all((gap <= slack)[known]), np.all((gap >= -slack)[known])
        assert above if shape == "convex" else below if shape == "concave" else above and below, (shape, f)
    assert told
