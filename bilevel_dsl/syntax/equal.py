"""Whether two trees say the same, wherever it is written."""

from __future__ import annotations

from functools import cache

from . import ast


def same_tree(a: ast.Node, b: ast.Node) -> bool:
    """Equal but for their spans. No recursion, so that long chains do no harm."""
    pairs: list[tuple[object, object]] = [(a, b)]
    while pairs:
        left, right = pairs.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, ast.Node):
            pairs += [(getattr(left, name), getattr(right, name)) for name in _content(type(left))]
        elif isinstance(left, tuple):
            if len(left) != len(right):
                return False
            pairs += zip(left, right)
        elif left != right:
            return False
    return True


@cache
def _content(kind: type) -> tuple[str, ...]:
    return tuple(name for name in kind.__match_args__ if name not in ("span", "op_span"))
