"""Objectives of samples: the mean that a model writes `expect(e for i in 1..N)`, over a few drawn i in the place of all.

The nodes of e are made once more for the iterations that are drawn. At the leaves their columns are looked up: data at
places that are computed from the drawn numbers, so that nothing of a step is as long as the data. Other terms stay whole.

A drawn mean is unbiased only where the objective is linear in it, so it is refused within a nonlinear function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import casadi as ca
import numpy as np

from ..diagnostics import Span
from ..records import replace
from ..semantics.builtins import BUILTINS, bilinear, linear
from ..semantics.graph.evaluate import flat
from ..semantics.nodes.ir import Node, Segments, postorder

_LINEAR = {"+", "-", "neg", "gather", "rebatch", "stack", "collect", "transpose", "merge"}  # operators
_BILINEAR = {"*", "matmul"}


@dataclass(frozen=True, eq=False)
class Hindrance:
    """Why an objective cannot be sampled, and the place."""

    rule: str
    span: Span


class CannotSample(Exception):
    def __init__(self, rule: str, span: Span):
        super().__init__(rule)
        self.hindrance = Hindrance(rule, span)


@dataclass(frozen=True, eq=False, kw_only=True)
class Lookup:
    """Numbers that a sample needs.

    Attributes:
        values: the symbol that stands for them.
        places: entries of the source, from 0, in the order of `values`, in terms of the drawn numbers; None: all.
        parameter: the name of the source, its entries by columns; empty: the source is `table`.
        table: an expression of parameters, the same during a run.
    """

    values: ca.MX
    places: ca.MX | None
    parameter: str = ""
    table: ca.MX | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Sampled:
    """An objective over drawn samples: `expression` of x, y, parameters, the drawn numbers and what is looked up.

    Attributes:
        indices: a symbol for each mean, a column of drawn numbers from 0.
        sizes: how many there are to draw from, for each mean.
    """

    expression: ca.MX
    indices: tuple[ca.MX, ...]
    sizes: tuple[int, ...]
    lookups: tuple[Lookup, ...]


class Sampling:
    """What is needed to sample an objective; nothing is made before it is asked for.

    Args:
        terms: (sense, node): the objective is the sum of sense times node.
        symbols: variables, parameters and multipliers by name.
        translation: nodes to CasADi, from such symbols (see `build`).
    """

    def __init__(self, terms: tuple[tuple[int, Node], ...], symbols: dict[str, ca.MX], translation: Callable):
        self.terms, self._symbols, self._translation = terms, symbols, translation

    @cached_property
    def means(self) -> tuple[Node, ...]:
        """Every `expect` of the objective."""
        return tuple(n for n in postorder(*(n for _, n in self.terms)) if _is_mean(n))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of samples of each."""
        return tuple(n.args[0].batch for n in self.means)

    @cached_property
    def hindrance(self) -> Hindrance | None:
        """Why it cannot be sampled; an objective without `expect` can: all of it stays."""
        try:
            for _, term in self.terms:
                _require_linear(term)
            if self.means:
                self.drawn((1,) * len(self.means))
        except CannotSample as found:
            return found.hindrance
        return None

    def drawn(self, counts: tuple[int, ...]) -> Sampled:
        """The objective with means over `counts[k]` drawn samples.

        Raises:
            CannotSample: a mean is over what has no form for single samples.
        """
        indices = tuple(ca.MX.sym(f"drawn_{k}", count) for k, count in enumerate(counts))
        translate = self._translation(dict(self._symbols))
        lookups: list[Lookup] = []
        means = {id(mean): _Drawing(mean, index, translate, lookups).mean() for mean, index in zip(self.means, indices)}
        expression = sum(sense * translate(_with(term, means)) for sense, term in self.terms)
        return Sampled(expression=expression, indices=indices, sizes=self.sizes, lookups=tuple(lookups))


def _is_mean(n: Node) -> bool:
    return n.op == "fold" and n.attr[0] == "expect"


def _require_linear(term: Node) -> None:
    """The term is linear in each of its means."""
    with_mean: set[int] = set()
    for n in postorder(term):
        inside = [a for a in n.args if id(a) in with_mean]
        if _is_mean(n):
            with_mean.add(id(n))
        elif inside:
            _require_unbiased(n, inside)
            with_mean.add(id(n))


