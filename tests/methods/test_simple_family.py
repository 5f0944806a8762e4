"""First-order methods for simple bilevel problems: known answers, and what their papers say of them."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.methods.parts.cut import vertex
from bilevel_dsl.model.sets import Ball, Box, L1Ball, LinfBall, Product, Simplex
from bilevel_dsl.runtime.execute import execute
from tests.methods.running import run
from tests.methods.test_dbgd import LINE, simple
from tests.problems import box

NAMES = ["bloop", "big_sam", "simple_penalty", "cg_bio_projected", "agm_bio"]
# f and a g that is flat on the simplex; minimisers on the boundary, where grad g does not vanish
FLAT = simple(lambda y: ca.sumsqr(y - ca.DM([1, 0.5])), lambda y: -y[0] - y[1], 2, Simplex(2, ca.MX(1)))
SHARP = simple(lambda y: ca.sumsqr(y - ca.DM([2, 0.3])), lambda y: y[0], 2, box(2, 0, 1))


@pytest.mark.parametrize("name", NAMES)
def test_the_point_of_a_line(name):
    found = execute(METHODS[name].program(Oracles(LINE)), np.zeros(0), np.array([10.0, -30.0]))
    assert found.status.label == "converged" and found.state["y"] == pytest.approx([1.5, -0.5], abs=5e-4)


@pytest.mark.parametrize("name", [*NAMES, "cg_bio"])
@pytest.mark.parametrize("made, start, answer", [(FLAT, [0.1, 0.9], [0.75, 0.25]), (SHARP, [0.7, 0.7], [0, 0.3])])
def test_minimisers_on_the_boundary(name, made, start, answer):
    found = execute(METHODS[name].program(Oracles(made)), np.zeros(0), np.array(start))
    assert found.status.label == "converged" and found.state["y"] == pytest.approx(answer, abs=5e-4)


def test_the_penalty_is_wrong_by_one_over_gamma():
    """g = (y1 + y2 - 1)^2 / 2, quadratic growth: the distance to its minimisers is f's slope over gamma."""
    gammas = np.array([10.0, 100.0, 1000.0])
    ends = [run("simple_penalty", LINE, [], [0, 0], gamma=gamma, tol=1e-9, max_iter=3000).state["y"] for gamma in gammas]
    wrong = [abs(y.sum() - 1) for y in ends]
    assert wrong == pytest.approx(1 / (1 + 2 * gammas), rel=1e-4)


