"""Constraint sets: data, how they are made of the arguments in a model, and which data have the units of the variable.

What solvers need of a set, its projection and other descriptions, is in `functions/sets/`.
Set data are CasADi expressions of parameters, with the shape of the variable they bound (or scalar where a scalar is meant);
matrices are flattened by columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import casadi as ca


@dataclass(frozen=True, eq=False)
class ConstraintSet:
    """A set of columns of `size` entries.

    Attributes:
        lengths: the data in the units of the variable: the set of all v / d for v in the set has these divided by d. A cone
            has none, and is the same in all units.
        has_units: whether it may be had in other units.
    """

    size: int
    lengths: ClassVar[tuple[str, ...]] = ()
    has_units: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class Free(ConstraintSet):
    pass


@dataclass(frozen=True, eq=False)
class Box(ConstraintSet):
    """lower <= v <= upper, columns of `size`; entries may be -inf or inf. Also [l, u], nonneg."""

    lower: ca.MX
    upper: ca.MX
    lengths: ClassVar[tuple[str, ...]] = ("lower", "upper")


@dataclass(frozen=True, eq=False)
class Simplex(ConstraintSet):
    """v >= 0, sum(v) == total (total >= 0)."""

    total: ca.MX
    lengths: ClassVar[tuple[str, ...]] = ("total",)


@dataclass(frozen=True, eq=False)
class CappedSimplex(ConstraintSet):
    """0 <= v <= 1, sum(v) == k (0 <= k <= size)."""

    k: ca.MX
    has_units: ClassVar[bool] = False  # 0 <= v <= 1 is about pure numbers


@dataclass(frozen=True, eq=False)
class Ball(ConstraintSet):
    """||v - center||_2 <= radius."""

    center: ca.MX
    radius: ca.MX
    lengths: ClassVar[tuple[str, ...]] = ("center", "radius")


@dataclass(frozen=True, eq=False)
class L1Ball(ConstraintSet):
    """||v||_1 <= radius."""

    radius: ca.MX
    lengths: ClassVar[tuple[str, ...]] = ("radius",)


@dataclass(frozen=True, eq=False)
class LinfBall(ConstraintSet):
    """max |v - center| <= radius."""

    center: ca.MX
    radius: ca.MX
    lengths: ClassVar[tuple[str, ...]] = ("center", "radius")


@dataclass(frozen=True, eq=False)
class Halfspace(ConstraintSet):
    """a'v <= b."""

    a: ca.MX
    b: ca.MX
    lengths: ClassVar[tuple[str, ...]] = ("b",)


@dataclass(frozen=True, eq=False)
class Hyperplane(ConstraintSet):
    """a'v == b."""

    a: ca.MX
    b: ca.MX
    lengths: ClassVar[tuple[str, ...]] = ("b",)


@dataclass(frozen=True, eq=False)
class Affine(ConstraintSet):
    """A v == b."""

    A: ca.MX
    b: ca.MX
    lengths: ClassVar[tuple[str, ...]] = ("b",)


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
    lengths: ClassVar[tuple[str, ...]] = ("lower", "upper")


@dataclass(frozen=True, eq=False)
class Intersection(ConstraintSet):
    """Two sets whose joint projection is exact: `first` then `second`, in this order."""

    first: ConstraintSet
    second: ConstraintSet


@dataclass(frozen=True, eq=False)
class Product(ConstraintSet):
    """One set per variable, stacked."""

    factors: tuple[ConstraintSet, ...]


# --- sets of a model --------------------------------------------------------------------------------

Shape = tuple[int, ...]
MADE: dict[str, Callable[..., ConstraintSet]] = {  # by name, of the shape of the variable and the arguments, dense
    "free": lambda shape: Free(prod(shape)),
    "nonneg": lambda shape: Box(prod(shape), ca.MX.zeros(prod(shape)), ca.MX(ca.DM([ca.inf] * prod(shape)))),
    "box": lambda shape, low, high: Box(prod(shape), _full(low, shape), _full(high, shape)),
    "integer": lambda shape, low, high: Box(prod(shape), _full(low, shape), _full(high, shape)),
    "binary": lambda shape: Box(prod(shape), ca.MX.zeros(prod(shape)), ca.MX(ca.DM.ones(prod(shape)))),
    "simplex": lambda shape, total: Simplex(prod(shape), total),
    "capped_simplex": lambda shape, k: CappedSimplex(prod(shape), k),
    "ball": lambda shape, center, radius: Ball(prod(shape), _full(center, shape), radius),
    "l1ball": lambda shape, radius: L1Ball(prod(shape), radius),
    "linfball": lambda shape, center, radius: LinfBall(prod(shape), _full(center, shape), radius),
    "halfspace": lambda shape, a, b: Halfspace(prod(shape), _full(a, shape), b),
    "hyperplane": lambda shape, a, b: Hyperplane(prod(shape), _full(a, shape), b),
    "affine": lambda shape, A, b: Affine(prod(shape), A, ca.vec(b)),
    "soc": lambda shape: SecondOrderCone(prod(shape)),
    "psd": lambda shape: Psd(prod(shape), shape[0]),
    "spectral": lambda shape, low, high: Spectral(prod(shape), shape[0], low, high),
}


def made(name: str, shape: Shape, arguments: list[ca.MX]) -> ConstraintSet:
    """The set of a variable of this shape that is called `name` in a model."""
    return MADE[name](shape, *arguments)


def _full(value: ca.MX, shape: Shape) -> ca.MX:
    """A column for all entries, of an array or of one number for all."""
    n = prod(shape)
    return ca.vec(value) if value.numel() == n else ca.repmat(value, n, 1)
