"""Functions of single entries."""

from __future__ import annotations

import numpy as np

from ..nodes.arithmetic import increasing, magnitude
from .record import Builtin


def _of_one(name: str, value, doc: str, **known) -> Builtin:
    return Builtin(signature=f"{name}(x)", doc=doc, value=value, **known)


def _sigmoid(x):
    return 0.5 * np.tanh(0.5 * x) + 0.5


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _huber(x, delta=1.0):
    size = np.abs(x)
    return np.where(size <= delta, 0.5 * x * x, delta * (size - 0.5 * delta))


def _smooth_abs(x, eps=1e-3):
    return np.sqrt(x * x + eps * eps)


ELEMENTWISE = (
    _of_one(
        "abs",
        np.abs,
        "absolute value",
        interval=lambda n, a: magnitude(a),
        smoother="`smooth_abs(x)` or `huber(x)`",
    ),
    _of_one("sqrt", np.sqrt, "square root", interval=increasing(np.sqrt), smooth_above=0.0),
    _of_one("exp", np.exp, "exponential", interval=increasing(np.exp)),
    _of_one("log", np.log, "natural logarithm", interval=increasing(np.log), smooth_above=0.0),
    _of_one("log1p", np.log1p, "log(1 + x)", interval=increasing(np.log1p), smooth_above=-1.0),
    _of_one("expm1", np.expm1, "exp(x) - 1", interval=increasing(np.expm1)),
    _of_one("sin", np.sin, "sine", interval=(-1.0, 1.0)),
    _of_one("cos", np.cos, "cosine", interval=(-1.0, 1.0)),
    _of_one("tan", np.tan, "tangent"),
    _of_one("asin", np.arcsin, "arc sine", interval=(-np.pi / 2, np.pi / 2)),
    _of_one("acos", np.arccos, "arc cosine", interval=(0.0, np.pi)),
    _of_one("atan", np.arctan, "arc tangent", interval=increasing(np.arctan)),
    _of_one("sinh", np.sinh, "hyperbolic sine", interval=increasing(np.sinh)),
    _of_one("cosh", np.cosh, "hyperbolic cosine", interval=(1.0, np.inf)),
    _of_one("tanh", np.tanh, "hyperbolic tangent", interval=increasing(np.tanh)),
    _of_one("sigmoid", _sigmoid, "1 / (1 + exp(-x))", interval=increasing(_sigmoid)),
    _of_one("softplus", _softplus, "log(1 + exp(x))", interval=increasing(lambda x: np.logaddexp(0, x))),
    _of_one("sign", np.sign, "-1, 0 or 1", interval=increasing(np.sign), smoother="`tanh(k * x)`"),
    _of_one(
        "relu",
        lambda x: np.where(x > 0, x, 0 * x),
        "max(x, 0)",
        interval=increasing(lambda x: max(x, 0.0)),
        smoother="`softplus(x)`",
    ),
    _of_one("floor", np.floor, "largest whole number not above", data_only=True),
    _of_one("ceil", np.ceil, "smallest whole number not below", data_only=True),
    _of_one("round", np.round, "nearest whole number", data_only=True),
    Builtin(
        signature="atan2(y, x)",
        doc="angle of the point (x, y)",
        value=np.arctan2,
        arguments=(2, 2),
        interval=(-np.pi, np.pi),
    ),
    Builtin(
        signature="huber(x, delta=1)",
        doc="x^2/2 near zero, delta (abs(x) - delta/2) beyond delta",
        value=_huber,
        arguments=(1, 2),
        interval=(0.0, np.inf),
    ),
    Builtin(
        signature="smooth_abs(x, eps=1e-3)",
        doc="sqrt(x^2 + eps^2)",
        value=_smooth_abs,
        arguments=(1, 2),
        interval=(1e-300, np.inf),
    ),
)
