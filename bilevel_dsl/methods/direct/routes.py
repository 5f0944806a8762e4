"""Ways from a start to a point at which all pairs are complementary, nearly: relaxation and penalty.

    relaxed    min f           s.t.  a b <= t,   t -> 0          (Scholtes 2001)
    penalised  min f + pi a'b,               pi grows until a'b = 0  (Ralph and Wright 2004)

They look beyond the follower's active set at the start in different ways, and one often ends well where the other does not.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

from .ipopt import WARM, Found, Ipopt, Watch
from .system import System

BOUNDS = (1.0, 1e-2, 1e-4, 1e-6, 1e-8)  # of the products of pairs
FIRST_PENALTY, GROWTH, PENALTIES = 0.1, 4.0, 14
COMPLEMENTARY = 1e-7
SOLVE_ITERATIONS = 500
LARGE = 1000  # unknowns beyond which pivots are delayed only where they must be, and a piece that resists is left
PIECE_ITERATIONS = 100


class Routes:
    """The programs of one system, each made when it is first needed."""

    def __init__(self, system: System, watch: Watch):
        self.system, self.watch = system, watch
        self.open = system.limits()
        self.rows = system.row_limits()
        weight = system.levels.kind.sym("weight", 2)
        products = ca.DM(system.paired.astype(float)) * system.products
        self._nlp = {
            "x": system.w,
            "p": weight,
            "f": weight[0] * system.f + weight[1] * ca.sum1(products),
            "g": system.rows,
        }
        self._bounded = {"x": system.w, "f": system.f, "g": ca.vertcat(system.rows, products)}
        self._solvers: dict[str, Ipopt] = {}
        self.calls = {"relaxed": 0, "penalised": 0, "pieces": 0}

    # --- the solvers -----------------------------------------------------------------------------------

    def _solver(self, name: str) -> Ipopt:
        if name not in self._solvers:
            first = {"warm penalised": "penalised", "piece": "penalised", "warm relaxed": "relaxed"}.get(name)
            nlp = self._bounded if "relaxed" in name else self._nlp
            warm = {**WARM, "mu_init": 1e-6 if name == "piece" else 1e-4}
            tol = {"piece": 1e-10, "penalised": 1e-6, "relaxed": 1e-6}.get(name, 1e-8)
            options = {"tol": tol, "max_iter": SOLVE_ITERATIONS, **(warm if first else {})}
            if self.system.size > LARGE:
                options |= {"mumps_pivtol": 1e-10, "max_iter": PIECE_ITERATIONS if name == "piece" else SOLVE_ITERATIONS}
            made = Ipopt(nlp, self.watch, options, self.system.measures, self._solver(first) if first else None)
            self._solvers[name] = made
        return self._solvers[name]

    def piece(self, w: np.ndarray, low: np.ndarray, high: np.ndarray) -> Found:
        """The leader's best on a piece, given by its bounds; exact."""
        self.calls["pieces"] += 1
        return self._solver("piece")(w, low, high, *self.rows, p=[1.0, 0.0])

    # --- the routes ------------------------------------------------------------------------------------

    def relaxed(self, w: np.ndarray, bounds: tuple[float, ...] = BOUNDS) -> Found:
        """Along falling bounds of the products; from smaller ones where larger ones let f fall without end."""
        low, high = self.open
        low_rows = np.concatenate([self.rows[0], np.full(self.system.n_pairs, -np.inf)])
        found, start = None, w
        for t in bounds:
            if found is not None and self.watch.over:
                break
            high_rows = np.concatenate([self.rows[1], np.where(self.system.paired, t, np.inf)])
            self.calls["relaxed"] += 1
            if found is None or found.kind == "diverged":
                found = self._solver("relaxed")(start, low, high, low_rows, high_rows)
            else:
                warm = self._solver("warm relaxed")
                found = warm(found.w, low, high, low_rows, high_rows, lam_w=found.lam_w, lam_rows=found.lam_rows)
        return found

    def penalised(self, w: np.ndarray, first: float = FIRST_PENALTY, leader: float = 1.0) -> Found:
        """Along growing penalties; larger ones from the start where smaller ones let f fall without end.

        Args:
            leader: factor of f; 0 looks for any point.
        """
        low, high = self.open
        found, penalty = None, first
        for _ in range(PENALTIES):
            if found is not None and self.watch.over:
                break
            self.calls["penalised"] += 1
            weights = [leader, penalty]
            if found is None or found.kind == "diverged":
                found = self._solver("penalised")(w, low, high, *self.rows, p=weights)
            else:
                warm = self._solver("warm penalised")
                found = warm(found.w, low, high, *self.rows, p=weights, lam_w=found.lam_w, lam_rows=found.lam_rows)
            a, b = self.system.pairs(found.w)
            if found.kind != "diverged" and np.max((a * b)[self.system.paired], initial=0.0) <= COMPLEMENTARY:
                break
            penalty *= 10 * GROWTH if found.kind == "diverged" else GROWTH
        return found
