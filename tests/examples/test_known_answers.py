"""What the pages of the examples say their answers are, by computations that know nothing of bilevel_dsl."""

from __future__ import annotations

import csv
from itertools import product

import numpy as np
import pytest

from tests.examples.equilibrium import Network, column
from tests.examples.test_examples import ROOT

EXAMPLES = ROOT / "examples"


class Tolls:
    """The nine-node network; times of all under tolls, by link."""

    def __init__(self, slowdown: float = 1.0):
        links, trips = EXAMPLES / "nine_nodes" / "links.csv", EXAMPLES / "nine_nodes" / "trips.csv"
        demand = zip(*(column(trips, c) for c in ("origin", "destination", "trips")))
        tail, head, empty, self.capacity = (column(links, c) for c in ("tail", "head", "empty", "capacity"))
        self.ends = list(zip(tail.astype(int).tolist(), head.astype(int).tolist()))
        self.network = Network(tail, head, empty, 0.15 * empty * slowdown, {(int(o), int(d)): q for o, d, q in demand})

    def flows(self, toll: dict[tuple[int, int], float]) -> np.ndarray:
        return self.network.flows(self.capacity, np.array([toll.get(a, 0.0) for a in self.ends]), gap=1e-10)

    def driven(self, v: np.ndarray) -> float:
        return float(self.network.times(v, self.capacity) @ v)


def test_all_links_tolled():
    """The least time of all is the equilibrium of marginal times, empty + 5 delay (v / capacity)^4; tolls reach it."""
    network = Tolls()
    v = Tolls(slowdown=5.0).flows({})
    toll = 4 * (network.network.times(v, network.capacity) - network.network.empty)
    reached = network.flows(dict(zip(network.ends, toll)))
    assert network.driven(network.flows({})) == pytest.approx(2455.87, abs=5e-3)
    assert network.driven(v) == pytest.approx(2253.918, abs=1e-3)
    assert network.driven(reached) == pytest.approx(network.driven(v), abs=1e-3)


def test_two_links_tolled():
    network = Tolls()
    expected = (EXAMPLES / "nine_nodes" / "expected.txt").read_text()
    said = float(expected.split("gates: ")[1].split()[0])
    values = {
        tolls: network.driven(network.flows(dict(zip([(2, 5), (5, 7)], tolls))))
        for tolls in [(0.0, 8.0), *product((0.0, 0.5, 1.0, 3.0), (0.0, 4.0, 7.0, 7.5, 8.5, 9.0, 12.0))]
    }
    assert values[0.0, 8.0] == pytest.approx(said, abs=1e-2)
    assert min(values.values()) == values[0.0, 8.0]


def test_the_bonus():
    """Efforts and bonuses on a grid; where efforts are alike to the worker, the firm's choice."""
    e, best = np.linspace(0, 1, 20_001), []
    success = 3 * e**2 - 2 * e**3
    for bonus in np.linspace(1.5, 3, 1501):
        worker = bonus * success - 2 * e
        best.append((np.max(np.where(worker >= worker.max() - 1e-9, (4 - bonus) * success, -np.inf)), bonus))
    value, bonus = max(best)
    assert (value, bonus) == pytest.approx((1.875, 16 / 9), abs=2e-3)
    upper = 16 / 9
    assert np.max(upper * success - 2 * e) == pytest.approx(0, abs=1e-8) and (4 - upper) * (27 / 32) == pytest.approx(1.875)


def test_mirrlees():
    """At x the agent compares the peaks; x = 1 is where they are alike, and below it the other one is taken."""
    y, worth = np.linspace(-2, 2, 40_001), []
    for x in np.linspace(0, 2, 201):
        agent = -x * np.exp(-((y + 1) ** 2)) - np.exp(-((y - 1) ** 2))
        answers = np.flatnonzero(agent <= agent.min() + 1e-9)
        worth.append((np.min((x - 2) ** 2 + (y[answers] - 1) ** 2), x))
    assert min(worth) == pytest.approx((1.001805908, 1.0), abs=1e-3)


def test_the_design():
    """G-optimal and D-optimal are one: the worst variance is the number of coefficients, at the places themselves."""

    def moments(z, a):
        places, shares = np.array([-1, -z, z, 1]), np.array([a, 0.5 - a, 0.5 - a, a])
        rows = np.vander(places, 4, increasing=True)
        return rows.T @ (shares[:, None] * rows)

    z = 1 / np.sqrt(5)
    rows = np.vander(np.linspace(-1, 1, 4001), 4, increasing=True)
    variance = np.einsum("ij,jk,ik->i", rows, np.linalg.inv(moments(z, 0.25)), rows)
    assert variance.max() == pytest.approx(4, abs=1e-9)
    at = np.vander([-1, -z, z, 1], 4, increasing=True)
    assert np.einsum("ij,jk,ik->i", at, np.linalg.inv(moments(z, 0.25)), at) == pytest.approx(4)
    said = float((EXAMPLES / "design" / "expected.txt").read_text().split()[-1])
    assert np.linalg.slogdet(moments(z, 0.25))[1] == pytest.approx(said, abs=1e-3)
    grid = product(np.linspace(0.3, 0.6, 31), np.linspace(0.15, 0.35, 21))
    assert np.linalg.slogdet(moments(z, 0.25))[1] >= max(np.linalg.slogdet(moments(*p))[1] for p in grid)


def test_the_record_of_the_limited_motor():
    """The weights (5, 1) make it: no force within the limit can be moved with a gain."""
    with (EXAMPLES / "control" / "limited.csv").open(encoding="utf-8") as file:
        rows = np.array([[float(v) for v in r.values()] for r in csv.DictReader(file)])
    u, h, n = rows[:, 3], 0.1, len(rows)
    lag = np.subtract.outer(np.arange(n), np.arange(n))
    position, speed = (lag >= 0) * (lag + 0.5) * h**2, (lag >= 0) * h
    assert np.r_[1, 1 + position @ u][:n] == pytest.approx(rows[:, 1], abs=1e-9)
    assert np.r_[0, speed @ u][:n] == pytest.approx(rows[:, 2], abs=1e-9)
    slope = 5 * position.T @ (1 + position @ u) + speed.T @ (speed @ u) + u
    assert n == 50 and np.sum(u == -1) == 4
    assert np.clip(u - slope, -1, 1) == pytest.approx(u, abs=1e-8)


@pytest.mark.parametrize("start", [(1.0, 1.0), (10.0, 0.1)])
def test_the_weights_of_the_limited_motor_are_found(start):
    import bilevel_dsl as bl

    found = bl.solve(bl.load(EXAMPLES / "control" / "limited.bilevel"), start={"q": list(start)})
    assert found.verified and found["q"] == pytest.approx([5, 1], rel=1e-4)
