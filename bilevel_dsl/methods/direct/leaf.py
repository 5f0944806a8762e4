"""The follower's answer at a decision of the leader, as a leaf of the tree: which member of each pair is zero there."""

from __future__ import annotations

from functools import cached_property

import casadi as ca
import numpy as np

from .relaxation import SETTINGS


class Leaves:
    """min y'Qy / 2 + (q + P x)'y over low <= y <= high, A y + B x + b <= 0 or == 0: the follower.

    Args:
        slope: rows (P, Q) and q of the follower's gradient.
        rows: rows (B, A) and b, inequalities first.
        n_in: how many of them are inequalities.
        bounds: low and high.
    """

    def __init__(self, slope: tuple, rows: tuple, n_in: int, bounds: tuple[np.ndarray, np.ndarray]):
        (both, self.q), (joint, self.b) = slope, rows
        nx = both.shape[1] - both.shape[0]
        self.P, Q = both[:, :nx], both[:, nx:]
        self.B, A = joint[:, :nx], joint[:, nx:]
        self.n_in, (self.low, self.high) = n_in, bounds
        self._fixed = {"h": ca.sparsify(ca.DM((Q + Q.T) / 2)), "a": ca.sparsify(ca.DM(A)), "lbx": self.low, "ubx": self.high}
        self.known = np.any(self.P != 0, axis=0) | np.any(self.B != 0, axis=0)  # entries of x that the follower minds
        shape = {k: self._fixed[k].sparsity() for k in ("h", "a")}
        self._solver = ca.conic("follower", "highs", shape, SETTINGS)

    def multipliers(self, x: np.ndarray) -> np.ndarray | None:
        """Of the inequalities, then of finite lower, then of finite upper bounds.

        None where the follower has no answer at x.
        """
        found = self.answer(x)
        return None if found is None else found[1]

    def answer(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """An answer to x, and its multipliers as above; None where there is none."""
        lowest, up = self._rows(x)
        found = self._solver(g=self.q + self.P @ x, lba=lowest, uba=up, **self._fixed)
        if not self._solver.stats()["success"]:
            return None
        mu, z = np.array(found["lam_a"]).ravel()[: self.n_in], np.array(found["lam_x"]).ravel()
        at_low, at_high = np.isfinite(self.low), np.isfinite(self.high)
        return np.array(found["x"]).ravel(), np.concatenate([mu, -z[at_low], z[at_high]])

    def furthest(self, x: np.ndarray, y: np.ndarray, active: np.ndarray, slope: np.ndarray) -> np.ndarray | None:
        """Of the answers to x, y with `active` being one, that which is furthest along `slope`; None if there is no end."""
        lowest, up = self._rows(x)
        lowest[: self.n_in] = np.where(active[: self.n_in], up[: self.n_in], -np.inf)
        low, high = self.low.copy(), self.high.copy()
        at_low, at_high = np.flatnonzero(np.isfinite(self.low)), np.flatnonzero(np.isfinite(self.high))
        on_low, on_high = np.split(active[self.n_in :], [len(at_low)])
        high[at_low[on_low]] = self.low[at_low[on_low]]
        low[at_high[on_high]] = self.high[at_high[on_high]]
        rows, solver = self._along
        level = np.array(self._fixed["h"] @ y).ravel()
        found = solver(g=-slope, a=rows, lba=np.append(lowest, level), uba=np.append(up, level), lbx=low, ubx=high)
        return np.array(found["x"]).ravel() if solver.stats()["success"] else None

    @cached_property
    def _along(self) -> tuple[ca.DM, ca.Function]:
        """Rows of an answer, those of the Hessian last, and the linear program over them."""
        n, rows = len(self.low), ca.vertcat(self._fixed["a"], self._fixed["h"])
        return rows, ca.conic("furthest", "highs", {"h": ca.Sparsity(n, n), "a": rows.sparsity()}, SETTINGS)

    def _rows(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        up = -self.b - self.B @ x
        return np.where(np.arange(len(up)) < self.n_in, -np.inf, up), up
