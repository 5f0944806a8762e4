"""The follower's conditions as a linear or convex quadratic program with pairs of nonnegative columns, one of them zero."""

from __future__ import annotations

import casadi as ca
import numpy as np

from .leaf import Leaves
from .products import Quadratic, Zeros, convex
from .relaxation import Held, Limit, Relaxation
from .system import System

ROUNDING = 1e-9  # of a bound of a whole number
POSITIVE = 1e-9  # of a multiplier that counts as positive
CERTAIN = 1e-6  # of one that surely is


class Unfit(Exception):
    """Why there is no program."""


class PairedProgram:
    """Of a system whose rows are affine in w, and whose f is quadratic.

    Attributes:
        as_written: the scaled leader's objective in columns w.
        f: the same in columns (w, y - l, u - y): convex, equal to it where the pairs hold.
        relaxation: the program without the pairs, in these columns.
        rows: low, high, matrix, row_low, row_high of the relaxation.
        pairs: columns of which one must be zero; `all_pairs`: with those of variables whose bounds are equal, free.
        leaves: the follower for fixed x.
        whole: columns that take whole numbers only, with the least and the largest; of x, which stands first.

    Raises:
        Unfit: f is not convex, and no sum of the follower's conditions makes it so; or a coefficient is not finite.
    """

    def __init__(self, system: System):
        self.system = system
        w, levels = system.w, system.levels
        zero = np.zeros(system.size)
        a, _ = system.pairs(w)
        outputs = [ca.densify(e) for e in (system.rows, ca.jacobian(system.rows, w), a, ca.jacobian(a, w))]
        rows, by_w, at, slope = (np.array(v) for v in ca.Function("program", [w], outputs)(zero))
        shift, at = rows.ravel(), at.ravel()
        n_h, n_bounds = levels.n_h, system.n_pairs - levels.n_h
        first_s, first_b = int(system.ends[2]), int(system.ends[3])

        products = [(len(shift) + i, first_b + i) for i in range(system.n_pairs)]
        products += [(j, levels.nx + j) for j in range(levels.ny)]
        products += [(levels.ny + i, first_b + i) for i in range(n_h)]
        products += [(levels.ny + n_h + k, int(system.ends[6]) + k) for k in range(levels.n_e)]
        equations = [*range(len(shift) - levels.n_c), *(len(shift) - levels.n_c + np.flatnonzero(levels.c_equal))]
        zeros = Zeros(np.vstack([by_w, slope]), np.concatenate([shift, at]), products, [int(j) for j in equations])
        self.as_written = f = _quadratic(system)
        if not all(np.all(np.isfinite(v)) for v in (zeros.A, zeros.b, f.H, f.c, f.constant)):
            raise Unfit("a coefficient is not finite")
        f = convex(f, zeros, levels.nx + levels.ny)
        if f is None:
            raise Unfit("the upper objective is not convex, and the lower level's conditions do not make it so")
        more = (0, n_bounds)
        self.f = Quadratic(np.pad(f.H, (more, more)), np.pad(f.c, more), f.constant)

        # columns of their own for y - l and u - y
        own = np.hstack([slope[n_h:], -np.eye(n_bounds)])
        matrix = np.vstack([np.hstack([by_w, np.zeros((len(shift), n_bounds))]), own])
        low, high = system.limits()
        whole = np.flatnonzero(levels.problem.whole)
        low[whole], high[whole] = np.ceil(low[whole] - ROUNDING) + 0.0, np.floor(high[whole] + ROUNDING) + 0.0
        row_low, row_high = system.row_limits()
        self.rows = (
            np.concatenate([low, np.zeros(n_bounds)]),
            np.concatenate([high, np.full(n_bounds, np.inf)]),
            matrix,
            np.concatenate([row_low - shift, -at[n_h:]]),
            np.concatenate([row_high - shift, -at[n_h:]]),
        )
        self.relaxation = Relaxation(self.f, *self.rows)
        slacks = [*range(first_s, first_s + n_h), *range(system.size, system.size + n_bounds)]
        multipliers = range(first_b, first_b + system.n_pairs)
        self.all_pairs = list(zip(slacks, multipliers))
        self.pairs = [pair for pair, paired in zip(self.all_pairs, system.paired) if paired]
        n, n_xy = levels.ny + n_h + levels.n_e, levels.nx + levels.ny
        both, b = by_w[:n, :n_xy], shift[:n]
        bounds = low[levels.nx : n_xy], high[levels.nx : n_xy]
        self.whole = {int(j): (float(low[j]), float(high[j])) for j in whole}
        self.leaves = Leaves((both[: levels.ny], b[: levels.ny]), (both[levels.ny :], b[levels.ny :]), n_h, bounds)

    def leaf(self, w: np.ndarray) -> Held | None:
        """The columns that are zero at the follower's answer to the x of w, one of each pair; None where it has none.

        Whole numbers are those next to w.
        """
        x = w[: self.system.levels.nx].copy()
        own = list(self.whole)
        x[own] = np.round(x[own])
        found = self.leaves.multipliers(x)
        if found is None:
            return None
        members = zip(self.all_pairs, found, self.system.paired)
        zeros = frozenset(pair[0] if value > POSITIVE else pair[1] for pair, value, paired in members if paired)
        return zeros | {Limit(j, x[j], x[j]) for j in self.whole}

    def settled(self, held: Held) -> Held:
        """Slacks that are zero at all answers of the follower, where all that it minds of x is held.

        With one vector of optimal multipliers, answers are the feasible points that are complementary to it. So no answer
        is lost, and a relaxation with these is exact but for multipliers that are neither zero nor surely positive. Not
        where f minds which multipliers there are.
        """
        known = np.flatnonzero(self.leaves.known)
        if self.system.levels.problem.used_duals or not self.whole:
            return frozenset()
        low, high = (limit[: self.system.levels.nx] for limit in self.relaxation.limits(held))
        if np.any(low[known] != high[known]):
            return frozenset()
        found = self.leaves.multipliers(np.where(low == high, low, 0.0))
        if found is None:
            return frozenset()
        members = zip(self.all_pairs, found, self.system.paired)
        return frozenset(pair[0] for pair, value, paired in members if paired and value > CERTAIN)


def _quadratic(system: System) -> Quadratic:
    """The scaled f, which has degree 2."""
    w = system.w
    slope = ca.gradient(system.f, w)
    outputs = [ca.densify(e) for e in (ca.jacobian(slope, w), slope, system.f)]
    H, c, constant = (np.array(v) for v in ca.Function("objective", [w], outputs)(np.zeros(system.size)))
    return Quadratic((H + H.T) / 2, c.ravel(), float(constant.item()))
