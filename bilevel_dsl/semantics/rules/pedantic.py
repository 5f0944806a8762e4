"""Warnings of `check --pedantic`: legal, and worth a second look."""

from __future__ import annotations

import numpy as np

from ...diagnostics import Collector
from ...syntax import ast
from ..builtins import BUILTINS
from ..checked import Checked, CheckedVar
from ..graph.degree import degree
from ..graph.evaluate import evaluate
from ..names.walk import walk
from ..nodes.ir import Node, postorder
from .intervals import intervals

WIDE = 1e8  # ratio of the largest to the smallest entry of data
TOLERANCE = 1e-9  # relative, of a start to its set


def pedantic(checked: Checked, problems: Collector) -> None:
    """Everything that `advise` does not say in every run."""
    _unused(checked, problems)
    _shadowed(checked, problems)
    _indifferent(checked, problems)
    _starts(checked, problems)
    _mere_bounds(checked, problems)
    _scales(checked, problems)
    _filled(checked, problems)
    for expression in _expressions(checked):
        _rough(expression, problems)
    _domains(checked, problems)


def _expressions(checked: Checked) -> list[Node]:
    return [
        checked.upper_objective.node,
        *(o.node for o in checked.lower_objectives),
        *(c.node for c in checked.upper_constraints + checked.lower_constraints),
    ]


# --- names ----------------------------------------------------------------------------------------


KINDS: dict[type[ast.Statement], str] = {
    ast.Param: "parameter",
    ast.Let: "named expression",
    ast.SetDecl: "set",
    ast.FunctionDecl: "function",
    ast.Var: "variable",
}


def _unused(checked: Checked, problems: Collector) -> None:
    used = _used_names(checked.tree) | {v.name for v in checked.lower_variables}  # for those, BL0715 says more
    for statement in _declarations(checked.tree):
        if statement.name.id not in used:
            problems.warning(
                "BL0711", f"the {KINDS[type(statement)]} `{statement.name.id}` is never used", statement.name.span
            )


def _declarations(tree: ast.Model) -> list[ast.Statement]:
    blocks = [statement.items if isinstance(statement, ast.Level) else (statement,) for statement in tree.statements]
    return [statement for block in blocks for statement in block if type(statement) in KINDS]


def _used_names(tree: ast.Model) -> set[str]:
    """Names of what is declared, wherever they stand in an expression."""
    defining = {id(s.name) for s in _declarations(tree)}
    used = set()
    for node in walk(tree):
        if isinstance(node, ast.Reference):
            defining |= {id(entry.name) for entry in node.entries}
        if isinstance(node, ast.Name) and id(node) not in defining:
            used.add(node.id)
    return used


def _shadowed(checked: Checked, problems: Collector) -> None:
    declared = {s.name.id: s for s in _declarations(checked.tree)}
    for node in walk(checked.tree):
        for name in node.names if isinstance(node, ast.Generator) else ():
            if name.id in declared:
                _hidden(name, "loop variable", declared, problems)
        if isinstance(node, ast.FunctionDecl):
            for parameter in node.parameters:
                if parameter.id in declared:
                    _hidden(parameter, "argument", declared, problems)


def _hidden(name: ast.Name, what: str, declared: dict[str, ast.Statement], problems: Collector) -> None:
    hidden = declared[name.id]
    problems.warning(
        "BL0712",
        f"the {what} `{name.id}` hides the {KINDS[type(hidden)]} of that name",
        name.span,
        secondary=[(hidden.name.span, "hidden")],
    )


# --- the two levels -------------------------------------------------------------------------------


