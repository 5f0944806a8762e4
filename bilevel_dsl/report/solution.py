"""What came out of a solve: why it stopped, what is known of the point, and the point."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..certify.result import Certificate, Check
from ..diagnostics import Diagnostic
from ..model.problem import Problem

__all__ = ["Certificate", "Check", "Solution"]


@dataclass(frozen=True)
class Solution:
    """The result of `bilevel_dsl.solve`. `solution["t"]` is the value of variable t."""

    problem: Problem
    status: str  # converged, iteration_limit, time_limit, stalled, diverged, infeasible, not_finite, interrupted
    certificate: Certificate
    variables: dict[str, np.ndarray]  # empty where no values exist
    upper: float | None  # objectives as written
    lower: float | None
    method: str
    reason: str  # why `auto` chose it; empty if it was named
    settings: dict[str, float]
    executor: str  # "compiled" | "interpreted"
    iterations: int
    evaluations: dict[str, int]  # calls of each phase
    measures: dict[str, float]  # of the method, at the end
    trace: dict[str, np.ndarray]  # "iteration" and each measure
    timings: dict[str, float]  # parse, build, compile, solve, verify: seconds
    report: dict[str, np.ndarray | float] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    seed: int = 0

    def __getitem__(self, name: str) -> np.ndarray:
        return self.variables[name]

    @property
    def verified(self) -> bool:
        return self.certificate.verified

    @property
    def exit_status(self) -> int:
        """0 converged and verified, 4 infeasible, 5 diverged, 6 limit, 7 not verified, 8 numerical, 130."""
        if self.status == "converged":
            return 0 if self.verified else 7
        return {"infeasible": 4, "diverged": 5, "iteration_limit": 6, "time_limit": 6, "stalled": 6,
                "not_finite": 8, "interrupted": 130}[self.status]

    def reference_error(self) -> float | None:
        """|upper - reference| / max(1, |reference|), None without a reference or without a point."""
        reference = self.problem.reference.upper
        if reference is None or self.upper is None:
            return None
        return abs(self.upper - reference) / max(1.0, abs(reference))
