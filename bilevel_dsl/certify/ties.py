"""Other answers of a follower that is not convex: as the leader moves, the follower may turn to one of them.

With v(x) the follower's value in its own basin and v_k(x) that in another one, the answer of the own basin stands only where
v(x) <= v_k(x). So a probe takes the best of the basins known, and to first order a step dx of the leader must keep

    (grad v - grad v_k) dx <= v_k - v,       grad v = grad_x g + (grad_x h)' mu    (envelope theorem)
"""

from __future__ import annotations

import numpy as np

from .local import Local
from .optimal import Optimal
from .place import Place
from .reaction import Reactions
from .scales import Scales

MOST = 3  # other basins, those nearest to being as good
APART = 1e-4  # lengths, by which an answer is another one


def others(found: Optimal, y: np.ndarray, scales: Scales) -> list[np.ndarray]:
    """Answers in other basins than that of y, the best first."""
    if found.convex:
        return []
    known = sorted(
        ((change / part.size, part.entries, values) for part in found.parts for values, change in part.answers),
        key=lambda k: k[0],
    )
    points = []
    for _, entries, values in known:
        point = y.copy()
        point[entries] = values
        if all(np.max(np.abs(point - p) / scales.y, initial=0.0) > APART for p in (y, *points)):
            points.append(point)
    return points[:MOST]


def rows(
    place: Place, reactions: Reactions, here: Local, scales: Scales, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(D, high) with D dx <= high, in lengths of x and sizes of g: the steps that keep the answer in its basin."""
    slopes, room = [], []
    own, value = _slope(place, here, scales, x, y), place.value("g", x, y)
    for answer, there in reactions.basins:
        if there is None:
            continue
        slopes.append(own - _slope(place, there, scales, x, answer.y))
        room.append(max(0.0, (answer.g - value) / scales.g))
    return np.reshape(slopes, (len(slopes), x.size)), np.array(room)


def _slope(place: Place, at: Local, scales: Scales, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return place.column("grad_x_g", x, y) * scales.x / scales.g + at.A_x.T @ at.multipliers