def _require_unbiased(n: Node, inside: list[Node]) -> None:
    """`n` is linear in its arguments `inside`, which hold means."""
    degree = BUILTINS[n.op].degree if n.op in BUILTINS else None
    several = n.op in _BILINEAR or degree is bilinear
    kind = n.attr if n.op == "reduce" else n.attr[0] if n.op == "fold" else ""
    if n.op in _LINEAR or degree is linear or kind in ("sum", "mean"):
        return
    if several and len(inside) == 1 and n.args[0] is not n.args[-1]:
        return
    if (n.op == "/" and inside == [n.args[0]]) or (n.op == "where" and n.args[0] not in inside):
        return
    what = "a product or quotient" if several or n.op in ("/", "^") else f"`{n.op}`"
    raise CannotSample(f"`expect` stands inside {what}, and the mean over a few samples would be biased", n.span)


def _with(root: Node, new: dict[int, Node]) -> Node:
    """The tree with other nodes in the place of some."""
    made = dict(new)
    for n in postorder(root):
        if id(n) not in made:
            args = tuple(made[id(a)] for a in n.args)
            made[id(n)] = n if all(a is b for a, b in zip(args, n.args)) else replace(n, args=args)
    return made[id(root)]


# --- the nodes of a mean, for drawn iterations --------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Space:
    """Iterations of a generator inside of the mean, `each` for every sample.

    `take[k * each + j]` is the iteration that is number j of sample k: numbers, for all samples, from which the places of
    data are found; drawn are whole runs of `each`.
    """

    take: np.ndarray
    each: int

    @property
    def by_sample(self) -> np.ndarray:
        return self.take.reshape(-1, self.each)


