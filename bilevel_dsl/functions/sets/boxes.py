"""Boxes, and all of space."""

from __future__ import annotations

import casadi as ca

from ...model import sets
from ..select import all_of, clip
from .asked import Description, column, finite, inhabited, nlp_description, project, something_between, without_bounds


@project.register
def _(constraint_set: sets.Free, v: ca.MX) -> ca.MX:
    return v


@nlp_description.register
def _(constraint_set: sets.Free, v: ca.MX) -> Description:
    return *without_bounds(v), []


@inhabited.register
def _(constraint_set: sets.Free) -> ca.MX:
    return ca.MX(1)


@project.register
def _(constraint_set: sets.Box, v: ca.MX) -> ca.MX:
    return clip(v, constraint_set.lower, constraint_set.upper)


@nlp_description.register
def _(constraint_set: sets.Box, v: ca.MX) -> Description:
    return column(constraint_set.lower, v), column(constraint_set.upper, v), []


@inhabited.register
def _(constraint_set: sets.Box) -> ca.MX:
    return something_between(constraint_set.lower, constraint_set.upper)


@project.register
def _(constraint_set: sets.LinfBall, v: ca.MX) -> ca.MX:
    return clip(v, constraint_set.center - constraint_set.radius, constraint_set.center + constraint_set.radius)


@nlp_description.register
def _(constraint_set: sets.LinfBall, v: ca.MX) -> Description:
    center, radius = constraint_set.center, constraint_set.radius
    return column(center - radius, v), column(center + radius, v), []


@inhabited.register
def _(constraint_set: sets.LinfBall) -> ca.MX:
    return all_of(constraint_set.radius >= 0, finite(constraint_set.center), finite(constraint_set.radius))
