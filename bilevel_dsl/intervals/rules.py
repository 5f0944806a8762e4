"""Functions of one argument over intervals: the range of the value, of the first and of the second derivative."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arithmetic import (
    SIGN,
    WHOLE,
    add,
    inverse,
    mul,
    neg,
    number,
    outward,
    pair,
    power,
    scale,
    size,
    square,
    sub,
    widened,
    within,
)

Rule = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Unary:
    """A function f of one argument u: its range, those of f'(u, f) and f''(u, f), and where it is defined."""

    value: Rule
    first: Callable
    second: Callable
    low: float = -np.inf
    high: float = np.inf


def _monotone(function: Rule, low: float = -np.inf, high: float = np.inf) -> Rule:
    """An increasing function; where it takes 0 to 0 that is exact."""

    def value(u):
        v = function(u)
        return np.clip(np.where((u == 0.0) & (v == 0.0), 0.0, widened(v)), low, high)

    return value


def _turns(u: np.ndarray, phase: float) -> np.ndarray:
    """Does u contain phase + 2 k pi? With a margin for the rounding of large arguments."""
    period = 2 * np.pi
    low, high = (u[..., 0, :] - phase) / period, (u[..., 1, :] - phase) / period
    margin = 1e-15 * (1 + np.maximum(np.abs(low), np.abs(high)))
    return ~(np.ceil(low - margin) > high + margin)  # also where an end is infinite


def _wave(function: Rule, top: float) -> Rule:
    def value(u):
        ends = function(np.where(np.isfinite(u), u, 0.0))
        ends = pair(ends.min(-2), ends.max(-2))
        ends = np.where(ends == 0.0, 0.0, widened(ends, 3e-16))  # only sin(0) is 0
        whole = ~np.isfinite(u).all(-2)
        low = np.where(whole | _turns(u, top + np.pi), -1.0, ends[..., 0, :])
        high = np.where(whole | _turns(u, top), 1.0, ends[..., 1, :])
        return np.clip(pair(low, high), -1.0, 1.0)

    return value


_sin, _cos = _wave(np.sin, np.pi / 2), _wave(np.cos, 0.0)


def may_have_pole(u: np.ndarray) -> np.ndarray:
    """May tan be infinite in u?"""
    return _turns(2 * u, np.pi) | ~np.isfinite(u).all(-2)


def _tan(u):
    ends = widened(np.tan(np.where(np.isfinite(u), u, 0.0)))
    return np.where(may_have_pole(u)[..., None, :], WHOLE, ends)


def _cosh(u):
    return np.maximum(widened(np.cosh(size(u))), 1.0)


def _one_plus_square(u, sign=1.0):
    return add(number(1.0), square(u) if sign > 0 else neg(square(u)))


def _jump(function: Rule, at_ends: Rule | None = None) -> Unary:
    """A step function: derivative 0 where it does not change, anything where it may, on the edge of a step as well."""

    def first(u, f):
        steady = f[..., 0, :] == f[..., 1, :]
        if at_ends is not None:
            steady = steady & ~at_ends(u)
        return np.where(steady[..., None, :], 0.0, WHOLE)

    return Unary(function, first, first)


def _signum(u):
    low, high = u[..., 0, :], u[..., 1, :]
    return pair(np.where(low > 0, 1.0, -1.0), np.where(high < 0, -1.0, 1.0))


def _abs_first(u, f):
    return _signum(u)


def _abs_second(u, f):
    low, high = u[..., 0, :], u[..., 1, :]
    return pair(np.zeros_like(low), np.where((low > 0) | (high < 0), 0.0, np.inf))


def _sigmoid(u):
    with np.errstate(over="ignore"):
        return np.clip(widened(1 / (1 + np.exp(-u))), 0.0, 1.0)


def _bell(u):
    """The derivative of the sigmoid: it falls with abs(u)."""
    e = np.exp(-size(u)[..., ::-1, :])
    return np.clip(widened(e / (1 + e) ** 2), 0.0, 0.25)


def _erf_first(u):
    e = np.exp(-(size(u)[..., ::-1, :] ** 2))
    s = size(u)[..., ::-1, :]
    return np.clip(widened(2 / math.sqrt(math.pi) * e * (1 + SIGN * 1e-15 * np.minimum(s * s, 1e3))), 0.0, 1.13)


def _half_inverse(s):
    """1 / sqrt(s) for s >= 0."""
    return inverse(np.maximum(outward(np.sqrt(np.maximum(s, 0.0))), 0.0))


def _xlogx(u):
    """u log(u), 0 at 0: it falls up to 1 / e and grows from there."""
    ends = np.where(u == 0.0, 0.0, np.where(np.isinf(u), np.inf, u * np.log(u)))
    ends = widened(pair(ends.min(-2), ends.max(-2)))
    least = (u[..., 0, :] <= 0.3678794411714424) & (u[..., 1, :] >= 0.3678794411714423)
    return pair(np.where(least, -0.36787944117144244, ends[..., 0, :]), ends[..., 1, :])


def _asin_first(u):
    return _half_inverse(_one_plus_square(u, -1.0))


