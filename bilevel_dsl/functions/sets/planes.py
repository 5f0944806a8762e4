"""Half-spaces, hyperplanes, affine sets."""

from __future__ import annotations

import casadi as ca

from ...model import sets
from ..linalg import orthonormal_rows
from ..select import all_of, any_of, either, norm
from .asked import Description, finite, inhabited, nlp_description, project, small, without_bounds


@project.register
def _(constraint_set: sets.Halfspace, v: ca.MX) -> ca.MX:
    # a = 0 with b >= 0 is the whole space
    a = constraint_set.a
    excess = ca.dot(a, v) - constraint_set.b
    return either(excess <= 0, v, v - a * (excess / ca.dot(a, a)))


@nlp_description.register
def _(constraint_set: sets.Halfspace, v: ca.MX) -> Description:
    return *without_bounds(v), [(ca.dot(constraint_set.a, v), -ca.inf, constraint_set.b)]


@inhabited.register
def _(constraint_set: sets.Halfspace) -> ca.MX:
    a, b = constraint_set.a, constraint_set.b
    return all_of(finite(a), finite(b), any_of(ca.sum1(ca.vec(ca.densify(a != 0))) > 0, b >= 0))


@project.register
def _(constraint_set: sets.Hyperplane, v: ca.MX) -> ca.MX:
    # a = 0 with b = 0 is the whole space
    a = constraint_set.a
    excess = ca.dot(a, v) - constraint_set.b
    return either(excess == 0, v, v - a * (excess / ca.dot(a, a)))


@nlp_description.register
def _(constraint_set: sets.Hyperplane, v: ca.MX) -> Description:
    return *without_bounds(v), [(ca.dot(constraint_set.a, v), constraint_set.b, constraint_set.b)]


@inhabited.register
def _(constraint_set: sets.Hyperplane) -> ca.MX:
    a, b = constraint_set.a, constraint_set.b
    return all_of(finite(a), finite(b), any_of(ca.sum1(ca.vec(ca.densify(a != 0))) > 0, b == 0))


@project.register
def _(constraint_set: sets.Affine, v: ca.MX) -> ca.MX:
    Q, b = affine_rows(constraint_set)
    return v - Q.T @ (Q @ v - b)


@nlp_description.register
def _(constraint_set: sets.Affine, v: ca.MX) -> Description:
    return *without_bounds(v), [(constraint_set.A @ v, constraint_set.b, constraint_set.b)]


@inhabited.register
def _(constraint_set: sets.Affine) -> ca.MX:
    # the projection drops rows that depend on others: whether their right-hand sides fit is seen at its value
    A, b = constraint_set.A, constraint_set.b
    nearest = project(constraint_set, ca.MX.zeros(constraint_set.size))
    return all_of(finite(A), finite(b), small(norm(A @ nearest - b), 1 + norm(b)))


def affine_rows(affine: sets.Affine) -> tuple[ca.MX, ca.MX]:
    """Q, c with { A v = b } = { Q v = c } and orthonormal rows of Q, zero where A has a redundant one."""
    return orthonormal_rows(affine.A, affine.b)
