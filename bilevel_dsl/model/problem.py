"""A bilevel problem as mathematics: CasADi expressions, no algorithms.

    min  f(x, y)   over x in X         subject to  c(x, y) <= 0  or  == 0
    s.t. y in argmin { g(x, y) : y in Y, h(x, y) <= 0  or  == 0 }

`x` and `y` are the columns of all upper and all lower variables, each flattened by
columns (Fortran order). Data are symbols, never constants: their values ride along.
A maximised objective is stored negated; `sense` is -1 then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import casadi as ca
import numpy as np

from ..diagnostics import BilevelError, Diagnostic, Span
from ..semantics.checked import Checked, Given
from .embedding import Embedding
from .record import without_expressions
from .sampling import Sampling
from .scaling import Scaling
from .sets import ConstraintSet
from .split import Split

Index = tuple[tuple[object, ...] | None, ...]  # per dimension: its elements, labels, whole numbers, tuples; None: from 1


def labels_of(index: Index) -> tuple[tuple[str, ...] | None, ...]:
    """The elements in words: `north`, `5`, `a,b`."""
    return tuple(None if axis is None else tuple(map(_word, axis)) for axis in index)


def entry_of(variables: tuple[Variable, ...], place: int) -> str:
    """The entry of one of `variables` at a place of x or y."""
    return next(v for v in variables if v.offset <= place < v.offset + v.size).entry(int(place))


def entry_name(name: str, shape: tuple[int, ...], index: Index, place: int) -> str:
    """`flow[north,2]`: the entry at a place, by columns, of an array."""
    if not shape:
        return name
    at = np.unravel_index(place, shape, order="F")
    words = [labels[i] if labels else str(i + 1) for i, labels in zip(at, labels_of(index))]
    return f"{name}[{','.join(words)}]"


def _word(element: object) -> str:
    return ",".join(map(str, element)) if isinstance(element, tuple) else str(element)


@dataclass(frozen=True, eq=False)
class Parameter:
    """Data of the model. `symbol` has the CasADi shape (rows, cols); a scalar is 1 by 1."""

    name: str
    shape: tuple[int, ...]  # (), (n,), (m, n)
    symbol: ca.MX
    value: np.ndarray  # float64, of `shape`
    structural: bool  # also used in a shape, range, index or condition: fixed when built
    span: Span


@dataclass(frozen=True, eq=False)
class Variable:
    name: str
    level: str  # "upper" | "lower"
    shape: tuple[int, ...]
    expression: ca.MX  # its block of x or y, with the CasADi shape
    offset: int  # of its first entry in x or y
    set: ConstraintSet  # Free() if none was written
    start: np.ndarray | None  # of `shape`, None if none was written
    span: Span
    labels: tuple[tuple[str, ...] | None, ...] = ()  # per dimension, of a set of elements
    index: Index = ()
    whole: bool = False  # its entries are whole numbers; `set` is the box around them

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def slice(self) -> slice:
        return slice(self.offset, self.offset + self.size)

    def entry(self, place: int) -> str:
        """`flow[north,2]`: the entry at a place of x or y that is one of its own."""
        return entry_name(self.name, self.shape, self.index, place - self.offset)


@dataclass(frozen=True, eq=False)
class Objective:
    expression: ca.MX  # scalar, to be minimised: already negated for `maximize`
    sense: int  # +1 minimize, -1 maximize
    span: Span
    sampling: Sampling | None = None  # how to draw samples of it, where it comes from a model

    @property
    def samples(self) -> tuple[int, ...]:
        """The numbers of samples that its means `expect(...)` are over."""
        return self.sampling.sizes if self.sampling else ()

    def as_written(self, value: float) -> float:
        return self.sense * value


@dataclass(frozen=True, eq=False)
class Constraint:
    """Rows `expression <= 0` (kind "le") or `expression == 0` (kind "eq")."""

    name: str  # the label, or "line 14"
    level: str
    kind: str
    expression: ca.MX  # a column
    span: Span
    side: str = ""  # "lower" or "upper" for the two halves of l <= e <= u
    index: Index = ()  # of the dimensions of its label, and their sizes
    shape: tuple[int, ...] = ()
    places: np.ndarray | None = None  # of every row in an array of that shape, by columns; None: in their order

    def only(self, rows: list[int], expression: ca.MX | None = None) -> Constraint:
        """Some of its rows; `expression`: of all of them, in place of its own."""
        places = (np.arange(self.expression.numel()) if self.places is None else self.places)[rows]
        whole = self.expression if expression is None else expression
        return replace(self, expression=ca.vec(whole)[rows], places=places)

    def entry(self, k: int) -> str:
        """Row k in the model's words: `balance[D,3]`, `line 14`."""
        if int(np.prod(self.shape, dtype=int)) < 2:
            return self.name if self.expression.numel() == 1 else f"{self.name}, row {k + 1}"
        return entry_name(self.name, self.shape, self.index, int(k if self.places is None else self.places[k]))


