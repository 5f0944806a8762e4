"""Derivatives of what the leader has by its own decision: along the follower's answer and its multipliers."""

from __future__ import annotations

import numpy as np

from .local import Local
from .place import Place, Region
from .reaction import Reactions


def total_slope(place: Place, here: Local, reactions: Reactions) -> np.ndarray:
    """The hypergradient, in sizes of f and lengths: of f(x, y(x)), or of f(x, y(x), multipliers(x))."""
    react, priced = here.reaction
    slope = here.f_x + here.f_y @ react
    f_m = by_multipliers(place, reactions, here, "f")
    return slope if f_m is None else slope + (f_m @ priced).ravel() / here.scales.f


def total_rows(place: Place, leader: Region, reactions: Reactions, here: Local, x, y) -> np.ndarray:
    """Derivatives of the leader's rows along the follower's answer, in sizes and lengths."""
    by_x, by_y = leader.jacobians(place, x, y)
    C_x = by_x * here.scales.x / reactions.upper_rows[:, None]
    C_y = by_y * here.scales.y / reactions.upper_rows[:, None]
    react, priced = here.reaction
    total = C_x + C_y @ react
    C_m = by_multipliers(place, reactions, here, "c")
    return total if C_m is None else total + C_m / reactions.upper_rows[:, None] @ priced


def by_multipliers(place: Place, reactions: Reactions, here: Local, of: str) -> np.ndarray | None:
    """Derivatives of f ("f", a row) or of the leader's constraints ("c") by the multipliers of what is active."""
    used = place.problem.used_duals
    if not used:
        return None
    region = reactions.region
    E = np.vstack([here.entries(d, region.first_constraint, region.count) for d in used])
    if of == "f":
        return place.column("grad_duals_f", *reactions.point)[None, :] @ E
    own = place("jac_duals_c", *reactions.point)[0] @ E
    sets = reactions.leader.first_constraint
    return np.vstack([np.zeros((sets, E.shape[1])), own])
