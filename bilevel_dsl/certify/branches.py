"""First-order stationarity of the leader where the follower's answer turns: linear programs, branched on complementarity.

Near a point the follower's conditions are, to first order,

    g_y + A' lambda + H dy + M dx = 0,    value + A dy + A_x dx <= 0,    lambda >= 0,    lambda_i * row_i = 0,

and the leader minimises  f_x dx + f_y dy  (and what multipliers do to f) over them within a step of `REACH` lengths, under
its own bounds, rows and equations. Without the products this is one linear program; its value bounds every branch, so
that one is often enough, and a branch is made only on a product that does not vanish (Bard and Moore, SIAM J. Sci. Stat.
Comput. 11, 1990, on the pieces at one point).
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from .effort import Budget
from .local import Local

REACH = 1e-2  # lengths
WIDEST = 1e2  # lengths that the answer may move, where it has no bounds
LARGEST = 3000  # unknowns
PRODUCT = 1e-7  # of a multiplier and a row, up to which it vanishes


@dataclass(frozen=True)
class Leader:
    """The leader's side of a step, in lengths: bounds on dx and dy, and rows  low <= C_x dx + C_y dy + C_m dm <= high."""

    dx_low: np.ndarray
    dx_high: np.ndarray
    dy_low: np.ndarray
    dy_high: np.ndarray
    C_x: np.ndarray
    C_y: np.ndarray
    C_m: np.ndarray  # by the multipliers of what is active
    low: np.ndarray
    high: np.ndarray
    f_m: np.ndarray  # derivative of f by the multipliers


@dataclass(frozen=True)
class Descent:
    """The largest first-order decrease of f within the step, or a bound of it."""

    decrease: float  # in sizes of f; NaN where no program could be solved
    branches: int
    complete: bool  # all branches are covered
    dx: np.ndarray | None = None
    dy: np.ndarray | None = None


def descent(here: Local, leader: Leader, budget: Budget, enough: float) -> Descent:
    """The first branch that decreases f by more than `enough`, else the bound over all of them."""
    nx, ny, m = here.f_x.size, here.f_y.size, here.multipliers.size
    if nx + ny + m > LARGEST:
        return Descent(np.nan, 0, False)
    program = _Program(here, leader)
    pairs = np.flatnonzero(~here.equal)
    stack: list[tuple[frozenset[int], frozenset[int]]] = [(frozenset(), frozenset())]
    looked, worst, dx, dy = 0, 0.0, None, None
    while stack:
        if looked >= budget.effort.branches or budget.over:
            return Descent(worst, looked, False, dx, dy)
        touching, loose = stack.pop()
        looked += 1
        found = program.solve(touching, loose)
        if found is None:
            if looked == 1:
                return Descent(np.nan, 1, False)
            continue
        value, v = found
        if -value <= enough:
            worst = max(worst, -value)
            continue
        multipliers, rows = here.multipliers + REACH * v[nx + ny :], program.rows(v)
        products = np.array([multipliers[k] * -rows[k] for k in pairs])
        scale = PRODUCT * max(1.0, float(np.max(np.abs(here.multipliers), initial=0.0)))
        free = [i for i, k in enumerate(pairs) if k not in touching and k not in loose and products[i] > scale * REACH]
        if not free:
            return Descent(-value, looked, True, REACH * v[:nx], REACH * v[nx : nx + ny])
        k = int(pairs[max(free, key=lambda i: products[i])])
        stack.append((touching, loose | {k}))
        stack.append((touching | {k}, loose))
    return Descent(worst, looked, True, dx, dy)


class _Program:
    """The linear program in steps counted in REACH: (dx, dy, change of lambda); branches change bounds only."""

    def __init__(self, here: Local, leader: Leader):
        nx, ny, m = here.f_x.size, here.f_y.size, here.multipliers.size
        self.here, self.nx, self.ny, self.m = here, nx, ny, m
        hessian = _without_noise(here.hessian)
        size = np.maximum(np.max(np.abs(np.hstack([here.mixed, hessian, here.A.T])), axis=1, initial=0.0), 1e-12)
        # the conditions as if they held exactly at the point: its rounding must not make the program infeasible
        conditions = np.hstack([here.mixed, hessian, here.A.T]) / size[:, None]
        own = np.hstack([here.A_x, here.A, np.zeros((m, m))])
        upper = np.hstack([leader.C_x, leader.C_y, leader.C_m])
        self.a = ca.DM(np.vstack([conditions, own, upper]))
        zero, slack = np.zeros(ny), -here.value / REACH
        self.lba = np.concatenate([zero, np.where(here.equal, slack, -np.inf), leader.low / REACH])
        self.uba = np.concatenate([zero, slack, leader.high / REACH])
        most = (
            10.0
            * max(1.0, float(np.max(np.abs(here.multipliers), initial=0.0)), float(np.max(np.abs(here.g_y), initial=0.0)))
            / REACH
        )
        self.none = -here.multipliers / REACH  # the change that takes a multiplier to 0
        self.lbx = np.concatenate([leader.dx_low / REACH, leader.dy_low / REACH, np.where(here.equal, -most, self.none)])
        self.ubx = np.concatenate([leader.dx_high / REACH, leader.dy_high / REACH, np.full(m, most)])
        self.cost = REACH * np.concatenate([here.f_x, here.f_y, leader.f_m])
        largest = float(np.max(np.abs(self.cost), initial=0.0))
        self.unit = largest if largest > 0 else 1.0
        self.solver = ca.conic(
            "branch",
            "highs",
            {"h": ca.Sparsity(nx + ny + m, nx + ny + m), "a": self.a.sparsity()},
            {
                "error_on_fail": False,
                "highs": {
                    "output_flag": False,
                    "threads": 1,
                    "primal_feasibility_tolerance": 1e-9,
                    "dual_feasibility_tolerance": 1e-9,
                },
            },
        )

    def solve(self, touching: frozenset[int], loose: frozenset[int]) -> tuple[float, np.ndarray] | None:
        """The value and the solution; None if the branch has no point."""
        lba, ubx = self.lba.copy(), self.ubx.copy()
        for k in touching:
            lba[self.ny + k] = self.uba[self.ny + k]
        for k in loose:
            ubx[self.nx + self.ny + k] = self.none[k]
        out = self.solver(
            g=self.cost / self.unit,
            a=self.a,
            lbx=np.minimum(self.lbx, ubx),
            ubx=ubx,
            lba=np.minimum(lba, self.uba),
            uba=self.uba,
        )
        if not self.solver.stats()["success"]:
            return None
        return float(out["cost"]) * self.unit, np.array(out["x"]).ravel()

    def rows(self, v: np.ndarray) -> np.ndarray:
        """value + A dy + A_x dx of every active row."""
        here = self.here
        return here.value + REACH * (here.A @ v[self.nx : self.nx + self.ny] + here.A_x @ v[: self.nx])


def _without_noise(hessian: np.ndarray) -> np.ndarray:
    """Eigenvalues that are nothing but rounding become 0: along them the follower is indifferent."""
    if not hessian.size or not np.any(hessian):
        return hessian
    values, vectors = np.linalg.eigh(hessian)
    values = np.where(np.abs(values) <= 1e-9 * np.abs(values).max(), 0.0, values)
    return (vectors * values) @ vectors.T if np.any(values == 0) else hessian
