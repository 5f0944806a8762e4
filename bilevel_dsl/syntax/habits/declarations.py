"""Declarations as in AMPL and Python: bounds, attributes, lists of names, functions with a body."""

from __future__ import annotations

import re

from ..place import Mistake, Place
from ..tokens import END
from .say import say


def bounds(p: Place) -> Mistake | None:
    """Bounds of AMPL behind a variable, and its restrictions of a parameter."""
    relation = p.found.type in ("<=", ">=", "<", ">", "==")
    if p.kind == "param" and relation:
        return say(p, "parameters are not restricted here, as they are in AMPL", "leave this out")
    if p.kind != "var" or not (relation or (p.found.type == "=" and p.statement[:2] == ["var", "NAME"])):
        return None
    end = next(i for i in range(p.k, len(p.tokens)) if p.tokens[i].type in (";", END))
    if p.found.type == "=":
        return say(
            p,
            "a variable has no value: it is what is sought",
            f"a first value is `var {p.name} start {p.text(p.k + 1, end)};`, a fixed one is a `param` or a `let`",
            repair=p.replaced(0, 1, "start"),
        )
    low, high = "-inf", "inf"
    for part in p.text(p.k, end).split(","):
        bound = re.fullmatch(r"\s*([<>])=?\s*(.+?)\s*", part)
        if bound and bound[1] == ">":
            low = bound[2]
        elif bound:
            high = bound[2]
    declared = p.text(p.first, p.k)
    return say(p, "bounds behind a variable are AMPL; they are a set here", f"write `{declared} in [{low}, {high}];`")


def integers(p: Place) -> Mistake | None:
    if p.found.type == "NAME" and p.kind == "var" and p.found.text in ("binary", "integer", "int", "bool", "logical"):
        return say(
            p,
            "what a variable may be is a set after `in`",
            "write `var x in binary;`, or `var x in integer(0, 10);`",
            repair=p.replaced(0, 1),
        )
    return None


def words_behind_a_parameter(p: Place) -> Mistake | None:
    """AMPL's attributes."""
    if p.found.type != "NAME" or p.kind != "param":
        return None
    if p.found.text == "default":
        return say(
            p,
            "`default` is AMPL; every value in the file can be replaced from outside",
            "write `=`",
            repair=p.replaced(0, 1, "="),
        )
    if p.found.text in ("integer", "symbolic", "binary", "logical"):
        return say(p, f"`{p.found.text}` is AMPL; parameters are plain numbers", "leave it out", repair=p.replaced(0, 1))
    return None


def commas(p: Place) -> Mistake | None:
    """Between attributes, as in AMPL, or between names."""
    if p.found.type != "," or p.kind not in ("var", "param") or p.open_bracket():
        return None
    word = p.tokens[p.first].text
    if p.at(1).type == "NAME" and p.at(1).text not in ("integer", "binary", "default"):
        return say(
            p,
            f"one `{word}` declares one name",
            f"write `{p.text(p.first, p.k)}; {word} {p.at(1).text};`",
            repair=p.replaced(0, 1, ";", word),
        )
    return say(p, "the parts of a declaration stand without commas", "leave the comma out", repair=p.replaced(0, 1))


def bare_assignment(p: Place) -> Mistake | None:
    """`n = 3` of Python, MATLAB and GAMS, at the beginning of a statement."""
    first, second = p.tokens[p.first], p.tokens[min(p.first + 1, len(p.tokens) - 1)]
    if first.type != "NAME" or second.type != "=" or p.kind == "entry" or p.in_constraints:
        return None
    offset = p.first - p.k
    word = "let" if p.block else "param"
    hint = f"write `{word} {first.text} = ...;`" + (
        "" if p.block else f", or `let {first.text} = ...;` where it has variables"
    )
    end = p.line_end(p.first)
    ends = any(t.type == ";" for t in p.tokens[p.first : end])  # where lines end statements, the line is left out
    return say(
        p,
        "a definition begins with a keyword",
        hint,
        first=offset,
        last=offset + 1,
        repair=p.replaced(offset, offset, word) if ends else p.replaced(offset, end - p.k),
    )


def function_body(p: Place) -> Mistake | None:
    if p.kind == "function" and p.found.type in ("{", "->", ":") and p.before.type == ")":
        return say(
            p,
            "a function is a single expression",
            f"write `function {p.name}(...) = ...;`",
            repair=p.replaced(0, max(p.closing(p.k) + 1 - p.k, 1), "=", "NUMBER", ";") if p.found.type == "{" else None,
        )
    return None
