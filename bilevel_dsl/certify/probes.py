"""Decisions near by: where to look, the reaction there, and what was seen so far."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from .local import Local
from .place import Place, Region
from .reaction import Reaction, Reactions
from .scales import Scales
from .stationarity import project_x
from .totals import total_rows

NEAR = (1e-3, 1e-2)  # lengths of probes whose gain refutes a local solution
WIDE = 1e-1  # lengths of probes that give the range of f
FEW = 3  # leader variables up to which all diagonals are probed


@dataclass
class Around:
    """What was seen around the point."""

    value: float  # f at the point
    price: float = 0.0  # of a violation of the leader's rows: what it gains is no gain
    range: float = 0.0
    best: Reaction | None = None  # of the near probes
    wide: Reaction | None = None  # of all
    count: int = 0
    answered: int = 0

    def worth(self, found: Reaction) -> float:
        return found.f + self.price * found.violation

    def see(self, found: Reaction | None, near: bool) -> None:
        self.count += 1
        if found is None or not found.admissible:
            return
        self.answered += 1
        self.range = max(self.range, abs(self.worth(found) - self.value))
        if self.wide is None or self.worth(found) < self.worth(self.wide):
            self.wide = found
        if near and (self.best is None or self.worth(found) < self.worth(self.best)):
            self.best = found


def directions(
    n: int, slope: np.ndarray | None, most: int, rng: np.random.Generator, only: np.ndarray | None = None
) -> list[np.ndarray]:
    """Steepest descent, in both norms, the axes (some, if there are many; or `only` these), and random directions."""
    found = []
    if slope is not None and np.linalg.norm(slope) > 0:
        found.append(-slope / np.linalg.norm(slope))
        if n > 1:
            found.append(-np.sign(slope))
    axes = [(i, s) for i in (range(n) if only is None else only) for s in (1.0, -1.0)]
    if len(axes) > most - 4:
        axes = [axes[k] for k in rng.permutation(len(axes))[: max(most - 6, 2)]]
    found += [s * np.eye(1, n, i).ravel() for i, s in axes]
    if 1 < n <= FEW and only is None:  # a cone of ascent may lie between the axes
        found += [np.array(signs) / np.sqrt(n) for signs in product((1.0, -1.0), repeat=n)]
    if n > 1 and only is None:
        found += [d / np.linalg.norm(d) for d in rng.standard_normal((6, n))]
    return found[:most]


def probe(
    place: Place,
    leader: Region,
    reactions: Reactions,
    scales: Scales,
    here: Local | None,
    x: np.ndarray,
    y: np.ndarray,
    step: np.ndarray,
) -> Reaction | None:
    """The reaction to x + step, inside the leader's set, with its rows met again by Newton's method."""
    there = project_x(place.oracles, x + scales.x * step)
    if not np.max(np.abs(there - x) / scales.x, initial=0.0) > 1e-7:
        return None
    start = y
    if here is not None and not here.kinked:
        start = y + scales.y * (here.reaction[0] @ ((there - x) / scales.x))
    found = reactions.at(there, start)
    if not leader.count or here is None:
        return found
    for _ in range(4):
        if found is None or found.violation <= 1e-8:
            break
        correction = _restoration(place, leader, reactions, here, found)
        if correction is None:
            break
        there, before = project_x(place.oracles, there + scales.x * correction), found.violation
        found = reactions.at(there, found.y)
        if found is not None and found.violation > 0.5 * before:
            break  # the row cannot be met near by
    return found


def _restoration(place: Place, leader: Region, reactions: Reactions, here: Local, found: Reaction) -> np.ndarray | None:
    """The shortest step that meets the violated rows to first order."""
    _, _, low, high = leader.limits(place, found.x)
    rows = leader.values(place, found.x, found.y)
    excess = (np.maximum(rows - high, 0) - np.maximum(low - rows, 0)) / reactions.upper_rows
    held = np.abs(excess) > 1e-9
    if not held.any():
        return None
    total = total_rows(place, leader, reactions, here, found.x, found.y)[held]
    total[:, place.problem.whole] = 0.0
    return -np.linalg.lstsq(total, excess[held], rcond=1e-9)[0]


def look_along_curvature(
    place: Place, leader: Region, reactions: Reactions, scales: Scales, here: Local, x, y, slope: np.ndarray, around: Around
) -> None:
    """Probes along a direction of negative curvature of the reduced objective, if differences of slopes show one."""
    lower, upper, low, high = leader.limits(place, x)
    free = ((x - lower) / scales.x > 1e-3) & ((upper - x) / scales.x > 1e-3)
    if leader.count or not free.any():
        return
    h, index = 1e-3, np.flatnonzero(free)
    H = np.zeros((index.size, index.size))
    for k, i in enumerate(index):
        moved = x.copy()
        moved[i] += h * scales.x[i]
        answer = reactions.follower.answer(moved, y + scales.y * here.reaction[0][:, i] * h)
        near = reactions.local(moved, answer) if answer.solved else None
        if near is None or near.kinked:
            return
        H[k] = (near.f_x + near.f_y @ near.reaction[0] - slope)[index] / h if not place.problem.used_duals else 0.0
    values, vectors = np.linalg.eigh((H + H.T) / 2)
    if values[0] < 0:
        d = np.zeros(x.size)
        d[index] = vectors[:, 0]
        for s in (1.0, -1.0):
            for t in (*NEAR, WIDE):
                around.see(probe(place, leader, reactions, scales, here, x, y, s * t * d), t in NEAR)
