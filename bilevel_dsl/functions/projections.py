"""The Euclidean projection onto each constraint set, one expression per set.

    project(S, v) = argmin { ||u - v||_2 : u in S }

Exact up to rounding: closed forms; finite active-set iterations for sets with a sum; spectral
decompositions for matrix sets. NaN in v comes out as NaN: fmin, fmax, mmax and norm_inf swallow it
and are not used. What the projection onto an empty set is, is not defined (refused earlier).
"""

from __future__ import annotations

from functools import singledispatch

import casadi as ca

from ..model import sets
from .control import repeat_while
from .linalg import eigh, orthonormal_rows
from .select import either, norm, nought


@singledispatch
def project(constraint_set: sets.ConstraintSet, v: ca.MX) -> ca.MX:
    """The point of the set nearest to v, both columns of `constraint_set.size`.

    Raises:
        TypeError: no projection is known for this class of set.
    """
    raise TypeError(f"no projection onto {type(constraint_set).__name__}")


@project.register
def _(constraint_set: sets.Free, v: ca.MX) -> ca.MX:
    return v


@project.register
def _(constraint_set: sets.Box, v: ca.MX) -> ca.MX:
    return clip(v, constraint_set.lower, constraint_set.upper)


@project.register
def _(constraint_set: sets.LinfBall, v: ca.MX) -> ca.MX:
    return clip(v, constraint_set.center - constraint_set.radius, constraint_set.center + constraint_set.radius)


@project.register
def _(constraint_set: sets.Simplex, v: ca.MX) -> ca.MX:
    return project_capped(v, constraint_set.total)


@project.register
def _(constraint_set: sets.CappedSimplex, v: ca.MX) -> ca.MX:
    return project_capped(v, constraint_set.k, cap=1)


@project.register
def _(constraint_set: sets.Ball, v: ca.MX) -> ca.MX:
    away = v - constraint_set.center
    distance = norm(away)
    on_sphere = constraint_set.center + nought(away) + away * (constraint_set.radius / distance)  # radius 0: NaN too
    return either(distance <= constraint_set.radius, v, on_sphere)


@project.register
def _(constraint_set: sets.L1Ball, v: ca.MX) -> ca.MX:
    # v and P(v) have the same signs, and |P(v)| is the projection of |v| onto the simplex
    size, radius = ca.fabs(v), constraint_set.radius
    outside = ca.logic_not(ca.sum1(size) <= radius)  # also if it is NaN
    shrunk = project_capped(size, radius, needed=outside)
    return either(outside, ca.if_else(v < 0, -shrunk, shrunk), v)


@project.register
def _(constraint_set: sets.Halfspace, v: ca.MX) -> ca.MX:
    # a = 0 with b >= 0 is the whole space
    a = constraint_set.a
    excess = ca.dot(a, v) - constraint_set.b
    return either(excess <= 0, v, v - a * (excess / ca.dot(a, a)))


@project.register
def _(constraint_set: sets.Hyperplane, v: ca.MX) -> ca.MX:
    # a = 0 with b = 0 is the whole space
    a = constraint_set.a
    excess = ca.dot(a, v) - constraint_set.b
    return either(excess == 0, v, v - a * (excess / ca.dot(a, a)))


@project.register
def _(constraint_set: sets.Affine, v: ca.MX) -> ca.MX:
    Q, b = affine_rows(constraint_set)
    return v - Q.T @ (Q @ v - b)


@project.register
def _(constraint_set: sets.SecondOrderCone, v: ca.MX) -> ca.MX:
    n = constraint_set.size
    z, t = ca.vertsplit(v, [0, n - 1, n])
    length = norm(z) if n > 1 else nought(t)
    on_boundary = 0.5 * (length + t)
    nearest = ca.vertcat(z * (on_boundary / length), on_boundary)
    return either(length <= t, v, either(length <= -t, nought(v), nearest))


@project.register
def _(constraint_set: sets.Psd, v: ca.MX) -> ca.MX:
    return project_spectrum(v, constraint_set.n, 0, ca.inf)


@project.register
def _(constraint_set: sets.Spectral, v: ca.MX) -> ca.MX:
    return project_spectrum(v, constraint_set.n, constraint_set.lower, constraint_set.upper)


@project.register
def _(constraint_set: sets.Intersection, v: ca.MX) -> ca.MX:
    return project(constraint_set.second, project(constraint_set.first, v))


@project.register
def _(constraint_set: sets.Product, v: ca.MX) -> ca.MX:
    ends = [0]
    for factor in constraint_set.factors:
        ends.append(ends[-1] + factor.size)
    parts = ca.vertsplit(v, ends) if constraint_set.factors else []
    return ca.vertcat(*[project(factor, part) for factor, part in zip(constraint_set.factors, parts)])


# --- the pieces -----------------------------------------------------------------------------------


def clip(v: ca.MX, low: ca.MX, high: ca.MX) -> ca.MX:
    """min(max(v, low), high) entry by entry, NaN where v is NaN; bounds may be infinite."""
    return ca.if_else(v < low, low, ca.if_else(v > high, high, v))


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


def positive(v: ca.MX) -> ca.MX:
    """max(v, 0), NaN where v is NaN."""
    return ca.if_else(v < 0, 0, v)


def project_spectrum(v: ca.MX, n: int, low: ca.MX, high: ca.MX) -> ca.MX:
    """U diag(clip(e, low, high)) U' of the symmetric part U diag(e) U' of the matrix v."""
    V = ca.reshape(v, n, n)
    e, U = eigh(0.5 * (V + V.T))
    half = U @ (ca.repmat(clip(e, low, high), 1, n) * U.T)
    return ca.vec(0.5 * (half + half.T))


def affine_rows(affine: sets.Affine) -> tuple[ca.MX, ca.MX]:
    """Q, c with { A v = b } = { Q v = c } and orthonormal rows of Q, zero where A has a redundant one."""
    return orthonormal_rows(affine.A, affine.b)
