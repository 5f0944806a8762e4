"""Is the leader's decision a local best one? First-order programs, probes without derivatives, curvature, and far samples.

All lengths are the leader's own, and every gain is relative to the range of f over the probes: nothing depends on units.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import casadi as ca
import numpy as np

from ..intervals import Unsupported
from ..intervals.kinks import kink_values
from ..model.problem import entry_of
from .branches import REACH, WIDEST, Descent, Leader, descent
from .claims import Claim, Verdict
from .effort import Budget
from .local import Local
from .optimal import Optimal, by_name
from .place import Place, Region
from .reaction import Reaction, Reactions
from .scales import Scales
from .stationarity import project_x
from .ties import rows

STATIONARY = 100.0  # times the tolerance: of a first-order decrease over REACH lengths, unless it is tried out in vain
GAIN = 100.0  # times the tolerance: of a gain near by
NEAR = (1e-3, 1e-2)  # lengths of probes whose gain refutes a local solution
WIDE = 1e-1  # lengths of probes that give the range of f
AT_KINK = 1e-4  # lengths within which a kink of an expression is met
ENOUGH = 0.5  # of the probes that must have been answered where no derivative speaks
CURVED = 10  # leader variables up to which the Hessian of the reduced objective is estimated
FLAT = 1e-11  # of |f|, the noise of evaluations: a smaller range is none
NOISE = 1e-8  # of the change of f over one length of any variable: the noise of re-solutions
FLAT_MORE = 16  # times as many decisions elsewhere are tried from a flat piece
LEAST = 1e-4  # of the same: a range is not taken for less
BROAD = 0.1  # of the width of a box: a second length, for entries that are small in it
BROADEST = 30.0  # lengths: the second one is at most that
STEEP = 10.0  # times the same tolerance: a first-order decrease that fails in any case
PRICE = 10.0  # sizes of f for a violation by one size of a row
FEW = 3  # leader variables up to which all diagonals are probed
BENDS = 5  # random directions in which slopes are compared
LONGER = 3.0  # times the first length: below, a second one shows nothing new


@dataclass
class Around:
    """What was seen around the point."""

    value: float  # f at the point
    price: float = 0.0  # of a violation of the leader's rows: what it gains is no gain
    range: float = 0.0
    best: Reaction | None = None  # of the near probes
    wide: Reaction | None = None  # of all
    count: int = 0
    answered: int = 0
    notes: list[str] = field(default_factory=list)

    def worth(self, found: Reaction) -> float:
        return found.f + self.price * found.violation

    def see(self, found: Reaction | None, near: bool) -> None:
        self.count += 1
        if found is None or not found.admissible:
            return
        self.answered += 1
        self.range = max(self.range, abs(self.worth(found) - self.value))
        if self.wide is None or self.worth(found) < self.worth(self.wide):
            self.wide = found
        if near and (self.best is None or self.worth(found) < self.worth(self.best)):
            self.best = found


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
        _curvature(place, leader, reactions, scales, here, x, y, slope, around)
    far = _far(place, leader, reactions, scales, x, y, budget, rng, around.value, FLAT_MORE if near.flat else 1)
    everywhere = _everywhere(place, far, around, size if not near.flat else 0.0, near.noise, tol)
    if near.flat:
        return _flat(place, around, everywhere, far, first, tolerance)
    better = [b for b in (near, *broader) if b.gain > GAIN * tol]
    steeper = [b for b in (near, *broader) if b.measured > tolerance]
    predicted = _predicted(place, leader, reactions, scales, here, steeper[0], tolerance, tol, x, y) if steeper else None
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
    return LeaderCheck(claim, everywhere, claim.value if claim.value is not None else np.nan, size, tuple(around.notes))


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
        # what the leader picks costs more; but a follower that jumps along a face leaves little to derivatives
        most = self.budget.effort.probes * (2 if self.reactions.several else 3) // 3
        slope = None if self.slope is None else self.slope * stretch
        half = self.budget.half()  # the other half is for the linear programs
        for d in _directions(self.x.size, slope, most // 3, self.rng, np.flatnonzero(stretch > 1) if broad else None):
            d = np.where(self.place.problem.whole, 0.0, d)
            for t in (*NEAR, WIDE) if np.any(d) else ():
                if around.count >= most or half.over:
                    break
                step = t * stretch * d
                around.see(probe(self.place, self.leader, self.reactions, scales, here, self.x, self.y, step), t in NEAR)
        noise = NOISE * scales.f + FLAT * abs(around.value)
        size = max(around.range, LEAST * scales.f) if around.answered else WIDE * scales.f
        first, words = _first_order(
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


# --- probes ---------------------------------------------------------------------------------------


def _directions(
    n: int, slope: np.ndarray | None, most: int, rng: np.random.Generator, only: np.ndarray | None = None
) -> list[np.ndarray]:
    """Steepest descent, in both norms, the axes (some, if there are many; or `only` these), and random directions."""
    found = []
    if slope is not None and np.linalg.norm(slope) > 0:
        found.append(-slope / np.linalg.norm(slope))
        if n > 1:
            found.append(-np.sign(slope))
    axes = [(i, s) for i in (range(n) if only is None else only) for s in (1.0, -1.0)]
    if len(axes) > most - 4:
        axes = [axes[k] for k in rng.permutation(len(axes))[: max(most - 6, 2)]]
    found += [s * np.eye(1, n, i).ravel() for i, s in axes]
    if 1 < n <= FEW and only is None:  # a cone of ascent may lie between the axes
        found += [np.array(signs) / np.sqrt(n) for signs in product((1.0, -1.0), repeat=n)]
    if n > 1 and only is None:
        found += [d / np.linalg.norm(d) for d in rng.standard_normal((6, n))]
    return found[:most]


def probe(
    place: Place,
    leader: Region,
    reactions: Reactions,
    scales: Scales,
    here: Local | None,
    x: np.ndarray,
    y: np.ndarray,
    step: np.ndarray,
) -> Reaction | None:
    """The reaction to x + step, inside the leader's set, with its rows met again by Newton's method."""
    there = project_x(place.oracles, x + scales.x * step)
    if not np.max(np.abs(there - x) / scales.x, initial=0.0) > 1e-7:
        return None
    start = y
    if here is not None and not here.kinked:
        start = y + scales.y * (here.reaction[0] @ ((there - x) / scales.x))
    found = reactions.at(there, start)
    if not leader.count or here is None:
        return found
    for _ in range(4):
        if found is None or found.violation <= 1e-8:
            break
        correction = _restoration(place, leader, reactions, here, found)
        if correction is None:
            break
        there, before = project_x(place.oracles, there + scales.x * correction), found.violation
        found = reactions.at(there, found.y)
        if found is not None and found.violation > 0.5 * before:
            break  # the row cannot be met near by
    return found


def _restoration(place: Place, leader: Region, reactions: Reactions, here: Local, found: Reaction) -> np.ndarray | None:
    """The shortest step that meets the violated rows to first order."""
    _, _, low, high = leader.limits(place, found.x)
    rows = leader.values(place, found.x, found.y)
    excess = (np.maximum(rows - high, 0) - np.maximum(low - rows, 0)) / reactions.upper_rows
    held = np.abs(excess) > 1e-9
    if not held.any():
        return None
    total = _total_rows(place, leader, reactions, here, found.x, found.y)[held]
    total[:, place.problem.whole] = 0.0
    return -np.linalg.lstsq(total, excess[held], rcond=1e-9)[0]


def _total_rows(place: Place, leader: Region, reactions: Reactions, here: Local, x, y) -> np.ndarray:
    """Derivatives of the leader's rows along the follower's answer, in sizes and lengths."""
    by_x, by_y = leader.jacobians(place, x, y)
    C_x = by_x * here.scales.x / reactions.upper_rows[:, None]
    C_y = by_y * here.scales.y / reactions.upper_rows[:, None]
    react, by_multipliers = here.reaction
    total = C_x + C_y @ react
    C_m = _by_multipliers(place, reactions, here, "c")
    return total if C_m is None else total + C_m / reactions.upper_rows[:, None] @ by_multipliers


def _by_multipliers(place: Place, reactions: Reactions, here: Local, of: str) -> np.ndarray | None:
    """Derivatives of f ("f", a row) or of the leader's constraints ("c") by the multipliers of what is active."""
    used = place.problem.used_duals
    if not used:
        return None
    region = reactions.region
    E = np.vstack([here.entries(d, region.first_constraint, region.count) for d in used])
    if of == "f":
        return place.column("grad_duals_f", *reactions.point)[None, :] @ E
    own = place("jac_duals_c", *reactions.point)[0] @ E
    sets = reactions.leader.first_constraint
    return np.vstack([np.zeros((sets, E.shape[1])), own])


