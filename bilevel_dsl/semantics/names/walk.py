"""All nodes of a syntax tree."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ...syntax import ast


def children(node: ast.Node) -> Iterator[ast.Node]:
    """The nodes directly below, in the order of the text where the tree keeps it."""
    for name in node.__match_args__:
        value = getattr(node, name)
        if isinstance(value, ast.Node):
            yield value
        elif type(value) is tuple:
            yield from _nodes(value)


def _nodes(values: tuple) -> Iterator[ast.Node]:
    for value in values:
        if isinstance(value, ast.Node):
            yield value
        elif type(value) is tuple:
            yield from _nodes(value)


def walk(root: ast.Node) -> Iterator[ast.Node]:
    """`root` and all nodes below it; no recursion, so that long chains do no harm."""
    stack = [root]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed(list(children(here))))


def names_of_files(root: ast.Node, readers: Collection[str]) -> frozenset[str]:
    """Names that stand where what reads files needs texts."""
    calls = [n for n in walk(root) if isinstance(n, ast.Call) and n.function.id in readers]
    parts = [a for c in calls for a in (*c.arguments, *(v for k, v in c.keywords if k.id == "key"))]
    parts += [item for p in parts if isinstance(p, ast.Array) for item in p.items]
    return frozenset(p.id for p in parts if isinstance(p, ast.Name))


def loop_variables(root: ast.Node) -> frozenset[str]:
    return frozenset(name.id for node in walk(root) if isinstance(node, ast.Generator) for name in node.names)
