"""What must hold for any text: a tree or diagnostics, and a formatter that changes layout only."""

from __future__ import annotations

from pathlib import Path

from bilevel_dsl.diagnostics import BilevelError, Source, render, to_json
from bilevel_dsl.semantics.check import examine
from bilevel_dsl.syntax.format import format_source
from bilevel_dsl.syntax.parser import parse
from bilevel_dsl.syntax.tokens import MAX_ERRORS

NOWHERE = Path("no such folder")


def judge(text: str, check: bool = True) -> str:
    """What became of the text: "read" or "refused".

    Raises:
        AssertionError: too many or empty diagnostics, or a layout that is not stable. Anything else: a bug.
    """
    source = Source("fuzz.bilevel", text)
    try:
        tree = parse(source)
    except BilevelError as error:
        assert 1 <= len(error.diagnostics) <= MAX_ERRORS + 1
        for diagnostic in error.diagnostics:
            assert to_json(diagnostic)["message"]
        assert render(error.diagnostics, color=True)
        return "refused"
    formatted = format_source(source)  # compares the trees itself
    assert format_source(Source("fuzz.bilevel", formatted)) == formatted, "formatting twice changes more"
    if check:
        found = examine(tree, source=source, base_dir=NOWHERE)
        assert (found.checked is None) == bool(found.problems.errors)
        render(found.problems.items)
    return "read"