# --- first order ------------------------------------------------------------------------------------


def at_kink(place: Place, leader: Region, region: Region, scales: Scales, x: np.ndarray, y: np.ndarray) -> bool:
    """Whether an expression of either level (abs, max, norm, if) has a kink at the point."""
    functions = [place.oracles.function("f"), place.oracles.function("g")]
    functions += [r._values for r in (leader, region) if r.count]
    return any(_bent(place, function, scales, x, y) for function in functions)


def _bent(place: Place, function: ca.Function, scales: Scales, x: np.ndarray, y: np.ndarray) -> bool:
    """Whether one of the function's kinks is within AT_KINK lengths."""
    try:
        values = kink_values(function)
    except Unsupported:
        return _bent_by_differences(place, function, scales, x, y)
    if values is None:
        return False
    arguments = place.call(values, x, y)[0].ravel()
    lengths = np.zeros(arguments.size)
    for k, (v, size) in enumerate(((x, scales.x), (y, scales.y))):
        if v.size:
            inputs = [ca.SX.sym("v", *values.size_in(i)) for i in range(values.n_in())]
            jacobian = ca.Function("j", inputs, [ca.densify(ca.jacobian(values(*inputs), inputs[k]))])
            lengths = np.maximum(lengths, np.abs(place.call(jacobian, x, y)[0] * size).max(axis=1))
    with np.errstate(invalid="ignore"):
        return bool(np.any(np.abs(arguments) <= AT_KINK * lengths) or np.any(~np.isfinite(lengths)))


