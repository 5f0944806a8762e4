"""Expressions that are the same, so that a function that is called twice with one argument is put in once.

Without this a chain of functions, each of which calls the one before twice, doubles with every link.
"""

from __future__ import annotations

import numpy as np

from ..nodes.ir import Node
from .frames import Frame, Loop

WRITTEN_OUT = 16  # entries of constants up to which they are compared by value


class Alike:
    """Nodes by what they compute, and calls of functions that have been put in."""

    def __init__(self):
        self.calls: dict[tuple, Node] = {}
        self._first: dict[tuple, Node] = {}
        self._number: dict[int, int] = {}
        self._kept: list[object] = []  # what is known by its id must not be freed

    def key_of_call(self, name: str, frame: Frame | None, arguments: dict[str, Loop | tuple[Node, Frame | None]]) -> tuple:
        """Equal for calls that give the same."""
        self._kept.append(frame)
        return name, id(frame), *(self._of_argument(a) for a in arguments.values())

    def _of_argument(self, a: Loop | tuple[Node, Frame | None]) -> tuple:
        if isinstance(a, Loop):
            self._kept.append(a)
            return ("loop", id(a))
        value, frame = a
        self._kept.append(frame)
        return self._number_of(value), id(frame)

    def _number_of(self, root: Node) -> int:
        """The same for nodes that compute the same from the same."""
        stack = [root]
        while stack:
            n = stack[-1]
            if id(n) in self._number:
                stack.pop()
                continue
            open_ = [a for a in n.args if id(a) not in self._number]
            if open_:
                stack += open_
                continue
            stack.pop()
            key = n.op, n.shape, n.batch, self._of_value(n.attr), *(self._number[id(a)] for a in n.args)
            first = self._first.setdefault(key, n)
            self._kept.append(n)
            self._number[id(n)] = id(first)
        return self._number[id(root)]

    def _of_value(self, value: object) -> object:
        if isinstance(value, np.ndarray) and value.size <= WRITTEN_OUT:
            return value.shape, value.dtype.str, value.tobytes()
        if isinstance(value, (str, int, float)) or value is None:
            return type(value).__name__, value
        if isinstance(value, tuple) and all(isinstance(v, (str, int, float)) for v in value):
            return value
        self._kept.append(value)
        return id(value)
