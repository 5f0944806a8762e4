"""Arithmetic of intervals, rounded outward.

An interval is an array `(..., 2, B)`, low above high, for B boxes. Infinite ends mean "as far as you like". The true
value of an operation, at all numbers in the intervals, is inside of the result.

Source: R. E. Moore, R. B. Kearfott, M. J. Cloud, Introduction to Interval Analysis, SIAM 2009.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

OUT = np.array([[-np.inf], [np.inf]])
SIGN = np.array([[-1.0], [1.0]])
WHOLE = np.array([[-np.inf], [np.inf]])
_LARGEST = float(np.finfo(float).max)
_TINY = 3e-308  # the smallest normal number, with a margin


def outward(v: np.ndarray) -> np.ndarray:
    """After an operation that is rounded correctly: one unit in the last place. A 0 is exact (not so of products)."""
    further = np.nextafter(v, OUT)
    return further if np.count_nonzero(v) == v.size else np.where(v == 0.0, 0.0, further)


def widened(v: np.ndarray, absolute: float = _TINY) -> np.ndarray:
    """After a function of the mathematical library: four units in the last place, and more."""
    v = np.nextafter(v, OUT)
    return v + SIGN * (np.abs(v) * 1e-15 + absolute)


@lru_cache(maxsize=10_000)
def number(value: float) -> np.ndarray:
    """An interval of one number, not to be written to; infinity is any number above the largest one."""
    found = np.array([[min(value, _LARGEST)], [max(value, -_LARGEST)]])
    found.flags.writeable = False
    return found


def pair(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    shape = low.shape if low.shape == high.shape else np.broadcast_shapes(low.shape, high.shape)
    pair = np.empty((*shape[:-1], 2, shape[-1]))
    pair[..., 0, :], pair[..., 1, :] = low, high
    return pair


def neg(a: np.ndarray) -> np.ndarray:
    return -a[..., ::-1, :]


def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return outward(a + b)


def sub(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return outward(a - b[..., ::-1, :])


def mul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    products = _products(a, b)
    out = _hull_of(products)
    if np.count_nonzero(out == out) < out.size:  # 0 times infinity: the end of a range that is never reached
        out = _hull_of([np.where(np.isnan(p), 0.0, p) for p in products])
    whole = np.count_nonzero(out) == out.size
    out = np.nextafter(out, OUT)
    if not whole:  # 0: exact if the signs say so, else perhaps an underflow
        positive_a, negative_a = a[..., 0, :] >= 0, a[..., 1, :] <= 0
        positive_b, negative_b = b[..., 0, :] >= 0, b[..., 1, :] <= 0
        nothing = positive_a & negative_a | positive_b & negative_b
        at_least = positive_a & positive_b | negative_a & negative_b | nothing
        at_most = positive_a & negative_b | negative_a & positive_b | nothing
        out = pair(
            np.where(at_least, np.maximum(out[..., 0, :], 0.0), out[..., 0, :]),
            np.where(at_most, np.minimum(out[..., 1, :], 0.0), out[..., 1, :]),
        )
    return out


def _products(a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    """Of either end of one with either end of the other."""
    low, high, least, most = a[..., 0, :], a[..., 1, :], b[..., 0, :], b[..., 1, :]
    return [low * least, low * most, high * least, high * most]


def _hull_of(p: list[np.ndarray]) -> np.ndarray:
    return pair(
        np.minimum(np.minimum(p[0], p[1]), np.minimum(p[2], p[3])),
        np.maximum(np.maximum(p[0], p[1]), np.maximum(p[2], p[3])),
    )


def scale(c: float, a: np.ndarray) -> np.ndarray:
    if c == 0.0:
        return np.zeros_like(a)
    a = a if c > 0 else a[..., ::-1, :]
    out = np.nextafter(c * a, OUT)
    return out if np.count_nonzero(a) == a.size else np.where(a == 0.0, 0.0, out)


def hull(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return pair(np.minimum(a[..., 0, :], b[..., 0, :]), np.maximum(a[..., 1, :], b[..., 1, :]))


def meet(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The intersection of two enclosures of the same number."""
    return pair(np.maximum(a[..., 0, :], b[..., 0, :]), np.minimum(a[..., 1, :], b[..., 1, :]))


def size(a: np.ndarray) -> np.ndarray:
    """abs(a)"""
    low, high = a[..., 0, :], a[..., 1, :]
    return pair(np.maximum(np.maximum(low, -high), 0.0), np.maximum(high, -low))


def square(a: np.ndarray) -> np.ndarray:
    s = size(a)
    return np.where(s == 0.0, 0.0, np.maximum(np.nextafter(s * s, OUT), 0.0))


def inverse(a: np.ndarray) -> np.ndarray:
    """1 / a where a is not 0; the whole line if a has both signs."""
    low, high = a[..., 0, :], a[..., 1, :]
    if np.count_nonzero((low > 0) | (high < 0)) == low.size:  # 0 is in none of them
        return outward(1 / a[..., ::-1, :])
    both = (low < 0) & (high > 0) | (low == 0) & (high == 0)
    left = np.where(both | (high == 0), -np.inf, 1 / high)
    right = np.where(both | (low == 0), np.inf, 1 / low)
    return outward(pair(left, right))


def _real_power(a: np.ndarray, p: float) -> np.ndarray:
    """a^p for a >= 0."""
    b = np.maximum(a, 0.0)
    b = b if p >= 0 else b[..., ::-1, :]
    return np.maximum(widened(np.power(b, p)), 0.0)


def power(a: np.ndarray, p: float) -> np.ndarray:
    """a^p, of negative a only for integers p."""
    if p == 0.0:
        return np.ones_like(a)
    if p == 1.0:
        return a
    if p == 2.0:
        return square(a)
    if not p.is_integer():
        return _real_power(a, p)
    if p < 0:
        return power(inverse(a), -p)
    if p % 2 == 0:
        return np.maximum(widened(np.power(size(a), p)), 0.0)
    return np.where(a == 0.0, 0.0, widened(np.power(a, p)))


def within(a: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip(a, low, high)
