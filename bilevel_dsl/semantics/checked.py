"""A model after all checks: shapes are known, names resolved, data read. Still no mathematics."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..diagnostics import Diagnostic, Span
from ..syntax import ast
from .ir import Dim, IndexSet, Node, Shape
from .sets import SetSpec


@dataclass(frozen=True, eq=False)
class CheckedParam:
    name: str
    shape: Shape
    dims: tuple[Dim, ...]
    value: np.ndarray
    structural: bool  # it decided a size, an index or a condition
    span: Span


@dataclass(frozen=True, eq=False)
class CheckedVar:
    name: str
    level: str  # "upper" | "lower"
    follower: str  # name of the lower block, empty if it has none
    shape: Shape
    dims: tuple[Dim, ...]
    set: SetSpec
    start: np.ndarray | None
    span: Span


@dataclass(frozen=True, eq=False)
class CheckedObjective:
    node: Node  # as written
    sense: int  # +1 minimize, -1 maximize
    follower: str
    span: Span


@dataclass(frozen=True, eq=False)
class CheckedConstraint:
    """`node <= 0` (kind "le") or `node == 0` (kind "eq"), entry by entry."""

    name: str  # the label, or "line 14"
    level: str
    follower: str
    kind: str
    node: Node
    span: Span
    side: str = ""  # "lower" or "upper" half of l <= e <= u


@dataclass(frozen=True, eq=False)
class CheckedNamed:
    name: str
    node: Node
    span: Span


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
    warnings: tuple[Diagnostic, ...] = ()
    text_hash: str = ""
    tree: ast.Model | None = None

    @property
    def variables(self) -> tuple[CheckedVar, ...]:
        return self.upper_variables + self.lower_variables
