"""From a place where the parser stopped to what is said about it.

Recognisers are asked in order; the first that knows the mistake answers. Those of this file are about
the language itself; those of `habits` about other languages; the last one lists what would have fitted.
"""

from __future__ import annotations

from difflib import get_close_matches

from ..diagnostics import Span
from .expected import found, phrase
from .habits import HABITS
from .place import BLOCKS, IN_LEVEL, LEVELS, OPENING, RELATIONS, STATEMENTS, TOP_LEVEL, Mistake, Place
from .table import END
from .tokens import KEYWORDS

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


def diagnose(place: Place) -> Mistake:
    for recogniser in _RECOGNISERS:
        mistake = recogniser(place)
        if mistake:
            return mistake
    return _expected(place)


# --- the end of statements and blocks ---------------------------------------------------------


def _missing_semicolon(p: Place) -> Mistake | None:
    if not p.complete or p.found.type in RELATIONS | {"=", ":", "<", ">"}:
        return None
    begins = p.found.type in STATEMENTS and (p.new_line() or p.found.type in BLOCKS | {"minimize", "maximize", "var"})
    continues = p.new_line() and p.found.type in ("NAME", "NUMBER", "(", "-", "[")
    if not (begins or continues or p.found.type in ("}", END)):
        return None
    return Mistake(
        "BL0111", f"expected `;` after {p.noun()}", p.after_before(), "`;` is missing here", repair=p.inserted(";")
    )


def _unclosed_block(p: Place) -> Mistake | None:
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


def _brace_missing(p: Place) -> Mistake | None:
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


def _empty_statement(p: Place) -> Mistake | None:
    if p.begins and p.found.type == ";":
        return Mistake("BL0110", "this `;` ends nothing", p.span(), hints=("leave it out",), repair=p.replaced(0, 1))
    return None


def _misplaced(p: Place) -> Mistake | None:
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


def _stray_closing(p: Place) -> Mistake | None:
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
        return _unclosed_bracket(p)
    return None


def _unclosed_bracket(p: Place) -> Mistake | None:
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


# --- keywords ------------------------------------------------------------------------------------


def _keyword_as_name(p: Place) -> Mistake | None:
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
        token.type in ("in", "start")
        and p.kind == "var"
        and not p.adjacent(0)
        and p.at(1).type not in (";", "in", "start")
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


def _misspelt_keyword(p: Place) -> Mistake | None:
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


def _keywords_here(p: Place) -> set[str]:
    if p.block:
        return {"var", "let", "minimize", "maximize", "s.t."} if p.block[0].type in LEVELS else set()
    return {
        "problem",
        "param",
        "set",
        "function",
        "let",
        "upper",
        "lower",
        "options",
        "report",
        "reference",
        "var",
        "minimize",
        "maximize",
    }


def _meant(text: str, possible: set[str], p: Place) -> str | None:
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


# --- inside a statement ------------------------------------------------------------------------


def _order_of_a_declaration(p: Place) -> Mistake | None:
    if p.kind == "var" and p.found.type == "in" and {"beginning", "start"} & set(p.statement):
        return Mistake("BL0110", "`in` comes before `start`", p.span(), hints=("write `var x in SET start VALUE;`",))
    if p.kind == "param" and p.found.type in ("in", "start"):
        what = "set" if p.found.type == "in" else "start"
        return Mistake(
            "BL0110",
            f"a parameter has no {what}: it is given, not sought",
            p.span(),
            hints=("what is sought is declared in a level: `var x in [0, 1];`",),
        )
    return None


def _relation(p: Place) -> Mistake | None:
    """Mistakes around the relation of a constraint, and chains of comparisons elsewhere."""
    token, relations = p.found, sum(s in RELATIONS or s == "relation" for s in p.statement)
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
        and any(s in RELATIONS | {"<", ">", "!=", "compare"} for s in p.statement)
    ):
        return Mistake("BL0110", "comparisons are not chained", p.span(), hints=("write `a < b and b < c`",))
    return None


def _conditional(p: Place) -> Mistake | None:
    if p.found.type == "if" and p.needs_expression and (p.statement or p.in_constraints):
        return Mistake(
            "BL0110",
            "`if ... then ... else ...` inside an expression stands in parentheses",
            p.span(),
            hints=("write `1 + (if c then a else b)`",),
        )
    return None


def _missing_operator(p: Place) -> Mistake | None:
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


def _missing_part(p: Place) -> Mistake | None:
    """Something that must stand here before the statement can go on."""
    needs, before = p.accepted, p.before
    if p.needs_expression and p.statement:
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
    if needs == {"NAME"} and p.statement:
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
            f"expected {what.get(before.type, 'a name')} after `{before.text}`, found {found(p.found)}",
            p.span(),
            hints=("names stand without quotes",) if quoted else (),
            repair=p.replaced(0, 1, "NAME") if quoted else None,
        )
    if needs == {"to"}:
        return Mistake(
            "BL0110",
            f"expected `to` after `subject`, found {found(p.found)}",
            p.after_before(),
            "`to` is missing here",
            repair=p.inserted("to"),
        )
    if p.found.type == "=" and p.kind == "function" and p.statement[-1:] == ["NAME"]:
        return Mistake(
            "BL0110",
            "a function has parameters",
            p.span(),
            hints=(f"write `function {p.name}(u) = ...;`; without parameters it is `let {p.name} = ...;`",),
        )
    if "=" in needs and "NAME" not in needs and p.kind in ("set", "let", "function", "entry") and p.found.type != "=":
        return Mistake("BL0110", f"expected `=` after {p.noun()}, found {found(p.found)}", p.span())
    if needs & {"then", "else"} and p.found.type in (";", "}", END, ")", "]", ",", "else"):
        part = "then" if "then" in needs else "else"
        begun = next(v for s, v in zip(reversed(p.symbols), reversed(p.values)) if s == "if")
        return Mistake(
            "BL0110",
            f"this `if` has no `{part}`",
            p.after_before(),
            "expected here",
            ((Span(p.source, begun.start, begun.end), "begun here"),),
            ("every choice has both sides: `if c then a else b`",),
        )
    return None


def _before_subject_to(p: Place) -> Mistake | None:
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


def _expected(p: Place) -> Mistake:
    """The last resort: what was found and what would have fitted."""
    i = p.open_bracket()
    secondary = ()
    if i is not None:
        secondary = ((Span(p.source, p.tokens[i].start, p.tokens[i].end), "opened here"),)
    if p.complete and p.statement:
        message = f"expected `;` or an operator after {p.noun()}, found {found(p.found)}"
    elif p.statement:
        message = f"expected {phrase(p.accepted)} after `{p.before.text}`, found {found(p.found)}"
    else:
        message = f"expected {phrase(p.accepted)}, found {found(p.found)}"
    return Mistake("BL0110", message, p.after_before() if p.found.type == END else p.span(), "", secondary)


_RECOGNISERS = (
    *HABITS,
    _empty_statement,
    _brace_missing,
    _missing_semicolon,
    _unclosed_block,
    _stray_closing,
    _unclosed_bracket,
    _keyword_as_name,
    _misspelt_keyword,
    _misplaced,
    _order_of_a_declaration,
    _relation,
    _conditional,
    _missing_operator,
    _missing_part,
    _before_subject_to,
)
