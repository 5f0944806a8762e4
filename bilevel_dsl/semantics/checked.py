"""A model after all checks: shapes are known, names resolved, data read. Still no mathematics."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..diagnostics import Diagnostic, Span
from ..records import record
from ..syntax import ast
from .constraint_sets import CONSTRAINT_SETS, ConstraintSet
from .data.sparse import Pattern, Sparse
from .nodes.elements import IndexSet
from .nodes.ir import Dim, Node, Shape


@record
class SetSpec:
    """A constraint set with checked data: `args` have the shape that `model/sets.py` wants."""

    kind: str
    args: tuple[Node, ...]
    span: Span

    @property
    def record(self) -> ConstraintSet:
        return CONSTRAINT_SETS[self.kind]


@record
class Given:
    """A parameter from outside: an array of numbers, of labels (dtype object), a text, or a sparse matrix."""

    value: np.ndarray | str | Sparse
    labels: tuple[tuple[str, ...] | None, ...] = ()  # per dimension, of a set of elements


@record
class CheckedParam:
    name: str
    shape: Shape
    dims: tuple[Dim, ...]
    value: np.ndarray
    structural: bool  # it decided a size, an index or a condition
    span: Span
    pattern: Pattern | None = None  # of a sparse matrix, whose entries are the value

    @property
    def declared(self) -> Shape:
        """The shape in the model: of a sparse matrix with its zeros."""
        return self.shape if self.pattern is None else self.pattern.shape


@record
class CheckedVar:
    name: str
    level: str  # "upper" | "lower"
    follower: str  # name of the lower block, empty if it has none
    shape: Shape
    dims: tuple[Dim, ...]
    set: SetSpec
    start: np.ndarray | None
    span: Span


@record
class CheckedObjective:
    node: Node  # as written
    sense: int  # +1 minimize, -1 maximize
    follower: str
    span: Span


@record
class CheckedConstraint:
    """`node <= 0` (kind "le") or `node == 0` (kind "eq"), entry by entry."""

    name: str  # the label, or "line 14"
    level: str
    follower: str
    kind: str
    node: Node
    span: Span
    side: str = ""  # "lower" or "upper" half of l <= e <= u
    label: str = ""
    dims: tuple[Dim, ...] = ()  # of its label
    places: np.ndarray | None = None  # of every row, in an array of `dims` by columns; None: in their order
    rhs: int = -1  # +1: the smaller side is the one counted as the right-hand side, -1: the larger


@record
class CheckedDual:
    """The multipliers of a labelled lower constraint, or of the bounds of a lower variable, and their shape."""

    name: str  # "cap" or "y.lower"
    dims: tuple[Dim, ...]
    span: Span  # where it is used first; else of the constraint
    used: bool  # in an expression
    constraints: tuple[int, ...]  # the constraints of that label among the lower ones
    variable: str = ""  # whose bounds they belong to
    side: str = ""  # "lower" | "upper" bounds

    @property
    def shape(self) -> Shape:
        return tuple(d.size for d in self.dims)


@record
class CheckedNamed:
    name: str
    node: Node
    span: Span
    dims: tuple[Dim, ...] = ()


@record
class Filled:
    """Entries of a parameter for which its table has no row: `default` stands there."""

    name: str
    missing: int
    size: int
    first: str  # the first of them, as messages show it
    span: Span  # of the default


@dataclass(frozen=True, eq=False)
class Checked:
    name: str
    params: tuple[CheckedParam, ...]
    index_sets: tuple[IndexSet, ...]
    upper_variables: tuple[CheckedVar, ...]
    lower_variables: tuple[CheckedVar, ...]
    upper_objective: CheckedObjective
    lower_objectives: tuple[CheckedObjective, ...]  # one for each follower
    upper_constraints: tuple[CheckedConstraint, ...]
    lower_constraints: tuple[CheckedConstraint, ...]
    report: tuple[CheckedNamed, ...]
    options: dict[str, float | str]
    option_spans: dict[str, Span]
    reference: dict[str, float | str | np.ndarray] = field(default_factory=dict)
    duals: tuple[CheckedDual, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    text_hash: str = ""
    path: str = ""  # of the file, as it was named
    given: dict[str, Given] = field(default_factory=dict)  # parameters from outside
    tree: ast.Model | None = None
    filled: tuple[Filled, ...] = ()

    @property
    def variables(self) -> tuple[CheckedVar, ...]:
        return self.upper_variables + self.lower_variables
