"""Blocks and statements that other languages have: Stan, JuMP, GAMS, MiniZinc, YALMIP."""

from __future__ import annotations

from ..place import RELATIONS, Mistake, Place
from .say import say

_STAN_BLOCKS = {
    "data": "`param` declares what is given",
    "parameters": "`var` declares what is sought, in a level",
    "transformed": "`let` names an expression",
    "model": "the problem is in `upper { }` and `lower { }`",
    "generated": "results are in `report { }`",
    "functions": "`function f(u) = ...;` stands by itself",
}
_SAID = {
    "solve": ("a model does not say how it is solved", "run `bileveldsl solve FILE`; settings are in `options { }`"),
    "output": ("results are not printed by the model", "name them in `report { name = ...; }`"),
    "display": ("results are not printed by the model", "name them in `report { name = ...; }`"),
    "print": ("results are not printed by the model", "name them in `report { name = ...; }`"),
    "printf": ("results are not printed by the model", "name them in `report { name = ...; }`"),
    "include": ("a model is one file", 'data come from files: `param A = csv("A.csv");`'),
    "import": ("a model is no Python program", "built-in functions need no import"),
    "from": ("a model is no Python program", "built-in functions need no import"),
    "using": ("a model is no Julia program", "built-in functions need no package"),
    "sdpvar": ("`sdpvar` is YALMIP", "write `var x;` inside `upper { }` or `lower { }`"),
    "optimvar": ("`optimvar` is MATLAB", "write `var x;` inside `upper { }` or `lower { }`"),
    "syms": ("`syms` is MATLAB", "write `var x;` inside `upper { }` or `lower { }`"),
    "solvebilevel": ("`solvebilevel` is YALMIP", "objectives and constraints stand inside `upper { }` and `lower { }`"),
    "optimize": ("`optimize` is YALMIP and JuMP", "run `bileveldsl solve FILE`"),
    "predicate": ("`predicate` is MiniZinc", "write `function f(u) = ...;`"),
    "equation": ("`equation` is GAMS", "a constraint is `name: a <= b;` after `subject to`"),
    "equations": ("`equations` is GAMS", "a constraint is `name: a <= b;` after `subject to`"),
    "positive": ("`positive variable` is GAMS", "write `var x in nonneg;` inside a level"),
    "scalar": ("`scalar` is GAMS", "write `param a = 1;`"),
    "scalars": ("`scalars` is GAMS", "write `param a = 1;`"),
    "table": ("`table` is GAMS", "write `param A = [[1, 2], [3, 4]];`"),
    "return": ("a function is a single expression", "write `function f(u) = u^2;`"),
    "while": ("a model has no loops of statements", "an indexed constraint is `name[i in I]: a <= b;`"),
}
_JUMP = {
    "variable": "write `var x[n] in [0, 5];` inside a level",
    "constraint": "write `name: a <= b;` after `subject to`",
    "objective": "write `minimize ...;` inside a level",
    "expression": "write `let name = ...;`",
    "parameter": "write `param p = 1;`",
}
_GAMS = {
    "set": "set I = 1..4;",
    "sets": "set I = 1..4;",
    "parameter": "param c = [1, 2];",
    "parameters": "param c = [1, 2];",
}


def block(p: Place) -> Mistake | None:
    word = p.tokens[p.first].text
    if p.block or word not in _STAN_BLOCKS or p.k - p.first > 2:
        return None
    brace = next((i for i, t in enumerate(p.tokens[p.first + 1 : p.first + 3], p.first + 1) if t.type == "{"), None)
    if brace is None:
        return None
    shown = p.text(p.first, brace)
    return say(
        p,
        f"the block `{shown}` is Stan",
        _STAN_BLOCKS[word],
        first=p.first - p.k,
        last=brace - p.k,
        repair=p.replaced(p.first - p.k, p.closing(brace) + 1 - p.k),
    )


def jump(p: Place) -> Mistake | None:
    macro = p.at(1).text.removeprefix("NL")
    if p.found.type != "@" or not p.begins and not p.new_line() or macro not in _JUMP:
        return None
    return say(
        p,
        f"`@{p.at(1).text}` is JuMP",
        _JUMP[macro],
        last=1,
        repair=p.replaced(0, max(p.line_end(p.k), p.closing(p.k + 2) + 1) - p.k),
    )


def _first_word(p: Place) -> str:
    """The word that begins the statement, in small letters; empty where a name may stand there in our language."""
    first = p.tokens[p.first]
    if first.type != "NAME" or p.k - p.first > 1:
        return ""
    named = p.kind == "entry" or p.types(0) == ("=",) or (not p.begins and p.found.type in (*RELATIONS, ":"))
    return "" if named else first.text.lower()


def constraint(p: Place) -> Mistake | None:
    if _first_word(p) != "constraint":
        return None
    offset = p.first - p.k
    repair = p.replaced(offset, offset + 1, *(() if p.in_constraints else ("s.t.",)))
    return say(
        p,
        "`constraint` is MiniZinc; constraints simply follow `subject to`",
        "leave it out",
        first=offset,
        last=offset,
        repair=repair if p.block else None,
    )


def solve(p: Place) -> Mistake | None:
    following = p.tokens[min(p.first + 1, len(p.tokens) - 1)]
    if _first_word(p) != "solve" or following.type not in ("minimize", "maximize"):
        return None
    offset = p.first - p.k
    return say(
        p,
        "`solve` is MiniZinc",
        f"write `{following.text} ...;`",
        first=offset,
        last=offset,
        repair=p.replaced(offset, offset + 1),
    )


def end_of_block(p: Place) -> Mistake | None:
    following = p.tokens[min(p.first + 1, len(p.tokens) - 1)]
    if _first_word(p) not in ("end", "endif", "endfor") or following.type == "[":
        return None
    offset = p.first - p.k
    return say(
        p,
        f"`{p.tokens[p.first].text}` does not end a block here",
        "a block ends with `}`",
        first=offset,
        last=offset,
        repair=p.replaced(offset, offset + (2 if following.type == ";" else 1)),
    )


def other_word(p: Place) -> Mistake | None:
    word, offset = _first_word(p), p.first - p.k
    if word not in _SAID:
        return None
    return say(p, *_SAID[word], first=offset, last=offset, repair=_rest_of(p, offset))


def slashes(p: Place) -> Mistake | None:
    """GAMS's `Set i / 1*4 /;`"""
    word, offset = _first_word(p), p.first - p.k
    if word not in _GAMS or "/" not in _line(p):
        return None
    shown = p.tokens[p.first].text
    return say(p, f"`{shown} ... / ... /` is GAMS", f"write `{_GAMS[word]}`", first=offset, last=offset)


def _line(p: Place) -> str:
    start = p.tokens[p.first].start
    return p.source.line(p.source.line_column(start)[0])


def _rest_of(p: Place, offset: int):
    """Up to the `;` on this line or the end of the line, whichever comes first."""
    end = p.line_end(p.first)
    stop = next((i + 1 for i in range(p.first, end) if p.tokens[i].type == ";"), None)
    bracket = next((i for i in range(p.first, end) if p.tokens[i].type == "(" and p.closing(i) >= end), None)
    if stop is None and bracket is not None:
        stop = p.closing(bracket) + 1
        stop += p.tokens[min(stop, len(p.tokens) - 1)].type == ";"
    return p.replaced(offset, min(stop or end, len(p.tokens) - 1) - p.k)
