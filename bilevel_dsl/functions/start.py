"""Where a run begins, and that everything has a value and a derivative there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import casadi as ca
import numpy as np

from ..diagnostics import BilevelError, Diagnostic, Label
from ..model.problem import Problem, Variable
from .oracles import Oracles


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


def require_finite(oracles: Oracles, x: np.ndarray, y: np.ndarray) -> None:
    """Refuse a start at which an objective, a constraint or a derivative is not a number."""
    problem = oracles.problem
    columns = [ca.reshape(ca.DM(v), q.symbol.shape) for v, q in zip(problem.data, problem.parameters)]
    symbol_x, symbol_y = ca.MX.sym("x", oracles.nx), ca.MX.sym("y", oracles.ny)
    p = list(problem.p)
    projected = ca.Function(
        "start", [symbol_x, symbol_y, *p], [oracles.project_x(symbol_x, p), oracles.project_y(symbol_y, p)]
    )
    here = [ca.DM(v) for v in (x, y)]
    here = projected.call([*here, *columns])
    problems = []
    for name, objective in (("f", problem.f), ("g", problem.g)):
        level = "upper" if name == "f" else "lower"
        value = np.array(oracles.function(name).call([*here, *columns])[0])
        slope = [np.array(v) for v in oracles.function(f"grad_{name}").call([*here, *columns])]
        if not np.all(np.isfinite(value)):
            found = f"the {level} objective is {_word(value.item())} at the start"
        elif not all(np.all(np.isfinite(v)) for v in slope):
            found = f"the gradient of the {level} objective is not finite at the start"
        else:
            continue
        problems.append(
            Diagnostic(
                "BL0407",
                found,
                Label(objective.span, "evaluated at the start"),
                hints=("give the variables a start inside the domain: `var x start 1;`",),
            )
        )
    for constraint in (*problem.upper_constraints, *problem.lower_constraints):
        rows = ca.Function("rows", [problem.x, problem.y, *p], [constraint.expression]).call([*here, *columns])[0]
        if not np.all(np.isfinite(np.array(rows))):
            problems.append(
                Diagnostic(
                    "BL0407",
                    "this constraint is not finite at the start",
                    Label(constraint.span, "evaluated at the start"),
                    hints=("give the variables a start inside the domain: `var x start 1;`",),
                )
            )
    if problems:
        raise BilevelError(sorted(problems, key=lambda d: d.primary.span.start))


def _word(value: float) -> str:
    return "not a number" if np.isnan(value) else "infinite"


def _shape(shape: tuple[int, ...]) -> str:
    if len(shape) > 2:
        return f"an array of {len(shape)} dimensions"
    if len(shape) == 2:
        return f"a matrix of {shape[0]} by {shape[1]}"
    return f"a vector of {shape[0]}" if shape else "a number"
