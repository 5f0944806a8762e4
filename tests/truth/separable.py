"""Separable followers that are not convex, under one leader variable: each coordinate on a dense grid, refined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from . import texts
from .instance import FEASIBLE, GAP, VALUE, Instance, Judgement, Replaced, wrong_ones

GRID = 1501


@dataclass
class Separable:
    """Follower: sum of term(y_j, x, j), |y| <= height; leader: weight (x - a)^2 + cost (y - c)^2, x in [0, 1]."""

    term: Callable[[np.ndarray, float, np.ndarray], np.ndarray]  # by (points, m): values
    n: int
    height: float
    weight: float
    a: float
    cost: np.ndarray
    c: np.ndarray

    def f(self, x: float, y: np.ndarray) -> float:
        """The leader's objective."""
        return float(self.weight * (x - self.a) ** 2 + self.cost @ (y - self.c) ** 2)

    def answer(self, x: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Least values of the terms, answers, variation, and how much worse the best other basin is, by coordinate."""
        grid = np.linspace(-self.height, self.height, GRID)
        index = np.arange(self.n)
        values = self.term(np.repeat(grid[:, None], self.n, 1), x, index)
        padded = np.pad(values, ((1, 1), (0, 0)), constant_values=np.inf)
        basin = (values <= padded[:-2]) & (values <= padded[2:])
        spread = values.max(axis=0) - values.min(axis=0)
        best, y, second = np.full(self.n, np.inf), np.zeros(self.n), np.full(self.n, np.inf)
        near = values <= values.min(axis=0) + 0.05 * spread
        for j in range(self.n):
            second[j] = values[basin[:, j] & ~near[:, j], j].min(initial=np.inf)
        rows, columns = np.nonzero(basin & near)
        points, least = self._refined(grid[np.maximum(rows - 1, 0)], grid[np.minimum(rows + 1, GRID - 1)], x, columns)
        for j, point, value in zip(columns, points, least):
            if value < best[j]:
                best[j], second[j], y[j] = value, min(best[j], second[j]), point
            elif abs(point - y[j]) > 1e-6:
                second[j] = min(second[j], value)
        return best, y, spread, second - best

    def _refined(self, low: np.ndarray, high: np.ndarray, x: float, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least points of single basins: ten times a grid of 21 in place of three of its steps."""
        for _ in range(10):
            grid = low + (high - low) * np.linspace(0, 1, 21)[:, None]
            at = np.argmin(self.term(grid, x, j), axis=0)
            step = (high - low) / 20
            middle = low + step * at
            low, high = np.maximum(low, middle - step), np.minimum(high, middle + step)
        middle = self._polished(middle, x, j)
        return middle, self.term(middle[None, :], x, j)[0]

    def _slope(self, y: np.ndarray, x: float, j: np.ndarray) -> np.ndarray:
        """The derivatives of the terms by a step along the imaginary axis, exact to rounding."""
        return self.term(y[None, :] + 1e-30j, x, j)[0].imag / 1e-30

    def _polished(self, y: np.ndarray, x: float, j: np.ndarray) -> np.ndarray:
        """Newton steps from points that values alone place to 1e-8 only; those at a bound stay."""
        for _ in range(3):
            bend = (self._slope(y + 1e-6, x, j) - self._slope(y - 1e-6, x, j)) / 2e-6
            step = self._slope(y, x, j) / np.where(bend > 0, bend, np.inf)
            y = np.where((abs(step) < 1e-5) & (abs(y - step) < self.height), y - step, y)
        return y

    def path(self, x: float, y: np.ndarray, end: float, steps: int) -> list[float]:
        """The leader's values from x towards `end`, as long as the follower's answer does not jump."""
        values = []
        for other in np.linspace(x, end, steps + 1)[1:]:
            reply = self.answer(other)[1]
            if abs(reply - y).max() > 0.05 * self.height:
                break
            values.append(self.f(other, reply))
            y = reply
        return values


def _at_jumps(model: Separable, replies: list[tuple[float, np.ndarray]]) -> Iterator[float]:
    """The leader's values on both sides of each jump of the answer: between two points of the grid they may be the best."""
    far = lambda y, z: abs(y - z).max() > 0.05 * model.height  # noqa: E731
    for (low, y), (high, z) in pairwise(replies):
        for _ in range(25 if far(y, z) else 0):
            middle = (low + high) / 2
            reply = model.answer(middle)[1]
            low, high, y, z = (low, middle, y, reply) if far(y, reply) else (middle, high, reply, z)
        if far(y, z):
            yield from (model.f(low, y), model.f(high, z))


def separable_instance(family: str, model: Separable, g_text: str, rng: np.random.Generator) -> Instance:
    """The instance of a model whose best point is not at a jump of the answer."""
    replies = [(x, model.answer(x)[1]) for x in np.linspace(0, 1, 201)]
    values = np.array([model.f(x, y) for x, y in replies])
    at = int(np.argmin(values))
    low, high = replies[max(at - 1, 0)][0], replies[min(at + 1, 200)][0]
    if max(abs(replies[k][1] - replies[at][1]).max() for k in (max(at - 1, 0), min(at + 1, 200))) > 0.05 * model.height:
        raise Replaced("at a jump of the answer")
    for _ in range(16):
        grid = np.linspace(low, high, 9)
        k = int(np.argmin([model.f(v, model.answer(v)[1]) for v in grid]))
        low, high = grid[max(k - 1, 0)], grid[min(k + 1, 8)]
    x = float(grid[k])
    _, y, spread, room = model.answer(x)
    best, scale = model.f(x, y), float(values.max() - values.min())
    if (room < 1e-3 * spread).any() or scale < 1e-3:
        raise Replaced("the follower's answers tie")
    if min(_at_jumps(model, replies), default=np.inf) < best + VALUE * scale:
        raise Replaced("a jump of the answer is as good")
    for end in (0.0, 1.0):  # where a jump has one side only, on which the grid takes either answer
        _, _, spread_there, room_there = model.answer(end)
        if (room_there < 1e-6 * spread_there).any():
            raise Replaced("the follower's answers tie at an end")

    def judge(given: dict[str, object]) -> Judgement:
        """The follower's gap by coordinate, and the leader's values along a path on either side."""
        v, w = float(np.ravel(given["x"])[0]), np.ravel(np.asarray(given["y"], float))
        value = model.f(v, w)
        if not -FEASIBLE <= v <= 1 + FEASIBLE or abs(w).max() > model.height * (1 + FEASIBLE):
            return Judgement("wrong", value, best, "outside of the box")
        least, reply, width, _ = model.answer(v)
        gaps = (model.term(w[None, :], v, np.arange(model.n))[0] - least) / width
        if gaps.max() > GAP:
            return Judgement("wrong", value, best, f"y[{gaps.argmax() + 1}] could have {gaps.max():.1e} of g more")
        if value < best - VALUE * scale:
            return Judgement("wrong", value, best, "better than possible")
        if value <= best + VALUE * scale:
            return Judgement("global", value, best)
        for end in (max(v - 0.02, 0), min(v + 0.02, 1)):
            path = np.minimum.accumulate([value, *model.path(v, w, end, 8)])
            if value - path[-1] > VALUE * scale and path[1] < value:
                gain = (value - path[-1]) / scale
                return Judgement("wrong", value, best, f"the leader gains {gain:.1e} of the range towards {end:.4g}")
        return Judgement("local", value, best, f"{(value - best) / scale:.1e} of the range above the best")

    terms = [f"{texts.number(model.weight)} * (x - {texts.number(model.a)})^2"]
    terms += [f"{texts.number(k)} * (y[{j + 1}] - {texts.number(v)})^2" for j, (k, v) in enumerate(zip(model.cost, model.c))]
    f_text = texts.total(terms).replace("- -", "+ ")
    text = (
        f"problem {family};\n\nupper {{\n  var x in [0, 1];\n  minimize {f_text};\n}}\n\nlower {{\n"
        f"  var y[{model.n}] in [{texts.number(-model.height)}, {texts.number(model.height)}];\n"
        f"  minimize {g_text.replace('- -', '+ ')};\n}}\n"
    )
    points = []
    for size in (0.01, 0.03):
        for sign in (-1, 1):
            other = float(np.clip(x + sign * size, 0, 1))
            points.append({"x": np.array(other), "y": model.answer(other)[1]})
        other = y + size * model.height * rng.choice([-2, 2], model.n)
        points.append({"x": np.array(x), "y": np.clip(other, -model.height, model.height)})
    return Instance(family, 0, text, judge, {"x": np.array(x), "y": y}, wrong_ones(judge, points), scale)
