"""Linear programs that differ in which columns are held at zero, warm-started by HiGHS."""

from __future__ import annotations

import numpy as np


class Relaxation:
    """min c'w over low <= w <= high, row_low <= A w <= row_high; A dense, rows by columns."""

    def __init__(self, c, low, high, a, row_low, row_high):
        import highspy

        self._kinds = highspy.HighsModelStatus
        self._high = np.array(high, float)
        self._low = np.array(low, float)
        self._held: frozenset[int] = frozenset()
        self._highs = highspy.Highs()
        for name, value in {"output_flag": False, "threads": 1, "presolve": "off"}.items():
            self._highs.setOptionValue(name, value)
        a = np.asarray(a, float)
        lp = highspy.HighsLp()
        lp.num_row_, lp.num_col_ = a.shape
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.array(c, float), self._low, self._high
        lp.row_lower_, lp.row_upper_ = np.array(row_low, float), np.array(row_high, float)
        columns, rows = np.nonzero(a.T)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = np.searchsorted(columns, np.arange(a.shape[1] + 1))
        lp.a_matrix_.index_, lp.a_matrix_.value_ = rows, a[rows, columns]
        self._highs.passModel(lp)

    def solve(self, held: frozenset[int]) -> tuple[str, float, np.ndarray]:
        """With the columns `held` at zero: "optimal", "infeasible", "unbounded" or "failed"; the value; the point."""
        for j in self._held ^ held:
            zero = j in held
            self._highs.changeColBounds(j, 0.0 if zero else self._low[j], 0.0 if zero else self._high[j])
        self._held = held
        self._highs.run()
        kinds = self._kinds
        names = {kinds.kOptimal: "optimal", kinds.kInfeasible: "infeasible", kinds.kUnbounded: "unbounded"}
        status = names.get(self._highs.getModelStatus(), "failed")
        return status, self._highs.getInfo().objective_function_value, np.array(self._highs.getSolution().col_value)
