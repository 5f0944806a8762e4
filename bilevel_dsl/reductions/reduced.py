"""What methods see in place of the problem as it is written: all reductions, in their order."""

from __future__ import annotations

from ..model.problem import Problem
from .fixed import without_fixed
from .opposite import merged
from .scaling import scaled


def reduced(problem: Problem, scaling: bool = True, exported: bool = False) -> Problem:
    """The problem that `auto`'s methods are given; itself where nothing is to be done.

    Args:
        exported: for C, whose data may change; the factors of the scaling are those of the data there are.
    """
    problem = merged(without_fixed(problem, exported))
    return scaled(problem) if scaling else problem
