"""The leader of a simple bilevel problem has no variables: it picks one of the follower's answers.

The measure is the part of grad f that no multiplier of the follower's conditions balances, min_w |f_y + K w|, which is 0
at an approximate KKT point; and a search along the answers, by the leader's own program under a ceiling on g.
"""

from __future__ import annotations

import numpy as np

from .claims import Claim, Verdict
from .effort import Budget
from .follower import Follower
from .local import Local
from .optimal import Optimal, by_name
from .place import Place, Region
from .scales import Scales

CHOICE = 1e3  # times the tolerance: of a gain along the answers
STATIONARY = 100.0  # times the tolerance: of the part of the gradient that nothing balances


def check_choice(
    place: Place,
    leader: Region,
    follower: Follower,
    scales: Scales,
    found: Optimal,
    here: Local | None,
    x: np.ndarray,
    y: np.ndarray,
    budget: Budget,
    *,
    tol: float,
) -> Claim:
    """The claim "leader_stationary" of a problem without upper variables."""
    tolerance = float(f"{STATIONARY * tol:.12g}")
    if here is None or found.answer is None:
        return Claim("leader_stationary", Verdict.NOT_CHECKED, "the follower is too large, or no answer of it is known")
    kept = follower.as_good_as(x, found.answer, y, found.convex)
    better = follower.respond(x, y, "f", upper=leader.count > 0, **kept)
    own = place.value("f", x, y)
    gain = (own - better.f) / scales.f if better.solved and follower.violation(x, better.y) <= 1e-6 else 0.0
    if gain > CHOICE * tol:
        witness = {"variables": by_name(place, better.y, "lower"), "gain": float(own - better.f)}
        words = f"another answer of the follower gains the leader {own - better.f:.3g}"
        return Claim("leader_stationary", Verdict.FAILED, words, gain, float(f"{CHOICE * tol:.12g}"), witness)
    value = tangential(here)
    if value > tolerance and not leader.count:
        words = "part of the leader's gradient lies along the follower's answers"
        return Claim("leader_stationary", Verdict.FAILED, words, value, tolerance)
    words = "multipliers balance the leader's gradient; searched along the follower's answers"
    return Claim("leader_stationary", Verdict.SEARCHED, words, value, tolerance)


def tangential(here: Local) -> float:
    """min_w |[f_y; 0] + K w|, in sizes of f over one length."""
    m = len(here.A)
    K = np.block([[here.hessian, here.A.T], [here.A, np.zeros((m, m))]])
    right = np.concatenate([here.f_y, np.zeros(m)])
    w = np.linalg.lstsq(K, -right, rcond=1e-6)[0]
    return float(np.max(np.abs(right + K @ w), initial=0.0))
