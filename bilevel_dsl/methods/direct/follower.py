"""The follower's answer to a fixed x, with its multipliers: where the complementarity program begins."""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from .ipopt import Ipopt, Watch
from .system import Levels

ITERATIONS = 300
ACCURACY = 1e-9


@dataclass(frozen=True, eq=False)
class Answer:
    """y, g(x, y), and the multipliers of h, of the bounds of y (> 0 above) and of e. kind: as of `ipopt.Found`."""

    y: np.ndarray
    g: float
    mu: np.ndarray
    z: np.ndarray
    nu: np.ndarray
    kind: str

    @property
    def solved(self) -> bool:
        return self.kind == "solved"


class Follower:
    """min { g(x, y) : y in Y, h(x, y) <= 0, e(x, y) = 0 } for numbers x, by IPOPT from any y."""

    def __init__(self, levels: Levels, watch: Watch):
        self.levels = levels
        x, y = levels.kind.sym("x", levels.nx), levels.kind.sym("y", levels.ny)
        _, g, h, e, _ = levels.expressions(x, y)
        nlp = {"x": y, "p": x, "f": g, "g": ca.densify(ca.vertcat(h, e))}
        self._solver = Ipopt(nlp, watch, {"tol": ACCURACY, "max_iter": ITERATIONS})

    def answer(self, x: np.ndarray, y: np.ndarray) -> Answer:
        levels = self.levels
        n, m = levels.n_h, levels.n_e
        low_rows, high_rows = np.concatenate([np.full(n, -np.inf), np.zeros(m)]), np.zeros(n + m)
        found = self._solver(y, levels.y_low, levels.y_high, low_rows, high_rows, p=x)
        y = np.clip(found.w, levels.y_low, levels.y_high)
        g = float(levels.numbers(x, y)[1])
        kind = found.kind if np.isfinite(g) else "not_finite"
        return Answer(y, g, np.maximum(found.lam_rows[:n], 0.0), found.lam_w, found.lam_rows[n:], kind)
