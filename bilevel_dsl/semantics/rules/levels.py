"""What the levels owe each other: a follower decides something, gains by it, and does not play with another one."""

from __future__ import annotations

from ..checked import CheckedConstraint, CheckedObjective, CheckedVar
from ..names.scope import Scope
from .blocks import head
from .infinite import around_use, use_of


def check_levels(scope: Scope, g: list[CheckedObjective], rows: list[CheckedConstraint], lower: list[CheckedVar]) -> None:
    for level in scope.levels.lower:
        follower = level.name.id if level.name else ""
        if not any(v.follower == follower for v in lower):
            scope.problems.error(
                "BL0211",
                f"the `lower` block{f' `{follower}`' if follower else ''} has no variable",
                head(level),
                hints=("what the follower decides is declared in its block: `var y;`",),
            )
    for objective in g:
        mine = {v.name for v in lower if v.follower == objective.follower}
        if mine and not objective.node.variables & {v.name for v in lower}:
            shown = sorted(mine)[0]
            scope.problems.error(
                "BL0350",
                "the lower objective uses no variable of the lower level",
                objective.span,
                hints=(f"the follower decides `{shown}`: what does it gain by that?",),
            )
    _independence(scope, g, rows, lower)


def _independence(scope: Scope, g: list[CheckedObjective], rows: list[CheckedConstraint], lower: list[CheckedVar]) -> None:
    owner = {v.name: v for v in lower}
    for thing in [*g, *rows]:
        foreign = sorted(n for n in thing.node.variables if n in owner and owner[n].follower != thing.follower)
        if foreign:
            v = owner[foreign[0]]
            scope.problems.error(
                "BL0212",
                f"the follower `{thing.follower}` uses `{v.name}`, which the follower `{v.follower}` decides",
                use_of(thing.node, v.name),
                secondary=[(v.span, f"decided by `{v.follower}`"), *around_use(thing, v.name)],
                hints=("followers that depend on each other play a game of their own, which is not supported",),
            )
