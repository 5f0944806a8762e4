"""Is the follower's answer the only one, and if not, is it the one that the leader would pick?

Several answers are of two kinds: separate ones, met by the search of `optimal` in every part of the follower, and
connected ones, where the follower may move without a loss. Over all of them the leader's best and worst value are looked
for; the point must have the best one (optimistic).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice, product

import numpy as np

from .claims import Claim, Verdict
from .effort import Budget
from .follower import Follower, Response
from .local import Local
from .optimal import GAP, Optimal, by_name
from .place import Place, Region
from .scales import Scales

CHOICE = 1e3  # times the tolerance: what the leader may lose by the answer, in sizes of f
INEXACT = 1e2  # times the tolerance: by how much f may differ from its value at the follower's exact answer
COMBINATIONS = 512  # of answers of separate parts that are tried
RESIDUAL = 1e-4  # of the follower's conditions, in sizes of g: above, its derivatives there say nothing
ALIKE = 1e-3  # lengths within which two answers are one


@dataclass(frozen=True)
class Answers:
    claim: Claim
    several: bool  # connected ones: around the point the leader picks
    gap: float = 0.0
    best: float | None = None  # for the leader, minimised
    worst: float | None = None
    notes: tuple[str, ...] = ()
    details: dict[str, object] = field(default_factory=dict)


def check_answers(
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
) -> Answers:
    """The claim "follower_answer" at (x, y)."""
    if found.answer is None:
        return Answers(Claim("follower_answer", Verdict.NOT_CHECKED, "no answer of the follower is known"), False)
    curved = here is not None and here.residual <= RESIDUAL and bool(np.all(here.eigenvalues > 1e-8))
    if found.convex and curved:
        inexact = _inexact(place, scales, found, x, y, tol)
        if inexact is not None:
            return Answers(inexact, False, details={"follower_unique": True})
        why = "a vertex" if not here.tangent.shape[1] else "strictly convex along all that is left to it"
        return Answers(
            Claim("follower_answer", Verdict.PROVED, f"the only one: {why}"), False, details={"follower_unique": True}
        )
    separate = _separate(found, tol)
    connected = here is None or not curved
    if not connected and len(separate) == 1:
        inexact = _inexact(place, scales, found, x, y, tol)
        if inexact is not None:
            return Answers(inexact, False, details={"follower_unique": True})
        basins = sum(len(p.answers) for p in found.parts)
        words = f"the only one of {basins} basin{'s' * (basins != 1)} found"
        return Answers(Claim("follower_answer", Verdict.SEARCHED, words), False, details={"follower_unique": True})
    return _range(place, leader, follower, scales, found, separate, connected, x, y, budget, tol)


def _inexact(place: Place, scales: Scales, found: Optimal, x: np.ndarray, y: np.ndarray, tol: float) -> Claim | None:
    """A gap of the follower that is small for it may be an error of its answer that is large for the leader.

    The gap falls with the square of the error: 1e-5 of g may be 3e-3 of y, and of f.
    """
    own, exact = place.value("f", x, y), found.answer.f
    if not np.isfinite(own) or not np.isfinite(exact):
        return None  # the leader's value rests on multipliers, which are compared by themselves
    gap, tolerance = abs(own - exact) / scales.f, float(f"{INEXACT * tol:.12g}")
    if gap <= tolerance:
        return None
    sense = place.problem.f.sense
    witness = {"variables": by_name(place, found.answer.y, "lower"), "gain": float(exact - own)}
    values = f"{sense * exact:.8g} at the exact one, {sense * own:.8g} here"
    words = f"the follower's answer is not exact: the leader has {values}"
    return Claim("follower_answer", Verdict.FAILED, words, gap, tolerance, witness)


def _separate(found: Optimal, tol: float) -> list[np.ndarray]:
    """Answers as good as the best one, combined from the answers of the parts."""
    choices = []
    for part in found.parts:
        lowest = min((change for _, change in part.answers), default=0.0)
        near = [values for values, change in part.answers if change - lowest <= GAP * tol * part.size]
        choices.append(near or [found.answer.y[part.entries]])
    points = []
    for combination in islice(product(*choices), COMBINATIONS):
        point = found.answer.y.copy()
        for part, values in zip(found.parts, combination):
            point[part.entries] = values
        points.append(point)
    return points or [found.answer.y]


def _range(
    place: Place,
    leader: Region,
    follower: Follower,
    scales: Scales,
    found: Optimal,
    separate: list[np.ndarray],
    connected: bool,
    x,
    y,
    budget: Budget,
    tol: float,
) -> Answers:
    sense = place.problem.f.sense
    own = place.value("f", x, y)
    tried: list[tuple[float, np.ndarray, bool]] = []  # f, y, whether the leader's rows hold
    for point in separate:
        tried.append((place.value("f", x, point), point, _admissible(place, leader, follower, x, point)))
    told = True
    if connected:
        ends = _connected(place, leader, follower, scales, found, separate, x, y, budget)
        tried += ends
        told = found.convex or _told_apart(place, follower, scales, x, y, ends, tol)
    values = [f for f, _, _ in tried if np.isfinite(f)]
    allowed = [(f, p) for f, p, fits in tried if fits and np.isfinite(f)]
    best, point = min(allowed, key=lambda a: a[0], default=(own, y))
    best, worst = min(best, own), max([own, *values])
    gap = max(0.0, own - best) / scales.f
    tolerance = float(f"{CHOICE * tol:.12g}")
    apart = any(np.max(np.abs(p - y) / scales.y, initial=0.0) > ALIKE for _, p, _ in tried)
    shown = sorted((sense * best, sense * worst), reverse=sense < 0)
    details = {"leader_best": shown[0], "leader_worst": shown[1], "follower_unique": not apart}
    notes = ()
    if worst - best > tolerance * scales.f:
        notes = (
            f"the follower has several answers; over those found the leader's objective goes from {shown[0]:.6g} "
            f"to {shown[1]:.6g}",
        )
    if gap > tolerance:
        witness = {"variables": by_name(place, point, "lower"), "gain": float(own - best)}
        words = f"the leader would pick another one of the follower's answers: {sense * best:.6g} for {sense * own:.6g}"
        return Answers(
            Claim("follower_answer", Verdict.FAILED, words, gap, tolerance, witness),
            connected,
            gap,
            best,
            worst,
            notes,
            details,
        )
    if not told:
        words = "the follower prefers one answer to others by less than can be resolved, and the leader does not"
        return Answers(
            Claim("follower_answer", Verdict.NOT_CHECKED, words, gap, tolerance), connected, gap, best, worst, notes, details
        )
    if budget.over and not tried:
        return Answers(Claim("follower_answer", Verdict.NOT_CHECKED, "the time is over"), connected)
    words = (
        "no other answer was found" if not apart else f"the leader's choice among several: {shown[0]:.6g} to {shown[1]:.6g}"
    )
    return Answers(
        Claim("follower_answer", Verdict.SEARCHED, words, gap, tolerance), connected, gap, best, worst, notes, details
    )


def _connected(place, leader, follower: Follower, scales: Scales, found: Optimal, separate, x, y, budget: Budget):
    """Ends of the range of f over the answers that hang together with those known."""
    tried = []
    for point in [y, *separate[:8]]:
        if budget.over:
            break
        kept = follower.as_good_as(x, found.answer, point, found.convex)
        for objective in ("f", "-f"):
            upper = objective == "f" and leader.count > 0
            end: Response = follower.respond(x, point, objective, upper=upper, **kept)
            if end.solved and follower.violation(x, end.y) <= 1e-6:
                tried.append((end.f, end.y, _admissible(place, leader, follower, x, end.y)))
    return tried


def _told_apart(place: Place, follower: Follower, scales: Scales, x, y, ends, tol: float) -> bool:
    """False where answers that differ for the leader differ for the follower by a little: no ties, but not resolved.

    Each end is answered anew, so that what the ceiling on g gave away does not count.
    """
    own, value = place.value("g", x, y), place.value("f", x, y)
    rounding = 1e-12 * scales.g + 1e-14 * abs(own)
    for f, end, _ in ends:
        if abs(f - value) <= CHOICE * tol * scales.f:
            continue
        again = follower.answer(x, end)
        if not again.solved:
            continue
        apart = np.max(np.abs(again.y - y) / scales.y, initial=0.0) > ALIKE
        if apart and abs(again.f - value) > CHOICE * tol * scales.f and abs(again.g - own) > rounding:
            return False
    return True


def _admissible(place: Place, leader: Region, follower: Follower, x, y) -> bool:
    """Whether the leader's rows hold with this answer."""
    if not leader.count:
        return True
    _, _, low, high = leader.limits(place, x)
    rows = leader.values(place, x, y)
    with np.errstate(invalid="ignore"):
        worst = np.max(np.maximum(low - rows, rows - high) / follower.frame.upper_rows, initial=0.0)
    return bool(worst <= 1e-6)
