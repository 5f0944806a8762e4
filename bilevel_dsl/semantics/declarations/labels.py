"""Parameters whose values are elements of a set."""

from __future__ import annotations

import numpy as np

from ...syntax import ast
from ..data.files import Unreadable
from ..data.matching import told
from ..expressions.index_sets import index_set
from ..expressions.keys import element_key, is_of_kind, no_label
from ..names.frames import TOP
from ..names.scope import Scope
from ..names.symbols import Symbol, written_at
from ..nodes.elements import IndexSet, name_of


def domain_of(scope: Scope, symbol: Symbol) -> IndexSet | None:
    """The set that the values are elements of."""
    e = symbol.decl.domain
    found = None if e is None else index_set(scope, e, what="the values of a parameter are `in`")
    if found is not None and found.arity > 1:
        scope.problems.error(
            "BL0313",
            f"a value is one label or number, and `{e.span.text}` has {found.words}s",
            e.span,
            hints=("declare a parameter for each component",),
        )
        return None
    return found


def resolve_labels(scope: Scope, symbol: Symbol, value: np.ndarray, domain: IndexSet, given: bool) -> bool:
    """Codes of labels, or whole numbers, that are to be elements of `domain`."""
    wrong = np.argwhere(~np.isin(value, domain.values))
    if len(wrong):
        at = tuple(wrong[0])
        universe = domain.universes[0]
        shown = f'"{universe.labels[int(value[at]) - 1]}"' if universe is not None else f"{value[at]:g}"
        scope.problems.error(
            "BL0335",
            f"{shown} is not in {name_of(domain)}, which the values of `{symbol.name}` are in",
            written_at(symbol, given),
            secondary=[(symbol.decl.domain.span, "declared here")],
        )
        return False
    symbol.value = value
    if domain.has_labels:
        symbol.universe, symbol.elements, symbol.domain_name = domain.universes[0], value, domain.name
    else:
        scope.params[symbol.name] = value
    return True


def labels_in_model(scope: Scope, e: ast.Expr, domain: IndexSet) -> np.ndarray | None:
    """`["a", "b"]`, `"a"`, `first(S)`, another parameter of labels: codes."""
    if isinstance(e, ast.Array) and e.items:
        rows = [labels_in_model(scope, item, domain) for item in e.items]
        if any(r is None for r in rows):
            return None
        if len({r.shape for r in rows}) > 1:
            scope.problems.error("BL0301", "the rows differ in length", e.span)
            return None
        return np.array(rows)
    if isinstance(e, ast.Text):
        code = domain.universes[0].codes.get(e.value, 0)
        if not code or code not in domain.values:
            no_label(scope, e, domain.labels, domain.name)
            return None
        return np.array(float(code))
    key = element_key(scope, e, TOP)
    if key is None or not is_of_kind(scope, e, key, domain):
        return None
    found = domain.find(key)
    if np.any(found < 0):
        shown = key.text(int(np.argmax(np.ravel(found < 0))))
        scope.problems.error("BL0335", f"{shown} is not in {name_of(domain)}", e.span)
        return None
    return domain.values[found].astype(float)


def codes_of(value: object, domain: IndexSet, name: str) -> np.ndarray:
    """Labels from outside as codes of their set."""
    labels = np.asarray(value, dtype=object)
    known = dict(zip(domain.labels, domain.values.tolist()))
    wrong = [v for v in labels.ravel().tolist() if not isinstance(v, str) or v not in known]
    if wrong:
        shown = told(['"' + w + '"' if isinstance(w, str) else str(w) for w in wrong])
        raise Unreadable(f"the value of `{name}` from outside has {shown}, not in {name_of(domain)}")
    return np.array([known[v] for v in labels.ravel()], float).reshape(labels.shape)
