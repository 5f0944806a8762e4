"""Least squares by parts: the same as all at once, on matrices that fall apart and on such that do not."""

from __future__ import annotations

import numpy as np
import pytest

from bilevel_dsl.certify.nonnegative import nonnegative
from bilevel_dsl.certify.separate import LARGE, least_squares, null_space, parts, rank


def scattered(seed: int, blocks: list[tuple[int, int]]) -> np.ndarray:
    """Blocks of a matrix in mixed order of rows and columns, some columns of zeros."""
    rng = np.random.default_rng(seed)
    m, n = (sum(b[k] for b in blocks) for k in (0, 1))
    A, i, j = np.zeros((m + 2, n + 3)), 0, 0
    for rows, columns in blocks:
        A[i : i + rows, j : j + columns] = rng.standard_normal((rows, columns))
        i, j = i + rows, j + columns
    return A[rng.permutation(m + 2)][:, rng.permutation(n + 3)]


BLOCKS = [[(12, 10)] * 9, [(5, 8)] * 12, [(3, 1)] * 80, [(90, 70)], [(40, 40), (2, 30)]]


@pytest.mark.parametrize("blocks", BLOCKS)
def test_parts_are_the_blocks(blocks):
    A = scattered(0, blocks)
    found = parts(A)
    assert sorted((len(r), len(c)) for r, c in found) == sorted(blocks) and A.shape[1] > LARGE
    left = A.copy()
    for rows, columns in found:
        left[np.ix_(rows, columns)] = 0
    assert not left.any()


@pytest.mark.parametrize("blocks", BLOCKS)
@pytest.mark.parametrize("right", [(), (3,)])
def test_least_squares_are_those_of_the_whole(blocks, right):
    A = scattered(1, blocks)
    b = np.random.default_rng(2).standard_normal((len(A), *right))
    np.testing.assert_allclose(least_squares(A, b, 1e-12), np.linalg.lstsq(A, b, rcond=1e-12)[0], atol=1e-10)


@pytest.mark.parametrize("blocks", BLOCKS)
def test_null_space_and_rank(blocks):
    A = scattered(5, blocks)
    A[:, 0] = A[:, 1]  # dependent, within a block or across
    Z, r = null_space(A, 1e-9), np.linalg.matrix_rank(A)
    assert rank(A, 1e-9) == r and Z.shape == (A.shape[1], A.shape[1] - r)
    np.testing.assert_allclose(A @ Z, 0, atol=1e-10)
    np.testing.assert_allclose(Z.T @ Z, np.eye(Z.shape[1]), atol=1e-10)


def test_chains_hang_together():
    n = 500
    A = np.eye(n) + np.eye(n, k=1)
    ((rows, columns),) = parts(A)
    assert len(rows) == len(columns) == n


@pytest.mark.parametrize("blocks", BLOCKS)
def test_signs(blocks):
    """Conditions of the optimum: no slope along free entries, none downhill at zeros."""
    A = scattered(3, blocks)
    rng = np.random.default_rng(4)
    b, signed = rng.standard_normal(len(A)), rng.random(A.shape[1]) < 0.7
    v = nonnegative(A, b, signed)
    slope = A.T @ (b - A @ v)
    assert np.all(v[signed] >= 0) and np.all(slope[signed] <= 1e-9)
    np.testing.assert_allclose(slope[~signed | (v > 0)], 0, atol=1e-9)
