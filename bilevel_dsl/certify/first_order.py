"""The largest decrease of the leader's objective to first order: along the hypergradient, or by linear programs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .branches import REACH, WIDEST, Descent, Leader, descent
from .effort import Budget
from .local import Local
from .place import Place, Region
from .reaction import Reactions
from .scales import Scales
from .stationarity import project_x
from .ties import rows
from .totals import by_multipliers


def first_order(
    place: Place,
    leader: Region,
    reactions: Reactions,
    scales: Scales,
    here: Local | None,
    slope: np.ndarray | None,
    bent: bool,
    x,
    y,
    budget: Budget,
    enough: float,
    stretch: np.ndarray,
) -> tuple[Descent | None, str]:
    """The largest decrease to first order, and what it rests on; None where no derivative can be relied on."""
    if reactions.adverse:
        return None, "against an adverse follower the leader's value may jump, and no derivative is relied on"
    if here is None:
        return None, "the follower is too large for derivatives of its answer, or its set has no smooth description"
    if bent and (slope is not None or leader.describable):
        return None, "an expression has a kink here"
    if slope is not None and (not leader.describable or not (leader.count or reactions.others)):
        return _projected(place, scales, stretch, x, slope), "hypergradient"
    if not leader.describable:
        return None, "the leader's set has no smooth description, and the follower's answer turns here"
    side = leader_side(place, leader, reactions, scales, here, x, y, stretch)
    if reactions.others:
        side = _in_its_basin(side, *rows(place, reactions, here, scales, x, y))
    found = descent(here, side, budget, enough)
    if np.isnan(found.decrease) or not found.complete and found.decrease <= enough:
        why = "too many branches" if not np.isnan(found.decrease) else "no linear program could be solved"
        return None, f"{why} at a kink of the follower's answer"
    branches = f"{found.branches} linear program{'s' * (found.branches != 1)}"
    return found, branches if here.kinked else "hypergradient with the leader's constraints"


def _in_its_basin(side: Leader, by_x: np.ndarray, high: np.ndarray) -> Leader:
    """The leader's side with the rows on which the follower stays in its basin."""
    n = len(high)
    return replace(
        side,
        C_x=np.vstack([side.C_x, by_x]),
        C_y=np.vstack([side.C_y, np.zeros((n, side.C_y.shape[1]))]),
        C_m=np.vstack([side.C_m, np.zeros((n, side.C_m.shape[1]))]),
        low=np.concatenate([side.low, np.full(n, -np.inf)]),
        high=np.concatenate([side.high, high]),
    )


def _projected(place: Place, scales: Scales, stretch: np.ndarray, x: np.ndarray, slope: np.ndarray) -> Descent:
    """Along the projected gradient: the largest first-order decrease over REACH lengths in boxes, else along one path."""
    steepest = slope * stretch
    norm = float(np.linalg.norm(steepest))
    if norm == 0:
        return Descent(0.0, 1, True)
    way = np.sign(slope) if place.oracles.is_x_separable else steepest / norm
    step = (project_x(place.oracles, x - scales.x * stretch * REACH * way) - x) / scales.x
    return Descent(max(0.0, float(-slope @ step)), 1, True, step)


def leader_side(
    place: Place,
    leader: Region,
    reactions: Reactions,
    scales: Scales,
    here: Local,
    x: np.ndarray,
    y: np.ndarray,
    stretch: np.ndarray | float = 1.0,
) -> Leader:
    """The leader's bounds and rows for a step from (x, y), in lengths and sizes."""
    lower, upper, low, high = leader.limits(place, x)
    lower_y, upper_y = reactions.region.limits(place, x)[:2]
    rows = leader.values(place, x, y)
    by_x, by_y = leader.jacobians(place, x, y)
    size = reactions.upper_rows
    m = here.multipliers.size
    f_m = by_multipliers(place, reactions, here, "f")
    C_m = by_multipliers(place, reactions, here, "c")
    # as far as the answer moves, with room; further out a rounding of its slope would count as descent
    moves = float(np.max(np.abs(here.reaction[0]).sum(axis=1), initial=0.0))
    reach = np.max(stretch, initial=1.0) * min(WIDEST, 10 * REACH * max(1.0, moves))
    return Leader(
        dx_low=np.maximum(np.minimum((lower - x) / scales.x, 0), -REACH * stretch),
        dx_high=np.minimum(np.maximum((upper - x) / scales.x, 0), REACH * stretch),
        dy_low=np.maximum(np.minimum((lower_y - y) / scales.y, 0), -reach),
        dy_high=np.minimum(np.maximum((upper_y - y) / scales.y, 0), reach),
        C_x=by_x * scales.x / size[:, None],
        C_y=by_y * scales.y / size[:, None],
        C_m=np.zeros((leader.count, m)) if C_m is None else C_m / size[:, None],
        low=np.minimum((low - rows) / size, 0),
        high=np.maximum((high - rows) / size, 0),
        f_m=np.zeros(m) if f_m is None else f_m.ravel() / scales.f,
    )
