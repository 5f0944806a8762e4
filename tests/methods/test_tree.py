"""Branch and bound on complementarity pairs, against enumeration."""

from itertools import product

import numpy as np
import pytest

from bilevel_dsl.methods.direct.products import Quadratic
from bilevel_dsl.methods.direct.relaxation import Relaxation
from bilevel_dsl.methods.direct.tree import search


def _random(seed, rank=0):
    """Linear, or quadratic with a Hessian of some rank."""
    rng = np.random.default_rng(seed)
    n = 4
    a = rng.integers(-3, 6, (3, 2 * n)).astype(float)
    low, high = np.zeros(2 * n), np.full(2 * n, 5.0)
    c, up = rng.integers(-5, 4, 2 * n), rng.integers(-4, 9, 3)
    root = rng.normal(size=(2 * n, rank))
    relaxation = Relaxation(Quadratic(root @ root.T, c.astype(float), 0.0), low, high, a, np.full(3, -np.inf), up)
    return relaxation, [(k, n + k) for k in range(n)]


@pytest.mark.parametrize("rank", [0, 2, 8])
@pytest.mark.parametrize("seed", range(40))
def test_the_least_value(seed, rank):
    relaxation, pairs = _random(seed, rank)
    leaves = [relaxation.solve(frozenset(held)) for held in product(*pairs)]
    truth = min((leaf.value for leaf in leaves if leaf.status == "optimal"), default=np.inf)
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


def test_a_limit_leaves_a_bound_and_an_answer_near_by():
    cases = (_random(seed) for seed in range(60))
    relaxation, pairs = next(case for case in cases if search(case[0].solve, case[1]).nodes > 6)
    truth = search(relaxation.solve, pairs)
    held = min(product(*pairs), key=lambda h: relaxation.solve(frozenset(h)).value)
    found = search(relaxation.solve, pairs, leaf=lambda w: frozenset(held), most=2)
    assert found.status == "iteration_limit" and found.value == pytest.approx(truth.value)
    assert found.bound < truth.value


def test_a_quadratic_that_falls_without_end():
    square = Quadratic(np.diag([1.0, 0.0]), np.array([0.0, -1.0]), 0.0)
    free = Relaxation(square, [-np.inf, 0], [np.inf, np.inf], np.zeros((0, 2)), [], [])
    assert free.solve(frozenset()).status == "unbounded"
    bounded = Relaxation(square, [-np.inf, 0], [np.inf, np.inf], [[-1, 1]], [-np.inf], [1])
    found = bounded.solve(frozenset())
    assert found.value == pytest.approx(-1.5) and found.bound == pytest.approx(-1.5)
