"""`dual(label)`: the follower's multipliers, as the leader sees them.

One sign rule: the change of the follower's optimal value, as written, per unit of the right-hand side.
"""

from __future__ import annotations

from ...diagnostics import Span, did_you_mean
from ...syntax import ast
from ..checked import CheckedConstraint, CheckedDual
from ..names.frames import Env
from ..names.resolve import resolve
from ..names.scope import Scope
from ..nodes.ir import Dim, Node, bad
from .constraints import Constraints


def read_lower_constraints(scope: Scope) -> list[CheckedConstraint]:
    """The rows of the lower level, read when they are first needed."""
    if scope.lower_constraints is None:
        scope.reading_lower = True
        reader = Constraints(scope)
        for block in scope.levels.lower:
            for item in block.items:
                if isinstance(item, ast.Constraint):
                    reader.read(item, "lower", block.name.id if block.name else "")
        scope.reading_lower = False
        scope.lower_constraints = reader.found
    return scope.lower_constraints


def lower_dual(scope: Scope, e: ast.Call, env: Env) -> Node:
    if len(e.arguments) != 1 or e.keywords or not isinstance(e.arguments[0], (ast.Name, ast.Attribute)):
        scope.problems.error(
            "BL0391",
            "`dual` takes the label of a constraint of the lower level, or the bounds of a variable",
            e.span,
            hints=("write `dual(cap)`, `dual(y.lower)` or `dual(y.upper)`; an index stands behind: `dual(cap)[i]`",),
        )
        return bad(e.span)
    if scope.reading_lower:
        refuse_in_lower_level(scope, e.span)
        return bad(e.span)
    argument = e.arguments[0]
    found = _of_bounds(scope, argument) if isinstance(argument, ast.Attribute) else _of_label(scope, argument)
    if found is None:
        return bad(e.span)
    name, dims, follower = found
    variables = frozenset(
        s.name for s in scope.symbols.values() if s.kind == "var" and s.level == "lower" and s.follower == follower
    )
    scope.used_duals.setdefault(name, (dims, e.span))
    return Node("dual", (), tuple(d.size for d in dims), None, e.span, name, variables)


def refuse_in_lower_level(scope: Scope, span: Span) -> None:
    scope.problems.error("BL0393", "only the leader sees the follower's multipliers, and this is the lower level", span)


def _of_label(scope: Scope, label: ast.Name) -> tuple[str, tuple[Dim, ...], str] | None:
    rows = [c for c in read_lower_constraints(scope) if c.label == label.id]
    if rows:
        return label.id, rows[0].dims, rows[0].follower
    labels = [i.label for block in scope.levels.lower for i in block.items if isinstance(i, ast.Constraint) and i.label]
    if any(known.id == label.id for known in labels):
        return None  # its mistake is reported, or it has no rows
    symbol = scope.symbols.get(label.id)
    upper = [i.label for block in scope.levels.upper for i in block.items if isinstance(i, ast.Constraint) and i.label]
    own = next((known for known in upper if known.id == label.id), None)
    if own is not None:
        scope.problems.error(
            "BL0391",
            f"`{label.id}` is a constraint of the upper level; multipliers are the follower's",
            label.span,
            secondary=[(own.span, "labelled here")],
        )
    elif symbol is not None and symbol.kind == "var":
        scope.problems.error(
            "BL0391",
            f"`{label.id}` is a variable, not the label of a constraint",
            label.span,
            hints=(f"the multipliers of its bounds are `dual({label.id}.lower)` and `dual({label.id}.upper)`",),
        )
    else:
        names = [known.id for known in labels]
        listed = f"its labels are: {', '.join(names)}" if names else "a label stands before a constraint: `cap: y <= 1;`"
        scope.problems.error(
            "BL0391",
            f"the lower level has no constraint labelled `{label.id}`",
            label.span,
            hints=did_you_mean(label.id, names) or (listed,),
        )
    return None


def _of_bounds(scope: Scope, attribute: ast.Attribute) -> tuple[str, tuple[Dim, ...], str] | None:
    base = attribute.base
    symbol = scope.symbols.get(base.id) if isinstance(base, ast.Name) else None
    if symbol is None or symbol.kind != "var" or symbol.level != "lower":
        scope.problems.error(
            "BL0391",
            f"`{base.span.text}` is no variable of the lower level",
            base.span,
            hints=("`dual(y.lower)` is the multiplier of the lower bound of `y`",),
        )
        return None
    if not resolve(scope, symbol):
        return None
    if not symbol.decl.sets:
        scope.problems.error(
            "BL0391",
            f"`{base.id}` has no bounds, so they have no multipliers",
            attribute.span,
            secondary=[(symbol.span, "declared without a set")],
        )
        return None
    return f"{base.id}.{attribute.name.id}", symbol.over, symbol.follower


def checked_duals(scope: Scope) -> tuple[CheckedDual, ...]:
    """Those of all labels of the lower level, and those of bounds that are used."""
    found = []
    rows = read_lower_constraints(scope)
    for label in dict.fromkeys(c.label for c in rows if c.label):
        own = tuple(k for k, c in enumerate(rows) if c.label == label)
        first = rows[own[0]]
        found.append(
            CheckedDual(
                label, first.dims, scope.used_duals.get(label, (None, first.span))[1], label in scope.used_duals, own
            )
        )
    for name, (dims, span) in scope.used_duals.items():
        if "." in name:
            variable, side = name.split(".")
            found.append(CheckedDual(name, dims, span, True, (), variable, side))
    return tuple(found)
