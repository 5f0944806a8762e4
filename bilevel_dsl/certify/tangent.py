"""The follower's program where g is replaced by its tangent: linear, by HiGHS. Of a linear g it is the program itself."""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from .place import Place, Region

SETTINGS = {
    "error_on_fail": False,
    "highs": {
        "output_flag": False,
        "threads": 1,
        "primal_feasibility_tolerance": 1e-10,
        "dual_feasibility_tolerance": 1e-10,
    },
}


@dataclass(frozen=True)
class Tangent:
    """Of the program  min g_y (y' - y)  over the follower's rows and bounds.

    Attributes:
        status: "optimal", "infeasible", "unbounded" or "failed".
        y: a vertex.
        gap: how much its value is below 0, in sizes of g: of a convex g, no answer is better than y by more.
        multipliers: of bounds and rows, as of `Response`.
    """

    status: str
    y: np.ndarray
    gap: float
    multipliers: tuple[np.ndarray, np.ndarray]


def tangent(place: Place, region: Region, frame, x: np.ndarray, y: np.ndarray) -> Tangent | None:
    """At y, with the sizes of a `follower.Frame`; None where rows are not affine."""
    if not place.problem.y.numel() or not region.describable or region.curved:
        return None
    c, A, limits, bounds = around(place, region, frame, x, y)
    if not all(np.all(np.isfinite(v)) for v in (c, A)):
        return None
    status, eta, of_rows, of_bounds = linear(c, A, *limits, *bounds)
    there = np.clip(y + frame.y * eta, *region.limits(place, x)[:2])
    return Tangent(status, there, max(0.0, -float(c @ eta)), (of_bounds, of_rows))


def is_linear(place: Place) -> bool:
    """Whether g is linear in y."""
    return not any(ca.which_depends(place.problem.g.expression, place.problem.y, 2, True))


def spread(place: Place, region: Region, frame, x: np.ndarray, y: np.ndarray, entries: np.ndarray) -> float:
    """How far a linear g changes over the follower's set by these entries of y: rows may leave less than one length.

    inf where it has no end, or where the linear programs fail.
    """
    c, A, limits, bounds = around(place, region, frame, x, y)
    c = np.where(np.isin(np.arange(y.size), entries), c, 0.0)
    ends = [linear(cost, A, *limits, *bounds)[:2] for cost in (c, -c)]
    known = all(status == "optimal" for status, _ in ends)
    return float(c @ (ends[1][1] - ends[0][1])) * frame.g if known else np.inf


def around(place: Place, region: Region, frame, x: np.ndarray, y: np.ndarray):
    """Slope of g, rows, their limits and bounds in eta, y' = y + lengths * eta, in scaled numbers."""
    lower, upper, low, high = region.limits(place, x)
    shift = region.values(place, x, y)
    c = place.column("grad_y_g", x, y) * frame.y / frame.g
    A = region.jacobians(place, x, y)[1] * frame.y / frame.rows[:, None]
    limits = (low - shift) / frame.rows, (high - shift) / frame.rows
    return c, A, limits, ((lower - y) / frame.y, (upper - y) / frame.y)


def linear(cost, A, low, high, lower, upper) -> tuple[str, np.ndarray, np.ndarray, np.ndarray]:
    """Status ("optimal", "unbounded", "infeasible", "failed"), eta, multipliers of rows and bounds, > 0 above."""
    n = len(cost)
    solver = ca.conic("face", "highs", {"h": ca.Sparsity(n, n), "a": ca.Sparsity.dense(*A.shape)}, SETTINGS)
    lower, upper = np.minimum(lower, upper), np.maximum(lower, upper)
    out = solver(g=cost, a=ca.DM(A), lba=np.minimum(low, high), uba=np.maximum(low, high), lbx=lower, ubx=upper)
    told = solver.stats()["return_status"]
    status = {"Optimal": "optimal", "Infeasible": "infeasible", "Unbounded": "unbounded"}.get(told, "failed")
    if "unbounded" in told.lower() and status == "failed":
        status = "unbounded"
    return status, *(np.array(out[k]).ravel() for k in ("x", "lam_a", "lam_x"))
