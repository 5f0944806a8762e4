"""Blocks of a method: straight-line pieces that become phases, and the jumps between them.

A jump is a block, or (condition, jump if it holds, jump else), the condition in the block's own symbols.
"""

from __future__ import annotations

from collections import Counter

import casadi as ca


class Block:
    """What is computed between two control points. Every block reads slots by symbols of its own."""

    def __init__(self, name: str, method):
        self.name = name
        self.values: dict[str, ca.MX] = {}  # slot -> its value at the end
        self.exits: list[ca.MX] = []  # conditions under which the iteration ends after this block
        self.goto: object = None
        self.oracles: Counter[str] = Counter()  # name -> calls that are written in it
        self.symbols: dict[str, ca.MX] = {}
        self._method = method

    def symbol(self, name: str) -> ca.MX:
        """The value of a slot at the beginning of the block."""
        if name not in self.symbols:
            self.symbols[name] = ca.MX.sym(name, self._method.size_of(name))
        return self.symbols[name]

    def own(self) -> set[int]:
        return {s.__hash__() for s in self.symbols.values()}


def threaded(blocks: list[Block], head: Block) -> list[Block]:
    """The blocks that are reached, in the order they are written; those that compute nothing are jumped over.

    Where these close a circle, one of them stays: a phase that only jumps.
    """
    todo = [b for b in blocks if b.values or b is head]
    real = {id(b) for b in todo}
    while todo:
        b = todo.pop(0)
        b.goto = _through(b, b.goto, real, ())
        more = [t for t in _targets(b.goto) if id(t) not in real]
        real |= {id(t) for t in more}
        todo += more
    reached, todo = set(), [head]
    while todo:
        b = todo.pop()
        if id(b) not in reached:
            reached.add(id(b))
            todo += _targets(b.goto)
    return [b for b in blocks if id(b) in reached]


def _through(source: Block, goto: object, real: set[int], passed: tuple[int, ...]) -> object:
    """`goto`, seen from the end of `source`, without the blocks that compute nothing; `passed` are those on the way."""
    if isinstance(goto, tuple):
        condition, yes, no = goto
        if condition.is_constant():
            return _through(source, yes if float(condition.to_DM()) else no, real, passed)
        return condition, _through(source, yes, real, passed), _through(source, no, real, passed)
    if id(goto) in real or id(goto) in passed:
        return goto
    return _through(source, _moved(goto.goto, goto, source), real, (*passed, id(goto)))


def _moved(goto: object, empty: Block, source: Block) -> object:
    """The jump of an empty block, its conditions in the values at the end of `source`."""
    if not isinstance(goto, tuple):
        return goto
    names = list(empty.symbols)
    now = [source.values.get(n, source.symbol(n)) for n in names]
    [condition] = ca.graph_substitute([ca.MX(goto[0])], [empty.symbols[n] for n in names], now)
    return condition, _moved(goto[1], empty, source), _moved(goto[2], empty, source)


def _targets(goto: object) -> list[Block]:
    return [*_targets(goto[1]), *_targets(goto[2])] if isinstance(goto, tuple) else [goto]
