"""What may prove the best answer of a small problem: methods that end with a bound, from there.

Where the leader's objective grows with the distance no better decision is far away: f(x, y) <= f of the best answer bounds
x, by intervals, also where the model does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import casadi as ca
import numpy as np

from ..functions.oracles import Oracles
from ..intervals import Graph, Unsupported
from ..intervals.propagation import propagated
from ..methods import METHODS, MethodInfo
from ..methods.direct.system import Levels
from ..model.bounds import limits
from ..model.problem import Problem
from ..model.sets import Box, Free

PROOFS = ("branches", "value")
LARGEST = 60  # variables of both levels
WIDER = 0.1  # of what is left: the best answer meets rows to rounding only


def proving(problem: Problem, tried: set[str], upper: float, boxed: int) -> Iterator[tuple[MethodInfo, Problem]]:
    """The methods, and the problem that each is given: where only the leader's bounds are missing, one with bounds.

    Args:
        tried: names of methods that have had their turn.
        upper: f at a point of both levels; what is worse than that is of no interest.
        boxed: variables of both levels up to which boxes are searched.
    """
    count = problem.x.numel() + problem.y.numel()
    if count > LARGEST or problem.used_duals:
        return
    for info in (METHODS[name] for name in PROOFS if name not in tried):
        if info.name == "value" and count > boxed:
            continue
        if not info.refusals(problem):
            yield info, problem
        elif info.name == "value":
            near = bounded(problem, upper)
            if near is not None and not info.refusals(near):
                yield info, near


def bounded(problem: Problem, upper: float) -> Problem | None:
    """With bounds of the leader that all points of both levels have where f <= `upper`; None where that says nothing."""
    if not all(isinstance(v.set, (Free, Box)) for v in problem.variables):
        return None
    levels = Levels(Oracles(problem))
    if levels.kind is not ca.SX or not levels.possible:
        return None
    x, y = ca.SX.sym("x", levels.nx), ca.SX.sym("y", levels.ny)
    f, _, h, e, c = levels.expressions(x, y)
    try:
        graph = Graph(ca.Function("rows", [ca.vertcat(x, y)], [ca.densify(ca.vertcat(h, e, c, f))]))
    except Unsupported:
        return None
    equal = np.concatenate([np.zeros(levels.n_h, bool), np.ones(levels.n_e, bool), levels.c_equal, [False]])
    box = np.concatenate([levels.x_low, levels.y_low]), np.concatenate([levels.x_high, levels.y_high])
    most = np.where(np.arange(equal.size) == equal.size - 1, upper, 0.0)
    low, high, gone = propagated(graph, *(v[:, None] for v in (*box, np.where(equal, 0.0, -np.inf), most)))
    low, high = low[: levels.nx, 0], high[: levels.nx, 0]
    if gone.any() or not np.all(np.isfinite(high - low)):
        return None
    wide = WIDER * np.maximum(high - low, 1e-3 * np.maximum(1.0, np.abs(low) + np.abs(high)))
    low, high = (np.where(np.isfinite(own), own, v) for own, v in ((levels.x_low, low - wide), (levels.x_high, high + wide)))
    return replace(problem, upper_variables=tuple(_boxed(v, low[v.slice], high[v.slice]) for v in problem.upper_variables))


def _boxed(variable, low: np.ndarray, high: np.ndarray):
    own = limits(variable)
    if not any(np.any(np.isinf(np.array(ca.evalf(v)))) for v in own if not ca.symvar(v)):
        return variable
    return replace(variable, set=Box(variable.size, ca.MX(ca.DM(low)), ca.MX(ca.DM(high))))
