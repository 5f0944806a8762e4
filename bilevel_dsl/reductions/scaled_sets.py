"""Constraint sets in other units: the set of all v / d for v in the set. Projections go along: P(v) / d = P'(v / d)."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch

import casadi as ca

from ..model.scaling import divided
from ..model.sets import Box, ConstraintSet, Intersection

ULP = 2.0**-52


@singledispatch
def scaled_set(own: ConstraintSet, factor: float) -> ConstraintSet:
    """The set divided by `factor`, see `Scaling`."""
    return replace(own, **{name: _divided(getattr(own, name), factor) for name in own.lengths}) if factor != 1 else own


@scaled_set.register
def _(own: Box, factor: float) -> ConstraintSet:
    """Rounded inward: factor * v is not outside the box by the last bit, where `sqrt(10 - x)` is no number."""
    if factor == 1:
        return own
    low, high = ca.MX(own.lower), ca.MX(own.upper)
    low, high = (
        _folded(v)
        for v in (_not_below(divided(low, factor), low, factor), -_not_below(-divided(high, factor), -high, factor))
    )
    return replace(own, lower=_folded(ca.fmin(low, high)), upper=high)


def _not_below(v: ca.MX, bound: ca.MX, factor: float) -> ca.MX:
    """v, or what is just above it, so that factor * v >= bound as doubles; an infinite bound stays."""
    return ca.if_else(factor * v < bound, v + 2 * ULP * ca.fabs(v), v)


@scaled_set.register
def _(own: Intersection, factor: float) -> ConstraintSet:
    return replace(own, first=scaled_set(own.first, factor), second=scaled_set(own.second, factor))


@singledispatch
def has_units(own: ConstraintSet) -> bool:
    """Whether the set may be had in other units."""
    return own.has_units


@has_units.register
def _(own: Intersection) -> bool:
    return has_units(own.first) and has_units(own.second)


def _divided(value: ca.MX, factor: float) -> ca.MX:
    return _folded(divided(ca.MX(value), factor))


def _folded(found: ca.MX) -> ca.MX:
    """A number where it depends on no data."""
    return found if ca.symvar(found) else ca.MX(ca.evalf(found))