def _bent_by_differences(place: Place, function: ca.Function, scales: Scales, x: np.ndarray, y: np.ndarray) -> bool:
    """Of a graph too large for its kinks to be listed: slopes to either side that differ along a random direction."""
    rng = np.random.default_rng(0)
    for _ in range(BENDS):
        dx, dy = scales.x * rng.standard_normal(x.size), scales.y * rng.standard_normal(y.size)
        back, here, on = (place.call(function, x + t * dx, y + t * dy)[0] for t in (-AT_KINK, 0.0, AT_KINK))
        ways = np.maximum(np.abs(on - here), np.abs(here - back))
        if not np.all(np.isfinite(ways)) or np.any(np.abs(on - 2 * here + back) > 0.1 * ways + 1e-12 * np.abs(here)):
            return True
    return False


def total_slope(place: Place, here: Local, reactions: Reactions) -> np.ndarray:
    """The hypergradient, in sizes of f and lengths: of f(x, y(x)), or of f(x, y(x), multipliers(x))."""
    react, by_multipliers = here.reaction
    slope = here.f_x + here.f_y @ react
    f_m = _by_multipliers(place, reactions, here, "f")
    return slope if f_m is None else slope + (f_m @ by_multipliers).ravel() / here.scales.f


def _first_order(
    place: Place,
    leader: Region,
    reactions: Reactions,
    scales: Scales,
    here: Local | None,
    slope: np.ndarray | None,
    bent: bool,
    x,
    y,
    budget: Budget,
    enough: float,
    stretch: np.ndarray,
) -> tuple[Descent | None, str]:
    """The largest decrease to first order, and what it rests on; None where no derivative can be relied on."""
    if reactions.adverse:
        return None, "against an adverse follower the leader's value may jump, and no derivative is relied on"
    if here is None:
        return None, "the follower is too large for derivatives of its answer, or its set has no smooth description"
    if bent and (slope is not None or leader.describable):
        return None, "an expression has a kink here"
    if slope is not None and (not leader.describable or not (leader.count or reactions.others)):
        return _projected(place, scales, stretch, x, slope), "hypergradient"
    if not leader.describable:
        return None, "the leader's set has no smooth description, and the follower's answer turns here"
    side = leader_side(place, leader, reactions, scales, here, x, y, stretch)
    if reactions.others:
        side = _in_its_basin(side, *rows(place, reactions, here, scales, x, y))
    found = descent(here, side, budget, enough)
    if np.isnan(found.decrease) or not found.complete and found.decrease <= enough:
        why = "too many branches" if not np.isnan(found.decrease) else "no linear program could be solved"
        return None, f"{why} at a kink of the follower's answer"
    branches = f"{found.branches} linear program{'s' * (found.branches != 1)}"
    return found, branches if here.kinked else "hypergradient with the leader's constraints"


def _in_its_basin(side: Leader, by_x: np.ndarray, high: np.ndarray) -> Leader:
    """The leader's side with the rows on which the follower stays in its basin."""
    n = len(high)
    return replace(
        side,
        C_x=np.vstack([side.C_x, by_x]),
        C_y=np.vstack([side.C_y, np.zeros((n, side.C_y.shape[1]))]),
        C_m=np.vstack([side.C_m, np.zeros((n, side.C_m.shape[1]))]),
        low=np.concatenate([side.low, np.full(n, -np.inf)]),
        high=np.concatenate([side.high, high]),
    )


def _projected(place: Place, scales: Scales, stretch: np.ndarray, x: np.ndarray, slope: np.ndarray) -> Descent:
    """Along the projected gradient: the largest first-order decrease over REACH lengths in boxes, else along one path."""
    steepest = slope * stretch
    norm = float(np.linalg.norm(steepest))
    if norm == 0:
        return Descent(0.0, 1, True)
    way = np.sign(slope) if place.oracles.is_x_separable else steepest / norm
    step = (project_x(place.oracles, x - scales.x * stretch * REACH * way) - x) / scales.x
    return Descent(max(0.0, float(-slope @ step)), 1, True, step)


