"""A set and a half-space: the projection onto Z with a's <= b, and the linear minimisation over it, by one multiplier.

    s(mu) = P_Z( v - mu a )          or          s(mu) = argmin over Z of <v + mu a, s>

<a, s(mu)> falls in mu. If s(0) is in the half-space it is the answer; else mu is bracketed and halved, one evaluation a
pass, and the answer is the convex combination of the two ends that lies on its boundary: exact where s is a vertex that
jumps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch

import casadi as ca

from ...functions.select import all_of, any_of, either, norm
from ...model import sets
from ...model.bounds import with_bounds
from ...model.problem import Problem
from ..card import Need, Refusal
from ..flow import Method

PASSES = 120


class Cut:
    """`point` and `mu` in slots, and the loop that finds them."""

    def __init__(self, m: Method, name: str):
        self.m, self.name, n = m, name, m.oracles.ny
        for field in ("v", "a", "point", "inside"):
            m.slot(f"{name}_{field}", n, "of the set with the cut")
        for field in ("b", "low", "high", "passes", "try"):
            m.slot(f"{name}_{field}", 1, "of the multiplier of the cut")

    def _at(self, field: str) -> ca.MX:
        return self.m.read(f"{self.name}_{field}")

    def _set(self, **fields: ca.MX | float) -> None:
        self.m.assign({f"{self.name}_{k}": v for k, v in fields.items()})

    @property
    def point(self) -> ca.MX:
        return self._at("point")

    def solve(self, oracle: Callable[[ca.MX, ca.MX, ca.MX], ca.MX], v: ca.MX, a: ca.MX, b: ca.MX) -> None:
        """`point` = s(mu) on Z with a's <= b; oracle: (v, a, mu) -> s(mu)."""
        m, first = self.m, oracle(v, a, ca.MX(0))
        unit = (1 + norm(v)) / ca.fmax(norm(a), 1e-300)
        self._set(v=v, a=a, b=b, point=first, inside=first, low=0, high=0, passes=0)
        self._set(**{"try": unit})
        with m.when(ca.dot(a, first) > b, f"{self.name}_cuts"):
            with m.loop(self.name) as until:
                mu, low, high = self._at("try"), self._at("low"), self._at("high")
                s = oracle(self._at("v"), self._at("a"), mu)
                inside = ca.dot(self._at("a"), s) <= self._at("b")
                low, high = either(inside, low, mu), either(inside, mu, high)
                self._set(low=low, high=high, passes=self._at("passes") + 1)
                self._set(point=either(inside, self.point, s), inside=either(inside, s, self._at("inside")))
                self._set(**{"try": either(high > 0, (low + high) / 2, 4 * mu)})
                narrow = all_of(high > 0, high - low <= 1e-15 * high)
                until(any_of(narrow, self._at("passes") >= PASSES))
            # from the end outside, in `point`, to the one inside
            over = ca.dot(self._at("a"), self.point) - self._at("b")
            under = self._at("b") - ca.dot(self._at("a"), self._at("inside"))
            weight = either(self._at("high") > 0, over / ca.fmax(over + under, 1e-300), 0)
            self._set(point=self.point + weight * (self._at("inside") - self.point))


# --- linear minimisation ---------------------------------------------------------------------------


@singledispatch
def vertex(constraint_set: sets.ConstraintSet, c: ca.MX) -> ca.MX:
    """argmin of <c, s> over a bounded set.

    Raises:
        TypeError: it is not known for this class of set.
    """
    raise TypeError(type(constraint_set).__name__)


@vertex.register
def _(constraint_set: sets.Box, c: ca.MX) -> ca.MX:
    return ca.if_else(c > 0, constraint_set.lower, constraint_set.upper)


@vertex.register
def _(constraint_set: sets.LinfBall, c: ca.MX) -> ca.MX:
    return constraint_set.center + ca.if_else(c > 0, -constraint_set.radius, constraint_set.radius)


@vertex.register
def _(constraint_set: sets.Ball, c: ca.MX) -> ca.MX:
    return constraint_set.center - constraint_set.radius * c / ca.fmax(norm(c), 1e-300)


@vertex.register
def _(constraint_set: sets.Simplex, c: ca.MX) -> ca.MX:
    least = c == ca.mmin(c)
    return constraint_set.total * least / ca.sum1(least)


@vertex.register
def _(constraint_set: sets.L1Ball, c: ca.MX) -> ca.MX:
    largest = ca.fabs(c) == ca.mmax(ca.fabs(c))
    return -constraint_set.radius * largest * ca.sign(c) / ca.sum1(largest)


@vertex.register
def _(constraint_set: sets.Product, c: ca.MX) -> ca.MX:
    ends = [0]
    for factor in constraint_set.factors:
        ends.append(ends[-1] + factor.size)
    return ca.vertcat(*[vertex(factor, part) for factor, part in zip(constraint_set.factors, ca.vertsplit(c, ends))])


def _unbounded(problem: Problem) -> list[Refusal]:
    for v in with_bounds(problem).lower_variables:
        if not isinstance(v.set, (sets.Box, sets.LinfBall, sets.Ball, sets.Simplex, sets.L1Ball)):
            kind = "no constraint set" if isinstance(v.set, sets.Free) else "a set over which it is not known"
            return [Refusal(f"linear minimisation over a bounded set is needed, and `{v.name}` has {kind}", v.span)]
        if isinstance(v.set, sets.Box):
            limits = ca.densify(ca.vertcat(v.set.lower, v.set.upper))
            if not ca.symvar(limits) and not all(abs(float(e)) < float("inf") for e in ca.evalf(limits).elements()):
                return [Refusal(f"linear minimisation over a bounded set is needed, and `{v.name}` is not bounded", v.span)]
    return []


BOUNDED = Need("a bounded set: intervals, ball, linfball, l1ball or simplex", _unbounded)
