"""Operators of other languages: `:=`, `**`, `.*`, `=e=`, a single quote."""

from __future__ import annotations

from ..place import RELATIONS, Mistake, Place
from .say import say


def assignment(p: Place) -> Mistake | None:
    if p.types(0, 1) != (":", "=") or not p.adjacent(0):
        return None
    if p.kind == "var":
        return say(
            p,
            "a first value is given by `start` here, not by `:=` as in AMPL",
            "write `start`",
            last=1,
            repair=p.replaced(0, 2, "start"),
        )
    if "=" not in p.accepted and p.kind != "constraint":
        return None
    return say(
        p,
        "`:=` is AMPL; a definition has a plain `=` here",
        "write `=`",
        last=1,
        repair=p.replaced(0, 2, "=") if "=" in p.accepted else None,
    )


def power(p: Place) -> Mistake | None:
    if p.types(-1, 0) == ("*", "*") and p.adjacent(-1):
        return say(
            p,
            "`**` is Python, GAMS and AMPL; a power is `^` here",
            "write `^`",
            first=-1,
            repair=p.replaced(-1, 1, "^"),
        )
    return None


def equality(p: Place) -> Mistake | None:
    """`=` where things are compared: GAMS's `=e=`, MiniZinc's `=<`, and AMPL's plain one."""
    if p.found.type != "=":
        return None
    if "==" not in p.accepted:
        return None
    gams = {"e": "==", "l": "<=", "g": ">=", "n": "=="}.get(p.at(1).text.lower())
    if gams and p.at(2).type == "=" and p.adjacent(0):
        return say(p, f"`={p.at(1).text}=` is GAMS", f"write `{gams}`", last=2, repair=p.replaced(0, 3, gams))
    if p.at(1).type in ("<", ">") and p.adjacent(0):
        right = p.at(1).text + "="
        return say(p, f"`={p.at(1).text}` is written `{right}`", f"write `{right}`", last=1, repair=p.replaced(0, 2, right))
    if p.kind in ("minimize", "maximize") and p.statement[1:] and p.k - p.first == 2:
        return say(p, "an objective has no name here", f"leave out `{p.before.text} =`", first=-1, repair=p.replaced(-1, 1))
    if p.kind == "constraint":
        return say(
            p,
            "a constraint compares with `==`, not `=`",
            "write `==`; a single `=` defines a name",
            repair=p.replaced(0, 1, "=="),
        )
    if p.complete:
        return None
    return say(p, "a comparison is `==`", "write `==`; a single `=` defines a name", repair=p.replaced(0, 1, "=="))


def changed(p: Place) -> Mistake | None:
    """Python's and C's `a += 1`."""
    d = 0 if p.found.type in ("+", "-", "*", "/") else -1
    if p.at(d).type in ("+", "-", "*", "/") and p.at(d + 1).type == "=" and p.adjacent(d):
        return say(
            p,
            f"`{p.at(d).text}=` changes a value; nothing changes in a model",
            "name a new one: `let b = a + 1;`",
            first=d,
            last=d + 1,
        )
    return None


def strict(p: Place) -> Mistake | None:
    if p.types(0, 1) == ("<", ">") and p.adjacent(0) and p.kind != "var":
        return say(p, "`<>` is Pascal and AMPL; not equal is `!=`", "write `!=`", last=1, repair=p.replaced(0, 2, "!="))
    if p.kind == "constraint" and p.found.type in ("<", ">") and RELATIONS <= p.accepted:
        return say(
            p,
            "a constraint cannot be strict: the best point may lie on its boundary",
            f"write `{p.found.text}=`",
            repair=p.replaced(0, 1, p.found.text + "="),
        )
    return None


def range_of_numbers(p: Place) -> Mistake | None:
    """`1:n` where a range of numbers is meant."""
    if p.found.type != ":" or ".." not in p.accepted or p.types(0, 1) == (":", "="):
        return None
    if p.kind == "set" or "for" in p.statement or (p.kind == "constraint" and "in" in p.statement):
        before, after = p.before.text, p.at(1).text
        return say(
            p,
            "`a:b` is MATLAB and Julia; a range is `a..b` here",
            f"write `{before}..{after}`",
            repair=p.replaced(0, 1, ".."),
        )
    return None


def quotes(p: Place) -> Mistake | None:
    if p.found.type != "'" or not p.needs_expression:
        return None
    text = p.source.text
    end = text.find("'", p.found.end)
    if end < 0 or "\n" in text[p.found.end : end]:
        return None
    last = p.k + 1
    while last < len(p.tokens) - 1 and p.tokens[last].start <= end:
        last += 1
    inside = text[p.found.end : end]
    return say(
        p,
        "a string has double quotes; `'` is the transpose",
        f'write `"{inside}"`',
        last=last - 1 - p.k,
        repair=p.replaced(0, last - p.k, "STRING"),
    )


def ternary(p: Place) -> Mistake | None:
    if p.found.type != "if" or p.needs_expression or not p.statement or not p.complete | bool({")", "]"} & p.accepted):
        return None
    return say(p, "`a if c else b` is Python; the condition stands first here", "write `if c then a else b`")
