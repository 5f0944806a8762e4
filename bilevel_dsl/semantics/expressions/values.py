"""What is known before solving: numbers, sizes, conditions."""

from __future__ import annotations

import numpy as np

from ...diagnostics import Span
from ...syntax import ast
from ..builtins import exactly, words
from ..graph.evaluate import TooLarge, evaluate
from ..graph.zeros import KEPT_SPARSE
from ..names.frames import TOP, Env
from ..names.scope import Scope
from ..nodes.ir import Node, bad
from .lower import expr

WHOLE = ("`round`, `floor` and `ceil` make whole numbers",)  # the hint for what is none


def scalar_data(scope: Scope, e: ast.Expr, what: str) -> float | None:
    """The number that `e` is, known before solving."""
    found = lower_data(scope, e, f"{what} must be known before solving")
    if found.bad:
        return None
    if found.shape != ():
        scope.problems.error("BL0306", f"{what} is a single number, not {words(found.shape)}", e.span)
        return None
    value = peek(scope, found, freeze=True)
    return None if value is None else float(value)


def lower_data(scope: Scope, e: ast.Expr, rule: str, *hints: str, env: Env = TOP) -> Node:
    """`e`, which may not depend on variables."""
    found = expr(scope, e, env)
    if not found.bad and found.variables:
        refuse_variables(scope, found, e.span, rule, hints)
        return bad(e.span)
    return found


def refuse_variables(scope: Scope, found: Node, span: Span, rule: str, hints=()) -> None:
    names = sorted(found.variables)
    symbol = scope.symbols[names[0]]
    if symbol.kind == "let":  # an entry of its own, while it is defined
        what, declared = f"an entry of `{names[0]}`", [(symbol.span, "which is defined here")]
    else:
        what, declared = f"the variable `{names[0]}`", [(symbol.span, f"`{names[0]}` is a variable")]
    scope.problems.error("BL0312", f"{rule}: this depends on {what}", span, hints=hints, secondary=declared)


def peek(scope: Scope, found: Node, freeze: bool = False) -> np.ndarray | None:
    """The value of data; None if a parameter has none. `freeze`: the value decides the structure."""
    if found.bad or any(p not in scope.params for p in found.params):
        return None
    if freeze:
        scope.frozen |= found.params
    try:
        return evaluate(found, scope.params)
    except np.linalg.LinAlgError:
        scope.problems.error("BL0306", "a matrix in this expression is singular", found.span)
        return None
    except TooLarge as error:
        scope.problems.error("BL0315", str(error), error.node.span, hints=(KEPT_SPARSE,))
        return None


def truth_of(scope: Scope, e: ast.Expr, env: Env) -> np.ndarray | None:
    """The truth of a condition on data, in each iteration."""
    found = lower_data(
        scope,
        e,
        "a condition on iterations must be known before solving",
        "what depends on a variable is chosen inside: `sum(if x[i] > 1 then x[i] else 0 for i in 1..n)`",
        env=env,
    )
    if found.bad:
        return None
    if found.shape != ():
        scope.problems.error(
            "BL0314",
            f"a condition is true or false, not {words(found.shape)}",
            e.span,
            hints=("it is read in each iteration: write `c[i]`, not `c`",),
        )
        return None
    value = peek(scope, found, freeze=True)
    return None if value is None else value != 0


def whole_numbers(scope: Scope, e: ast.Expr, env: Env, what: str) -> np.ndarray | None:
    found = lower_data(scope, e, f"{what} must be known before solving", env=env)
    if found.bad:
        return None
    if found.shape != ():
        scope.problems.error("BL0306", f"{what} is a single number, not {words(found.shape)}", e.span)
        return None
    value = peek(scope, found, freeze=True)
    if value is None:
        return None
    if not np.all(np.isfinite(value)) or np.any(value != np.round(value)) or np.any(np.abs(value) > 2**53):
        wrong = np.ravel(value)[np.argmax(np.ravel(~np.isfinite(value) | (value != np.round(value))))]
        scope.problems.error("BL0308", f"{what} is {exactly(wrong)}, which is not a whole number", e.span, hints=WHOLE)
        return None
    return value.astype(np.int64)
