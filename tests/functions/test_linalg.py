"""Factorisations against NumPy, also where they are hard: multiple eigenvalues, low rank, bad scaling."""

from __future__ import annotations

from functools import cache

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.linalg import eigh, orthonormal_rows, positive_solve, spectral_solve


@cache
def eigen(n: int) -> ca.Function:
    A = ca.MX.sym("A", n, n)
    return ca.Function("eigen", [A], [*eigh(A)])


def rotation(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def with_spectrum(values, rng: np.random.Generator) -> np.ndarray:
    Q = rotation(len(values), rng)
    A = (Q * np.array(values, float)) @ Q.T
    return (A + A.T) / 2


def matrices() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    A = rng.standard_normal((20, 20))
    return {
        "one entry": np.array([[-3.0]]),
        "two": np.array([[1.0, 2.0], [2.0, 1.0]]),
        "zero": np.zeros((4, 4)),
        "identity": np.eye(5),
        "diagonal": np.diag([3.0, -1.0, 0.0, 7.0]),
        "ones": np.ones((6, 6)),
        "rank one": np.outer(np.arange(7.0), np.arange(7.0)),
        "repeated": with_spectrum([2, 2, 2, -1, -1, 5], rng),
        "random": A + A.T,
        "large": 1e150 * (A + A.T)[:5, :5],
        "small": 1e-150 * (A + A.T)[:5, :5],
        "badly scaled": with_spectrum([1e12, 1e6, 1, 1e-6, 1e-12], rng),
        "clustered": with_spectrum(1 + 1e-13 * np.arange(6), rng),
        "graded": np.diag(10.0 ** -np.arange(0, 24, 3))
        + np.diag(10.0 ** -np.arange(1, 22, 3), 1)
        + np.diag(10.0 ** -np.arange(1, 22, 3), -1),
        "tridiagonal": np.diag(np.full(12, 2.0)) + np.diag(np.full(11, -1.0), 1) + np.diag(np.full(11, -1.0), -1),
        "two blocks": np.kron(np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])),
    }


@pytest.mark.parametrize("name", matrices())
def test_eigh(name):
    A = matrices()[name]
    n, size = len(A), np.max(np.abs(A), initial=0)
    e, U = (np.array(v) for v in eigen(n)(A))
    assert np.sort(e.ravel()) == pytest.approx(np.linalg.eigvalsh(A), rel=0, abs=2e-14 * n * size + 1e-300)
    assert U.T @ U == pytest.approx(np.eye(n), abs=1e-14 * n)
    assert (U * e.ravel()) @ U.T == pytest.approx(A, rel=0, abs=2e-14 * n * size + 1e-300)


def test_eigh_gives_nan_for_nan():
    A = np.eye(4)
    A[1, 2] = A[2, 1] = np.nan
    e, U = eigen(4)(A)
    assert np.isnan(np.array(e)).any() and np.isnan(np.array(U)).any()


def test_eigh_of_many_random_matrices():
    rng = np.random.default_rng(1)
    for _ in range(200):
        values = np.round(3 * rng.standard_normal(6), rng.integers(0, 3)) * 10.0 ** rng.integers(-3, 4)
        A = with_spectrum(values, rng)
        e = np.array(eigen(6)(A)[0]).ravel()
        assert np.sort(e) == pytest.approx(np.sort(values), rel=0, abs=1e-13 * (np.abs(values).max() + 1e-300))


@pytest.mark.parametrize("rule", ["clip", "abs", "kernel"])
def test_spectral_solve(rule):
    rng = np.random.default_rng(2)
    H, b = ca.MX.sym("H", 6, 6), ca.MX.sym("b", 6)
    solve = ca.Function("solve", [H, b], [spectral_solve(H, b, 0.5, 4.0, rule)])
    replaced = {
        "clip": lambda e: np.clip(e, 0.5, 4),
        "abs": lambda e: np.clip(abs(e), 0.5, 4),
        "kernel": lambda e: np.where(abs(e) < 0.5, np.inf, np.clip(e, 0.5, 4)),
    }[rule]
    for values in ([1, 2, 3, 1, 2, 3], [0, 0, 0.1, 2, 9, 9], [-3, -0.2, 0.2, 1, 8, 0]):
        A, right = with_spectrum(values, rng), rng.standard_normal(6)
        e, U = np.linalg.eigh(A)
        expected = U @ ((U.T @ right) / replaced(e))
        assert np.array(solve(A, right)).ravel() == pytest.approx(expected, abs=1e-12)


def test_kernel_rule_is_the_pseudo_inverse_on_the_range():
    rng = np.random.default_rng(3)
    H, b = ca.MX.sym("H", 6, 6), ca.MX.sym("b", 6)
    solve = ca.Function("solve", [H, b], [spectral_solve(H, b, 1e-6, 1e20, "kernel")])
    A = with_spectrum([0, 0, 1, 2, 3, 4], rng)
    right = A @ rng.standard_normal(6)
    assert np.array(solve(A, right)).ravel() == pytest.approx(np.linalg.pinv(A) @ right, abs=1e-12)


def test_unknown_rule():
    with pytest.raises(ValueError, match="squash"):
        spectral_solve(ca.MX.sym("H", 2, 2), ca.MX.sym("b", 2), 0.1, 1, "squash")


@cache
def positive(n: int) -> ca.Function:
    A, b = ca.MX.sym("A", n, n), ca.MX.sym("b", n)
    return ca.Function("positive", [A, b], [positive_solve(A, b)])


@pytest.mark.parametrize("n", [1, 2, 3, 8, 30])
def test_positive_solve_of_positive_matrices(n):
    rng = np.random.default_rng(n)
    for _ in range(5):
        A, b = with_spectrum(rng.uniform(0.5, 50, n), rng), rng.standard_normal(n)
        assert np.array(positive(n)(A, b)).ravel() == pytest.approx(np.linalg.solve(A, b), rel=1e-11, abs=1e-12)


def test_positive_solve_gives_descent_whatever_the_matrix():
    rng = np.random.default_rng(4)
    for values in ([1, -1, 0, 2, -5], [0, 0, 0, 0, 0], [-1, -1, -1, -1, -1], [1e10, 1, -1e-3, 1e-10, 0]):
        for _ in range(20):
            A, g = with_spectrum(values, rng), rng.standard_normal(5)
            d = np.array(positive(5)(A, g)).ravel()
            assert np.all(np.isfinite(d)) and d @ g > 0


@pytest.mark.parametrize("m, n", [(1, 1), (1, 4), (3, 5), (5, 3), (4, 4)])
def test_orthonormal_rows(m, n):
    rng = np.random.default_rng(10 * m + n)
    A, b = ca.MX.sym("A", m, n), ca.MX.sym("b", m)
    rows = ca.Function("rows", [A, b], [*orthonormal_rows(A, b)])
    for rank in range(1, min(m, n) + 1):
        M = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))
        point = rng.standard_normal(n)
        Q, c = (np.array(v) for v in rows(M, M @ point))
        kept = np.linalg.norm(Q, axis=1) > 0.5
        assert kept.sum() == rank == np.linalg.matrix_rank(M)
        assert Q[kept] @ Q[kept].T == pytest.approx(np.eye(rank), abs=1e-13)
        assert np.all(Q[~kept] == 0) and np.all(c[~kept] == 0)
        assert Q @ point == pytest.approx(c.ravel(), abs=1e-9)
        assert M @ (np.eye(n) - Q.T @ Q) == pytest.approx(np.zeros((m, n)), abs=1e-9)
