"""Constraint sets: data only. The projection onto each is in `functions/projections.py`.

Set data are CasADi expressions of parameters, with the shape of the variable they bound
(or scalar where a scalar is meant); `size` is the number of entries of the variable,
`shape` its CasADi shape. Matrices are flattened by columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca


@dataclass(frozen=True, eq=False)
class ConstraintSet:
    size: int


@dataclass(frozen=True, eq=False)
class Free(ConstraintSet):
    pass


@dataclass(frozen=True, eq=False)
class Box(ConstraintSet):
    """lower <= v <= upper, columns of `size`; entries may be -inf or inf. Also [l, u], nonneg."""

    lower: ca.MX
    upper: ca.MX


@dataclass(frozen=True, eq=False)
class Simplex(ConstraintSet):
    """v >= 0, sum(v) == total (total >= 0)."""

    total: ca.MX


@dataclass(frozen=True, eq=False)
class CappedSimplex(ConstraintSet):
    """0 <= v <= 1, sum(v) == k (0 <= k <= size)."""

    k: ca.MX


@dataclass(frozen=True, eq=False)
class Ball(ConstraintSet):
    """||v - center||_2 <= radius."""

    center: ca.MX
    radius: ca.MX


@dataclass(frozen=True, eq=False)
class L1Ball(ConstraintSet):
    """||v||_1 <= radius."""

    radius: ca.MX


@dataclass(frozen=True, eq=False)
class LinfBall(ConstraintSet):
    """max |v - center| <= radius."""

    center: ca.MX
    radius: ca.MX


@dataclass(frozen=True, eq=False)
class Halfspace(ConstraintSet):
    """a'v <= b."""

    a: ca.MX
    b: ca.MX


@dataclass(frozen=True, eq=False)
class Hyperplane(ConstraintSet):
    """a'v == b."""

    a: ca.MX
    b: ca.MX


@dataclass(frozen=True, eq=False)
class Affine(ConstraintSet):
    """A v == b."""

    A: ca.MX
    b: ca.MX


@dataclass(frozen=True, eq=False)
class SecondOrderCone(ConstraintSet):
    """||v[0:n-1]||_2 <= v[n-1]: the last entry bounds the norm of the others."""


@dataclass(frozen=True, eq=False)
class Psd(ConstraintSet):
    """Symmetric positive semidefinite n by n; size is n^2."""

    n: int


@dataclass(frozen=True, eq=False)
class Spectral(ConstraintSet):
    """Symmetric n by n with eigenvalues in [lower, upper]; size is n^2."""

    n: int
    lower: ca.MX
    upper: ca.MX


@dataclass(frozen=True, eq=False)
class Intersection(ConstraintSet):
    """Two sets whose joint projection is exact: `first` then `second`, in this order."""

    first: ConstraintSet
    second: ConstraintSet


@dataclass(frozen=True, eq=False)
class Product(ConstraintSet):
    """One set per variable, stacked."""

    factors: tuple[ConstraintSet, ...]