def _indifferent(checked: Checked, problems: Collector) -> None:
    """Variables and levels that somebody should care about."""
    upper, lower = ({v.name for v in level} for level in (checked.upper_variables, checked.lower_variables))
    f = checked.upper_objective
    in_upper = f.node.variables.union(*(c.node.variables for c in checked.upper_constraints))
    if not in_upper & lower:
        problems.warning(
            "BL0713",
            "the upper level does not involve any lower variable",
            f.span,
            "the leader does not mind what the follower does",
        )
    for objective in checked.lower_objectives:
        rows = [c for c in checked.lower_constraints if c.follower == objective.follower]
        if upper and not objective.node.variables & upper and any(c.node.variables & upper for c in rows):
            problems.warning(
                "BL0714",
                "the lower objective does not involve any upper variable",
                objective.span,
                "the leader acts on the follower by its constraints alone",
            )
        _free_choices(checked, objective, rows, problems)


def _free_choices(checked: Checked, objective, rows, problems: Collector) -> None:
    constrained = set().union(*(c.node.variables for c in rows)) if rows else set()
    mine = [v for v in checked.lower_variables if v.follower == objective.follower]
    linear = [v for v in mine if degree(objective.node, {v.name}) == 1]
    for v in mine:
        if v.name not in objective.node.variables | constrained:
            problems.warning(
                "BL0715",
                f"the lower variable `{v.name}` is in neither the objective nor a constraint of its level",
                v.span,
                "the follower may choose anything",
            )
    if len(linear) < len(mine):  # otherwise BL0703 says it
        for v in linear:
            problems.warning(
                "BL0716",
                f"the lower objective is linear in `{v.name}`",
                objective.span,
                "without curvature, the answer may not be unique",
                secondary=[(v.span, "declared here")],
            )


# --- values ---------------------------------------------------------------------------------------


def _starts(checked: Checked, problems: Collector) -> None:
    data = _data(checked)
    for v in checked.variables:
        if v.start is not None and not _inside(v, [evaluate(a, data) for a in v.set.args]):
            problems.warning(
                "BL0717",
                f"the start of `{v.name}` is outside its set",
                v.span,
                "a method begins at the nearest point of the set",
            )


def _inside(v: CheckedVar, args: list[np.ndarray]) -> bool:
    slack = TOLERANCE * (1 + np.abs(v.start).max(initial=0))
    return bool(v.set.record.excess(v.start, *args) <= slack)


def _mere_bounds(checked: Checked, problems: Collector) -> None:
    """`x >= 0` for a whole variable, without a label."""
    variables = {v.name: v for v in checked.variables}
    for level in checked.tree.statements:
        for c in level.items if isinstance(level, ast.Level) else ():
            if not isinstance(c, ast.Constraint) or c.label is not None or c.generators:
                continue
            bare = [t for t in c.terms if isinstance(t, ast.Name) and t.id in variables]
            others = [t for t in c.terms if t not in bare]
            if (
                len(bare) == 1
                and variables[bare[0].id].level == level.kind
                and all(_is_data(t, checked) for t in others)
                and "==" not in c.operators
            ):
                v = variables[bare[0].id]
                problems.warning(
                    "BL0718",
                    f"this constraint is a bound on `{v.name}`",
                    c.span,
                    secondary=[(v.span, "declared here")],
                    hints=(f"a set is exact at every iterate: {_as_set(c, bare[0])}",),
                )


def _is_data(e: ast.Expr, checked: Checked) -> bool:
    names = {n.id for n in walk(e) if isinstance(n, ast.Name)}
    return names <= {p.name for p in checked.params}


def _as_set(c: ast.Constraint, bare: ast.Name) -> str:
    low, high = "-inf", "inf"
    for left, right, op in zip(c.terms, c.terms[1:], c.operators):
        small, large = (left, right) if op == "<=" else (right, left)
        if large is bare:
            low = small.span.text
        else:
            high = large.span.text
    return f"`var {bare.id} in [{low}, {high}]`"


