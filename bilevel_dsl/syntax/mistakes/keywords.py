"""Keywords as names, and words that are nearly keywords."""

from __future__ import annotations

from collections.abc import Set
from difflib import get_close_matches

from ..place import RELATIONS, Mistake, Place
from ..tokens import BLOCKS, IN_LEVEL, KEYWORDS, LEVELS, STATEMENTS, TOP_LEVEL

# Words for statements that are not ours, or not quite.
_MEANT = {
    "min": "minimize",
    "minimise": "minimize",
    "minimum": "minimize",
    "minimization": "minimize",
    "max": "maximize",
    "maximise": "maximize",
    "maximum": "maximize",
    "maximization": "maximize",
    "variable": "var",
    "variables": "var",
    "parameter": "param",
    "parameters": "param",
    "const": "param",
    "constant": "param",
    "leader": "upper",
    "outer": "upper",
    "follower": "lower",
    "inner": "lower",
    "st": "s.t.",
    "subjectto": "s.t.",
    "subject_to": "s.t.",
    "constraints": "s.t.",
    "suchthat": "s.t.",
    "option": "options",
    "settings": "options",
    "results": "report",
    "def": "function",
    "model": "problem",
    "define": "let",
    "expression": "let",
    "references": "reference",
}


def keyword_as_name(p: Place) -> Mistake | None:
    token = p.found
    if token.type not in KEYWORDS or "NAME" not in p.accepted or (token.type in STATEMENTS and p.new_line()):
        return None
    if p.needs_expression:
        inside = p.statement and (p.tokens[p.k + 1].type in RELATIONS | {";", "+", "-", "*", "/", "^", ")", "]", ","})
        if not inside:
            return None
    elif p.before.type == "." or (p.begins and p.kind != "entry"):
        return None
    elif (
        token.type in ("in", "start") and p.kind == "var" and not p.adjacent(0) and p.at(1).type not in (";", "in", "start")
    ):
        return None  # the name is missing
    better = {"in": "inflow", "to": "target", "for": "force", "set": "setting", "start": "start_value", "if": "switch"}
    return Mistake(
        "BL0116",
        f"`{token.text}` is a keyword and cannot be a name",
        p.span(),
        hints=(f"another name would do: `{better.get(token.text, token.text + '_')}`",),
        repair=p.replaced(0, 1, "NAME"),
    )


def misspelt_keyword(p: Place) -> Mistake | None:
    """At the beginning of a statement: a word that is nearly one of its keywords."""
    first = p.tokens[p.first]
    if first.type != "NAME" or p.k - p.first > 1 or p.found.type in ("=", ":", "(") and not p.begins:
        return None
    if not p.begins and (p.found.type in RELATIONS or p.kind == "entry"):
        return None
    possible = _keywords_here(p)
    keyword = _meant(first.text, possible, p)
    if keyword is None:
        return None
    shown = "subject to" if keyword == "s.t." else keyword
    offset, count = p.first - p.k, 1
    if first.text.lower() in ("subject", "such") and p.at(offset + 1).text.lower() in ("to", "that"):
        count = 2
    written = p.text(p.first, p.first + count)
    cased = written.lower() == shown
    message = f"keywords are in small letters: `{shown}`" if cased else f"`{written}` is not a keyword"
    hints = () if cased else (f"write `{shown}`",)
    return Mistake(
        "BL0117",
        message,
        p.span(offset, offset + count - 1),
        "",
        hints=hints,
        repair=p.replaced(offset, offset + count, keyword),
    )


def _keywords_here(p: Place) -> Set[str]:
    if p.block:
        return {"var", "let", "minimize", "maximize", "s.t."} if p.block[0].type in LEVELS else set()
    return TOP_LEVEL | IN_LEVEL - {"subject", "s.t."} | {"let"}


def _meant(text: str, possible: Set[str], p: Place) -> str | None:
    small = text.lower()
    following = p.tokens[p.first + 1]
    known = _MEANT.get(small, small)
    if small in ("subject", "such") and following.text.lower() in ("to", "that"):
        known = "s.t."
    if known not in possible:
        swapped = [k for k in possible if sorted(k) == sorted(small)]
        near = swapped or get_close_matches(small, [*possible, "subject_to"], n=1, cutoff=0.74)
        known = "s.t." if near == ["subject_to"] and "s.t." in possible else near[0] if near else ""
    if known not in possible:
        return None
    if known in BLOCKS and "{" not in (following.type, p.tokens[min(p.first + 2, len(p.tokens) - 1)].type):
        return None
    if (
        known in ("problem", "param", "set", "function", "let", "var")
        and following.type != "NAME"
        and following.type not in KEYWORDS
    ):
        return None
    return known
