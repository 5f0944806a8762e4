"""Is the leader's decision a local best one? First-order programs, probes without derivatives, curvature, and far samples.

All lengths are the leader's own, and every gain is relative to the range of f over the probes: nothing depends on units.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..model.problem import entry_of
from .bends import at_kink
from .branches import Descent
from .claims import Claim, Verdict
from .effort import EFFORTS, Budget, fewer
from .first_order import first_order
from .local import Local
from .optimal import Optimal, by_name
from .place import Place, Region
from .probes import NEAR, WIDE, Around, directions, look_along_curvature, probe
from .reaction import Reaction, Reactions
from .scales import Scales
from .stationarity import project_x
from .totals import total_slope

STATIONARY = 100.0  # times the tolerance: of a first-order decrease over REACH lengths, unless it is tried out in vain
GAIN = 100.0  # times the tolerance: of a gain near by
ENOUGH = 0.5  # of the probes that must have been answered where no derivative speaks
CURVED = 10  # leader variables up to which the Hessian of the reduced objective is estimated
FLAT = 1e-11  # of |f|, the noise of evaluations: a smaller range is none
NOISE = 1e-8  # of the change of f over one length of any variable: the noise of re-solutions
FLAT_MORE = 16  # times as many decisions elsewhere are tried from a flat piece
LEAST = 1e-4  # of the same: a range is not taken for less
BROAD = 0.1  # of the width of a box: a second length, for entries that are small in it
BROADEST = 30.0  # lengths: the second one is at most that
STEEP = 10.0  # times the same tolerance: a first-order decrease that fails in any case
TRIED = (1.0, 0.3, 0.1, 0.03, 0.01)  # parts of a step that gains to first order
HALVINGS = 5  # of the part between one that gains and one that does not
PRICE = 10.0  # sizes of f for a violation by one size of a row
LONGER = 3.0  # times the first length: below, a second one shows nothing new


@dataclass(frozen=True)
class LeaderCheck:
    stationary: Claim
    everywhere: Claim
    value: float
    range: float
    notes: tuple[str, ...] = ()


def check_leader(
    place: Place,
    leader: Region,
    reactions: Reactions,
    scales: Scales,
    found: Optimal,
    here: Local | None,
    x: np.ndarray,
    y: np.ndarray,
    budget: Budget,
    *,
    seed: int,
    tol: float,
) -> LeaderCheck:
    """The claims "leader_stationary" and "leader_global" at (x, y), with y the follower's answer."""
    tolerance = float(f"{STATIONARY * tol:.12g}")
    rng = np.random.default_rng(seed)
    bent = at_kink(place, leader, reactions.region, scales, x, y)
    smooth = here is not None and not here.kinked and not bent and not reactions.adverse
    slope = total_slope(place, here, reactions) if here is not None and not here.kinked else None
    if slope is not None:
        slope = np.where(place.problem.whole, 0.0, slope)  # whole numbers are held here, see `whole.py`
    look = _Look(place, leader, reactions, scales, here, slope, bent, x, y, budget, rng)
    near, *broader = [look.within(stretch, tolerance) for stretch in _stretches(place, leader, scales, x)]
    around, first, size = near.around, near.first, near.size
    if smooth and not near.flat and x.size <= CURVED and leader.describable and not budget.over:
        look_along_curvature(place, leader, reactions, scales, here, x, y, slope, around)
    far = _far(place, leader, reactions, scales, x, y, budget, rng, around.value, FLAT_MORE if near.flat else 1)
    everywhere = _everywhere(place, far, around, size if not near.flat else 0.0, near.noise, tol)
    if near.flat:
        return _flat(place, around, everywhere, far, first, tolerance)
    better = [b for b in (near, *broader) if b.gain > GAIN * tol]
    steeper = [b for b in (near, *broader) if b.measured > tolerance]
    predicted = _predicted(look, steeper[0], tolerance, tol) if steeper else None
    if better:
        b = better[0]
        claim = refuted(place, scales, b.around.best, x, b.around.value, b.gain, float(f"{GAIN * tol:.12g}"))
    elif predicted is not None:
        claim = predicted
    elif first is None and around.answered < ENOUGH * max(around.count, 1):
        why = f"{near.words}; only {around.answered} of {around.count} decisions near by could be tried"
        why = "the time is over" if budget.over and not around.count else why
        claim = Claim("leader_stationary", Verdict.NOT_CHECKED, why)
    else:
        number = near.gain if first is None or steeper else near.measured
        how = [near.words] if near.words else []
        how += ["a slight descent to first order was tried out: it gains next to nothing"] if steeper else []
        tried, asked = (sum(getattr(b.around, n) for b in (near, *broader)) for n in ("answered", "count"))
        how.append(f"{tried} of {asked} decisions near by were tried")
        claim = Claim("leader_stationary", Verdict.SEARCHED, "; ".join(how), number, tolerance)
    return LeaderCheck(claim, everywhere, claim.value if claim.value is not None else np.nan, size)


