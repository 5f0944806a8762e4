"""Models with a linear or convex quadratic follower over rows: their data, their text, and the follower's answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from . import texts
from .highs import Program
from .small import least


@dataclass
class Polyhedral:
    """Leader: min z'Pz/2 + p'z + r'price, z = (x, y), upper @ z <= limit, equal @ z == target, x in [0, width].

    Follower: min y'Hy/2 + (q + Q x)'y with A y <= b + B x, E y == e + F x, y in [0, height]; `price` is of E.
    """

    nx: int
    ny: int
    p: np.ndarray
    q: np.ndarray
    A: np.ndarray
    b: np.ndarray
    B: np.ndarray
    P: np.ndarray = field(default=None)
    H: np.ndarray = field(default=None)
    Q: np.ndarray = field(default=None)
    E: np.ndarray = field(default=None)
    e: np.ndarray = field(default=None)
    F: np.ndarray = field(default=None)
    r: np.ndarray = field(default=None)
    upper: np.ndarray = field(default=None)
    limit: np.ndarray = field(default=None)
    equal: np.ndarray = field(default=None)
    target: np.ndarray = field(default=None)
    width: float = 10.0
    height: float = 10.0

    def __post_init__(self):
        nx, ny, nz = self.nx, self.ny, self.nx + self.ny
        absent = {
            "P": (nz, nz),
            "H": (ny, ny),
            "Q": (ny, nx),
            "E": (0, ny),
            "e": (0,),
            "F": (0, nx),
            "upper": (0, nz),
            "limit": (0,),
            "equal": (0, nz),
            "target": (0,),
        }
        for name, shape in absent.items():
            if getattr(self, name) is None:
                setattr(self, name, np.zeros(shape))
        if self.r is None:
            self.r = np.zeros(len(self.e))

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All inequalities of the follower, its bounds among them, as A y <= b + B x."""
        eye, none = np.eye(self.ny), np.zeros((2 * self.ny, self.nx))
        return (
            np.vstack([self.A, eye, -eye]),
            np.concatenate([self.b, np.full(self.ny, self.height), np.zeros(self.ny)]),
            np.vstack([self.B, none]),
        )

    def f(self, x: np.ndarray, y: np.ndarray) -> float:
        """The leader's objective without its prices."""
        z = np.concatenate([x, y])
        return float(z @ self.P @ z / 2 + self.p @ z)

    def g(self, x: np.ndarray, y: np.ndarray) -> float:
        """The follower's objective."""
        return float(y @ self.H @ y / 2 + (self.q + self.Q @ x) @ y)

    def violation(self, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        """How far a point is outside of the leader's and of the follower's constraints, each row by its own size."""
        A, b, B = self.rows
        z = np.concatenate([x, y])
        leader = [
            (-x).max() / self.width,
            (x - self.width).max() / self.width,
            *((self.upper @ z - self.limit) / (np.linalg.norm(self.upper, axis=1) * self.width)),
            *(abs(self.equal @ z - self.target) / (np.linalg.norm(self.equal, axis=1) * self.width)),
        ]
        even = np.linalg.norm(np.hstack([self.E, self.F]), axis=1)
        follower = [
            *((A @ y - b - B @ x) / (np.linalg.norm(np.hstack([A, B]), axis=1) * self.height)),
            *(abs(self.E @ y - self.e - self.F @ x) / (even * self.height)),
        ]
        return max(leader), max(follower)

    @cached_property
    def _program(self) -> Program:
        return Program(np.vstack([self.rows[0], self.E]))

    def _bounds(self, x: np.ndarray, near: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Of the follower's rows at x; rows that `near` violates a little are moved there."""
        A, b, B = self.rows
        high, even = b + B @ x, self.e + self.F @ x
        low = even
        if near is not None:
            high = np.maximum(high, A @ near)
            even, low = np.maximum(even, self.E @ near), np.minimum(even, self.E @ near)
        return np.concatenate([np.full(len(high), -np.inf), low]), np.concatenate([high, even])

    def answer(self, x: np.ndarray, near: np.ndarray | None = None) -> tuple[float, np.ndarray] | None:
        """The follower's value at x and an answer; None where it has none."""
        low, high = self._bounds(x, near)
        cost, free = self.q + self.Q @ x, np.full(self.ny, np.inf)
        if not self.H.any():
            return self._program.solve(cost, -free, free, (low, high))
        A = self.rows[0]
        return least(self.H, cost, np.vstack([A, self.E, -self.E]), np.concatenate([high, -low[len(A) :]]))

    def variation(self, x: np.ndarray, near: np.ndarray) -> float:
        """How much g varies over the follower's points at x, from extreme ones in several directions."""
        bounds, free, cost = self._bounds(x, near), np.full(self.ny, np.inf), self.q + self.Q @ x
        directions = (*np.eye(self.ny), *-np.eye(self.ny), cost, -cost)
        corners = [self._program.solve(d, -free, free, bounds) for d in directions]
        values = [self.g(x, corner[1]) for corner in corners if corner is not None]
        return max(values) - min(values) if values else 0.0

    def text(self, name: str) -> str:
        """The model."""
        nx, ny = self.nx, self.ny
        names = [f"x[{k + 1}]" for k in range(nx)] + [f"y[{k + 1}]" for k in range(ny)]
        both, even = (
            [texts.linear(c[:nx], "x") + texts.linear(c[nx:], "y") for c in rows] for rows in (self.upper, self.equal)
        )
        prices = [f"{texts.number(c)} * dual(market{k + 1})" for k, c in enumerate(self.r) if c != 0]
        upper = [
            *texts.rows("u", both, "<=", [[texts.number(v)] for v in self.limit]),
            *texts.rows("even", even, "==", [[texts.number(v)] for v in self.target]),
        ]
        right = [[texts.number(v), *texts.linear(c, "x")] for v, c in zip(self.b, self.B)]
        clear = [[texts.number(v), *texts.linear(c, "x")] for v, c in zip(self.e, self.F)]
        lower = [
            *texts.rows("row", [texts.linear(c, "y") for c in self.A], "<=", right),
            *texts.rows("market", [texts.linear(c, "y") for c in self.E], "==", clear),
        ]
        mixed = [f"{texts.number(v)} * x[{j + 1}] * y[{i + 1}]" for (i, j), v in np.ndenumerate(self.Q) if v != 0]
        f = texts.total(
            [*texts.quadratic(self.P, names), *texts.linear(self.p[:nx], "x"), *texts.linear(self.p[nx:], "y"), *prices]
        )
        g = texts.total([*texts.quadratic(self.H, names[nx:]), *texts.linear(self.q, "y"), *mixed])
        return "\n".join(
            [
                f"problem {name};",
                "",
                "upper {",
                f"  var x[{nx}] in [0, {texts.number(self.width)}];",
                f"  minimize {f};",
                *(["  subject to", *upper] if upper else []),
                "}",
                "",
                "lower {",
                f"  var y[{ny}] in [0, {texts.number(self.height)}];",
                f"  minimize {g};",
                *(["  subject to", *lower] if lower else []),
                "}",
                "",
            ]
        )
