"""Linear and convex quadratic programs that differ in which columns are held, at zero or between limits.

Both by HiGHS through CasADi. A bound never rests on the quadratic solver: for its point v, f(w) >= f(v) + f'(v) (w - v)
everywhere, and the least value of the right side is a linear program. The same program tells whether there is a point at
all, so a quadratic one is only asked for where there is.

Measured on 434 relaxations of quadratic leaders, 10 to 40 columns, most of which have no curvature:

    solver                          milliseconds   failed   largest violation of a row
    HiGHS, not regularised               0.72         0          4e-13
    HiGHS, regularised by 1e-7           0.94         9          not finite; and it prints
    DAQP, proximal                       0.12         7          7e-4
    ProxQP, to 1e-9                      0.31         0          1e-9
    qpOASES                              0.49       151          2e-3; and it prints

The first fails on about one in a hundred with a Hessian of low rank; what `_bounded` does is enough then. Linear programs of
10, 30, 60 columns take 0.67, 0.91, 1.26 milliseconds here, and 0.26, 0.37, 0.42 by HiGHS's own Python package, which starts
from the last basis; but it is one more package, and it prints a line when it is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import casadi as ca
import numpy as np

from .products import Quadratic

SETTINGS = {
    "error_on_fail": False,
    "highs": {
        "output_flag": False,
        "threads": 1,
        "presolve": "off",  # it may not tell infeasible from unbounded
        "primal_feasibility_tolerance": 1e-9,
        "dual_feasibility_tolerance": 1e-9,
        "qp_regularization_value": 0.0,
        "qp_iteration_limit": 1000,  # it may cycle; what `_bounded` does is enough then
    },
}
STATUS = {"Optimal": "optimal", "Infeasible": "infeasible", "Unbounded": "unbounded"}
FEASIBLE = 1e-7  # of a row or a bound: a point of the quadratic solver that breaks more is none
TIGHT = 1e-10  # of the size of the value, between the point of the quadratic solver and its bound
STEPS = 50  # rounds that move the point where the bound is not as tight
ACTIVE = 1e-9  # of the size of a row: it is active


class Limit(NamedTuple):
    """A column is between these."""

    column: int
    low: float = -np.inf
    high: float = np.inf


Held = frozenset[int | Limit]  # columns at zero, and limits of others


@dataclass(frozen=True, eq=False)
class Relaxed:
    """Of a relaxation.

    Attributes:
        status: "optimal", "infeasible", "unbounded" or "failed".
        bound: no point has less; -inf where nothing is known.
        value: at `point`, which is feasible; inf where there is none.
    """

    status: str
    bound: float = -np.inf
    value: float = np.inf
    point: np.ndarray = field(default_factory=lambda: np.zeros(0))


class Relaxation:
    """min f(w) over low <= w <= high, row_low <= A w <= row_high.

    Args:
        f: a convex quadratic, or the cost of a linear one as a column.
        low, high: columns, infinite where there is no bound.
        a: rows by columns, dense or sparse.
        row_low, row_high: columns, as `low` and `high`.
    """

    def __init__(self, f: Quadratic | np.ndarray, low, high, a, row_low, row_high):
        n = len(np.array(low))
        self.f = f if isinstance(f, Quadratic) else Quadratic(np.zeros((n, n)), np.array(f, float), 0.0)
        self._low, self._high = np.array(low, float), np.array(high, float)
        self._row_low, self._row_high = np.array(row_low, float), np.array(row_high, float)
        self._a = ca.sparsify(ca.DM(a))
        self._A = np.array(ca.DM(a))
        self._rows = {"a": self._a, "lba": ca.DM(row_low), "uba": ca.DM(row_high)}
        self._linear = ca.conic("relaxation", "highs", {"h": ca.Sparsity(n, n), "a": self._a.sparsity()}, SETTINGS)
        self._h = ca.sparsify(ca.DM(self.f.H))
        if not self.f.linear:
            shape = {"h": self._h.sparsity(), "a": self._a.sparsity()}
            self._quadratic = ca.conic("relaxation", "highs", shape, SETTINGS)

    def limits(self, held: Held) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of all columns where these are held."""
        low, high = self._low.copy(), self._high.copy()
        for j in held:
            if isinstance(j, Limit):
                low[j.column], high[j.column] = max(low[j.column], j.low), min(high[j.column], j.high)
            else:
                low[j] = high[j] = 0.0
        return low, high

    def solve(self, held: Held) -> Relaxed:
        """The least value where these are held."""
        low, high = self.limits(held)
        if np.any(low > high):
            return Relaxed("infeasible")
        if self.f.linear:
            status, value, w = self._least(self.f.c, low, high)
            value += self.f.constant
            return Relaxed(status, value, value, w) if status == "optimal" else Relaxed(status)
        return self._curved(low, high)

    def multipliers(self, held: frozenset[int]) -> tuple[np.ndarray, np.ndarray, str]:
        """Of the linear program with these columns at zero: numbers m of the rows, reduced costs c - A'm, and its status."""
        low, high = self._low.copy(), self._high.copy()
        for j in held:
            low[j] = high[j] = 0.0
        found = self._linear(g=self.f.c, lbx=low, ubx=high, **self._rows)
        status = STATUS.get(self._linear.stats()["return_status"], "failed")
        return -np.array(found["lam_a"]).ravel(), -np.array(found["lam_x"]).ravel(), status

    def _least(self, cost: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[str, float, np.ndarray]:
        """The linear program: its status, its value and a vertex."""
        found = self._linear(g=cost, lbx=low, ubx=high, **self._rows)
        status = STATUS.get(self._linear.stats()["return_status"], "failed")
        return status, float(found["cost"]), np.array(found["x"]).ravel()

    def _curved(self, low: np.ndarray, high: np.ndarray) -> Relaxed:
        status, _, w = self._least(np.zeros(len(low)), low, high)
        if status != "optimal":
            return Relaxed(status)
        found = self._quadratic(h=self._h, g=self.f.c, lbx=low, ubx=high, **self._rows)
        v = np.array(found["x"]).ravel()
        if not self._violation(v, low, high) <= FEASIBLE:
            if self._falls_for_ever(low, high):
                return Relaxed("unbounded")
            v = w
        return self._bounded(np.clip(v, low, high), low, high)

    def _bounded(self, v: np.ndarray, low: np.ndarray, high: np.ndarray) -> Relaxed:
        """The point v with the bound of the linear program there.

        Where that is not tight, v moves towards the program's vertex and then to the least value on its face: an active set
        method whose multipliers are those of the linear program.
        """
        bound = -np.inf
        for _ in range(STEPS):
            value, slope = self.f(v), self.f.H @ v + self.f.c
            slope[np.abs(slope) <= 1e-12 * np.abs(self.f.c).max(initial=1.0)] = 0.0
            status, least, w = self._least(slope, low, high)
            if status == "optimal":
                bound = max(bound, value + least - float(slope @ v))
                if value - bound <= TIGHT * max(1.0, abs(value)):
                    break
            else:  # no bound; a direction from near by
                near = np.maximum(1.0, np.abs(v))
                status, _, w = self._least(slope, np.maximum(low, v - near), np.minimum(high, v + near))
                if status != "optimal":
                    break
            moved = self._on_face(self._along(v, w - v, 1.0), low, high)
            if not self.f(moved) < value:
                break
            v = moved
        value = self.f(v)
        return Relaxed("optimal", min(bound, value), value, v)

    def _along(self, v: np.ndarray, d: np.ndarray, most: float) -> np.ndarray:
        """The least value on v + t d, 0 <= t <= most."""
        curve, down = float(d @ self.f.H @ d), -float((self.f.H @ v + self.f.c) @ d)
        t = down / curve if curve > 1e-14 * abs(down) else most
        return v + min(max(t, 0.0), most) * d if np.isfinite(min(t, most)) else v

    def _on_face(self, v: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """From v down to the least value where the rows and bounds that are active stay so, or more become it."""
        n = len(v)
        rows = np.vstack([np.eye(n), self._A])
        lowest, highest = np.concatenate([low, self._row_low]), np.concatenate([high, self._row_high])
        size = np.maximum(1.0, np.abs(rows) @ np.abs(v))
        for _ in range(n):
            at = rows @ v
            active = (at - lowest <= ACTIVE * size) | (highest - at <= ACTIVE * size)
            _, singular, V = np.linalg.svd(rows[active])
            free = V[int(np.sum(singular > 1e-10)) :].T
            slope = free.T @ (self.f.H @ v + self.f.c)
            if not free.size or np.abs(slope).max() <= 1e-13 * np.abs(self.f.c).max(initial=1.0):
                break
            d = -free @ np.linalg.lstsq(free.T @ self.f.H @ free, slope, rcond=1e-10)[0]
            speed = rows @ d
            with np.errstate(divide="ignore", invalid="ignore"):
                steps = np.where(speed > 0, highest - at, lowest - at) / speed
            steps = np.where(active | (np.abs(speed) <= 1e-12 * np.abs(d).max()), np.inf, steps)
            most = float(steps.min())
            v = np.clip(self._along(v, d, most), low, high)
            if most >= 1:
                break
        return v

    def _violation(self, v: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
        """The largest excess over a bound or a row."""
        if not np.all(np.isfinite(v)):
            return np.inf
        rows = self._A @ v
        excess = [low - v, v - high, self._row_low - rows, rows - self._row_high]
        return float(max(np.max(e, initial=0.0) for e in excess))

    def _falls_for_ever(self, low: np.ndarray, high: np.ndarray) -> bool:
        """Whether f has a direction d without end: H d = 0, c'd < 0, and all rows and bounds allow it."""
        n = len(low)
        by_row = [np.where(np.isfinite(v), 0.0, s * np.inf) for v, s in ((self._row_low, -1), (self._row_high, 1))]
        rows = np.vstack([self._A, self.f.H])
        still = np.zeros(n)
        solver = ca.conic("direction", "highs", {"h": ca.Sparsity(n, n), "a": ca.Sparsity.dense(*rows.shape)}, SETTINGS)
        found = solver(
            g=self.f.c,
            a=rows,
            lbx=np.where(np.isfinite(low), 0.0, -1.0),
            ubx=np.where(np.isfinite(high), 0.0, 1.0),
            lba=np.concatenate([by_row[0], still]),
            uba=np.concatenate([by_row[1], still]),
        )
        return solver.stats()["success"] and float(found["cost"]) < -1e-9 * np.abs(self.f.c).max(initial=0.0)
