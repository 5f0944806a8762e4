"""Products in the leader's objective, replaced by what they are where the follower's conditions hold.

At every answer of the follower these are zero, for affine rows r and pairs (a, b) of the program:

    r_j(w) w_k      a row of the follower's conditions times a column
    a_i(w) b_i      a pair

so f may be replaced by f + sum of t_jk r_j w_k + sum of t_i a_i b_i, with any t. A t is looked for that makes it convex:
first one that leaves no product at all. The strong duality of a linear follower is the sum of all of these with t = 1; it
makes tolls linear (Labbe, Marcotte, Savard 1998), and with the row of a bid times its quantity the revenue of a market where
the leader is one of the plants (Ruiz, Conejo 2009).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

EXACT = 1e-10  # of the largest product: what is left of those that should vanish
ROUNDING = 1e-11  # of the same: an entry that is none
CONVEX = 1e-9  # of the largest eigenvalue: a smaller negative one is rounding
LARGEST = 20_000_000  # numbers of the linear system, up to which rows are multiplied by all columns


@dataclass(frozen=True, eq=False)
class Quadratic:
    """w' H w / 2 + c' w + constant."""

    H: np.ndarray
    c: np.ndarray
    constant: float

    def __call__(self, w: np.ndarray) -> float:
        return float(w @ self.H @ w / 2 + self.c @ w + self.constant)

    @property
    def linear(self) -> bool:
        return not np.any(self.H)

    @property
    def convex(self) -> bool:
        return is_convex(self.H)


@dataclass(frozen=True, eq=False)
class Zeros:
    """Affine rows that are zero, and pairs: A w + b with the columns whose product with them is zero.

    Attributes:
        A, b: rows m by n, m.
        own: (row, column): products that are zero; of the follower's conditions each with its own variable, and pairs.
        equations: rows that are zero themselves.
    """

    A: np.ndarray
    b: np.ndarray
    own: list[tuple[int, int]]
    equations: list[int]


def is_convex(H: np.ndarray) -> bool:
    """Whether a matrix is positive semidefinite, but for rounding."""
    if not H.size:
        return True
    eigenvalues = np.linalg.eigvalsh((H + H.T) / 2)
    return bool(eigenvalues[0] >= -CONVEX * np.abs(eigenvalues).max())


def convex(f: Quadratic, zeros: Zeros, n_xy: int) -> Quadratic | None:
    """f, or a convex quadratic that equals it at all answers of the follower; None where none was found.

    Args:
        n_xy: columns of x and y, which stand first; their own products may stay, those with multipliers may not.
    """
    if f.convex:
        return f
    n = len(f.c)
    every = [(j, k) for j in zeros.equations for k in range(n) if (j, k) not in set(zeros.own)]
    for products in (zeros.own, zeros.own + every):
        if len(products) * n * n > LARGEST:
            break
        for stays in _that_may_stay(n, n_xy):
            found = _replaced(f, zeros, products, stays)
            if found is not None:
                return found
    return None


def _that_may_stay(n: int, n_xy: int) -> Iterator[np.ndarray]:
    """Which products may be left over: none, squares, those of x and y."""
    yield np.zeros((n, n), bool)
    yield np.eye(n, dtype=bool)
    known = np.zeros((n, n), bool)
    known[:n_xy, :n_xy] = True
    yield known


def _replaced(f: Quadratic, zeros: Zeros, products: list[tuple[int, int]], stays: np.ndarray) -> Quadratic | None:
    n = len(f.c)
    hessians = np.zeros((len(products), n, n))
    for i, (j, k) in enumerate(products):
        hessians[i, :, k] += zeros.A[j]
        hessians[i, k, :] += zeros.A[j]
    flat = hessians.reshape(len(products), -1)
    gone = np.triu(~stays).ravel() & (f.H.ravel().astype(bool) | flat.any(axis=0))
    t = np.linalg.lstsq(flat[:, gone].T, -f.H.ravel()[gone], rcond=1e-12)[0]
    size = float(np.abs(f.H).max())
    H = f.H + np.tensordot(t, hessians, 1)
    left = np.where(stays, 0.0, H)
    if np.abs(left).max() > EXACT * size:
        return None
    H = np.where(stays & (np.abs(H) > ROUNDING * size), H, 0.0)
    if not is_convex(H):
        return None
    c = f.c.copy()
    for value, (j, k) in zip(t, products):
        c[k] += value * zeros.b[j]
    c[np.abs(c) <= ROUNDING * np.abs(c).max(initial=0.0)] = 0.0
    return Quadratic((H + H.T) / 2, c, f.constant)
