"""What must stand here before the statement can go on."""

from __future__ import annotations

from ...diagnostics import Span
from ..expected import found
from ..place import Mistake, Place
from ..tokens import END, KEYWORDS


def expression(p: Place) -> Mistake | None:
    before = p.before
    if not (p.needs_expression and p.statement):
        return None
    if p.found.type in (")", "]") and before.type == ",":
        return Mistake(
            "BL0110",
            f"expected an expression after `,`, found `{p.found.text}`",
            p.span(),
            hints=("leave the last comma out",),
            repair=p.replaced(-1, 0),
        )
    if p.found.type in ("}", ";", END, ")", "]", ",") or p.found.type in KEYWORDS or p.found.type in "+-*/@^=<>:":
        return Mistake(
            "BL0110",
            f"expected an expression after `{before.text}`, found {found(p.found)}",
            p.after_before() if p.found.type in (";", "}", END) else p.span(),
            "",
        )
    return None


def name(p: Place) -> Mistake | None:
    if p.accepted != {"NAME"} or not p.statement:
        return None
    what = {
        "problem": "the name of the problem",
        "param": "the name of the parameter",
        "set": "the name of the set",
        "var": "the name of the variable",
        "let": "a name",
        "function": "the name of the function",
    }
    quoted = p.found.type == "STRING"
    return Mistake(
        "BL0110",
        f"expected {what.get(p.before.type, 'a name')} after `{p.before.text}`, found {found(p.found)}",
        p.span(),
        hints=("names stand without quotes",) if quoted else (),
        repair=p.replaced(0, 1, "NAME") if quoted else None,
    )


def to(p: Place) -> Mistake | None:
    if p.accepted != {"to"}:
        return None
    return Mistake(
        "BL0110",
        f"expected `to` after `subject`, found {found(p.found)}",
        p.after_before(),
        "`to` is missing here",
        repair=p.inserted("to"),
    )


def parameters(p: Place) -> Mistake | None:
    if p.found.type != "=" or p.kind != "function" or p.statement[-1:] != ["NAME"]:
        return None
    return Mistake(
        "BL0110",
        "a function has parameters",
        p.span(),
        hints=(f"write `function {p.name}(u) = ...;`; without parameters it is `let {p.name} = ...;`",),
    )


def equals(p: Place) -> Mistake | None:
    if "=" not in p.accepted or "NAME" in p.accepted or p.found.type == "=":
        return None
    if p.kind not in ("set", "let", "function", "entry"):
        return None
    return Mistake("BL0110", f"expected `=` after {p.noun()}, found {found(p.found)}", p.span())


def side_of_a_choice(p: Place) -> Mistake | None:
    if not p.accepted & {"then", "else"} or p.found.type not in (";", "}", END, ")", "]", ",", "else"):
        return None
    part = "then" if "then" in p.accepted else "else"
    begun = p.open_choice()
    return Mistake(
        "BL0110",
        f"this `if` has no `{part}`",
        p.after_before(),
        "expected here",
        ((Span(p.source, begun.start, begun.end), "begun here"),),
        ("every choice has both sides: `if c then a else b`",),
    )
