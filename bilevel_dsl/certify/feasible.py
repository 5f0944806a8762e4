"""The claim "feasible": how far a point is from the sets and rows of both levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..model.problem import Variable, entry_of
from . import stationarity as sets
from .claims import Claim, Verdict
from .optimal import by_name
from .place import Place, Region

if TYPE_CHECKING:
    from .certificate import Examination

FEASIBLE = 10.0  # times the tolerance: of a violation, in lengths


def check_feasible(examined: Examination, tol: float) -> tuple[Claim, dict[str, float]]:
    """Distances to the sets, in lengths, and violations of rows, in their sizes."""
    place, x, y, scales = examined.place, examined.x, examined.y, examined.scales
    problem = examined.oracles.problem
    away = sets.project_x(examined.oracles, x) - x, sets.project_y(examined.oracles, y) - y
    worst = [float(np.max(np.abs(d) / size, initial=0.0)) for d, size in zip(away, (scales.x, scales.y))]
    where = [
        _outside(problem.upper_variables, away[0], scales.x),
        _outside(problem.lower_variables, away[1], scales.y),
    ]
    for k, (region, sizes) in enumerate(
        ((examined.leader, examined.frame.upper_rows), (examined.region, examined.frame.rows))
    ):
        rows = region.values(place, x, y)
        low, high = _row_limits(region, place, x)
        with np.errstate(invalid="ignore"):
            excess = np.maximum(np.maximum(low - rows, rows - high), 0) / sizes
        excess[: region.first_constraint] = 0.0  # sets: by their projections
        if np.any(np.isnan(excess)):
            worst[k] = np.nan
        elif excess.size and excess.max() > worst[k]:
            worst[k] = float(excess.max())
            row = int(np.argmax(excess))
            constraint = region.constraint_of[row]
            where[k] = "" if constraint is None else f"`{region.entry(row)}` is off by {excess[row] * sizes[row]:.3g}"
    tolerance = float(f"{FEASIBLE * tol:.12g}")
    bad = [
        f"the {level}'s constraints are broken by {v:.2g} of their size" + (f": {w}" if w else "")
        for level, v, w in zip(("leader", "follower"), worst, where)
        if not v <= tolerance
    ]
    largest = float(np.max(worst)) if not np.any(np.isnan(worst)) else np.nan
    numbers = {"upper_feasibility": worst[0], "lower_feasibility": worst[1]}
    fractions = _fractions(examined, tolerance)
    if fractions:
        witness = {"variables": by_name(place, sets.project_x(examined.oracles, x), "upper")}
        return Claim("feasible", Verdict.FAILED, "; ".join(fractions), largest, tolerance, witness), numbers
    if bad:
        return Claim("feasible", Verdict.FAILED, "; ".join(bad), largest, tolerance), numbers
    words = "sets and constraints of both levels, evaluated"
    return Claim("feasible", Verdict.PROVED, words, largest, tolerance), numbers


def _fractions(examined: Examination, tolerance: float) -> list[str]:
    """Sentences on values of whole variables that are none, the first of each."""
    found = []
    for v in examined.place.problem.upper_variables:
        own = examined.x[v.slice]
        wrong = np.flatnonzero(np.abs(own - np.round(own)) > tolerance)
        if v.whole and len(wrong):
            entry = v.entry(v.offset + int(wrong[0]))
            found.append(f"`{entry}` is {own[wrong[0]]:.6g}, and takes whole numbers only")
    return found


def _outside(variables: tuple[Variable, ...], away: np.ndarray, sizes: np.ndarray) -> str:
    """The entry that is farthest from its set, in words."""
    if not away.size:
        return ""
    i = int(np.argmax(np.abs(away) / sizes))
    return f"`{entry_of(variables, i)}` is {abs(away[i]):.3g} outside of its set"


def _row_limits(region: Region, place: Place, x) -> tuple[np.ndarray, np.ndarray]:
    if region.describable:
        return region.limits(place, x)[2:]
    equal = np.array([c.kind == "eq" for c in region.constraint_of if c is not None], bool)
    return np.where(equal, 0.0, -np.inf), np.zeros(equal.size)
