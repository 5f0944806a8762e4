"""Where a run begins, and that everything has a value and a derivative there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import casadi as ca
import numpy as np

from ..diagnostics import BilevelError, Diagnostic, Label, Span
from ..model.problem import Problem, Variable
from .oracles import Oracles

REACHES = (1e-2, 1.0, 1e2, -1e-2, -1.0, -1e2)  # of moves off a start at which something has no value


def start_point(problem: Problem, start: dict[str, np.ndarray] | None, what: str = "start") -> tuple[np.ndarray, np.ndarray]:
    """The start as flat columns x, y: `start` by name over what the model says over zero. `what` it is called."""
    x, y = problem.start()
    known = {v.name: v for v in problem.variables}
    for name, value in (start or {}).items():
        if name not in known:
            raise BilevelError(
                Diagnostic(
                    "BL0405",
                    f"the {what} has a value for `{name}`, which is not a variable",
                    hints=(f"the variables are: {', '.join(known)}",),
                    exit_status=2,
                )
            )
        variable = known[name]
        try:
            array = np.asarray(value, float)
        except (TypeError, ValueError):  # words, or rows of different lengths
            wrong = f"the value of `{name}` in the {what} is not made of numbers, in rows of one length"
            raise BilevelError(Diagnostic("BL0406", wrong, Label(variable.span, "declared here"), exit_status=2)) from None
        if array.size != variable.size or array.shape not in (variable.shape, (variable.size,)):
            raise BilevelError(
                Diagnostic(
                    "BL0406",
                    f"the value of `{name}` in the {what} is {_shape(array.shape)}, "
                    f"but `{name}` is {_shape(variable.shape)}",
                    Label(variable.span, "declared here"),
                    exit_status=2,
                )
            )
        if not np.all(np.isfinite(array)):
            wrong = f"the value of `{name}` in the {what} is not finite"
            raise BilevelError(Diagnostic("BL0406", wrong, Label(variable.span, "declared here"), exit_status=2))
        (x if variable.level == "upper" else y)[variable.slice] = array.ravel(order="F")
    return x, y


def require_values(variables: Iterable[Variable], values: Mapping[str, object], what: str) -> None:
    """Refuse a point or a decision, as it is called, without values of all these variables: BL0408."""
    missing = ", ".join(f"`{v.name}`" for v in variables if v.name not in values)
    if missing:
        raise BilevelError(Diagnostic("BL0408", f"the {what} has no value for {missing}", exit_status=2))


def finite_start(oracles: Oracles, x: np.ndarray, y: np.ndarray, given: Iterable[str] = ()) -> tuple[np.ndarray, np.ndarray]:
    """(x, y), or a point beside it where something has no value or derivative there and no start is written.

    Only variables without a start of their own are moved, by the same amounts on every machine. `given`: names of those
    with a start from elsewhere than the model.

    Raises:
        BilevelError: BL0407, an objective, a constraint or a derivative is not finite at the start, nor beside it.
    """
    look = _Look(oracles)
    problems = look.problems(x, y)
    if not problems:
        return x, y
    moves = [np.zeros(x.size), np.zeros(y.size)]
    for v in oracles.problem.variables:
        if v.start is None and v.name not in given:
            k = np.arange(1, v.size + 1)
            moves[v.level == "lower"][v.slice] = 0.5 + 0.5 * np.modf(k * 0.6180339887498949)[0]  # no two entries alike
    for reach in REACHES if any(m.any() for m in moves) else ():
        there = x + reach * moves[0], y + reach * moves[1]
        if not look.problems(*there):
            return there
    raise BilevelError(sorted(problems, key=lambda d: d.primary.span.start))


class _Look:
    """What has no value or derivative at a point, after its projection onto the sets."""

    def __init__(self, oracles: Oracles):
        problem, p = oracles.problem, list(oracles.problem.p)
        self.oracles, self.problem = oracles, problem
        self.columns = problem.matrices
        x, y = ca.MX.sym("x", oracles.nx), ca.MX.sym("y", oracles.ny)
        self.projected = ca.Function("start", [x, y, *p], [oracles.project_x(x, p), oracles.project_y(y, p)])
        self.constraints = (*problem.upper_constraints, *problem.lower_constraints)
        self.rows = ca.Function("rows", [problem.x, problem.y, *p], [c.expression for c in self.constraints])

    def problems(self, x: np.ndarray, y: np.ndarray) -> list[Diagnostic]:
        here = self.projected.call([ca.DM(x), ca.DM(y), *self.columns])
        found = [self._objective(name, here) for name in ("f", "g")]
        if self.constraints:
            values = self.rows.call([*here, *self.columns])
            found += [
                _no_value("this constraint is not finite at the start", c.span)
                for c, rows in zip(self.constraints, values)
                if not np.all(np.isfinite(np.array(rows)))
            ]
        return [d for d in found if d is not None]

    def _objective(self, name: str, here: list[ca.DM]) -> Diagnostic | None:
        level, objective = ("upper", self.problem.f) if name == "f" else ("lower", self.problem.g)
        value = np.array(self.oracles.function(name).call([*here, *self.columns])[0])
        slope = [np.array(v) for v in self.oracles.function(f"grad_{name}").call([*here, *self.columns])]
        if not np.all(np.isfinite(value)):
            return _no_value(f"the {level} objective is {_word(value.item())} at the start", objective.span)
        if not all(np.all(np.isfinite(v)) for v in slope):
            return _no_value(f"the gradient of the {level} objective is not finite at the start", objective.span)
        return None


def _no_value(found: str, span: Span) -> Diagnostic:
    hint = "give the variables a start inside the domain: `var x start 1;`"
    return Diagnostic("BL0407", found, Label(span, "evaluated at the start"), hints=(hint,))


def _word(value: float) -> str:
    return "not a number" if np.isnan(value) else "infinite"


def _shape(shape: tuple[int, ...]) -> str:
    if len(shape) > 2:
        return f"an array of {len(shape)} dimensions"
    if len(shape) == 2:
        return f"a matrix of {shape[0]} by {shape[1]}"
    return f"a vector of {shape[0]}" if shape else "a number"