def _stretches(place: Place, leader: Region, scales: Scales, x: np.ndarray) -> list[np.ndarray]:
    """Steps in lengths; and where an entry is small in its box, again with the box as its measure."""
    lower, upper = leader.limits(place, x)[:2]
    with np.errstate(invalid="ignore"):
        broad = np.minimum(BROAD * (upper - lower) / scales.x, BROADEST)
    broad = np.where(np.isfinite(upper - lower), np.maximum(broad, 1.0), 1.0)
    return [np.ones(x.size)] + ([broad] if np.max(broad, initial=1.0) > LONGER else [])


@dataclass
class _Seen:
    """What one measure of length shows: probes, the first-order decrease, both relative to the range of f."""

    around: Around
    first: Descent | None
    words: str
    size: float  # the range of f over the probes
    noise: float
    unit: float  # of the decrease

    @property
    def flat(self) -> bool:
        return self.around.answered > 0 and self.around.range <= self.noise

    @property
    def gain(self) -> float:
        """Of the best probe near by; 0 within the noise."""
        best = self.around.best
        gain = self.around.value - self.around.worth(best) if best is not None else 0.0
        return gain / self.size if gain > self.noise else 0.0

    @property
    def measured(self) -> float:
        """The first-order decrease; 0 within the noise."""
        gain = self.first.decrease * self.unit if self.first is not None else 0.0
        return gain / self.size if gain > self.noise or not self.around.answered else 0.0


