"""Ends of statements, brackets and blocks."""

from __future__ import annotations

from ...diagnostics import Span
from ..expected import found
from ..place import OPENING, RELATIONS, Mistake, Place
from ..tokens import BLOCKS, END, IN_LEVEL, LEVELS, STATEMENTS, TOP_LEVEL


def missing_semicolon(p: Place) -> Mistake | None:
    if not p.complete or p.found.type in RELATIONS | {"=", ":", "<", ">"}:
        return None
    begins = p.found.type in STATEMENTS and (p.new_line() or p.found.type in BLOCKS | {"minimize", "maximize", "var"})
    continues = p.new_line() and p.found.type in ("NAME", "NUMBER", "(", "-", "[")
    if not (begins or continues or p.found.type in ("}", END)):
        return None
    return Mistake(
        "BL0111", f"expected `;` after {p.noun()}", p.after_before(), "`;` is missing here", repair=p.inserted(";")
    )


def unclosed_block(p: Place) -> Mistake | None:
    """A statement that stands outside of blocks, or the end of the file, inside of one."""
    if p.kind == "entry" and not p.begins and p.tokens[p.first].type in LEVELS and p.found.type in ("{", "NAME"):
        return _unclosed_entries(p)
    if not p.begins or not p.block or p.found.type not in TOP_LEVEL | {END}:
        return None
    keyword, brace = p.block
    opened = (Span(p.source, keyword.start, brace.end), "opened here")
    if p.found.type == END or not p.surplus(p.k):
        where = "the file ends" if p.found.type == END else f"`{p.found.text}` begins"
        return Mistake(
            "BL0114",
            f"the block `{keyword.text} {{` is not closed before {where}",
            p.after_before(),
            "`}` is missing here",
            (opened,),
            repair=p.inserted("}"),
        )
    if p.found.type in LEVELS:
        last = p.closing(next(i for i in range(p.k, len(p.tokens)) if p.tokens[i].type in ("{", END)))
        return Mistake(
            "BL0118",
            f"a level cannot stand inside another: `{p.found.text}` in `{keyword.text}`",
            p.span(),
            "",
            (opened,),
            ("`upper { ... }` and `lower { ... }` follow one another in the file",),
            p.replaced(0, last + 1 - p.k),
        )
    return Mistake(
        "BL0118",
        f"`{p.found.text}` cannot stand inside `{keyword.text} {{ }}`",
        p.span(),
        "",
        (opened,),
        (f"move it in front of `{keyword.text}`",),
    )


def _unclosed_entries(p: Place) -> Mistake:
    """`upper {` inside of `options {`, where `upper = ...` may stand."""
    assert p.block is not None
    keyword, brace = p.block
    first = p.tokens[p.first]
    end = p.tokens[p.first - 1].end
    opened = (Span(p.source, keyword.start, brace.end), "opened here")
    return Mistake(
        "BL0114",
        f"the block `{keyword.text} {{` is not closed before `{first.text}` begins",
        Span(p.source, end, end),
        "`}` is missing here",
        (opened,),
        repair=p.replaced(p.first - p.k, p.first - p.k, "}"),
    )


def brace_missing(p: Place) -> Mistake | None:
    if p.found.type in ("{", END) or p.accepted - {"NAME"} != {"{"}:
        return None
    name = p.text(p.first, p.k)
    return Mistake(
        "BL0110",
        f"expected `{{` after `{name}`, found {found(p.found)}",
        p.after_before(),
        "`{` is missing here",
        repair=p.inserted("{"),
    )


def empty_statement(p: Place) -> Mistake | None:
    if p.begins and p.found.type == ";":
        return Mistake("BL0110", "this `;` ends nothing", p.span(), hints=("leave it out",), repair=p.replaced(0, 1))
    return None


