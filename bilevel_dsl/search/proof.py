"""What may prove the best answer of a small problem: methods that end with a bound, from there.

Where the leader's objective grows with the distance no better decision is far away: f(x, y) <= f of the best answer bounds
x, by intervals, also where the model does not. Of a follower in a box g(x, y) <= g(x, y_k) for some y_k is known as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

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
from ..runtime.execute import Run
from ..runtime.status import Status

PROOFS = ("branches", "value")
LARGEST = 60  # variables of both levels
FEW = 3  # lower variables up to which a grid of answers is taken
WIDER = 0.1  # of what is left, and of f: nothing rests on where the best answer lies


@dataclass(frozen=True)
class Asked:
    """A method, the problem it is given, and f at most of the decisions that this one is about."""

    info: MethodInfo
    problem: Problem
    most: float = np.inf

    def of_all(self, run: Run) -> Run:
        """What a run says of all decisions: those that were left out are worse than `most`, and no more is known of them."""
        if self.most == np.inf or run.bound is None:
            return run
        bound, words = run.bound
        return replace(run, bound=None if run.status is Status.INFEASIBLE else (min(bound, self.most), words))


def proving(problem: Problem, tried: set[str], upper: float, boxed: float) -> Iterator[Asked]:
    """What may prove an answer: where only the leader's bounds are missing, with those that its objective gives.

    Args:
        tried: names of methods that have had their turn.
        upper: f at the best answer; it need not be a true one.
        boxed: variables of both levels up to which boxes are searched.
    """
    count = problem.x.numel() + problem.y.numel()
    if count > LARGEST or problem.used_duals:
        return
    for info in (METHODS[name] for name in PROOFS if name not in tried):
        if info.name == "value" and count > boxed:
            continue
        most = upper + WIDER * abs(upper)
        near = bounded(problem, most) if info.name == "value" else None
        if near is not None and not info.refusals(near):
            yield Asked(info, near, most)
        elif not info.refusals(problem):
            yield Asked(info, problem)


def bounded(problem: Problem, most: float) -> Problem | None:
    """With bounds of the leader that all points of both levels have where f <= `most`.

    None where the model has bounds of all of it, and where that says nothing of one that has none.
    """
    if not all(isinstance(v.set, (Free, Box)) for v in problem.variables):
        return None
    levels = Levels(Oracles(problem))
    if levels.kind is not ca.SX or not levels.possible or np.all(np.isfinite(levels.x_high - levels.x_low)):
        return None
    x, y = ca.SX.sym("x", levels.nx), ca.SX.sym("y", levels.ny)
    f, g, h, e, c = levels.expressions(x, y)
    beaten = [g - levels.expressions(x, ca.DM(answer))[1] for answer in _answers(levels)]
    try:
        graph = Graph(ca.Function("rows", [ca.vertcat(x, y)], [ca.densify(ca.vertcat(h, e, c, *beaten, f))]))
    except Unsupported:
        return None
    equal = np.concatenate([np.zeros(levels.n_h, bool), np.ones(levels.n_e, bool), levels.c_equal])
    equal = np.append(equal, np.zeros(len(beaten) + 1, bool))
    box = np.concatenate([levels.x_low, levels.y_low]), np.concatenate([levels.x_high, levels.y_high])
    ends = np.append(np.zeros(equal.size - 1), most)
    low, high, gone = propagated(graph, *(v[:, None] for v in (*box, np.where(equal, 0.0, -np.inf), ends)))
    low, high = low[: levels.nx, 0], high[: levels.nx, 0]
    if gone.any() or not np.all(np.isfinite(high - low)):
        return None
    wide = WIDER * np.maximum(high - low, 1e-3 * np.maximum(1.0, np.abs(low) + np.abs(high)))
    low, high = (np.where(np.isfinite(own), own, v) for own, v in ((levels.x_low, low - wide), (levels.x_high, high + wide)))
    return replace(problem, upper_variables=tuple(_boxed(v, low[v.slice], high[v.slice]) for v in problem.upper_variables))


def _answers(levels: Levels) -> np.ndarray:
    """Some of what the follower may do whatever the leader does: g is at most what each of these gives."""
    low, high = levels.y_low, levels.y_high
    if levels.n_h or levels.n_e or levels.ny > FEW or not np.all(np.isfinite(high - low)):
        return np.zeros((0, levels.ny))
    return np.array(list(product(*zip(low, (low + high) / 2, high))))


def _boxed(variable, low: np.ndarray, high: np.ndarray):
    own = limits(variable)
    if not any(np.any(np.isinf(np.array(ca.evalf(v)))) for v in own if not ca.symvar(v)):
        return variable
    return replace(variable, set=Box(variable.size, ca.MX(ca.DM(low)), ca.MX(ca.DM(high))))
