"""The follower's answer at a decision of the leader, as a leaf of the tree: which member of each pair is zero there."""

from __future__ import annotations

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
        up = -self.b - self.B @ x
        lowest = np.where(np.arange(len(up)) < self.n_in, -np.inf, up)
        found = self._solver(g=self.q + self.P @ x, lba=lowest, uba=up, **self._fixed)
        if not self._solver.stats()["success"]:
            return None
        mu, z = np.array(found["lam_a"]).ravel()[: self.n_in], np.array(found["lam_x"]).ravel()
        at_low, at_high = np.isfinite(self.low), np.isfinite(self.high)
        return np.concatenate([mu, -z[at_low], z[at_high]])
