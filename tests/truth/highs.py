"""Linear programs whose bounds change, solved by HiGHS."""

from __future__ import annotations

import casadi as ca
import numpy as np

SETTINGS = {
    "error_on_fail": False,
    "highs": {"output_flag": False, "primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
}


class Program:
    """min c'v with l <= A v <= u and bounds on v; A stays."""

    def __init__(self, matrix: np.ndarray):
        self.matrix = ca.sparsify(ca.DM(matrix))
        self.solver = ca.conic("program", "highs", {"a": self.matrix.sparsity()}, SETTINGS)

    def solve(
        self, cost: np.ndarray, low: np.ndarray, high: np.ndarray, rows: tuple[np.ndarray, np.ndarray]
    ) -> tuple[float, np.ndarray] | None:
        """The value and a solution, None where there is none."""
        if np.any(low > high):
            return None
        found = self.solver(g=cost, a=self.matrix, lbx=low, ubx=high, lba=rows[0], uba=rows[1])
        if not self.solver.stats()["success"]:
            return None
        return float(found["cost"]), np.array(found["x"]).ravel()
