"""The objectives of a level."""

from __future__ import annotations

from ...syntax import ast
from ..builtins import words
from ..checked import CheckedObjective
from ..expressions.lower import expr
from ..names.frames import TOP
from ..names.scope import Scope
from ..nodes.ir import postorder
from .duals import refuse_in_lower_level


def checked_objectives(scope: Scope, levels: list[ast.Level]) -> list[CheckedObjective]:
    found = []
    for level in levels:
        for item in [i for i in level.items if isinstance(i, ast.Objective)][:1]:
            node = expr(scope, item.value, TOP)
            if node.bad:
                continue
            if level.kind == "lower":
                for found_dual in (n for n in postorder(node) if n.op == "dual"):
                    refuse_in_lower_level(scope, found_dual.span)
            if node.shape != ():
                scope.problems.error(
                    "BL0304",
                    f"an objective is a single number, and this is {words(node.shape)}",
                    item.value.span,
                    hints=("add up the entries with `sum(...)`, or take `dot`, `norm` or `sumsqr`",),
                )
                continue
            follower = level.name.id if level.kind == "lower" and level.name else ""
            found.append(CheckedObjective(node, 1 if item.sense == "minimize" else -1, follower, item.span))
    return found
