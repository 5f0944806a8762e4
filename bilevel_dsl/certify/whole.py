"""Leaders that choose whole numbers: other choices near by and elsewhere, the follower answering anew to each.

Near by are steps of one whole number by one, and exchanges: one up, another down, as under a budget. With the whole
numbers held, the continuous rest of the decision is judged as any other, see `leader.py`. To be the best of all choices is
proved by branch and bound only; where there are few, all of them are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, product

import numpy as np

from .claims import Claim, Verdict
from .effort import Budget
from .leader import FLAT, GAIN, LEAST, NOISE, PRICE, LeaderCheck, better_elsewhere, refuted
from .local import Local
from .place import Place, Region
from .probes import Around, probe
from .reaction import Reaction, Reactions
from .scales import Scales

ALL = 4  # times as many choices as there are probes: up to these all are tried, where nothing else is to be chosen
COORDINATES = 40  # whole numbers of which exchanges are tried


@dataclass(frozen=True)
class WholeLeader:
    """A point of a leader that chooses whole numbers, and what is needed to look at others."""

    place: Place
    leader: Region
    reactions: Reactions
    scales: Scales
    here: Local | None
    x: np.ndarray
    y: np.ndarray
    budget: Budget
    seed: int
    tol: float

    def check(self, continuous: Callable[[], LeaderCheck]) -> LeaderCheck:
        """The claims of the leader; `continuous`: those of its decision with the whole numbers held."""
        whole = self.place.problem.whole
        rest = None if whole.all() else continuous()
        around = Around(self.place.value("f", self.x, self.y), PRICE * self.scales.f)
        tried = self._near(around)
        every = self._every() if whole.all() else None
        complete = every is not None and self._all(around, every)
        if not complete:
            self._elsewhere(around)
        return self._claims(around, tried, complete, rest)

    # --- choices -----------------------------------------------------------------------

    def _near(self, around: Around) -> int:
        """Steps and exchanges, as many as the effort has probes; how many were tried."""
        before = around.count
        for step in islice(steps(self.place.problem.whole, np.random.default_rng(self.seed)), 2 * self._most):
            if self.budget.over or around.count - before >= self._most:
                break
            there = self.x + step
            if self._inside(there):
                around.see(self._reaction(step), True)
        return around.count - before

    def _every(self) -> list[np.ndarray] | None:
        """All choices, where there are few."""
        low, high = self.leader.whole_limits(self.place, self.x)
        if np.prod(high - low + 1) > ALL * self._most:
            return None
        axes = [np.arange(a, b + 1) for a, b in zip(low, high)]
        return [np.array(choice) for choice in product(*axes)]

    def _all(self, around: Around, every: list[np.ndarray]) -> bool:
        """Try all choices; whether there was time for it."""
        for choice in every:
            if self.budget.over:
                return False
            if np.any(choice != np.round(self.x)):
                around.see(self.reactions.at(choice, self.y), False)
        return True

    def _elsewhere(self, around: Around) -> None:
        """Choices at random, the continuous rest as it is."""
        rng, whole = np.random.default_rng(self.seed), self.place.problem.whole
        low, high = self.leader.whole_limits(self.place, self.x)
        for _ in range(self.budget.effort.far):
            if self.budget.over:
                return
            there = self.x.copy()
            there[whole] = rng.integers(low[whole].astype(int), high[whole].astype(int) + 1)
            around.see(self.reactions.at(there, self.y), False)

    @property
    def _most(self) -> int:
        return self.budget.effort.probes

    def _inside(self, x: np.ndarray) -> bool:
        low, high = self.leader.whole_limits(self.place, self.x)
        return bool(np.all((low <= x) & (x <= high) | ~self.place.problem.whole))

    def _reaction(self, step: np.ndarray) -> Reaction | None:
        return probe(self.place, self.leader, self.reactions, self.scales, self.here, self.x, self.y, step / self.scales.x)

    # --- claims ------------------------------------------------------------------------

    def _claims(self, around: Around, tried: int, complete: bool, rest: LeaderCheck | None) -> LeaderCheck:
        noise = NOISE * self.scales.f + FLAT * abs(around.value)
        size = max(around.range, LEAST * self.scales.f)
        tolerance = float(f"{GAIN * self.tol:.12g}")

        def gain(found: Reaction | None) -> float:
            gained = around.value - around.worth(found) if found is not None else 0.0
            return gained / size if gained > noise else 0.0

        if gain(around.best) > tolerance:
            stationary = refuted(self.place, self.scales, around.best, self.x, around.value, gain(around.best), tolerance)
        elif not tried and self.budget.over:
            stationary = Claim("leader_stationary", Verdict.NOT_CHECKED, "the time is over")
        else:
            words = f"{tried} other choice{'s' * (tried != 1)} of whole numbers near by tried: none is better"
            stationary = Claim("leader_stationary", Verdict.SEARCHED, words, gain(around.best), tolerance)
        if gain(around.wide) > tolerance:
            everywhere = better_elsewhere(self.place, around.wide, around.value)
        elif complete:
            words = "all choices of the leader were tried"
            everywhere = Claim("leader_global", Verdict.SEARCHED, words)
        else:
            words = f"{around.count - tried} choices elsewhere were tried: too few to say"
            everywhere = Claim("leader_global", Verdict.NOT_CHECKED, words)
        if rest is not None:
            stationary, everywhere = _both(rest.stationary, stationary), _worse(rest.everywhere, everywhere)
        value = stationary.value if stationary.value is not None else np.nan
        return LeaderCheck(stationary, everywhere, value, size, () if rest is None else rest.notes)


def steps(whole: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """One whole number up or down by one, then one up and another one down; in an order that is drawn."""
    n, own = whole.size, np.flatnonzero(whole)
    unit = np.eye(n)
    for i in rng.permutation(own):
        yield unit[i]
        yield -unit[i]
    few = rng.permutation(own)[:COORDINATES]
    pairs = [(i, j) for i in few for j in few if i != j]
    for k in rng.permutation(len(pairs)):
        i, j = pairs[k]
        yield unit[i] - unit[j]


def _both(one: Claim, other: Claim) -> Claim:
    """Two parts of one claim: a failure, else what is not checked, else both."""
    for verdict in (Verdict.FAILED, Verdict.NOT_CHECKED):
        for claim in (other, one):
            if claim.verdict is verdict:
                return claim
    return Claim(one.name, Verdict.SEARCHED, f"{one.words}; {other.words}", one.value, one.tolerance)


def _worse(rest: Claim, whole: Claim) -> Claim:
    """Of the continuous rest alone nothing follows for all choices, but that it fails."""
    return rest if rest.verdict is Verdict.FAILED and whole.verdict is not Verdict.FAILED else whole
