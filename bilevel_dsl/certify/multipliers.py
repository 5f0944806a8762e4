"""The claim "multipliers": are those that the leader uses multipliers of the follower?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .claims import Claim, Verdict
from .effort import Budget
from .local import Local
from .optimal import Optimal
from .prices import quotients
from .reaction import named

if TYPE_CHECKING:
    from .certificate import Examination

MULTIPLIERS = 1e2  # times the tolerance, relative to the largest one
ZERO = 1e-6  # of the usual size of a multiplier: where all are below it, differences are relative to this


def check_multipliers(examined: Examination, found: Optimal, here: Local | None, limits: Budget, tol: float) -> Claim:
    """Whether what the leader uses are multipliers of the follower at this point, with valid signs."""
    tolerance = float(f"{MULTIPLIERS * tol:.12g}")
    if here is None:
        return Claim(
            "multipliers", Verdict.NOT_CHECKED, "the follower's multipliers cannot be computed here", np.nan, tolerance
        )
    own = named(examined.place, examined.region, here, used=True)
    claimed = examined.claimed or {}
    apart, size = 0.0, 0.0
    for name, values in own.items():
        given = np.asarray(claimed.get(name, np.full(values.shape, np.nan)), float)
        apart = max(apart, float(np.max(np.abs(given - values)))) if np.all(np.isfinite(given)) else np.nan
        size = max(size, float(np.max(np.abs(values), initial=0.0)), float(np.max(np.abs(given), initial=0.0)))
        size = max(size, ZERO * _usual(examined, name))
    # in scaled numbers: of a slope that is 0 but for rounding, all may be residual
    residual = here.residual / max(float(np.max(np.abs(here.g_y), initial=0.0)), ZERO)
    value = max(apart / max(size, 1e-300) if apart else 0.0, residual)
    if not value <= tolerance:
        words = "they do not fit the follower's conditions: " + ", ".join(
            f"dual({n}) may be {np.array2string(np.asarray(v), precision=6)}" for n, v in list(own.items())[:2]
        )
        return Claim("multipliers", Verdict.FAILED, words, value, tolerance)
    words = "they fit the follower's conditions" + (", one choice of several" if here.dependent else "")
    if found.convex and found.answer is not None:
        used = examined.place.problem.used_duals
        E = np.vstack([here.entries(d, examined.region.first_constraint, examined.region.count) for d in used])
        compared, wrong = quotients(
            examined.place, examined.region, examined.follower, here, found.answer, examined.x, E, limits
        )
        if wrong is not None:
            k, less, more = wrong
            words = (
                f"the follower's optimal value changes by {less:.6g} to {more:.6g} where a multiplier says "
                f"{here.multipliers[k]:.6g}, in scaled numbers"
            )
            return Claim("multipliers", Verdict.FAILED, words, value, tolerance)
        words += f"; {compared} compared with the change of its optimal value" if compared else ""
    return Claim("multipliers", Verdict.PROVED, words, value, tolerance)


def _usual(examined: Examination, name: str) -> float:
    """The size of a multiplier: the change of g over one length of y, per size of a row or bound."""
    rows = examined.frame.rows[examined.region.first_constraint :]
    sizes = [
        examined.scales.y[d.rows] if d.bounds else rows[np.asarray(d.rows, int)]
        for d in examined.place.problem.used_duals
        if d.name == name
    ]
    return examined.scales.g / max((float(np.max(s)) for s in sizes if len(s)), default=np.inf)
