"""What a proved bound of the leader's objective says of the claims at a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite

from ..model.problem import Objective
from .claims import Certificate, Claim, Verdict

BOUND = 1e-6  # of f or, where that is more, of its size: between f and a proved bound of it


def bounded(
    claims: list[Claim],
    f: float,
    size: float,
    bound: float,
    words: str,
    stands: Callable[[Claim], bool] = lambda claim: True,
) -> list[Claim]:
    """The claims, those of the leader proved where `f` meets a proved bound at a bilevel point.

    A failed claim has a witness, which speaks against the bound or the point: then all stay as they are.

    Args:
        size: of f, its change over one length.
        stands: whether the witness of a failed claim is a point of both levels.
    """
    if not meets(claims, f, size, bound) or any(claim.verdict is Verdict.FAILED and stands(claim) for claim in claims):
        return claims
    named, tolerance = {claim.name: claim for claim in claims}, BOUND * max(size, abs(f))
    proved = {
        "leader_stationary": Claim("leader_stationary", Verdict.PROVED, f"globally optimal by {words}"),
        "leader_global": Claim("leader_global", Verdict.PROVED, words, abs(f - bound), tolerance),
    }
    answer = named.get("follower_answer")
    if answer is not None and answer.verdict is not Verdict.PROVED:  # no answer, of this or another decision, is better
        proved["follower_answer"] = replace(answer, verdict=Verdict.PROVED, words=f"the leader's choice: {words}")
    return [proved.get(claim.name, claim) for claim in claims]


def with_bound(found: Certificate, objective: Objective, f: float, bound: float, words: str) -> Certificate:
    """What a proved bound, which f does not meet, says of other decisions; as a detail, too, in the units of the model."""
    claim = found.claim("leader_global")
    if claim is None or claim.verdict is not Verdict.NOT_CHECKED or not isfinite(bound) or bound > f:
        return found
    written, side = objective.as_written(bound), "less" if objective.sense > 0 else "more"
    told = replace(claim, words=f"none gives {side} than {written:.6g}, by {words}; {claim.words}")
    claims = tuple(told if c is claim else c for c in found.claims)
    return replace(found, claims=claims, details={**found.details, "bound": written})


def meets(claims: list[Claim], f: float, size: float, bound: float) -> bool:
    """Whether f meets its bound at a point of both levels."""
    named = {claim.name: claim for claim in claims}
    reached = abs(f - bound) <= BOUND * max(size, abs(f))  # false for NaN
    sound = all(name in named and named[name].passed for name in ("feasible", "follower_optimal"))
    return reached and sound
