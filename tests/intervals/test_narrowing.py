"""Boxes made smaller by rows: no point that satisfies the rows may be lost."""

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.intervals import Graph, IntervalFunction
from bilevel_dsl.intervals.contraction import contracted
from bilevel_dsl.intervals.cutting import middle
from bilevel_dsl.intervals.propagation import propagated

V = ca.SX.sym("v", 3)
ROWS = [
    V[0] ** 2 + V[1] ** 2 + V[2] ** 2 - 1,
    V[0] * V[1] - V[2],
    V[0] / (V[1] + 4) + ca.exp(V[2]),
    ca.sqrt(V[0] ** 2 + V[1] ** 2 + 1) - ca.fabs(V[2]),
    V[0] ** 3 - 3 * V[0] + V[1],
    ca.log(V[0] + 5) - V[1] ** 4,
    1 / (V[0] + 5) - V[2] * V[1] ** 2,
    (V[0] - V[1]) ** 3 * V[2],
]
BOXES = 6


def drawn(seed: int):
    """Some rows, boxes, limits of the rows, and points of each box with whether they satisfy them."""
    rng = np.random.default_rng(seed)
    count = rng.integers(1, 4)
    function = ca.Function("rows", [V], [ca.vertcat(*[ROWS[i] for i in rng.choice(len(ROWS), count, replace=False)])])
    low = rng.uniform(-3, 1, (3, BOXES))
    high = low + rng.uniform(0.1, 4, (3, BOXES))
    row_high = rng.uniform(-0.5, 1.5, (count, 1))
    row_low = np.where(rng.random((count, 1)) < 0.4, -np.inf, row_high - rng.uniform(0, 1, (count, 1)))
    points = low[:, :, None] + (high - low)[:, :, None] * rng.random((3, BOXES, 3000))
    values = np.array(function(ca.DM(points.reshape(3, -1)))).reshape(count, BOXES, -1)
    return (
        function,
        low,
        high,
        row_low,
        row_high,
        points,
        np.all((values >= row_low[:, None]) & (values <= row_high[:, None]), 0),
    )


def kept(low, high, gone, points, fits) -> None:
    for b in range(BOXES):
        inside = points[:, b, fits[b]]
        assert not (gone[b] and inside.size)
        if not gone[b]:
            assert np.all((inside >= low[:, b, None]) & (inside <= high[:, b, None]))


@pytest.mark.parametrize("seed", range(40))
def test_propagation_loses_no_corner_and_no_single_point(seed):
    """Where only rounding decides: the limit of a row is its value at a corner of the box, or the box is that point."""
    rng = np.random.default_rng(seed)
    function = ca.Function("rows", [V], [ca.vertcat(*ROWS)])
    low = rng.choice([-1.0, -2.0, -0.3, 0.0, 0.7], (3, BOXES))
    high = np.where(rng.random((3, BOXES)) < 0.5, low, low + rng.choice([0.4, 1.0, 3.0], (3, BOXES)))
    points = np.where(rng.random((3, BOXES)) < 0.5, low, high)
    values = np.array(function(ca.DM(points)))
    near = 1e-14 * np.maximum(np.abs(values), 1)
    below = rng.random(values.shape) < 0.7
    limits = np.where(below, values - near, -np.inf), np.where(below, values + near, np.inf)
    for k, row in enumerate(ROWS):
        graph = Graph(ca.Function("row", [V], [row]))
        found = propagated(graph, low, high, *(limit[[k]] for limit in limits))
        kept(*found, points[:, :, None], np.ones((BOXES, 1), bool))


@pytest.mark.parametrize("seed", range(40))
def test_propagation_loses_no_point(seed):
    function, low, high, row_low, row_high, points, fits = drawn(seed)
    kept(*propagated(Graph(function), low, high, row_low, row_high), points, fits)


@pytest.mark.parametrize("seed", range(40))
def test_contraction_loses_no_point(seed):
    function, low, high, row_low, row_high, points, fits = drawn(seed)
    enclosures, centres = IntervalFunction(function), middle(low, high)
    found, at = enclosures.derivatives(low, high), enclosures.derivatives(centres, centres, 1)
    limits = (np.broadcast_to(v, (len(found), BOXES)) for v in (row_low, row_high))
    with np.errstate(all="ignore"):
        kept(*contracted(found, at, centres, low, high, *limits), points, fits)


def test_a_sum_of_squares_bounds_what_has_no_bounds():
    low, high, gone = propagated(
        Graph(ca.Function("ball", [V], [ROWS[0]])),
        np.full((3, 1), -np.inf),
        np.full((3, 1), np.inf),
        np.full((1, 1), -np.inf),
        np.zeros((1, 1)),
    )
    assert not gone[0] and np.allclose(low, -1) and np.allclose(high, 1)
