"""Tree to text: the canonical layout of a model.

The tokens are printed in their order, along the tree, so that nothing is lost: comments stand where
they stood, line breaks between the items of an array, the arguments of a call and the terms of a sum are
kept, and so are columns of `=` and of comments where the author has aligned them. Lines are broken at
`formatter.WIDTH`. Parentheses are left as they are, but for those around a single name or number, around a whole
right-hand side, and doubled ones. The result is read again, and must be the same tree.
"""

from __future__ import annotations

import difflib
import re

from ...diagnostics import Source
from ..equal import same_tree
from ..parser import parse
from ..room import deep_recursion
from .formatter import Formatter


def format_source(source: Source) -> str:
    """The text of `source` in canonical layout.

    Raises:
        BilevelError: it has syntax errors.
    """
    tree = parse(source)
    with deep_recursion():
        text = Formatter(source, tree).run()
        again = parse(Source(source.name, text))
        if not same_tree(tree, again) or sorted(_comments(text)) != sorted(_comments(source.text)):
            raise AssertionError(f"formatting would change {source.name}")
    return text


def is_formatted(source: Source) -> bool:
    """
    Raises:
        BilevelError: it has syntax errors.
    """
    return format_source(source) == source.text


def diff(source: Source) -> str:
    """What formatting would change, as a unified diff; empty where nothing.

    Raises:
        BilevelError: it has syntax errors.
    """
    before, after = source.text.splitlines(keepends=True), format_source(source).splitlines(keepends=True)
    if before and not before[-1].endswith("\n"):
        before[-1] += "\n\\ No newline at end of file\n"
    return "".join(difflib.unified_diff(before, after, source.name, source.name + " (formatted)"))


def _comments(text: str) -> list[str]:
    """The words of all comments."""
    said = []
    for match in re.finditer(r'"(?:\\.|[^"\\\n])*"|#[^\n]*|/\*.*?\*/', text, re.DOTALL):
        if not match.group().startswith('"'):
            said += match.group().split()
    return said
