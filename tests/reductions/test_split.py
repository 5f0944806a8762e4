"""Followers with kinks as smooth ones: the same answers, against other ways to solve them; and when they are left alone."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.reductions.split import hindrance, split, split_both


def load(text: str):
    return bl.load(bl.Source("kinks", text))


LASSO = """
param A[4, 3] = [[2, 0.3, -0.2], [0.1, 1.5, 0.4], [-0.5, 0.2, 1.8], [0.3, -0.6, 0.5]];
param b[4] = [1, -0.4, 0.3, 0.7];
upper { var l in [0, 3] start 0.2; minimize sumsqr(w - [0.4, 0, 0.1]); }
lower { var w[3]; minimize sumsqr(A @ w - b) + l * norm1(w); }
"""
WORST = """
upper { var x in [-2, 2] start 0.5; minimize (y[1] - 0.3)^2 + (y[2] + 0.2)^2 + 0.1 * x^2; }
lower { var y[2] in [-3, 3];
  minimize max(max(y[1] + x, 1 - 2 * y[1]), y[2] - x) + sumsqr(y);
  subject to room: abs(y[1] - y[2]) <= 1.5; }
"""
BALL = """
upper { var x in [-2, 2] start 1; minimize (y[1] - 0.6)^2 + (y[2] - 0.1)^2; }
lower { var y[3] in l1ball(1); minimize sumsqr(y - [x, 1 - x, 0.4]); }
"""
MODELS = {"lasso": LASSO, "worst": WORST, "ball": BALL}


def lasso(l: float) -> np.ndarray:
    """By coordinate descent."""
    a = np.array([[2, 0.3, -0.2], [0.1, 1.5, 0.4], [-0.5, 0.2, 1.8], [0.3, -0.6, 0.5]])
    b, w = np.array([1, -0.4, 0.3, 0.7]), np.zeros(3)
    for _ in range(2000):
        for k in range(3):
            rest = a[:, k] @ (b - a @ w + a[:, k] * w[k])
            w[k] = np.sign(rest) * max(abs(rest) - l / 2, 0.0) / (a[:, k] @ a[:, k])
    return w


def worst(x: float) -> np.ndarray:
    """By grids that close in: g is convex in two variables."""
    centre, width = np.zeros(2), 3.0
    for _ in range(60):
        u, v = (np.clip(c + width * np.linspace(-1, 1, 25), -3, 3) for c in centre)
        u, v = np.meshgrid(u, v)
        g = np.maximum(np.maximum(u + x, 1 - 2 * u), v - x) + u**2 + v**2
        g[np.abs(u - v) > 1.5] = np.inf
        k = np.argmin(g)
        centre, width = np.array([u.flat[k], v.flat[k]]), 0.7 * width
    return centre


def ball(x: float) -> np.ndarray:
    """The projection on the ball by soft thresholds, the right one by bisection."""
    c = np.array([x, 1 - x, 0.4])
    low, high = 0.0, 10.0
    for _ in range(200):
        t = 0.5 * (low + high)
        low, high = (t, high) if np.sum(np.maximum(np.abs(c) - t, 0)) > 1 else (low, t)
    return np.sign(c) * np.maximum(np.abs(c) - high, 0) if np.sum(np.abs(c)) > 1 else c


FOLLOWERS = {"lasso": lasso, "worst": worst, "ball": ball}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("x", [-0.7, 0.25, 1.3])
def test_the_split_follower_has_the_same_answer(name, x):
    """By IPOPT with the rows, against methods of their own for the kinks."""
    if name == "lasso":
        x = abs(x)
    problem = load(MODELS[name])
    seen = split(problem)
    assert seen is not problem and seen.y.numel() > problem.y.numel()
    solver_y, p = ca.MX.sym("y", seen.y.numel()), seen.matrices
    rows = Oracles(seen, recognise=False).function("h")(x, solver_y, *p)
    g = Oracles(seen, recognise=False).function("g")(x, solver_y, *p)
    quiet = {"print_time": False, "ipopt": {"print_level": 0, "sb": "yes", "tol": 1e-11}}
    solver = ca.nlpsol("follower", "ipopt", {"x": solver_y, "f": g, "g": rows}, quiet)
    bound = 3.0 if name == "worst" else np.inf  # the box of the model
    box = np.concatenate([np.full(problem.y.numel(), bound), np.full(seen.y.numel() - problem.y.numel(), np.inf)])
    found = np.array(solver(ubg=0, lbx=-box, ubx=box)["x"]).ravel()
    assert found[: problem.y.numel()] == pytest.approx(FOLLOWERS[name](x), abs=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_there_and_back(name):
    problem = load(MODELS[name])
    seen, rng = split(problem), np.random.default_rng(1)
    a, b = Oracles(problem, recognise=False), Oracles(seen, recognise=False)
    for _ in range(5):
        x, y = rng.random(1), rng.normal(size=problem.y.numel())
        inside = seen.split.inside(x, y)
        assert np.array_equal(seen.split.outside(*inside)[1], y)
        for function in ("f", "g"):
            values = [float(o.function(function)(*v, *problem.matrices)) for o, v in ((a, (x, y)), (b, inside))]
            assert values[1] == pytest.approx(values[0], rel=1e-12)
        own = np.array(a.function("h")(x, y, *problem.matrices)).ravel()
        rows = np.array(b.function("h")(*inside, *problem.matrices)).ravel()
        assert rows[: own.size] == pytest.approx(own, abs=1e-12) and np.max(rows[own.size :], initial=0.0) <= (
            1e-12 if name != "ball" else np.inf
        )


@pytest.mark.parametrize(
    ("name", "method"), [("lasso", "mpcc"), ("worst", "mpcc"), ("worst", "branches"), ("ball", "branches")]
)
def test_solved_to_full_accuracy(name, method):
    """Against the leader's value over a fine scan, refined, with the follower answered apart."""
    problem = load(MODELS[name])
    found = bl.solve(problem, method, compile="never")
    assert found.verified and found.kinks

    f, low, high = Oracles(problem).function("f"), *((0, 3) if name == "lasso" else (-2, 2))

    def leader(x: float) -> float:
        return float(f(x, FOLLOWERS[name](x), *problem.matrices))

    own = float(found[problem.upper_variables[0].name])
    assert found.upper == pytest.approx(leader(own), abs=1e-6)
    steps = [s * 10.0**k for k in range(-5, 0) for s in (-1, 1)]
    assert all(found.upper <= leader(own + s) + 1e-7 for s in steps if low <= own + s <= high)


