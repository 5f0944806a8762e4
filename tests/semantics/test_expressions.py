"""Every expression by three ways: plain Python, the values of the semantics, and CasADi."""

from __future__ import annotations

from math import acos, asin, atan, atan2

import numpy as np
import pytest

from .evaluation import A, B, S, in_casadi, lowered, on_numbers, v, w

s = 1.25


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def logsumexp(x):
    return np.max(x) + np.log(np.sum(np.exp(x - np.max(x))))


CASES = {
    # precedence and operators
    "-s^2": -(s**2),
    "2^3^2": 512,
    "-2^2": -4,
    "(-2)^2": 4,
    "2 - 3 - 4": -5,
    "12 / 3 / 2": 2,
    "1 + 2 * 3": 7,
    "2 * -3": -6,
    "- -s": s,
    "s^-1": 1 / s,
    "v + 1": v + 1,
    "2 * v": 2 * v,
    "v * v": v * v,
    "1 / v": 1 / v,
    "v / 2": v / 2,
    "v^2": v**2,
    "2^v": 2**v,
    "A * A": A * A,
    "A'": A.T,
    "v'": v.reshape(1, 3),
    "s'": s,
    "A @ v": A @ v,
    "A @ S": A @ S,
    "v' @ S": v.reshape(1, 3) @ S,
    "v' @ v": v @ v,
    "v @ v'": np.outer(v, v),
    "A @ B": A @ B,
    "(A @ v)'": (A @ v).reshape(1, 2),
    "v' @ S @ v": v @ S @ v,
    "if s > 1 then v else -v": v,
    "if s > 2 then 1 else 2": 2,
    "if v > 0 then v else 0": np.where(v > 0, v, 0),
    "if not (s > 1) or s == 1.25 and 1 < 2 then 1 else 0": 1,
    # indices
    "v[1]": v[0],
    "v[n]": v[2],
    "A[2, 3]": A[1, 2],
    "A[1, :]": A[:1, :],
    "A[:, 2]": A[:, 1],
    "v[2:3]": v[1:3],
    "v[:2]": v[:2],
    "v[2:]": v[1:],
    "A[1:2, 2:3]": A[0:2, 1:3],
    "A[:, :]": A,
    'w["south"]': w[1],
    "v[first]": v[[2, 0, 1]],
    "A[1, first]": A[:1, [2, 0, 1]],
    "S[K, 1]": S[:, 0],
    "v[first[1]]": v[2],
    "(v + 1)[2]": v[1] + 1,
    "(A')[3, 1]": A[0, 2],
    # arrays and ranges
    "[1, 2, s]": [1, 2, s],
    "[[1, 2], [3, s]]": [[1, 2], [3, s]],
    "[v, v + 1]": np.array([v, v + 1]),
    "1..4": [1, 2, 3, 4],
    "[i^2 for i in 1..4]": [1, 4, 9, 16],
    "[v[i] * i for i in K]": v * [1, 2, 3],
    "[i for i in 1..5 if i != 3]": [1, 2, 4, 5],
    "[[A[i, j] * s for j in 1..n] for i in 1..m]": A * s,
    "[S[i, :] @ v for i in 1..n]": S @ v,
    "[v for i in 1..2]": np.array([v, v]),
    "[if i == 1 then v[1] else v[i - 1] for i in 1..n]": [v[0], v[0], v[1]],
    '[if c == "north" then 10 else w[c] for c in CITY]': [10, w[1]],
    '[w[c] for c in CITY if c != "north"]': [w[1]],
    # reductions
    "sum(A)": A.sum(),
    "prod(v)": v.prod(),
    "mean(A)": A.mean(),
    "min(v)": v.min(),
    "max(A)": A.max(),
    "min(s, 1, 3)": 1,
    "max(v, 0)": np.maximum(v, 0),
    "sum(s)": s,
    "sum(i * v[i] for i in 1..n)": v @ [1, 2, 3],
    "sum(A[i, j] for i in 1..m, j in 1..n)": A.sum(),
    "sum(A[i, j] for i in 1..m, j in i..n)": sum(A[i, j] for i in range(2) for j in range(i, 3)),
    "sum(S[i, j] for i in K, j in K if i < j)": S[0, 1] + S[0, 2] + S[1, 2],
    "prod(v[i] + 3 for i in K)": (v + 3).prod(),
    "max(v[i]^2 for i in K)": (v**2).max(),
    "min(i * v[i] for i in K)": min(v * [1, 2, 3]),
    "mean(v[i] for i in 1..2)": v[:2].mean(),
    "sum(sum(S[i, j] * v[j] for j in K)^2 for i in K)": ((S @ v) ** 2).sum(),
    "sum(max(S[i, j] * v[j] for j in K) for i in K)": sum((S * v).max(axis=1)),
    "sum(prod(v[j] + 3 for j in 1..i) for i in K)": np.cumprod(v + 3).sum(),
    "sum(v[j] for j in 1..0)": 0,
    "prod(v[j] for j in 1..0)": 1,
    "sum(A[:, j] * j for j in 1..n)": A @ [1, 2, 3],
    "sum(norm(A[i, :]) for i in 1..m)": np.linalg.norm(A, axis=1).sum(),
    "sum(dot(S[i, :], v) * i for i in K)": (S @ v) @ [1, 2, 3],
    "sum(quadratic(S, v * i) for i in K)": sum((v * i) @ S @ (v * i) for i in (1, 2, 3)),
    "sum((A @ v)[i] for i in 1..m)": (A @ v).sum(),
    "sum(softmax(S[i, :]' * s)[1] for i in K)": softmax(S * s)[:, 0].sum(),
    "sum(logsumexp(B' @ S[:, i]) for i in K)": sum(logsumexp(B.T @ S[:, i]) for i in range(3)),
    "sum(max(A[i, :]) for i in 1..m)": A.max(axis=1).sum(),
    "sum(prod(A[i, :]) for i in 1..m)": A.prod(axis=1).sum(),
    "sum(sum(inv(S * i)) for i in K)": sum(np.linalg.inv(S * i).sum() for i in (1, 2, 3)),
    "sum(det(outer(v, v) + i * S) for i in K)": sum(np.linalg.det(np.outer(v, v) + i * S) for i in (1, 2, 3)),
    "sum(v[i:i+1] for i in 1..2)": v[:2] + v[1:],
    "[[sum(A[i, k] * B[k, j] for k in K) for j in 1..m] for i in 1..m]": A @ B,
    "sum(A[i, :]' * v for i in 1..m)": (A * v).sum(axis=0),
    "expect(v[i]^2 for i in 1..n)": (v**2).mean(),
    "sum([i * v[j] for j in K][2] for i in K)": 6 * v[1],
    "sum((S[:, i] @ S[i, :])[1, 2] for i in K)": (S @ S)[0, 1],
    # user functions
    "square(3)": 9,
    "square(v)": v**2,
    "quadratic(S, v)": v @ S @ v,
    "weighted(v)": v @ [1, 2, 3],
    "sum(weighted(v * i) for i in K)": 6 * (v @ [1, 2, 3]),
    "sum(square(square(i)) for i in 1..3)": 1 + 16 + 81,
    # built-in functions
    "abs(v)": np.abs(v),
    "sqrt(s)": np.sqrt(s),
    "exp(v)": np.exp(v),
    "log(s)": np.log(s),
    "log1p(s)": np.log1p(s),
    "expm1(v)": np.expm1(v),
    "sin(v)": np.sin(v),
    "cos(v)": np.cos(v),
    "tan(v)": np.tan(v),
    "asin(0.3 * s)": asin(0.375),
    "acos(0.3 * s)": acos(0.375),
    "atan(s)": atan(s),
    "atan2(s, -2)": atan2(s, -2),
    "sinh(v)": np.sinh(v),
    "cosh(v)": np.cosh(v),
    "tanh(v)": np.tanh(v),
    "sigmoid(v)": 1 / (1 + np.exp(-v)),
    "softplus(v)": np.log1p(np.exp(v)),
    "softplus(800)": 800,
    "sigmoid(-800)": 0,
    "sign(v)": np.sign(v),
    "relu(v)": np.maximum(v, 0),
    "huber(v)": [0.125, 1.0, 1.5],
    "huber(v, 2)": [0.125, 1.125, 2.0],
    "smooth_abs(v, 0.1)": np.sqrt(v**2 + 0.01),
    "dot(v, v + 1)": v @ (v + 1),
    "dot(A, A)": (A * A).sum(),
    "norm(A)": np.linalg.norm(A),
    "norm1(v)": 4,
    "norminf(v)": 2,
    "sumsqr(A)": (A * A).sum(),
    "trace(S)": S.trace(),
    "diag(v)": np.diag(v),
    "diag(S)": np.diag(S),
    "eye(2)": np.eye(2),
    "zeros(2)": [0, 0],
    "ones(2, 3)": np.ones((2, 3)),
    "vec(A)": A.ravel("F"),
    "reshape(A, 3, 2)": A.reshape((3, 2), order="F"),
    "reshape(A, 6)": A.ravel("F"),
    "rows(A)": 2,
    "cols(A)": 3,
    "rows(v)": 3,
    "cols(v)": 1,
    "vcat(v, s)": [*v, s],
    "vcat(A, v')": np.vstack([A, v]),
    "hcat(A, w)": np.column_stack([A, w]),
    "hcat(v, v)": np.column_stack([v, v]),
    "kron(w, v)": np.kron(w, v),
    "kron(A, B)": np.kron(A, B),
    "outer(v, w)": np.outer(v, w),
    "softmax(v)": softmax(v),
    "logsumexp(v)": logsumexp(v),
    "logsumexp(v * 1000)": 2000,
    "solve(S, v)": np.linalg.solve(S, v),
    "inv(S)": np.linalg.inv(S),
    "det(S)": np.linalg.det(S),
}