def leader_side(
    place: Place,
    leader: Region,
    reactions: Reactions,
    scales: Scales,
    here: Local,
    x: np.ndarray,
    y: np.ndarray,
    stretch: np.ndarray | float = 1.0,
) -> Leader:
    """The leader's bounds and rows for a step from (x, y), in lengths and sizes."""
    lower, upper, low, high = leader.limits(place, x)
    lower_y, upper_y = reactions.region.limits(place, x)[:2]
    rows = leader.values(place, x, y)
    by_x, by_y = leader.jacobians(place, x, y)
    size = reactions.upper_rows
    m = here.multipliers.size
    f_m = _by_multipliers(place, reactions, here, "f")
    C_m = _by_multipliers(place, reactions, here, "c")
    # as far as the answer moves, with room; further out a rounding of its slope would count as descent
    moves = float(np.max(np.abs(here.reaction[0]).sum(axis=1), initial=0.0))
    reach = np.max(stretch, initial=1.0) * min(WIDEST, 10 * REACH * max(1.0, moves))
    return Leader(
        dx_low=np.maximum(np.minimum((lower - x) / scales.x, 0), -REACH * stretch),
        dx_high=np.minimum(np.maximum((upper - x) / scales.x, 0), REACH * stretch),
        dy_low=np.maximum(np.minimum((lower_y - y) / scales.y, 0), -reach),
        dy_high=np.minimum(np.maximum((upper_y - y) / scales.y, 0), reach),
        C_x=by_x * scales.x / size[:, None],
        C_y=by_y * scales.y / size[:, None],
        C_m=np.zeros((leader.count, m)) if C_m is None else C_m / size[:, None],
        low=np.minimum((low - rows) / size, 0),
        high=np.maximum((high - rows) / size, 0),
        f_m=np.zeros(m) if f_m is None else f_m.ravel() / scales.f,
    )


def _predicted(
    place: Place,
    leader: Region,
    reactions: Reactions,
    scales: Scales,
    here: Local,
    seen: _Seen,
    tolerance: float,
    tol: float,
    x: np.ndarray,
    y: np.ndarray,
) -> Claim | None:
    """A first-order descent, tried out along its direction; None where it is slight and all of it gains next to nothing."""
    first, gains = seen.first, []
    predicted = first.decrease * scales.f
    if first.dx is not None and x.size:
        for t in (1.0, 0.3, 0.1, 0.03, 0.01):
            found = probe(place, leader, reactions, scales, here, x, y, t * first.dx)
            if found is None or not found.admissible:
                continue
            gains.append(seen.around.value - seen.around.worth(found))
            large = gains[-1] > GAIN * tol * seen.size
            if large or seen.measured > STEEP * tolerance and gains[-1] > 0.1 * t * predicted:
                return refuted(place, scales, found, x, seen.around.value, seen.measured, tolerance)
    if len(gains) >= 4 and seen.measured <= STEEP * tolerance:
        return None
    words = f"to first order a step of a hundredth of its size gains the leader {predicted:.3g}"
    witness = None
    if first.dx is not None and x.size:
        witness = {"direction": by_name(place, first.dx * scales.x, "upper"), "gain": float(predicted)}
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


def _curvature(
    place: Place, leader: Region, reactions: Reactions, scales: Scales, here: Local, x, y, slope: np.ndarray, around: Around
) -> None:
    """Probes along a direction of negative curvature of the reduced objective, if differences of slopes show one."""
    lower, upper, low, high = leader.limits(place, x)
    free = ((x - lower) / scales.x > 1e-3) & ((upper - x) / scales.x > 1e-3)
    if leader.count or not free.any():
        return
    h, index = 1e-3, np.flatnonzero(free)
    H = np.zeros((index.size, index.size))
    for k, i in enumerate(index):
        moved = x.copy()
        moved[i] += h * scales.x[i]
        answer = reactions.follower.answer(moved, y + scales.y * here.reaction[0][:, i] * h)
        near = reactions.local(moved, answer) if answer.solved else None
        if near is None or near.kinked:
            return
        H[k] = (near.f_x + near.f_y @ near.reaction[0] - slope)[index] / h if not place.problem.used_duals else 0.0
    values, vectors = np.linalg.eigh((H + H.T) / 2)
    if values[0] < 0:
        d = np.zeros(x.size)
        d[index] = vectors[:, 0]
        for s in (1.0, -1.0):
            for t in (*NEAR, WIDE):
                around.see(probe(place, leader, reactions, scales, here, x, y, s * t * d), t in NEAR)


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
    for k in range(times * budget.effort.far // (3 if reactions.several else 1)):
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
