"""Projections onto the sets of both levels, and the gradient mapping of a follower whose set has no smooth description."""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca
import numpy as np

from ..functions.buffers import Call
from ..functions.oracles import Oracles

ROUNDING = 1e-9  # of a bound that is a whole number


def project_x(oracles: Oracles, v: np.ndarray) -> np.ndarray:
    """The nearest point of the leader's set, in whole numbers where it takes these only."""
    projection, whole = _projection(oracles, "x", v.size), oracles.problem.whole
    inside = projection(v)
    if not whole.any():
        return inside
    nearest = np.where(whole, np.round(inside), inside)
    back = projection(nearest)  # a bound that is no whole number: the next one inside
    nearest = np.where(back < nearest - ROUNDING, np.floor(inside), nearest)
    return np.where(back > nearest + ROUNDING, np.ceil(inside), nearest)


def project_y(oracles: Oracles, v: np.ndarray) -> np.ndarray:
    """The nearest point of the follower's set."""
    return _projection(oracles, "y", v.size)(v)


def lower_gradient_mapping(
    oracles: Oracles, call: Callable, x: np.ndarray, y: np.ndarray, lengths: np.ndarray, size: float
) -> float:
    """|d|, d = argmin { <grad, d> + |d|^2 / 2 : y + d in Y, h + (dh/dy) d <= 0 or == 0 }, as a decrease in sizes of g.

    Args:
        call: (name, x, y) -> arrays, the functions of the problem.
        lengths: of y; the gradient is scaled so that its longest step is one length.
        size: of g.
    """
    gradient = call("grad_y_g", x, y)[0].ravel()
    largest = float(np.max(np.abs(gradient) / np.maximum(lengths, 1e-300), initial=0.0))
    if not largest > 0:
        return 0.0 if largest == 0 else np.nan
    rows, J = call("h", x, y)[0].ravel(), call("jac_y_h", x, y)[0]
    step = restricted(_projection(oracles, "y", y.size), y, gradient / largest, rows, J, np.array(oracles.lower_equalities))
    return float(-gradient @ step) / size


def _projection(oracles: Oracles, level: str, size: int) -> Callable[[np.ndarray], np.ndarray]:
    if not size or (oracles.is_x_free if level == "x" else oracles.is_y_free):
        return lambda v: v
    name = f"certified_{level}"
    if name not in oracles._cache:
        symbol = ca.MX.sym("v", size)
        p = list(oracles.problem.p)
        projected = (oracles.project_x if level == "x" else oracles.project_y)(symbol, p)
        function = ca.Function("projected", [symbol, *p], [projected])
        values = *oracles.problem.data, *(d.value for d in oracles.problem.used_duals)
        data = [np.ascontiguousarray(np.asarray(v, float).ravel(order="F")) for v in values]
        oracles._cache[name] = Call(function, {1 + k: d for k, d in enumerate(data)})
    call = oracles._cache[name]
    return lambda v: call(v)[0].ravel()


def restricted(
    project: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    gradient: np.ndarray,
    rows: np.ndarray,
    J: np.ndarray,
    equal: np.ndarray,
) -> np.ndarray:
    """d of `lower_gradient_mapping`, by Dykstra's alternating projections onto X - x and the rows + J d <= 0 or == 0."""
    d, corrections = -gradient, np.zeros((len(rows) + 1, x.size))
    for _ in range(2000):
        before = np.concatenate([d[None], corrections])
        w = d + corrections[-1]
        d = project(x + w) - x
        corrections[-1] = w - d
        for i, (row, a) in enumerate(zip(rows, J)):
            w = d + corrections[i]
            excess = row + a @ w
            length = a @ a
            if length > 0 and (equal[i] or excess > 0):
                d = w - excess / length * a
            else:
                d = w
            corrections[i] = w - d
        change = np.linalg.norm(np.concatenate([d[None], corrections]) - before)
        if change <= 1e-13 * (1 + np.linalg.norm(d)):  # of d alone is not enough: it may stay for a while and go on
            break
    return d
