"""Examples that are no whole model, with what they leave out added."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from bilevel_dsl.diagnostics import BilevelError, Source
from bilevel_dsl.semantics.check import check
from bilevel_dsl.semantics.checked import Checked
from bilevel_dsl.semantics.graph.evaluate import evaluate
from bilevel_dsl.syntax import ast
from bilevel_dsl.syntax.parser import parse
from bilevel_dsl.syntax.tokens import tokenize

# What a fragment may use without declaring it.
DECLARATIONS = {
    "n": "param n = 4;",
    "I": "set I = 1..4;",
    "CITY": 'set CITY = {"north", "south"};',
    "A": "param A[3, 3] = [[1, 2, 3], [4, 5, 6], [7, 8, 10]];",
    "b": "param b[3] = [1, 2, 3];",
    "c": "param c[4] = [1, 2, 3, 4];",
}
UPPER = "upper { var x[4]; minimize sumsqr(x); }"
LOWER = "lower { var y[4]; minimize sumsqr(y); }"

_VALUE = re.compile(r"^(?:let|param) (\w+)[^#\n]*; *# = (.*)$", re.MULTILINE)
_CODE = re.compile(r"# (BL\d{4})$")


def whole(fragment: str) -> str:
    """The fragment and, behind it, the levels and data that it leaves to the reader."""
    text = fragment
    for kind, block in (("upper", UPPER), ("lower", LOWER)):
        if not re.search(rf"^{kind}\b", fragment, re.MULTILINE):
            text += block + "\n"
    tokens = tokenize(Source("fragment", text), problems=_Silent())
    used = {t.text for t in tokens if t.type == "NAME"}
    declared = {b.text for a, b in zip(tokens, tokens[1:]) if a.type in ("param", "set", "let", "function", "var")}
    return text + "\n".join(line for name, line in DECLARATIONS.items() if name in used - declared)


class _Silent:
    """Lexical mistakes are for the parser to report."""

    errors: tuple = ()

    def error(self, *args, **kwargs):
        raise AssertionError(args)


def checked(text: str, folder: Path) -> Checked:
    source = Source("fragment", text)
    return check(parse(source), source=source, base_dir=folder)


def values(fragment: str, folder: Path) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name, value found and value claimed of the definitions that have a comment `# = value`."""
    claims = _VALUE.findall(fragment)
    entries = "".join(f"found_{k} = {name}; claimed_{k} = {value};" for k, (name, value) in enumerate(claims))
    model = checked(f"{whole(fragment)}\nreport {{ {entries} }}" if claims else whole(fragment), folder)
    params = {p.name: p.value for p in model.params}
    by_name = {r.name: r.node for r in model.report}
    return [
        (name, *(evaluate(by_name[f"{kind}_{k}"], params) for kind in ("found", "claimed")))
        for k, (name, _) in enumerate(claims)
    ]


def mistakes(fragment: str, folder: Path) -> list[tuple[int, str]]:
    """Line and code of all errors, in order."""
    try:
        checked(whole(fragment), folder)
    except BilevelError as error:
        return sorted((d.primary.span.line, d.code) for d in error.diagnostics)
    return []


def claimed_mistakes(fragment: str) -> list[tuple[int, str]]:
    lines = enumerate(fragment.splitlines(), 1)
    return [(k, match[1]) for k, line in lines if (match := _CODE.search(line))]


def tree(fragment: str) -> ast.Model:
    return parse(Source("fragment", fragment))
