"""IPOPT through CasADi, quietly: it ends in time, tells how far it is, and never raises for what a problem does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import casadi as ca
import numpy as np

from ...functions.iterations import AfterIteration
from ..outcome import Progress
from .derivatives import of_program

OPTIONS = {
    "print_level": 0,
    "sb": "yes",
    "bound_relax_factor": 0.0,
    "honor_original_bounds": "yes",
    "diverging_iterates_tol": 1e12,  # variables are scaled
}
WARM = {
    "warm_start_init_point": "yes",
    "warm_start_bound_push": 1e-8,
    "warm_start_bound_frac": 1e-8,
    "warm_start_slack_bound_push": 1e-8,
    "warm_start_slack_bound_frac": 1e-8,
    "warm_start_mult_bound_push": 1e-8,
}
TRACE_ROWS = 20_000
SAID_EVERY = 0.05  # seconds between two calls of `on_progress`

_KINDS = {
    "Solve_Succeeded": "solved",
    "Solved_To_Acceptable_Level": "solved",
    "Feasible_Point_Found": "solved",
    "Infeasible_Problem_Detected": "infeasible",
    "Diverging_Iterates": "diverged",
    "Invalid_Number_Detected": "not_finite",
}


@dataclass(frozen=True, eq=False)
class Found:
    """Where IPOPT ended. kind: "solved", "infeasible", "diverged", "not_finite" or "stalled"."""

    w: np.ndarray
    lam_w: np.ndarray  # multipliers of the bounds, of the rows: > 0 above, < 0 below
    lam_rows: np.ndarray
    kind: str

    @property
    def solved(self) -> bool:
        return self.kind == "solved"


class Watch:
    """All iterations of one method: counts them, keeps the trace, and says when to stop and why.

    Args:
        most: iterations, all solves together.
    """

    def __init__(self, deadline: float, most: int, on_progress: Progress | None):
        self.deadline, self.most, self.on_progress = deadline, most, on_progress
        self.iterations, self.stopped = 0, ""
        self.rows: list[dict[str, float]] = []
        self._said = perf_counter()

    @property
    def over(self) -> bool:
        if not self.stopped and perf_counter() >= self.deadline:
            self.stopped = "time_limit"
        return bool(self.stopped)

    def step(self, measures: Callable[[], dict[str, float]] | None) -> bool:
        """After an iteration; returns whether to stop."""
        self.iterations += 1
        now = perf_counter()
        if measures is not None and (len(self.rows) < TRACE_ROWS):
            self.rows.append({"iteration": self.iterations, **measures()})
        if self.on_progress is not None and now - self._said >= SAID_EVERY:
            self._said = now
            if self.on_progress(self.iterations, {k: v for k, v in (self.rows or [{}])[-1].items() if k != "iteration"}):
                self.stopped = "interrupted"
        if not self.stopped and self.iterations >= self.most:
            self.stopped = "iteration_limit"
        return self.over

    @property
    def trace(self) -> dict[str, np.ndarray]:
        names = self.rows[0] if self.rows else {}
        return {name: np.array([row[name] for row in self.rows], float) for name in names}


class Ipopt:
    """One smooth program, min f(w) subject to bounds and rows, with parameters; solved from anywhere.

    Args:
        nlp: "x", "f", "g", and "p" if there are any, as for `casadi.nlpsol`.
        measured: w -> measures for the trace; None: these iterations are not traced.
        derivatives: functions of another Ipopt on the same expressions, which are not made again.
    """

    def __init__(self, nlp, watch: Watch, options: dict, measured=None, derivatives: Ipopt | None = None):
        self.watch, self.measured = watch, measured
        self.error: BaseException | None = None
        self._callback = _Iteration(self, nlp["x"].numel(), nlp["g"].numel())
        left = max(1e-3, min(1e8, watch.deadline - perf_counter()))
        more = {}
        if derivatives is not None:
            known = derivatives._solver
            more = {name: known.get_function(f"nlp_{name}") for name in ("grad_f", "jac_g", "hess_l")}
            more = {"grad_f": more["grad_f"], "jac_g": more["jac_g"], "hess_lag": more["hess_l"]}
        elif isinstance(nlp["x"], ca.SX):
            more = of_program(nlp)
        self._solver = ca.nlpsol(
            "mpcc",
            "ipopt",
            nlp,
            {
                "print_time": False,
                "error_on_fail": False,
                "show_eval_warnings": False,
                "inputs_check": False,
                "calc_lam_p": False,
                "iteration_callback": self._callback,
                "ipopt": {**OPTIONS, "max_wall_time": left, **options},
                **more,
            },
        )

    def __call__(self, w, low, high, low_rows, high_rows, p=(), lam_w=None, lam_rows=None) -> Found:
        """From w; lam_w and lam_rows where they are a start too."""
        given = {"x0": w, "lbx": low, "ubx": high, "lbg": low_rows, "ubg": high_rows, "p": ca.DM(p)}
        if lam_w is not None:
            given |= {"lam_x0": lam_w, "lam_g0": lam_rows}
        try:
            out = self._solver(**given)
            status = self._solver.stats()["return_status"]
        except RuntimeError:  # an evaluation failed before the first iteration
            out, status = None, "failed"
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if out is None:
            return Found(np.asarray(w, float), np.zeros(len(low)), np.zeros(len(low_rows)), "not_finite")
        columns = [np.array(out[name]).ravel() for name in ("x", "lam_x", "lam_g")]
        kind = _KINDS.get(status, "stalled")
        if not np.all(np.isfinite(columns[0])):
            columns[0], kind = np.asarray(w, float), "not_finite"
        w, bounds, rows = columns
        return Found(w, bounds, rows, kind)


class _Iteration(AfterIteration):
    """Called by IPOPT after every iteration; 1 stops it."""

    def __init__(self, owner: Ipopt, n: int, rows: int):
        self.owner = owner
        super().__init__("iteration", n, rows)

    def eval(self, arguments):
        owner = self.owner
        try:
            w, measured = arguments[0], owner.measured
            return [int(owner.watch.step(None if measured is None else lambda: measured(w)))]
        except BaseException as error:  # of the caller's on_progress: raised again once IPOPT has ended
            owner.error = error
            return [1]
