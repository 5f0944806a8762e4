"""The follower's answer to a decision near by, by Newton's method on what is active at the point: where it fits.

A few evaluations in the place of an interior-point solution. The result counts only if it is a solution: the follower's
conditions hold to rounding, multipliers are of valid signs, nothing else is broken, and the Hessian of the Lagrangian is
positive definite along what is left to the follower; else the caller solves in full.
"""

from __future__ import annotations

import numpy as np

from .follower import Frame, Response
from .local import Local, null_space
from .place import Place, Region

SMALL = 60  # lower variables up to which every step has a Hessian of its own
STEPS = 6
CHORDS = 40  # steps with the Hessian of the point, at most
SLOW = 0.5  # of a residual that is left by a step that is worth its price
SOLVED = 1e-11  # of the conditions, in scaled numbers
NEARLY = 1e-9  # where rounding lets it fall no further
BROKEN = 1e-10  # lengths
CURVED = 1e-9  # relative: the least eigenvalue that counts as positive


def nearby(
    place: Place, region: Region, frame: Frame, here: Local, x: np.ndarray, start: np.ndarray, convex: bool = False
) -> Response | None:
    """The answer to x with what is active at `here` and nothing else; None where that is none.

    Args:
        convex: the follower is known to be convex, so that its conditions are enough.
    """
    if here.weak.any() or here.dependent:
        return None
    held = _Held(place, region, frame, here, x, region.limits(place, x))
    return held.newton(start) if start.size <= SMALL else held.chords(start, convex)


class _Held:
    """The rows and bounds that are held, at one x."""

    def __init__(
        self, place: Place, region: Region, frame: Frame, here: Local, x: np.ndarray, limits: tuple[np.ndarray, ...]
    ):
        self.place, self.region, self.frame, self.here, self.x, self.limits = place, region, frame, here, x, limits
        lower, upper, low, high = limits
        ends = [
            (high if s > 0 else low)[r] if r >= 0 else (upper if s > 0 else lower)[-1 - r]
            for r, s in zip(here.row, here.sign)
        ]
        self.ends = np.array(ends, float)

    def newton(self, start: np.ndarray) -> Response | None:
        """Newton's method on the conditions."""
        y, multipliers = np.clip(start, *self.limits[:2]), self.here.multipliers.copy()
        for _ in range(STEPS):
            residual, A = self.residual(y, multipliers)
            hessian = self.hessian(y, multipliers)
            if not (np.all(np.isfinite(residual)) and np.all(np.isfinite(A)) and np.all(np.isfinite(hessian))):
                return None
            if np.max(np.abs(residual), initial=0.0) <= SOLVED * _size(multipliers):
                return self.response(y, multipliers, A, hessian)
            K = np.block([[hessian, A.T], [A, np.zeros((len(A), len(A)))]])
            try:
                step = np.linalg.solve(K, -residual)
            except np.linalg.LinAlgError:
                return None
            if not np.all(np.isfinite(step)):
                return None
            y, multipliers = y + self.frame.y * step[: y.size], multipliers + step[y.size :]
        return None

    def chords(self, start: np.ndarray, convex: bool) -> Response | None:
        """The same with the matrix of the point: of many variables its derivatives are what takes time."""
        inverse = self.here.inverse
        if inverse is None:
            return None
        y, multipliers, before = np.clip(start, *self.limits[:2]), self.here.multipliers.copy(), np.inf
        for _ in range(CHORDS):
            residual, A = self.residual(y, multipliers)
            left = float(np.max(np.abs(residual), initial=0.0)) / _size(multipliers)
            if left <= SOLVED or left <= NEARLY and left > SLOW * before:
                return self.response(y, multipliers, A, None if convex else self.hessian(y, multipliers))
            if not left <= SLOW * before:  # not a number, too
                return None
            step, before = -inverse @ residual, left
            y, multipliers = y + self.frame.y * step[: y.size], multipliers + step[y.size :]
        return None

    def residual(self, y: np.ndarray, multipliers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the conditions, and the derivatives of what is held."""
        slope, away, A = self.at(y)
        return np.concatenate([slope + A.T @ multipliers, away]), A

    def at(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The slope of g, how far what is held is from its limit, and its derivatives; all in scaled numbers."""
        here, frame = self.here, self.frame
        slope = self.place.column("grad_y_g", self.x, y) * frame.y / frame.g
        rows = self.region.values(self.place, self.x, y)
        by_y = self.region.jacobians(self.place, self.x, y)[1]
        A, values = np.zeros((here.row.size, y.size)), np.zeros(here.row.size)
        for k, (r, s) in enumerate(zip(here.row, here.sign)):
            values[k] = rows[r] if r >= 0 else y[-1 - r]
            if r >= 0:
                A[k] = s * by_y[r] * frame.y / here.size[k]
            else:
                A[k, -1 - r] = s
        return slope, here.sign * (values - self.ends) / here.size, A

    def hessian(self, y: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
        """Of the Lagrangian, in scaled numbers."""
        here, scales, n = self.here, self.here.scales, y.size
        size = np.outer(self.frame.y, self.frame.y) / self.frame.g
        if not self.region.curved:
            return self.place("hess_yy_g", self.x, y)[0].reshape(n, n) * size
        weights = np.zeros(self.region.count)
        for k, r in enumerate(here.row):
            if r >= 0:
                weights[r] += here.sign[k] * multipliers[k] * scales.g / here.size[k]
        columns = [self.place.call(self.region.second, self.x, y, weights, direction)[0] for direction in np.eye(n)]
        W = np.hstack(columns)
        return (W + W.T) / 2 * size

    def response(self, y: np.ndarray, multipliers: np.ndarray, A: np.ndarray, hessian: np.ndarray | None) -> Response | None:
        """The answer, if it is one; no Hessian: of a convex follower."""
        here, frame = self.here, self.frame
        lower, upper, low, high = self.limits
        rows = self.region.values(self.place, self.x, y)
        with np.errstate(invalid="ignore"):
            broken = np.concatenate(
                [(lower - y) / frame.y, (y - upper) / frame.y, (low - rows) / frame.rows, (rows - high) / frame.rows]
            )
        if not np.max(broken, initial=0.0) <= BROKEN or np.any(multipliers[~here.equal] < 0):
            return None
        Z = null_space(A, y.size) if hessian is not None else np.zeros((y.size, 0))
        if Z.shape[1]:
            reduced = Z.T @ hessian @ Z
            least = float(np.linalg.eigvalsh((reduced + reduced.T) / 2)[0])
            if not least > CURVED * max(float(np.max(np.abs(hessian), initial=0.0)), 1e-300):
                return None
        bounds, own = np.zeros(y.size), np.zeros(self.region.count)
        for r, s, v in zip(here.row, here.sign, multipliers):
            (own if r >= 0 else bounds)[r if r >= 0 else -1 - r] += s * v
        y = np.clip(y, lower, upper)
        g, f = self.place.value("g", self.x, y), self.place.value("f", self.x, y)
        return Response(y, g, f, True, "newton", (bounds, own)) if np.isfinite(g) else None


def _size(multipliers: np.ndarray) -> float:
    return max(1.0, float(np.max(np.abs(multipliers), initial=0.0)))