def _scales(checked: Checked, problems: Collector) -> None:
    used = set().union(*(n.params for n in _expressions(checked)))
    for p in checked.params:
        sizes = np.abs(p.value[np.isfinite(p.value) & (p.value != 0)])
        if p.name in used and sizes.size and sizes.max() / sizes.min() > WIDE:
            problems.warning(
                "BL0719",
                f"the entries of `{p.name}` differ in size by a factor of {sizes.max() / sizes.min():.0e}",
                p.span,
                f"from {sizes.min():g} to {sizes.max():g}",
                hints=("other units bring them closer together",),
            )


def _filled(checked: Checked, problems: Collector) -> None:
    """A key that is misspelt in a table with a default is a row too many (an error); one that is missing is this."""
    for f in checked.filled:
        rows = "entry has" if f.missing == 1 else "entries have"
        problems.warning(
            "BL0723",
            f"{f.missing} of {f.size} {rows} no row in the table of `{f.name}`",
            f.span,
            f"stands for {f.first}" + (" and the others" if f.missing > 1 else ""),
        )


def _data(checked: Checked) -> dict[str, np.ndarray]:
    return {p.name: p.value for p in checked.params}


# --- functions ------------------------------------------------------------------------------------

SMOOTHER = {  # of operators and reductions; those of functions are in their records
    "max": "`logsumexp(k * x) / k`",
    "min": "`-logsumexp(-k * x) / k`",
    "max2": "`a + softplus(b - a)`",
    "min2": "`a - softplus(a - b)`",
    "where": "a transition such as `sigmoid(k * x)`",
}


def _rough(root: Node, problems: Collector) -> None:
    """Functions with kinks, of variables."""
    said: set[tuple[int, int]] = set()
    for n in postorder(root):
        name = n.attr if n.op == "reduce" else n.attr[0] if n.op == "fold" else n.op
        place = (n.span.start, n.span.end)
        smoother = BUILTINS[name].smoother if name in BUILTINS else SMOOTHER.get(name)
        if not smoother or not n.variables or place in said or (n.op == "where" and n.args[0].is_data):
            continue
        said.add(place)
        shown = {"max2": "max", "min2": "min", "where": "if"}.get(name, name)
        problems.warning(
            "BL0720",
            f"`{shown}` has a kink or a jump, and no derivative there",
            n.span,
            "methods expect smooth functions",
            hints=(f"smooth instead: {smoother}",),
        )


def _domains(checked: Checked, problems: Collector) -> None:
    """Divisors that may be 0, arguments of log and sqrt that may be too small, as far as the sets tell."""
    variables, data = {v.name: v for v in checked.variables}, _data(checked)
    said: set[tuple[int, int]] = set()
    for root in _expressions(checked):
        found = intervals(root, variables, data)
        for n in postorder(root):
            place = (n.span.start, n.span.end)
            if not n.variables or place in said:
                continue
            if n.op == "/" and n.args[1].variables and found[id(n.args[1])][0] <= 0 <= found[id(n.args[1])][1]:
                said.add(place)
                by_set = n.args[1].op == "var" or n.args[1].op == "gather" and n.args[1].args[0].op == "var"
                problems.warning(
                    "BL0721",
                    "this divides by what may be 0",
                    n.args[1].span,
                    _between(found[id(n.args[1])]),
                    hints=("a set keeps it away from 0, such as `in [0.01, inf]`",) if by_set else (),
                )
                continue
            limit = BUILTINS[n.op].smooth_above if n.op in BUILTINS else None
            if limit is not None and found[id(n.args[0])][0] <= limit:
                said.add(place)
                low = found[id(n.args[0])][0]
                what = f"`{n.op}` of what may be {limit:g}" if low == limit else f"`{n.op}` of what may be below {limit:g}"
                problems.warning("BL0722", what, n.args[0].span, _between(found[id(n.args[0])]))


def _between(interval: tuple[float, float]) -> str:
    low, high = interval
    if np.isinf(low) and np.isinf(high):
        return "by the sets of the variables, any number"
    return f"by the sets of the variables, from {low:g} to {high:g}"
