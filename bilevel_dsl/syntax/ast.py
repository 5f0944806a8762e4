"""The syntax tree of a `.bilevel` file.

Every node is a frozen dataclass that carries the `Span` of the text it was read from.
The tree says what was written, not what it means: names are not resolved, shapes are
not known, and `simplex(1)` after `in` is an ordinary call.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..diagnostics import Span


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node:
    """Fields in a row, compared and shown by their values. One such method for all classes: made for each of them, they were
    a third of the time of import."""

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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Expr(Node):
    pass


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Number(Expr):
    value: float  # `inf` is a Number; integers are floats with an integer value
    is_integer: bool = False  # written without `.` and exponent


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Text(Expr):
    value: str  # a string literal, unescaped


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Name(Expr):
    id: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Array(Expr):
    items: tuple[Expr, ...]  # [a, b]: a vector; [[a, b], [c, d]]: a matrix by rows


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Labels(Expr):
    items: tuple[Expr, ...]  # {"a", "b"}, {5, 7}, {("a", "b"), ...}: an index set written out, only in `set` and `for`


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Tuple(Expr):
    items: tuple[Expr, ...]  # (i, j): an element of a set of pairs, triples, ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Generator(Node):
    variable: Expr  # a Name, or a Tuple of Names: `(i, j) in ARC`
    domain: Expr  # a Name of an index set, a Range, Labels, or a SetOf

    @property
    def names(self) -> tuple[Name, ...]:
        """The loop variables."""
        return self.variable.items if isinstance(self.variable, Tuple) else (self.variable,)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comprehension(Expr):
    """`body for i in I, j in J if condition`: inside `[ ]` or as the argument of a call."""

    body: Expr
    generators: tuple[Generator, ...]
    condition: Expr | None
    in_brackets: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SetOf(Expr):
    """`{body for i in I if condition}`: an index set."""

    body: Expr
    generators: tuple[Generator, ...]
    condition: Expr | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Range(Expr):
    lower: Expr
    upper: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Unary(Expr):
    op: str  # "-", "+", "not"
    operand: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Binary(Expr):
    op: str  # + - * / @ ^ == != <= >= < > in and or
    left: Expr
    right: Expr
    op_span: Span


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Conditional(Expr):
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Transpose(Expr):
    operand: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Slice(Node):
    """`a:b` (both ends in) or `:` inside an index."""

    lower: Expr | None
    upper: Expr | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Index(Expr):
    base: Expr
    items: tuple[Expr | Slice, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Call(Expr):
    function: Name
    arguments: tuple[Expr, ...]
    keywords: tuple[tuple[Name, Expr], ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Attribute(Expr):
    """`y.lower`, only as the argument of `dual`."""

    base: Expr
    name: Name


# --- statements ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Statement(Node):
    pass


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProblemName(Statement):
    name: Name


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Param(Statement):
    name: Name
    dimensions: tuple[Expr | Slice, ...]  # a Slice: the value decides
    value: Expr | None
    domain: Expr | None = None  # after `in`: the index set that its values are elements of


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SetDecl(Statement):
    name: Name
    value: Expr  # Range | Labels | SetOf | a call that reads a file: an index set; otherwise a constraint set


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FunctionDecl(Statement):
    name: Name
    parameters: tuple[Name, ...]
    body: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Let(Statement):
    name: Name
    generators: tuple[Generator, ...]  # of one with entries, in [ ] after the name
    value: Expr  # of each entry


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Var(Statement):
    name: Name
    dimensions: tuple[Expr, ...]
    sets: tuple[Expr, ...]  # after each `in`: Name | Call | Array of two (a box)
    start: Expr | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Objective(Statement):
    sense: str  # "minimize" | "maximize"
    value: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Constraint(Statement):
    label: Name | None
    generators: tuple[Generator, ...]  # of an indexed constraint, in [ ] after the label
    condition: Expr | None
    terms: tuple[Expr, ...]  # two, or three for l <= e <= u
    operators: tuple[str, ...]  # "<=", ">=", "=="


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Level(Statement):
    kind: str  # "upper" | "lower"
    name: Name | None  # lower NAME { ... }
    items: tuple[Statement, ...]  # Var, Let, Objective, Constraint


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Entry(Node):
    name: Name
    value: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Options(Statement):
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Report(Statement):
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Reference(Statement):
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Model(Node):
    statements: tuple[Statement, ...]
