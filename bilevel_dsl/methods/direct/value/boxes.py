"""One face of the follower's answers as boxes: their bounds of f, with the rows of the face and two rules of the follower.

A box is dropped where it has no point (x, y) with y an answer of the follower, admissible for the leader, and f below the
best value: a row cannot hold, the follower is better off with a rule that is admissible all over the box, or f is too
large, by itself or with multipliers of these rows. Rows also make boxes smaller.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

from ....intervals import Enclosure, Graph, IntervalFunction
from ....intervals.arithmetic import add, mul, sub
from ....intervals.bounds import around, lagrangian, multipliers, refused, take
from ....intervals.contraction import contracted, preconditioned
from ....intervals.cutting import direction, middle, split
from ....intervals.propagation import SWEEPS, propagated
from .faces import Conditions, Face
from .rules import TOGETHER, Rules

THIN = 1e-2  # of the largest side of a box: one that is not cut
SHRUNK = 0.6  # of a side: what is left of a box that needs no cut
ROUNDS = 3  # of multipliers, those of a wrong sign left out
EQUATIONS = 1e-9  # by which a rule may miss the follower's equations, of their size


class Boxes:
    """The boxes of a face that are left, with their bounds, and where each is to be cut (-1: not before it is bounded).

    Args:
        rules: of the follower; None: its answers are looked for, f is g, and what the leader wants does not matter.
    """

    def __init__(self, conditions: Conditions, face: Face, rules: Rules | None):
        self.conditions, self.face, self.rules = conditions, face, rules
        levels = conditions.levels
        self.nx, self.n = levels.nx, levels.nx + levels.ny
        skipped = 0 if rules else levels.n_c
        self.rows, self.about = face.rows[skipped:], face.conditions[skipped:]
        self.row_low, self.row_high = face.row_low[skipped:], face.row_high[skipped:]
        self.together = TOGETHER if rules else 0
        self._make()
        self.begin(face.low, face.high)

    def _make(self) -> None:
        c, levels = self.conditions, self.conditions.levels
        q = ca.SX.sym("q", self.rules.size if self.rules else 0)
        own = [a for a in range(levels.n_h) if c.in_h[a].any()]
        worse, inside = [], []
        for answer in self.rules.symbols(q) if self.rules else ():
            _, g, h, e, _ = levels.expressions(c.x, answer)
            worse.append(c.g - g)
            inside += [h[own], e]
        f = c.f if self.rules else c.g
        outputs = ca.densify(ca.vertcat(f, self.rows, *worse, *inside))
        self.function = IntervalFunction(ca.Function("face", [c.v, q], [outputs]))
        self.graph = Graph(ca.Function("rows", [c.v], [ca.densify(ca.vertcat(self.rows, f))]))
        self.m, self.each, self.n_own = self.rows.numel(), len(own) + levels.n_e, len(own)

    def begin(self, low: np.ndarray, high: np.ndarray, upper: float = np.inf) -> None:
        """With one box, made smaller by the rows."""
        sweeps = SWEEPS if self.rules else 3
        low, high, gone = self._propagated(low[:, None], high[:, None], upper, sweeps)
        if np.isinf(high - low)[self.nx :].any() and not gone.any() and self._ended(low, high):
            low, high, gone = self._propagated(low, high, upper, sweeps)
        self.pool = np.stack([low, high])[:, :, ~gone]
        whole = (self.pool[1] - self.pool[0]).max(1, initial=0.0)
        self.whole = np.where(np.isfinite(whole) & (whole > 0), whole, 1.0)
        self.bounds, self.cuts = np.full(self.pool.shape[2], -np.inf), np.full(self.pool.shape[2], -1)
        self.stuck = np.inf  # the least bound of boxes too small to cut
        self.settled = np.inf  # of those that are dropped for their value
        self.tiny: list[np.ndarray] = []  # middles of boxes too small to cut

    @property
    def least(self) -> float:
        """A bound of f over what is left."""
        return float(min(np.min(self.bounds, initial=np.inf), self.stuck))

    def __len__(self) -> int:
        return self.bounds.size

    def drop(self, upper: float) -> None:
        """Boxes whose bound is not below `upper`."""
        keep = self.bounds < upper
        self.settled = min(self.settled, float(np.min(self.bounds[~keep], initial=np.inf)))
        self.pool, self.bounds, self.cuts = self.pool[:, :, keep], self.bounds[keep], self.cuts[keep]

    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """The box with the least bound."""
        k = int(np.argmin(self.bounds))
        return self.pool[0][:, k], self.pool[1][:, k]

    def advance(self, most: int, upper: float) -> int:
        """Cut and bound the boxes with the least bounds, `most` in all; the number of boxes that were bounded."""
        chosen = np.argsort(self.bounds, kind="stable")[: max(1, most // 2)]
        rest = np.ones(self.bounds.size, bool)
        rest[chosen] = False
        pool, cuts, above = self.pool[:, :, chosen], self.cuts[chosen], self.bounds[chosen]
        self.pool, self.bounds, self.cuts = self.pool[:, :, rest], self.bounds[rest], self.cuts[rest]
        whole = cuts < 0
        lows, highs, parents, small = split(pool[0][:, ~whole], pool[1][:, ~whole], cuts[~whole])
        self.stuck = min(self.stuck, float(np.min(above[~whole][small], initial=np.inf)))
        self.tiny += list(middle(pool[0][:, ~whole][:, small], pool[1][:, ~whole][:, small]).T)
        lows = np.concatenate([pool[0][:, whole], lows], 1)
        highs = np.concatenate([pool[1][:, whole], highs], 1)
        above = np.concatenate([above[whole], above[~whole][parents]])
        if lows.shape[1]:
            self.settled = min(self.settled, upper)  # f < upper is a row: what it removes has no bound of its own
            self._bound(lows, highs, above, upper)
        return lows.shape[1]

    # --- bounds ---

    def _bound(self, lows, highs, above, upper: float) -> None:
        lows, highs, gone = self._propagated(lows, highs, upper)
        lows, highs, above = lows[:, ~gone], highs[:, ~gone], above[~gone]
        if not above.size:
            return
        q = self.rules.chosen(middle(lows, highs), lows, highs) if self.rules else np.zeros((0, lows.shape[1]))
        found = self.function.derivatives(lows, highs, 2, q)
        low, high, gone = self._limits(found, lows, highs, q)
        f = found[0]
        bound = np.maximum(np.where(f.status == 2, np.inf, f.value[0]), above)
        for row, least, most in zip(found[1 : 1 + low.shape[0]], low, high):
            gone |= (row.value[0] > most) | (row.value[1] < least)
        keep = ~gone & (bound < upper)
        self.settled = min(self.settled, float(np.min(bound[~gone & ~keep], initial=np.inf)))
        if not keep.any():
            return
        found = [take(e, keep) for e in found]
        self._narrow(lows[:, keep], highs[:, keep], bound[keep], found, q[:, keep], low[:, keep], high[:, keep], upper)

    def _propagated(self, lows, highs, upper: float, sweeps: int = 2):
        row_low, row_high = np.append(self.row_low, -np.inf), np.append(self.row_high, upper)
        return propagated(self.graph, lows, highs, row_low[:, None], row_high[:, None], sweeps)

    def _limits(self, found: list[Enclosure], lows, highs, q):
        """Limits (m + 2, B) of the rows of the face and of the rules, open where a row says nothing; empty boxes."""
        boxes, m, together = lows.shape[1], self.m, self.together
        low = np.repeat(np.append(self.row_low, [-np.inf] * together)[:, None], boxes, 1)
        high = np.repeat(np.append(self.row_high, [0.0] * together)[:, None], boxes, 1)
        gone = np.zeros(boxes, bool)
        centres = middle(lows, highs)
        at = None
        for k, row in enumerate(found[1 : 1 + m + together]):
            doubtful = row.status > 0
            if k < m and not self.about[k]:
                gone |= row.status == 2
            low[k], high[k] = np.where(doubtful, -np.inf, low[k]), np.where(doubtful, np.inf, high[k])
        for k in range(self.together):
            valid = self._in_bounds(lows, highs, q, k)
            rows = found[1 + m + together + k * self.each : 1 + m + together + (k + 1) * self.each]
            for i, row in enumerate(rows):
                if i < self.n_own:
                    good = row.value[1] <= 0
                    if np.any(valid & ~good):
                        if at is None:
                            at = self.function.derivatives(centres, centres, 1, q)
                        minus = _negative(row), _negative(at[1 + m + together + k * self.each + i])
                        good |= around(*minus, centres, lows, highs)[0] >= 0
                else:
                    good = np.abs(row.value).max(0) <= EQUATIONS
                valid &= good & (row.status == 0)
            high[m + k] = np.where(valid, high[m + k], np.inf)
        return low, high, gone

    def _in_bounds(self, lows, highs, q, k: int) -> np.ndarray:
        """Whether rule k is within the follower's bounds all over the boxes, rounding included."""
        nx, ny = self.nx, self.n - self.nx
        own = q[k * ny * (1 + nx) : (k + 1) * ny * (1 + nx)]
        valid = np.ones(q.shape[1], bool)
        for i in range(ny):
            slope = own[ny + i :: ny][:nx]
            still = ~np.any(slope != 0, 0)
            ends = np.stack([np.where(slope == 0, 0.0, slope * lows[:nx]), np.where(slope == 0, 0.0, slope * highs[:nx])])
            rounding = np.where(still, 0.0, 1e-15 * (np.abs(own[i]) + np.abs(ends).max(0).sum(0)) * (2 + nx))
            least, most = own[i] + ends.min(0).sum(0) - rounding, own[i] + ends.max(0).sum(0) + rounding
            valid &= (least >= self.conditions.levels.y_low[i]) & (most <= self.conditions.levels.y_high[i])
        return valid

    def _narrow(self, lows, highs, bound, found, q, low, high, upper: float) -> None:
        """Make boxes smaller by the rows, then bound f with them."""
        count = 1 + low.shape[0]
        centres = middle(lows, highs)
        at = self.function.derivatives(centres, centres, 1, q)[:count]
        found = found[:count]
        top, bottom = np.full((1, bound.size), upper), np.full((1, bound.size), -np.inf)
        new_low, new_high, gone = contracted(
            found, at, centres, lows, highs, np.concatenate([bottom, low]), np.concatenate([top, high])
        )
        gone |= self._newton(found, at, centres, new_low, new_high, low, high)
        gone |= refused(found[1:], at[1:], centres, lows, highs, low, high)
        for k in range(self.together):  # the second-order form as well: the follower is better off all over the box
            row = self.m + k
            live = ~gone & np.isfinite(high[row])
            if live.any():
                worse, _ = around(found[1 + row], at[1 + row], centres, lows, highs)
                gone |= live & (worse > 0)
        better, _ = around(found[0], at[0], centres, lows, highs)
        bound = np.fmax(bound, np.where(found[0].status == 0, better, -np.inf))
        if len(low):
            bound = np.fmax(bound, self._with_rows(found, at, centres, lows, highs, low, high))
        keep = ~gone & (bound < upper)
        self.settled = min(self.settled, float(np.min(bound[~gone & ~keep], initial=np.inf)))
        if keep.any():
            self._keep(lows, highs, new_low, new_high, bound, found, keep, high)

    def _with_rows(self, found, at, centres, lows, highs, low, high) -> np.ndarray:
        """Bounds of the Lagrangian: with multipliers of all rows, and with one of each rule alone."""
        bound = np.full(lows.shape[1], -np.inf)
        choices = [multipliers(found, at, low, high, ROUNDS)]
        for k in range(self.m, self.m + self.together):
            alone = [np.where(np.arange(len(low))[:, None] == k, v, e) for v, e in ((low, -np.inf), (high, np.inf))]
            choices.append(multipliers(found, at, *alone))
        for weights in choices:
            if weights.any():
                better, _ = around(
                    lagrangian(found, weights, low, high), lagrangian(at, weights, low, high), centres, lows, highs
                )
                bound = np.fmax(bound, better)
        return np.where(found[0].status == 0, bound, -np.inf)

    def _newton(self, found, at, centres, lows, highs, low, high) -> np.ndarray:
        """The equations among the rows, combined so that each is about one of the follower's variables."""
        free, equal = self._system()
        if len(free) < 2 or len(equal) < 2:
            return np.zeros(centres.shape[1], bool)
        rows, here = self._combined(free, equal, found, at)
        zero = np.zeros((len(free), centres.shape[1]))
        less, more, gone = contracted(rows, here, centres, lows, highs, zero, zero)
        lows[:], highs[:] = less, more
        return gone

    def _system(self) -> tuple[list[int], list[int]]:
        """The follower's variables that are not at a bound on this face, and rows that are equations."""
        free = [i for i in range(self.nx, self.n) if self.face.low[i] < self.face.high[i]]
        return free, [k for k in range(self.m) if self.row_low[k] == self.row_high[k]][: 2 * len(free) + 2]

    def _combined(self, free: list[int], equal: list[int], found, at) -> tuple[list[Enclosure], list[Enclosure]]:
        """A row for each free variable, whose slope along it is about 1 and along the other ones about 0."""
        slopes = np.array([[at[1 + k].gradient[i].mean(0) for i in free] for k in equal]).transpose(2, 0, 1)
        slopes = np.nan_to_num(slopes, nan=0.0, posinf=0.0, neginf=0.0)
        matrix = np.linalg.pinv(slopes, rcond=1e-6)
        return preconditioned([found[1 + k] for k in equal], [at[1 + k] for k in equal], matrix)

    def _ended(self, lows: np.ndarray, highs: np.ndarray) -> bool:
        """Ends for a box without, from equations: where r + G z = 0, z = y - c, and b = |I - G| < 1, |z| <= |r| / (1 - b).

        Unlike a step of Newton's method this needs no ends to begin with, only slopes that have some: of rows affine in y.
        """
        free, equal = self._system()
        if not free or len(equal) < len(free):
            return False
        centres, q = middle(lows, highs), np.zeros((self.rules.size if self.rules else 0, 1))
        with np.errstate(all="ignore"):
            found, at = self.function.derivatives(lows, highs, 1, q), self.function.derivatives(centres, centres, 1, q)
            rows, here = self._combined(free, equal, found, at)
            steps = sub(np.stack([lows, highs], 1), np.stack([centres, centres], 1))
            rests, apart = [r.value for r in here], np.zeros((len(free), len(free)))
            for a, row in enumerate(rows):
                for i in (i for i in range(self.n) if i not in free):
                    rests[a] = add(rests[a], mul(row.gradient[i], steps[i]))
                apart[a] = [np.abs(row.gradient[i] - float(i == free[a])).max() for i in free]
        size, apart = float(np.max(np.abs(rests))), float(np.max(apart.sum(1)))  # NaN stays NaN
        known = not any(r.status.any() for r in (*rows, *here))
        if not (known and apart < 0.5 and np.isfinite(size)):
            return False
        radius = 1.001 * size / (1 - apart) + 1e-9 * float(np.abs(centres[free]).max())  # rounding, many times over
        lows[free], highs[free] = (
            np.maximum(lows[free], centres[free] - radius),
            np.minimum(highs[free], centres[free] + radius),
        )
        return True

    def _keep(self, lows, highs, new_low, new_high, bound, found, keep, high) -> None:
        width, left = highs - lows, new_high - new_low
        with np.errstate(invalid="ignore"):
            shrunk = np.any((left < SHRUNK * width) & (width > 0) | np.isinf(width) & np.isfinite(left), 0)
        relative = left / self.whole[:, None]
        thin = relative < THIN * relative.max(0)  # cutting these gains nothing
        change = np.where(thin, 0.0, _change(found, high, width))
        cuts = np.where(shrunk, -1, direction(new_low, new_high, change, self.whole))
        self.pool = np.concatenate([self.pool, np.stack([new_low, new_high])[:, :, keep]], 2)
        self.bounds = np.concatenate([self.bounds, bound[keep]])
        self.cuts = np.concatenate([self.cuts, cuts[keep]])


def _change(found: list[Enclosure], high: np.ndarray, width: np.ndarray) -> np.ndarray:
    """How much f and the rows that may be broken change along each side, each of them relative to its whole change."""
    total = np.zeros_like(width)
    for k, row in enumerate(found):
        slope = np.abs(row.gradient).max(1)
        own = np.where(width > 0, slope * width, 0.0)
        whole = own.sum(0)
        open_ = np.ones(width.shape[1], bool) if k == 0 else np.isfinite(high[k - 1]) & (row.value[1] > high[k - 1])
        total += np.where(open_ & (whole > 0), own / np.where(whole > 0, whole, 1.0), 0.0)
    return total


def _negative(e: Enclosure) -> Enclosure:
    hessian = None if e.hessian is None else -e.hessian[:, ::-1]
    return Enclosure(-e.value[::-1], -e.gradient[:, ::-1], hessian, e.status)
