"""The Euclidean ball."""

from __future__ import annotations

import casadi as ca

from ...model import sets
from ..select import all_of, either, norm, nought
from .asked import Description, finite, inhabited, nlp_description, project, without_bounds


@project.register
def _(constraint_set: sets.Ball, v: ca.MX) -> ca.MX:
    away = v - constraint_set.center
    distance = norm(away)
    on_sphere = constraint_set.center + nought(away) + away * (constraint_set.radius / distance)  # radius 0: NaN too
    return either(distance <= constraint_set.radius, v, on_sphere)


@nlp_description.register
def _(constraint_set: sets.Ball, v: ca.MX) -> Description:
    radius = constraint_set.radius
    return *without_bounds(v), [(ca.sumsqr(v - constraint_set.center), -ca.inf, radius * radius)]


@inhabited.register
def _(constraint_set: sets.Ball) -> ca.MX:
    return all_of(constraint_set.radius >= 0, finite(constraint_set.center), finite(constraint_set.radius))