def test_multipliers_of_rows_are_the_same():
    text = """
upper { var x in [0, 2] start 1.2; minimize (x - 1)^2 + 0 * dual(cap); }
lower { var y[2]; minimize sumsqr(y - 2) + abs(y[1] - y[2]) + 0.3 * abs(y[1]); subject to cap: y[1] + y[2] <= x; }
"""
    found = bl.solve(load(text), "mpcc", compile="never", verify="quick")
    # y = (1/2, 1/2) up to the kinks: 2 (2 - y1) = mu + 0.3 + s, 2 (2 - y2) = mu - s with y1 = y2 = x / 2
    x = float(found["x"])
    assert found["y"] == pytest.approx([x / 2, x / 2], abs=1e-5)
    assert float(found.duals["cap"]) == pytest.approx(-(4 - x - 0.15), abs=1e-3)


@pytest.mark.parametrize(
    ("objective", "why"),
    [
        ("sumsqr(y) - abs(y[1])", "an absolute value stays"),  # falls with the kink
        ("sumsqr(y) + x * abs(y[1])", "an absolute value stays"),  # x may be below zero
        ("sumsqr(y) + (if y[1] > x then y[1] else -2 * y[1])", "a jump, or an `if`"),
        ("sumsqr(y) + sign(y[1])", "a jump, or an `if`"),
        ("sumsqr(y) + softplus(y[1])", ""),  # smooth, though it is written with abs and max
    ],
)
def test_what_is_not_split(objective, why):
    problem = load(f"upper {{ var x in [-1, 1]; minimize x^2 + y[1]; }}\nlower {{ var y[2]; minimize {objective}; }}")
    assert split(problem) is problem
    words, line = hindrance(problem) or ("", 2)
    assert words.startswith(why) and bool(words) == bool(why) and line == 2


def test_an_equation_with_a_kink_is_not_split():
    text = "upper { var x in [-1, 1]; minimize x^2 + y[1]; } "
    problem = load(text + "lower { var y[2]; minimize sumsqr(y); subject to abs(y[1]) + y[2] == 1; }")
    assert split(problem) is problem


