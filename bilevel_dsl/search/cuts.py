"""Followers that are not convex: what is known of their other answers, as rows of the leader.

An answer y_k that the follower has been seen to prefer somewhere is admissible everywhere if its sets and rows do not
depend on the leader. So at any (x, y) that is an answer of the follower

    g(x, y) <= g(x, y_k),      k = 1, 2, ...

With these rows the follower's optimality conditions leave out the stationary points that are beaten by one of the y_k. Near
its own x an answer is beaten by little, of second order in the distance, so a few rounds settle on a point where two
answers tie, which no descent along one of them finds.

Mitsos, Lemonidis, Barton, J. Global Optim. 42 (2008), with local solutions in place of global ones; Mitsos, J. Global
Optim. 47 (2010).
"""

from __future__ import annotations

from dataclasses import replace

import casadi as ca
import numpy as np

from ..model.problem import Constraint, Problem
from ..model.structure import Structure

LARGEST = 20  # lower variables up to which answers of a follower are worth a row


def applies(problem: Problem, structure: Structure) -> bool:
    """Whether cuts are valid: what the follower may do does not depend on the leader; and whether they may be needed."""
    if problem.is_simple or problem.used_duals or problem.y.numel() > LARGEST:
        return False
    if structure.lower_convex not in ("no", "sampled"):
        return False
    return not any(ca.depends_on(c.expression, problem.x) for c in problem.lower_constraints)


def with_cuts(problem: Problem, answers: list[np.ndarray]) -> Problem:
    """The problem with a row of the leader for each answer."""
    g, y = problem.g.expression, problem.y
    rows = tuple(
        Constraint(f"answer {k + 1}", "upper", "le", g - ca.substitute(g, y, ca.MX(ca.DM(answer))), problem.g.span)
        for k, answer in enumerate(answers)
    )
    return replace(problem, upper_constraints=(*problem.upper_constraints, *rows))
