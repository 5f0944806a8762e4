"""Sets of elements, and what stands for elements: labels, tuples, values of `in` parameters, `first(S)`."""

from __future__ import annotations

import re

import numpy as np

from ..diagnostics import Span
from ..syntax import ast
from .elements import IndexSet, Key, Universe, comparable, recoded
from .frames import TOP, Env, Loop, Unvectorizable
from .ir import Node, bad, const
from .parts import Part
from .walk import walk

BROKEN = Key((), ())  # a mistake that is reported
WHOLE_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})")


class Members(Part):
    """The part of the lowering that knows sets and their elements."""

    # --- sets ----------------------------------------------------------------------------

    def written_set(self, e: ast.Labels, name: str = "", env: Env = TOP) -> IndexSet | None:
        """`{"a", "b"}`, `{5, 7}`, `{("a", 1), ("b", 2)}`."""
        if not e.items:
            self.problems.error("BL0313", "this set has no members", e.span)
            return None
        rows = []
        for item in e.items:
            parts = item.items if isinstance(item, ast.Tuple) else (item,)
            values = [self._written(part, env) for part in parts]
            if any(v is None for v in values):
                return None
            rows.append(tuple(values))
        kinds = [(tuple(isinstance(v, str) for v in row), isinstance(i, ast.Tuple)) for row, i in zip(rows, e.items)]
        other = next((k for k, kind in enumerate(kinds) if kind != kinds[0]), None)
        if other is not None:
            self.problems.error(
                "BL0311",
                "the elements of a set are all labels, all whole numbers, or tuples of one form",
                e.items[other].span,
                secondary=[(e.items[0].span, "the first one")],
            )
            return None
        found = set_of_rows(name, rows, e.span, alone=not kinds[0][1])
        twice = found.lookup.repeated
        if twice is None:
            return found
        item = e.items[twice[1]]
        what = f'the label "{item.value}"' if isinstance(item, ast.Text) else f"`{item.span.text}`"
        self.problems.error("BL0311", f"{what} is in the set twice", item.span)
        return None

    def _written(self, item: ast.Expr, env: Env) -> str | int | None:
        if isinstance(item, ast.Text):
            return item.value
        if isinstance(item, ast.Name) and item.id not in self.symbols and item.id not in env.names:
            self.problems.error("BL0311", "a label is a string", item.span, hints=(f'write `"{item.span.text}"`',))
            return None
        value = self.whole_numbers(item, env, "an element of a set")
        if value is not None and value.ndim:
            raise Unvectorizable
        return None if value is None else int(value)

    def selected_set(self, e: ast.SetOf, env: Env = TOP, name: str = "") -> IndexSet | None:
        """`{l for l in LINE if cap[l] > 100}`: the elements, each once, in their order."""
        if env.names and any(isinstance(n, ast.Name) and n.id in env.names for n in walk(e)):
            raise Unvectorizable
        inner = self.generators.open(e.generators, e.condition, env.outside)
        key = None if inner is None else self.element(e.body, inner)
        if key is None:
            return None
        if key.kept:
            self.problems.error("BL0313", "an element of a set is a label, a whole number or a tuple of them", e.body.span)
            return None
        columns = tuple(np.broadcast_to(c, (inner.frame.count,)).astype(np.int64) for c in key.columns)
        found = IndexSet(name, columns, key.universes, e.span)
        lookup = found.lookup
        if lookup.repeated is not None:
            found = found.selected(name, np.sort(lookup.order[lookup.ends[:-1]]), e.span)
        return found

    # --- elements ------------------------------------------------------------------------

    def element(self, e: ast.Expr, env: Env) -> Key | None:
        """A label, a whole number or a tuple, known before solving; None after a mistake."""
        key = self.label_key(e, env)
        if key is not None:
            return None if key is BROKEN else key
        value = self.whole_numbers(e, env, "an element")
        return None if value is None else Key((value,), (None,), bool(value.ndim))

    def comparand(self, e: ast.Expr, env: Env) -> Key | None:
        """A side of a comparison, known before solving."""
        key = self.label_key(e, env)
        if key is not None:
            return None if key is BROKEN else key
        found = self.data(e, "a condition on iterations must be known before solving", env=env)
        value = None if found.bad or found.shape != () else self.peek(found, freeze=True)
        return None if value is None else Key((value,), (None,), found.batch is not None)

    def label_key(self, e: ast.Expr, env: Env) -> Key | None:
        """What is no plain number: a label, a tuple; `BROKEN` after a mistake, None where it is something else."""
        if isinstance(e, ast.Text):
            return Key((np.array(1),), (Universe((e.value,), loose=True),))
        if isinstance(e, ast.Tuple):
            return self._tuple_key(e, env)
        if isinstance(e, ast.Name):
            return self._named_key(e, env)
        if isinstance(e, ast.Index) and isinstance(e.base, ast.Name) and e.base.id not in env.names:
            symbol = self.symbols.get(e.base.id)
            if symbol is not None and symbol.kind == "param" and symbol.decl.domain is not None and self.resolve(symbol):
                return self._value_key(e, symbol, env)
        if isinstance(e, ast.Call) and e.function.id in ("first", "last") and e.function.id not in self.symbols:
            return self._end_key(e, env)
        return None

    def _tuple_key(self, e: ast.Tuple, env: Env) -> Key:
        parts = [self.element(item, env) for item in e.items]
        if any(p is None for p in parts):
            return BROKEN
        wrong = next((i for i, p in zip(e.items, parts) if p.arity > 1 or p.kept), None)
        if wrong is not None:
            self.problems.error("BL0311", "the components of a tuple are labels and whole numbers", wrong.span)
            return BROKEN
        return Key(tuple(p.columns[0] for p in parts), tuple(p.universes[0] for p in parts), any(p.batched for p in parts))

    def _named_key(self, e: ast.Name, env: Env) -> Key | None:
        loop = env.names.get(e.id)
        if isinstance(loop, Loop):
            return None if loop.is_number else self.loop_key(loop, env, e.span)
        symbol = None if loop is not None else self.symbols.get(e.id)
        if symbol is None or symbol.kind != "param" or symbol.decl.domain is None:
            return None
        if not self.resolve(symbol):
            return BROKEN
        if symbol.universe is None or symbol.elements is None or symbol.elements.ndim > 1:
            return None
        return Key((symbol.elements,), (symbol.universe,), False, symbol.elements.ndim == 1, symbol.domain_name)

    def loop_key(self, loop: Loop, env: Env, span: Span) -> Key:
        found = self.loop_value(loop, env, span)
        values = found.attr.astype(np.int64)
        if loop.tuples is not None:
            return loop.tuples.key(values, found.batch is not None)
        return Key((values,), (loop.universe,), found.batch is not None, False, loop.set_name)

    def _value_key(self, e: ast.Index, symbol, env: Env) -> Key | None:
        """`from[l]`, where the values of `from` are labels."""
        if symbol.universe is None:
            return None
        if symbol.elements is None:
            return BROKEN
        found = self.indexed(e, const(symbol.elements, e.base.span), symbol.dims, env, [(symbol.span, "declared here")])
        if found.bad:
            return BROKEN
        if len(found.shape) > 1:
            self.problems.error("BL0310", "an index is one label or a vector of labels, not a matrix", e.span)
            return BROKEN
        values = found.attr.astype(np.int64)
        return Key((values,), (symbol.universe,), found.batch is not None, len(found.shape) == 1, symbol.domain_name)

    # --- functions of sets ---------------------------------------------------------------

    def set_function(self, e: ast.Call, env: Env) -> Node:
        """`card(S)`, `ord(e)`, `first(S)`, `last(S)`, where they are numbers."""
        if e.function.id == "card":
            found = self._set_argument(e, env)
            return bad(e.span) if found is None else const(float(found.size), e.span)
        if e.function.id == "ord":
            return self._ord(e, env)
        key = self._end_key(e, env)
        if key is None:
            return const(self._end(e, env)[0], e.span)
        if key is not BROKEN:
            self.problems.error(
                "BL0311",
                f"`{e.span.text}` is {'a label' if key.arity == 1 else 'a tuple'}, not a number",
                e.span,
                hints=(f"use it as an index, `x[{e.span.text}]`, or compare it, `i == {e.span.text}`",),
            )
        return bad(e.span)

    def _set_argument(self, e: ast.Call, env: Env) -> IndexSet | None:
        if len(e.arguments) != 1 or e.keywords:
            self.problems.error(
                "BL0305", f"`{e.function.id}` takes a set", e.span, hints=(f"it is called as `{e.function.id}(S)`",)
            )
            return None
        return self.index_set(e.arguments[0], env, what=f"`{e.function.id}` is of")

    def _end(self, e: ast.Call, env: Env) -> tuple[int, ...] | None:
        found = self._set_argument(e, env)
        if found is None:
            return None
        if not found.size:
            self.problems.error("BL0317", f"`{e.span.text}` has no value: the set is empty", e.span)
            return None
        return tuple(int(c[0 if e.function.id == "first" else -1]) for c in found.columns)

    def _end_key(self, e: ast.Call, env: Env) -> Key | None:
        values = self._end(e, env)
        if values is None:
            return BROKEN
        found = self.index_set(e.arguments[0], env, quiet=True)
        if found.arity == 1 and not found.has_labels:
            return None
        return Key(tuple(map(np.array, values)), found.universes, set_name=found.name)

    def _ord(self, e: ast.Call, env: Env) -> Node:
        """The place of an element in the set that it runs over, or in a given one."""
        if e.keywords or len(e.arguments) not in (1, 2):
            self.problems.error("BL0305", "`ord` takes an element, or an element and a set", e.span)
            return bad(e.span)
        first = e.arguments[0]
        key = self.element(first, env)
        if key is None:
            return bad(e.span)
        if len(e.arguments) == 2:
            found = self.index_set(e.arguments[1], env, what="`ord` is of")
        else:
            loop = env.names.get(first.id) if isinstance(first, ast.Name) else None
            found = loop.domain if isinstance(loop, Loop) and loop.part < 0 else None
            if found is None:
                self.problems.error(
                    "BL0311",
                    f"`ord` needs the set: `{first.span.text}` does not run over one",
                    e.span,
                    hints=(f"write `ord({first.span.text}, S)`",),
                )
        if found is None or not self.fits(first, key, found):
            return bad(e.span)
        places = found.find(key)
        missing = np.ravel(places < 0)
        if missing.any():
            at = int(np.argmax(missing))
            self.problems.error("BL0309", f"{key.text(at)} is not in {name_of(found)}", first.span)
            return bad(e.span)
        return const(places + 1.0, e.span, len(places) if key.batched else None)

    def fits(self, e: ast.Expr, key: Key, found: IndexSet) -> bool:
        """Whether `e`, which is `key`, is of the kind of the elements of a set; reports it if not."""
        if found.accepts(key):
            return True
        if key.arity != found.arity:
            message = f"`{e.span.text}` is a {_kind(key)}, and {name_of(found)} has {found.words}s"
        elif any((a is None) != (b is None) for a, b in zip(key.universes, found.universes)):
            message = f"`{e.span.text}` is a {_kind(key)}, and {name_of(found)} has {found.words}s"
            if key.arity > 1:
                message = f"`{e.span.text}` and the elements of {name_of(found)} differ in where labels and numbers stand"
        else:
            of = f"`{key.set_name}`" if key.set_name else "another set"
            message = f"`{e.span.text}` is a {_kind(key)} of {of}, and {name_of(found)} has other {found.words}s"
        declared = [(found.span, "declared here")] if found.name and found.span else []
        self.problems.error("BL0311", message, e.span, secondary=declared)
        return False

    # --- questions -----------------------------------------------------------------------

    def membership(self, e: ast.Binary, env: Env) -> Node:
        """`e in S`."""
        key = self.element(e.left, env)
        found = self.index_set(e.right, env, what="`in` asks for an element of")
        if key is None or found is None or not self.fits(e.left, key, found):
            return bad(e.span)
        return _truth(found.find(key) >= 0, key, e.span)

    def labels_compared(self, e: ast.Binary, env: Env) -> Node | None:
        """`i == "a"`, `i != j`, `from[l] == b`, `a == (i, j)`; None where the sides are numbers."""
        if isinstance(e.left, ast.Text) and isinstance(e.right, ast.Text):
            return None
        keys = [self.label_key(side, env) for side in (e.left, e.right)]
        if any(k is BROKEN for k in keys):
            return bad(e.span)
        if any(k is None for k in keys):
            return None
        a, b = keys
        for text, other in ((e.left, b), (e.right, a)):
            if isinstance(text, ast.Text) and other.arity == 1 and other.universes[0] is not None:
                if text.value not in other.universes[0].codes:
                    self._no_label(text, other.universes[0].labels)
                    return bad(e.span)
        if a.arity != b.arity or not all(map(comparable, a.universes, b.universes)):
            what = "labels" if a.arity == b.arity == 1 else "elements"
            names = [f"of `{k.set_name}`" if k.set_name else "of another set" for k in keys]
            sides = [(s.span, f"a {_kind(k)} {n}") for s, k, n in zip((e.left, e.right), keys, names)]
            self.problems.error("BL0311", f"{what} of different sets are never equal", e.span, secondary=sides)
            return bad(e.span)
        if a.batched and b.kept or a.kept and b.batched:
            raise Unvectorizable
        equal = np.array(True)
        for x, u, y, v in zip(a.columns, a.universes, b.columns, b.universes):
            equal = equal & (recoded(x, u, v) == y)
        whole = Key(a.columns, a.universes, a.batched or b.batched, a.kept or b.kept)
        return _truth(equal if e.op == "==" else ~equal, whole, e.span)


