"""Text to tokens: one scan, no recursion, every character accounted for.

The type of a token is what the grammar calls it: an operator or a keyword is its own text, the
others are NAME, NUMBER and STRING.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, cast

from ..diagnostics import Collector, Source, Span

LEVELS = frozenset(["upper", "lower"])
BLOCKS = LEVELS | {"options", "report", "reference"}
TOP_LEVEL = BLOCKS | {"problem", "param", "set", "function"}  # begin statements of a model, and nothing else
IN_LEVEL = frozenset(["var", "minimize", "maximize", "subject", "s.t."])  # of a level
STATEMENTS = TOP_LEVEL | IN_LEVEL | {"let"}
WORDS = frozenset("in start to for if then else and or not inf".split())  # within statements
KEYWORDS = STATEMENTS - {"s.t."} | WORDS
RESERVED = KEYWORDS | {"expect", "dual"}  # ordinary calls to the grammar, but not names to declare
END = "$END"  # the type of the token after the last
UNKNOWN = "?"  # the type of a token that was reported and fits nowhere
MAX_NESTING = 200  # of brackets
MAX_CHAIN = 3000  # operators in one statement outside brackets: `a + b + ...`; longer sums are `sum(...)`
MAX_ERRORS = 20  # in one text; what follows is rarely independent

_PATTERN = re.compile(
    r"""(?P<SPACE>[ \t\r\n\f\v\ufeff]+|\#[^\n]*)
      | (?P<COMMENT>/\*.*?\*/)
      | (?P<OPEN_COMMENT>/\*)
      | (?P<NUMBER>(?:\d+\.(?!\.)\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
      | (?P<STRING>"(?:\\.|[^"\\\n])*")
      | (?P<OPEN_STRING>"[^\n]*)
      | (?P<ST>s\.t\.)
      | (?P<NAME>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<OTHER_COMMENT>//|%)
      | (?P<DOTS>\.\.\.+)
      | (?P<LOGIC>&&|\|\||/\\|\\/|\\[A-Za-z]+)
      | (?P<OP><=|>=|==|!=|\.\.|[;=(){},\[\]:<>+\-*/@^'.])
      | (?P<QUOTED>[\u201c\u201d\u201e\u00ab][^\n\u201c\u201d\u00bb]*[\u201c\u201d\u00bb])
      | (?P<OTHER>.)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Lexeme(NamedTuple):
    type: str
    text: str
    start: int
    end: int


# half the time of `Lexeme(...)`
NEW = cast(Callable[[type[Lexeme], tuple[str, str, int, int]], Lexeme], tuple.__new__)


def tokenize(source: Source, problems: Collector) -> list[Lexeme]:
    """The tokens of `source`; what belongs to none is reported, and replaced where it is clear what was meant."""
    scan = _Scan(source, problems)
    scan.run()
    _limit_nesting(source, scan.tokens, problems)
    return scan.tokens


class _Scan:
    def __init__(self, source: Source, problems: Collector):
        self.source = source
        self.problems = problems
        self.tokens: list[Lexeme] = []
        self.seen: set[str] = set()  # characters already reported; once each is enough

    def run(self) -> None:
        position = 0
        while position < len(self.source.text):
            position = self._run_from(position)

    def _run_from(self, position: int) -> int:
        """Cut until the end, or through the next mistake; where to go on."""
        add, new = self.tokens.append, NEW
        for match in _PATTERN.finditer(self.source.text, position):
            kind = match.lastgroup
            if kind == "SPACE" or kind == "COMMENT":
                continue
            word = match[0]
            start, end = match.span()
            if kind == "NAME":
                add(new(Lexeme, (word if word in KEYWORDS else "NAME", word, start, end)))
            elif kind == "OP" or kind == "ST":
                add(new(Lexeme, (word, word, start, end)))
            elif kind == "NUMBER" or kind == "STRING":
                add(new(Lexeme, (kind, word, start, end)))
            else:
                return self._mistake(kind, word, Span(self.source, start, end))
        return len(self.source.text)

    def _mistake(self, kind: str, word: str, span: Span) -> int:
        """Report what is no token; where the scan goes on."""
        if len(self.problems.errors) >= MAX_ERRORS:
            return len(self.source.text)
        return getattr(self, "_" + kind.lower())(word, span)

    def _open_comment(self, word: str, span: Span) -> int:
        self.problems.error("BL0101", "this comment is never closed", span, "opened here", hints=("close it with `*/`",))
        return len(self.source.text)

    def _open_string(self, word: str, span: Span) -> int:
        """A string without an end: up to the `;` or bracket at the end of its line, if there is one."""
        kept = re.sub(r"[\s;)\]},]*(#.*)?$", "", word) or word[:1]
        end = span.start + len(kept)
        self.problems.error(
            "BL0102",
            "this string is not closed on its line",
            Span(span.source, span.start, max(end, span.start + 1)),
            "opened here",
            hints=('close it with `"`',),
        )
        self.tokens.append(Lexeme("STRING", kept + '"', span.start, end))
        return end

    def _other_comment(self, word: str, span: Span) -> int:
        """`//` and `%`: a comment of another language up to the end of the line, or an operator of one."""
        end = self.source.text.find("\n", span.start)
        end = len(self.source.text) if end < 0 else end
        rest = self.source.text[span.end : end]
        if self._first_on_line(span.start) or not re.search(r"[;{}]", rest):
            users = "Stan, C and GAMS" if word == "//" else "MiniZinc, MATLAB and LaTeX"
            self._once(
                "BL0112",
                word,
                f"`{word}` does not start a comment here, as it does in {users}",
                span,
                "a comment starts with `#`",
            )
            return end
        if word == "//":
            self._once(
                "BL0112",
                word,
                "`//` is Python's division without remainder, not an operator here",
                span,
                "write `/`; of data, `floor(a / b)` rounds down",
            )
            self.tokens.append(Lexeme("/", word, span.start, span.end))
        else:
            self._once(
                "BL0112",
                word,
                "`%` is not an operator here",
                span,
                "a remainder of data is `a - b * floor(a / b)`; a comment starts with `#`",
            )
            self.tokens.append(Lexeme("/", word, span.start, span.end))
        return span.end

    def _dots(self, word: str, span: Span) -> int:
        end = self.source.text.find("\n", span.start)
        if not self.source.text[span.end : end if end >= 0 else None].strip():
            self._once("BL0112", word, "`...` at the end of a line is MATLAB", span, "a statement goes on until its `;`")
        else:
            self._once("BL0112", word, "a range has two dots", span, "write `1..n`")
            self.tokens.append(Lexeme("..", word, span.start, span.end))
        return span.end

    def _logic(self, word: str, span: Span) -> int:
        known = {
            "&&": "and",
            "/\\": "and",
            "||": "or",
            "\\/": "or",
            "\\le": "<=",
            "\\leq": "<=",
            "\\ge": ">=",
            "\\geq": ">=",
            "\\cdot": "*",
            "\\times": "*",
            "\\in": "in",
            "\\infty": "inf",
        }
        if word in known:
            self._once("BL0112", word, f"`{word}` is written `{known[word]}` here", span, f"write `{known[word]}`")
            self.tokens.append(Lexeme(known[word], word, span.start, span.end))
            return span.end
        self._once(
            "BL0104",
            word,
            f"`{word}` has no meaning here; is it LaTeX?",
            span,
            "a model is plain text: `sum(c[i] * x[i] for i in I)`, `x[1]^2`, `a <= b`",
        )
        self.tokens.append(Lexeme(UNKNOWN, word, span.start, span.end))
        return span.end

    def _quoted(self, word: str, span: Span) -> int:
        inside = re.sub(r'["\\]', "", word[1:-1])
        self._once("BL0104", "quotes", "these are typographic quotes", span, f'write plain ones: `"{inside}"`')
        self.tokens.append(Lexeme("STRING", f'"{inside}"', span.start, span.end))
        return span.end

    def _other(self, word: str, span: Span) -> int:
        if word.isalpha():
            return self._foreign_name(span)
        if word in _MEANT:
            types, hint = _MEANT[word]
            self._once("BL0104", word, f"`{word}` is not a character of the language", span, hint)
            self.tokens += [Lexeme(kind, text, span.start, span.end) for kind, text in types]
            return span.end
        if word.isspace():
            self._once(
                "BL0104",
                word,
                f"there is a special space here (U+{ord(word):04X})",
                span,
                "replace it with a plain one; they come with text pasted from web pages and PDF files",
            )
            return span.end
        if word == "\0" or not word.isprintable():
            self.problems.error("BL0103", f"the character U+{ord(word):04X} is not text; is this a model file?", span)
            return len(self.source.text)
        hint = _HINTS.get(word, "letters outside ASCII are allowed in comments and strings only" if ord(word) > 127 else "")
        self._once("BL0104", word, f"`{word}` has no meaning here", span, hint)
        self.tokens.append(Lexeme(UNKNOWN, word, span.start, span.end))
        return span.end

    def _foreign_name(self, span: Span) -> int:
        """A name with letters outside ASCII, whole; it stays a name."""
        text, start, end = self.source.text, span.start, span.end
        while end < len(text) and (text[end].isalpha() or text[end].isdecimal() or text[end] == "_"):
            end += 1
        if self.tokens and self.tokens[-1].end == start and self.tokens[-1].text.isidentifier():
            start = self.tokens.pop().start
        word = text[start:end]
        spelt = _GREEK.get(word)
        self._once(
            "BL0104",
            word,
            f"`{word}` has letters outside ASCII, which names cannot have",
            Span(self.source, start, end),
            f"write `{spelt}`" if spelt else "they are allowed in comments and strings only",
        )
        self.tokens.append(Lexeme("NAME", word, start, end))
        return end

    def _once(self, code: str, what: str, message: str, span: Span, hint: str) -> None:
        if what not in self.seen:
            self.seen.add(what)
            self.problems.error(code, message, span, hints=(hint,) if hint else ())

    def _first_on_line(self, offset: int) -> bool:
        return not self.source.text[self.source.text.rfind("\n", 0, offset) + 1 : offset].strip()


# What is meant by a character: the tokens that stand for it, and the hint.
_MEANT = {
    "\u2264": ([("<=", "<=")], "write `<=`"),
    "\u2265": ([(">=", ">=")], "write `>=`"),
    "\u2260": ([("!=", "!=")], "write `!=`"),
    "\u00b7": ([("*", "*")], "write `*`"),
    "\u00d7": ([("*", "*")], "write `*`"),
    "\u22c5": ([("*", "*")], "write `*`"),
    "\u00f7": ([("/", "/")], "write `/`"),
    "\u2212": ([("-", "-")], "write `-`"),
    "\u2013": ([("-", "-")], "write `-`"),
    "\u00b2": ([("^", "^"), ("NUMBER", "2")], "write `^2`"),
    "\u00b3": ([("^", "^"), ("NUMBER", "3")], "write `^3`"),
    "\u2208": ([("in", "in")], "write `in`"),
    "\u221e": ([("inf", "inf")], "write `inf`"),
    "\u22a4": ([("'", "'")], "write `'`"),
    "&": ([("and", "and")], "write `and`"),
    "!": ([("not", "not")], "write `not`; `!=` compares"),
}
_HINTS = {
    "|": "a loop is `for`: `[e for i in I]`; `or` joins conditions; an absolute value is `abs(e)`",
    "~": "`!=` is not equal, `not` negates; a random draw of data is `normal(0, 1, seed=1)`",
    "?": "a choice is `if c then a else b`",
    "\\": "to solve `A z = b`, write `solve(A, b)`",
    "`": "names and expressions stand without quotes",
    "$": "GAMS options and LaTeX have no place here; a comment starts with `#`",
    "\u2211": "write `sum(e for i in I)`",
    "\u221a": "write `sqrt(e)`",
    "\u220f": "write `prod(e for i in I)`",
    "\u2016": "write `norm(x)`",
    "\u2200": "an indexed constraint is `name[i in I]: a <= b;`",
}
_GREEK = {
    chr(code): name
    for code, name in zip(
        [*range(0x3B1, 0x3C2), *range(0x3C3, 0x3CA)],
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi "
        "chi psi omega".split(),
    )
}

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_SEPARATING = frozenset(";,")
_JOINING = frozenset(["[", "+", "-", "*", "/", "@", "^", "'", "and", "or", "not", "if"])  # `x[1][2]...` is a chain, too


def _limit_nesting(source: Source, tokens: list[Lexeme], problems: Collector) -> None:
    """Brackets deeper than `MAX_NESTING`, and chains longer than `MAX_CHAIN`, are refused.

    Trees are walked recursively from here on; the limits keep every walk within the stack.
    """
    chains = [0]
    for token in tokens:
        kind = token[0]
        if kind in _JOINING:
            chains[-1] += 1
            if chains[-1] > MAX_CHAIN:
                problems.error(
                    "BL0106",
                    f"an expression has more than {MAX_CHAIN} operators in a row",
                    Span(source, token.start, token.end),
                    hints=("use `sum(...)`, or name parts of it with `let`",),
                )
                tokens.clear()
                return
        if kind in _OPENING:
            chains.append(0)
            if len(chains) > MAX_NESTING + 1:
                problems.error(
                    "BL0105", f"brackets are nested more than {MAX_NESTING} deep", Span(source, token.start, token.end)
                )
                tokens.clear()
                return
        elif kind in _CLOSING:
            if len(chains) > 1:
                chains.pop()
        elif kind in _SEPARATING:
            chains[-1] = 0
