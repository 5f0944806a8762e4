"""Small problems made directly as mathematics, for the tests of what comes after the language.

The numbers of P0 to P6 and of the sine problem are those of the literature on penalty methods
(Shen and Chen 2023; Liu and others 2021; Xiao and Chen 2025); the others are worked out in their comments.
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from bilevel_dsl.diagnostics import Source, Span
from bilevel_dsl.model.problem import Constraint, Objective, Parameter, Problem, Variable
from bilevel_dsl.model.sets import Box, Free

HERE = Span(Source("test", "test"), 0, 4)


@dataclass(frozen=True)
class Case:
    problem: Problem
    x0: np.ndarray
    y0: np.ndarray
    answer: np.ndarray  # x then y


def box(n: int, low: float, high: float) -> Box:
    return Box(n, ca.MX(ca.DM([low] * n)), ca.MX(ca.DM([high] * n)))


def problem(f, g, nx, ny, *, x_set=None, y_set=None, upper=(), lower=(), parameters=()) -> Problem:
    """`f`, `g` and the rows are functions of (x, y, *p); `parameters` are (name, value)."""
    x, y = ca.MX.sym("x", nx), ca.MX.sym("y", ny)
    data = tuple(
        Parameter(
            name, np.shape(value), ca.MX.sym(name, *(np.shape(value) or (1, 1))), np.asarray(value, float), False, HERE
        )
        for name, value in parameters
    )
    p = [q.symbol for q in data]

    def rows(level, items):
        return tuple(Constraint(f"{level}{k}", level, kind, row(x, y, *p), HERE) for k, (kind, row) in enumerate(items))

    x_variables = (Variable("x", "upper", (nx,), x, 0, x_set or Free(nx), None, HERE),) if nx else ()
    return Problem(
        "test",
        x,
        y,
        x_variables,
        (Variable("y", "lower", (ny,), y, 0, y_set or Free(ny), None, HERE),),
        Objective(f(x, y, *p), 1, HERE),
        Objective(g(x, y, *p), 1, HERE),
        rows("upper", upper),
        rows("lower", lower),
        data,
    )


def _case(f, g, nx, ny, x0, y0, answer, **more) -> Case:
    return Case(problem(f, g, nx, ny, **more), np.array(x0, float), np.array(y0, float), np.array(answer, float))


sq, pi = ca.sumsqr, np.pi

TWO_LEVEL: dict[str, Case] = {
    "p0": _case(lambda x, y: (x - 1) ** 2 + (y - 1) ** 2, lambda x, y: (y - x) ** 2 / 2, 1, 1, [0], [0], [1, 1]),
    "p1": _case(lambda x, y: (x - 1) ** 2 / 2 + (y - 2) ** 2 / 2, lambda x, y: (y - x) ** 2 / 2, 1, 1, [0], [0], [1.5, 1.5]),
    "p2": _case(
        lambda x, y: (x - 2) ** 2 + (y - 4) ** 2,
        lambda x, y: ca.sin(x + y - 2) + 1,
        1,
        1,
        [2],
        [4],
        [3 * pi / 4, 2 + 3 * pi / 4],
    ),
    # a line of lower solutions
    "p3": _case(
        lambda x, y: (x - 2) ** 2 / 2 + sq(y - ca.DM([1, 3])) / 2,
        lambda x, y: (y[0] + y[1] - x) ** 2 / 2,
        1,
        2,
        [0],
        [0, 0],
        [8 / 3, 1 / 3, 7 / 3],
    ),
    "p4": _case(
        lambda x, y: ca.cos(4 * y + 2) / (1 + ca.exp(2 - 4 * x)) + ca.log((4 * x - 2) ** 2 + 1) / 2,
        lambda x, y: (x + y) ** 2 + x * ca.sin(x + y) ** 2,
        1,
        1,
        [1.5],
        [0],
        [1.21515, -1.21515],
        x_set=box(1, 0, 3),
    ),
    "p6": _case(
        lambda x, y: (x - 2) ** 2 / 2 + 2 * y**2,
        lambda x, y: (y - x) ** 2 / 2,
        1,
        1,
        [0],
        [0],
        [0.4, 0.4],
        x_set=box(1, 0, 3),
        y_set=box(1, 0, 1),
    ),
    "sine": _case(
        lambda x, y: (x - 2) ** 2 + sq(y - 4),
        lambda x, y: ca.sum1(ca.sin(x + y - 2)),
        1,
        2,
        [2],
        [4, 4],
        [2.4749, 4.2375, 4.2375],
    ),
    # upper constraint x <= 1.2 cuts off the minimiser 1.5 of p1
    "upper row": _case(
        lambda x, y: (x - 1) ** 2 / 2 + (y - 2) ** 2 / 2,
        lambda x, y: (y - x) ** 2 / 2,
        1,
        1,
        [0],
        [0],
        [1.2, 1.2],
        upper=[("le", lambda x, y: x - 1.2)],
    ),
    # y <= x couples the levels: y(x) = x, so f = (x-1)^2 + (x-2)^2 and x = 1.5
    "lower row": _case(
        lambda x, y: (x - 1) ** 2 + (y - 2) ** 2,
        lambda x, y: (y - 2 * x) ** 2,
        1,
        1,
        [0.5],
        [0],
        [1.5, 1.5],
        x_set=box(1, 0, 3),
        lower=[("le", lambda x, y: y - x)],
    ),
    # y1 + y2 = x by an equality: y = (x/2, x/2); f = (x-2)^2 + (x/2-3)^2, x = 2.8
    "lower equality": _case(
        lambda x, y: (x - 2) ** 2 + (y[0] - 3) ** 2,
        lambda x, y: sq(y),
        1,
        2,
        [0],
        [0, 0],
        [2.8, 1.4, 1.4],
        lower=[("eq", lambda x, y: y[0] + y[1] - x)],
    ),
}
