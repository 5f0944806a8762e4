"""Is an expression a scalar, a column, a row or a matrix? Enough to choose a notation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..semantics.builtins import BUILTINS, Builtin, Misuse
from ..semantics.nodes.ir import Shape
from ..syntax import ast

SCALAR, COLUMN, ROW, MATRIX = "scalar", "column", "row", "matrix"
_SHAPES = {SCALAR: (), COLUMN: (2,), ROW: (1, 2), MATRIX: (2, 2)}  # one of each kind


def of_shape(shape: tuple[int, ...]) -> str:
    return (SCALAR, COLUMN, ROW if shape[:1] == (1,) else MATRIX)[min(len(shape), 2)]


class Kinds:
    """Kinds of expressions, from the kinds of declared names; names that are not known are scalars."""

    def __init__(self, names: Mapping[str, str], lets: Mapping[str, ast.Let], functions: Mapping[str, ast.FunctionDecl]):
        self.names, self.lets, self.functions = dict(names), lets, functions
        self._entries: dict[str, str] = {}

    def inside(self, call: ast.Call) -> Kinds:
        """The kinds in the body of a function, as it is called there."""
        names = {p.id: self(a) for p, a in zip(self.functions[call.function.id].parameters, call.arguments)}
        return Kinds(self.names | names, self.lets, self.functions)

    def __call__(self, e: ast.Expr) -> str:
        return getattr(self, f"_{type(e).__name__.lower()}", lambda e: SCALAR)(e)

    def is_array(self, e: ast.Expr) -> bool:
        return self(e) != SCALAR

    def _name(self, e: ast.Name) -> str:
        if e.id not in self.names and e.id in self.lets:
            entry = self._entry(e.id)
            loops = len(self.lets[e.id].generators)
            whole = COLUMN if loops == 1 and entry == SCALAR else MATRIX
            self.names[e.id] = whole if loops else entry
        return self.names.get(e.id, SCALAR)

    def _entry(self, name: str) -> str:
        """The kind of a `let`, or of its entries if it has some."""
        if name not in self._entries:
            let = self.lets[name]
            self._entries[name] = SCALAR  # while it is looked at
            if not let.generators:
                self.names[name] = SCALAR
            self._entries[name] = self(let.value)
        return self._entries[name]

    def _array(self, e: ast.Array) -> str:
        return MATRIX if e.items and self.is_array(e.items[0]) else COLUMN

    def _comprehension(self, e: ast.Comprehension) -> str:
        return MATRIX if self.is_array(e.body) else COLUMN

    def _range(self, e: ast.Range) -> str:
        return COLUMN

    def _unary(self, e: ast.Unary) -> str:
        return self(e.operand)

    def _transpose(self, e: ast.Transpose) -> str:
        return {COLUMN: ROW, ROW: COLUMN}.get(self(e.operand), self(e.operand))

    def _conditional(self, e: ast.Conditional) -> str:
        return self._widest(e.condition, e.then, e.otherwise)

    def _binary(self, e: ast.Binary) -> str:
        if e.op != "@":
            return self._widest(e.left, e.right)
        left, right = self(e.left), self(e.right)
        if left == ROW:
            return SCALAR if right == COLUMN else ROW
        return COLUMN if right == COLUMN else MATRIX

    def _widest(self, *parts: ast.Expr) -> str:
        return next((k for k in map(self, parts) if k != SCALAR), SCALAR)

    def _index(self, e: ast.Index) -> str:
        name = e.base.id if isinstance(e.base, ast.Name) else ""
        let = None if name in self.names and name not in self._entries else self.lets.get(name)
        if let is not None and len(e.items) == (loops := sum(len(g.names) for g in let.generators)) and loops:
            return self._entry(name)  # x[k]
        kept = [isinstance(i, ast.Slice) or self.is_array(i) for i in e.items]
        if kept == [False, True]:
            return ROW
        return (SCALAR, COLUMN, MATRIX)[min(sum(kept), 2)]

    def _call(self, e: ast.Call) -> str:
        name = e.function.id
        if name in self.functions:
            return self.inside(e)(self.functions[name].body)
        builtin = BUILTINS.get(name)
        if name in ("sum", "prod", "mean", "expect") or name in ("min", "max") and len(e.arguments) == 1:
            return SCALAR
        if builtin is None or builtin.elementwise:
            return self._widest(*e.arguments)
        return self._sized(builtin, e) if builtin.shape is None else self._shaped(builtin.shape, e)

    def _sized(self, builtin: Builtin, e: ast.Call) -> str:
        """By the number of sizes: `zeros(m)`, `zeros(m, n)`; the rows of `eye(n)` are its columns."""
        sizes = len(e.arguments) - (builtin.sizes or 0)
        return MATRIX if builtin.name == "eye" or sizes > 1 else COLUMN if sizes else SCALAR

    def _shaped(self, rule: Callable[..., Shape], e: ast.Call) -> str:
        """The rule for shapes, asked about one shape of each kind."""
        try:
            return of_shape(rule(*(_SHAPES[self(a)] for a in e.arguments)))
        except (Misuse, TypeError):  # where a name is not known it is taken for a scalar; TypeError: too few arguments
            return self._widest(*e.arguments)
