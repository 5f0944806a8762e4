"""Expressions to nodes: names are looked up, shapes checked, generators turned into array operations.

Every mistake is reported where it is, once; what depends on it becomes a bad node and is silent.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from math import prod

import numpy as np

from ..diagnostics import Fix, Span, did_you_mean
from ..syntax import ast
from .builtins import BUILTINS, FILES, FUNCTION_NAMES, REDUCTIONS, SET_FUNCTIONS, Builtin, Misuse, exactly, words
from .evaluate import evaluate
from .files import Unreadable, read
from .generators import Env, Frame, Generators, Loop, Unvectorizable
from .habits import FUNCTIONS
from .indexing import WHOLE, Indexing
from .ir import IndexSet, Node, bad, const, node
from .symbols import MANY, Symbol, unknown_name

COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
WRITTEN_OUT = 50_000  # iterations of a generator that has to be written out, at most
TOP = Env()


class Lowering(Indexing):
    """Lowers expressions of one model; `names` resolves what is declared (see `declarations.py`)."""

    def __init__(self, symbols: dict[str, Symbol], problems, here: Span, base, data_dirs):
        self.symbols, self.problems, self.here = symbols, problems, here
        self.base, self.data_dirs = base, data_dirs
        self.params: dict[str, np.ndarray] = {}  # values
        self.frozen: set[str] = set()  # parameters that decided a size, an index or a condition
        self.loops: Callable[[], Set[str]] = frozenset  # all loop variables of the model
        self.generators = Generators(self)
        self._unknown: set[str] = set()
        self._calls: list[ast.Call] = []
        self._inside_expect = False

    # --- entry points --------------------------------------------------------------------

    def scalar_data(self, e: ast.Expr, what: str) -> float | None:
        """The number that `e` is, known before solving."""
        found = self.data(e, f"{what} must be known before solving")
        if found.bad:
            return None
        if found.shape != ():
            self.problems.error("BL0306", f"{what} is a single number, not {words(found.shape)}", e.span)
            return None
        value = self.peek(found, freeze=True)
        return None if value is None else float(value)

    def data(self, e: ast.Expr, rule: str, *hints: str, env: Env = TOP) -> Node:
        """`e`, which may not depend on variables."""
        found = self.expr(e, env)
        if not found.bad and found.variables:
            self._not_data(found, e.span, rule, hints)
            return bad(e.span)
        return found

    def _not_data(self, found: Node, span: Span, rule: str, hints=()) -> None:
        names = sorted(found.variables)
        declared = [(self.symbols[n].span, f"`{n}` is a variable") for n in names[:1]]
        self.problems.error("BL0312", f"{rule}: this depends on the variable `{names[0]}`", span, hints=hints,
                            secondary=declared)

    def peek(self, found: Node, freeze: bool = False) -> np.ndarray | None:
        """The value of data; None if a parameter has none. `freeze`: the value decides the structure."""
        if found.bad or any(p not in self.params for p in found.params):
            return None
        if freeze:
            self.frozen |= found.params
        try:
            return evaluate(found, self.params)
        except np.linalg.LinAlgError:
            self.problems.error("BL0306", "a matrix in this expression is singular", found.span)
            return None

    def condition(self, e: ast.Expr, env: Env) -> np.ndarray | None:
        """The truth of a condition on data, in each iteration."""
        found = self.data(e, "a condition on iterations must be known before solving",
                          "what depends on a variable is chosen inside: `sum(if x[i] > 1 then x[i] else 0 for i in 1..n)`", env=env)
        if found.bad:
            return None
        if found.shape != ():
            self.problems.error("BL0314", f"a condition is true or false, not {words(found.shape)}", e.span,
                                hints=("it is read in each iteration: write `c[i]`, not `c`",))
            return None
        value = self.peek(found, freeze=True)
        return None if value is None else value != 0

    def whole_numbers(self, e: ast.Expr, env: Env, what: str) -> np.ndarray | None:
        found = self.data(e, f"{what} must be known before solving", env=env)
        if found.bad:
            return None
        if found.shape != ():
            self.problems.error("BL0306", f"{what} is a single number, not {words(found.shape)}", e.span)
            return None
        value = self.peek(found, freeze=True)
        if value is None:
            return None
        if not np.all(np.isfinite(value)) or np.any(value != np.round(value)) or np.any(np.abs(value) > 2**53):
            wrong = np.ravel(value)[np.argmax(np.ravel(~np.isfinite(value) | (value != np.round(value))))]
            self.problems.error("BL0308", f"{what} is {exactly(wrong)}, which is not a whole number", e.span, hints=WHOLE)
            return None
        return value.astype(np.int64)

    def index_set(self, e: ast.Expr, env: Env = TOP, quiet: bool = False) -> IndexSet | None:
        """The set that a generator runs over, or that is a dimension."""
        if isinstance(e, ast.Name) and e.id not in env.names:
            symbol = self.symbols.get(e.id)
            if symbol is not None and symbol.kind == "set":
                self.resolve(symbol)
                if symbol.index_set is None and symbol.state == "done" and not quiet:
                    self.problems.error("BL0313", f"`{e.id}` is a constraint set, and an index set is needed here", e.span,
                                        secondary=[(symbol.span, "declared here")])
                return symbol.index_set
        if isinstance(e, ast.Labels):
            return self.label_set(e)
        if isinstance(e, ast.Range):
            ends = [self.whole_numbers(end, env, "the end of a range") for end in (e.lower, e.upper)]
            if any(end is None for end in ends):
                return None
            if ends[1] - ends[0] > MANY:
                self.problems.error("BL0315", f"this range has {int(ends[1] - ends[0] + 1):,} members", e.span)
                return None
            return IndexSet("", np.arange(int(ends[0]), int(ends[1]) + 1), None, e.span)
        found = self.data(e, "the set of a generator must be known before solving", env=env)
        if found.bad:
            return None
        if found.shape == () or found.batch is not None or len(found.shape) > 1:
            end = e.span.text if found.shape == () else "n"
            self.problems.error("BL0313", f"a generator runs over a set or a range, not {words(found.shape)}", e.span,
                                hints=(f"a range is written `1..{end}`",))
            return None
        value = self.peek(found, freeze=True)
        if value is None:
            return None
        if np.any(value != np.round(value)):
            self.problems.error("BL0313", "a generator runs over whole numbers, and these are not", e.span)
            return None
        return IndexSet("", value.astype(np.int64), None, e.span)

    def label_set(self, e: ast.Labels, name: str = "") -> IndexSet | None:
        labels = []
        for item in e.items:
            if not isinstance(item, ast.Text):
                hint = "whole numbers are a range, `1..n`" if isinstance(item, ast.Number) else f'write `"{item.span.text}"`'
                self.problems.error("BL0311", "a label is a string", item.span, hints=(hint,))
                return None
            if item.value in labels:
                self.problems.error("BL0311", f'the label "{item.value}" is in the set twice', item.span)
                return None
            labels.append(item.value)
        if not labels:
            self.problems.error("BL0313", "this set has no members", e.span)
            return None
        return IndexSet(name, np.arange(1, len(labels) + 1), tuple(labels), e.span)

    # --- expressions ---------------------------------------------------------------------

    def expr(self, e: ast.Expr, env: Env = TOP) -> Node:
        found = getattr(self, f"_{type(e).__name__.lower()}")(e, env)
        if not found.bad and prod(found.shape) * (found.batch or 1) > MANY:
            size = prod(found.shape) * (found.batch or 1)
            self.problems.error("BL0315", f"this has {size:,} entries, more than {MANY:,}", e.span)
            return bad(e.span)
        return found

    def _number(self, e: ast.Number, env: Env) -> Node:
        return const(e.value, e.span)

    def _text(self, e: ast.Text, env: Env) -> Node:
        self.problems.error("BL0311", "a string has no value in an expression", e.span,
                            hints=("a label is an index, `x[\"a\"]`, or is compared, `i == \"a\"`",))
        return bad(e.span)

    def _labels(self, e: ast.Labels, env: Env) -> Node:
        self.problems.error("BL0205", "a set has no value in an expression", e.span,
                            hints=("a vector is written with brackets: `[1, 2]`",))
        return bad(e.span)

    def _attribute(self, e: ast.Attribute, env: Env) -> Node:
        self.problems.error("BL0391", "the multipliers of bounds are not supported yet", e.span)
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
        if not self.resolve(symbol):
            return bad(e.span)
        if symbol.kind == "let":
            return bad(e.span) if symbol.node.bad else symbol.node
        if symbol.kind in ("param", "var"):
            is_param = symbol.kind == "param"
            names = frozenset((e.id,))
            return Node(symbol.kind, (), symbol.shape, None, e.span, e.id, *((frozenset(), names) if is_param else (names,)))
        hint = f"call it: `{e.id}(...)`" if symbol.kind == "function" else "use it in `for i in ...`, as a dimension, or after `in`"
        self.problems.error("BL0205", f"the {symbol.words} `{e.id}` is not a value", e.span, hints=(hint,),
                            secondary=[(symbol.span, "declared here")])
        return bad(e.span)

    def _loop_variable(self, e: ast.Name, loop: Loop, env: Env) -> Node:
        if loop.labels is not None:
            self.problems.error("BL0311", f"`{e.id}` is a label of {f'`{loop.set_name}`' if loop.set_name else 'a set'}, not a number", e.span,
                                hints=(f"use it as an index, `x[{e.id}]`, or compare it, `{e.id} == \"{loop.labels[0]}\"`",))
            return bad(e.span)
        return self.loop_value(loop, env, e.span)

    def loop_value(self, loop: Loop, env: Env, span: Span) -> Node:
        if loop.frame is None:  # written out: one number
            return const(float(loop.values), span)
        return env.lift(const(loop.values, span, loop.frame.count), loop.frame, span)

    def _undeclared(self, e: ast.Name, env: Env) -> Node:
        if e.id in FUNCTION_NAMES:
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
        for item, shape, written in zip(items, shapes, e.items):
            if shape != shapes[0] or len(shape) > 1:
                found = "the rows of a matrix are vectors" if len(shape) > 1 else \
                    f"the entries of an array have one shape: this is {words(shape)}, the first one {words(shapes[0])}"
                self.problems.error("BL0301", found, written.span)
                return bad(e.span)
        shape = (len(items), *shapes[0])
        if all(i.op == "const" and i.batch is None for i in items):
            return const(np.array([i.attr for i in items]), e.span)
        return node("stack", tuple(items), shape, e.span)

    def _range(self, e: ast.Range, env: Env) -> Node:
        found = self.index_set(e, env)
        return bad(e.span) if found is None else const(found.values, e.span)

    def _transpose(self, e: ast.Transpose, env: Env) -> Node:
        a = self.expr(e.operand, env)
        if a.bad or a.shape == ():
            return a
        # a row becomes a column, and a column is a vector
        shape = (1, a.shape[0]) if len(a.shape) == 1 else (a.shape[1],) if a.shape[0] == 1 else a.shape[::-1]
        return self._folded(node("transpose", (a,), shape, e.span))

    def _unary(self, e: ast.Unary, env: Env) -> Node:
        signs, inner = [], e
        while isinstance(inner, ast.Unary):
            signs.append(inner)
            inner = inner.operand
        a = self.expr(inner, env)
        for u in reversed(signs):
            if not a.bad and u.op != "+":
                a = self._folded(node({"-": "neg", "not": "not"}[u.op], (a,), a.shape, u.span))
        return a

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
            inner = Env(part, env.names)
            found = self.expr(branch, inner)
            if not found.bad and found.batch is None:
                found = self._spread(found, part.count)
            parts.append(found)
        if any(p.bad for p in parts):
            return bad(e.span)
        if parts[0].shape != parts[1].shape:
            self.problems.error("BL0301", f"the branches of `if` differ in shape: {words(parts[0].shape)} and "
                                          f"{words(parts[1].shape)}", e.span)
            return bad(e.span)
        return node("merge", tuple(parts), parts[0].shape, e.span, truth, batch=len(truth))

    @staticmethod
    def _spread(found: Node, count: int) -> Node:
        """The same value in each of `count` iterations."""
        index = np.broadcast_to(np.arange(found.size).reshape(found.shape, order="F"), (count, *found.shape))
        return node("gather", (found,), found.shape, found.span, index, batch=count)

    # --- operators -----------------------------------------------------------------------

    def _binary(self, e: ast.Binary, env: Env) -> Node:
        spine = [e]
        while isinstance(spine[-1].left, ast.Binary):
            spine.append(spine[-1].left)
        result = None
        for b in reversed(spine):
            result = self._labels_compared(b, env) if b.op in ("==", "!=") else None
            if result is None:
                left = self.expr(b.left, env) if b is spine[-1] else last
                result = self._operated(b, left, self.expr(b.right, env))
            last = result
        return result

    def _labels_compared(self, e: ast.Binary, env: Env) -> Node | None:
        """`i == "a"`, and `i == j` where both are labels."""
        loops = [env.names.get(s.id) if isinstance(s, ast.Name) else None for s in (e.left, e.right)]
        labelled = [isinstance(v, Loop) and v.labels is not None for v in loops]
        texts = [isinstance(s, ast.Text) for s in (e.left, e.right)]
        if not any(labelled) or not all(a or b for a, b in zip(labelled, texts)):
            return None
        labels = loops[labelled.index(True)].labels
        sides = []
        for side, loop, text in zip((e.left, e.right), loops, texts):
            if text and side.value not in labels:
                self._no_label(side, labels)
                return bad(e.span)
            if not text and loop.labels != labels:
                names = [f"of `{v.set_name}`" if v.set_name else "of another set" for v in loops]
                self.problems.error("BL0311", "labels of different sets are never equal", e.span, secondary=[
                    (s.span, f"a label {n}") for s, n in zip((e.left, e.right), names)])
                return bad(e.span)
            sides.append(const(labels.index(side.value) + 1, side.span) if text else self.loop_value(loop, env, side.span))
        return self._folded(node(e.op, tuple(sides), (), e.span))

    def _operated(self, e: ast.Binary, a: Node, b: Node) -> Node:
        if a.bad or b.bad:
            return bad(e.span)
        if e.op == "@":
            return self._product(e, a, b)
        if a.shape != b.shape and a.shape and b.shape:
            self._unequal(e, a, b)
            return bad(e.span)
        return self._folded(node(e.op, (a, b), a.shape or b.shape, e.span))

    def _unequal(self, e: ast.Binary, a: Node, b: Node) -> None:
        if e.op == "*" and len(a.shape) == 2 and a.shape[1] == b.shape[0]:
            self.problems.error("BL0302", f"`*` multiplies entry by entry, and these are {words(a.shape)} and "
                                          f"{words(b.shape)}", e.op_span, hints=("the matrix product is `@`",),
                                fix=Fix(e.op_span, "@"))
            return
        hints = ()
        if sorted(a.shape) == sorted(b.shape) or (prod(a.shape) == prod(b.shape) and 1 in (a.shape + b.shape)):
            hints = ("transpose one of them with `'`",)
        elif e.op == "*" and len(a.shape) == len(b.shape) == 1:
            hints = ("the scalar product is `dot(a, b)`",)
        self.problems.error("BL0301", f"`{e.op}` works entry by entry, and the two sides differ in shape", e.op_span, secondary=[
            (e.left.span, words(a.shape)), (e.right.span, words(b.shape))], hints=hints)

    def _product(self, e: ast.Binary, a: Node, b: Node) -> Node:
        if not a.shape or not b.shape:
            scalars = [(w.span, "a scalar") for w, n in ((e.left, a), (e.right, b)) if not n.shape]
            self.problems.error("BL0303", "`@` is the product of matrices, not of scalars", e.op_span, secondary=scalars,
                                hints=("a scalar multiplies with `*`",), fix=Fix(e.op_span, "*"))
            return bad(e.span)
        (m, k), (k2, n) = (s if len(s) == 2 else (s[0], 1) for s in (a.shape, b.shape))
        if k != k2:
            hints = ("the scalar product of two vectors is `dot(a, b)`",) if len(a.shape) == len(b.shape) == 1 else ()
            if not hints and a.shape[0] == k2:
                hints = ("transpose the left side with `'`" if len(a.shape) == 2 else
                         f"a vector is a column: write `{_operand(e.left)}'` for the row",)
            self.problems.error("BL0303", f"`@` needs as many columns on the left ({k}) as rows on the right ({k2})",
                                e.op_span, secondary=[(e.left.span, words(a.shape)), (e.right.span, words(b.shape))],
                                hints=hints)
            return bad(e.span)
        if a.batch is not None and (b.batch is not None or m > 1) and not (m == 1 and n == 1):
            raise Unvectorizable
        shape = () if m == n == 1 else (m,) if len(b.shape) == 1 else (m, n)
        return self._folded(node("matmul", (a, b), shape, e.span))

    @staticmethod
    def _folded(found: Node) -> Node:
        """Constants of constants are computed at once: loop variables are constants."""
        if found.bad or not all(a.op == "const" for a in found.args):
            return found
        return Node("const", (), found.shape, found.batch, found.span, evaluate(found, {}))

    def _common(self, e: ast.Expr, parts, what: str) -> tuple[int, ...] | None:
        """The one shape of nodes that meet entry by entry; scalars go with anything."""
        shapes = {n.shape for n, _ in parts if n.shape}
        if len(shapes) > 1:
            self.problems.error("BL0301", f"{what} works entry by entry, on equal shapes or scalars", e.span, secondary=[
                (w.span, words(n.shape)) for n, w in parts])
            return None
        return shapes.pop() if shapes else ()

    # --- calls ---------------------------------------------------------------------------

    def _call(self, e: ast.Call, env: Env) -> Node:
        name = e.function.id
        symbol = self.symbols.get(name)
        if symbol is not None and name not in env.names:
            if symbol.kind == "function":
                return self._inlined(e, symbol, env)
            self.problems.error("BL0206", f"the {symbol.words} `{name}` is not a function", e.span,
                                hints=(f"an index is written with brackets: `{name}[i]`",),
                                secondary=[(symbol.span, "declared here")])
            return bad(e.span)
        if name in REDUCTIONS or name == "expect":
            return self._reduction(e, env)
        if name in FILES:
            return self._file(e)
        if name == "dual":
            self.problems.error("BL0391", "multipliers, `dual(...)`, are not supported yet", e.span)
            return bad(e.span)
        if name in SET_FUNCTIONS:
            self.problems.error("BL0205", f"`{name}` is a constraint set, not a value", e.span,
                                hints=("sets stand after `in`: `var x[3] in " + name + "(...)`",))
            return bad(e.span)
        builtin = BUILTINS.get(name)
        if builtin is None:
            self._no_function(e.function)
            return bad(e.span)
        return self._built_in(e, builtin, env)

    def _no_function(self, name: ast.Name) -> None:
        functions = [s.name for s in self.symbols.values() if s.kind == "function"]
        hints = (FUNCTIONS[name.id],) if name.id in FUNCTIONS else did_you_mean(name.id, [*functions, *FUNCTION_NAMES])
        if name.id not in self._unknown:
            self._unknown.add(name.id)
            self.problems.error("BL0206", f"there is no function `{name.id}`", name.span, hints=hints)

    def _inlined(self, e: ast.Call, symbol: Symbol, env: Env) -> Node:
        decl: ast.FunctionDecl = symbol.decl
        if len(e.arguments) != len(decl.parameters) or e.keywords:
            self.problems.error("BL0305", f"`{symbol.name}` takes {_count(len(decl.parameters), 'argument')}, not "
                                          f"{len(e.arguments) + len(e.keywords)}", e.span,
                                secondary=[(decl.span, "declared here")])
            return bad(e.span)
        if any(c.function.id == symbol.name for c in self._calls):
            self.problems.error("BL0213", f"the function `{symbol.name}` calls itself", e.span,
                                secondary=[(symbol.span, "declared here")])
            return bad(e.span)
        arguments = {p.id: (self.expr(a, env), env.frame) for p, a in zip(decl.parameters, e.arguments)}
        if any(a.bad for a, _ in arguments.values()):
            return bad(e.span)
        before = len(self.problems.items)
        self._calls.append(e)
        try:
            found = self.expr(decl.body, Env(env.frame, arguments))
        finally:
            self._calls.pop()
        if len(self.problems.items) > before and not self._calls:
            self.problems.label(before, e.span, "in this call")
        return found

    def _built_in(self, e: ast.Call, builtin: Builtin, env: Env) -> Node:
        arguments = self._arguments(e, builtin, env)
        if arguments is None:
            return bad(e.span)
        nodes = [self.expr(a, env) for a in arguments]
        if any(n.bad for n in nodes):
            return bad(e.span)
        if builtin.data_only and any(n.variables for n in nodes):
            wrong = next(n for n in nodes if n.variables)
            self._not_data(wrong, wrong.span, f"`{builtin.name}` is of data only")
            return bad(e.span)
        if any(n.batch is not None for n in nodes) and builtin.name in _NOT_IN_BATCHES:
            raise Unvectorizable
        if builtin.name in ("rows", "cols"):  # known from the shape, also of variables
            return const(float((*nodes[0].shape, 1, 1)[builtin.name == "cols"]), e.span)
        try:
            found = self._shaped(e, builtin, nodes, arguments)
            if not builtin.data_only:
                return self._folded(found)
            value = None if found.bad else self.peek(found, freeze=True)
            return bad(e.span) if value is None else const(value, e.span, found.batch)
        except Misuse as wrong:
            self.problems.error("BL0306", f"`{builtin.name}` {wrong}", e.span, hints=wrong.hints)
            return bad(e.span)

    def _arguments(self, e: ast.Call, builtin: Builtin, env: Env) -> list[ast.Expr] | None:
        """The arguments in order, named ones last; None after a mistake in their number."""
        names = [k.id for k, _ in e.keywords]
        unknown = [k for k, _ in e.keywords if k.id not in builtin.keywords]
        if unknown:
            hints = (f"it is called as `{builtin.signature}`",)
            self.problems.error("BL0305", f"`{builtin.name}` has no argument called `{unknown[0].id}`", unknown[0].span, hints=hints)
            return None
        missing = [k for k in builtin.keywords if k not in names]
        if missing:
            self.problems.error("BL0305", f"`{builtin.name}` needs `{missing[0]}=`, so that every run sees the same numbers",
                                e.span, hints=(f"it is called as `{builtin.signature}`",))
            return None
        count = len(e.arguments)
        if any(isinstance(a, ast.Comprehension) and not a.in_brackets for a in e.arguments):
            self.problems.error("BL0305", f"`{builtin.name}` takes no generator", e.span,
                                hints=("make a vector of it with brackets: `[... for i in 1..n]`",))
            return None
        if count < builtin.least or (builtin.most is not None and count > builtin.most):
            wanted = str(builtin.least) if builtin.least == builtin.most else \
                f"at least {builtin.least}" if builtin.most is None else f"{builtin.least} to {builtin.most}"
            self.problems.error("BL0305", f"`{builtin.name}` takes {wanted} argument{'' if wanted == '1' else 's'}, not {count}",
                                e.span, hints=(f"it is called as `{builtin.signature}`",))
            return None
        return [*e.arguments, *(v for _, v in e.keywords)]

    def _shaped(self, e: ast.Call, builtin: Builtin, nodes: list[Node], written: list[ast.Expr]) -> Node:
        if builtin.sizes is not None:
            return self._sized(e, builtin, nodes, written)
        if builtin.shape is None:
            shape = self._common(e, list(zip(nodes, written)), f"`{builtin.name}`")
            return bad(e.span) if shape is None else node(builtin.name, tuple(nodes), shape, e.span)
        return node(builtin.name, tuple(nodes), builtin.shape(*(n.shape for n in nodes)), e.span)

    def _sized(self, e: ast.Call, builtin: Builtin, nodes: list[Node], written: list[ast.Expr]) -> Node:
        """A function with whole numbers among its arguments that are the shape of its result."""
        plain = len(nodes) - len(builtin.keywords)
        sizes = []
        for n, w in list(zip(nodes, written))[builtin.sizes : plain]:
            size = self._size(n, w)
            if size is None:
                return bad(e.span)
            sizes.append(size)
        rest = nodes[: builtin.sizes] + nodes[plain:]
        if builtin.name == "reshape":
            if prod(sizes) != rest[0].size:
                raise Misuse(f"keeps the number of entries: {words(rest[0].shape)} does not become {words(tuple(sizes))}")
        elif any(n.shape != () for n in rest):
            wrong = next(n for n in rest if n.shape != ())
            raise Misuse(f"takes single numbers, not {words(wrong.shape)}")
        if prod(sizes) > MANY:
            self.problems.error("BL0315", f"this has {prod(sizes):,} entries, more than {MANY:,}", e.span)
            return bad(e.span)
        shape = (sizes[0], sizes[0]) if builtin.name == "eye" else tuple(sizes)
        return node(builtin.name, tuple(rest), shape, e.span, tuple(sizes))

    def _size(self, n: Node, written: ast.Expr) -> int | None:
        if n.variables:
            self._not_data(n, written.span, "a size must be known before solving")
            return None
        value = self.peek(n, freeze=True) if n.shape == () else None
        if n.shape != () or value is None or n.batch is not None:
            if n.shape != ():
                self.problems.error("BL0306", f"a size is a single number, not {words(n.shape)}", written.span)
            elif n.batch is not None:
                raise Unvectorizable
            return None
        if not (value >= 1 and value == np.round(value)):
            self.problems.error("BL0316", f"a size is a whole number from 1, not {float(value):g}", written.span)
            return None
        return int(value) if value < 2**53 else 2**53

    def _file(self, e: ast.Call) -> Node:
        name = e.function.id
        wanted = 2 if name in ("npz", "json") else 1
        texts = [a for a in e.arguments if isinstance(a, ast.Text)]
        if len(e.arguments) != wanted or len(texts) != wanted or e.keywords:
            usage = f'{name}("file", "key")' if wanted == 2 else f'{name}("file")'
            self.problems.error("BL0340", f"`{name}` is called as `{usage}`", e.span)
            return bad(e.span)
        try:
            array = read(name, texts[0].value, texts[1].value if wanted == 2 else None, self.base, self.data_dirs)
        except Unreadable as error:
            self.problems.error("BL0341", str(error), e.span, hints=error.hints)
            return bad(e.span)
        return const(array, e.span)

    # --- reductions and comprehensions ---------------------------------------------------

    def _reduction(self, e: ast.Call, env: Env) -> Node:
        kind = e.function.id
        if e.keywords or not e.arguments or (len(e.arguments) > 1 and kind not in ("min", "max")):
            self.problems.error("BL0305", f"`{kind}` takes one array or a generator", e.span,
                                hints=(f"write `{kind}(x)` or `{kind}(x[i] for i in 1..n)`",))
            return bad(e.span)
        first = e.arguments[0]
        if isinstance(first, ast.Comprehension) and not first.in_brackets:
            return self._expectation(e, first, env) if kind == "expect" else self._folded_generator(kind, first, env, e.span)
        if kind == "expect":
            self.problems.error("BL0351", "`expect` is the mean over samples", e.span,
                                hints=("write `expect(... for i in 1..N)`; of an array, it is `mean(...)`",))
            return bad(e.span)
        nodes = [self.expr(a, env) for a in e.arguments]
        if any(n.bad for n in nodes):
            return bad(e.span)
        if len(nodes) == 1:
            return nodes[0] if nodes[0].shape == () else self._folded(node("reduce", (nodes[0],), (), e.span, kind))
        shape = self._common(e, list(zip(nodes, e.arguments)), f"`{kind}`")
        if shape is None:
            return bad(e.span)
        found = nodes[0]
        for n in nodes[1:]:
            found = self._folded(node(f"{kind}2", (found, n), found.shape or n.shape, e.span))
        return found

    def _expectation(self, e: ast.Call, c: ast.Comprehension, env: Env) -> Node:
        if self._inside_expect or env.frame is not None:
            self.problems.error("BL0351", "`expect` stands inside another generator", e.span,
                                hints=("`expect` is outermost; a mean inside is `mean(...)`",))
            return bad(e.span)
        self._inside_expect = True
        try:
            return self._folded_generator("expect", c, env, e.span)
        finally:
            self._inside_expect = False

    def _folded_generator(self, kind: str, c: ast.Comprehension, env: Env, span: Span) -> Node:
        body, inner = self._iterated(c, env)
        if body is None or body.bad:
            return bad(span)
        segments = inner.frame.segments()
        empty = inner.frame.count == 0 or (segments.count is not None and not segments.sizes.all())
        if empty and kind in ("mean", "min", "max", "expect"):
            self.problems.error("BL0317", f"`{kind}` is over nothing: its generator has no iterations", span, secondary=[
                (g.span, "empty") for g in c.generators[:1]])
            return bad(span)
        if inner.frame.count == 0:
            value = 1.0 if kind == "prod" else 0.0
            count = segments.count
            return const(np.full(((count,) if count is not None else ()) + body.shape, value), span, count)
        if kind in ("prod", "min", "max") and segments.count is not None and not segments.uniform:
            raise Unvectorizable
        return self._folded(node("fold", (body,), body.shape, span, (kind, segments), batch=segments.count))

    def _comprehension(self, c: ast.Comprehension, env: Env) -> Node:
        body, inner = self._iterated(c, env)
        if body is None or body.bad:
            return bad(c.span)
        segments = inner.frame.segments()
        if not segments.uniform:
            raise Unvectorizable
        count = inner.frame.count if segments.count is None else int(segments.sizes[0]) if segments.count else 0
        if len(body.shape) > 1 or count == 0:
            if count == 0:
                self.problems.error("BL0317", "this vector has no entries", c.span)
            else:
                self.problems.error("BL0306", f"brackets gather numbers or vectors, not {words(body.shape)}", c.span,
                                    secondary=[(c.body.span, words(body.shape))],
                                    hints=("`vec(...)` makes a vector of a row: then each is a row of the result",))
            return bad(c.span)
        return self._folded(node("collect", (body,), (count, *body.shape), c.span, segments, batch=segments.count))

    def _iterated(self, c: ast.Comprehension, env: Env) -> tuple[Node | None, Env]:
        """The body for all iterations at once; written out one by one where there is no such form."""
        inner = self.generators.open(c.generators, c.condition, env)
        if inner is None:
            return None, env
        return self.iterated_body(lambda where: self.expr(c.body, where), inner, env, c.span), inner

    def iterated_body(self, lower, inner: Env, env: Env, span: Span) -> Node:
        """`lower(env)` with the batch of `inner.frame`."""
        before = len(self.problems.items)
        try:
            body = lower(inner)
        except Unvectorizable:
            del self.problems.items[before:]
            if env.frame is not None:
                raise
            return self._written_out(lower, inner, span)
        return self._spread(body, inner.frame.count) if not body.bad and body.batch is None else body

    def _written_out(self, lower, inner: Env, span: Span) -> Node:
        count = inner.frame.count
        if count > WRITTEN_OUT:
            self.problems.error("BL0315", f"this generator has {count:,} iterations, and its expression cannot be "
                                          f"evaluated for all of them at once", span,
                                hints=(f"at most {WRITTEN_OUT:,} are possible; products of whole matrices are faster",))
            return bad(span)
        nodes = []
        for k in range(count):
            names = {n: Loop(v.values[k], v.labels, v.set_name, None) if isinstance(v, Loop) and v.frame is inner.frame else v
                     for n, v in inner.names.items()}
            one = lower(Env(None, names))
            if one.bad:
                return one
            if nodes and one.shape != nodes[0].shape:
                self.problems.error("BL0301", "the shape of this expression changes from one iteration to the next", span)
                return bad(span)
            nodes.append(one)
        return node("columns", tuple(nodes), nodes[0].shape, span, batch=count) if nodes else const(np.zeros(0), span, 0)


def _operand(e: ast.Expr) -> str:
    return e.span.text if isinstance(e, (ast.Name, ast.Index, ast.Call, ast.Array)) else f"({e.span.text})"


_NOT_IN_BATCHES = {"diag", "kron", "outer", "solve", "inv", "det", "hcat", "vcat", "eye", "trace"}


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
