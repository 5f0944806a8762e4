"""Global minimisation of a function of few variables by branch and bound over boxes: proofs, not searches.

Every box gets a lower bound from an enclosure of the function and of its derivatives over the box (`bounds`). Boxes whose
bound is above the best known value are dropped; others are cut. With rows, bounds are taken of the Lagrangian as well, with
the multipliers of the best point.

Sources: R. B. Kearfott, Rigorous Global Search, Kluwer 1996; C. S. Adjiman et al., A global optimization method,
alpha-BB, Computers & Chemical Engineering 22 (1998).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import casadi as ca
import numpy as np

from .bounds import around, lagrangian, matrices, multipliers, refused, take
from .cutting import direction, middle, split
from .graph import Unsupported
from .local import Room, convexified, newton_step, quadratic, row_prices
from .walk import Enclosure, IntervalFunction

STEPS = 12  # of a local descent
LENGTHS = 0.25 ** np.arange(5)  # of a step, of which the best one is taken
BATCH = 256  # boxes at once, at most


@dataclass(frozen=True)
class Search:
    """What branch and bound found.

    Attributes:
        lower: no admissible point of the box has a lower value; -inf if nothing is known, inf if none is admissible.
        upper: the value at `point`; inf if there is none.
        point: the best admissible point, None if none was found.
        boxes: how many were looked at.
        complete: `lower >= upper - tolerance`, proved.
        reason: why it is not complete, "" if it is; it begins with "unbounded" if the values fall without end.
    """

    lower: float
    upper: float
    point: np.ndarray | None
    boxes: int
    complete: bool
    reason: str


def minimise(
    objective: ca.Function,
    low: np.ndarray,
    high: np.ndarray,
    *,
    rows: ca.Function | None = None,
    rows_low: np.ndarray | None = None,
    rows_high: np.ndarray | None = None,
    known: tuple[np.ndarray, float] | None = None,
    tolerance: float,
    most: int = 20_000,
    deadline: float | None = None,
    feasibility: float | np.ndarray = 0.0,
) -> Search:
    """The minimum of `objective` over the box and the rows, between two numbers.

    Args:
        objective: a scalar function of one column of n entries, n at most about 6.
        low, high: the box (n,); ends may be infinite.
        rows, rows_low, rows_high: `rows_low <= rows(v) <= rows_high` (m,); equal limits make an equation.
        known: an admissible point and its value.
        tolerance: absolute, in units of the objective.
        most: boxes to look at.
        deadline: a value of `time.perf_counter()` at which to stop.
        feasibility: how far rows may be missed, in their own units: by points, and in the proof of `lower`.
    """
    try:
        search = _Search(
            objective,
            np.asarray(low, float).ravel(),
            np.asarray(high, float).ravel(),
            rows,
            rows_low,
            rows_high,
            tolerance,
            feasibility,
        )
    except Unsupported as error:
        point, value = (None, np.inf) if known is None else (np.array(known[0], float), float(known[1]))
        return Search(-np.inf, value, point, 0, False, str(error))
    with np.errstate(all="ignore"):
        return search.run(known, most, deadline)


class _Search:
    def __init__(self, objective, low, high, rows, rows_low, rows_high, tolerance, feasibility):
        self.low, self.high, self.n = low, high, low.size
        v = ca.SX.sym("v", self.n)
        parts = [_scalar(objective)(v)] + ([] if rows is None else [ca.vec(_scalar(rows)(v))])
        self.function = ca.Function("all", [v], [ca.densify(ca.vertcat(*parts))])
        self.intervals = IntervalFunction(self.function)
        self.m = self.function.numel_out(0) - 1
        slack = np.broadcast_to(np.asarray(feasibility, float), (self.m,))
        self.rows_low = np.broadcast_to(-np.inf if rows_low is None else np.asarray(rows_low, float).ravel(), (self.m,))
        self.rows_high = np.broadcast_to(np.inf if rows_high is None else np.asarray(rows_high, float).ravel(), (self.m,))
        self.loose_low, self.loose_high = self.rows_low - slack, self.rows_high + slack
        self.room = Room(low, high, self.rows_low, self.rows_high)
        self.tolerance = tolerance
        self.upper, self.point = np.inf, None
        self.multipliers, self._stale, self._offers = np.zeros(self.m), False, 0
        self.total = False  # is the objective defined in the whole box?
        self.settled = np.inf  # the least bound of boxes that are dropped
        self.stuck: list[tuple[float, np.ndarray, np.ndarray]] = []

    # --- the loop ---

    def run(self, known, most: int, deadline: float | None) -> Search:
        if np.any(self.low > self.high):
            return Search(np.inf, np.inf, None, 0, True, "")
        self._corners()
        if known is not None:
            self._offer(np.asarray(known[0], float).reshape(-1, 1), True)
        if self.upper == -np.inf:
            return self._done(-np.inf, 0, f"unbounded below near {_named(self.point)}: the value there is -inf")
        lows, highs = self.low[:, None].copy(), self.high[:, None].copy()
        looked, reason = 0, ""
        bounds, cuts = np.empty(0), np.empty(0, int)
        pool = np.empty((2, self.n, 0))
        self.total = not self.intervals.derivatives(lows, highs, 0)[0].status.any()
        while True:
            looked += lows.shape[1]
            lows, highs, fresh, cut = self._bounded(lows, highs)
            pool = np.concatenate([pool, np.stack([lows, highs])], 2)
            bounds = np.concatenate([bounds, fresh])
            cuts = np.concatenate([cuts, cut])
            alive = bounds < self.upper - self.tolerance
            self.settled = min(self.settled, float(np.min(bounds[~alive], initial=np.inf)))
            pool, bounds, cuts = pool[:, :, alive], bounds[alive], cuts[alive]
            if self.upper == -np.inf:
                reason = f"unbounded below near {_named(self.point)}: the value there is -inf"
                break
            if not bounds.size:
                break
            if looked >= most:
                reason = f"{looked:,} boxes were not enough"
                break
            if deadline is not None and time.perf_counter() > deadline:
                reason = "the time is over"
                break
            chosen = np.argsort(bounds, kind="stable")[: min(BATCH, max(1, (most - looked + 1) // 2))]
            lows, highs = self._split(pool[:, :, chosen], cuts[chosen], bounds[chosen])
            rest = np.ones(bounds.size, bool)
            rest[chosen] = False
            pool, bounds, cuts = pool[:, :, rest], bounds[rest], cuts[rest]
            if not lows.shape[1] and not bounds.size:
                break
        lower = min([self.settled, *bounds.tolist(), *(s[0] for s in self.stuck)])
        return self._done(lower, looked, reason)

    def _done(self, lower: float, looked: int, reason: str) -> Search:
        lower = min(lower, self.upper)
        complete = lower >= self.upper - self.tolerance or (lower == np.inf and self.upper == np.inf)
        if complete and self.upper > -np.inf:
            return Search(lower, self.upper, self.point, looked, True, "")
        if not reason.startswith("unbounded"):
            reason = self._falls() or reason or self._remainder(lower)
            if reason.startswith("unbounded"):
                lower = -np.inf
        return Search(lower, self.upper, self.point, looked, False, reason)

    def _remainder(self, lower: float) -> str:
        where = min(self.stuck, key=lambda s: s[0])
        centre = middle(where[1][:, None], where[2][:, None])[:, 0]
        if self.upper == np.inf:
            return f"near {_named(centre)} rounding leaves open whether a point is admissible"
        return f"near {_named(centre)} rounding, or a half-line without end, leaves open {self.upper - lower:.3g}"

    def _falls(self) -> str:
        """Evidence that values fall without end: far out, or next to a pole where nothing bounds them."""
        lost = [s for s in self.stuck if s[0] == -np.inf]
        for _, low, high in lost[:8]:
            start = np.clip(0.0, low, high)
            ends = np.isinf(low) | np.isinf(high)
            if ends.any():
                direction = np.where(np.isposinf(high), 1.0, np.where(np.isneginf(low), -1.0, 0.0))
                base = np.where(ends, 0.0, start) if self.point is None else np.where(ends, 0.0, self.point)
                points = np.clip(
                    base[:, None] + direction[:, None] * 8.0 ** np.arange(2, 17), self.low[:, None], self.high[:, None]
                )
            else:
                near = middle(low[:, None], high[:, None])
                length = np.where(np.isfinite(self.high - self.low), self.high - self.low, 1.0)[:, None]
                points = np.concatenate(
                    [
                        np.clip(near + s * length * 8.0 ** -np.arange(2.0, 15.0), self.low[:, None], self.high[:, None])
                        for s in (1.0, -1.0)
                    ],
                    1,
                )
            for run in np.array_split(points, 1 if ends.any() else 2, axis=1):
                found = self._values(run)
                values = np.where(self._admissible(found), found[0], np.nan)
                falls = -np.diff(values)
                if np.all(falls[3:] > 0) and falls[-1] >= 0.9 * falls[len(falls) // 2]:
                    self._offer(run[:, -1:])
                    return f"unbounded below near {_named(run[:, -1])}: the value there is {values[-1]:.3g} and falls"
        return ""

    def _split(self, pool, cuts, bounds):
        """The pieces of boxes; what is too small to cut is put aside."""
        lows, highs, _, small = split(pool[0], pool[1], cuts)
        for k in np.flatnonzero(small):
            self.stuck.append((float(bounds[k]), pool[0][:, k], pool[1][:, k]))
        return lows, highs

    # --- bounds ---

    def _bounded(self, lows, highs):
        """The boxes that are left, made smaller where possible, their bounds, and where to cut them."""
        found = self.intervals.derivatives(lows, highs)
        f = found[0]
        bound = np.where(f.status == 2, np.inf, f.value[0])
        gone = f.status == 2
        for r, row in enumerate(found[1:]):
            gone |= (row.status == 2) | (row.value[0] > self.loose_high[r]) | (row.value[1] < self.loose_low[r])
        bound = np.where(gone, np.inf, bound)
        if not self.m:
            lows, highs, dropped = self._monotone(lows, highs, f)
            bound = np.where(dropped, np.inf, bound)
        keep = bound < self.upper - self.tolerance
        self._settle(bound[~keep])
        lows, highs, bound = lows[:, keep], highs[:, keep], bound[keep]
        if not bound.size:
            return lows, highs, bound, np.empty(0, int)
        found = [take(e, keep) for e in found]
        smooth = found[0].status == 0
        for e in found[1:]:
            smooth &= e.status == 0
        centres = middle(lows, highs)
        self._offer(centres)
        at = self.intervals.derivatives(centres, centres, 1)
        choices = self._weights(found, at)
        goal, convex = found[0], np.zeros(bound.size, bool)
        for weights in choices:
            goal = self._lagrangian(found, weights)
            better, convex = around(goal, self._lagrangian(at, weights), centres, lows, highs)
            bound = np.where(smooth, np.fmax(bound, better), bound)
        # where the function is convex, and not yet bounded: around the minimiser in the box
        again = smooth & convex & (bound < self.upper - self.tolerance)
        if again.any() and not self.m:
            where = np.flatnonzero(again)
            inner = self._newton(centres[:, where], lows[:, where], highs[:, where])
            self._offer(inner)
            better, _ = around(
                take(goal, where), self.intervals.derivatives(inner, inner, 1)[0], inner, lows[:, where], highs[:, where]
            )
            bound[where] = np.fmax(bound[where], better)
        if self.m:
            gone = refused(found[1:], at[1:], centres, lows, highs, self.loose_low, self.loose_high)
            bound = np.where(gone & smooth, np.inf, bound)
        slope = found[0].gradient
        change = np.maximum(np.abs(slope[:, 0]), np.abs(slope[:, 1])) * (highs - lows)
        return lows, highs, bound, direction(lows, highs, change, self.high - self.low)

    def _settle(self, bounds):
        self.settled = min(self.settled, float(np.min(bounds, initial=np.inf)))

    def _monotone(self, lows, highs, f: Enclosure):
        """Where f grows along a variable the minimum is at its low end; only ends of the whole box can be minima."""
        lows, highs = lows.copy(), highs.copy()
        dropped = np.zeros(lows.shape[1], bool)
        certain = f.status == 0
        bounded = np.isfinite(lows).all(0) & np.isfinite(highs).all(0)
        for i in range(self.n):
            down, up = f.gradient[i]
            wide = lows[i] < highs[i]
            rises, falls = certain & wide & (down >= 0), certain & wide & (up <= 0) & ~(down >= 0)
            inside_low, inside_high = lows[i] > self.low[i], highs[i] < self.high[i]
            if self.total:
                dropped |= bounded & (rises & (down > 0) & inside_low | falls & (up < 0) & inside_high)
            rises &= np.isfinite(lows[i])
            falls &= np.isfinite(highs[i])
            highs[i] = np.where(rises, lows[i], highs[i])
            lows[i] = np.where(falls, highs[i], lows[i])
        return lows, highs, dropped

    def _weights(self, found: list[Enclosure], at: list[Enclosure]) -> list[np.ndarray | None]:
        """Multipliers (m, B) for the bounds: none, those of the best point, and for each box its own."""
        if not self.m:
            return [None]
        own = multipliers(found, at, self.rows_low, self.rows_high)
        best = [np.repeat(self.multipliers[:, None], own.shape[1], 1)] if self.multipliers.any() else []
        return [None, *best, own]

    def _lagrangian(self, found: list[Enclosure], weights: np.ndarray | None = None) -> Enclosure:
        return lagrangian(found, weights, self.loose_low, self.loose_high)

    # --- points ---

    def _values(self, points):
        return np.array(self.function(ca.DM(points))).reshape(self.m + 1, -1)

    def _admissible(self, values):
        rows = values[1:]
        inside = (rows >= self.loose_low[:, None]) & (rows <= self.loose_high[:, None])
        return inside.all(0) & ~np.isnan(values[0])

    def _corners(self):
        """Ends of the box, where logarithms and poles often are."""
        ends = [[e for e in {float(a), float(b)} if np.isfinite(e)] or [0.0] for a, b in zip(self.low, self.high)]
        points = np.array(np.meshgrid(*ends[:6], indexing="ij")).reshape(min(self.n, 6), -1)
        if self.n > 6:
            others = np.clip(0.0, self.low, self.high)[6:, None]
            points = np.concatenate([points, np.repeat(others, points.shape[1], 1)])
        self._offer(points)

    def _prices(self):
        """Multipliers of the rows at the best point."""
        self._stale = False
        if not self.m or self.point is None:
            return
        gradients = self._derivatives(self.point[:, None])[0][:, :, 0]
        if np.isfinite(gradients).all():
            self.multipliers = row_prices(self.room, self.point, self._values(self.point[:, None])[1:, 0], gradients)

    def _offer(self, points, is_known: bool = False):
        """Keep the best of the points, and go downhill from it if it is a new one."""
        values = self._values(points)
        fits = self._admissible(values)
        self._offers += 1
        due = self.point is None or self._offers & (self._offers - 1) == 0  # ever more seldom: a power of two
        if self.m and due and not fits.all() and (self.point is None or np.min(values[0]) < self.upper):
            near = np.argsort(np.where(np.isnan(values[0]), np.inf, values[0]))[:2]
            self._keep(self._polished(points[:, near]))
        value = np.where(fits, values[0], np.inf)
        k = int(np.argmin(value))
        if value[k] < self.upper:
            much = not value[k] > self.upper - 0.1 * self.tolerance
            self._keep(points[:, k : k + 1])
            if much and np.isfinite(self.upper):
                self._keep(
                    self._polished(points[:, k : k + 1])
                    if self.m
                    else self._newton(points[:, k : k + 1], self.low[:, None], self.high[:, None], STEPS)
                )
        if self._stale:
            self._prices()

    def _keep(self, points):
        values = self._values(points)
        value = np.where(self._admissible(values), values[0], np.inf)
        k = int(np.argmin(value))
        if value[k] < self.upper:
            self._stale = value[k] < self.upper - 0.1 * self.tolerance or self._stale
            self.upper, self.point = float(value[k]), points[:, k].copy()

    def _derivatives(self, points):
        """Numbers, not enclosures: gradients (1 + m, n, B) and Hessians of the Lagrangian (B, n, n)."""
        found = self.intervals.derivatives(points, points)
        gradients = np.array([e.gradient.mean(1) for e in found])
        weights = np.repeat(self.multipliers[:, None], points.shape[1], 1)
        return gradients, matrices(self._lagrangian(found, weights).hessian.mean(1), self.n)

    def _newton(self, points, lows, highs, steps: int = 3):
        """A few projected Newton steps on the objective within boxes, as long as they gain something."""
        v = np.clip(points, lows, highs)
        here = self._values(v)[0]
        for _ in range(steps):
            found = self.intervals.derivatives(v, v)[0]
            g = np.nan_to_num(found.gradient.mean(1), nan=0.0, posinf=0.0, neginf=0.0)
            h = matrices(np.nan_to_num(found.hessian.mean(1), nan=0.0, posinf=0.0, neginf=0.0), self.n)
            held = (v <= lows) & (g > 0) | (v >= highs) & (g < 0) | (lows == highs)
            step = newton_step(g, h, held)
            trials = np.clip(v[:, :, None] + step[:, :, None] * LENGTHS, lows[:, :, None], highs[:, :, None])
            values = self._values(trials.reshape(self.n, -1))[0].reshape(v.shape[1], -1)
            values = np.where(np.isnan(values), np.inf, values)
            best = np.argmin(values, 1)
            index = np.arange(v.shape[1])
            there = values[index, best]
            good = there < here
            gain = np.max(np.where(good, here - there, 0.0), initial=0.0)
            v, here = np.where(good, trials[:, index, best], v), np.where(good, there, here)
            if not gain > 0.01 * self.tolerance:
                break
        return v

    def _polished(self, points):
        """Sequential quadratic steps towards the best points that satisfy the rows; a column for each of `points`."""
        done = []
        for k in range(points.shape[1]):
            v, penalty = np.clip(points[:, k], self.low, self.high), 0.0
            for _ in range(STEPS):
                gradients, hessian = self._derivatives(v[:, None])
                if not (np.isfinite(gradients).all() and np.isfinite(hessian).all()):
                    break
                step, largest = quadratic(
                    self.room, v, self._values(v[:, None])[1:, 0], gradients[:, :, 0], convexified(hessian[0])
                )
                penalty = max(penalty, 2 * largest)
                trials = v[:, None] + step[:, None] * 0.5 ** np.arange(8)
                trials = np.clip(trials, self.low[:, None], self.high[:, None])
                merits = self._merit(np.concatenate([v[:, None], trials], 1), penalty)
                lower = np.flatnonzero(merits[1:] < merits[0])
                if not lower.size:
                    self._keep(trials[:, :1])
                    break
                v = trials[:, lower[0]]
                self._keep(v[:, None])
            done.append(v)
        return np.array(done).T

    def _merit(self, points, penalty: float):
        values = self._values(points)
        rows = values[1:]
        missed = np.maximum(np.maximum(self.rows_low[:, None] - rows, rows - self.rows_high[:, None]), 0.0).sum(0)
        merits = values[0] + penalty * missed if penalty else np.where(missed > 0, missed, 0.0) + values[0]
        return np.where(np.isnan(merits), np.inf, merits)


def _scalar(function: ca.Function) -> ca.Function:
    """Its graph of scalars."""
    if function.is_a("SXFunction"):
        return function
    try:
        return function.expand()
    except RuntimeError as error:
        raise Unsupported("it has no graph of scalars") from error


def _named(point) -> str:
    return "(" + ", ".join(f"{v:.4g}" for v in np.asarray(point).ravel()) + ")"
