"""Running a direct method: the same stops and the same record as of a program."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

import numpy as np

from ..functions.oracles import Oracles
from ..methods.registry import MethodInfo
from .execute import Progress, Run, interruptible
from .status import Status


def run_direct(
    info: MethodInfo,
    oracles: Oracles,
    x0: np.ndarray,
    y0: np.ndarray,
    *,
    settings: Mapping[str, float],
    time_limit: float | None = None,
    on_progress: Progress | None = None,
) -> Run:
    """Run the method from (x0, y0).

    Args:
        time_limit: seconds.
        on_progress: called with (iterations, measures) about every 50 ms.

    The state of the result holds x, y, and `p{k}` for parameter k where that stands for `dual(...)`, as a program's does.
    """
    begun = perf_counter()
    deadline = np.inf if time_limit is None else begun + time_limit
    with interruptible() as pressed:

        def watched(iterations: int, measures: dict[str, float]) -> bool:
            if on_progress is not None and measures:
                on_progress(iterations, measures)
            return bool(pressed.times)

        outcome = info.solve(oracles, x0, y0, settings, deadline=deadline, on_progress=watched)
        status = Status[outcome.status.upper()]
        pressed.heard = status is Status.INTERRUPTED
    state = {"x": outcome.x, "y": outcome.y}
    for name, d in oracles.written.slots.items():
        value = outcome.multipliers.get(d.name, np.full(d.shape, np.nan))
        state[name] = np.asarray(value, float).ravel(order="F")
    return Run(
        status,
        state,
        outcome.iterations,
        outcome.calls,
        outcome.measures,
        outcome.trace,
        info.executor,
        {"compile": 0.0, "solve": perf_counter() - begun},
        bound=None if outcome.bound is None else (outcome.bound, outcome.proved_by),
        unattained=outcome.unattained,
    )
