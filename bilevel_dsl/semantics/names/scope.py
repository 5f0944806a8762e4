"""What is known of one model while it is read.

Whoever reads a part of it is given the scope, and writes there what is found. Where the reading is, is part of `frames.Env`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...diagnostics import Collector, Span
from ..checked import CheckedConstraint, Filled
from ..data.tables import Table
from ..nodes.ir import Dim, Node
from .alike import Alike
from .symbols import Levels, Symbol

NOTHING: frozenset[str] = frozenset()


@dataclass(eq=False)
class Scope:
    """A model that is being read."""

    symbols: dict[str, Symbol]
    problems: Collector
    here: Span  # where there is no better place
    base: Path = Path(".")  # folder of relative files
    data_dirs: tuple[Path, ...] = ()  # others, from which it may read
    outside: Mapping[str, object] = field(default_factory=dict)  # values that were given, and texts
    texts: Set[str] = NOTHING  # of those, the names whose values are texts of the language
    levels: Levels = field(default_factory=Levels)
    loops: Callable[[], Set[str]] = frozenset  # all loop variables of the model
    texts_by_use: Callable[[], Set[str]] = frozenset  # parameters that name files and columns

    # --- found so far
    params: dict[str, np.ndarray] = field(default_factory=dict)  # values of parameters
    frozen: set[str] = field(default_factory=set)  # parameters that decided a size, an index or a condition
    missing: list[Symbol] = field(default_factory=list)  # parameters without a value
    filled: dict[str, Filled] = field(default_factory=dict)  # parameters for some of whose entries no table has a row
    lower_constraints: list[CheckedConstraint] | None = None  # None: not read yet
    used_duals: dict[str, tuple[tuple[Dim, ...], Span]] = field(default_factory=dict)

    # --- of nodes, by their ids
    dims: dict[int, tuple[Node, tuple[Dim, ...]]] = field(default_factory=dict)  # with the node, which must not be freed
    families: dict[int, Symbol] = field(default_factory=dict)  # of an indexed `let`
    alike: Alike = field(default_factory=Alike)

    # --- where the reading is
    stack: list[Symbol] = field(default_factory=list)  # declarations that are being resolved
    reading_lower: bool = False  # the constraints of the lower level are being read
    tables: dict[str, Table] = field(default_factory=dict)  # each file once
    unknown: set[str] = field(default_factory=set)  # names that were reported
    wrong_sizes: set[tuple[str, str]] = field(default_factory=set)  # sizes that were