@dataclass(frozen=True, eq=False)
class Named:
    """A named expression of `report`."""

    name: str
    shape: tuple[int, ...]
    expression: ca.MX
    span: Span
    index: Index = ()


@dataclass(frozen=True, eq=False)
class Dual:
    """The multipliers of a labelled lower constraint, or of the bounds of a lower variable.

    Entry `places[k]`, by columns, is `signs[k]` times the multiplier (>= 0 for "<=") of row `rows[k]` of the lower
    constraints, or of the bound of entry `rows[k]` of y; rows that share an entry add up. So an entry is the
    change of the follower's optimal value, as written, per unit of the right-hand side. Signs are 1 and -1; in a scaled
    problem they hold the way back to the user's units too.
    """

    name: str  # "cap", "y.lower"
    shape: tuple[int, ...]
    span: Span
    rows: np.ndarray
    places: np.ndarray
    signs: np.ndarray
    bounds: str = ""  # "lower" | "upper": rows are entries of y
    symbol: ca.MX | None = None  # that stands for it in upper expressions; None: not used
    index: Index = ()
    numbers: np.ndarray | None = None  # of `shape`, where they are known; see `value`

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def value(self) -> np.ndarray:
        """Of `shape`; zeros where nothing is known: they are no data, the method finds them."""
        return np.zeros(self.shape) if self.numbers is None else np.asarray(self.numbers, float)

    def matrix(self, n: int) -> np.ndarray:
        """`size` by n: the entries from the multipliers of all n rows, or of all n bounds."""
        found = np.zeros((self.size, n))
        np.add.at(found, (self.places, self.rows), self.signs)
        return found


@dataclass(frozen=True)
class Reference:
    """Known best values, as written in the model: maximised objectives are not negated."""

    upper: float | None = None
    lower: float | None = None
    variables: dict[str, np.ndarray] = field(default_factory=dict)
    source: str = ""


WRITERS: dict[str, Callable[[Checked], str]] = {}  # those who write pages stand above this layer, and register here


