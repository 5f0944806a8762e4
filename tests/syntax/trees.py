"""A tree as a short text, so that a test can say what it expects."""

from __future__ import annotations

from bilevel_dsl.diagnostics import Source
from bilevel_dsl.syntax import ast
from bilevel_dsl.syntax.parser import parse, parse_expression


def expression(text: str) -> str:
    """Fully bracketed: `a + b * c` is `(a + (b * c))`."""
    return short(parse_expression(Source("test", text)))


def statement(text: str) -> ast.Statement:
    (only,) = parse(Source("test", text)).statements
    return only


def short(e) -> str:
    match e:
        case None:
            return ""
        case ast.Number():
            return f"{e.value:g}"
        case ast.Text():
            return repr(e.value)
        case ast.Name():
            return e.id
        case ast.Unary():
            return f"({e.op} {short(e.operand)})"
        case ast.Binary():
            return f"({short(e.left)} {e.op} {short(e.right)})"
        case ast.Range():
            return f"({short(e.lower)} .. {short(e.upper)})"
        case ast.Conditional():
            return f"(if {short(e.condition)} then {short(e.then)} else {short(e.otherwise)})"
        case ast.Transpose():
            return f"{short(e.operand)}'"
        case ast.Index():
            return f"{short(e.base)}[{', '.join(map(short, e.items))}]"
        case ast.Slice():
            return f"{short(e.lower)}:{short(e.upper)}"
        case ast.Call():
            keywords = [f"{name.id}={short(value)}" for name, value in e.keywords]
            return f"{e.function.id}({', '.join([*map(short, e.arguments), *keywords])})"
        case ast.Attribute():
            return f"{short(e.base)}.{e.name.id}"
        case ast.Array():
            return f"[{', '.join(map(short, e.items))}]"
        case ast.Labels():
            return f"{{{', '.join(map(short, e.items))}}}"
        case ast.Generator():
            return f"{e.variable.id} in {short(e.domain)}"
        case ast.Comprehension():
            text = f"{short(e.body)} for {', '.join(map(short, e.generators))}"
            text += f" if {short(e.condition)}" if e.condition is not None else ""
            return f"[{text}]" if e.in_brackets else text
    raise TypeError(type(e).__name__)
