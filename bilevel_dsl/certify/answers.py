"""Is the follower's answer the only one, and if not, is it the one that the leader would pick?

Several answers are of two kinds: separate ones, met by the search of `optimal` in every part of the follower, and
connected ones, where the follower may move without a loss. Over all of them the leader's best and worst value are looked
for, by linear programs where these tell (`extremes.py`); the point must have the best one, or the worst one where `ties`
is "pessimistic".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice, product

import numpy as np

from .claims import Claim, Verdict
from .effort import Budget
from .extremes import Extremes, corners, extremes
from .follower import Follower, Response
from .local import Local
from .optimal import GAP, Optimal, by_name
from .place import Place, Region
from .scales import Scales
from .seen import alike

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
    ends: tuple[np.ndarray, np.ndarray] | None = None  # answers that give the best and the worst value


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
    adverse: bool = False,
) -> Answers:
    """The claim "follower_answer" at (x, y); `adverse`: of several answers the follower takes the worst one."""
    if found.answer is None:
        return Answers(Claim("follower_answer", Verdict.NOT_CHECKED, "no answer of the follower is known"), False)
    curved = here is not None and here.residual <= RESIDUAL and here.definite
    if found.convex and curved:
        inexact = _inexact(place, scales, found, x, y, tol)
        if inexact is not None:
            return Answers(inexact, False, details={"follower_unique": True})
        why = "a vertex" if not here.tangent.shape[1] else "strictly convex along all that is left to it"
        claim = Claim("follower_answer", Verdict.PROVED, f"the only one: {why}")
        return Answers(claim, False, details=_of_one(place, x, y))
    separate = _separate(found, tol)
    connected = here is None or not curved
    if not connected and len(separate) == 1:
        inexact = _inexact(place, scales, found, x, y, tol)
        if inexact is not None:
            return Answers(inexact, False, details={"follower_unique": True})
        basins = sum(len(p.answers) for p in found.parts)
        words = f"the only one of {basins} basin{'s' * (basins != 1)} found"
        return Answers(Claim("follower_answer", Verdict.SEARCHED, words), False, details=_of_one(place, x, y))
    same = alike(place, leader, scales, x, found.answer.y) if connected and found.convex else None
    if same is not None:
        return _of_many(place, scales, found, same, x, y, tol)
    exact = None
    if connected and found.convex and here is not None:
        exact = extremes(place, leader, follower.region, follower, x, found.answer.y, True)
    seen = _Seen(place, leader, follower, scales, found, connected, x, y, tol)
    seen.look(separate, exact, budget)
    return seen.worst_for_the_leader() if adverse else seen.choice_of_the_leader()


def _of_one(place: Place, x: np.ndarray, y: np.ndarray) -> dict[str, object]:
    value = place.problem.f.sense * place.value("f", x, y)
    return {"leader_best": value, "leader_worst": value, "follower_unique": True}


def _of_many(place: Place, scales: Scales, found: Optimal, same: list[str], x, y, tol: float) -> Answers:
    """The answers may be many, but all are one to the leader."""
    details = {**_of_one(place, x, y), "follower_unique": False}
    names = ", ".join(same)
    words = f"all answers are the same in {names}, and the leader sees no more" if same else "the leader sees nothing of it"
    claim = _inexact(place, scales, found, x, y, tol) or Claim("follower_answer", Verdict.PROVED, words)
    return Answers(claim, False, details=details)


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


@dataclass(eq=False)
class _Seen:
    """Several answers of the follower, with what the leader makes of them."""

    place: Place
    leader: Region
    follower: Follower
    scales: Scales
    found: Optimal
    connected: bool
    x: np.ndarray
    y: np.ndarray
    tol: float
    tried: list[tuple[float, np.ndarray, bool]] = field(default_factory=list)  # f, y, whether the leader's rows hold
    exact: Extremes | None = None
    told: bool = True  # answers are told apart
    late: bool = False  # the time is over

    def look(self, separate: list[np.ndarray], exact: Extremes | None, budget: Budget) -> None:
        place, leader, follower, x = self.place, self.leader, self.follower, self.x
        for point in separate:
            self.tried.append((place.value("f", x, point), point, _admissible(place, leader, follower, x, point)))
        if exact is not None:
            ends = [e for e in (exact.best, exact.worst) if e is not None]
            self.exact = exact
            self.tried += [(f, p, _admissible(place, leader, follower, x, p)) for f, p in ends]
        elif self.connected:
            ends = _connected(place, leader, follower, self.scales, self.found, separate, x, self.y, budget)
            self.tried += ends
            self.told = self.found.convex or _told_apart(place, follower, self.scales, x, self.y, ends, self.tol)
        self.late = budget.over and not self.tried
        self.own = place.value("f", x, self.y)
        allowed = [(f, p) for f, p, fits in self.tried if fits and np.isfinite(f)]
        self.best, self.best_at = min([(self.own, self.y), *allowed], key=lambda a: a[0])
        values = [(f, p) for f, p, _ in self.tried if not np.isnan(f)]
        self.worst, self.worst_at = max([(self.own, self.y), *values], key=lambda a: a[0])
        self.apart = any(np.max(np.abs(p - self.y) / self.scales.y, initial=0.0) > ALIKE for _, p, _ in self.tried)

    @property
    def _tolerance(self) -> float:
        return float(f"{CHOICE * self.tol:.12g}")

    @property
    def _shown(self) -> tuple[float, float]:
        sense = self.place.problem.f.sense
        return sense * self.best, sense * self.worst

    def _said(self, verdict: Verdict, words: str, gap: float, witness: dict[str, object] | None = None) -> Answers:
        best, worst = self._shown
        details: dict[str, object] = {"leader_best": best, "leader_worst": worst, "follower_unique": not self.apart}
        for name, y in (("leader_best_answer", self.best_at), ("leader_worst_answer", self.worst_at)):
            details[name] = by_name(self.place, y, "lower")
        notes = ()
        if self.worst - self.best > self._tolerance * self.scales.f:
            over = "all of them" if self.exact is not None else "those found"
            notes = (
                f"the follower has several answers; over {over} the leader's objective goes from {best:.6g} to {worst:.6g}",
            )
        claim = Claim("follower_answer", verdict, words, gap, self._tolerance, witness)
        ends = self.best_at, self.worst_at
        return Answers(claim, self.connected, gap, self.best, self.worst, notes, details, ends)

    def _undecided(self) -> Answers | None:
        if not self.told:
            words = "the follower prefers one answer to others by less than can be resolved, and the leader does not"
            return self._said(Verdict.NOT_CHECKED, words, 0.0)
        if self.late:
            return Answers(Claim("follower_answer", Verdict.NOT_CHECKED, "the time is over"), self.connected)
        return None

    @property
    def _verdict(self) -> Verdict:
        return Verdict.PROVED if self.exact is not None else Verdict.SEARCHED

    def choice_of_the_leader(self) -> Answers:
        """The point must have the best answer for the leader."""
        gap, sense = max(0.0, self.own - self.best) / self.scales.f, self.place.problem.f.sense
        if gap > self._tolerance:
            witness = {"variables": by_name(self.place, self.best_at, "lower"), "gain": float(self.own - self.best)}
            values = f"{sense * self.best:.6g} for {sense * self.own:.6g}"
            return self._said(
                Verdict.FAILED, f"the leader would pick another one of the follower's answers: {values}", gap, witness
            )
        best, worst = self._shown
        words = (
            f"the leader's choice among several: {best:.6g} to {worst:.6g}" if self.apart else "no other answer was found"
        )
        return self._undecided() or self._said(self._verdict, self._by(words), gap)

    def worst_for_the_leader(self) -> Answers:
        """The point must have the worst answer for the leader, and no answer may break a row of the leader."""
        sense = self.place.problem.f.sense
        breaking = [p for _, p, fits in self.tried if not fits]
        breaking += [self.exact.broken[1]] if self.exact is not None and self.exact.broken is not None else []
        if breaking:
            words = "another answer that is as good for the follower breaks the leader's constraints"
            witness = {"variables": by_name(self.place, breaking[-1], "lower")}
            return self._said(Verdict.FAILED, words, np.inf, witness)
        gap = max(0.0, self.worst - self.own) / self.scales.f
        if gap > self._tolerance:
            witness = {"variables": by_name(self.place, self.worst_at, "lower"), "loss": float(self.worst - self.own)}
            values = f"{sense * self.worst:.6g} for {sense * self.own:.6g}"
            words = f"an adverse follower would take another one of its answers: {values}"
            return self._said(Verdict.FAILED, words, gap, witness)
        best, worst = self._shown
        words = f"the worst for the leader among several: {best:.6g} to {worst:.6g}"
        words = words if self.apart else "no other answer was found"
        return self._undecided() or self._said(self._verdict, self._by(words), gap)

    def _by(self, words: str) -> str:
        if self.exact is None:
            return words
        return f"{words}, both ends by linear programs" if self.apart else "no other answer differs for the leader"


def _connected(place, leader, follower: Follower, scales: Scales, found: Optimal, separate, x, y, budget: Budget):
    """Ends of the range of f over the answers that hang together with those known."""
    tried = []
    for point in [y, *separate[:8], *corners(place, leader, follower.region, follower, x, found.answer.y, found.convex)]:
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
