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
from .separate import parts

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
    """The first branch that decreases f by more than `enough`, else the bound over all of them.

    Where the program falls into parts, hours of a market, each is branched by itself: the decreases add up.
    """
    nx, ny, m = here.f_x.size, here.f_y.size, here.multipliers.size
    if nx + ny + m > LARGEST:
        return Descent(np.nan, 0, False)
    program = _Program(here, leader)
    several = parts(program.a)
    alone = np.ones(nx + ny + m, bool)
    found = []
    for rows, columns in several:
        alone[columns] = False
        found.append(_branched(_Part(program, rows, columns), budget, enough / len(several)))
    found.append(program.unbound(np.flatnonzero(alone)))
    steps = [f.step for f in found if f.step is not None]
    step = np.sum(steps, axis=0) if steps else None
    return Descent(
        sum(f.decrease for f in found),
        sum(f.branches for f in found),
        all(f.complete for f in found),
        None if step is None else step[:nx],
        None if step is None else step[nx : nx + ny],
    )


@dataclass(frozen=True)
class _Found:
    decrease: float
    branches: int
    complete: bool
    step: np.ndarray | None = None  # of all columns, where a branch decreases f


def _branched(part: _Part, budget: Budget, enough: float) -> _Found:
    stack: list[tuple[frozenset[int], frozenset[int]]] = [(frozenset(), frozenset())]
    looked, worst = 0, 0.0
    while stack:
        if looked >= budget.effort.branches or budget.over:
            return _Found(worst, looked, False)
        touching, loose = stack.pop()
        looked += 1
        found = part.solve(touching, loose)
        if found is None:
            if looked == 1:
                return _Found(np.nan, 1, False)
            continue
        value, v = found
        if -value <= enough:
            worst = max(worst, -value)
            continue
        products = part.products(v)
        free = [k for k, product in products.items() if k not in touching and k not in loose and product > part.least]
        if not free:
            return _Found(-value, looked, True, REACH * v)
        k = max(free, key=products.get)
        stack.append((touching, loose | {k}))
        stack.append((touching | {k}, loose))
    return _Found(worst, looked, True)


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
        self.a = np.vstack([conditions, own, upper])
        zero, slack = np.zeros(ny), -here.value / REACH
        self.lba = np.concatenate([zero, np.where(here.equal, slack, -np.inf), leader.low / REACH])
        self.uba = np.concatenate([zero, slack, leader.high / REACH])
        largest = float(np.max(np.abs(here.multipliers), initial=0.0))
        most = 10.0 * max(1.0, largest, float(np.max(np.abs(here.g_y), initial=0.0))) / REACH
        self.none = -here.multipliers / REACH  # the change that takes a multiplier to 0
        self.lbx = np.concatenate([leader.dx_low / REACH, leader.dy_low / REACH, np.where(here.equal, -most, self.none)])
        self.ubx = np.concatenate([leader.dx_high / REACH, leader.dy_high / REACH, np.full(m, most)])
        self.cost = REACH * np.concatenate([here.f_x, here.f_y, leader.f_m])
        cost = float(np.max(np.abs(self.cost), initial=0.0))
        self.unit = cost if cost > 0 else 1.0
        self.least = PRODUCT * max(1.0, largest) * REACH

    def unbound(self, columns: np.ndarray) -> _Found:
        """Of columns in no row: at the better bound."""
        v = np.zeros(self.lbx.size)
        v[columns] = np.where(self.cost[columns] > 0, self.lbx[columns], self.ubx[columns])
        v[self.cost == 0] = 0.0
        return _Found(float(-self.cost @ v), 0, True, REACH * v if np.any(v) else None)


class _Part:
    """The rows and columns of a program that hang together."""

    def __init__(self, program: _Program, rows: np.ndarray, columns: np.ndarray):
        self.program, self.rows, self.columns = program, rows, columns
        self.least = program.least
        first = program.nx + program.ny
        inside = np.isin(np.arange(program.m), rows - program.ny) & np.isin(np.arange(program.m), columns - first)
        self.pairs = np.flatnonzero(inside & ~program.here.equal).tolist()
        self.row_of = {int(r): i for i, r in enumerate(rows)}
        self.column_of = {int(c): j for j, c in enumerate(columns)}
        self.a = ca.sparsify(ca.DM(program.a[np.ix_(rows, columns)]))
        self.solver = ca.conic(
            "branch",
            "highs",
            {"h": ca.Sparsity(len(columns), len(columns)), "a": self.a.sparsity()},
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
        """The value, and the solution in all columns, 0 in those of other parts; None if the branch has no point."""
        whole = self.program
        lba, uba, ubx = whole.lba[self.rows].copy(), whole.uba[self.rows], whole.ubx[self.columns].copy()
        for k in touching:
            row = self.row_of[whole.ny + k]
            lba[row] = uba[row]
        for k in loose:
            ubx[self.column_of[whole.nx + whole.ny + k]] = whole.none[k]
        out = self.solver(
            g=whole.cost[self.columns] / whole.unit,
            a=self.a,
            lbx=np.minimum(whole.lbx[self.columns], ubx),
            ubx=ubx,
            lba=np.minimum(lba, uba),
            uba=uba,
        )
        if not self.solver.stats()["success"]:
            return None
        v = np.zeros(whole.lbx.size)
        v[self.columns] = np.array(out["x"]).ravel()
        return float(out["cost"]) * whole.unit, v

    def products(self, v: np.ndarray) -> dict[int, float]:
        """Of each pair, a multiplier times how far its row is from being active."""
        whole, here = self.program, self.program.here
        found = {}
        for k in self.pairs:
            row = here.value[k] + REACH * whole.a[whole.ny + k] @ v
            found[k] = (here.multipliers[k] + REACH * v[whole.nx + whole.ny + k]) * -row
        return found


def _without_noise(hessian: np.ndarray) -> np.ndarray:
    """Eigenvalues that are nothing but rounding become 0: along them the follower is indifferent."""
    if not hessian.size or not np.any(hessian):
        return hessian
    largest, found = np.linalg.norm(hessian, 2), hessian.copy()
    for _, own in parts(hessian):
        values, vectors = np.linalg.eigh(hessian[np.ix_(own, own)])
        noise = np.abs(values) <= 1e-9 * largest
        if noise.any():
            found[np.ix_(own, own)] = (vectors * np.where(noise, 0.0, values)) @ vectors.T
    return found
