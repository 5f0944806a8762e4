"""Convexity between affine parts: what it says of large objectives, against the rules on all scalars."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.affine import affine_parts, convex_by_parts
from bilevel_dsl.certify.certificate import Examination
from bilevel_dsl.certify.curvature import curvature
from bilevel_dsl.certify.newton import SMALL, nearby
from bilevel_dsl.certify.place import Place
from bilevel_dsl.functions.oracles import Oracles

DATA = "param A[30, 3] = normal(0, 1, 30, 3, seed=1); param b[30] = sign(normal(0, 1, 30, seed=2));"
OBJECTIVES = {
    "mean(softplus(-b * (A @ y))) + x * sumsqr(y)": True,
    "mean(x * (log(exp(A @ y) + exp(-(A @ y))) - A @ y))": True,
    "sum(huber(A @ y - b, 0.5)) + norm1(y)": True,
    "norm(A @ y - b) + max(A @ y)": True,
    "mean(exp(A @ y)) - 0.1 * sumsqr(y)": False,
    "sum(sin(A @ y))": False,
    "-mean(softplus(A @ y))": False,
    "sumsqr(y * (A @ y)[1:3])": False,
}


def place_of(objective: str) -> Place:
    text = f"{DATA} upper {{ var x in [0.1, 1] start 0.5; minimize x; }} lower {{ var y[3]; minimize {objective}; }}"
    return Place(Oracles(bl.load(bl.Source("parts", text)), recognise=False))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_is_convex_between_affine_parts(objective):
    place = place_of(objective)
    free = np.full(3, np.inf)
    assert convex_by_parts(place, np.array([0.5]), -free, free) == OBJECTIVES[objective]
    g = place.oracles.function("g").expand()
    whole = curvature(_of_y(g, place)) in ("affine", "convex")
    assert whole or not OBJECTIVES[objective]  # what is said of the parts holds of the whole


def _of_y(g, place):
    import casadi as ca

    y = ca.SX.sym("y", 3)
    return ca.Function("g", [y], [g(ca.DM([0.5]), y, *place.columns)])


def test_bounds_of_the_variables_are_used():
    place = place_of("sum(y^3) + sumsqr(A @ y)")
    low, free = np.zeros(3), np.full(3, np.inf)
    assert convex_by_parts(place, np.array([0.5]), low, free)
    assert not convex_by_parts(place, np.array([0.5]), -free, free)


def test_the_parts_are_the_largest_ones():
    problem = place_of("mean(softplus(-b * (A @ y))) + x * sumsqr(y)").problem
    parts = affine_parts(problem.g.expression, problem.y)
    assert sorted(p.numel() for p in parts) == [3, 30]


def learning(n: int) -> Examination:
    text = f"""
param A[{2 * n}, {n}] = normal(0, 1, {2 * n}, {n}, seed=1); param b[{2 * n}] = sign(normal(0, 1, {2 * n}, seed=2));
upper {{ var x in [0.1, 1] start 0.5; minimize sumsqr(y) + x; }}
lower {{ var y[{n}] in [-0.05, 1]; minimize mean(softplus(-b * (A @ y))) + x * sumsqr(y); }}
"""
    oracles = Oracles(bl.load(bl.Source("learning", text)), recognise=False)
    x = np.array([0.5])
    y = Examination(oracles, x, np.zeros(n)).follower.answer(x, np.zeros(n)).y
    return Examination(oracles, x, y)


def test_answers_near_by_of_many_variables_are_those_of_the_full_solution():
    seen = learning(SMALL + 20)
    here = seen.local_of(seen.follower.answer(seen.x, seen.y))
    assert len(here.A) > 0  # bounds are active
    for convex in (False, True):
        for step in (-1e-4, 1e-4):
            x = seen.x + step
            found, full = (
                nearby(seen.place, seen.region, seen.frame, here, x, seen.y, convex),
                seen.follower.respond(x, seen.y),
            )
            assert found is not None and np.allclose(found.y, full.y, atol=1e-7) and abs(found.g - full.g) <= 1e-10
