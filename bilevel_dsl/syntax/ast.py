"""The syntax tree of a `.bilevel` file.

Every node is a frozen dataclass that carries the `Span` of the text it was read from.
The tree says what was written, not what it means: names are not resolved, shapes are
not known, and `simplex(1)` after `in` is an ordinary call.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..diagnostics import Span


@dataclass(frozen=True, slots=True)
class Node:
    span: Span


# --- expressions ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expr(Node):
    pass


@dataclass(frozen=True, slots=True)
class Number(Expr):
    value: float  # `inf` is a Number; integers are floats with an integer value
    is_integer: bool = False  # written without `.` and exponent


@dataclass(frozen=True, slots=True)
class Text(Expr):
    value: str  # a string literal, unescaped


@dataclass(frozen=True, slots=True)
class Name(Expr):
    id: str


@dataclass(frozen=True, slots=True)
class Array(Expr):
    items: tuple[Expr, ...]  # [a, b]: a vector; [[a, b], [c, d]]: a matrix by rows


@dataclass(frozen=True, slots=True)
class Labels(Expr):
    items: tuple[Expr, ...]  # {"a", "b"}, {5, 7}, {("a", "b"), ...}: an index set written out, only in `set` and `for`


@dataclass(frozen=True, slots=True)
class Tuple(Expr):
    items: tuple[Expr, ...]  # (i, j): an element of a set of pairs, triples, ...


@dataclass(frozen=True, slots=True)
class Generator(Node):
    variable: Expr  # a Name, or a Tuple of Names: `(i, j) in ARC`
    domain: Expr  # a Name of an index set, a Range, Labels, or a SetOf

    @property
    def names(self) -> tuple[Name, ...]:
        """The loop variables."""
        return self.variable.items if isinstance(self.variable, Tuple) else (self.variable,)


@dataclass(frozen=True, slots=True)
class Comprehension(Expr):
    """`body for i in I, j in J if condition`: inside `[ ]` or as the argument of a call."""

    body: Expr
    generators: tuple[Generator, ...]
    condition: Expr | None
    in_brackets: bool = False


@dataclass(frozen=True, slots=True)
class SetOf(Expr):
    """`{body for i in I if condition}`: an index set."""

    body: Expr
    generators: tuple[Generator, ...]
    condition: Expr | None


@dataclass(frozen=True, slots=True)
class Range(Expr):
    lower: Expr
    upper: Expr


@dataclass(frozen=True, slots=True)
class Unary(Expr):
    op: str  # "-", "+", "not"
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    op: str  # + - * / @ ^ == != <= >= < > in and or
    left: Expr
    right: Expr
    op_span: Span


@dataclass(frozen=True, slots=True)
class Conditional(Expr):
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Transpose(Expr):
    operand: Expr


@dataclass(frozen=True, slots=True)
class Slice(Node):
    """`a:b` (both ends in) or `:` inside an index."""

    lower: Expr | None
    upper: Expr | None


@dataclass(frozen=True, slots=True)
class Index(Expr):
    base: Expr
    items: tuple[Expr | Slice, ...]


@dataclass(frozen=True, slots=True)
class Call(Expr):
    function: Name
    arguments: tuple[Expr, ...]
    keywords: tuple[tuple[Name, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute(Expr):
    """`y.lower`, only as the argument of `dual`."""

    base: Expr
    name: Name


# --- statements ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statement(Node):
    pass


@dataclass(frozen=True, slots=True)
class ProblemName(Statement):
    name: Name


@dataclass(frozen=True, slots=True)
class Param(Statement):
    name: Name
    dimensions: tuple[Expr | Slice, ...]  # a Slice: the value decides
    value: Expr | None
    domain: Expr | None = None  # after `in`: the index set that its values are elements of


@dataclass(frozen=True, slots=True)
class SetDecl(Statement):
    name: Name
    value: Expr  # Range | Labels | SetOf | a call that reads a file: an index set; otherwise a constraint set


@dataclass(frozen=True, slots=True)
class FunctionDecl(Statement):
    name: Name
    parameters: tuple[Name, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class Let(Statement):
    name: Name
    generators: tuple[Generator, ...]  # of one with entries, in [ ] after the name
    value: Expr  # of each entry


@dataclass(frozen=True, slots=True)
class Var(Statement):
    name: Name
    dimensions: tuple[Expr, ...]
    sets: tuple[Expr, ...]  # after each `in`: Name | Call | Array of two (a box)
    start: Expr | None


@dataclass(frozen=True, slots=True)
class Objective(Statement):
    sense: str  # "minimize" | "maximize"
    value: Expr


@dataclass(frozen=True, slots=True)
class Constraint(Statement):
    label: Name | None
    generators: tuple[Generator, ...]  # of an indexed constraint, in [ ] after the label
    condition: Expr | None
    terms: tuple[Expr, ...]  # two, or three for l <= e <= u
    operators: tuple[str, ...]  # "<=", ">=", "=="


@dataclass(frozen=True, slots=True)
class Level(Statement):
    kind: str  # "upper" | "lower"
    name: Name | None  # lower NAME { ... }
    items: tuple[Statement, ...]  # Var, Let, Objective, Constraint


@dataclass(frozen=True, slots=True)
class Entry(Node):
    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Options(Statement):
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Report(Statement):
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Reference(Statement):
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Model(Node):
    statements: tuple[Statement, ...]
