"""The blocks of a model: which there are, and how many of each."""

from __future__ import annotations

from ...diagnostics import Collector, Source, Span
from ...syntax import ast
from ..names.symbols import Levels


def check_blocks(tree: ast.Model, levels: Levels, source: Source, problems: Collector) -> None:
    """One upper block, one lower block or several named ones, one objective in each, no block twice."""
    end = Span(source, max(0, len(source.text.rstrip()) - 1), len(source.text.rstrip()))
    for kind, found in (("upper", levels.upper), ("lower", levels.lower)):
        if not found:
            problems.error(
                "BL0207",
                f"the model has no `{kind}` block",
                end,
                "the end of the file",
                hints=(
                    f"the {'leader' if kind == 'upper' else 'follower'} is written "
                    f"`{kind} {{ {'' if kind == 'upper' else 'var y; '}minimize ...; }}`",
                ),
            )
    _one_of_each(levels, problems)
    for level in levels:
        objectives = [i for i in level.items if isinstance(i, ast.Objective)]
        if not objectives:
            problems.error(
                "BL0210",
                f"the `{level.kind}` block has no objective",
                head(level),
                hints=("write `minimize ...;` or `maximize ...;`",),
            )
        for again in objectives[1:]:
            problems.error(
                "BL0209",
                f"the `{level.kind}` block has a second objective",
                again.span,
                "the second",
                secondary=[(objectives[0].span, "the first")],
                hints=("a level has one: add them up with weights, or bound one of them in a constraint",),
            )
    for kind in (ast.Options, ast.Report, ast.Reference, ast.ProblemName):
        blocks = [s for s in tree.statements if isinstance(s, kind)]
        word = {
            ast.Options: "options",
            ast.Report: "report",
            ast.Reference: "reference",
            ast.ProblemName: "problem",
        }[kind]
        for again in blocks[1:]:
            problems.error(
                "BL0208",
                f"there is a second `{word}`",
                head(again),
                secondary=[(head(blocks[0]), "the first one")],
            )
        if kind is ast.ProblemName and blocks and tree.statements[0] is not blocks[0]:
            problems.error("BL0214", "`problem` is the first statement of a model", blocks[0].span)


def _one_of_each(levels: Levels, problems: Collector) -> None:
    for again in levels.upper[1:]:
        problems.error(
            "BL0208",
            "there is a second `upper` block",
            head(again),
            secondary=[(head(levels.upper[0]), "the first one")],
        )
    names: dict[str, ast.Level] = {}
    for level in levels.lower:
        name = level.name.id if level.name else ""
        if name in names:
            message = f"two `lower` blocks are called `{name}`" if name else "several `lower` blocks need names"
            problems.error(
                "BL0208",
                message,
                head(level),
                secondary=[(head(names[name]), "the first one")],
                hints=() if name else ("write `lower NAME { ... }` for each follower",),
            )
        elif names and "" in (name, *names):
            problems.error(
                "BL0208",
                "several `lower` blocks need names",
                head(level),
                secondary=[(head(next(iter(names.values()))), "the first one")],
                hints=("write `lower NAME { ... }` for each follower",),
            )
        names.setdefault(name, level)


def head(statement: ast.Node) -> Span:
    """The first line of a block."""
    span = statement.span
    end = span.source.text.find("\n", span.start, span.end)
    return Span(span.source, span.start, span.end if end < 0 else end)