def test_the_penalty_is_exact_where_g_grows_linearly():
    """Error bound of exponent 1 with rho = 1: gamma above the slope 4 of f is enough, below it is not."""
    above, below = (run("simple_penalty", SHARP, [], [0.7, 0.7], gamma=gamma, tol=1e-8).state["y"] for gamma in (4.5, 3))
    assert above == pytest.approx([0, 0.3], abs=1e-6) and below[0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("lam", [0.1, 1.0, 5.0])
def test_the_direction_of_bloop(lam):
    """<d, grad g> = |grad g|^2, and the rest is lambda times f's gradient orthogonal to it."""
    for seed in range(4):
        y = np.random.default_rng(seed).standard_normal(2) * 3
        after = run("bloop", LINE, [], y, lam=lam, eta=1, max_iter=1)
        d, grad_g, grad_f = y - after.state["y"], np.full(2, y.sum() - 1), y - [2, 0]
        assert d @ grad_g == pytest.approx(grad_g @ grad_g)
        assert d == pytest.approx(grad_g + lam * (grad_f - grad_f @ grad_g / (grad_g @ grad_g) * grad_g), abs=1e-10)


def test_bloop_does_not_depend_on_lambda_and_its_average_does_not_hurt():
    """min a^2 / 2, then ((a - 1)^2 + b^2) / 2: a = 0 for every lambda; the mixed method has lambda / (1 + lambda)."""
    made = simple(lambda y: ((y[0] - 1) ** 2 + y[1] ** 2) / 2, lambda y: y[0] ** 2 / 2, 2)
    for lam, averaging in ((0.1, 0), (1, 0), (1, 1)):
        found = run("bloop", made, [], [2.0, 1.0], lam=lam, averaging=averaging, rho=0.5, max_iter=3000)
        assert found.state["y"] == pytest.approx([0, 0], abs=1e-3)


def test_big_sam_approaches_like_one_over_k():
    ends = [run("big_sam", LINE, [], [10, -30], max_iter=n, tol=0).measures["lower_stationarity"] for n in (500, 4000)]
    assert ends[0] / ends[1] == pytest.approx(8, rel=0.2)


# --- cutting planes -------------------------------------------------------------------------------------


def test_the_toy_of_cg_bio():
    """Of the authors' code: the leader's choice among the maximisers of x1 + x2, here over the simplex."""
    made = simple(lambda y: y[0] ** 2 / 2 - y[0] / 2 + 0.1 * y[1], lambda y: -(y[0] + y[1]), 3, Simplex(3, ca.MX(1)))
    found = run("cg_bio", made, [], [0.2, 0.2, 0.6], max_iter=3000, tol=1e-3)
    assert found.state["y"] == pytest.approx([0.6, 0.4, 0], abs=0.03) and found.status.label == "converged"


def test_cg_bio_asks_for_a_bounded_set():
    assert "bounded" in METHODS["cg_bio"].refusals(LINE)[0].rule
    half = simple(lambda y: ca.sumsqr(y), lambda y: ca.sum1(y), 2, Box(2, ca.MX(ca.DM([0, 0])), ca.MX(ca.DM([1, np.inf]))))
    assert "not bounded" in METHODS["cg_bio"].refusals(half)[0].rule


@pytest.mark.parametrize(
    "kind",
    [
        box(3, -1, 2),
        LinfBall(3, ca.MX([0, 1, 2]), ca.MX(2)),
        Ball(3, ca.MX([1, 0, 0]), ca.MX(2)),
        Simplex(3, ca.MX(2)),
        L1Ball(3, ca.MX(1.5)),
        Product(3, (Simplex(2, ca.MX(1)), box(1, 0, 1))),
    ],
    ids=lambda kind: type(kind).__name__,
)
def test_linear_minimisation(kind):
    """Its answer is in the set, and no projected point is better."""
    from bilevel_dsl.functions.sets import project

    c, v = ca.MX.sym("c", 3), ca.MX.sym("v", 3)
    least = ca.Function("least", [c], [vertex(kind, c)])
    nearest = ca.Function("nearest", [v], [project(kind, v)])
    rng = np.random.default_rng(0)
    for _ in range(20):
        slope = rng.normal(size=3)
        best = np.array(least(slope)).ravel()
        assert np.array(nearest(best)).ravel() == pytest.approx(best, abs=1e-9)
        for far in rng.normal(size=(20, 3)) * 10:
            assert slope @ best <= slope @ np.array(nearest(far)).ravel() + 1e-9


def test_the_step_of_the_projected_variant():
    """y+ is the projection of y - eta grad f on the plane and the set, by its optimality conditions."""
    made = simple(
        lambda y: ca.sumsqr(y - ca.DM([2, 0])) / 2, lambda y: (y[0] + y[1] - 1) ** 2 / 2 + y[0] ** 4, 2, box(2, -5, 5)
    )
    one, two = (run("cg_bio_projected", made, [], [3, -2], eta=0.5, tol=0, max_iter=k) for k in (2, 3))
    y, new = one.state["y"], two.state["y"]
    grad_f, grad_g = y - [2, 0], (y.sum() - 1) * np.ones(2) + [4 * y[0] ** 3, 0]
    g = (y.sum() - 1) ** 2 / 2 + y[0] ** 4
    room = two.state["least"][0] - g - grad_g @ (new - y)
    push = ((y - 0.5 * grad_f - new) @ grad_g) / (grad_g @ grad_g)
    assert room >= -1e-9 and push >= 0 and push * abs(room) < 1e-9
    assert y - 0.5 * grad_f - new == pytest.approx(push * grad_g, abs=1e-9)
