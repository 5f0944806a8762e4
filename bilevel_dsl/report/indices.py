"""The results of a problem with the indices of their entries."""

from __future__ import annotations

from collections.abc import Iterator

from .solution import Point


def indexed(result: Point) -> Iterator[tuple[str, list[list], object]]:
    """Name, the elements along each dimension, and the value: variables, report, multipliers; none without a point."""
    problem = result.problem
    for things, values, name_of in (
        (problem.variables, result.variables, "{}"),
        (problem.report, result.report, "{}"),
        (problem.duals, result.duals, "dual({})"),
    ):
        for thing in things:
            if thing.name in values:
                yield name_of.format(thing.name), axes(thing), values[thing.name]


def axes(thing) -> list[list]:
    """The elements along each dimension; 1, 2, ... where it is numbered."""
    index = thing.index or (None,) * len(thing.shape)
    return [list(range(1, n + 1)) if axis is None else list(axis) for n, axis in zip(thing.shape, index)]


def index_of(result: Point) -> dict[str, list]:
    """For the JSON: the elements along each dimension of what has names for its entries, null where it is numbered."""
    problem, found = result.problem, {}
    for things, name_of in ((problem.variables, "{}"), (problem.report, "{}"), (problem.duals, "dual({})")):
        for thing in things:
            if any(axis is not None for axis in thing.index):
                found[name_of.format(thing.name)] = [axis and [_plain(e) for e in axis] for axis in thing.index]
    return found


def _plain(element: object) -> object:
    return list(element) if isinstance(element, tuple) else element
