"""Expressions to nodes: names are looked up, shapes checked, generators turned into array operations.

Every mistake is reported where it is, once; what depends on it becomes a bad node and is silent.

Functions of this folder read a node of the tree in a scope, at a place. They call each other for what is below, so which of
them reads which kind of node stands in tables: as a value (`VALUES`), as a set (`index_sets.INDEX_SETS`), as an element of
one (`keys.ELEMENTS`); and what is called, by its name (`calls.BY_NAME`). `__init__.py` fills them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from ...syntax import ast
from ..graph.zeros import is_sparse
from ..names.frames import TOP, Env
from ..names.scope import Scope
from ..nodes.ir import MANY, Node, bad

VALUES: dict[type[ast.Node], Callable[[Scope, Any, Env], Node]] = {}


def expr(scope: Scope, e: ast.Expr, env: Env = TOP) -> Node:
    """The node that `e` becomes at the place `env`."""
    found = VALUES[type(e)](scope, e, env)
    if not found.bad and prod(found.shape) * (found.batch or 1) > MANY and not is_sparse(found):
        size = prod(found.shape) * (found.batch or 1)
        scope.problems.error("BL0315", f"this has {size:,} entries, more than {MANY:,}", e.span)
        return bad(e.span)
    return found
