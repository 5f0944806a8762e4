"""What a direct method hands back: one that solves by a solver of its own instead of a program of phases.

Its file has, in place of `program(oracles)`,

    solve(oracles, x, y, settings, *, deadline, on_progress) -> Outcome

x, y: the start, flat columns, not yet projected. settings: numbers by name. deadline: a value of `time.perf_counter()`, inf
where there is no limit. on_progress: called with (iterations, measures) as often as is cheap; where it returns True the
method ends with the status "interrupted" and its best point. Nothing is raised for what a problem does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

Progress = Callable[[int, dict[str, float]], bool]
PACE = 0.05  # seconds between two reports of progress


def reporting(on_progress: Progress | None, unit: float = 1.0) -> Callable[[int, float, float], bool] | None:
    """`stop(steps, upper, bound)` for a search: reports what is due, in the units of the model; True where it is to end.

    Args:
        unit: numbers of the search over this are in the units of the model.
    """
    if on_progress is None:
        return None
    last = perf_counter()

    def stop(steps: int, upper: float, bound: float) -> bool:
        nonlocal last
        if perf_counter() < last + PACE:
            return False
        last = perf_counter()
        return on_progress(steps, {"upper": upper / unit, "bound": bound / unit})

    return stop


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a direct method ended.

    Attributes:
        status: a label of `runtime.status.Status`: "converged", "infeasible", "time_limit", ...
        x, y: the best point, flat columns; the start where nothing better is known.
        multipliers: by label, for each `dual(label)` that upper expressions use, of its shape.
        calls: how often each kind of work was done.
        measures: numbers at the point; objectives are minimised, "upper" and "lower" are among them.
        bound: a proved lower bound of the minimised leader's objective, None where nothing is proved; inf where it is
            proved that there is no point at all.
        proved_by: what it rests on: "branch and bound on 12 complementarity pairs, 35 nodes".
        unattained: `bound` is an infimum that no decision attains; the point is near it.
        trace: "iteration" and columns of the measures, of equal lengths.
    """

    status: str
    x: np.ndarray
    y: np.ndarray
    multipliers: dict[str, np.ndarray] = field(default_factory=dict)
    iterations: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    trace: dict[str, np.ndarray] = field(default_factory=dict)
    bound: float | None = None
    proved_by: str = ""
    unattained: bool = False