DATA_ONLY = {
    "floor(2.5)": 2,
    "ceil(v)": np.ceil(v),
    "round(2.6)": 3,
    "linspace(0, 1, 5)": np.linspace(0, 1, 5),
    "normal(1, 2, 2, 3, seed=4)": np.random.default_rng(4).normal(1, 2, (2, 3)),
    "uniform(0, 2, 4, seed=1)": np.random.default_rng(1).uniform(0, 2, 4),
    "permutation(5, seed=2)": np.random.default_rng(2).permutation(5) + 1,
    "[floor(i / 2) for i in 1..4]": [0, 1, 1, 2],
}


@pytest.mark.parametrize("expression", CASES)
def test_value(expression):
    expected = np.asarray(CASES[expression], float)
    for value in (on_numbers(expression), in_casadi(expression), in_casadi(expression, as_variables=False)):
        assert value.shape == expected.shape
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("expression", DATA_ONLY)
def test_of_data_only(expression):
    expected = np.asarray(DATA_ONLY[expression], float)
    assert on_numbers(expression) == pytest.approx(expected) and on_numbers(expression).shape == expected.shape


def test_orth_spans_the_same_columns():
    Q = on_numbers("orth(B)")
    assert Q.T @ Q == pytest.approx(np.eye(2)) and Q @ (Q.T @ B) == pytest.approx(B)


@pytest.mark.parametrize(
    "expression",
    [
        "sum(A[i, j]^2 * v[j] for i in 1..m, j in 1..n)",
        "sum(huber(v[i] - i) for i in K)",
        "sum(exp(dot(S[i, :], v)) for i in K)",
        "sum(max(S[i, j] * v[j] for j in K) for i in K)",
    ],
)
def test_a_generator_is_a_few_operations_whatever_its_length(expression):
    from bilevel_dsl.semantics.nodes.ir import postorder

    node, _ = lowered(expression, as_variables=True)
    assert sum(1 for _ in postorder(node)) <= 12 and not any(n.op == "columns" for n in postorder(node))


def test_minimum_and_maximum_keep_nan():
    assert np.isnan(in_casadi("max(v[1] + log(-1), 2)")).all() and np.isnan(in_casadi("min(v + log(-1))")).all()
