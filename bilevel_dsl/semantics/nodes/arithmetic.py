"""Arithmetic of intervals as pairs of numbers: for the advice of `check --pedantic`, so nothing is rounded outward."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Interval = tuple[float, float]
Rule = Callable[..., Interval]  # of a node and the intervals of its arguments
EVERYTHING = (-np.inf, np.inf)


def increasing(f: Callable[[float], float]) -> Rule:
    """The rule of an increasing function of one argument."""
    return lambda n, a: (f(a[0]), f(a[1]))


def together(n, *parts: Interval) -> Interval:
    """The rule of what only gathers entries."""
    return min(low for low, _ in parts), max(high for _, high in parts)


def hull(values) -> Interval:
    """Between which numbers the entries of an array lie."""
    values = np.asarray(values)
    return (values.min(), values.max()) if values.size and not np.isnan(values).any() else EVERYTHING


def products(a: Interval, b: Interval) -> Interval:
    ends = [0.0 if 0 in (u, v) else u * v for u in a for v in b]
    return min(ends), max(ends)


def times(count: float, a: Interval) -> Interval:
    return products((count, count), a)


def square(a: Interval) -> Interval:
    ends = [u * u for u in a]
    return (0.0 if a[0] <= 0 <= a[1] else min(ends)), max(ends)


def magnitude(a: Interval) -> Interval:
    ends = [abs(u) for u in a]
    return (0.0 if a[0] <= 0 <= a[1] else min(ends)), max(ends)
