"""Constraint sets as bounds and smooth rows, for a nonlinear programming solver.

Another description than the projections, so that what is certified does not rest on them.
"""

from __future__ import annotations

from functools import singledispatch
from itertools import product

import casadi as ca

from ..model import sets

Row = tuple[ca.MX, ca.MX | float, ca.MX | float]  # lb <= expression <= ub
Description = tuple[ca.MX, ca.MX, list[Row]]  # lbx <= v <= ubx (columns), and rows

SIGN_LIMIT = 6  # entries up to which an l1 ball is written as its 2^n faces


@singledispatch
def nlp_description(constraint_set: sets.ConstraintSet, v: ca.MX) -> Description | None:
    """(lbx, ubx, [(expression of v, lb, ub), ...]) of the set, or None: it has no smooth description."""
    return None


@nlp_description.register
def _(constraint_set: sets.Free, v: ca.MX) -> Description:
    return _free(v)


@nlp_description.register
def _(constraint_set: sets.Box, v: ca.MX) -> Description:
    return _column(constraint_set.lower, v), _column(constraint_set.upper, v), []


@nlp_description.register
def _(constraint_set: sets.LinfBall, v: ca.MX) -> Description:
    center, radius = constraint_set.center, constraint_set.radius
    return _column(center - radius, v), _column(center + radius, v), []


@nlp_description.register
def _(constraint_set: sets.Simplex, v: ca.MX) -> Description:
    total = constraint_set.total
    return _column(0, v), _column(ca.inf, v), [(ca.sum1(v), total, total)]


@nlp_description.register
def _(constraint_set: sets.CappedSimplex, v: ca.MX) -> Description:
    return _column(0, v), _column(1, v), [(ca.sum1(v), constraint_set.k, constraint_set.k)]


@nlp_description.register
def _(constraint_set: sets.Ball, v: ca.MX) -> Description:
    radius = constraint_set.radius
    return *_free(v)[:2], [(ca.sumsqr(v - constraint_set.center), -ca.inf, radius * radius)]


@nlp_description.register
def _(constraint_set: sets.L1Ball, v: ca.MX) -> Description:
    """All sign patterns for few entries: smooth. More: the sum of |v[i]|, which has kinks at 0."""
    radius = constraint_set.radius
    bounds = _column(-radius, v), _column(radius, v)
    if v.numel() > SIGN_LIMIT:
        return *bounds, [(ca.sum1(ca.fabs(v)), -ca.inf, radius)]
    signs = ca.DM(list(product([-1.0, 1.0], repeat=v.numel())))
    return *bounds, [(ca.MX(signs) @ v, -ca.inf, radius)]


@nlp_description.register
def _(constraint_set: sets.Halfspace, v: ca.MX) -> Description:
    return *_free(v)[:2], [(ca.dot(constraint_set.a, v), -ca.inf, constraint_set.b)]


@nlp_description.register
def _(constraint_set: sets.Hyperplane, v: ca.MX) -> Description:
    return *_free(v)[:2], [(ca.dot(constraint_set.a, v), constraint_set.b, constraint_set.b)]


@nlp_description.register
def _(constraint_set: sets.Affine, v: ca.MX) -> Description:
    return *_free(v)[:2], [(constraint_set.A @ v, constraint_set.b, constraint_set.b)]


@nlp_description.register
def _(constraint_set: sets.SecondOrderCone, v: ca.MX) -> Description:
    """Squared, with the last entry not negative: smooth, also at the apex."""
    n = v.numel()
    lower = ca.MX(ca.DM([-ca.inf] * (n - 1) + [0]))
    return lower, _column(ca.inf, v), [(ca.sumsqr(v[: n - 1]) - v[n - 1] ** 2, -ca.inf, 0)] if n > 1 else []


@nlp_description.register
def _(constraint_set: sets.Intersection, v: ca.MX) -> Description | None:
    parts = [nlp_description(part, v) for part in (constraint_set.first, constraint_set.second)]
    if any(part is None for part in parts):
        return None
    (low1, high1, rows1), (low2, high2, rows2) = parts
    return ca.fmax(low1, low2), ca.fmin(high1, high2), rows1 + rows2


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


def _free(v: ca.MX) -> Description:
    return _column(-ca.inf, v), _column(ca.inf, v), []


def _column(value, v: ca.MX) -> ca.MX:
    value = ca.densify(ca.MX(value))
    return ca.vec(value) if value.numel() == v.numel() else ca.repmat(value, v.numel(), 1)
