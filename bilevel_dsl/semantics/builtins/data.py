"""Functions that are evaluated before solving: they have no form in CasADi."""

from __future__ import annotations

import numpy as np

from ..nodes.ir import Shape
from .record import Builtin, Misuse, words


def _tall(a: Shape) -> Shape:
    if len(a) != 2 or a[0] < a[1]:
        raise Misuse(f"needs a matrix with at least as many rows as columns, not {words(a)}")
    return a


def _orth(a):
    """Orthonormal columns that span those of a full-rank a; signs as of a Q R factor with positive R."""
    q, r = np.linalg.qr(a)
    return q * np.where(np.diag(r) < 0, -1.0, 1.0)


def _generator(seed):
    if not 0 <= seed < 2**53 or seed != np.round(seed):
        raise Misuse(f"takes as seed a whole number from 0, not {float(seed):g}")
    return np.random.default_rng(int(seed))


def _normal(shape, mean, deviation, seed):
    if not deviation >= 0:
        raise Misuse(f"takes a standard deviation from 0, not {float(deviation):g}")
    return _generator(seed).normal(mean, deviation + 0.0, shape)  # -0.0 is refused by NumPy


def _uniform(shape, low, high, seed):
    if not (np.isfinite(low) and np.isfinite(high) and low <= high and np.isfinite(high - low)):
        raise Misuse(f"takes the lower end first, and finite ends, not {float(low):g} and {float(high):g}")
    return _generator(seed).uniform(low, high, shape)


DATA = (
    Builtin(signature="orth(A)", doc="orthonormal columns that span those of A", value=_orth, shape=_tall, data_only=True),
    Builtin(
        signature="linspace(a, b, n)",
        doc="n numbers from a to b, evenly",
        value=lambda s, a, b: np.linspace(a, b, *s),
        arguments=(3, 3),
        sizes=2,
        data_only=True,
    ),
    Builtin(
        signature="normal(mean, sd, m, n, seed=k)",
        doc="random numbers of NumPy's default_rng(k)",
        value=_normal,
        arguments=(2, 4),
        sizes=2,
        keywords=("seed",),
        data_only=True,
    ),
    Builtin(
        signature="uniform(low, high, m, n, seed=k)",
        doc="random numbers of NumPy's default_rng(k)",
        value=_uniform,
        arguments=(2, 4),
        sizes=2,
        keywords=("seed",),
        data_only=True,
    ),
    Builtin(
        signature="permutation(n, seed=k)",
        doc="1..n in random order",
        value=lambda s, seed: _generator(seed).permutation(*s) + 1.0,
        sizes=0,
        keywords=("seed",),
        data_only=True,
    ),
)
