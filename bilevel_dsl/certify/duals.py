"""The follower's multipliers at a point, computed apart from the method: least squares on its first-order conditions.

An entry of `dual(label)` is the change of the follower's optimal value, as written, per unit of the right-hand side.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..functions.oracles import Oracles
from ..model.problem import Dual, Problem
from .follower import Follower
from .sensitivity import Sensitivity, sensitivity


def multipliers(problem: Problem, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Every known `dual(...)` at (x, y), of its shape; empty where they cannot be computed."""
    if not problem.duals:
        return {}
    follower = Follower(Oracles(problem, recognise=False))
    s = sensitivity(follower, x, y)
    if s is None:
        return {}
    return {d.name: np.reshape(_entries(d, s, follower) @ s.multipliers, d.shape, order="F") for d in problem.duals}


def _entries(d: Dual, s: Sensitivity, follower: Follower) -> np.ndarray:
    """The entries of a dual as a linear function of the multipliers of what is active."""
    rows, low, high = s.selection(follower.first_constraint, follower.rows.numel(), follower.oracles.ny)
    selected = {"": rows, "lower": low, "upper": high}[d.bounds]
    return d.matrix(selected.shape[0]) @ selected


def pull(follower: Follower, s: Sensitivity, gradient: np.ndarray) -> np.ndarray:
    """From a gradient in the multipliers that upper expressions use to one in those of what is active."""
    used = follower.oracles.problem.used_duals
    if not used:
        return np.zeros(s.active)
    return np.vstack([_entries(d, s, follower) for d in used]).T @ gradient


def with_values(problem: Problem, values: dict[str, np.ndarray]) -> Problem:
    """The problem with numbers for what stands for `dual(...)`; NaN where none is known."""
    names = {f"dual({d.name})": d for d in problem.used_duals}
    return replace(problem, parameters=tuple(
        replace(q, value=values.get(names[q.name].name, np.full(q.shape, np.nan))) if q.is_dual else q
        for q in problem.parameters))
