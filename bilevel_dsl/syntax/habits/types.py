"""Types, as MiniZinc and Stan have them."""

from __future__ import annotations

from ..place import Mistake, Place
from ..tokens import END
from .say import say

_TYPES = frozenset("real int float bool vector matrix row_vector array string simplex double enum".split())


def behind_a_name(p: Place) -> Mistake | None:
    """`var x: real;`"""
    if p.found.type == ":" and p.kind in ("var", "param") and p.k - p.first == 2 and p.at(1).type == "NAME":
        return say(
            p,
            "names have no types here, as they do in MiniZinc",
            f"write `{p.kind} {p.at(1).text};`",
            first=-1,
            repair=p.replaced(-1, 1),
        )
    return None


def domain(p: Place) -> Mistake | None:
    """MiniZinc's `var 0..5: x;`"""
    if p.kind != "var" or p.k - p.first != 1 or p.found.type != "NUMBER":
        return None
    colon = next((i for i in range(p.k, p.k + 5) if p.tokens[min(i, len(p.tokens) - 1)].type == ":"), None)
    if colon is None or p.tokens[colon + 1].type != "NAME":
        return None
    low, high = p.text(p.k, colon).split("..") if ".." in p.text(p.k, colon) else ("0", "1")
    return say(
        p,
        "a domain in front of the name is MiniZinc",
        last=colon - p.k,
        hint=f"write `var {p.tokens[colon + 1].text} in [{low.strip()}, {high.strip()}];`",
    )


def set_of(p: Place) -> Mistake | None:
    if p.kind == "set" and p.tokens[p.first + 1].text == "of":
        return say(p, "`set of int` is MiniZinc", "write `set I = 1..4;`", first=p.first - p.k, last=p.first + 2 - p.k)
    return None


def in_front(p: Place) -> Mistake | None:
    """MiniZinc's `float: x = 3;` and Stan's `vector[n] x;`"""
    first = p.tokens[p.first]
    if first.type != "NAME" or first.text not in _TYPES or p.k - p.first > 1 or p.kind == "entry":
        return None
    following = p.tokens[min(p.first + 1, len(p.tokens) - 1)]
    if following.type == ":":
        end = next(i for i in range(p.first, len(p.tokens)) if p.tokens[i].type in (";", END))
        said, hint = f"`{first.text}:` is MiniZinc", f"write `param {p.text(p.first + 2, end)};`"
    elif following.type in ("NAME", "<", "["):
        said = f"`{first.text}` is Stan and MiniZinc"
        hint = "what is given is `param x[n];`, what is sought is `var x[n];` in a level"
    else:
        return None
    return say(p, f"there are no types here: {said}", hint, first=p.first - p.k, last=p.first - p.k)
