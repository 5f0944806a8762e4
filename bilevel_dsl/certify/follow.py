"""The follower's answers to a decision of the leader: the best ones, the other basins, and what the leader makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, product

import numpy as np

from ..functions.oracles import Oracles
from .answers import Answers, check_answers
from .certificate import Examination
from .claims import Claim, Verdict
from .duals import multipliers
from .effort import Budget
from .feasible import FEASIBLE, check_feasible
from .optimal import APART, Optimal

ROUNDS = 4  # of better answers, or ones that the leader likes better, from which all is looked at again
MOST = 64  # answers that are listed


@dataclass(frozen=True)
class Answered:
    """What is known of the follower at x. Columns are flat; values are minimised ones.

    Attributes:
        y: the answer that the leader prefers among the best ones; None where there is none.
        optimal, choice: the claims "follower_optimal" and "follower_answer" at (x, y).
        unique: whether the answer is the only one, as far as was looked.
        f, g: objectives at y.
        feasible: whether the leader's sets and constraints hold there.
        best, worst: of the leader, over the best answers.
        ends: the answers that give these.
        basins: local answers with the follower's value, the best first.
    """

    y: np.ndarray | None
    optimal: Claim
    choice: Claim | None
    unique: bool = False
    f: float = np.nan
    g: float = np.nan
    feasible: bool = False
    best: float = np.nan
    worst: float = np.nan
    ends: tuple[np.ndarray, ...] = ()
    basins: tuple[tuple[np.ndarray, float], ...] = ()


def follow(oracles: Oracles, x: np.ndarray, y: np.ndarray, limits: Budget, *, seed: int, tol: float) -> Answered:
    """The follower's answers to x, looked for from y."""
    nothing = Claim("follower_optimal", Verdict.NOT_CHECKED, "the follower's objective has no value here")
    examined = Examination(oracles, x, y)
    first = examined.follower.answer(x, y) if examined.finite else None
    y = first.y if first is not None and first.solved else y
    for left in reversed(range(ROUNDS + 1)):  # the last one looks only: what is said is about the y that is returned
        examined = Examination(oracles, x, y, multipliers(oracles.problem, x, y) or None)
        if not examined.finite:
            return Answered(None, nothing, None)
        found = examined.follower_optimal(limits, seed, tol)
        if found.unbounded or found.answer is None:
            return Answered(None, found.claim, None)
        choice = None
        better = found.answer.y if not found.claim.passed and found.answer.g < examined.g else None
        if better is None:
            choice = _choice(examined, found, limits, tol)
            better = _preferred(examined, choice)
        if better is None or not left:
            break
        y = better
    return _answered(examined, found, choice, y, tol)


def _choice(examined: Examination, found: Optimal, limits: Budget, tol: float) -> Answers:
    e = examined
    return check_answers(e.place, e.leader, e.follower, e.scales, found, e.local_at(found), e.x, e.y, limits, tol=tol)


def _preferred(examined: Examination, choice: Answers) -> np.ndarray | None:
    """The answer that the leader would pick in place of this one."""
    if choice.claim.verdict is not Verdict.FAILED or not choice.claim.witness:
        return None
    decided = choice.claim.decided
    y = examined.y.copy()
    for v in examined.place.problem.lower_variables:
        if v.name in decided:
            y[v.slice] = np.ravel(decided[v.name], order="F")
    return y


def _answered(examined: Examination, found: Optimal, choice: Answers | None, y: np.ndarray, tol: float) -> Answered:
    own = examined.place.value("f", examined.x, y)
    return Answered(
        y,
        found.claim,
        choice and choice.claim,
        unique=bool(choice and choice.details.get("follower_unique")),
        f=own,
        g=examined.place.value("g", examined.x, y),
        feasible=check_feasible(examined, tol)[1]["upper_feasibility"] <= FEASIBLE * tol,
        best=own if choice is None or choice.best is None else choice.best,
        worst=own if choice is None or choice.worst is None else choice.worst,
        ends=(y, y) if choice is None or choice.ends is None else choice.ends,
        basins=_basins(examined, found, y),
    )


def _basins(examined: Examination, found: Optimal, y: np.ndarray) -> tuple[tuple[np.ndarray, float], ...]:
    """The answers of the parts, combined; each once, and y among them."""
    choices = [part.answers or [(y[part.entries], 0.0)] for part in found.parts]
    points = [y]
    for combination in islice(product(*choices), MOST):
        point = y.copy()
        for part, (values, _) in zip(found.parts, combination):
            point[part.entries] = values
        if all(np.max(np.abs(point - p) / examined.scales.y, initial=0.0) > APART for p in points):
            points.append(point)
    valued = [(p, examined.place.value("g", examined.x, p)) for p in points]
    return tuple(sorted((v for v in valued if np.isfinite(v[1])), key=lambda v: v[1]))
