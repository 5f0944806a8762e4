"""What the follower does over decisions of the leader, on a grid: numbers, before they are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Axis:
    """An entry of the leader, and where it is looked at."""

    name: str  # "x", "t[bridge]"
    values: np.ndarray


@dataclass(frozen=True)
class Answer:
    """An answer of the follower at one place of the grid.

    Attributes:
        values: what is shown of it.
        best: it is as good for the follower as any other that was found; else it is a local answer only.
    """

    values: tuple[float, ...]
    best: bool


@dataclass(frozen=True)
class Place:
    """The answers at one place, the one that the leader prefers first; none where the follower has none.

    Attributes:
        feasible: whether the leader's sets and constraints hold with that one.
        worst: of the leader's objective over the best answers, as far as is known; NaN where something else is shown.
    """

    answers: tuple[Answer, ...]
    feasible: bool
    worst: float


@dataclass(frozen=True)
class View:
    """Answers over one or two entries of the leader.

    Attributes:
        shown: names of the values: "upper objective", "y[2]".
        places: one for each combination of the axes, the last axis changing fastest.
        mark: a known point, as the coordinates along the axes, and the values there.
    """

    problem: str
    axes: tuple[Axis, ...]
    shown: tuple[str, ...]
    places: tuple[Place, ...]
    mark: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    def preferred(self, k: int = 0) -> np.ndarray:
        """Value k of the leader's choice at every place, NaN where there is no answer; as long as each axis."""
        found = [p.answers[0].values[k] if p.answers else np.nan for p in self.places]
        return np.reshape(np.array(found, float), [len(a.values) for a in self.axes])