_exp = _monotone(np.exp, 0.0)
UNARY = {
    "exp": Unary(_exp, lambda u, f: f, lambda u, f: f),
    "expm1": Unary(_monotone(np.expm1, -1.0), lambda u, f: _exp(u), lambda u, f: _exp(u)),
    "log": Unary(_monotone(np.log), lambda u, f: inverse(u), lambda u, f: neg(square(inverse(u))), 0.0),
    "log1p": Unary(
        _monotone(np.log1p),
        lambda u, f: inverse(np.maximum(add(u, number(1.0)), 0.0)),
        lambda u, f: neg(square(inverse(np.maximum(add(u, number(1.0)), 0.0)))),
        -1.0,
    ),
    "sqrt": Unary(
        lambda u: np.maximum(outward(np.sqrt(u)), 0.0),
        lambda u, f: scale(0.5, inverse(f)),
        lambda u, f: scale(-0.25, power(inverse(f), 3.0)),
        0.0,
    ),
    "inv": Unary(inverse, lambda u, f: neg(square(f)), lambda u, f: scale(2.0, power(f, 3.0))),
    "sq": Unary(square, lambda u, f: scale(2.0, u), lambda u, f: number(2.0)),
    "neg": Unary(neg, lambda u, f: number(-1.0), lambda u, f: None),
    "sin": Unary(_sin, lambda u, f: _cos(u), lambda u, f: neg(f)),
    "cos": Unary(_cos, lambda u, f: neg(_sin(u)), lambda u, f: neg(f)),
    "tan": Unary(_tan, lambda u, f: _one_plus_square(f), lambda u, f: scale(2.0, mul(f, _one_plus_square(f)))),
    "asin": Unary(
        _monotone(np.arcsin), lambda u, f: _asin_first(u), lambda u, f: mul(u, power(_asin_first(u), 3.0)), -1.0, 1.0
    ),
    "acos": Unary(
        lambda u: widened(np.arccos(u[..., ::-1, :])),
        lambda u, f: neg(_asin_first(u)),
        lambda u, f: neg(mul(u, power(_asin_first(u), 3.0))),
        -1.0,
        1.0,
    ),
    "atan": Unary(
        _monotone(np.arctan),
        lambda u, f: inverse(_one_plus_square(u)),
        lambda u, f: scale(-2.0, mul(u, square(inverse(_one_plus_square(u))))),
    ),
    "sinh": Unary(_monotone(np.sinh), lambda u, f: _cosh(u), lambda u, f: f),
    "cosh": Unary(_cosh, lambda u, f: widened(np.sinh(u)), lambda u, f: f),
    "tanh": Unary(
        _monotone(np.tanh, -1.0, 1.0),
        lambda u, f: np.maximum(_one_plus_square(f, -1.0), 0.0),
        lambda u, f: scale(-2.0, mul(f, np.maximum(_one_plus_square(f, -1.0), 0.0))),
    ),
    "asinh": Unary(
        _monotone(np.arcsinh),
        lambda u, f: _half_inverse(_one_plus_square(u)),
        lambda u, f: neg(mul(u, power(_half_inverse(_one_plus_square(u)), 3.0))),
    ),
    "acosh": Unary(
        _monotone(np.arccosh, 0.0),
        lambda u, f: _half_inverse(sub(square(u), number(1.0))),
        lambda u, f: neg(mul(u, power(_half_inverse(sub(square(u), number(1.0))), 3.0))),
        1.0,
    ),
    "atanh": Unary(
        _monotone(np.arctanh),
        lambda u, f: inverse(np.maximum(_one_plus_square(u, -1.0), 0.0)),
        lambda u, f: scale(2.0, mul(u, square(inverse(np.maximum(_one_plus_square(u, -1.0), 0.0))))),
        -1.0,
        1.0,
    ),
    "erf": Unary(
        _monotone(np.vectorize(math.erf, otypes=[float]), -1.0, 1.0),
        lambda u, f: _erf_first(u),
        lambda u, f: scale(-2.0, mul(u, _erf_first(u))),
    ),
    "xlogx": Unary(_xlogx, lambda u, f: add(widened(np.log(u)), number(1.0)), lambda u, f: inverse(u), 0.0),
    "abs": Unary(size, _abs_first, _abs_second),
    "sign": _jump(np.sign),
    "signum": _jump(_signum),
    "floor": _jump(np.floor, lambda u: np.floor(u[..., 0, :]) == u[..., 0, :]),
    "ceil": _jump(np.ceil, lambda u: np.ceil(u[..., 1, :]) == u[..., 1, :]),
    "softplus": Unary(_monotone(lambda u: np.logaddexp(0.0, u), 0.0), lambda u, f: _sigmoid(u), lambda u, f: _bell(u)),
}


def power_rule(p: float) -> Unary:
    def derivative(k: int):
        factor = p if k == 1 else p * (p - 1)  # rounded: the product below is made wider
        return lambda u, f: mul(widened(number(factor)), power(u, p - k))

    return Unary(lambda u: power(u, p), derivative(1), derivative(2), -np.inf if p.is_integer() else 0.0)


def huber_rule(delta: float) -> Unary:
    def value(u):
        s = size(u)
        return np.maximum(widened(np.where(s <= delta, 0.5 * s * s, delta * (s - 0.5 * delta))), 0.0)

    def second(u, f):
        s = size(u)
        return pair(np.where(s[..., 1, :] < delta, 1.0, 0.0), np.where(s[..., 0, :] > delta, 0.0, 1.0))

    return Unary(value, lambda u, f: within(u, -delta, delta), second)
