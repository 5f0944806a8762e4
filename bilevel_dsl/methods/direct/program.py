"""The follower's conditions as a linear program with pairs of nonnegative columns, one of which is to be zero."""

from __future__ import annotations

import casadi as ca
import numpy as np

from .relaxation import Relaxation
from .system import System


class LinearProgram:
    """Of a system whose rows are affine in w, and whose f is, or becomes so by the follower's strong duality.

    Attributes:
        relaxation: the program without the pairs, in columns (w, y - l, u - y).
        pairs: columns of which one must be zero.
        constant: what the cost leaves out of the scaled f.
    """

    def __init__(self, system: System):
        w, levels = system.w, system.levels
        zero = np.zeros(system.size)
        f = _linear(system)
        values = ca.Function("program", [w], [f, ca.densify(ca.gradient(f, w)), system.rows, ca.jacobian(system.rows, w)])
        constant, cost, rows, by_w = values(zero)
        self.constant = float(constant)
        a, b = system.pairs(w)
        at, slope = ca.Function("pairs", [w], [a, ca.jacobian(a, w)])(zero)
        n_h, n_bounds = levels.n_h, system.n_pairs - levels.n_h
        # columns of their own for y - l and u - y
        own = ca.horzcat(slope[n_h:, :], -ca.DM.eye(n_bounds))
        matrix = ca.vertcat(ca.horzcat(by_w, ca.DM(by_w.shape[0], n_bounds)), own)
        low, high = system.limits()
        row_low, row_high = system.row_limits()
        shift, at = np.array(rows).ravel(), np.array(at).ravel()[n_h:]
        self.relaxation = Relaxation(
            np.concatenate([np.array(cost).ravel(), np.zeros(n_bounds)]),
            np.concatenate([low, np.zeros(n_bounds)]),
            np.concatenate([high, np.full(n_bounds, np.inf)]),
            matrix,
            np.concatenate([row_low - shift, -at]),
            np.concatenate([row_high - shift, -at]),
        )
        first_s, first_b = int(system.ends[2]), int(system.ends[3])
        slacks = [*range(first_s, first_s + n_h), *range(system.size, system.size + n_bounds)]
        multipliers = range(first_b, first_b + system.n_pairs)
        self.pairs = [(s, m) for s, m, paired in zip(slacks, multipliers, system.paired) if paired]


def _linear(system: System) -> ca.MX | ca.SX:
    """The scaled f, its products replaced by strong duality where it has any."""
    w, levels, scales = system.w, system.levels, system.scales
    f = system.f
    if not ca.depends_on(ca.gradient(f, w), w):
        return f
    x, y, _, mu, z_low, z_high, nu = ca.vertsplit(w, system.ends.tolist())
    at = (ca.DM(scales.x) * x, ca.DM(scales.y) * y)
    g = scales.g * levels.expressions(*at)[1]
    tau = share(*(np.array(ca.densify(ca.evalf(ca.jacobian(ca.gradient(e, w), w)))) for e in (f, g)))
    _, _, h, e, _ = levels.expressions(at[0], ca.DM.zeros(levels.ny))
    low, high = levels.y_low / scales.y, levels.y_high / scales.y
    # y' (grad_y g + ...) = 0, and the pairs:  y' grad_y g = mu' h_0 + nu' e_0 + z_low' l - z_high' u
    dual = ca.dot(mu, ca.DM(scales.h) * h) + ca.dot(nu, ca.DM(scales.e) * e)
    dual += ca.dot(z_low, ca.DM(low[system.at_low])) - ca.dot(z_high, ca.DM(high[system.at_high]))
    product = ca.dot(ca.gradient(g, y), y)  # of a linear follower: g but for what y has no part in
    rest = f - tau * product
    return _at_zero(rest, w) + ca.dot(_at_zero(ca.gradient(rest, w), w), w) + tau * dual


def share(f: np.ndarray, g: np.ndarray) -> float:
    """The factor of g in f, of their Hessians: at the largest entry of g's; 0 where g has none."""
    place = np.unravel_index(np.argmax(np.abs(g)), g.shape)
    return float(f[place] / g[place]) if g[place] else 0.0


def _at_zero(e, w) -> ca.DM:
    """The value of an expression at w = 0: all of it where it depends on w by rounding only."""
    return ca.evalf(ca.substitute(e, w, ca.DM.zeros(w.shape)))
