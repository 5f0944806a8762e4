"""Constraint sets in other units: the set of all v / d for v in the set. Projections go along: P(v) / d = P'(v / d)."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch

import casadi as ca

from ..model.scaling import divided
from ..model.sets import ConstraintSet, Intersection


@singledispatch
def scaled_set(own: ConstraintSet, factor: float) -> ConstraintSet:
    """The set divided by `factor`, see `Scaling`."""
    return replace(own, **{name: _divided(getattr(own, name), factor) for name in own.lengths}) if factor != 1 else own


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
    found = divided(ca.MX(value), factor)
    return found if ca.symvar(found) else ca.MX(ca.evalf(found))
