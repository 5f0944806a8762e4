"""A model with its truth: what a family makes of a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

VALUE = 1e-4  # of the range of f over the leader's box: less is the same value
GAP = 1e-5  # of the variation of g near by: a follower that could have more is not answering
FEASIBLE = 1e-5  # of the size of a row


class Replaced(Exception):
    """The drawn instance has no clear truth; the next one is drawn."""


@dataclass(frozen=True)
class Judgement:
    """What is true of a point: it is the global optimum, a local one, or none."""

    kind: str  # "global", "local" or "wrong"
    value: float  # of the leader at the point
    best: float  # of the leader, globally
    why: str = ""

    @property
    def right(self) -> bool:
        return self.kind != "wrong"


@dataclass(frozen=True)
class Instance:
    """A model text, the judge of its points, its best point, and points beside it that no one should believe in."""

    family: str
    seed: int
    text: str
    judge: Callable[[dict[str, object]], Judgement]
    best: dict[str, np.ndarray]
    moved: tuple[dict[str, np.ndarray], ...] = ()
    scale: float = 1.0  # the range of f over the leader's box

    @property
    def name(self) -> str:
        return f"{self.family}:{self.seed}"


def wrong_ones(
    judge: Callable[[dict[str, object]], Judgement], points: list[dict[str, np.ndarray]], most: int = 4
) -> tuple[dict[str, np.ndarray], ...]:
    """Those of the moved points that are wrong in truth: some are as good as the best within the tolerance."""
    return tuple([p for p in points if not judge(p).right][:most])


def draw(make: Callable[[np.random.Generator], Instance], seed: int, attempts: int = 60) -> Instance:
    """The first instance with a clear truth among those that the seed draws."""
    for attempt in range(attempts):
        try:
            return make(np.random.default_rng([seed, attempt]))
        except Replaced:
            continue
    raise RuntimeError(f"no clear instance among {attempts} of seed {seed}")
