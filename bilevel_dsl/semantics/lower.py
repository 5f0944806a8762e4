"""Expressions to nodes: names are looked up, shapes checked, generators turned into array operations.

Every mistake is reported where it is, once; what depends on it becomes a bad node and is silent.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from math import prod

import numpy as np

from ..diagnostics import Span
from ..syntax import ast
from .alike import Alike
from .builtins import BUILTINS, is_known, words
from .calls import Calls
from .constraint_sets import CONSTRAINT_SETS
from .families import Families
from .frames import TOP, Env, Frame, Loop
from .generators import Generators
from .indexing import Indexing
from .ir import Node, bad, const, node
from .members import BROKEN, Members
from .naming import Naming
from .operators import Operators
from .reading import Reading
from .reductions import Reductions
from .symbols import MANY, Symbol, unknown_name
from .values import Values
from .zeros import is_sparse


class Lowering(Values, Members, Reading, Naming, Operators, Calls, Reductions, Families, Indexing):
    """Lowers expressions of one model; `names` resolves what is declared (see `declarations.py`)."""

    def __init__(self, symbols: dict[str, Symbol], problems, here: Span, base, data_dirs):
        self.symbols, self.problems, self.here = symbols, problems, here
        self.base, self.data_dirs = base, data_dirs
        self.params: dict[str, np.ndarray] = {}  # values
        self.frozen: set[str] = set()  # parameters that decided a size, an index or a condition
        self.loops: Callable[[], Set[str]] = frozenset  # all loop variables of the model
        self.texts_by_use: Set[str] = frozenset()  # parameters that name files and columns
        self.generators = Generators(self)
        self._unknown: set[str] = set()
        self._tables = {}
        self.filled = {}
        self._named = {}
        self._alike = Alike()
        self._families = {}

    def expr(self, e: ast.Expr, env: Env = TOP) -> Node:
        found = getattr(self, f"_{type(e).__name__.lower()}")(e, env)
        if not found.bad and prod(found.shape) * (found.batch or 1) > MANY and not is_sparse(found):
            size = prod(found.shape) * (found.batch or 1)
            self.problems.error("BL0315", f"this has {size:,} entries, more than {MANY:,}", e.span)
            return bad(e.span)
        return found

    def _number(self, e: ast.Number, env: Env) -> Node:
        return const(e.value, e.span)

    def _text(self, e: ast.Text, env: Env) -> Node:
        self.problems.error(
            "BL0311",
            "a string has no value in an expression",
            e.span,
            hints=('a label is an index, `x["a"]`, or is compared, `i == "a"`',),
        )
        return bad(e.span)

    def _labels(self, e: ast.Labels, env: Env) -> Node:
        self.problems.error(
            "BL0205",
            "a set has no value in an expression",
            e.span,
            hints=("a vector is written with brackets: `[1, 2]`",),
        )
        return bad(e.span)

    def _tuple(self, e: ast.Tuple, env: Env) -> Node:
        self.problems.error(
            "BL0205",
            "a tuple has no value in an expression",
            e.span,
            hints=("it is an element: an index, `x[i, j]`, or asked for, `(i, j) in S`; a vector is `[1, 2]`",),
        )
        return bad(e.span)

    _setof = _labels

    def _attribute(self, e: ast.Attribute, env: Env) -> Node:
        self.problems.error(
            "BL0391",
            "the bounds of a variable are named in `dual` only",
            e.span,
            hints=(f"write `dual({e.span.text})`",),
        )
        return bad(e.span)

    def _name(self, e: ast.Name, env: Env) -> Node:
        local = env.names.get(e.id)
        if isinstance(local, Loop):
            return self._loop_variable(e, local, env)
        if local is not None:
            return env.lift(*local, e.span)
        symbol = self.symbols.get(e.id)
        if symbol is None:
            return self._undeclared(e, env)
        own = self._own(e, env)
        if own is not None:
            return self.own_as_a_whole(e, own)
        if not self.resolve(symbol):
            return bad(e.span)
        if symbol.text is not None:
            self.problems.error(
                "BL0311",
                f"`{e.id}` is a text, and is used to name files and columns only",
                e.span,
                secondary=[(symbol.span, "declared here")],
            )
            return bad(e.span)
        if symbol.universe is not None:
            return self._label_is_no_number(e.span, self.label_key(e, env) or BROKEN)
        if symbol.kind == "let":
            return bad(e.span) if symbol.node.bad else symbol.node
        if symbol.kind in ("param", "var"):
            is_param = symbol.kind == "param"
            names = frozenset((e.id,))
            if symbol.pattern is not None:
                entries = Node("param", (), (symbol.pattern.size,), None, e.span, e.id, frozenset(), names)
                return node("sparse", (entries,), symbol.shape, e.span, symbol.pattern)
            return Node(symbol.kind, (), symbol.shape, None, e.span, e.id, *((frozenset(), names) if is_param else (names,)))
        hint = (
            f"call it: `{e.id}(...)`"
            if symbol.kind == "function"
            else "use it in `for i in ...`, as a dimension, or after `in`"
        )
        self.problems.error(
            "BL0205",
            f"the {symbol.words} `{e.id}` is not a value",
            e.span,
            hints=(hint,),
            secondary=[(symbol.span, "declared here")],
        )
        return bad(e.span)

    def _loop_variable(self, e: ast.Name, loop: Loop, env: Env) -> Node:
        if not loop.is_number:
            kind, like = "label", f'"{loop.universe.labels[0]}"' if loop.universe else ""
            if loop.tuples is not None:
                kind, like = loop.tuples.words, "b"
            self.problems.error(
                "BL0311",
                f"`{e.id}` is a {kind} of {f'`{loop.set_name}`' if loop.set_name else 'a set'}, not a number",
                e.span,
                hints=(f"use it as an index, `x[{e.id}]`, or compare it, `{e.id} == {like}`",),
            )
            return bad(e.span)
        return self.loop_value(loop, env, e.span)

    def loop_value(self, loop: Loop, env: Env, span: Span) -> Node:
        if loop.frame is None:  # written out: one number
            return const(float(loop.values), span)
        return env.lift(const(loop.values, span, loop.frame.count), loop.frame, span)

    def _undeclared(self, e: ast.Name, env: Env) -> Node:
        if any(d.code == "BL0204" and d.message.startswith(f"`{e.id}` ") for d in self.problems.errors):
            pass  # the model declares it, and has been told that the name is taken
        elif e.id in CONSTRAINT_SETS:
            hint = f"sets stand after `in`: `var x[3] in {e.id}{'(...)' if CONSTRAINT_SETS[e.id].most else ''}`"
            self.problems.error("BL0205", f"`{e.id}` is a constraint set, not a value", e.span, hints=(hint,))
        elif is_known(e.id):
            builtin = BUILTINS.get(e.id)
            hint = f"call it: `{builtin.signature}`" if builtin else f"call it: `{e.id}(...)`"
            self.problems.error("BL0205", f"`{e.id}` is a built-in function, not a value", e.span, hints=(hint,))
        else:
            self.undeclared(e, [*self.symbols, *env.names])
        return bad(e.span)

    def undeclared(self, name: ast.Name, known: list[str]) -> None:
        unknown_name(name, known, self.problems, self._unknown, self.loops())

    def _array(self, e: ast.Array, env: Env) -> Node:
        if not e.items:
            self.problems.error("BL0306", "an array needs at least one entry", e.span)
            return bad(e.span)
        items = [self.expr(i, env) for i in e.items]
        if any(i.bad for i in items):
            return bad(e.span)
        shapes = [i.shape for i in items]
        for shape, written in zip(shapes, e.items):
            if shape != shapes[0] or len(shape) > 1 and not all(i.op == "const" and i.batch is None for i in items):
                found = (
                    "the rows of a matrix are vectors"
                    if len(shape) > 1
                    else f"the entries of an array have one shape: this is {words(shape)}, the first one {words(shapes[0])}"
                )
                self.problems.error("BL0301", found, written.span)
                return bad(e.span)
        shape = (len(items), *shapes[0])
        if all(i.op == "const" and i.batch is None for i in items):
            return const(np.array([i.attr for i in items]), e.span)
        return node("stack", tuple(items), shape, e.span)

    def _range(self, e: ast.Range, env: Env) -> Node:
        found = self.index_set(e, env)
        return bad(e.span) if found is None else const(found.values, e.span)

    def _conditional(self, e: ast.Conditional, env: Env) -> Node:
        c = self.expr(e.condition, env)
        if c.bad:
            return c
        if c.is_data and c.shape == ():
            value = self.peek(c, freeze=True)
            if value is None:
                return bad(e.span)
            return self._chosen(e, value != 0, env)
        a, b = self.expr(e.then, env), self.expr(e.otherwise, env)
        if a.bad or b.bad:
            return bad(e.span)
        shape = self._common(e, ((c, e.condition), (a, e.then), (b, e.otherwise)), "`if`")
        return bad(e.span) if shape is None else node("where", (c, a, b), shape, e.span)

    def _chosen(self, e: ast.Conditional, truth: np.ndarray, env: Env) -> Node:
        """Only the branch that applies is read: `if i > 1 then x[i-1] else 0` never looks at x[0]."""
        if truth.all() or not truth.any():
            return self.expr(e.then if truth.all() else e.otherwise, env)
        parts = []
        for keep, branch in ((truth, e.then), (~truth, e.otherwise)):
            part = Frame(int(keep.sum()), env.frame, np.flatnonzero(keep))
            inner = env.within(part, env.names)
            found = self.expr(branch, inner)
            if not found.bad and found.batch is None:
                found = self._spread(found, part.count)
            parts.append(found)
        if any(p.bad for p in parts):
            return bad(e.span)
        if parts[0].shape != parts[1].shape:
            self.problems.error(
                "BL0301",
                f"the branches of `if` differ in shape: {words(parts[0].shape)} and {words(parts[1].shape)}",
                e.span,
            )
            return bad(e.span)
        return node("merge", tuple(parts), parts[0].shape, e.span, truth, batch=len(truth))
