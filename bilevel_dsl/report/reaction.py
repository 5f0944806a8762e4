"""What the follower does at a decision of the leader, by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """The follower's answers to one decision. Objectives are as written; entries of arrays as in `Solution`.

    Attributes:
        variables: the answer that the leader prefers among the best ones; empty where the follower has none.
        upper, lower: objectives there, None where there is no answer.
        optimal: how far it is known to be the follower's best: "proved", "searched", "failed", "not checked".
        unique: whether no other answer is as good, as far as was looked.
        feasible: whether the leader's sets and constraints hold with it.
        words: what both rest on.
        upper_range: of the upper objective over all best answers: what it is worth to the leader at best, and at worst.
        extremes: the answers that give these two values, each (variables); None where there is no answer.
        answers: all local answers that were found, each (variables, lower objective), the best first.
    """

    variables: dict[str, np.ndarray | float]
    upper: float | None
    lower: float | None
    optimal: str
    unique: bool
    feasible: bool
    words: str
    upper_range: tuple[float, float] | None
    extremes: tuple[dict[str, np.ndarray | float], dict[str, np.ndarray | float]] | None = None
    answers: tuple[tuple[dict[str, np.ndarray | float], float], ...]

    def __getitem__(self, name: str) -> np.ndarray | float:
        if name not in self.variables:
            raise KeyError(f"there is no value for `{name}`; there are: {', '.join(self.variables) or 'none'}")
        return self.variables[name]
