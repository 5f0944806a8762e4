"""How far a point is from first-order conditions of the upper level.

With two sets of variables: the length of

    d = argmin { <grad Phi, d> + |d|^2 / 2 :  x + d in X,  c + (dc/dx) d <= 0 or == 0 },

the gradient mapping of the hyper-objective Phi(x) = f(x, y(x)), with the constraints of the upper
level linearised along y(x). Where the follower's answer has a kink, no gradient exists: then the
steepest descent that is found by moving x and asking the follower again.

For a simple bilevel problem: the part of grad f that no multiplier of grad g = 0 (and of the active
constraints) can balance, min_w |grad f + W w + A' v|, which is 0 at an approximate KKT point.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca
import numpy as np

from ..functions.oracles import Oracles
from .duals import pull
from .follower import Follower
from .sensitivity import Sensitivity


def evaluate(oracles: Oracles, name: str, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    columns = [ca.reshape(ca.DM(v), q.symbol.shape) for v, q in zip(oracles.problem.data, oracles.problem.parameters)]
    return [np.array(v) for v in oracles.function(name).call([ca.DM(x), ca.DM(y), *columns])]


def hypergradient(follower: Follower, s: Sensitivity, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of f(x, y(x)), or of f(x, y(x), multipliers(x))."""
    oracles = follower.oracles
    f_x, f_y = (v.ravel() for v in evaluate(oracles, "grad_f", x, y))
    if not oracles.problem.used_duals:
        return s.total(f_x, f_y)
    return s.total(f_x, f_y, pull(follower, s, evaluate(oracles, "grad_duals_f", x, y)[0].ravel()))


def _row_gradients(follower: Follower, s: Sensitivity, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same of every row of the upper level."""
    c_x, c_y = evaluate(follower.oracles, "jac_c", x, y)
    if not follower.oracles.problem.used_duals:
        return np.array([s.total(a, b) for a, b in zip(c_x, c_y)])
    c_duals = evaluate(follower.oracles, "jac_duals_c", x, y)[0]
    return np.array([s.total(a, b, pull(follower, s, d)) for a, b, d in zip(c_x, c_y, c_duals)])


def gradient_mapping(follower: Follower, s: Sensitivity, x: np.ndarray, y: np.ndarray) -> float:
    """|d| relative to max(1, |F| / (1 + |x|), |grad_x f|).

    |F| over the size of x, for a gradient is a value over a length: relative to |F| alone, every point far enough
    out on an unbounded linear objective would count as stationary.
    """
    oracles = follower.oracles
    gradient = hypergradient(follower, s, x, y)
    f = float(evaluate(oracles, "f", x, y)[0].item())
    direct = evaluate(oracles, "grad_x_f", x, y)[0]
    scale = max(1.0, abs(f) / (1 + float(np.linalg.norm(x))), float(np.max(np.abs(direct), initial=0)))
    if not oracles.upper_equalities:
        return float(np.linalg.norm(project_x(oracles, x - gradient) - x)) / scale
    rows = evaluate(oracles, "c", x, y)[0].ravel()
    J = _row_gradients(follower, s, x, y)
    d = restricted(_projection(oracles, "x", x.size), x, gradient, rows, J, np.array(oracles.upper_equalities))
    return float(np.linalg.norm(d)) / scale


def lower_gradient_mapping(oracles: Oracles, x: np.ndarray, y: np.ndarray) -> float:
    """The same for the follower: |d| with grad_y g, Y and the rows of h, relative to 1 + |g|."""
    gradient = evaluate(oracles, "grad_y_g", x, y)[0].ravel()
    size = 1 + abs(float(evaluate(oracles, "g", x, y)[0].item()))
    rows, J = evaluate(oracles, "h", x, y)[0].ravel(), evaluate(oracles, "jac_y_h", x, y)[0]
    d = restricted(_projection(oracles, "y", y.size), y, gradient, rows, J, np.array(oracles.lower_equalities))
    return float(np.linalg.norm(d)) / size


def project_x(oracles: Oracles, v: np.ndarray) -> np.ndarray:
    return _projection(oracles, "x", v.size)(v)


def project_y(oracles: Oracles, v: np.ndarray) -> np.ndarray:
    return _projection(oracles, "y", v.size)(v)


def _projection(oracles: Oracles, level: str, size: int) -> Callable[[np.ndarray], np.ndarray]:
    if not size or (oracles.is_x_free if level == "x" else oracles.is_y_free):
        return lambda v: v
    symbol = ca.MX.sym("v", size)
    columns = [ca.reshape(ca.DM(d), q.symbol.shape) for d, q in zip(oracles.problem.data, oracles.problem.parameters)]
    p = list(oracles.problem.p)
    projected = (oracles.project_x if level == "x" else oracles.project_y)(symbol, p)
    function = ca.Function("projected", [symbol, *p], [projected])
    return lambda v: np.array(function.call([ca.DM(v), *columns])[0]).ravel()


def restricted(project: Callable[[np.ndarray], np.ndarray], x: np.ndarray, gradient: np.ndarray, rows: np.ndarray,
               J: np.ndarray, equal: np.ndarray) -> np.ndarray:
    """d of the module's docstring, by Dykstra's alternating projections onto X - x and the rows + J d <= 0 or == 0."""
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


def steepest_descent(follower: Follower, x: np.ndarray, y: np.ndarray, directions: list[np.ndarray],
                     length: float = 1e-4) -> float:
    """max over the directions of (F(x) - F(x + t d)) / t, with the follower asked again; >= 0.

    Points that break the constraints of the upper level are left out. Used where the
    hypergradient does not exist or depends on the side it is taken from.
    """
    oracles = follower.oracles
    base = float(evaluate(oracles, "f", x, y)[0].item())
    scale = max(1.0, abs(base))
    worst = 0.0
    for direction in directions:
        size = np.linalg.norm(direction)
        if not size > 0:
            continue
        step = length * (1 + np.linalg.norm(x)) * direction / size
        there = project_x(oracles, x + step)
        moved = np.linalg.norm(there - x)
        if not moved > 1e-3 * np.linalg.norm(step):
            continue
        answer = follower.respond(there, y)
        if answer.solved and _admissible(oracles, there, answer.y):
            worst = max(worst, (base - answer.f - 1e-9 * scale) / moved)  # 1e-9: noise of the re-solution
    return worst / scale


def _admissible(oracles: Oracles, x: np.ndarray, y: np.ndarray) -> bool:
    if not oracles.upper_equalities:
        return True
    c = evaluate(oracles, "c", x, y)[0].ravel()
    return bool(np.all(np.where(oracles.upper_equalities, np.abs(c), c) <= 1e-8))


def tangential(oracles: Oracles, s: Sensitivity, x: np.ndarray, y: np.ndarray) -> float:
    """min_w |[grad f; 0] + K w| relative to 1 + |grad f|: the measure of a simple bilevel problem."""
    f_y = evaluate(oracles, "grad_y_f", x, y)[0].ravel()
    right = np.concatenate([f_y, np.zeros(s.active)])
    w = np.linalg.lstsq(s.kkt, -right, rcond=1e-6)[0]
    return float(np.linalg.norm(right + s.kkt @ w)) / (1 + float(np.linalg.norm(f_y)))
