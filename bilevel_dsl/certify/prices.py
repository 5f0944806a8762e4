"""Multipliers held against what they mean: the change of the follower's optimal value when a row gives way.

For a convex follower the optimal value is convex in the place of a row, so that a valid multiplier lies between the
difference quotients to either side (Rockafellar, Convex Analysis, section 29).
"""

from __future__ import annotations

import numpy as np

from .effort import Budget
from .follower import Follower, Response
from .local import Local
from .place import Place, Region

STEP = 1e-4  # row sizes by which a row gives way
MOST = 8  # rows that are moved
ROOM = 1e-3  # of the largest multiplier, or of a hundredth: curvature over one step, the tolerance of the solutions


def quotients(
    place: Place,
    region: Region,
    follower: Follower,
    here: Local,
    answer: Response,
    x: np.ndarray,
    entries: np.ndarray,
    budget: Budget,
) -> tuple[int, tuple[int, float, float] | None]:
    """How many multipliers were compared, and the worst that does not fit: its index, and between what it should be.

    Args:
        entries: E of the multipliers that the leader uses, E @ here.multipliers: others are left alone.
    """
    weight = np.abs(entries).max(axis=0, initial=0.0) * np.maximum(np.abs(here.multipliers), 1e-12)
    order = [k for k in np.argsort(-weight) if weight[k] > 0][:MOST]
    room = ROOM * max(1e-2, float(np.max(np.abs(here.multipliers), initial=0.0)))
    compared = 0
    for k in order:
        if budget.over:
            break
        given = [_value(place, region, follower, here, answer, x, k, way * STEP) for way in (1.0, -1.0)]
        own = _value(place, region, follower, here, answer, x, k, 0.0)
        if own is None or given[0] is None:
            continue
        compared += 1
        less = (own - given[0]) / (STEP * here.scales.g)
        more = (given[1] - own) / (STEP * here.scales.g) if given[1] is not None else np.inf
        if not less - room <= here.multipliers[k] <= more + room:
            return compared, (k, less, more)
    return compared, None


def _value(
    place: Place, region: Region, follower: Follower, here: Local, answer: Response, x: np.ndarray, k: int, by: float
) -> float | None:
    """The follower's optimal value with the active row or bound k moved outwards by `by` of its size."""
    lower, upper, low, high = (v.copy() for v in region.limits(place, x))
    row, sign = int(here.row[k]), float(here.sign[k])
    step = by * here.size[k]
    if here.equal[k]:
        for ends, i in (((low, high), row),) if row >= 0 else (((lower, upper), -1 - row),):
            for end in ends:
                end[i] += sign * step
    elif row >= 0:
        (high if sign > 0 else low)[row] += sign * step
    else:
        (upper if sign > 0 else lower)[-1 - row] += sign * step
    if np.any(lower > upper) or np.any(low > high):
        return None
    found = follower.respond(x, answer.y, limits=(lower, upper, low, high))
    return found.g if found.solved else None
