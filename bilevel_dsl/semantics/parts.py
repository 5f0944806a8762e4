"""What the parts of the lowering share: the data of one model, and what each part asks of the others.

`Lowering` and `Declarations` are made of these parts, a file each: values known before solving, elements of sets, files,
operators, calls, reductions, families, indices, multipliers, parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TYPE_CHECKING

import numpy as np

from ..diagnostics import Collector, Span
from ..syntax import ast
from .frames import TOP, Env, Loop
from .ir import Dim, Node

if TYPE_CHECKING:
    from pathlib import Path

    from .alike import Alike
    from .elements import IndexSet, Key
    from .families import Own
    from .generators import Generators
    from .sparse import Sparse
    from .symbols import Symbol


class Part:
    """The interface of the whole, for its parts."""

    # --- data of the model
    symbols: dict[str, Symbol]
    problems: Collector
    here: Span  # where there is no better place
    base: Path  # folder of relative files
    data_dirs: tuple[Path, ...]
    outside: dict[str, object]  # values that were given, and texts
    params: dict[str, np.ndarray]  # values that are known so far
    frozen: set[str]  # parameters that decided a size, an index or a condition
    loops: Callable[[], Set[str]]  # all loop variables of the model
    texts_by_use: Set[str]  # parameters that name files and columns
    missing: list[Symbol]  # parameters without a value
    used_duals: dict[str, tuple[tuple[Dim, ...], Span]]
    generators: Generators

    # --- where the reading is
    _unknown: set[str]  # names that were reported
    _texts: set[str]
    _stack: list[Symbol]  # declarations that are being resolved
    _alike: Alike

    # --- asked of `declarations.py`

    def _declared_dims(self, written: tuple[ast.Expr, ...], of_data: bool = False) -> tuple[Dim, ...] | None:
        raise NotImplementedError

    def resolve(self, symbol: Symbol) -> bool:
        raise NotImplementedError

    # --- asked of `duals.py`

    def _dual(self, e: ast.Call) -> Node:
        raise NotImplementedError

    # --- asked of `parameters.py`

    def is_text(self, symbol: Symbol) -> bool:
        raise NotImplementedError

    # --- asked of `lower.py`

    def expr(self, e: ast.Expr, env: Env = TOP) -> Node:
        raise NotImplementedError

    def loop_value(self, loop: Loop, env: Env, span: Span) -> Node:
        raise NotImplementedError

    # --- asked of `values.py`

    def _not_data(self, found: Node, span: Span, rule: str, hints=()) -> None:
        raise NotImplementedError

    def data(self, e: ast.Expr, rule: str, *hints: str, env: Env = TOP) -> Node:
        raise NotImplementedError

    def index_set(
        self, e: ast.Expr, env: Env = TOP, quiet: bool = False, what: str = "a generator runs over"
    ) -> IndexSet | None:
        raise NotImplementedError

    def peek(self, found: Node, freeze: bool = False) -> np.ndarray | None:
        raise NotImplementedError

    def scalar_data(self, e: ast.Expr, what: str) -> float | None:
        raise NotImplementedError

    def whole_numbers(self, e: ast.Expr, env: Env, what: str) -> np.ndarray | None:
        raise NotImplementedError

    # --- asked of `members.py`

    def _tuple_key(self, e: ast.Tuple, env: Env) -> Key:
        raise NotImplementedError

    def element(self, e: ast.Expr, env: Env) -> Key | None:
        raise NotImplementedError

    def fits(self, e: ast.Expr, key: Key, found: IndexSet) -> bool:
        raise NotImplementedError

    def label_key(self, e: ast.Expr, env: Env) -> Key | None:
        raise NotImplementedError

    def labels_compared(self, e: ast.Binary, env: Env) -> Node | None:
        raise NotImplementedError

    def membership(self, e: ast.Binary, env: Env) -> Node:
        raise NotImplementedError

    def selected_set(self, e: ast.SetOf, env: Env = TOP, name: str = "") -> IndexSet | None:
        raise NotImplementedError

    def set_function(self, e: ast.Call, env: Env) -> Node:
        raise NotImplementedError

    def written_set(self, e: ast.Labels, name: str = "", env: Env = TOP) -> IndexSet | None:
        raise NotImplementedError

    # --- asked of `reading.py`

    def columns_read(self, e: ast.Call) -> np.ndarray | None:
        raise NotImplementedError

    def file_text(self, a: ast.Expr) -> str | None:
        raise NotImplementedError

    def is_sparse_file(self, e: ast.Expr | None) -> bool:
        raise NotImplementedError

    def is_table(self, e: ast.Expr | None) -> bool:
        raise NotImplementedError

    def set_from_file(self, e: ast.Call, name: str = "") -> IndexSet | None:
        raise NotImplementedError

    def sparse_file(self, e: ast.Call) -> Sparse | None:
        raise NotImplementedError

    def table_value(self, e: ast.Call, name: str, dims: tuple[Dim, ...], domain: IndexSet | None) -> np.ndarray | None:
        raise NotImplementedError

    def text_is_reported(self, a: ast.Expr) -> bool:
        raise NotImplementedError

    # --- asked of `naming.py`

    def named(self, found: Node, dims: tuple[Dim, ...]) -> Node:
        raise NotImplementedError

    # --- asked of `operators.py`

    def _common(self, e: ast.Expr, parts, what: str) -> tuple[int, ...] | None:
        raise NotImplementedError

    @staticmethod
    def _folded(found: Node) -> Node:
        raise NotImplementedError

    # --- asked of `reductions.py`

    def _reduction(self, e: ast.Call, env: Env) -> Node:
        raise NotImplementedError

    def iterated_body(self, lower, inner: Env, env: Env, span: Span) -> Node:
        raise NotImplementedError

    # --- asked of `families.py`

    def _entry(self, e: ast.Index, symbol: Symbol, env: Env) -> Node:
        raise NotImplementedError

    def _family(self, base: ast.Expr, env: Env) -> Symbol | None:
        raise NotImplementedError

    def _own(self, base: ast.Expr, env: Env) -> Own | None:
        raise NotImplementedError

    def no_base_case(self, number: int, item: ast.Expr, own: Own) -> None:
        raise NotImplementedError

    # --- asked of `indexing.py`

    def _apart(self, items: tuple, dims: tuple[Dim, ...], env: Env) -> tuple[list[tuple] | None, tuple]:
        raise NotImplementedError

    def _dims(self, base: Node) -> tuple[Dim, ...]:
        raise NotImplementedError

    def _no_label(self, item: ast.Text, labels: tuple[str, ...], set_name: str = "") -> None:
        raise NotImplementedError

    def _wrong_number(self, e: ast.Index, base: Node, dims: tuple[Dim, ...], declared) -> None:
        raise NotImplementedError

    def indexed(self, e: ast.Index, base: Node, dims: tuple[Dim, ...], env: Env, declared, rows: bool = True) -> Node:
        raise NotImplementedError
