"""Models whose leader chooses whole numbers: every choice is tried, the follower's answers by algorithms of their own."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import pytest

import bilevel_dsl as bl
from tests.models.collection import FOLDER, load
from tests.truth.small import least

Value = Callable[[np.ndarray], float]  # of a choice, for the leader; to be minimised


def data(name: str) -> dict[str, np.ndarray]:
    return {p.name: np.asarray(p.value, float) for p in load(f"applications/{name}").parameters}


def links() -> tuple[list[tuple[str, str]], dict[str, np.ndarray]]:
    with (FOLDER / "applications" / "network" / "links.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = ("minutes", "delay", "capacity", "cost")
    return [(r["tail"], r["head"]) for r in rows], {c: np.array([float(r[c]) for r in rows]) for c in columns}


def shortest(ends: list[tuple[str, str]], lengths: np.ndarray, start: str, end: str) -> float:
    """Bellman and Ford."""
    far = {start: 0.0}
    for _ in range(len(ends)):
        for (i, j), length in zip(ends, lengths):
            if i in far:
                far[j] = min(far.get(j, np.inf), far[i] + length)
    return far[end]


def largest_flow(ends: list[tuple[str, str]], capacity: np.ndarray, start: str, end: str) -> float:
    """Ford and Fulkerson; along paths of fewest links."""
    room = {}
    for (i, j), c in zip(ends, capacity):
        room[i, j], room[j, i] = room.get((i, j), 0.0) + c, room.get((j, i), 0.0)
    total = 0.0
    while True:
        before, queue = {start: start}, [start]
        for here in queue:
            for i, j in room:
                if i == here and j not in before and room[i, j] > 0:
                    before[j] = here
                    queue.append(j)
        if end not in before:
            return total
        path, here = [], end
        while here != start:
            path.append((before[here], here))
            here = before[here]
        more = min(room[a] for a in path)
        for i, j in path:
            room[i, j] -= more
            room[j, i] += more
        total += more


def closing_roads(z: np.ndarray) -> float:
    ends, column = links()
    if z.sum() > 3:
        return np.inf
    return -shortest(ends, column["minutes"] + column["delay"] * z, "depot", "port")


def cutting_flows(z: np.ndarray) -> float:
    ends, column = links()
    return largest_flow(ends, column["capacity"] * (1 - z), "depot", "port") if column["cost"] @ z <= 3 else np.inf


ROADS = [("s", "a"), ("s", "b"), ("a", "t"), ("b", "t"), ("a", "b"), ("s", "t")]
NEW = [("b", "t"), ("a", "b"), ("s", "t")]
PATHS = ["sat", "sbt", "sabt", "st"]


def new_roads(z: np.ndarray) -> float:
    """Wardrop's equilibrium: the flows over paths that minimise the sum of the integrals of the times of roads."""
    d = data("new_roads")
    closed = {road for road, built in zip(NEW, z) if not built}
    paths = [[ROADS.index(road) for road in zip(p, p[1:])] for p in PATHS if not closed & set(zip(p, p[1:]))]
    uses = np.array([[float(k in path) for path in paths] for k in range(len(ROADS))])
    P, p, n = uses.T @ np.diag(d["slope"]) @ uses, uses.T @ d["empty"], len(paths)
    _, flows = least(P, p, -np.eye(n), np.zeros(n), np.ones((1, n)), np.array([6.0]))
    on = uses @ flows
    return float((d["empty"] + d["slope"] * on) @ on + d["price"] @ z)


def shops(z: np.ndarray) -> float:
    d = data("shops")
    if z.sum() < 2:
        return np.inf
    nearest = np.where(z > 0, d["distance"], np.inf).argmin(axis=1)
    return float(d["rent"] @ z + d["delivery"][np.arange(len(nearest)), nearest].sum())


CASES: dict[str, tuple[Value, str]] = {
    "closing_roads": (closing_roads, "closed"),
    "cutting_flows": (cutting_flows, "cut"),
    "new_roads": (new_roads, "built"),
    "shops": (shops, "open"),
}


def choices(n: int) -> Iterator[np.ndarray]:
    return (np.array(z, float) for z in product((0, 1), repeat=n))


@pytest.mark.parametrize("name", CASES)
def test_the_best_of_all_choices(name):
    value, variable = CASES[name]
    problem = load(f"applications/{name}")
    found = bl.solve(problem)
    best = min(map(value, choices(problem.x.numel())))
    sense = problem.f.sense
    assert found.certificate.scope == "global (proved)" and found.method == "branches"
    assert found.upper == pytest.approx(sense * best) and problem.reference.upper == pytest.approx(sense * best)
    chosen = np.asarray(found[variable])
    assert set(np.unique(chosen)) <= {0.0, 1.0}  # exactly
    assert value(chosen) == pytest.approx(best)


@pytest.mark.parametrize("name", CASES)
def test_the_worth_of_a_choice(name):
    value, variable = CASES[name]
    problem = load(f"applications/{name}")
    drawn = np.random.default_rng(0).permutation(list(choices(problem.x.numel())))
    allowed = [z for z in drawn if np.isfinite(value(z))][:3]
    refused = [z for z in drawn if not np.isfinite(value(z))][:1]
    for z in allowed:
        assert bl.evaluate(problem, {variable: z}) == pytest.approx(problem.f.sense * value(z), rel=1e-6)
    for z in [*refused, np.full(problem.x.numel(), 0.5)]:
        assert np.isnan(bl.evaluate(problem, {variable: z}))
