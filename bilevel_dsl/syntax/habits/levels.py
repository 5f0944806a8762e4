"""Two levels, as papers and other tools write them: an argmin, complementarity, blocks of constraints, a third level."""

from __future__ import annotations

from ..place import Mistake, Place
from .say import say

_ARGMIN = ("argmin", "argmax", "arg_min", "arg_max", "Argmin", "Argmax", "ArgMin", "ArgMax")
_PERPENDICULAR = ("complements", "perp", "complementarity", "complementary")
_BETWEEN = ("middle", "inner", "outer", "third", "second", "level", "bottom", "top")


def argmin(p: Place) -> Mistake | None:
    """`y in argmin { ... }` in a level or among constraints."""
    near = next((i for i in range(max(p.first, p.k - 1), min(p.k + 6, len(p.tokens) - 1)) if _is_argmin(p, i)), None)
    if near is None:
        return None
    word, offset = p.tokens[near].text, near - p.k
    sense = "maximize" if "max" in word.lower() else "minimize"
    brace = near + 1 if near + 1 < len(p.tokens) and p.tokens[near + 1].type in ("{", "(") else None
    stop = p.closing(brace) + 1 if brace is not None else p.line_end(p.first)
    stop += p.tokens[min(stop, len(p.tokens) - 1)].type == ";"
    return say(
        p,
        f"`{word}` is not written: the follower is a block of its own",
        f"write `lower {{ var y; {sense} ...; subject to ...; }}` beside `upper`; its answer is what `y` means there",
        first=offset,
        last=offset,
        repair=p.replaced(p.first - p.k, min(stop, len(p.tokens) - 1) - p.k),
    )


def _is_argmin(p: Place, i: int) -> bool:
    return p.tokens[i].type == "NAME" and p.tokens[i].text in _ARGMIN


def complementarity(p: Place) -> Mistake | None:
    if p.found.type != "NAME" or p.found.text not in _PERPENDICULAR or not p.in_constraints:
        return None
    end = next((i for i in range(p.k, len(p.tokens)) if p.tokens[i].type == ";"), p.line_end(p.first))
    return say(
        p,
        f"`{p.found.text}` is not written: complementarity comes from the follower's optimality conditions",
        "write the follower's problem, `lower { var y in nonneg; minimize ...; }`; its conditions are made from it",
        repair=p.replaced(p.first - p.k, min(end + 1, len(p.tokens) - 1) - p.k),
    )


def braces_of_constraints(p: Place) -> Mistake | None:
    """`subject to { ... }`, as in AMPL's and other tools' blocks."""
    brace = p.first
    if not brace or p.tokens[brace].type != "{" or p.tokens[brace - 1].type not in ("to", "s.t."):
        return None
    end = p.closing(brace)
    repair = p.replaced(brace - p.k, end + 1 - p.k)  # what is between would need a second look
    return say(
        p,
        "constraints stand without braces: they follow `subject to` up to the end of the level",
        "leave the braces out",
        first=brace - p.k,
        last=brace - p.k,
        repair=repair,
    )


def third_level(p: Place) -> Mistake | None:
    """A block at the top that is none of ours."""
    first = p.tokens[p.first]
    brace = next((i for i in (p.first + 1, p.first + 2) if i < len(p.tokens) and p.tokens[i].type == "{"), None)
    if p.block or first.type != "NAME" or first.text.lower() not in _BETWEEN or brace is None:
        return None
    offset = p.first - p.k
    return say(
        p,
        f"there is no level `{first.text}`: a model has one `upper` level, and `lower` ones that are apart from each other",
        "three levels on top of each other are not possible; several followers are named blocks, `lower first { ... }`",
        first=offset,
        last=offset,
        repair=p.replaced(offset, p.closing(brace) + 1 - p.k),
    )


def let_with_arguments(p: Place) -> Mistake | None:
    """`let f(x) = ...;`"""
    if p.kind != "let" or p.found.type != "(" or p.before.type != "NAME":
        return None
    stop = p.closing(p.k)
    return say(
        p,
        "a `let` takes no arguments",
        f"write `function {p.name}{p.text(p.k, stop + 1)} = ...;`",
        repair=p.replaced(0, stop + 1 - p.k),
    )
