"""Linear programs that differ in which columns are held at zero, by HiGHS."""

from __future__ import annotations

import casadi as ca
import numpy as np

QUIET = {
    "error_on_fail": False,
    "highs": {
        "output_flag": False,
        "threads": 1,
        "presolve": "off",  # it may not tell infeasible from unbounded
        "primal_feasibility_tolerance": 1e-9,
        "dual_feasibility_tolerance": 1e-9,
    },
}
STATUS = {"Optimal": "optimal", "Infeasible": "infeasible", "Unbounded": "unbounded"}


class Relaxation:
    """min c'w over low <= w <= high, row_low <= A w <= row_high; A rows by columns, dense or sparse."""

    def __init__(self, c, low, high, a, row_low, row_high):
        self._low, self._high = np.array(low, float), np.array(high, float)
        a = ca.sparsify(ca.DM(a))
        n = a.shape[1]
        self._rest = {"g": ca.DM(c), "a": a, "lba": ca.DM(row_low), "uba": ca.DM(row_high)}
        self._solver = ca.conic("relaxation", "highs", {"h": ca.Sparsity(n, n), "a": a.sparsity()}, QUIET)

    def solve(self, held: frozenset[int]) -> tuple[str, float, np.ndarray]:
        """With the columns `held` at zero: "optimal", "infeasible", "unbounded" or "failed"; the value; the point."""
        low, high = self._low.copy(), self._high.copy()
        for j in held:
            low[j] = high[j] = 0.0
        found = self._solver(lbx=low, ubx=high, **self._rest)
        status = STATUS.get(self._solver.stats()["return_status"], "failed")
        return status, float(found["cost"]), np.array(found["x"]).ravel()
