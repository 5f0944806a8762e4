"""Warnings: what is legal and probably not meant."""

from __future__ import annotations

from ...diagnostics import Collector
from ..checked import Checked, CheckedVar
from ..graph.degree import degree


def advise(checked: Checked, problems: Collector) -> None:
    """The warnings of every solve; `pedantic` ones are in `pedantic.py`."""
    lower = {v.name for v in checked.lower_variables}
    upper = {v.name for v in checked.upper_variables}
    if upper:
        _ignored_by_follower(checked, lower, problems)
        _independent(checked, upper, problems)
    _flat(checked, lower, problems)


def _ignored_by_follower(checked: Checked, lower: set[str], problems: Collector) -> None:
    for c in checked.upper_constraints:
        names = sorted(c.node.variables & lower)
        if names and c.side != "upper":
            problems.warning(
                "BL0701",
                f"this constraint of the upper level involves the lower variable `{names[0]}`",
                c.span,
                "the follower does not know of it",
                hints=("a constraint that the follower obeys belongs in the `lower` block",),
            )


def _independent(checked: Checked, upper: set[str], problems: Collector) -> None:
    nodes = [o.node for o in checked.lower_objectives] + [c.node for c in checked.lower_constraints]
    if not any(n.variables & upper for n in nodes):
        first = checked.lower_objectives[0]
        problems.warning(
            "BL0702",
            "the lower level does not depend on any upper variable",
            first.span,
            "the follower's answer is the same whatever the leader decides",
        )


def _flat(checked: Checked, lower: set[str], problems: Collector) -> None:
    """Lower variables without bounds, constraints or curvature: the follower runs away."""
    for objective in checked.lower_objectives:
        mine = {v.name for v in checked.lower_variables if v.follower == objective.follower}
        constrained = (
            set().union(*(c.node.variables for c in checked.lower_constraints)) if checked.lower_constraints else set()
        )
        loose = [v for v in checked.lower_variables if v.name in mine and v.set.kind == "free" and v.name not in constrained]
        runaway = [v for v in loose if degree(objective.node, {v.name}) == 1]
        for v in runaway:
            _unbounded(v, objective, problems)
        bounded = mine - {v.name for v in runaway}
        whole = any(v.set.record.whole for v in checked.upper_variables)  # no method of gradients takes these
        if bounded and not runaway and not whole and degree(objective.node, lower) == 1:
            problems.warning(
                "BL0703",
                "the lower objective is linear in the lower variables",
                objective.span,
                "answers jump from corner to corner",
                hints=("methods of gradients see no slope there; `auto` takes `branches`, `mpcc` or `kkt`",),
            )


def _unbounded(v: CheckedVar, objective, problems: Collector) -> None:
    problems.warning(
        "BL0704",
        f"the lower variable `{v.name}` has no bounds, and the lower objective is linear in it",
        objective.span,
        "the follower may have no answer",
        secondary=[(v.span, "declared without a set")],
    )
