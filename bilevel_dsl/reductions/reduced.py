"""What methods see in place of the problem as it is written: all reductions, in their order."""

from __future__ import annotations

from ..model.problem import Problem
from .opposite import merged
from .scaling import scaled


def reduced(problem: Problem, scaling: bool = True) -> Problem:
    """The problem that `auto`'s methods are given; itself where nothing is to be done."""
    problem = merged(problem)
    return scaled(problem) if scaling else problem
