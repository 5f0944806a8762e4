"""What the parser would accept, in words."""

from __future__ import annotations

from .tokens import END, KEYWORDS, Lexeme

_NAMES = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a string",
    "subject": "`subject to`",
    END: "the end of the file",
}
_OPERATORS = frozenset("+ - * / @ ^ ' and or <= >= == != < > .. [ ( . for if :".split())
_EXPRESSION = frozenset(["NAME", "NUMBER", "STRING", "inf", "(", "[", "{", "+", "-", "not", "if"])
_CLOSING = (")", "]", "}", "then", "else")


def word(terminal: str) -> str:
    return _NAMES.get(terminal, f"`{terminal}`")


def found(token: Lexeme) -> str:
    """The token as the author sees it."""
    if token.type == END:
        return "the end of the file"
    if not token.text:  # the `;` behind a single expression
        return "the end"
    if token.type in KEYWORDS:
        return f"the keyword `{token.text}`"
    return f"`{token.text if len(token.text) <= 40 else token.text[:37] + '...'}`"


def phrase(accepted: frozenset[str]) -> str:
    """The terminals as a list in words: "an expression", "`,` or `)`"; operators only where nothing else is left."""
    if "}" in accepted and {"var", "minimize"} <= accepted:
        constraint = "a constraint, " if "NUMBER" in accepted else ""
        return f"`var`, `let`, `minimize`, `maximize`, `subject to`, {constraint}or `}}`"
    if {"param", "upper"} <= accepted:
        return "a statement: `param`, `set`, `function`, `let`, `upper`, `lower`, `options`, `report` or `reference`"
    if {"upper", "}", "NAME"} <= accepted:
        return "a name or `}`"
    words, rest = [], set(accepted)
    if {"NAME", "NUMBER", "("} <= rest:
        words.append("an expression")
        rest -= _EXPRESSION
    elif {"<=", ">=", "=="} <= rest and not rest & {";", ")", "]", "then", "else"}:
        words.append("`<=`, `>=` or `==`")
        rest -= _OPERATORS
    if rest - _OPERATORS:
        rest -= _OPERATORS
    words += [word(t) for t in sorted(rest, key=lambda t: (t in _CLOSING, t == ";", t))]
    return listed(words)


def listed(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " or " + words[-1]
