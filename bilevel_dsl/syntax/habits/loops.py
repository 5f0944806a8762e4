"""Loops, braces and arrays of AMPL, MiniZinc and MATLAB."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..place import Mistake, Place
from .say import say

_REDUCTIONS = ("sum", "prod", "min", "max", "mean")


def loop_variable(p: Place) -> Mistake | None:
    if p.found.type == "=" and p.before.type == "NAME" and p.at(-2).type in ("for", ",") and "in" in p.accepted:
        return say(
            p,
            "a loop variable takes its values with `in`",
            f"write `for {p.before.text} in ...`",
            repair=p.replaced(0, 1, "in"),
        )
    return None


class _Braces(NamedTuple):
    """AMPL's `{i in I, j in J: c}` behind a name."""

    close: int  # index of the closing brace
    content: str
    loop: str  # `i in I, j in J`
    when: str  # ` if c`, or nothing


def _braces(p: Place) -> _Braces | None:
    if p.found.type != "{" or p.before.type != "NAME" or (p.begins and not p.block):
        return None
    close = p.closing(p.k)
    content = p.text(p.k + 1, close)
    loop, _, condition = (part.strip() for part in content.partition(":"))
    return _Braces(close, content, loop, f" if {condition}" if condition else "")


def reduction(p: Place) -> Mistake | None:
    """AMPL's `sum{i in I} e`."""
    braces = _braces(p)
    if braces is None or p.before.text not in _REDUCTIONS or p.kind in ("param", "var", "set"):
        return None
    name = p.before.text
    return say(
        p,
        f"`{name}{{...}}` is AMPL; the loop stands behind what is added up",
        first=-1,
        last=braces.close - p.k,
        hint=f"write `{name}(e for {braces.loop}{braces.when})`",
    )


def sizes(p: Place) -> Mistake | None:
    """AMPL's `param c{I};`."""
    braces = _braces(p)
    if braces is None or p.kind not in ("param", "var") or p.k - p.first != 2:
        return None
    names = [part.split(" in ")[-1].strip() for part in braces.loop.split(",")]
    declared = f"{p.tokens[p.first].text} {p.before.text}[{', '.join(names)}]"
    words = ["["] + [w for n in names for w in (("NUMBER" if n.isdigit() else "NAME"), ",")][:-1] + ["]"]
    simple = all(re.fullmatch(r"\w+", n) for n in names)
    return say(
        p,
        "`{...}` after a name is AMPL; sizes stand in brackets",
        f"write `{declared}`",
        last=braces.close - p.k,
        repair=p.replaced(0, braces.close + 1 - p.k, *words) if simple else None,
    )


def label(p: Place) -> Mistake | None:
    """AMPL's `cap{i in I}:`."""
    braces = _braces(p)
    if braces is None or p.kind != "constraint" or p.k - p.first != 1 or " in " not in braces.loop:
        return None
    return say(
        p,
        "`{...}` after a label is AMPL; loops of a constraint stand in brackets",
        last=braces.close - p.k,
        hint=f"write `{p.before.text}[{braces.loop}{braces.when}]:`",
    )


def index(p: Place) -> Mistake | None:
    """AMPL's `x{i}`."""
    braces = _braces(p)
    if braces is None:
        return None
    return say(
        p,
        "`{...}` after a name is AMPL; an index stands in brackets",
        f"write `{p.before.text}[{braces.content}]`",
        last=braces.close - p.k,
    )


def loop_first(p: Place) -> Mistake | None:
    """MiniZinc's `sum(i in I)(e)` and `forall(i in I)(...)`."""
    if p.types(-1, 0) == (")", "("):
        i = next(i for i in range(p.k - 1, -1, -1) if p.closing(i) == p.k - 1)
    elif p.found.text in ("where", "in"):
        i = p.open_bracket()
    else:
        return None
    if not i or [t.type for t in p.tokens[i - 1 : i + 3 : 1]] != ["NAME", "(", "NAME", "in"]:
        return None
    name, close = p.tokens[i - 1].text, p.closing(i)
    loop = p.text(i + 1, close)
    offset = i - 1 - p.k
    if name == "forall":
        return say(
            p,
            "`forall` is MiniZinc; an indexed constraint has a label with a loop",
            first=offset,
            last=close - p.k,
            hint=f"write `name[{loop}]: a <= b;`",
        )
    body = p.text(close + 2, p.closing(close + 1)) if p.tokens[close + 1].type == "(" else "e"
    return say(
        p,
        f"`{name}({loop})` is MiniZinc; the loop stands behind what is added up",
        first=offset,
        last=close - p.k,
        hint=f"write `{name}({body} for {loop.replace(' where ', ' if ')})`",
    )


def array(p: Place) -> Mistake | None:
    """MATLAB's arrays: spaces between items, `;` between rows."""
    i = p.open_bracket()
    if i is None or p.tokens[i].type != "[" or "]" not in p.accepted or "in" in p.statement[-3:]:
        return None
    items = p.found.type in ("NUMBER", "NAME") and p.before.type in ("NUMBER", "NAME") and not p.adjacent(-1)
    close = p.closing(i)
    if not (items or p.found.type == ";") or p.tokens[close].type != "]":
        return None
    inside = p.text(i + 1, close)
    if "," in inside and ";" not in inside:
        return Mistake(
            "BL0110",
            f"expected `,` between `{p.before.text}` and `{p.found.text}`",
            p.span(-1, 0),
            repair=p.inserted(","),
        )
    rows = [re.split(r"\s*,\s*|\s+", row.strip()) for row in inside.strip(";").split(";")]
    vectors = [", ".join(row) for row in rows]
    right = f"[{vectors[0]}]" if len(rows) == 1 else "[" + ", ".join(f"[{v}]" for v in vectors) + "]"
    message = "`[1 2 3]` is MATLAB; items are separated by commas"
    if len(rows) > 1:
        message = "`[1 2; 3 4]` is MATLAB; items are separated by commas, and a matrix is an array of its rows"
    return say(
        p,
        message,
        f"write `{right if len(right) <= 80 else '[[1, 2], [3, 4]]'}`",
        first=i - p.k,
        last=close - p.k,
        repair=p.replaced(i + 1 - p.k, close - p.k),
    )


def loops_of_statements(p: Place) -> Mistake | None:
    if p.found.type == "for" and (p.begins or (p.kind == "constraint" and p.new_line())):
        return say(
            p,
            "a model has no loops of statements",
            "an indexed constraint is `name[i in I]: a <= b;`",
            repair=p.replaced(0, max(p.line_end(p.k) - p.k, 1)),
        )
    return None
