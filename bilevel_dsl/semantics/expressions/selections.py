"""Conditions that select by equality: `(i, j) in ARC if j == n`, `l in LINE if from[l] == b`.

One side depends only on the loop variable, the other only on what is known before it. So the set is sorted once by the
one, and every iteration takes the entries that it selects: the cost is theirs, not that of all pairs.
"""

from __future__ import annotations

import numpy as np

from ...syntax import ast
from ..names.frames import Frame, Unvectorizable, loops_of
from ..names.scope import Scope
from ..names.walk import walk
from ..nodes.elements import IndexSet, Key, Lookup, comparable, recoded
from ..nodes.ir import MANY
from .index_sets import index_set
from .keys import comparand


class Selections:
    """The conditions of one generator; `rest` are those that are still to be looked at in every iteration."""

    def __init__(self, scope: Scope, generators: tuple[ast.Generator, ...], condition: ast.Expr | None):
        self.scope, self.generators = scope, generators
        self.rest = [] if condition is None else [condition]
        self._names = [{name.id for name in g.names} for g in generators]

    def drawn(self, k: int, env):
        """As `generators._drawn`, by the conditions that select among generator `k`; None where there are none."""
        g = self.generators[k]
        pairs = self._pairs(k, env)
        if not pairs or not self._is_one_set(g.domain, env):
            return None
        found = self._quietly(lambda: index_set(self.scope, g.domain, env))
        if found is None or isinstance(g.variable, ast.Tuple) and len(g.names) != found.arity:
            return None
        mine, theirs, used = self._keys(g, found, pairs, env)
        if not used:
            return None
        self.rest = [c for part in self.rest for c in conjuncts(part) if not any(c is u for u in used)]
        return _matched(g, found, mine, theirs, env.frame)

    def _pairs(self, k: int, env) -> list[tuple[ast.Binary, ast.Expr, ast.Expr]]:
        """Conditions `a == b` where a is of this generator's variables alone, and b of what is before them."""
        pairs, local = [], set(env.names)
        later = set().union(*self._names[k:])
        for c in (c for part in self.rest for c in conjuncts(part)):
            if isinstance(c, ast.Binary) and c.op == "==":
                for a, b in ((c.left, c.right), (c.right, c.left)):
                    ours, others = _names_in(a), _names_in(b)
                    if ours & self._names[k] and not ours & ((local | later) - self._names[k]) and not others & later:
                        pairs.append((c, a, b))
                        break
        return pairs

    def _is_one_set(self, domain: ast.Expr, env) -> bool:
        """The same in all iterations."""
        return not _names_in(domain) & set(env.names)

    def _keys(self, g: ast.Generator, found: IndexSet, pairs, env) -> tuple[list[Key], list[Key], list[ast.Binary]]:
        frame = Frame(found.size, None, np.zeros(found.size, int))
        inside = env.within(frame, loops_of(g, found, np.arange(found.size), frame))
        mine, theirs, used = [], [], []
        for c, a, b in pairs:
            one = self._quietly(lambda a=a: comparand(self.scope, a, inside))
            other = self._quietly(lambda b=b: comparand(self.scope, b, env)) if one is not None else None
            if other is None or one.kept or other.kept or one.arity != other.arity:
                continue
            if all(map(comparable, one.universes, other.universes)):
                mine.append(one)
                theirs.append(other)
                used.append(c)
        return mine, theirs, used

    def _quietly(self, read):
        """What cannot be read this way is looked at in every iteration, where its mistakes are told."""
        before, unknown = len(self.scope.problems.items), set(self.scope.unknown)
        try:
            found = read()
        except Unvectorizable:
            found = None
        if len(self.scope.problems.items) > before:
            del self.scope.problems.items[before:]
            self.scope.unknown = unknown
            return None
        return found


def conjuncts(condition: ast.Expr) -> list[ast.Expr]:
    """`a and b and c` apart."""
    found, rest = [], [condition]
    while rest:
        here = rest.pop()
        if isinstance(here, ast.Binary) and here.op == "and":
            rest += [here.right, here.left]
        else:
            found.append(here)
    return found


def _names_in(e: ast.Expr) -> set[str]:
    return {n.id for n in walk(e) if isinstance(n, ast.Name)}


def _matched(g: ast.Generator, found: IndexSet, mine: list[Key], theirs: list[Key], frame):
    """For each iteration, the elements whose keys are those of the iteration, in their order."""
    columns = [(c, u) for key in mine for c, u in zip(key.columns, key.universes)]
    lookup = Lookup(tuple(np.broadcast_to(c, (found.size,)) for c, _ in columns))
    wanted = [(c, u) for key in theirs for c, u in zip(key.columns, key.universes)]
    asked = tuple(np.broadcast_to(recoded(c, own, other), (frame.count,)) for (c, own), (_, other) in zip(wanted, columns))
    group = lookup.groups(asked)
    starts, ends = (np.append(lookup.ends, 0)[np.maximum(group, 0) + shift] for shift in (0, 1))
    sizes = np.where(group < 0, 0, ends - starts)
    if sizes.sum() > MANY:
        return sizes, {}
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    places = lookup.order[np.repeat(starts, sizes) + within]
    return sizes, loops_of(g, found, places, frame)