def test_a_minimum_that_is_subtracted_is_split():
    text = "upper { var x in [-1, 1]; minimize x^2 + y[1]; } lower { var y[2]; minimize sumsqr(y - x) - min(y[1], y[2]); }"
    assert split(load(text)).split.words == (("a minimum of the lower objective as smooth rows", 1),)


LEADERS = {
    "an absolute value": (
        "upper { var x in [-2, 3] start 2.5; minimize abs(x - 1) + 0.1 * y; subject to max(x, y) <= 2; }",
        lambda x, y: (np.abs(x - 1) + 0.1 * y, np.maximum(x, y) - 2),
    ),
    "a maximum of both levels": (
        "upper { var x in [-2, 3]; minimize max(2 * y - 3, 1 - x) + 0.2 * abs(x); subject to abs(x - 0.5) + y <= 2.5; }",
        lambda x, y: (np.maximum(2 * y - 3, 1 - x) + 0.2 * np.abs(x), np.abs(x - 0.5) + y - 2.5),
    ),
    "a minimum in a bound from below": (
        "upper { var x in [-2, 3]; minimize (x - 2.5)^2; subject to min(x, 1) >= y - 0.4; }",
        lambda x, y: ((x - 2.5) ** 2, y - 0.4 - np.minimum(x, 1)),
    ),
}
FOLLOWS = "lower { var y in [0, 1.7]; minimize (y - 0.9 * x)^2; }"


@pytest.mark.parametrize("name", LEADERS)
def test_kinks_of_the_leader_are_rows_of_the_leader(name):
    text, values = LEADERS[name]
    problem = load(f"{text} {FOLLOWS}")
    seen = split_both(problem)
    assert seen.split is not None and seen.x.numel() > 1 and seen.y.numel() == 1
    x = np.linspace(-2, 3, 200_001)
    f, row = values(x, np.clip(0.9 * x, 0, 1.7))
    best = f[row <= 1e-9].min()
    for method in ("branches", "mpcc"):
        found = bl.solve(problem, method=method)
        assert found.verified and abs(found.upper - best) <= 1e-4, (method, found.upper, best)
    assert set(found.variables) == {"x", "y"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("upper { var x in [-2, 3]; minimize -abs(x - 1); }", "an absolute value stays as it is: the leader may gain"),
        ("upper { var x in [-2, 3]; minimize x; subject to abs(x) == y; }", "an absolute value stays as it is"),
        ("upper { var x in [-2, 3]; minimize if x > 1 then 2 * x else 1; }", "a jump, or an `if`"),
    ],
)
def test_kinks_of_the_leader_that_stay(text, kept):
    problem = load(f"{text} {FOLLOWS}")
    assert split_both(problem) is problem
    assert kept in hindrance(problem, "upper")[0]


def test_leaders_with_prices_or_without_variables_keep_their_kinks():
    lower = "lower { var y in [0, 2]; minimize (y - 1)^2; subject to cap: y <= x; }"
    priced = load(f"upper {{ var x in [0.1, 3]; minimize abs(x - dual(cap)); }} {lower}")
    simple = load("upper { minimize abs(y[1] - 1); } lower { var y[2] in [0, 2]; minimize (y[1] + y[2] - 1)^2; }")
    assert split_both(priced) is priced and split_both(simple) is simple


def test_both_levels_and_the_way_back():
    problem = load(
        """
upper { var x[2] in [-2, 2]; minimize norm1(x - 0.5) + norm(y); }
lower { var y[2]; minimize sumsqr(y - x) + 0.3 * norm1(y); }
"""
    )
    seen = split_both(problem)
    rng = np.random.default_rng(0)
    for _ in range(5):
        x, y = rng.standard_normal(2), rng.standard_normal(2)
        inside = seen.split.inside(x, y)
        assert all(np.array_equal(a, b) for a, b in zip(seen.split.outside(*inside), (x, y)))
        assert [len(v) for v in inside] == [seen.x.numel(), seen.y.numel()]
        for name in ("f", "g"):
            own, other = (Oracles(p, recognise=False).function(name)(*v) for p, v in ((problem, (x, y)), (seen, inside)))
            assert abs(float(own) - float(other)) <= 1e-12
