"""Where the leader begins if the model gives no start: not on a point of symmetry.

At 0, the start that is nowhere written, symmetric objectives are stationary: a method would stay on a maximum or a saddle.
There the start is moved a little, by the same amounts in every run and on every machine.
"""

from __future__ import annotations

import numpy as np

from ..functions.oracles import Oracles
from .certificate import Examination
from .reaction import Reactions
from .stationarity import project_x
from .totals import total_slope

STILL = 1e-9  # of the size of f: a slope below it is none
MOVE = 1e-2  # lengths
LARGEST = 60  # lower variables up to which the slope is looked at


def beginning(oracles: Oracles, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x, or a point beside it if the hypergradient vanishes there and no start is written for the leader."""
    problem = oracles.problem
    written = any(v.start is not None for v in problem.upper_variables)
    if written or problem.is_simple or problem.whole.any() or problem.used_duals or oracles.ny > LARGEST:
        return x
    begin = project_x(oracles, x)
    examined = Examination(oracles, begin, y)
    if not examined.finite or not examined.region.describable or not examined.leader.describable:
        return x
    answer = examined.follower.answer(begin, y)
    here = examined.local_of(answer) if answer.solved else None
    if here is None or here.kinked:
        return x
    reactions = Reactions(
        examined.place,
        examined.leader,
        examined.region,
        examined.follower,
        examined.scales,
        examined.frame.upper_rows,
        False,
        (begin, answer.y),
    )
    slope = total_slope(examined.place, here, reactions)
    if np.max(np.abs(slope), initial=0.0) > STILL:
        return x
    k = np.arange(1, x.size + 1)
    unlike = np.where(k % 2, 1.0, -1.0) * (0.5 + 0.5 * np.modf(k * 0.6180339887498949)[0])
    return project_x(oracles, begin + MOVE * examined.scales.x * unlike)