def misplaced(p: Place) -> Mistake | None:
    """A statement of a level outside of both, or in `options`, `report` or `reference`."""
    if not p.begins or p.found.type not in IN_LEVEL | {"let"}:
        return None
    name = "subject to" if p.found.type in ("subject", "s.t.") else p.found.type
    if p.block:
        keyword, brace = p.block
        return Mistake(
            "BL0118",
            f"`{name}` cannot stand inside `{keyword.text} {{ }}`",
            p.span(),
            "",
            ((Span(p.source, keyword.start, brace.end), "opened here"),),
            ("an entry is `name = value;`",),
        )
    closed = next((t for t in reversed(p.tokens[: p.k]) if t.type == "}"), None)
    secondary = ()
    last = (
        next(
            (i for i in range(p.k + 1, len(p.tokens)) if p.tokens[i].type in TOP_LEVEL | {"let"} and p.new_line(i)),
            len(p.tokens) - 1,
        )
        - 1
    )
    if closed and p.surplus(p.k):  # a level was closed too early: what belongs to it is left out, up to its real end
        secondary = ((Span(p.source, closed.start, closed.end), "the block before was closed here"),)
        last = next(i for i in range(p.k, len(p.tokens)) if not p.surplus(i + 1))
    return Mistake(
        "BL0118",
        f"`{name}` stands outside of `upper {{ }}` and `lower {{ }}`",
        p.span(),
        "",
        secondary,
        ("each level has its own variables, objective and constraints, inside its braces",),
        p.replaced(0, last + 1 - p.k),
    )


def before_subject_to(p: Place) -> Mistake | None:
    """A constraint in a level, and no `subject to` yet."""
    if not p.begins or not p.block or p.block[0].type not in LEVELS or p.in_constraints:
        return None
    end = next(i for i in range(p.k, len(p.tokens)) if p.tokens[i].type in (";", "}", END))
    if p.found.type in STATEMENTS or not any(t.type in RELATIONS | {"=", "<", ">"} for t in p.tokens[p.k : end]):
        return None
    return Mistake(
        "BL0118",
        "a constraint stands before `subject to`",
        p.span(),
        "",
        hints=("write `subject to` and then the constraints",),
        repair=p.inserted("s.t."),
    )


def stray_closing(p: Place) -> Mistake | None:
    """A closing bracket that closes nothing, or not what is open."""
    closing = p.found.text
    if p.found.type not in (")", "]", "}"):
        return None
    i = p.open_bracket()
    if i is None:
        if p.found.type == "}" and not (p.begins and not p.block):
            return None
        secondary = ()
        if p.found.type == "}" and p.before.type == "}":
            secondary = ((p.span(-1), "the block before was closed here"),)
        return Mistake(
            "BL0115", f"this `{closing}` closes nothing", p.span(), "", secondary, ("leave it out",), p.replaced(0, 1)
        )
    opened = p.tokens[i]
    right = OPENING[opened.type]
    if closing == right:
        return None
    secondary = ((Span(p.source, opened.start, opened.end), "opened here"),)
    if right in p.accepted and p.found.type != "}":
        return Mistake(
            "BL0115",
            f"`{opened.text}` is closed by `{right}`, not by `{closing}`",
            p.span(),
            "",
            secondary,
            repair=p.replaced(0, 1, right),
        )
    if right in p.accepted:
        return unclosed_bracket(p)
    return None


def unclosed_bracket(p: Place) -> Mistake | None:
    """A statement ends, or another begins, inside of a bracket."""
    i = p.open_bracket()
    ends = p.found.type in (";", "}", END) or (p.found.type in STATEMENTS and p.new_line())
    if i is None or not ends:
        return None
    opened = p.tokens[i]
    right = OPENING[opened.type]
    if right not in p.accepted:
        return None
    where = "the file ends" if p.found.type == END else found(p.found)
    return Mistake(
        "BL0114",
        f"`{opened.text}` is not closed before {where}",
        p.after_before(),
        f"`{right}` is missing here",
        ((Span(p.source, opened.start, opened.end), "opened here"),),
        repair=p.inserted(right),
    )
