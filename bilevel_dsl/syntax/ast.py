"""The syntax tree of a `.bilevel` file.

Every node is a record that carries the `Span` of the text it was read from.
The tree says what was written, not what it means: names are not resolved, shapes are
not known, and `simplex(1)` after `in` is an ordinary call.
"""

from __future__ import annotations

from ..diagnostics import Span
from ..records import record


@record
class Node:
    """Compared and shown by the values of its fields."""

    span: Span

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self.__match_args__))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__match_args__)})"


# --- expressions ---------------------------------------------------------------------


@record
class Expr(Node):
    pass


@record
class Number(Expr):
    value: float  # `inf` is a Number; integers are floats with an integer value
    is_integer: bool = False  # written without `.` and exponent


@record
class Text(Expr):
    value: str  # a string literal, unescaped


@record
class Name(Expr):
    id: str


@record
class Array(Expr):
    items: tuple[Expr, ...]  # [a, b]: a vector; [[a, b], [c, d]]: a matrix by rows


@record
class Labels(Expr):
    items: tuple[Expr, ...]  # {"a", "b"}, {5, 7}, {("a", "b"), ...}: an index set written out, only in `set` and `for`


@record
class Tuple(Expr):
    items: tuple[Expr, ...]  # (i, j): an element of a set of pairs, triples, ...


@record
class Generator(Node):
    variable: Expr  # a Name, or a Tuple of Names: `(i, j) in ARC`
    domain: Expr  # a Name of an index set, a Range, Labels, or a SetOf

    @property
    def names(self) -> tuple[Name, ...]:
        """The loop variables."""
        return self.variable.items if isinstance(self.variable, Tuple) else (self.variable,)


@record
class Comprehension(Expr):
    """`body for i in I, j in J if condition`: inside `[ ]` or as the argument of a call."""

    body: Expr
    generators: tuple[Generator, ...]
    condition: Expr | None
    in_brackets: bool = False


@record
class SetOf(Expr):
    """`{body for i in I if condition}`: an index set."""

    body: Expr
    generators: tuple[Generator, ...]
    condition: Expr | None


@record
class Range(Expr):
    lower: Expr
    upper: Expr


@record
class Unary(Expr):
    op: str  # "-", "+", "not"
    operand: Expr


@record
class Binary(Expr):
    op: str  # + - * / @ ^ == != <= >= < > in and or
    left: Expr
    right: Expr
    op_span: Span


@record
class Conditional(Expr):
    condition: Expr
    then: Expr
    otherwise: Expr


@record
class Transpose(Expr):
    operand: Expr


@record
class Slice(Node):
    """`a:b` (both ends in) or `:` inside an index."""

    lower: Expr | None
    upper: Expr | None


@record
class Index(Expr):
    base: Expr
    items: tuple[Expr | Slice, ...]


@record
class Call(Expr):
    function: Name
    arguments: tuple[Expr, ...]
    keywords: tuple[tuple[Name, Expr], ...] = ()


@record
class Attribute(Expr):
    """`y.lower`, only as the argument of `dual`."""

    base: Expr
    name: Name


# --- statements ----------------------------------------------------------------------


@record
class Statement(Node):
    pass


@record
class ProblemName(Statement):
    name: Name


@record
class Param(Statement):
    name: Name
    dimensions: tuple[Expr | Slice, ...]  # a Slice: the value decides
    value: Expr | None
    domain: Expr | None = None  # after `in`: the index set that its values are elements of


@record
class SetDecl(Statement):
    name: Name
    value: Expr  # Range | Labels | SetOf | a call that reads a file: an index set; otherwise a constraint set


@record
class FunctionDecl(Statement):
    name: Name
    parameters: tuple[Name, ...]
    body: Expr


@record
class Let(Statement):
    name: Name
    generators: tuple[Generator, ...]  # of one with entries, in [ ] after the name
    value: Expr  # of each entry


@record
class Var(Statement):
    name: Name
    dimensions: tuple[Expr, ...]
    sets: tuple[Expr, ...]  # after each `in`: Name | Call | Array of two (a box)
    start: Expr | None


@record
class Objective(Statement):
    sense: str  # "minimize" | "maximize"
    value: Expr


@record
class Constraint(Statement):
    label: Name | None
    generators: tuple[Generator, ...]  # of an indexed constraint, in [ ] after the label
    condition: Expr | None
    terms: tuple[Expr, ...]  # two, or three for l <= e <= u
    operators: tuple[str, ...]  # "<=", ">=", "=="


@record
class Level(Statement):
    kind: str  # "upper" | "lower"
    name: Name | None  # lower NAME { ... }
    items: tuple[Statement, ...]  # Var, Let, Objective, Constraint


@record
class Entry(Node):
    name: Name
    value: Expr


@record
class Options(Statement):
    entries: tuple[Entry, ...]


@record
class Report(Statement):
    entries: tuple[Entry, ...]


@record
class Reference(Statement):
    entries: tuple[Entry, ...]


@record
class Model(Node):
    statements: tuple[Statement, ...]
