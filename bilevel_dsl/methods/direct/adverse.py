"""The program of an adverse follower: of its answers it takes the worst one for the leader.

With s the follower's slacks and mu its multipliers, for one x,

    S(x) = { y feasible : H y = H y*, s_i(y) = 0 for i in J },     J = support of any of its multipliers,

(Mangasarian 1988). For f affine over S(x) the adverse answer maximises f there, a linear program with its own multipliers:

    - grad_y f + sum over i of (p_i - r_i) grad s_i + (equations' rows)' eta + H sigma = 0,   p, r >= 0
    i in J:      s_i = 0,                                     mu_i >= 0, p_i and r_i free
    i not in J:  mu_i = 0, r_i = 0,    0 <= s_i  _|_  p_i >= 0

so all conditions are linear but for what is zero where. For fixed J they describe max over S(x) of f on the closure of the
x whose multipliers have support J, provided that there is one with mu > 0 on J (`strict`). As the maximum over such a
polyhedral set is continuous in x, the least of these values over all strict J is the infimum of the pessimistic problem; it
is attained if a point with mu > 0 on J has it.

A row of the leader with y must hold for all answers: it is maximised over S(x) too, by an answer of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .products import Quadratic
from .program import POSITIVE, PairedProgram
from .relaxation import Relaxation, Relaxed

FLAT = 1e-10  # of the largest entry: what is left of a Hessian on the follower's flat directions
STRICT = 1e-6  # of the size of a multiplier: it can be positive
BROKEN = 1e-7  # of a scaled row of the leader


class Unsuited(Exception):
    """Why an adverse follower cannot be treated so."""


@dataclass(frozen=True)
class Block:
    """Columns of one answer of the follower: the one that is worst for f, or for a row of the leader."""

    y: np.ndarray
    s: np.ndarray  # by pair
    p: np.ndarray
    r: np.ndarray
    eta: np.ndarray
    sigma: np.ndarray


class AdverseProgram:
    """Conditions of the worst answers beside the follower's own, in the columns of a paired program and further ones.

    Attributes:
        members: columns that are zero together. Pair i has members 2i (its slack is zero, i in J) and 2i + 1 (not in J).
        further: of each block and pair not in J: (pair, column of s, column of p), one of which is zero.

    Raises:
        Unsuited: f is curved along the follower's answers, or uses its multipliers; or a row does.
    """

    def __init__(self, paired: PairedProgram):
        self.paired, self.system = paired, paired.system
        self._low, self._high, self._matrix, self._row_low, self._row_high = paired.rows
        levels, ends = self.system.levels, self.system.ends
        self.nx, self.ny, self.width = levels.nx, levels.ny, self._matrix.shape[1]
        self.n_h, self.n_e = levels.n_h, levels.n_e
        slacks, multipliers = (
            (np.array(c, int).reshape(-1) for c in zip(*paired.all_pairs)) if paired.all_pairs else ([], [])
        )
        self._slacks, self._multipliers = np.array(slacks, int), np.array(multipliers, int)
        self._equations = np.arange(ends[6], ends[7])
        self.H = self._matrix[: self.ny, self.nx : self.nx + self.ny]
        self._worst = [(paired.as_written.H[self._ys], paired.as_written.c[self._ys]), *self._leaders_rows()]
        self._check()
        self._build()

    @property
    def _ys(self) -> np.ndarray:
        return np.arange(self.nx, self.nx + self.ny)

    def _leaders_rows(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """(slope's matrix, slope) of each row of the leader that knows y, and of its negative if it is an equation."""
        levels, found = self.system.levels, []
        first = self.ny + self.n_h + self.n_e
        self._own_rows: list[tuple[int, float]] = []
        for k in range(levels.n_c):
            row = self._matrix[first + k]
            if not np.any(row[self._ys]):
                continue
            for sign in (1.0, -1.0) if levels.c_equal[k] else (1.0,):
                self._own_rows.append((first + k, sign))
                found.append((np.zeros((self.ny, self.system.size)), sign * row[self._ys]))
        return found

    def _check(self) -> None:
        f, n_xy = self.paired.as_written, self.nx + self.ny
        used = [f.H[n_xy:].any(), f.c[n_xy:].any()]
        first = self.ny + self.n_h + self.n_e
        used.append(self._matrix[first : first + self.system.levels.n_c, n_xy : self.system.size].any())
        if any(used):
            raise Unsuited(
                "the upper level uses multipliers of the lower one, which an adverse follower could choose as well"
            )
        curved = f.H[np.ix_(self._ys, self._ys)]
        if not curved.any():
            return
        _, values, rows = np.linalg.svd(self.H)
        flat = rows[int(np.sum(values > 1e-9 * max(values.max(initial=0.0), 1e-300))) :].T
        if np.abs(curved @ flat).max(initial=0.0) > FLAT * np.abs(curved).max():
            raise Unsuited(
                "the upper objective is curved along the lower level's answers: the worst of them is no linear program"
            )

    # --- columns and rows -----------------------------------------------------------------------

    def _build(self) -> None:
        at, self.blocks = self.width, []
        for k in range(len(self._worst)):
            sizes = [0 if k == 0 else self.ny, 0 if k == 0 else len(self._slacks), len(self._slacks), len(self._slacks)]
            sizes += [len(self._equations), self.ny if self.H.any() else 0]
            parts = [np.arange(a, a + n) for a, n in zip(at + np.cumsum([0, *sizes[:-1]]), sizes)]
            if k == 0:
                parts[:2] = self._ys, self._slacks
            self.blocks.append(Block(*parts))
            at += sum(sizes)
        low, high = np.full(at, -np.inf), np.full(at, np.inf)
        low[: self.width], high[: self.width] = self._low, self._high
        for block in self.blocks:
            low[block.p] = low[block.r] = 0.0
            low[block.y], high[block.y] = self._low[self._ys], self._high[self._ys]
            low[block.s], high[block.s] = self._low[self._slacks], self._high[self._slacks]
        rows = [(np.pad(self._matrix, ((0, 0), (0, at - self.width))), self._row_low, self._row_high)]
        for k, block in enumerate(self.blocks):
            rows.append(self._stationary(block, *self._worst[k], at))
            if k:
                rows += self._feasible(block, *self._own_rows[k - 1], at)
        matrix, row_low, row_high = (np.concatenate(parts) for parts in zip(*rows))
        more = (0, at - len(self.paired.f.c))
        self.f = Quadratic(np.pad(self.paired.f.H, (more, more)), np.pad(self.paired.f.c, more), self.paired.f.constant)
        self.rows = (low, high, matrix, row_low, row_high)
        self.relaxation = Relaxation(self.f, *self.rows)
        self._inside: dict[frozenset[int], np.ndarray | None] = {}
        self.members, self.further, self.pairs = [], [], []
        for i, is_paired in enumerate(self.system.paired):
            if not is_paired:
                continue
            self.pairs.append(i)
            self.members.append([int(b.s[i]) for b in self.blocks])
            self.members.append([int(self._multipliers[i]), *(int(b.r[i]) for b in self.blocks)])
            self.further += [(len(self.pairs) - 1, int(b.s[i]), int(b.p[i])) for b in self.blocks]

    def _stationary(self, block: Block, by: np.ndarray, slope: np.ndarray, n: int) -> tuple[np.ndarray, ...]:
        """The adverse answer's own conditions; by @ w + slope is what it climbs."""
        A = np.zeros((self.ny, n))
        A[:, : by.shape[1]] -= by
        G = self._matrix[: self.ny, self._multipliers]
        A[:, block.p] += G
        A[:, block.r] -= G
        A[:, block.eta] += self._matrix[: self.ny, self._equations]
        if block.sigma.size:
            A[:, block.sigma] += self.H
        return A, slope, slope

    def _feasible(self, block: Block, row: int, sign: float, n: int) -> list[tuple[np.ndarray, ...]]:
        """An answer of its own keeps the follower's rows, is as good as the first, and keeps the leader's row."""
        last = len(self._matrix)
        kept = [*range(self.ny, self.ny + self.n_h + self.n_e), *range(last - (len(self._slacks) - self.n_h), last)]
        moved = np.zeros((len(kept) + 1, n))
        moved[:, : self.width] = np.vstack([self._matrix[kept], sign * self._matrix[row]])
        moved[:, block.y], moved[:, block.s] = moved[:, self._ys], moved[:, self._slacks]
        moved[:, self._ys] = moved[:, self._slacks] = 0.0
        limit = self._row_high[row] if sign > 0 else -self._row_low[row]
        low = np.append(self._row_low[kept], -np.inf)
        found = [(moved, low, np.append(self._row_high[kept], limit))]
        if self.H.any():
            same = np.zeros((self.ny, n))
            same[:, block.y], same[:, self._ys] = self.H, -self.H
            found.append((same, np.zeros(self.ny), np.zeros(self.ny)))
        return found

    # --- what the search asks -------------------------------------------------------------------

    def solve(self, held: frozenset[int], zero: frozenset[int]) -> Relaxed:
        """The relaxation with these members at zero, and these columns."""
        return self.relaxation.solve(zero.union(*(self.members[m] for m in held)))

    def values(self, w: np.ndarray) -> np.ndarray:
        """How far each member is from zero."""
        return np.array([np.max(w[m], initial=0.0) for m in self.members])

    def support(self, w: np.ndarray) -> frozenset[int]:
        """Pairs that the point holds to be in J: with mu > 0 or r > 0."""
        values = self.values(w)[1::2]
        return frozenset(np.flatnonzero(values > POSITIVE).tolist())

    def strict(self, J: frozenset[int]) -> bool:
        """Whether some x of the leader has a follower's answer with multipliers that are positive on J, 0 elsewhere."""
        return self.inside(J) is not None

    def inside(self, J: frozenset[int]) -> np.ndarray | None:
        """Such a point, in the columns of the paired program; None where there is none."""
        if J not in self._inside:
            found = self._inner.solve(self._face(J))
            good = found.status == "optimal" and -found.value > STRICT
            self._inside[J] = found.point[: self.width] if good else None
        return self._inside[J]

    def _face(self, J: frozenset[int]) -> frozenset[int]:
        """Columns that are zero for the support J; outside of it the allowances in the rows mu_i >= t are free."""
        n = len(self.pairs)
        columns = [self._slacks[i] if k in J else self._multipliers[i] for k, i in enumerate(self.pairs)]
        return frozenset([*map(int, columns), *(self.width + 1 + k for k in range(n) if k in J)])

    @cached_property
    def _inner(self) -> Relaxation:
        """max t <= 1  with  mu_i + allowance_i >= t."""
        n, at = len(self.pairs), self.width
        A = np.pad(self._matrix, ((0, n), (0, n + 1)))
        for k, i in enumerate(self.pairs):
            A[len(self._matrix) + k, [self._multipliers[i], at, at + 1 + k]] = 1.0, -1.0, 1.0
        low = np.concatenate([self._low, np.zeros(n + 1)])
        high = np.concatenate([self._high, [1.0], np.full(n, np.inf)])
        cost = np.zeros(at + n + 1)
        cost[at] = -1.0
        row_low, row_high = np.append(self._row_low, np.zeros(n)), np.append(self._row_high, np.full(n, np.inf))
        return Relaxation(cost, low, high, A, row_low, row_high)

    def settled(self, held: frozenset[int], zero: frozenset[int], J: frozenset[int], w: np.ndarray) -> np.ndarray | None:
        """Of the points that are as good as w where these are zero, one whose multipliers on J are as positive as can be."""
        columns = [int(self._multipliers[self.pairs[k]]) for k in J]
        low, high, A, row_low, row_high = self.rows
        n, slope = len(low), self.f.H @ w + self.f.c
        still = self.f.H @ w
        further = np.zeros((len(columns), n + 1))
        further[np.arange(len(columns)), columns] = 1.0
        further[:, n] = -1.0
        wide = np.pad(np.vstack([A, self.f.H, slope]), ((0, 0), (0, 1)))
        cost = np.append(np.zeros(n), -1.0)
        program = Relaxation(
            cost,
            np.append(low, 0.0),
            np.append(high, 1.0),
            np.vstack([wide, further]),
            np.concatenate([row_low, still, [-np.inf], np.zeros(len(columns))]),
            np.concatenate([row_high, still, [slope @ w], np.full(len(columns), np.inf)]),
        )
        found = program.solve(zero.union(*(self.members[m] for m in held)))
        return found.point[:n] if found.status == "optimal" and -found.value > STRICT else None

    def at(self, x: np.ndarray) -> tuple[float, np.ndarray] | None:
        """The worst value of f over the follower's answers to x, scaled, and the answer that gives it, as (x, y).

        None where the follower has no answer, one of them breaks a row of the leader, or there is no worst one.
        """
        leaves, f = self.paired.leaves, self.paired.as_written
        known = leaves.answer(x)
        if known is None:
            return None
        y, active = known[0], known[1] > POSITIVE
        w = np.zeros(self.system.size)
        w[: self.nx + self.ny] = np.append(x, y)
        worst = None
        for k, (by, slope) in enumerate(self._worst):
            found = leaves.furthest(x, y, active, by @ w + slope)
            if found is None:
                return None
            if k == 0:
                worst = found
            elif self._excess(k - 1, x, found) > BROKEN:
                return None
        w[self._ys] = worst
        return f(w), w[: self.nx + self.ny]

    def _excess(self, k: int, x: np.ndarray, y: np.ndarray) -> float:
        row, sign = self._own_rows[k]
        value = sign * float(self._matrix[row, : self.nx + self.ny] @ np.append(x, y))
        return value - (self._row_high[row] if sign > 0 else -self._row_low[row])
