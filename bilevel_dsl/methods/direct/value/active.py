"""The follower near one of its answers: what is active, Newton steps on that, and how it moves with the leader."""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from ....functions.buffers import Call
from .faces import Conditions

ACTIVE = 1e-6  # of its size, up to which a row is active
STEPS = 4
SMALL = 1e-12  # relative: the last step
LONG = 1e-2  # of a width, or absolute: a longer step leads to another answer


@dataclass(frozen=True, eq=False)
class Active:
    """The conditions on what is active, linearised: matrix (dy, dmu, dnu) + residual + by_x dx = 0, of free variables."""

    free: np.ndarray
    rows: np.ndarray  # gradients of the active rows, by the free variables
    inequalities: int  # of the rows; the others are equations
    matrix: np.ndarray
    residual: np.ndarray
    by_x: np.ndarray


class Near:
    """Derivatives of the follower's program, and what follows from them at a point."""

    def __init__(self, conditions: Conditions):
        c, levels = conditions, conditions.levels
        self.levels = levels
        mu, nu = ca.SX.sym("mu", levels.n_h), ca.SX.sym("nu", levels.n_e)
        slope = c.slope + ca.mtimes(c.of_h.T, mu) + ca.mtimes(c.of_e.T, nu)
        first = [c.slope, c.h, c.e, c.of_h, c.of_e, ca.jacobian(c.h, c.x), ca.jacobian(c.e, c.x)]
        self._first = Call(ca.Function("first", [c.x, c.y], first))
        second = [ca.jacobian(slope, c.y), ca.jacobian(slope, c.x)]
        self._second = Call(ca.Function("second", [c.x, c.y, mu, nu], second))

    def active(self, x: np.ndarray, y: np.ndarray) -> Active | None:
        """None where a derivative is no number."""
        slope, h, e, of_h, of_e, h_x, e_x = self._first(x, y)
        free = self._free(y)
        size = np.maximum(np.abs(of_h).max(1, initial=0.0), 1e-12)
        held = np.flatnonzero((h.ravel() > -ACTIVE * size) & np.any(of_h[:, free] != 0, 1))
        rows = np.vstack([of_h[held], of_e])[:, free]
        if not np.all(np.isfinite(rows)) or not np.all(np.isfinite(slope)):
            return None
        prices = np.linalg.lstsq(rows.T, -slope.ravel()[free], rcond=1e-10)[0] if rows.size else np.zeros(len(rows))
        mu, nu = np.zeros(self.levels.n_h), prices[len(held) :]
        mu[held] = prices[: len(held)]
        bend, mixed = self._second(x, y, mu, nu)
        m = len(rows)
        matrix = np.block([[bend[np.ix_(free, free)], rows.T], [rows, np.zeros((m, m))]])
        residual = np.concatenate([slope.ravel()[free] + rows.T @ prices, h.ravel()[held], e.ravel()])
        by_x = np.vstack([mixed[free], h_x[held], e_x])
        if not all(np.all(np.isfinite(v)) for v in (matrix, residual, by_x)):
            return None
        return Active(free, rows, len(held), matrix, residual, by_x)

    def _free(self, y: np.ndarray) -> np.ndarray:
        low, high = self.levels.y_low, self.levels.y_high
        width = np.where(np.isfinite(high - low), high - low, 1.0)
        return (y > low + ACTIVE * width) & (y < high - ACTIVE * width)

    def polished(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """y after Newton steps on what is active; y itself where they lead away."""
        low, high = self.levels.y_low, self.levels.y_high
        found = np.where(y - low <= ACTIVE * np.where(np.isfinite(high - low), high - low, 1.0), low, y)
        found = np.where(high - y <= ACTIVE * np.where(np.isfinite(high - low), high - low, 1.0), high, found)
        begun = found
        for _ in range(STEPS):
            here = self.active(x, found)
            if here is None or not here.residual.size:
                break
            step = np.zeros(len(y))
            step[here.free] = np.linalg.lstsq(here.matrix, -here.residual, rcond=1e-10)[0][: here.free.sum()]
            if not np.all(np.isfinite(step)):
                break
            found = np.clip(found + step, low, high)
            if np.max(np.abs(step), initial=0.0) <= SMALL * (1 + np.max(np.abs(found))):
                break
        return found if np.max(np.abs(found - y), initial=0.0) <= LONG * (1 + np.max(np.abs(y), initial=0.0)) else begun

    def moves(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """dy/dx at an answer, and a step that leaves each active row by the size of its gradient."""
        here = self.active(x, y)
        if here is None:
            return None
        moves, inward = np.zeros((len(y), len(x))), np.zeros(len(y))
        if here.residual.size and len(x):
            moves[here.free] = np.linalg.lstsq(here.matrix, -here.by_x, rcond=1e-8)[0][: here.free.sum()]
        if here.inequalities:
            sizes = np.maximum(np.abs(here.rows).max(1, initial=0.0), 1e-12)
            target = np.where(np.arange(len(sizes)) < here.inequalities, -sizes, 0.0)
            inward[here.free] = np.linalg.lstsq(here.rows, target, rcond=1e-8)[0]
        return moves, inward