@dataclass(frozen=True, eq=False)
class Problem:
    name: str
    x: ca.MX  # column; 0 by 1 for a simple bilevel problem
    y: ca.MX
    upper_variables: tuple[Variable, ...]
    lower_variables: tuple[Variable, ...]
    f: Objective
    g: Objective
    upper_constraints: tuple[Constraint, ...]
    lower_constraints: tuple[Constraint, ...]
    parameters: tuple[Parameter, ...]  # those that the expressions use
    report: tuple[Named, ...] = ()
    duals: tuple[Dual, ...] = ()
    options: dict[str, object] = field(default_factory=dict)  # name -> float | str | bool
    option_spans: dict[str, Span] = field(default_factory=dict)
    reference: Reference = Reference()
    warnings: tuple[Diagnostic, ...] = ()
    text_hash: str = ""
    path: str = ""  # of the model's file, as it was named
    given: dict[str, Given] = field(default_factory=dict)  # parameters from outside
    timings: dict[str, float] = field(default_factory=dict)  # seconds: parse (read and check), build
    embedding: Embedding | None = None  # some of the user's entries are functions of those that are left: the way back
    scaling: Scaling | None = None  # of a scaled problem: the way back to the numbers of the user
    split: Split | None = None  # the follower's kinks are rows: the way back to its own variables
    checked: Checked | None = None  # the model as it was read, for those who describe it

    def __repr__(self) -> str:
        sizes = f"{self.x.numel()} upper and {self.y.numel()} lower variables" if self.x is not None else "from a pickle"
        return f"<Problem {self.name}: {sizes}>"

    def _repr_html_(self) -> str | None:
        """As typeset mathematics, in notebooks."""
        writer = WRITERS.get("html")
        return writer(self.checked) if writer and self.checked else None

    def __getstate__(self) -> dict:
        """For pickles: names, shapes, sets, data of the record, but no expressions; see `record.py`."""
        return {f.name: without_expressions(getattr(self, f.name)) for f in fields(self)}

    def require_expressions(self) -> None:
        """Raises BilevelError BL0415 where it came out of a pickle: it says what it was, and cannot be solved."""
        if self.x is None:
            hint = f"load it again: `bilevel_dsl.load({self.path!r}, ...)`"
            raise BilevelError(Diagnostic("BL0415", "a problem that was pickled has no expressions", hints=(hint,)))

    @property
    def is_simple(self) -> bool:
        """Both objectives are over the lower variables: the upper chooses among minimisers."""
        return not self.upper_variables

    @property
    def variables(self) -> tuple[Variable, ...]:
        return self.upper_variables + self.lower_variables

    @cached_property
    def whole(self) -> np.ndarray:
        """For each entry of x whether it takes whole numbers only. Sets and derivatives are those of the relaxation."""
        return np.repeat([v.whole for v in self.upper_variables], [v.size for v in self.upper_variables]).astype(bool)

    @property
    def used_duals(self) -> tuple[Dual, ...]:
        """Those in upper expressions: f, upper constraints and reports then depend on multipliers too."""
        return tuple(d for d in self.duals if d.symbol is not None)

    @cached_property
    def p(self) -> tuple[ca.MX, ...]:
        """What functions of the problem take after x and y: the data, then the multipliers that upper expressions use."""
        return (*(q.symbol for q in self.parameters), *(d.symbol for d in self.used_duals))

    @property
    def data(self) -> tuple[np.ndarray, ...]:
        """The value of each parameter as a flat column."""
        return tuple(np.asarray(q.value, float).ravel(order="F") for q in self.parameters)

    @property
    def matrices(self) -> list[ca.DM]:
        """Numbers for `p`, in its CasADi shapes."""
        return self.matrices_with([_matrix(d.value, d.symbol) for d in self.used_duals])

    def matrices_with(self, multipliers: Sequence) -> list:
        """The same with these, of whatever kind, for the multipliers."""
        return [*(_matrix(q.value, q.symbol) for q in self.parameters), *multipliers]

    @property
    def slots(self) -> dict[str, Dual]:
        """The multipliers that upper expressions use, by the name that they have in the state of a method."""
        return {f"p{len(self.parameters) + k}": d for k, d in enumerate(self.used_duals)}

    def matrices_of(self, state: Mapping[str, np.ndarray]) -> list[ca.DM]:
        """The same with the multipliers that the state of a run has."""
        return self.matrices_with([_matrix(state.get(name, d.value), d.symbol) for name, d in self.slots.items()])

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """The start written in the model, zeros where none is (not yet projected)."""
        return tuple(
            np.concatenate(
                [np.zeros(0)]
                + [np.zeros(v.size) if v.start is None else np.asarray(v.start, float).ravel(order="F") for v in level]
            )
            for level in (self.upper_variables, self.lower_variables)
        )


def _matrix(value: object, symbol: ca.MX) -> ca.DM:
    return ca.reshape(ca.DM(np.asarray(value, float).ravel(order="F")), *symbol.shape)
