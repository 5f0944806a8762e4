"""The follower's conditions as a linear or convex quadratic program with pairs of nonnegative columns, one of them zero."""

from __future__ import annotations

import casadi as ca
import numpy as np

from .leaf import Leaves
from .products import Quadratic, Zeros, convex
from .relaxation import Relaxation
from .system import System


class Unfit(Exception):
    """Why there is no program."""


class PairedProgram:
    """Of a system whose rows are affine in w, and whose f is quadratic.

    Attributes:
        f: the scaled leader's objective in columns (w, y - l, u - y): convex, equal to it where the pairs hold.
        relaxation: the program without the pairs, in these columns.
        pairs: columns of which one must be zero.

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
        f = _quadratic(system)
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
        row_low, row_high = system.row_limits()
        self.relaxation = Relaxation(
            self.f,
            np.concatenate([low, np.zeros(n_bounds)]),
            np.concatenate([high, np.full(n_bounds, np.inf)]),
            matrix,
            np.concatenate([row_low - shift, -at[n_h:]]),
            np.concatenate([row_high - shift, -at[n_h:]]),
        )
        slacks = [*range(first_s, first_s + n_h), *range(system.size, system.size + n_bounds)]
        multipliers = range(first_b, first_b + system.n_pairs)
        self._all = list(zip(slacks, multipliers))
        self.pairs = [pair for pair, paired in zip(self._all, system.paired) if paired]
        n, n_xy = levels.ny + n_h + levels.n_e, levels.nx + levels.ny
        both, b = by_w[:n, :n_xy], shift[:n]
        bounds = low[levels.nx : n_xy], high[levels.nx : n_xy]
        self._leaves = Leaves((both[: levels.ny], b[: levels.ny]), (both[levels.ny :], b[levels.ny :]), n_h, bounds)

    def leaf(self, w: np.ndarray) -> frozenset[int] | None:
        """The columns that are zero at the follower's answer to the x of w, one of each pair; None where it has none."""
        active = self._leaves.active(w[: self.system.levels.nx])
        if active is None:
            return None
        members = zip(self._all, active, self.system.paired)
        return frozenset(pair[0] if positive else pair[1] for pair, positive, paired in members if paired)


def _quadratic(system: System) -> Quadratic:
    """The scaled f, which has degree 2."""
    w = system.w
    slope = ca.gradient(system.f, w)
    outputs = [ca.densify(e) for e in (ca.jacobian(slope, w), slope, system.f)]
    H, c, constant = (np.array(v) for v in ca.Function("objective", [w], outputs)(np.zeros(system.size)))
    return Quadratic((H + H.T) / 2, c.ravel(), float(constant.item()))
