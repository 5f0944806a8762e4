"""Infinite data, which are bounds and nothing to compute with; and where an expression uses a name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...diagnostics import Span
from ..checked import Checked, CheckedParam
from ..expressions.values import peek
from ..names.scope import Scope
from ..nodes.ir import Node, postorder


def refuse_infinite(checked: Checked, scope: Scope) -> None:
    """Infinity is a bound, not a number to compute with."""
    nodes = [
        checked.upper_objective,
        *checked.lower_objectives,
        *checked.upper_constraints,
        *checked.lower_constraints,
    ]
    infinite = {p.name: p for p in checked.params if not np.isfinite(p.value).all()}
    for thing in nodes:
        for name in sorted(_computed_with(thing.node, infinite, scope)):
            p = infinite.pop(name)
            at = tuple(int(i) + 1 for i in np.argwhere(~np.isfinite(p.value))[0])
            entry = f"`{name}[{', '.join(map(str, at))}]`" if at else f"`{name}`"
            scope.problems.error(
                "BL0334",
                f"{entry} is infinite, and an objective or a constraint computes with it",
                use_of(thing.node, name),
                secondary=[(p.span, "declared here"), *around_use(thing, name)],
                hints=("infinity is for bounds alone: of sets, or on one side of a constraint",),
            )


def _computed_with(root: Node, infinite: Mapping[str, CheckedParam], scope: Scope) -> set[str]:
    """Those of the parameters that make data infinite which meet variables, or the result itself."""
    if not root.params & infinite.keys():
        return set()
    data = [a for n in postorder(root) if n.variables for a in n.args if a.is_data] if root.variables else [root]
    return {
        name
        for a in data
        if (names := a.params & infinite.keys()) and not np.isfinite(peek(scope, a)).all()
        for name in names
    }


def use_of(root: Node, name: str) -> Span:
    """Where an expression uses a variable or a parameter: there, or in a `let` or a function."""
    return next(n.span for n in postorder(root) if n.op in ("var", "param") and n.attr == name)


def around_use(thing, name: str) -> list[tuple[Span, str]]:
    """The objective or constraint, where the use is written elsewhere."""
    use = use_of(thing.node, name)
    return [] if thing.span.start <= use.start < thing.span.end else [(thing.span, "used here")]
