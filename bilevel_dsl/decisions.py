"""What a decision of the leader is worth: the follower's answers to it, and the leader's objective with them."""

from __future__ import annotations

import math
from time import perf_counter

import numpy as np

from .certify.effort import budget
from .certify.follow import Answered
from .certify.follow import follow as answers_to
from .functions.oracles import Oracles
from .functions.start import require_values, start_point
from .model.problem import Problem
from .report.reaction import Reaction


def follow(
    problem: Problem,
    decision: dict[str, np.ndarray],
    *,
    tol: float = 1e-6,
    seed: int = 0,
    effort: str = "normal",
    time_limit: float | None = None,
) -> Reaction:
    """The follower's answers to a decision of the leader.

    Args:
        decision: values of all upper variables, by name; values of lower variables are where the search begins.
        effort: "quick", "normal" or "thorough": how much is searched where the follower is not convex.
        time_limit: seconds.

    Raises:
        BilevelError: BL0405, BL0406, BL0408: an unknown variable, a wrong shape or a number that is not finite,
            an upper variable without a value.
    """
    problem.require_expressions()
    require_values(problem.upper_variables, decision, "decision")
    x, y = start_point(problem, decision, "decision")
    limits = budget(effort, end=math.inf if time_limit is None else perf_counter() + time_limit)
    return _reaction(problem, answers_to(Oracles(problem), x, y, limits, seed=seed, tol=tol))


def evaluate(problem: Problem, decision: dict[str, np.ndarray], **more) -> float:
    """The leader's objective, as written, with the follower's answer that the leader prefers; see `follow`.

    NaN where the follower has no answer, or the leader's own sets and constraints do not hold.
    """
    found = follow(problem, decision, **more)
    return found.upper if found.upper is not None and found.feasible else math.nan


def _reaction(problem: Problem, found: Answered) -> Reaction:
    claims = [c for c in (found.optimal, found.choice) if c is not None]
    words = "; ".join(c.words for c in claims)
    if found.y is None:
        return Reaction(
            variables={},
            upper=None,
            lower=None,
            optimal=found.optimal.verdict.value,
            unique=False,
            feasible=False,
            words=words,
            upper_range=None,
            answers=(),
        )
    sense = problem.f.sense
    low, high = sorted((sense * found.best, sense * found.worst))
    return Reaction(
        variables=_by_name(problem, found.y),
        upper=problem.f.as_written(found.f),
        lower=problem.g.as_written(found.g),
        optimal=found.optimal.verdict.value,
        unique=found.unique,
        feasible=found.feasible,
        words=words,
        upper_range=(low, high),
        extremes=tuple(_by_name(problem, y) for y in (found.ends if sense > 0 else found.ends[::-1])),
        answers=tuple((_by_name(problem, y), problem.g.as_written(g)) for y, g in found.basins),
    )


def _by_name(problem: Problem, y: np.ndarray) -> dict[str, np.ndarray | float]:
    return {
        v.name: np.reshape(y[v.slice], v.shape, order="F") if v.shape else float(y[v.offset])
        for v in problem.lower_variables
    }
