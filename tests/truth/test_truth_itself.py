"""The truth itself: against a dense grid over the leader's variables, the follower solved at each point."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.truth import linear_followers, quadratic_followers
from tests.truth.families import FAMILIES, NONCONVEX, instance
from tests.truth.instance import Instance
from tests.truth.pieces import Pieces
from tests.truth.polyhedral import Polyhedral

GRID = {1: 201, 2: 17}  # points along an axis


@pytest.mark.parametrize("family", FAMILIES)
def test_the_best_point_is_global_and_the_moved_ones_are_wrong(family):
    one = instance(family, 1)
    assert one.judge(one.best).kind == "global"
    assert one.moved and not any(one.judge(values).right for values in one.moved)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in NONCONVEX or name.endswith("_1")])
def test_the_same_seed_draws_the_same_instance(family):
    one, again = instance(family, 3), instance(family, 3)
    assert one.text == again.text and all(np.array_equal(one.best[k], again.best[k]) for k in one.best)


def models(make, count: int) -> list[Polyhedral]:
    """Models with one or two leader variables, and a follower that has one answer."""
    found = (make(np.random.default_rng(seed)) for seed in range(200))
    return [m for m in found if m.nx in GRID][:count]


@pytest.mark.parametrize("make", [linear_followers._plain, quadratic_followers._model])
def test_no_point_of_a_grid_is_better_than_the_best_piece_and_one_is_as_good(make):
    for model in models(make, 3):
        pieces = Pieces(model)
        axis = np.linspace(0, model.width, GRID[model.nx])
        points = np.stack(np.meshgrid(*[axis] * model.nx), -1).reshape(-1, model.nx)
        answers = [(x, model.answer(x)) for x in points]
        values = [model.f(x, a[1]) for x, a in answers if a is not None]
        below, above = pieces.value - min(values), min(values) - pieces.value
        assert below <= 1e-6 * pieces.scale and above <= 0.1 * pieces.scale


def of_text(one: Instance) -> tuple[np.ndarray, np.ndarray]:
    """The objectives of a nonconvex model by its own text, over a grid of x and y."""
    f_text, g_text = re.findall(r"minimize (.*);", one.text)
    low, high = map(float, re.search(r"y\[1\] in \[(.*), (.*)\]", one.text).groups())
    code = [compile(re.sub(r"y\[1\]", "y", t).replace("^", "**"), "text", "eval") for t in (f_text, g_text)]
    names = {"sin": np.sin, "cos": np.cos, "exp": np.exp}
    x, y = np.linspace(0, 1, 501)[:, None], np.linspace(low, high, 4001)[None, :]
    f, g = (np.broadcast_to(eval(c, names, {"x": x, "y": y}), (501, 4001)) for c in code)  # noqa: S307
    return f, g


@pytest.mark.parametrize("family", [name for name in NONCONVEX if name.endswith("_1")])
def test_the_best_of_a_nonconvex_follower_is_that_of_a_grid_over_the_text(family):
    one = instance(family, 2)
    f, g = of_text(one)
    best = f[np.arange(len(f)), g.argmin(axis=1)].min()
    assert abs(best - one.judge(one.best).value) <= 5e-3 * one.scale
