"""What goes into a model and what comes out, as data: for wrappers in other languages.

A model whose parameters have no values yet is described too: what depends on them has the shape null.
"""

from __future__ import annotations

from pathlib import Path

from ..diagnostics import BilevelError, Source
from ..semantics.check import Examined
from ..semantics.constraint_sets import CONSTRAINT_SETS
from ..semantics.names.symbols import Symbol
from ..semantics.nodes.elements import IndexSet
from ..syntax import ast

MISSING = "BL0330"  # the only error with which a model can be described


def interface(examined: Examined, tree: ast.Model, source: Source) -> dict:
    """The object of `bileveldsl interface`.

    Raises:
        BilevelError: all mistakes, but not that values are missing.
    """
    mistakes = [d for d in examined.problems.errors if d.code != MISSING]
    if mistakes:
        raise BilevelError(mistakes)
    symbols = examined.symbols.values()
    levels = [s for s in tree.statements if isinstance(s, ast.Level)]
    named = next((s.name.id for s in tree.statements if isinstance(s, ast.ProblemName)), Path(source.name).stem)
    reports = [e for s in tree.statements if isinstance(s, ast.Report) for e in s.entries]
    shapes = {r.name: list(r.node.shape) for r in examined.checked.report} if examined.checked else {}
    return {
        "schema": 1,
        "problem": named,
        "parameters": [_parameter(s) for s in symbols if s.kind == "param"],
        "sets": [_set(s) for s in symbols if s.index_set is not None],
        "upper": _level(next(v for v in levels if v.kind == "upper"), examined),
        "lower": [_level(v, examined) for v in levels if v.kind == "lower"],
        "report": [{"name": e.name.id, "shape": shapes.get(e.name.id)} for e in reports],
        "options": dict(examined.checked.options) if examined.checked else {},
    }


def _parameter(s: Symbol) -> dict:
    found = {**_array(s), "required": s.decl.value is None}
    if s.decl.domain is not None:
        found["in"] = s.decl.domain.span.text
    if s.is_text:
        found["text"] = s.text
    return found


def _array(s: Symbol) -> dict:
    """Name, shape, the dimensions as written, and the labels of each (null where it is numbered)."""
    dims = s.dims if s.state == "done" else None
    return {
        "name": s.name,
        "shape": None if dims is None else [d.size for d in dims],
        "dimensions": [d.span.text for d in s.decl.dimensions],
        "labels": [list(d.labels) if d.labels else None for d in dims] if dims is not None else None,
    }


def _set(s: Symbol) -> dict:
    found = s.index_set
    if not found.keyed:
        return {"name": s.name, "size": found.size, "range": [int(found.values[0]), int(found.values[-1])]}
    if found.arity == 1:
        key, members = "labels" if found.has_labels else "numbers", _elements(found)
    else:
        key, members = "tuples", [list(row) for row in zip(*(_elements(found, k) for k in range(found.arity)))]
    return {"name": s.name, "size": found.size, key: members}


def _elements(found: IndexSet, k: int = 0) -> list[str | int]:
    """A component of all elements."""
    universe, codes = found.universes[k], found.columns[k].tolist()
    return codes if universe is None else [universe.labels[code - 1] for code in codes]


def _whole(v: ast.Var, examined: Examined) -> dict:
    """Whether a variable takes whole numbers only, where it does."""
    named = [examined.symbols.get(e.id) if isinstance(e, ast.Name) else None for e in v.sets]
    values = [s.decl.value if s is not None and s.kind == "set" else e for s, e in zip(named, v.sets)]
    words = {e.id if isinstance(e, ast.Name) else e.function.id for e in values if isinstance(e, (ast.Name, ast.Call))}
    return {"whole": True} if any(CONSTRAINT_SETS[w].whole for w in words & set(CONSTRAINT_SETS)) else {}


def _level(level: ast.Level, examined: Examined) -> dict:
    objective = next(i for i in level.items if isinstance(i, ast.Objective))
    rows: dict[int, int] = {}
    if examined.checked:
        for c in examined.checked.upper_constraints + examined.checked.lower_constraints:
            rows[c.span.start] = max(rows.get(c.span.start, 0), c.node.size * (c.node.batch or 1))
    return {
        "name": level.name.id if level.name else "",
        "sense": objective.sense,
        "variables": [
            {**_array(examined.symbols[v.name.id]), "set": [e.span.text for e in v.sets], **_whole(v, examined)}
            for v in level.items
            if isinstance(v, ast.Var)
        ],
        "constraints": [
            {
                "label": c.label.id if c.label else None,
                "kind": "equation" if "==" in c.operators else "inequality",
                "rows": rows.get(c.span.start, 0) if examined.checked else None,
                "line": c.span.line,
            }
            for c in level.items
            if isinstance(c, ast.Constraint)
        ],
    }
