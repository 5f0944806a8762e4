"""Branch and bound on complementarity pairs, against enumeration."""

from itertools import product

import numpy as np
import pytest

from bilevel_dsl.methods.direct.relaxation import Relaxation
from bilevel_dsl.methods.direct.tree import search


def _random(seed):
    rng = np.random.default_rng(seed)
    n = 4
    a = rng.integers(-3, 6, (3, 2 * n)).astype(float)
    low, high = np.zeros(2 * n), np.full(2 * n, 5.0)
    relaxation = Relaxation(rng.integers(-5, 4, 2 * n), low, high, a, np.full(3, -np.inf), rng.integers(-4, 9, 3))
    return relaxation, [(k, n + k) for k in range(n)]


@pytest.mark.parametrize("seed", range(60))
def test_the_least_value(seed):
    relaxation, pairs = _random(seed)
    leaves = [relaxation.solve(frozenset(held)) for held in product(*pairs)]
    truth = min((value for status, value, _ in leaves if status == "optimal"), default=np.inf)
    found = search(relaxation.solve, pairs)
    assert found.status == ("converged" if np.isfinite(truth) else "infeasible")
    assert found.value == pytest.approx(truth, abs=1e-8)
    assert found.bound == pytest.approx(truth, abs=1e-7)


def test_unbounded_leaf():
    relaxation = Relaxation([-1, 0], [0, 0], [np.inf, np.inf], [[0, 1]], [-np.inf], [1])
    assert search(relaxation.solve, [(0, 1)]).status == "diverged"


def test_bounded_leaves_of_an_unbounded_relaxation():
    relaxation = Relaxation([-1, 0], [0, 0], [np.inf, np.inf], [[1, -1]], [-np.inf], [0])
    found = search(relaxation.solve, [(0, 1)])
    assert (found.status, found.value) == ("converged", 0.0)


def test_time_limit():
    relaxation, pairs = _random(0)
    assert search(relaxation.solve, pairs, deadline=0.0).status == "time_limit"
