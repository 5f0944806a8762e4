"""Several sets: the intersection of two, and one for each variable."""

from __future__ import annotations

import casadi as ca

from ...model import sets
from ..select import all_of, norm
from .asked import Description, inhabited, nlp_description, project, small


@project.register
def _(constraint_set: sets.Intersection, v: ca.MX) -> ca.MX:
    return project(constraint_set.second, project(constraint_set.first, v))


@nlp_description.register
def _(constraint_set: sets.Intersection, v: ca.MX) -> Description | None:
    first, second = nlp_description(constraint_set.first, v), nlp_description(constraint_set.second, v)
    if first is None or second is None:
        return None
    (low1, high1, rows1), (low2, high2, rows2) = first, second
    return ca.fmax(low1, low2), ca.fmin(high1, high2), rows1 + rows2


@inhabited.register
def _(constraint_set: sets.Intersection) -> ca.MX:
    # the joint projection gives a point of both wherever there is one
    point = project(constraint_set, ca.MX.zeros(constraint_set.size))
    away = norm(project(constraint_set.first, point) - point)
    return all_of(inhabited(constraint_set.first), inhabited(constraint_set.second), small(away, 1 + norm(point)))


@project.register
def _(constraint_set: sets.Product, v: ca.MX) -> ca.MX:
    ends = [0]
    for factor in constraint_set.factors:
        ends.append(ends[-1] + factor.size)
    parts = ca.vertsplit(v, ends) if constraint_set.factors else []
    return ca.vertcat(*[project(factor, part) for factor, part in zip(constraint_set.factors, parts)])


@nlp_description.register
def _(constraint_set: sets.Product, v: ca.MX) -> Description | None:
    ends = [0]
    for factor in constraint_set.factors:
        ends.append(ends[-1] + factor.size)
    parts = [nlp_description(factor, v[a:b]) for factor, a, b in zip(constraint_set.factors, ends, ends[1:])]
    if any(part is None for part in parts):
        return None
    lows, highs, rows = zip(*parts) if parts else ((), (), ())
    return ca.vertcat(*lows), ca.vertcat(*highs), [row for several in rows for row in several]


@inhabited.register
def _(constraint_set: sets.Product) -> ca.MX:
    return all_of(ca.MX(1), *map(inhabited, constraint_set.factors))
