"""The follower's answer as a function of the leader's decision, to first order.

At a local solution y of  min g(x, y) : bounds, rows,  with active gradients A (rows by y) and
multipliers lambda, dy/dx solves

    [ W   A' ] [ dy      ]      [ nabla_yx Lag ]
    [ A   0  ] [ dlambda ] = -  [ A_x          ] dx,        W = nabla_yy Lag

and for any function phi(x, y) the total gradient is  phi_x - B' q,  with  K q = [phi_y; 0].
A singular K is solved in the least-squares sense: the pseudo-inverse is right wherever phi_y is in
its range, which holds at an answer that is the leader's choice among several
(Kwon et al., ICLR 2024, section on multiple lower solutions).
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from .follower import Follower

DENSE_LIMIT = 1500  # lower variables up to which W is assembled
ACTIVE = 1e-6  # distance, relative, at which a bound or a row counts as active


@dataclass(frozen=True)
class Sensitivity:
    kkt: np.ndarray  # K
    mixed: np.ndarray  # B, (ny + active) by nx
    active: int
    weakly_active: int  # active with a multiplier near zero: derivatives are one-sided here
    singular: bool
    curvature: float  # smallest eigenvalue of W on the tangent space, relative
    dependent: bool  # gradients of active constraints depend on each other: multipliers are not unique
    residual: float  # of stationarity of the lower level with the multipliers found
    multipliers: np.ndarray  # of what is active
    rows: tuple[int, ...]  # of what is active: a row of the follower, or -1 - i for a bound on entry i of y
    signs: np.ndarray  # +1 at an upper bound, -1 at a lower one, 0 for equalities

    @property
    def kinked(self) -> bool:
        """The answer may turn here: its derivative depends on the direction."""
        return self.weakly_active > 0 or self.dependent

    def total(self, phi_x: np.ndarray, phi_y: np.ndarray, phi_multipliers: np.ndarray | float = 0.0) -> np.ndarray:
        """Gradient of phi(x, y(x)), or of phi(x, y(x), multipliers(x)), those of what is active."""
        right = np.concatenate([phi_y, np.zeros(self.active) + phi_multipliers])
        if self.singular:
            q = np.linalg.lstsq(self.kkt, right, rcond=1e-9)[0]
        else:
            q = np.linalg.solve(self.kkt, right)
        return phi_x - self.mixed.T @ q

    def selection(self, first: int, n_rows: int, ny: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """From the multipliers of what is active to those of the constraints, of lower bounds and of upper bounds.

        `first` is the follower's first row that is a constraint. Multipliers of bounds are counted as >= 0.
        """
        rows, low, high = (
            np.zeros((n_rows - first, self.active)),
            np.zeros((ny, self.active)),
            np.zeros((ny, self.active)),
        )
        for k, (row, sign) in enumerate(zip(self.rows, self.signs)):
            if row >= first:
                rows[row - first, k] = 1
            elif row < 0:
                at_high = sign > 0 or (sign == 0 and self.multipliers[k] >= 0)
                (high if at_high else low)[-1 - row, k] = 1 if at_high else -1
        return rows, low, high


def sensitivity(follower: Follower, x: np.ndarray, y: np.ndarray) -> Sensitivity | None:
    """At (x, y); None where the lower level is too large or its sets have no smooth description."""
    oracles = follower.oracles
    n = y.size
    if n > DENSE_LIMIT or not follower.describable:
        return None
    A, A_rows, signs = _active(follower, x, y)
    columns = follower._columns()
    g_y = np.array(oracles.function("grad_y_g").call([ca.DM(x), ca.DM(y), *columns])[0]).ravel()
    multipliers, residual = np.zeros(len(A)), float(np.max(np.abs(g_y), initial=0))
    if len(A):
        multipliers = np.linalg.lstsq(A.T, -g_y, rcond=1e-10)[0]
        residual = float(np.max(np.abs(g_y + A.T @ multipliers)))
    small = 1e-6 * (1 + np.max(np.abs(multipliers), initial=0))
    weak = sum(1 for m, s in zip(multipliers, signs) if s != 0 and m * s <= small)

    W, mixed_y, mixed_rows = _second(follower, x, y, A_rows, multipliers)
    K = np.block([[W, A.T], [A, np.zeros((len(A), len(A)))]])
    B = np.vstack([mixed_y, mixed_rows])
    tangent = _null_space(A, n)
    reduced = tangent.T @ W @ tangent
    size = max(1e-300, np.max(np.abs(W), initial=0))
    eigen = np.linalg.eigvalsh((reduced + reduced.T) / 2) if reduced.size else np.array([np.inf])
    rank_short = len(A) > 0 and np.linalg.matrix_rank(A, tol=1e-9) < len(A)
    singular = bool(np.min(np.abs(eigen)) <= 1e-8 * size or rank_short)
    return Sensitivity(
        K,
        B,
        len(A),
        weak,
        singular,
        float(eigen[0] / size),
        bool(rank_short),
        residual,
        multipliers,
        tuple(A_rows),
        signs,
    )


def _active(follower: Follower, x, y):
    """Gradients of active bounds and rows; indices of the rows; +1 upper, -1 lower, 0 equality."""
    lbx, ubx, lbg, ubg = follower.limits(x)
    n = y.size
    near = ACTIVE * (1 + np.abs(y))
    gradients, rows, signs = [], [], []
    for i in range(n):
        low, high = y[i] <= lbx[i] + near[i], y[i] >= ubx[i] - near[i]
        if low or high:
            gradients.append(np.eye(1, n, i).ravel())
            rows.append(-1 - i)
            signs.append(0 if low and high else 1 if high else -1)
    if follower.rows.numel():
        problem = follower.oracles.problem
        jacobian = ca.Function(
            "rows",
            [problem.x, problem.y, *problem.p],
            [follower.rows, ca.densify(ca.jacobian(follower.rows, problem.y))],
        )
        value, J = (np.array(v) for v in jacobian.call([ca.DM(x), ca.DM(y), *follower._columns()]))
        for i, v in enumerate(value.ravel()):
            scale = ACTIVE * (1 + abs(v))
            low, high = v <= lbg[i] + scale, v >= ubg[i] - scale
            if low or high:
                gradients.append(J[i])
                rows.append(i)
                signs.append(0 if low and high else 1 if high else -1)
    return np.array(gradients).reshape(-1, n), rows, np.array(signs)


def _second(follower: Follower, x, y, rows, multipliers):
    """W, its mixed counterpart, and the x-derivatives of the active rows."""
    problem = follower.oracles.problem
    nx, ny, m = x.size, y.size, len(rows)
    weights = np.zeros(follower.rows.numel())
    for row, multiplier in zip(rows, multipliers):
        if row >= 0:
            weights[row] += multiplier
    lam = ca.MX.sym("lam", follower.rows.numel())
    lagrangian = problem.g.expression
    if follower.rows.numel():
        lagrangian = lagrangian + ca.dot(lam, follower.rows)
    gradient = ca.gradient(lagrangian, problem.y)
    direction = ca.MX.sym("d", ny)
    times = ca.Function(
        "times",
        [problem.x, problem.y, lam, direction, *problem.p],
        [
            ca.densify(ca.jtimes(gradient, problem.y, direction)),
            ca.densify(ca.gradient(ca.dot(gradient, direction), problem.x)),
        ],
    )
    columns = follower._columns()
    W, mixed = np.zeros((ny, ny)), np.zeros((ny, nx))
    for j in range(ny):
        a, b = times.call([ca.DM(x), ca.DM(y), ca.DM(weights), ca.DM(np.eye(1, ny, j).ravel()), *columns])
        W[:, j] = np.array(a).ravel()
        if nx:
            mixed[j] = np.array(b).ravel()
    by_rows = np.zeros((m, nx))
    if any(r >= 0 for r in rows) and nx:
        J = ca.Function(
            "rows_x", [problem.x, problem.y, *problem.p], [ca.densify(ca.jacobian(follower.rows, problem.x))]
        )
        full = np.array(J.call([ca.DM(x), ca.DM(y), *columns])[0])
        for k, r in enumerate(rows):
            if r >= 0:
                by_rows[k] = full[r]
    return (W + W.T) / 2, mixed, by_rows


def _null_space(A: np.ndarray, n: int) -> np.ndarray:
    if not len(A):
        return np.eye(n)
    _, s, Vt = np.linalg.svd(A)
    rank = int(np.sum(s > 1e-10 * max(s[0], 1e-300)))
    return Vt[rank:].T
