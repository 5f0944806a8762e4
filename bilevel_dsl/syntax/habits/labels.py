"""Names and colons before objectives, constraints, blocks and entries."""

from __future__ import annotations

from ..place import Mistake, Place
from ..tokens import BLOCKS
from .say import say


def named_objective(p: Place) -> Mistake | None:
    if p.found.type != ":" or p.types(0, 1) == (":", "="):
        return None
    if p.kind in ("minimize", "maximize") and p.k - p.first == 2:
        return say(
            p,
            "an objective has no name here, as it has in AMPL",
            f"leave out `{p.before.text}:`",
            first=-1,
            repair=p.replaced(-1, 1),
        )
    if p.kind in ("minimize", "maximize") and p.k - p.first == 1:
        return say(p, f"`{p.before.text}` has no colon", "leave it out", repair=p.replaced(0, 1))
    if p.before.type in ("to", "s.t.") and p.in_constraints:
        return say(p, "`subject to` has no colon", "leave it out", repair=p.replaced(0, 1))
    if p.before.type in BLOCKS and not p.block:
        return say(
            p,
            f"`{p.before.text}` has no colon; a block stands in braces",
            f"write `{p.before.text} {{ ... }}`",
            repair=p.replaced(0, 1, "{") if p.at(1).type != "{" else p.replaced(0, 1),
        )
    return None


def gams_label(p: Place) -> Mistake | None:
    """`c1.. x + y =g= 3;`"""
    labelled = [t.type for t in p.tokens[p.first : p.first + 2]] == ["NAME", ".."]
    if p.kind == "constraint" and p.found.type == "=" and labelled:
        offset = p.first + 1 - p.k
        return say(
            p,
            "`..` after a label is GAMS; a label ends with a colon",
            f"write `{p.tokens[p.first].text}:`",
            first=offset,
            last=offset,
            repair=p.replaced(offset, offset + 1, ":"),
        )
    return None


def entries(p: Place) -> Mistake | None:
    """JSON and YAML in a block of entries."""
    if p.kind != "entry":
        return None
    if p.begins and p.found.type == "STRING":
        return say(
            p,
            "names stand without quotes here, unlike in JSON",
            f"write `{p.found.text[1:-1]} = ...;`",
            repair=p.replaced(0, 1, "NAME"),
        )
    if p.begins:
        return None
    if p.found.type == ":" and p.k - p.first == 1:
        return say(p, "an entry is `name = value;`", "write `=`", repair=p.replaced(0, 1, "="))
    if p.found.type == "," and p.complete:
        return say(p, "entries end with `;`", "write `;`", repair=p.replaced(0, 1, ";"))
    return None