@dataclass(eq=False)
class _Drawing:
    """One mean: its nodes with `count` drawn samples in the place of all."""

    root: Node
    index: ca.MX
    translate: Callable[[Node], ca.MX]
    lookups: list[Lookup]
    known: dict[tuple[int, int], Node] = field(default_factory=dict)
    _spaces: dict[tuple[bytes, int], _Space] = field(default_factory=dict)
    _whole: _Space = field(default_factory=lambda: _Space(np.zeros(0, int), 1))  # outside of all generators

    @property
    def size(self) -> int:
        return self.root.args[0].batch

    @property
    def count(self) -> int:
        return self.index.numel()

    def mean(self) -> Node:
        body = self._made(self.root.args[0], self._space(np.arange(self.size), 1))
        return replace(self.root, args=(body,), attr=("expect", Segments(np.zeros(self.count, int), None)))

    def _made(self, root: Node, space: _Space) -> Node:
        """Arguments first, without recursion, as long chains are no mistake."""
        stack = [(root, space, False)]
        while stack:
            n, where, ready = stack.pop()
            key = (id(n), id(where))
            if key in self.known:
                continue
            below = list(self._below(n, where))
            if ready:
                self.known[key] = self._one(n, where, [self.known[id(a), id(w)] for a, w in below])
            else:
                stack.append((n, where, True))
                stack.extend((a, w, False) for a, w in reversed(below))
        return self.known[id(root), id(space)]

    def _space(self, take: np.ndarray, each: int) -> _Space:
        return self._spaces.setdefault((np.ascontiguousarray(take).tobytes(), each), _Space(take, each))

    # --- arguments, and the iterations that they are needed in ---------------------------

    def _below(self, n: Node, space: _Space) -> Iterator[tuple[Node, _Space]]:
        if n.op in ("const", "param", "var", "dual"):
            return
        if n.batch is None:
            if not n.is_data and all(a.batch is None for a in n.args):
                yield from ((a, self._whole) for a in n.args)
        elif n.op == "columns":
            raise CannotSample("the terms of this mean have no common form, so that single ones cannot be drawn", n.span)
        elif n.op == "gather" and n.args[0].batch is None:
            if not n.args[0].is_data:
                yield n.args[0], self._whole
        elif n.op == "rebatch":
            yield n.args[0], self._outer(n, space)
        elif n.op in ("fold", "collect"):
            yield n.args[0], self._inner(n, space)
        elif n.op == "merge":
            yield from self._branches(n, space)
        else:
            yield from ((a, self._whole if a.batch is None else space) for a in n.args)

    def _outer(self, n: Node, space: _Space) -> _Space:
        take = n.attr[space.take].reshape(-1, space.each)
        if (take == take[:, :1]).all():
            return self._space(take[:, 0], 1)
        return self._space(take.ravel(), space.each)

    def _inner(self, n: Node, space: _Space) -> _Space:
        segments: Segments = n.attr[1] if n.op == "fold" else n.attr
        sizes = segments.sizes[space.take]
        if not (sizes == sizes[0]).all():
            raise CannotSample("what is summed here has more terms in some samples than in others", n.span)
        if np.any(np.diff(segments.parent) < 0):
            raise CannotSample("what is summed here is not in the order of the samples", n.span)
        starts = np.cumsum([0, *segments.sizes[:-1]])
        return self._space((starts[space.take][:, None] + np.arange(sizes[0])).ravel(), space.each * int(sizes[0]))

    def _branches(self, n: Node, space: _Space) -> Iterator[tuple[Node, _Space]]:
        """Both branches; each where it applies if that is alike in all samples, else in all iterations."""
        chosen = n.attr[space.by_sample]
        alike = (chosen == chosen[0]).all()
        for part, mask in zip(n.args, (n.attr, ~n.attr)):
            own = np.maximum(np.cumsum(mask) - 1, 0)  # the iteration of the branch; some other where it does not apply
            if not alike:
                yield part, self._space(own[space.take], space.each)
            elif mask[space.by_sample[0]].any():
                here = own[space.by_sample[:, mask[space.by_sample[0]]]]
                yield part, self._space(here.ravel(), here.shape[1])

    # --- one node --------------------------------------------------------------------------

    def _one(self, n: Node, space: _Space, args: list[Node]) -> Node:
        if n.batch is None:
            return self._unbatched(n, args)
        batch = self.count * space.each
        if n.op == "const":
            return self._numbers(n, flat(n.attr, n.batch).T, space)
        if n.op == "gather":
            return self._gathered(n, space, args)
        attr = n.attr
        if n.op == "rebatch":
            if args[0].batch == batch:
                return args[0]
            attr = np.repeat(np.arange(self.count), space.each)
        elif n.op in ("fold", "collect"):
            each = args[0].batch // batch
            segments = Segments(np.repeat(np.arange(batch), each), batch, np.full(batch, each))
            attr = (n.attr[0], segments) if n.op == "fold" else segments
        elif n.op == "merge":
            return self._merged(n, space, args)
        return replace(n, args=tuple(args), batch=batch, attr=attr)

    def _unbatched(self, n: Node, args: list[Node]) -> Node:
        """The same for all samples; what is computed of much data is computed once."""
        if n.is_data and n.op not in ("const", "param"):
            if max(m.size * (m.batch or 1) for m in postorder(n)) < self.size:
                return n
            table = self.translate(n)
            symbol = ca.MX.sym(f"looked_up_{len(self.lookups)}", *table.shape)
            self.lookups.append(Lookup(values=symbol, places=None, table=table))
            return self._leaf(n, symbol, None)
        return replace(n, args=tuple(args)) if args else n

    def _merged(self, n: Node, space: _Space, args: list[Node]) -> Node:
        chosen = n.attr[space.by_sample]
        batch = self.count * space.each
        if len(args) == 1:
            return args[0]
        if (chosen == chosen[0]).all():
            return replace(n, args=tuple(args), batch=batch, attr=np.tile(chosen[0], self.count))
        condition = replace(n, op="const", args=(), shape=(), attr=n.attr.astype(float))
        return replace(n, op="where", args=(self._numbers(condition, n.attr[None, :] * 1.0, space), *args), batch=batch)

    def _gathered(self, n: Node, space: _Space, args: list[Node]) -> Node:
        base, index, batch = n.args[0], n.attr, self.count * space.each
        if base.batch is not None and index.ndim == len(n.shape):
            return replace(n, args=tuple(args), batch=batch)
        taken = index[space.take]
        three = taken.reshape(-1, space.each, *index.shape[1:])
        if (three == three[:1]).all():  # the same entries in all samples
            inside = args or [self._unbatched(base, [])]
            return replace(
                n, args=tuple(inside), batch=batch, attr=np.tile(three[0], (self.count, *(1,) * (index.ndim - 1)))
            )
        places = flat(taken, len(taken)).T
        if base.batch is None and base.is_data:
            return self._data(n, base, places, space)
        if base.batch is None and (base.params or base.op == "const") and len(np.unique(places)) >= self.size:
            raise CannotSample("an entry of this is taken for every sample, and it is computed for all of them", base.span)
        found = self._affine(places, space)
        if found is None:
            found = self._table_of(places, space)
        if base.batch is not None:
            found = ca.reshape(found, n.size, batch) + ca.DM(np.arange(batch)[None, :].repeat(n.size, 0) * base.size)
        return self._leaf(n, ca.reshape(ca.vec(self.translate(args[0]))[ca.vec(found)], n.size, batch), batch)

    # --- leaves ----------------------------------------------------------------------------

    def _leaf(self, n: Node, value: ca.MX, batch: int | None) -> Node:
        """A node that stands for `value`, under a name that no model can have."""
        name = f"{len(self.translate.symbols)} of a sample"
        self.translate.symbols[name] = value
        return replace(n, op="param", args=(), batch=batch, attr=name)

    def _numbers(self, n: Node, columns: np.ndarray, space: _Space) -> Node:
        """Constants: `columns`, one for each iteration of the generator of `n`."""
        batch, values = self.count * space.each, columns[:, space.take]
        whole = np.all(values == np.round(values)) and np.all(np.abs(values) < 2**24)
        found = self._affine(values, space) if whole else None  # fractions would be rounded otherwise
        if found is None:
            found = self._table_of(values, space)
        return self._leaf(n, ca.reshape(found, n.size, batch), batch)

    def _data(self, n: Node, base: Node, places: np.ndarray, space: _Space) -> Node:
        """Entries of data; where their places have no formula, they are put in the order of the samples once."""
        batch, found = self.count * space.each, self._affine(places, space)
        if base.op == "param" and found is not None:
            symbol = ca.MX.sym(f"looked_up_{len(self.lookups)}", n.size, batch)
            self.lookups.append(Lookup(values=symbol, places=found, parameter=base.attr))
            return self._leaf(n, symbol, batch)
        order = _by_sample(places, space).ravel(order="F").astype(int).tolist()
        table = ca.reshape(ca.vec(self.translate(base))[order], n.size * space.each, -1)
        return self._leaf(n, ca.reshape(self._looked_up(table), n.size, batch), batch)

    def _affine(self, values: np.ndarray, space: _Space) -> ca.MX | None:
        """`values`, a column for each iteration, as first + step * drawn number; None where they are not like that."""
        table = _by_sample(values, space)
        step = table[0, 1] - table[0, 0] if table.shape[1] > 1 else 0
        if not np.array_equal(table, table[:, :1] + step * np.arange(table.shape[1])):
            return None
        first = ca.MX(ca.DM(np.tile(table[:, 0], self.count)))
        if step == 0:
            return first
        return first + ca.vec(ca.mtimes(ca.DM.ones(len(table), 1), (float(step) * self.index).T))

    def _table_of(self, values: np.ndarray, space: _Space) -> ca.MX:
        return self._looked_up(ca.MX(ca.DM(_by_sample(values, space))))

    def _looked_up(self, table: ca.MX) -> ca.MX:
        """Columns of a table that has one for each sample."""
        rows = table.shape[0]
        symbol = ca.MX.sym(f"looked_up_{len(self.lookups)}", rows, self.count)
        start = ca.vec(ca.mtimes(ca.DM.ones(rows, 1), (float(rows) * self.index).T))
        places = start + ca.DM(np.tile(np.arange(rows), self.count)) if rows > 1 else start
        self.lookups.append(Lookup(values=symbol, places=places, table=table))
        return ca.vec(symbol)


def _by_sample(values: np.ndarray, space: _Space) -> np.ndarray:
    """A column for each iteration becomes a column for each sample."""
    rows = values.shape[0]
    return values.reshape(rows, -1, space.each).transpose(2, 0, 1).reshape(rows * space.each, -1)
