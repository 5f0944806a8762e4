"""Linear and convex quadratic programs whose bounds change, solved by HiGHS."""

from __future__ import annotations

import casadi as ca
import numpy as np

SETTINGS = {"error_on_fail": False, "highs": {"output_flag": False, "primal_feasibility_tolerance": 1e-9,
                                              "dual_feasibility_tolerance": 1e-9}}


class Program:
    """min v'Pv / 2 + c'v with l <= A v <= u and bounds on v; P and A stay."""

    def __init__(self, matrix: np.ndarray, hessian: np.ndarray | None = None):
        self.matrix = ca.sparsify(ca.DM(matrix))
        self.hessian = None if hessian is None or not np.any(hessian) else ca.sparsify(ca.DM(hessian))
        shape = {"a": self.matrix.sparsity()} | ({} if self.hessian is None else {"h": self.hessian.sparsity()})
        self.solver = ca.conic("program", "highs", shape, SETTINGS)

    def solve(self, cost: np.ndarray, low: np.ndarray, high: np.ndarray, rows: tuple[np.ndarray, np.ndarray]
              ) -> tuple[float, np.ndarray] | None:
        """The value and a solution, None where there is none."""
        more = {} if self.hessian is None else {"h": self.hessian}
        if np.any(low > high):
            return None
        found = self.solver(g=cost, a=self.matrix, lbx=low, ubx=high, lba=rows[0], uba=rows[1], **more)
        if not self.solver.stats()["success"]:
            return None
        return float(found["cost"]), np.array(found["x"]).ravel()
