"""The truth of polyhedral models: the points where the follower answers are polyhedra, one convex program each.

Every answer has multipliers on linearly independent rows. For each such set of rows, the points (x, y, multipliers)
that satisfy the follower's conditions with these rows active are a polyhedron; the leader's minimum over it is found
apart. Where the leader's objective is convex, a point is a local optimum when no polyhedron that holds it has a better
one; else when a walk in small steps, each to the lowest point of all polyhedra near by, gains nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import combinations

import numpy as np

from .highs import Program
from .instance import FEASIBLE, GAP, VALUE, Instance, Judgement, Replaced, wrong_ones
from .polyhedral import Polyhedral
from .small import least, lowest

MOST_PRICE = 1e3


class Pieces:
    """All polyhedra of a model, each with the leader's best on it."""

    def __init__(self, model: Polyhedral):
        self.model = m = model
        A, b, B = m.rows
        n, k = len(b), len(m.e)
        self.n, self.k = n, k
        self.convex = bool(np.linalg.eigvalsh(m.P)[0] >= 0)
        zero = np.zeros
        matrix = np.block(
            [
                [m.Q, m.H, A.T, m.E.T],
                [-B, A, zero((n, n + k))],
                [-m.F, m.E, zero((k, n + k))],
                [m.upper, zero((len(m.limit), n + k))],
                [m.equal, zero((len(m.target), n + k))],
            ]
        )
        self.program = Program(matrix)
        self.cost = np.concatenate([m.p, zero(n), -m.r])
        self.high = np.concatenate([-m.q, b, m.e, m.limit, m.target])
        self.low = np.concatenate([-m.q, np.full(n, -np.inf), m.e, np.full(len(m.limit), -np.inf), m.target])
        self.best: dict[tuple[int, ...], tuple[float, np.ndarray]] = {}
        for s in self._sets():
            found = self.solve(s)
            if found is not None:
                self.best[s] = found
        if not self.best:
            raise Replaced("nothing is feasible")
        self.value, self.point = min(self.best.values(), key=lambda found: found[0])
        if k and max(abs(v[-k:]).max() for _, v in self.best.values()) > MOST_PRICE:
            raise Replaced("a price without bound")
        if k and self._has_ray(*self._split(self.point)):
            raise Replaced("a price without bound, where the follower has one point left")

    def _has_ray(self, x: np.ndarray, y: np.ndarray) -> bool:
        """Whether multipliers of more rows than are independent go on without end, to the leader's gain."""
        m = self.model
        A, b, B = m.rows
        active = b + B @ x - A @ y <= 1e-6 * m.height
        rows = np.hstack([A[active].T, m.E.T])
        low, high = np.concatenate([np.zeros(active.sum()), -np.ones(self.k)]), np.ones(rows.shape[1])
        cost = np.concatenate([np.zeros(active.sum()), -m.r])
        found = Program(rows).solve(cost, low, high, (np.zeros(m.ny), np.zeros(m.ny)))
        return found is not None and found[0] < -1e-6

    def _sets(self) -> Iterator[tuple[int, ...]]:
        """Linearly independent sets of rows; for a linear follower of one cost, least cones that hold it."""
        m = self.model
        A, plain = m.rows[0], not (m.H.any() or m.Q.any() or self.k)
        kept: list[set[int]] = []
        for size in range(m.ny - self.k + 1):
            for s in combinations(range(self.n), size):
                active = A[list(s)]
                if size and np.linalg.matrix_rank(np.vstack([active, m.E])) < size + self.k:
                    continue
                if plain:
                    if any(known <= set(s) for known in kept) or not _in_cone(active.T, -m.q):
                        continue
                    kept.append(set(s))
                yield s

    def solve(self, s: tuple[int, ...], box: tuple[np.ndarray, np.ndarray] | None = None) -> tuple[float, np.ndarray] | None:
        """The leader's best on one polyhedron, within a box of (x, y) where one is given."""
        m = self.model
        nx, ny, n, k = m.nx, m.ny, self.n, self.k
        chosen = list(s)
        low, high = np.zeros(nx + ny + n + k), np.zeros(nx + ny + n + k)
        high[:nx], low[nx : nx + ny], high[nx : nx + ny] = m.width, -np.inf, np.inf
        if box is not None:
            low[: nx + ny], high[: nx + ny] = np.maximum(low[: nx + ny], box[0]), np.minimum(high[: nx + ny], box[1])
        for j in chosen:
            high[nx + ny + j] = np.inf
        low[nx + ny + n :], high[nx + ny + n :] = -np.inf, np.inf
        rows = self.low.copy()
        for j in chosen:
            rows[ny + j] = self.high[ny + j]
        found = self.program.solve(self.cost, low, high, (rows, self.high))
        return self._quadratic(chosen, box) if found is not None and m.P.any() else found

    def _quadratic(self, s: list[int], box: tuple[np.ndarray, np.ndarray] | None) -> tuple[float, np.ndarray] | None:
        """The same for a quadratic leader: with the rows s active, z = (x, y) and the multipliers are affine in x."""
        m = self.model
        nx, ny = m.nx, m.ny
        A, b, B = m.rows
        system = np.block([[m.H, A[s].T], [A[s], np.zeros((len(s), len(s)))]])
        base = np.linalg.solve(system, np.concatenate([-m.q, b[s]]))
        slope = np.linalg.solve(system, np.vstack([-m.Q, B[s]]))
        z0, Z = np.concatenate([np.zeros(nx), base[:ny]]), np.vstack([np.eye(nx), slope[:ny]])
        others = [j for j in range(self.n) if j not in s]
        C = [np.vstack([np.eye(nx), -np.eye(nx)]), A[others] @ slope[:ny] - B[others], -slope[ny:], m.upper @ Z]
        d = [np.full(nx, m.width), np.zeros(nx), b[others] - A[others] @ base[:ny], base[ny:], m.limit - m.upper @ z0]
        M, k = m.equal @ Z, m.target - m.equal @ z0
        if box is not None and np.array_equal(box[0][:nx], box[1][:nx]):
            M, k = np.eye(nx), box[0][:nx]
        elif box is not None:
            C, d = [*C, Z, -Z], [*d, box[1] - z0, z0 - box[0]]
        minimum = least if self.convex else lowest
        found = minimum(Z.T @ m.P @ Z, Z.T @ (m.p + m.P @ z0), np.vstack(C), np.concatenate(d), M, k)
        if found is None:
            return None
        z = z0 + Z @ found[1]
        return m.f(z[:nx], z[nx:]), np.concatenate([z, np.zeros(self.n)])

    def holding(self, x: np.ndarray, y: np.ndarray) -> dict[tuple[int, ...], float]:
        """The polyhedra that hold a point within a small tolerance, and the leader's best value there on each."""
        A, b, B = self.model.rows
        z, slack = np.concatenate([x, y]), (b + B @ x - A @ y) / np.linalg.norm(np.hstack([A, B]), axis=1)
        for near in (2e-6, 1e-5, 1e-4):
            near *= self.model.width
            active = set(np.flatnonzero(slack <= 4 * near))
            found = {s: self.solve(s, (z - near, z + near)) for s in self.best if set(s) <= active}
            values = {s: v[0] for s, v in found.items() if v is not None}
            if values:
                return values
        return {}

    def _walk(self, x: np.ndarray, y: np.ndarray, enough: float, step: float = 0.003) -> float:
        """The leader's value where small steps to the lowest point near by end, or as soon as it is below `enough`."""
        z, value, near = np.concatenate([x, y]), np.inf, step * self.model.width
        for _ in range(200):
            sets = self.holding(z[: self.model.nx], z[self.model.nx :])
            found = [v for v in (self.solve(s, (z - near, z + near)) for s in sets) if v is not None]
            low, v = min(found, key=lambda one: one[0], default=(np.inf, z))
            if low > value - 1e-10 * self.scale or low < enough:
                return min(value, low)
            value, z = low, v[: len(z)]
        return value

    def at(self, x: np.ndarray) -> tuple[float, np.ndarray] | None:
        """The leader's value at x and the follower's answer there, the one that is best for the leader."""
        free = np.full(self.model.ny, np.inf)
        box = (np.concatenate([x, -free]), np.concatenate([x, free]))
        found = [v for v in (self.solve(s, box) for s in self.best) if v is not None]
        if not found:
            return None
        value, v = min(found, key=lambda one: one[0])
        return value, self._split(v)[1]

    @cached_property
    def scale(self) -> float:
        """The range of the leader's objective over its box, from samples and the best of all pieces."""
        m, rng = self.model, np.random.default_rng(0)
        values = [v for v, _ in self.best.values()]
        for x in rng.uniform(0, m.width, (10 if self.k else 60, m.nx)):
            found = self.at(x) if self.k else m.answer(x)
            if found is not None:
                values.append(found[0] if self.k else m.f(x, found[1]))
        return max(values) - min(values)

    def _split(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return v[: self.model.nx], v[self.model.nx : self.model.nx + self.model.ny]

    def judge(self, values: dict[str, object]) -> Judgement:
        """What is true of a point."""
        m = self.model
        x, y = (np.ravel(np.asarray(values[name], float)) for name in ("x", "y"))
        value, tolerance = m.f(x, y), VALUE * self.scale

        def said(kind: str, why: str = "") -> Judgement:
            return Judgement(kind, value, self.value, why)

        leader, follower = m.violation(x, y)
        if leader > FEASIBLE:
            return said("wrong", f"infeasible for the leader by {leader:.1e}")
        if follower > FEASIBLE:
            return said("wrong", f"infeasible for the follower by {follower:.1e}")
        found = m.answer(x, y)
        if found is None:
            return said("wrong", "no answer here")
        more = m.g(x, y) - found[0]
        size = m.height * abs(m.q + m.Q @ x + m.H @ y).sum()  # where the follower has a single point, g does not vary
        gap = more / max(m.variation(x, y), 1e-3 * size, 1e-9)
        if gap > GAP and more > 1e-9 * (1 + abs(found[0])):
            return said("wrong", f"the follower could have {gap:.1e} of the variation of g more")
        holding = self.holding(x, y) or self.holding(x, found[1])  # y may be off by the root of what its gap may be
        if not holding:
            return said("wrong", "on none of the pieces")
        if self.k:  # the price is the one that is best for the leader; what starts at another price is not near by
            value = min(holding.values())
            holding = {s: v for s, v in holding.items() if v <= value + tolerance}
        if value < self.value - tolerance:
            return said("wrong", f"better than possible by {(self.value - value) / self.scale:.1e} of the range")
        if value <= self.value + tolerance:
            return said("global")
        if self.convex:
            low, way = min(self.best[s][0] for s in holding), "without leaving a piece"
        else:
            low, way = self._walk(x, y, value - tolerance), "by a walk"
        gain = value - low
        if gain > tolerance:
            return said("wrong", f"the leader gains {gain / self.scale:.1e} of the range {way}")
        return said("local", f"{(value - self.value) / self.scale:.1e} of the range above the best")


def _in_cone(columns: np.ndarray, vector: np.ndarray) -> bool:
    """Whether a vector is a nonnegative combination of linearly independent columns."""
    if not columns.shape[1]:
        return not vector.any()
    weights = np.linalg.lstsq(columns, vector, rcond=None)[0]
    return bool(np.abs(columns @ weights - vector).max() < 1e-9 and (weights >= -1e-12).all())


def polyhedral_instance(family: str, model: Polyhedral, rng: np.random.Generator) -> Instance:
    """The instance of a model, with points moved by 1 and 3 % of the leader's box or of the follower's."""
    pieces = Pieces(model)
    x, y = pieces._split(pieces.point)
    among, with_answer = np.hsplit(model.equal, [model.nx])
    stays = np.eye(model.nx) - (0 if with_answer.any() else np.linalg.pinv(among) @ among)
    if pieces.scale < 1e-3:
        raise Replaced("the leader's objective hardly changes")
    points = []
    for size in (0.01, 0.03, 0.01, 0.03):
        step = stays @ rng.normal(size=model.nx)
        other = np.clip(x + size * model.width * step / np.linalg.norm(step), 0, model.width)
        reply = pieces.at(other) or model.answer(other)  # the second one breaks a row of the leader
        if reply is not None:
            points.append({"x": other, "y": reply[1]})
        step = rng.normal(size=model.ny)
        points.append({"x": x, "y": np.clip(y + size * model.height * step / np.linalg.norm(step), 0, model.height)})
    moved = wrong_ones(pieces.judge, points)
    return Instance(family, 0, model.text(family), pieces.judge, {"x": x, "y": y}, moved, pieces.scale)