@dataclass
class _Look:
    """The point and what is needed to look around it."""

    place: Place
    leader: Region
    reactions: Reactions
    scales: Scales
    here: Local | None
    slope: np.ndarray | None
    bent: bool
    x: np.ndarray
    y: np.ndarray
    budget: Budget
    rng: np.random.Generator

    def within(self, stretch: np.ndarray, tolerance: float) -> _Seen:
        """Probes and first-order programs, with every length times `stretch`."""
        scales, here = self.scales, self.here
        around = Around(self.place.value("f", self.x, self.y), PRICE * scales.f)
        broad = bool(np.any(stretch > 1))
        most = self._probes()
        slope = None if self.slope is None else self.slope * stretch
        half = self.budget.half()  # the other half is for the linear programs
        for d in directions(self.x.size, slope, most // 3, self.rng, np.flatnonzero(stretch > 1) if broad else None):
            d = np.where(self.place.problem.whole, 0.0, d)
            for t in (*NEAR, WIDE) if np.any(d) else ():
                if around.count >= most or half.over:
                    break
                step = t * stretch * d
                around.see(probe(self.place, self.leader, self.reactions, scales, here, self.x, self.y, step), t in NEAR)
        noise = NOISE * scales.f + FLAT * abs(around.value)
        size = max(around.range, LEAST * scales.f) if around.answered else WIDE * scales.f
        first, words = first_order(
            self.place,
            self.leader,
            self.reactions,
            scales,
            here,
            self.slope,
            self.bent,
            self.x,
            self.y,
            self.budget,
            tolerance * size / scales.f,
            stretch,
        )
        return _Seen(around, first, words, size, noise, scales.f)

    def _probes(self) -> int:
        most = self.budget.effort.probes
        if self.here is not None and self.budget.effort is not EFFORTS["thorough"]:  # derivatives say most of it
            most = fewer(most, self.x.size + self.y.size, EFFORTS["quick"].probes)
        # what the leader picks costs more; but a follower that jumps along a face leaves little to derivatives
        return most * (2 if self.reactions.several else 3) // 3


# --- first order ------------------------------------------------------------------------------------


@dataclass
class _Trial:
    """A first-order descent, tried out along its direction: parts of its step, and what each gains."""

    look: _Look
    seen: _Seen
    tolerance: float
    tol: float
    gains: dict[float, float] = field(default_factory=dict)

    @property
    def predicted(self) -> float:
        """The gain of the whole step."""
        return self.seen.first.decrease * self.look.scales.f

    @property
    def enough(self) -> float:
        return GAIN * self.tol * self.seen.size

    def refutes(self, t: float) -> Claim | None:
        """The witness at a part of the step, if it is one."""
        look, seen = self.look, self.seen
        step = t * seen.first.dx
        found = probe(look.place, look.leader, look.reactions, look.scales, look.here, look.x, look.y, step)
        if found is None or not found.admissible:
            return None
        self.gains[t] = gain = seen.around.value - seen.around.worth(found)
        if gain > self.enough or seen.measured > STEEP * self.tolerance and gain > 0.1 * t * self.predicted:
            return refuted(look.place, look.scales, found, look.x, seen.around.value, seen.measured, self.tolerance)
        return None

    def keeps(self, t: float) -> bool:
        return self.gains.get(t, -np.inf) > 0.5 * t * self.predicted

    def to_its_end(self) -> Claim | None:
        """Halvings between a part that gains what was predicted and one that does not: the descent may end in between."""
        low = max((t for t in self.gains if self.keeps(t)), default=1.0)
        high = min((t for t in TRIED if t > low), default=low)
        for _ in range(HALVINGS if high * self.predicted > self.enough else 0):
            t = (low + high) / 2
            if claim := self.refutes(t):
                return claim
            low, high = (t, high) if self.keeps(t) else (low, t)
        return None


def _predicted(look: _Look, seen: _Seen, tolerance: float, tol: float) -> Claim | None:
    """A first-order descent that was tried out; None where it is slight and all of it gains next to nothing."""
    trial, dx = _Trial(look, seen, tolerance, tol), seen.first.dx
    moving = dx is not None and bool(look.x.size)
    claim = next((c for c in map(trial.refutes, TRIED) if c), None) if moving else None
    told = len(trial.gains)
    claim = claim or (trial.to_its_end() if moving else None)
    if claim is not None:
        return claim
    if told >= 4 and seen.measured <= STEEP * tolerance:
        return None
    words = f"to first order a step of a hundredth of its size gains the leader {trial.predicted:.3g}"
    witness = None
    if moving:
        witness = {"direction": by_name(look.place, dx * look.scales.x, "upper"), "gain": float(trial.predicted)}
    return Claim("leader_stationary", Verdict.FAILED, words, seen.measured, tolerance, witness)


def refuted(place: Place, scales: Scales, better: Reaction, x, value: float, measured: float, tolerance: float) -> Claim:
    shown = shown_move(place, x, better.x)
    gain = value - better.f
    witness = {"variables": by_name(place, better.x, "upper") | by_name(place, better.y, "lower"), "gain": float(gain)}
    return Claim("leader_stationary", Verdict.FAILED, f"{shown} gains the leader {gain:.3g}", measured, tolerance, witness)


def shown_move(place: Place, x: np.ndarray, there: np.ndarray) -> str:
    """`moving x[1] by 0.06`: the largest parts of a step."""
    parts = []
    order = np.argsort(-np.abs(there - x) / np.maximum(np.abs(x), 1e-12), kind="stable")
    for i in order[:2]:
        if there[i] == x[i]:
            continue
        parts.append(f"{entry_of(place.problem.upper_variables, i)} by {there[i] - x[i]:.3g}")
    more = " and others" if np.count_nonzero(there != x) > len(parts) else ""
    return "moving " + " and ".join(parts) + more


# --- second order, flat pieces, far away ---------------------------------------------------------


def _far(
    place: Place,
    leader: Region,
    reactions: Reactions,
    scales: Scales,
    x,
    y,
    budget: Budget,
    rng: np.random.Generator,
    value: float,
    times: int,
) -> Around:
    """Decisions anywhere in the leader's set: at random, at corners, near its lower end, and one entry at a time."""
    seen = Around(value, PRICE * scales.f)
    lower, upper = leader.limits(place, x)[:2]
    low = np.where(np.isfinite(lower), lower, x - 10 * scales.x)
    high = np.where(np.isfinite(upper), upper, x + 10 * scales.x)
    here = np.clip((x - low) / np.maximum(high - low, 1e-300), 0, 1)
    most = times * budget.effort.far // (3 if reactions.several else 1)
    if times == 1 and budget.effort is not EFFORTS["thorough"]:
        most = fewer(most, x.size + y.size)
    for k in range(most):
        if budget.over if times > 1 else budget.over_aside:  # a verdict rests on it where the objective is flat
            break
        u = rng.random(x.size)
        if k % 4 == 1:
            u = np.round(u)
        elif k % 4 == 2:
            u = u**3
        elif k % 4 == 3:
            i, u = (k // 4) % x.size, here.copy()
            u[i] = rng.random() ** (1 + k % 3)
        seen.see(reactions.at(project_x(place.oracles, low + (high - low) * u), y), False)
        if times > 1 and seen.wide is not None and value - seen.worth(seen.wide) > NOISE * scales.f:
            break  # one is enough to leave a flat piece
    return seen


def _everywhere(place: Place, far: Around, around: Around, size: float, noise: float, tol: float) -> Claim:
    known = [r for r in (far.wide, around.wide) if r is not None]
    best = min(known, key=around.worth, default=None)
    size = max(far.range, size)
    gain = around.value - around.worth(best) if best is not None else 0.0
    if gain > 1e3 * tol * size and gain > noise:
        return better_elsewhere(place, best, around.value)
    if far.answered >= 300 and place.nx <= 2:
        return Claim("leader_global", Verdict.SEARCHED, f"{far.answered} decisions elsewhere were tried")
    tried = f"{far.answered} decisions elsewhere were tried: too few to say" if far.answered else "not looked for"
    return Claim("leader_global", Verdict.NOT_CHECKED, tried)


def better_elsewhere(place: Place, better: Reaction, value: float) -> Claim:
    """Another decision is better than one with this value."""
    upper = place.problem.f.as_written(better.f)
    witness = {
        "variables": by_name(place, better.x, "upper") | by_name(place, better.y, "lower"),
        "upper": upper,
        "gain": float(value - better.f),
    }
    return Claim("leader_global", Verdict.FAILED, f"another decision gives {upper:.6g}", witness=witness)


def _flat(
    place: Place, around: Around, everywhere: Claim, far: Around, first: Descent | None, tolerance: float
) -> LeaderCheck:
    """The objective does not change around here: verified only if nothing better was found anywhere."""
    words = "the leader's objective does not change around here"
    if everywhere.verdict is Verdict.FAILED:
        claim = Claim(
            "leader_stationary", Verdict.FAILED, f"{words}, and {everywhere.words}", None, tolerance, everywhere.witness
        )
    else:
        claim = Claim(
            "leader_stationary",
            Verdict.SEARCHED,
            f"{words}; {around.answered} decisions near by, {far.answered} elsewhere were tried",
            0.0,
            tolerance,
        )
    return LeaderCheck(claim, everywhere, 0.0, max(around.range, 1e-300), (f"{words}: a flat piece",))
