"""The variables of a level, with their sets and starts."""

from __future__ import annotations

import numpy as np

from ...syntax import ast
from ..builtins import words
from ..checked import CheckedVar
from ..expressions.values import lower_data, peek
from ..names.scope import Scope
from ..nodes.ir import Shape
from ..whole import CONTINUOUS, FOLLOWER
from .parameters import fit
from .sets import Sets


def checked_variables(scope: Scope, level: str) -> list[CheckedVar]:
    sets, found = Sets(scope), []
    for symbol in scope.symbols.values():
        if symbol.kind != "var" or symbol.level != level or symbol.dims is None:
            continue
        shape = symbol.shape
        spec = sets.of(symbol.decl.sets, shape, symbol.name)
        if spec is not None and spec.record.whole and level == "lower":
            scope.problems.error(
                "BL0326",
                f"the follower's variable `{symbol.name}` would take whole numbers only, and followers are continuous",
                spec.span,
                hints=(FOLLOWER, CONTINUOUS),
            )
        start = _start(scope, symbol.decl, shape)
        if spec is not None:
            found.append(CheckedVar(symbol.name, level, symbol.follower, shape, symbol.dims, spec, start, symbol.decl.span))
    return found


def _start(scope: Scope, decl: ast.Var, shape: Shape) -> np.ndarray | None:
    if decl.start is None:
        return None
    node = lower_data(scope, decl.start, "a start is a number, known before solving")
    value = peek(scope, node)
    if value is None:
        return None
    fitted = fit(value, shape)
    if fitted is None:
        scope.problems.error(
            "BL0332",
            f"the start of `{decl.name.id}` is {words(value.shape)}, but the variable is {words(shape)}",
            decl.start.span,
            secondary=[(decl.name.span, "declared here")],
        )
    elif not np.isfinite(fitted).all():
        scope.problems.error("BL0334", f"the start of `{decl.name.id}` is not finite", decl.start.span)
    return fitted