def _truth(values: np.ndarray, key: Key, span: Span) -> Node:
    return const(values, span, len(values) if key.batched else None)


def _kind(key: Key) -> str:
    if key.arity == 1:
        return "number" if key.universes[0] is None else "label"
    return {2: "pair", 3: "triple"}.get(key.arity, f"tuple of {key.arity}")


def name_of(found: IndexSet) -> str:
    return f"the set `{found.name}`" if found.name else "the set"


def elements_of(found: IndexSet, most: int = 6) -> str:
    """The first elements, in words."""
    words = [found.key(np.array(k)).text() for k in range(min(found.size, most))]
    return ", ".join(words) + (", ..." if found.size > most else "")


def set_of_rows(name: str, rows: list[tuple], span: Span | None, alone: bool) -> IndexSet:
    """A set of rows of labels (str) and whole numbers; `alone`: of one component, which is no tuple."""
    columns = list(zip(*rows))
    texts = list(dict.fromkeys(v for column in columns if isinstance(column[0], str) for v in column))
    universe = Universe(tuple(texts), name if alone else "", loose=not (alone and name), of_tuples=not alone)
    codes = universe.codes
    return IndexSet(
        name,
        tuple(np.array([codes[v] for v in c] if isinstance(c[0], str) else c, dtype=np.int64) for c in columns),
        tuple(universe if isinstance(c[0], str) else None for c in columns),
        span,
    )
