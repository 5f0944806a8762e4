"""`let x[k in 0..N] = ...`: a named expression for each element, which may use those before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ..syntax import ast
from .builtins import words
from .frames import TOP, Env, Frame, Unvectorizable
from .ir import Dim, IndexSet, Node, bad, node
from .parts import Part
from .recurrence import Recurrence, own_entries
from .symbols import MANY, Symbol
from .together import NotAlike
from .walk import walk

FEW = 4  # entries up to which they are read one by one


@dataclass(eq=False)
class Own:
    """The entries of a `let` while they are defined, one after the other."""

    symbol: Symbol
    variable: str  # the loop variable along which
    numbers: np.ndarray  # its values
    place: int = 0  # of the entry that is being defined
    frame: Frame | None = None  # of all after the first, while they are defined at once
    node: Node | None = None  # all of them; None before the first one is known

    def entry(self, number: int) -> str:
        others = ", ..." if len(self.symbol.decl.generators) > 1 else ""
        return f"{self.symbol.name}[{number}{others}]"

    @property
    def first(self) -> str:
        return self.entry(int(self.numbers[0]))

    @property
    def now(self) -> str:
        return self.entry(int(self.numbers[self.place]))


class Families(Part):
    """The part of the lowering that reads named expressions with entries, and their uses."""

    _families: dict[int, Symbol]  # by the id of their nodes

    def resolve_family(self, symbol: Symbol) -> bool:
        decl: ast.Let = symbol.decl
        lead = self._family_dims(symbol)
        if lead is None:
            return False
        recursive = _uses(symbol, self.symbols)
        found = self._one_by_one(symbol, lead) if recursive else self._family_body(decl.generators, decl.value, TOP, lead)
        symbol.own = None
        if found is None or found.bad:
            return False
        entry = tuple(Dim(n) for n in found.shape[len(lead) :])
        symbol.node, symbol.dims = self.named(found, (*lead, *entry)), (*lead, *entry)
        self._families[id(found)] = symbol
        return True

    def _family_dims(self, symbol: Symbol) -> tuple[Dim, ...] | None:
        dims = []
        loops: set[str] = set()
        for g in symbol.decl.generators:
            inner = next((n for n in walk(g.domain) if isinstance(n, ast.Name) and n.id in loops), None)
            if inner is not None:
                self.problems.error(
                    "BL0313",
                    f"`{symbol.name}` has an entry for each pair of elements, and this set depends on `{inner.id}`",
                    g.domain.span,
                    hints=("use a set of pairs: `let x[(i, j) in S] = ...;`",),
                )
                return None
            found = self.index_set(g.domain)
            if found is None or not self.generators.matches(g, found):
                return None
            dim = self._family_dim(symbol, g, found)
            if dim is None:
                return None
            dims.append(dim)
            loops |= {name.id for name in g.names}
        if prod(d.size for d in dims) > MANY:
            count = prod(d.size for d in dims)
            self.problems.error("BL0315", f"this has {count:,} entries, more than {MANY:,}", symbol.span)
            return None
        return tuple(dims)

    def _family_dim(self, symbol: Symbol, g: ast.Generator, found: IndexSet) -> Dim | None:
        if not found.size:
            message = f"`{symbol.name}` has no entries: its loop runs over nothing"
            self.problems.error("BL0317", message, g.domain.span)
            return None
        if not found.keyed and not found.is_range:
            self.problems.error(
                "BL0313",
                f"the entries of `{symbol.name}` are over a set or a range, and these numbers are neither",
                g.domain.span,
                hints=("declare them: `set S = {2, 3, 5};`",),
            )
            return None
        return Dim.over(found)

    def _family_body(self, generators, value: ast.Expr, env: Env, lead: tuple[Dim, ...]) -> Node | None:
        """All entries at once: an array with a dimension for each loop, and those of an entry."""
        inner = self.generators.open(generators, None, env)
        if inner is None:
            return None
        body = self.iterated_body(lambda where: self.expr(value, where), inner, env, value.span)
        if body.bad:
            return body
        count, sizes = inner.frame.count, tuple(d.size for d in lead)
        if count * body.size > MANY:
            self.problems.error("BL0315", f"this has {count * body.size:,} entries, more than {MANY:,}", value.span)
            return bad(value.span)
        rows = self._folded(node("collect", (body,), (count, *body.shape), value.span, inner.frame.segments(), batch=None))
        if len(sizes) == 1:
            return rows
        places = np.arange(count).reshape(*sizes, *(1,) * len(body.shape))
        places = places + count * np.arange(body.size).reshape(body.shape, order="F")
        return self._folded(node("gather", (rows,), places.shape, value.span, places, batch=None))

    # --- recursion ------------------------------------------------------------------------

    def _one_by_one(self, symbol: Symbol, lead: tuple[Dim, ...]) -> Node | None:
        first, *rest = symbol.decl.generators
        if not self._has_order(symbol, first, lead[0]):
            return None
        along = self.generators.open((first,), None, TOP)
        count = along.frame.count
        if not self.generators.can_be_written_out(count, symbol.decl.span):
            return None
        own = symbol.own = Own(symbol, first.variable.id, along.names[first.variable.id].values)
        symbol.dims = lead
        found, value = Recurrence(count), symbol.decl.value
        for own.place in range(count):
            if own.place == 1 and count > FEW and not rest:
                whole = self._together(own, along, found)
                if whole is not None:
                    return whole if whole.bad else found.node(own.node.shape, value.span)
            env, before = along.iteration(own.place), len(self.problems.items)
            entry = self._family_body(rest, value, env, lead[1:]) if rest else self.expr(value, env)
            if entry is None or entry.bad or len(self.problems.items) > before or not self._fits(own, entry, lead):
                return None
            found.add(own.place, entry)
        return found.node(own.node.shape, value.span)

    def _together(self, own: Own, along: Env, found: Recurrence) -> Node | None:
        """All entries after the first at once; None if they have to be read one by one, also to see what is wrong."""
        value, at = own.symbol.decl.value, np.arange(1, len(own.numbers))
        own.frame = Frame(len(at), None, np.zeros(len(at), int))
        names = {own.variable: replace(along.names[own.variable], values=own.numbers[1:], frame=own.frame)}
        env = Env(own.frame, names, at_once=True)
        before, unknown = len(self.problems.items), set(self._unknown)
        broken = {s.name for s in self.symbols.values() if s.state == "broken"}
        try:
            body = self.expr(value, env)
            fits = not body.bad and len(self.problems.items) == before and body.shape == own.node.shape[1:]
            if fits and found.add_together(at, body, own.symbol.name):
                return body
        except (Unvectorizable, NotAlike):
            pass
        finally:
            own.frame = None
        if any(s.state == "broken" and s.name not in broken for s in self.symbols.values()):
            return bad(value.span)  # a mistake in another definition, which is reported once
        del self.problems.items[before:]
        self._unknown = unknown
        return None

    def _fits(self, own: Own, entry: Node, lead: tuple[Dim, ...]) -> bool:
        """Entries have one shape: that of the first one."""
        if own.node is None:
            shape = (len(own.numbers), *entry.shape)
            own.node = own_entries(own.symbol.name, shape, own.symbol.span)
            own.symbol.dims = (*lead, *(Dim(n) for n in shape[len(lead) :]))
            if prod(shape) > MANY:
                self.problems.error("BL0315", f"this has {prod(shape):,} entries, more than {MANY:,}", own.symbol.span)
            return prod(shape) <= MANY
        if entry.shape == own.node.shape[1:]:
            return True
        found, first = words(entry.shape), words(own.node.shape[1:])
        self.problems.error(
            "BL0301",
            f"the entries of `{own.symbol.name}` have one shape: `{own.now}` is {found}, and `{own.first}` {first}",
            entry.span,
        )
        return False

    def _has_order(self, symbol: Symbol, g: ast.Generator, dim: Dim) -> bool:
        if isinstance(g.variable, ast.Name) and (dim.members is None or dim.ranged):
            return True
        self.problems.error(
            "BL0215",
            f"`{symbol.name}` is defined by entries of its own, and its first loop is not along a range",
            g.span,
            secondary=[(_uses(symbol, self.symbols).span, "an entry of its own")],
            hints=("a recursion goes from smaller numbers to larger ones: `let x[k in 0..n] = ...;`",),
        )
        return False

    # --- uses -----------------------------------------------------------------------------

    def _family(self, base: ast.Expr, env: Env) -> Symbol | None:
        """The indexed `let` that `base` names."""
        symbol = self.symbols.get(base.id) if isinstance(base, ast.Name) and base.id not in env.names else None
        return symbol if symbol is not None and symbol.kind == "let" and symbol.decl.generators else None

    def _own(self, base: ast.Expr, env: Env) -> Own | None:
        """The entries that `base` names, if they are being defined here."""
        symbol = self._family(base, env)
        return symbol.own if symbol is not None and self._stack and self._stack[-1] is symbol else None

    def _entry(self, e: ast.Index, symbol: Symbol, env: Env) -> Node:
        """`x[k]`, an entry; `x[k][i]` and `x[k, i]`, a component of it; `x[1:3]`, several."""
        own = self._own(e.base, env)
        if own is None and not self.resolve(symbol):
            return bad(e.span)
        dims, loops = symbol.dims, len(symbol.decl.generators)
        base = symbol.node
        if own is not None:
            base = own.node or own_entries(symbol.name, tuple(d.size for d in dims), e.span)
        declared = [(symbol.span, "declared here")]
        lead, rest = self._apart(e.items, dims[:loops], env)
        if lead is None:
            self._wrong_number(e, base, dims, declared)
            return bad(e.span)
        items = (*(i for part in lead for i in part), *(ast.Slice(e.span, None, None) for _ in dims[loops:]))
        whole = ast.Index(e.span, e.base, items)
        found = self.indexed(whole, base, dims, env, declared, rows=False)
        if found.bad or own is not None and not self._descends(e, own, found, env):
            return bad(e.span)
        if not rest or own is not None and own.node is None:
            return found
        if len(found.shape) == len(dims) - loops:
            one = ast.Index(e.span, e.base, ())  # see `indexing._named`
            return self.indexed(ast.Index(e.span, one, rest), found, dims[loops:], env, declared)
        return self.indexed(e, base, dims, env, declared)

    def _descends(self, e: ast.Index, own: Own, found: Node, env: Env) -> bool:
        """Whether these entries are all before the one that is being defined."""
        places = found.attr % len(own.numbers)
        if own.frame is not None:
            back = env.frame.back_to(own.frame)
            now = 1 if found.batch is None else np.arange(1, len(own.numbers)) if back is None else back + 1
            if not np.all(places < np.reshape(now, (-1, *(1,) * len(found.shape)))):
                raise NotAlike
            return True
        places = np.ravel(places)
        wrong = places[places >= own.place]
        if not wrong.size:
            return True
        used = own.entry(int(own.numbers[wrong[0]]))
        by = "by itself" if wrong[0] == own.place else f"by `{used}`, which comes after it"
        self.problems.error(
            "BL0215",
            f"the entry `{own.now}` is defined {by}",
            e.span,
            f"here this is `{used}`",
            secondary=[(own.symbol.span, f"`{own.now}` needs it")],
            hints=(f"an entry may use those of smaller index: `{own.symbol.name}[{own.variable} - 1]`",),
        )
        return False

    def no_base_case(self, number: int, item: ast.Expr, own: Own) -> None:
        """The recursion runs below its range."""
        self.problems.error(
            "BL0216",
            f"`{own.now}` needs `{own.entry(number)}`, and `{own.symbol.name}` begins with `{own.first}`",
            item.span,
            f"here this is {number}",
            secondary=[(own.symbol.span, "it has no base case")],
            hints=(f"say what it is there: `if {own.variable} == {int(own.numbers[own.place])} then ... else ...`",),
        )

    def own_as_a_whole(self, e: ast.Name, own: Own) -> Node:
        self.problems.error(
            "BL0215",
            f"the entry `{own.now}` is defined by all of `{own.symbol.name}`, and so by itself",
            e.span,
            secondary=[(own.symbol.span, f"`{own.now}` needs it")],
            hints=(f"an entry may use those of smaller index: `{own.symbol.name}[{own.variable} - 1]`",),
        )
        return bad(e.span)


def _uses(symbol: Symbol, symbols: Mapping[str, Symbol]) -> ast.Name | None:
    """Where the definition of `symbol` names itself, also in the functions that it calls."""
    seen, stack = {symbol.name}, [symbol.decl.value]
    while stack:
        for n in walk(stack.pop()):
            if isinstance(n, ast.Name) and n.id == symbol.name:
                return n
            called = symbols.get(n.function.id) if isinstance(n, ast.Call) else None
            if called is not None and called.kind == "function" and called.name not in seen:
                seen.add(called.name)
                stack.append(called.decl.body)
    return None
