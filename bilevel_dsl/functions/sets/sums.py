"""Sets with a bound on a sum: simplices, the l1 ball."""

from __future__ import annotations

from itertools import product

import casadi as ca

from ...model import sets
from ..control import repeat_while
from ..select import all_of, clip, either, nought, positive
from .asked import Description, column, finite, inhabited, nlp_description, project

SIGN_LIMIT = 6  # entries up to which an l1 ball is written as its 2^n faces


@project.register
def _(constraint_set: sets.Simplex, v: ca.MX) -> ca.MX:
    return project_capped(v, constraint_set.total)


@nlp_description.register
def _(constraint_set: sets.Simplex, v: ca.MX) -> Description:
    total = constraint_set.total
    return column(0, v), column(ca.inf, v), [(ca.sum1(v), total, total)]


@inhabited.register
def _(constraint_set: sets.Simplex) -> ca.MX:
    return all_of(constraint_set.total >= 0, constraint_set.total < ca.inf)


@project.register
def _(constraint_set: sets.CappedSimplex, v: ca.MX) -> ca.MX:
    return project_capped(v, constraint_set.k, cap=1)


@nlp_description.register
def _(constraint_set: sets.CappedSimplex, v: ca.MX) -> Description:
    return column(0, v), column(1, v), [(ca.sum1(v), constraint_set.k, constraint_set.k)]


@inhabited.register
def _(constraint_set: sets.CappedSimplex) -> ca.MX:
    return all_of(constraint_set.k >= 0, constraint_set.k <= constraint_set.size)


@project.register
def _(constraint_set: sets.L1Ball, v: ca.MX) -> ca.MX:
    # v and P(v) have the same signs, and |P(v)| is the projection of |v| onto the simplex
    size, radius = ca.fabs(v), constraint_set.radius
    outside = ca.logic_not(ca.sum1(size) <= radius)  # also if it is NaN
    shrunk = project_capped(size, radius, needed=outside)
    return either(outside, ca.if_else(v < 0, -shrunk, shrunk), v)


@nlp_description.register
def _(constraint_set: sets.L1Ball, v: ca.MX) -> Description:
    """All sign patterns for few entries: smooth. More: the sum of |v[i]|, which has kinks at 0."""
    radius = constraint_set.radius
    bounds = column(-radius, v), column(radius, v)
    if v.numel() > SIGN_LIMIT:
        return *bounds, [(ca.sum1(ca.fabs(v)), -ca.inf, radius)]
    signs = ca.DM(list(product([-1.0, 1.0], repeat=v.numel())))
    return *bounds, [(ca.MX(signs) @ v, -ca.inf, radius)]


@inhabited.register
def _(constraint_set: sets.L1Ball) -> ca.MX:
    return all_of(constraint_set.radius >= 0, finite(constraint_set.radius))


# --- projections onto sums ---------------------------------------------------------------------------


def project_capped(v: ca.MX, total: ca.MX, cap: float | None = None, needed: ca.MX | None = None) -> ca.MX:
    """The projection onto { 0 <= u <= cap, sum(u) = total }; no cap: the scaled simplex.

    u = clip(v - t, 0, cap) for the one t that gives the sum. Variable fixing: solve for t on the free
    entries as if they had no bounds; if the entries that then exceed the cap do so by more, all in all, than the
    others fall below 0, t is too large for them, and they are at the cap in the solution; else those below are
    at 0. At most n passes, a handful in practice, with no sorting.

    Michelot (1986); Bitran and Hax (1981); Kiwiel (2008).

    Args:
        needed: a condition; if it does not hold, no pass is made and the value is of no use.
    """
    n = v.numel()
    go = ca.MX(1) if needed is None else needed
    # low: entries v <= low are at 0; high: entries v - cap >= high are at the cap
    state = ca.vertcat(go, -ca.inf, ca.inf, ca.sum1(v - total / n) / n, n)
    low, high, t = ca.vertsplit(repeat_while(_fixing(n, cap), n)(state, v, total))[1:4]
    free, capped = _partition(v, low, high, cap)
    # a last correction of t on the final free entries makes the sum exact to rounding
    shifted = v - t
    count = ca.sum1(free)
    excess = ca.sum1(free * shifted) - (total - (0 if cap is None else cap * ca.sum1(capped)))
    inside = positive(shifted - either(count > 0, excess / count, 0 * t))
    if cap is None:
        value = ca.if_else(v > low, inside, nought(v))
        return either(total == 0, nought(v), value)
    value = ca.if_else(capped, cap + nought(v), ca.if_else(v > low, clip(inside, 0, cap), nought(v)))
    return either(total == 0, nought(v), either(total == n * cap, cap + nought(v), value))


def _fixing(n: int, cap: float | None) -> ca.Function:
    """One pass of variable fixing; the state is (go on, low, high, t, number of free entries)."""
    state, v, total = ca.MX.sym("state", 5), ca.MX.sym("v", n), ca.MX.sym("total")
    _, low, high, t, before = ca.vertsplit(state)
    free, _ = _partition(v, low, high, cap)
    shifted = v - t
    below = -ca.sum1(free * (shifted < 0) * shifted)
    if cap is None:
        low = either(below > 0, t, low)
    else:
        above = ca.sum1(free * (shifted > cap) * (shifted - cap))
        low, high = either(below >= above, t, low), either(above >= below, t, high)
    free, capped = _partition(v, low, high, cap)
    count = ca.sum1(free)
    # Newton's form of the sum over the free entries: no cancellation when v is far from 0
    excess = ca.sum1(free * shifted) - (total - (0 if cap is None else cap * ca.sum1(capped)))
    go = ca.logic_and(count < before, count > 0)
    t = either(go, t + excess / count, t)
    return ca.Function("fixing", [state, v, total], [ca.vertcat(go, low, high, t, count)], {"never_inline": True})


def _partition(v: ca.MX, low: ca.MX, high: ca.MX, cap: float | None) -> tuple[ca.MX, ca.MX]:
    """Which entries are free, and which are at the cap, as 0 and 1."""
    if cap is None:
        return v > low, 0 * v
    capped = v - cap >= high
    return ca.logic_and(v > low, ca.logic_not(capped)), capped
