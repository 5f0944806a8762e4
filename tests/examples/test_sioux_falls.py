"""The numbers on the page of `examples/sioux_falls`, by an equilibrium that knows nothing of bilevel_dsl."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

from tests.examples.equilibrium import Network, column
from tests.examples.test_examples import ROOT

FOLDER = ROOT / "examples" / "sioux_falls"
BUILT = re.compile(r"widen (\d+)-(\d+) by ([0-9.]+)")


@pytest.fixture(scope="module")
def network() -> Network:
    with (FOLDER / "trips.csv").open() as file:
        trips = {(int(r["origin"]), int(d)): float(q) for r in csv.DictReader(file) for d, q in r.items() if d != "origin"}
    assert sum(trips.values()) == pytest.approx(396.66)
    return Network(*(column(FOLDER / "links.csv", c) for c in ("tail", "head", "empty", "delay")), trips)


def value(network: Network, added: dict[tuple[int, int], float]) -> float:
    """Time that all drive and the price of what is added."""
    prices = zip(*(column(FOLDER / "candidates.csv", c) for c in ("tail", "head", "price")))
    price = {(int(i), int(j)): p for i, j, p in prices}
    ends = list(zip(network.tail.tolist(), network.head.tolist()))
    capacity = column(FOLDER / "links.csv", "capacity") + np.array([added.get(a, 0.0) for a in ends])
    v = network.flows(capacity, gap=1e-7)
    return float(network.times(v, capacity) @ v) + sum(price[a] * y**2 for a, y in added.items()) / 1000


def test_nothing_built(network):
    assert value(network, {}) == pytest.approx(100.9689, abs=2e-3)


def test_what_the_page_builds_is_worth_what_it_says(network):
    expected = (FOLDER / "expected.txt").read_text()
    built = {(int(i), int(j)): float(y) for i, j, y in BUILT.findall(expected)}
    assert len(built) == 10
    found = value(network, built)
    assert found == pytest.approx(float(expected.split()[-1]), abs=2e-3)
    assert found < 80.696884 * (1 + 1e-4)  # the best that is known
