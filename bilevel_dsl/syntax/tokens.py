"""Text to tokens: one scan, no recursion, every character accounted for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..diagnostics import Collector, Source, Span

KEYWORDS = frozenset(
    "problem param set function let upper lower var in start minimize maximize subject to for if then "
    "else and or not inf options report reference".split()
)
RESERVED = KEYWORDS | {"expect", "dual"}  # ordinary calls to the grammar, but not names to declare
MAX_NESTING = 200  # of brackets
MAX_CHAIN = 3000  # operators in one statement outside brackets: `a + b + ...`; longer sums are `sum(...)`

_PATTERN = re.compile(
    r"""(?P<SPACE>[ \t\r\n\f\v\ufeff]+|\#[^\n]*)
      | (?P<COMMENT>/\*.*?\*/)
      | (?P<OPEN_COMMENT>/\*)
      | (?P<NUMBER>(?:\d+\.(?!\.)\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
      | (?P<STRING>"(?:\\.|[^"\\\n])*")
      | (?P<OPEN_STRING>"[^\n]*)
      | (?P<ST>s\.t\.)
      | (?P<NAME>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<OP><=|>=|==|!=|\.\.|[;=(){},\[\]:<>+\-*/@^'.])
      | (?P<OTHER>.)""",
    re.VERBOSE | re.DOTALL,
)

# Operators by the names that Lark gives them in the grammar.
OPERATORS = {
    ";": "SEMICOLON", "=": "EQUAL", "(": "LPAR", ")": "RPAR", "{": "LBRACE", "}": "RBRACE", ",": "COMMA",
    "[": "LSQB", "]": "RSQB", ":": "COLON", "<=": "__ANON_0", ">=": "__ANON_1", "==": "__ANON_2", "!=": "__ANON_3",
    "<": "LESSTHAN", ">": "MORETHAN", "..": "__ANON_4", "+": "PLUS", "-": "MINUS", "*": "STAR", "/": "SLASH",
    "@": "AT", "^": "CIRCUMFLEX", "'": "QUOTE", ".": "DOT",
}


@dataclass(frozen=True, slots=True)
class Lexeme:
    type: str
    text: str
    start: int
    end: int


def tokenize(source: Source, problems: Collector) -> list[Lexeme]:
    """The tokens of `source`; characters that belong to none are reported and left out."""
    tokens: list[Lexeme] = []
    for match in _PATTERN.finditer(source.text):
        kind = match.lastgroup
        if kind in ("SPACE", "COMMENT"):
            continue
        text, start, end = match.group(), match.start(), match.end()
        if kind == "OP":
            tokens.append(Lexeme(OPERATORS[text], text, start, end))
        elif kind == "NAME":
            tokens.append(Lexeme(text.upper() if text in KEYWORDS else "NAME", text, start, end))
        elif kind in ("NUMBER", "STRING", "ST"):
            tokens.append(Lexeme(kind, text, start, end))
        elif _unreadable(kind, text, Span(source, start, end), tokens, problems):
            break
    _limit_nesting(source, tokens, problems)
    return tokens


def _unreadable(kind: str, text: str, span: Span, tokens: list[Lexeme], problems: Collector) -> bool:
    """Report what is no token; True ends the scan."""
    if kind == "OPEN_COMMENT":
        problems.error("BL0101", "this comment is never closed", Span(span.source, span.start, span.start + 2),
                       "opened here", hints=("close it with `*/`",))
        return True
    if kind == "OPEN_STRING":
        problems.error("BL0102", "this string is not closed on its line", span, "opened here",
                       hints=('close it with `"`',))
        tokens.append(Lexeme("STRING", text + '"', span.start, span.end))
        return False
    if len(problems.errors) >= 20:
        return True
    if text == "\0" or not text.isprintable():
        problems.error("BL0103", f"the character U+{ord(text):04X} is not text; is this a model file?", span)
        return True
    hints = {
        "%": ("a comment starts with `#`",), "&": ("`and` joins conditions",), "|": ("`or` joins conditions",),
        "!": ("`not` negates a condition, `!=` compares",), "≤": ("write `<=`",), "≥": ("write `>=`",),
        "·": ("write `*`",), "×": ("write `*`",), "−": ("write `-`",), "²": ("write `^2`",),
    }.get(text, ())
    if not hints and ord(text) > 127:
        hints = ("letters outside ASCII are allowed in comments and strings only",)
    problems.error("BL0104", f"`{text}` has no meaning here", span, hints=hints)
    return False


def _limit_nesting(source: Source, tokens: list[Lexeme], problems: Collector) -> None:
    """Brackets deeper than `MAX_NESTING`, and chains longer than `MAX_CHAIN`, are refused.

    Trees are walked recursively from here on; the limits keep every walk within the stack.
    """
    depth, chains = 0, [0]
    for token in tokens:
        if token.text in ("(", "[", "{") and token.type != "STRING":
            depth += 1
            chains.append(0)
            if depth > MAX_NESTING:
                problems.error("BL0105", f"brackets are nested more than {MAX_NESTING} deep",
                               Span(source, token.start, token.end))
                tokens.clear()
                return
        elif token.text in (")", "]", "}"):
            depth = max(0, depth - 1)
            if len(chains) > 1:
                chains.pop()
        elif token.text in (";", ","):
            chains[-1] = 0
        elif token.type in ("PLUS", "MINUS", "STAR", "SLASH", "AT", "CIRCUMFLEX", "QUOTE", "AND", "OR", "NOT", "IF"):
            chains[-1] += 1
            if chains[-1] > MAX_CHAIN:
                problems.error("BL0106", f"an expression has more than {MAX_CHAIN} operators in a row",
                               Span(source, token.start, token.end),
                               hints=("use `sum(...)`, or name parts of it with `let`",))
                tokens.clear()
                return
