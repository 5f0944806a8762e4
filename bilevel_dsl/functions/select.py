"""Choosing and measuring without losing NaN."""

from __future__ import annotations

from functools import reduce

import casadi as ca

Value = ca.MX | float


def either(condition: Value, yes: Value, no: Value) -> ca.MX:
    """`yes` where the scalar condition holds, else `no`; the other one may be NaN."""
    return ca.if_else(condition, yes, no)


def norm(v: ca.MX) -> ca.MX:
    """Euclidean norm. CasADi's norm_inf and mmax swallow NaN; a sum of squares does not."""
    return ca.sqrt(ca.dot(v, v))


def at_least(v: ca.MX, floor: float | ca.MX) -> ca.MX:
    """max(v, floor), NaN if v is NaN."""
    return either(v < floor, floor, v)


def nought(v: ca.MX) -> ca.MX:
    """0 entry by entry, NaN where v is NaN. (CasADi simplifies 0 * v to zeros.)"""
    return ca.if_else(v < 0, 0, ca.if_else(v > 0, 0, v))


def per_length(value: ca.MX, point: ca.MX) -> ca.MX:
    """max(1, |value| / (1 + |point|)): what a gradient is held against.

    Not |value| alone: along a ray on which a function falls without end, its gradient would look ever smaller.
    """
    return ca.fmax(1, ca.fabs(value) / (1 + norm(point)))


def all_of(*conditions: ca.MX) -> ca.MX:
    return reduce(ca.logic_and, conditions)


def any_of(*conditions: ca.MX) -> ca.MX:
    return reduce(ca.logic_or, conditions)


def clip(v: ca.MX, low: Value, high: Value) -> ca.MX:
    """min(max(v, low), high) entry by entry, NaN where v is NaN; bounds may be infinite."""
    return ca.if_else(v < low, low, ca.if_else(v > high, high, v))


def positive(v: ca.MX) -> ca.MX:
    """max(v, 0), NaN where v is NaN."""
    return ca.if_else(v < 0, 0, v)
