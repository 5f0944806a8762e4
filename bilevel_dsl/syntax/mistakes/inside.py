"""Inside a statement: its parts, relations, operators."""

from __future__ import annotations

from ..place import RELATIONS, Mistake, Place


def order_of_a_declaration(p: Place) -> Mistake | None:
    if p.kind == "param" and p.found.type == "start":
        return Mistake(
            "BL0110",
            "a parameter has no start: it is given, not sought",
            p.span(),
            hints=("what is sought is declared in a level: `var x in [0, 1];`",),
        )
    return None


def relation(p: Place) -> Mistake | None:
    """Mistakes around the relation of a constraint, and chains of comparisons elsewhere."""
    token, relations = p.found, sum(s in RELATIONS for s in p.statement)
    if p.kind == "constraint":
        if token.type == "!=":
            return Mistake(
                "BL0110",
                "a constraint cannot demand that two things differ",
                p.span(),
                hints=("constraints are `a <= b`, `a >= b`, `a == b` or `l <= e <= u`",),
            )
        if token.type in ("and", "or"):
            return Mistake(
                "BL0110",
                f"constraints are not joined by `{token.text}`",
                p.span(),
                hints=("write two constraints, each with its `;`",) if token.type == "and" else (),
            )
        if relations >= 2 and token.type in RELATIONS | {"<", ">"}:
            return Mistake("BL0110", "a constraint has at most two relations: `l <= e <= u`", p.span())
        if token.type == ";" and relations == 0 and RELATIONS <= p.accepted:
            return Mistake(
                "BL0110",
                f"{p.noun()} compares nothing",
                p.after_before(),
                "expected `<=`, `>=` or `==` and another side",
                hints=("a named expression is `let name = ...;`",),
            )
    elif (
        token.type in RELATIONS | {"<", ">", "!="}
        and p.complete | bool({")", "]", "then"} & p.accepted)
        and any(s in RELATIONS | {"<", ">", "!="} for s in p.statement)
    ):
        return Mistake("BL0110", "comparisons are not chained", p.span(), hints=("write `a < b and b < c`",))
    return None


def conditional(p: Place) -> Mistake | None:
    if p.found.type == "if" and p.needs_expression and (p.statement or p.in_constraints):
        return Mistake(
            "BL0110",
            "`if ... then ... else ...` inside an expression stands in parentheses",
            p.span(),
            hints=("write `1 + (if c then a else b)`",),
        )
    return None


def missing_operator(p: Place) -> Mistake | None:
    """Two operands side by side."""
    ends = p.before.type in ("NAME", "NUMBER", ")", "]", "'", "inf", "STRING")
    begins = p.found.type in ("NAME", "NUMBER", "(", "inf", "STRING")
    if not (ends and begins) or "*" not in p.accepted or p.new_line():
        return None
    label = p.kind == "constraint" and p.k - p.first == 1 and p.before.type == "NAME"
    if label:
        return Mistake(
            "BL0110",
            f"expected `:` after the label `{p.before.text}`, or an operator",
            p.span(),
            hints=(f"write `{p.before.text}: {p.found.text} ...`",),
            repair=p.inserted(":"),
        )
    if p.before.type == "NUMBER" and p.found.type == "NAME" and p.adjacent(-1):
        digits = p.found.text.strip("_").replace("_", "")
        if p.found.text.startswith("_") and digits.isdigit():
            number = p.before.text + digits
            return Mistake(
                "BL0110",
                "digits are not grouped",
                p.span(-1, 0),
                hints=(f"write `{number}`",),
                repair=p.replaced(-1, 1, "NUMBER"),
            )
    pair = (
        f"{p.before.text if p.before.type not in ')]' else '...' + p.before.text} * "
        f"{p.found.text if p.found.type != '(' else '(...'}"
    )
    if p.found.type == "(":
        pair += ")"
    return Mistake(
        "BL0110",
        f"expected an operator between `{p.before.text}` and `{p.found.text}`",
        p.span(-1, 0),
        hints=(f"a product is written out: `{pair}`",),
        repair=p.inserted("*"),
    )
