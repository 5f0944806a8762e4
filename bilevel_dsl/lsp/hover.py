"""What is said about a name: how it is declared, its kind, shape, set and data."""

from __future__ import annotations

from math import prod

import numpy as np

from ..semantics.builtins import words
from ..semantics.check import Examined
from ..semantics.constraint_sets import CONSTRAINT_SETS
from ..semantics.graph.evaluate import TooLarge, evaluate
from ..semantics.names.symbols import Symbol
from ..semantics.nodes.elements import elements_of
from ..semantics.nodes.ir import Dim
from ..syntax import ast
from ..syntax.tokens import Lexeme
from .analysis import Document
from .names import BuiltIn, Local, Occurrence
from .words import KEYWORDS, built_in

_FEW = 6  # entries that are listed


def hover(document: Document, here: Occurrence) -> str:
    """Markdown."""
    target = here.target
    if target is None:
        return f"`{here.name}` is not declared"
    if isinstance(target, BuiltIn):
        signature, doc = built_in(target.name)
        kind = "constraint set" if target.name in CONSTRAINT_SETS else "built-in function"
        return _page(signature, f"{kind}: {doc}")
    if isinstance(target, Local):
        return _page(*_of_local(target))
    # the same name after all checks; missing where the text has changed since
    known = document.examined.symbols.get(target.name, target)
    return _page(_declaration(target.decl), _of_symbol(known, document.examined), document.remark(target.decl.span))


def hover_keyword(token: Lexeme) -> str | None:
    return _page(token.text, KEYWORDS[token.text]) if token.text in KEYWORDS else None


def _page(code: str, *paragraphs: str) -> str:
    return "\n\n".join([f"```bilevel\n{code}\n```", *(p for p in paragraphs if p)])


def _declaration(decl: ast.Statement) -> str:
    lines = decl.span.text.splitlines()
    return lines[0] if len(lines) == 1 else "\n".join([*lines[:5], *(["..."] if len(lines) > 5 else [])])


def _of_local(target: Local) -> tuple[str, str]:
    if target.kind == "loop":
        return f"{target.name} in {target.domain.span.text}", "loop variable"
    if target.kind == "argument":
        return target.name, f"argument of the function `{target.scope.name.id}`"
    kinds = {
        "label": "label of a constraint",
        "follower": "name of a follower",
        "problem": "name of the model",
        "result": "named result",
    }
    return target.name, kinds[target.kind]


def _of_symbol(s: Symbol, examined: Examined) -> str:
    return {"var": _of_var, "param": _of_param, "let": _of_let, "set": _of_set, "function": lambda s, examined: "function"}[
        s.kind
    ](s, examined)


def _of_var(s: Symbol, examined: Examined) -> str:
    follower = f" `{s.follower}`" if s.follower else ""
    text = f"variable of the {s.level} level{follower}{_shape(s)}"
    sets = [
        f"`{e.span.text}`" + (f" ({CONSTRAINT_SETS[kind].doc})" if (kind := _set_kind(e)) in CONSTRAINT_SETS else "")
        for e in s.decl.sets
    ]
    return f"{text}; in {' and '.join(sets)}" if sets else f"{text}; free"


def _set_kind(e: ast.Expr) -> str:
    return e.id if isinstance(e, ast.Name) else e.function.id if isinstance(e, ast.Call) else ""


def _of_param(s: Symbol, examined: Examined) -> str:
    text = f"parameter{_shape(s)}"
    if s.universe is not None:
        text += f"; labels of `{s.domain_name}`{_labels(s)}"
    elif s.pattern is not None:
        text += f"; sparse, {s.pattern.size} entries"
    elif s.value is not None:
        text += f"; {_values(s.value, s.dims)}"
    elif s.decl.value is None:
        text += "; its value comes from outside"
    fixed = examined.checked and any(p.structural for p in examined.checked.params if p.name == s.name)
    return text + ("; decides a size, an index or a condition: fixed when the model is loaded" if fixed else "")


def _of_let(s: Symbol, examined: Examined) -> str:
    node = s.node
    if node is None or node.bad:
        return "named expression"
    text = f"named expression: {words(node.shape)}"
    if s.decl.generators:
        loops, entry = len(s.decl.generators), node.shape[len(s.decl.generators) :]
        count = ", ".join(d.span.text for d in s.decl.generators)
        text = f"named expression: {prod(node.shape[:loops])} entries, {count}, each {words(entry)}"
    if node.variables:
        levels = [
            f"{level} {', '.join(f'`{n}`' for n in names)}"
            for level in ("upper", "lower")
            if (names := sorted(n for n in node.variables if examined.symbols[n].level == level))
        ]
        return f"{text}; depends on the variables {' and '.join(levels)}"
    values = {p.name: p.value for p in examined.symbols.values() if p.kind == "param" and p.value is not None}
    if not node.params <= values.keys():
        return text
    try:
        return f"{text}; {_values(evaluate(node, values), tuple(Dim(n) for n in node.shape))}"
    except (np.linalg.LinAlgError, TooLarge):
        return text


def _of_set(s: Symbol, examined: Examined) -> str:
    found = s.index_set
    if found is None:
        kind = _set_kind(s.decl.value)
        return "constraint set" + (f": {CONSTRAINT_SETS[kind].doc}" if kind in CONSTRAINT_SETS else "")
    if found.keyed:
        few = ", ".join(found.labels[:_FEW]) + (", ..." if found.size > _FEW else "")
        return f"index set of {found.size} {found.words}s: {few if found.arity == 1 else elements_of(found, _FEW)}"
    return f"index set of {found.size} numbers, {found.values[0]} to {found.values[-1]}"


def _shape(s: Symbol) -> str:
    if s.dims is None:
        return ""
    over = [d.set_name for d in s.dims if d.set_name]
    return f", {words(s.shape)}" + (f" over {' and '.join(f'`{n}`' for n in over)}" if over else "")


def _labels(s: Symbol) -> str:
    """The values of a parameter of labels, where they are few."""
    if s.elements.ndim > 1 or s.elements.size > _FEW:
        return ""
    values = [s.universe.labels[int(code) - 1] for code in s.elements.ravel()]
    entries = s.dims[0].labels if s.dims and s.dims[0].labels else ("",) * len(values)
    return ": " + ", ".join(f"{entry} {value}".strip() for entry, value in zip(entries, values))


def _values(value: np.ndarray, dims: tuple[Dim, ...]) -> str:
    """Few entries are listed; of many, the range."""
    if value.shape == ():
        return f"value {float(value):.6g}"
    if value.ndim == 1 and value.size <= _FEW:
        labels = dims[0].labels or ("",) * value.size
        return "values " + ", ".join(f"{label} {v:.6g}".strip() for label, v in zip(labels, value))
    finite = value[np.isfinite(value)]
    if not finite.size:
        return "no finite values"
    text = f"values from {finite.min():.6g} to {finite.max():.6g}, mean {finite.mean():.6g}"
    return text + (f"; {value.size - finite.size} infinite" if finite.size < value.size else "")
