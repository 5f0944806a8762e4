"""Where the parser stopped: the tokens around it, the unfinished statement, what would have been accepted."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..diagnostics import Source, Span
from .tokens import LEVELS, STATEMENTS, Lexeme

RELATIONS = frozenset(["<=", ">=", "=="])
OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = frozenset(OPENING.values())


@dataclass(frozen=True)
class Repair:
    """What was meant: `tokens` in the place of the tokens `first` to `last` (excluded)."""

    first: int
    last: int
    tokens: tuple[Lexeme, ...] = ()


@dataclass(frozen=True)
class Mistake:
    code: str
    message: str
    span: Span
    label: str = ""
    secondary: tuple[tuple[Span, str], ...] = ()
    hints: tuple[str, ...] = ()
    repair: Repair | None = None  # None: the statement is left out


@dataclass
class Place:
    """Token `k` does not fit into the statement that begins with token `first`."""

    source: Source
    tokens: list[Lexeme]
    k: int
    first: int
    accepted: frozenset[str]
    block: tuple[Lexeme, Lexeme] | None  # the keyword and the brace of the block around it
    in_constraints: bool
    unfinished: list[Lexeme] = field(init=False)

    def __post_init__(self):
        self.unfinished = unfinished(self.tokens[self.first : self.k])

    # --- tokens

    @property
    def found(self) -> Lexeme:
        return self.tokens[self.k]

    @property
    def before(self) -> Lexeme:
        return self.tokens[self.k - 1] if self.k else Lexeme("", "", 0, 0)

    def at(self, offset: int) -> Lexeme:
        """The token `offset` after the one that does not fit; before the first and after the last an empty one."""
        i = self.k + offset
        return self.tokens[i] if 0 <= i < len(self.tokens) else Lexeme("", "", self.found.end, self.found.end)

    def types(self, *offsets: int) -> tuple[str, ...]:
        return tuple(self.at(i).type for i in offsets)

    def adjacent(self, offset: int) -> bool:
        """No space between the token at `offset` and the next."""
        return self.at(offset).end == self.at(offset + 1).start

    def new_line(self, k: int | None = None) -> bool:
        """Whether token `k` is the first on its line."""
        k = self.k if k is None else k
        return k == 0 or "\n" in self.source.text[self.tokens[k - 1].end : self.tokens[k].start]

    def line_end(self, k: int) -> int:
        """The index of the first token on a later line than token `k`."""
        i = k + 1
        while i < len(self.tokens) - 1 and not self.new_line(i):
            i += 1
        return min(i, len(self.tokens) - 1)

    def closing(self, i: int) -> int:
        """The index of the bracket that closes the one at `i`; the last token's if none does."""
        level = 0
        while i < len(self.tokens) - 1:
            level += (self.tokens[i].type in OPENING) - (self.tokens[i].type in CLOSING)
            if level == 0:
                return i
            i += 1
        return i

    def surplus(self, i: int) -> bool:
        """From token `i` on, braces close one more than they open."""
        level = 0
        for token in self.tokens[i:]:
            level += (token.type == "{") - (token.type == "}")
            if level < 0:
                return True
        return False

    # --- spans and texts

    def span(self, first: int = 0, last: int | None = None) -> Span:
        """The tokens at offsets `first` to `last` (included)."""
        return Span(self.source, self.at(first).start, self.at(first if last is None else last).end)

    def after_before(self) -> Span:
        """The point behind what was read last."""
        return Span(self.source, self.before.end, self.before.end)

    def text(self, first: int, last: int) -> str:
        """The text of tokens `first` to `last` (excluded, indices), on one line."""
        if first >= last:
            return ""
        return " ".join(self.source.text[self.tokens[first].start : self.tokens[last - 1].end].split())

    # --- repairs

    def replaced(self, first: int, last: int, *words: str) -> Repair:
        """`words` for the tokens at offsets `first` to `last` (excluded), but never for the end of the file."""
        last = min(last, len(self.tokens) - 1 - self.k)
        start, end = self.at(first).start, max(self.at(first).start, self.at(last - 1).end)
        text = {"NUMBER": "0", "STRING": '""', "NAME": self.at(first).text}
        return Repair(self.k + first, self.k + last, tuple(Lexeme(w, text.get(w, w), start, end) for w in words))

    def inserted(self, *words: str) -> Repair:
        end = self.before.end
        return Repair(self.k, self.k, tuple(Lexeme(w, w, end, end) for w in words))

    # --- the statement

    @property
    def statement(self) -> list[str]:
        """The types of what was read of it."""
        return [token.type for token in self.unfinished]

    @property
    def begins(self) -> bool:
        """Nothing of the statement has been read."""
        return self.k == self.first

    @property
    def kind(self) -> str:
        """Its keyword; "constraint" and "entry" where there is none; "" where none has begun."""
        word = self.tokens[self.first].type
        if self.block and self.block[0].type not in LEVELS:
            return "entry"
        if word in STATEMENTS and not self.begins:
            return word
        return "constraint" if self.in_constraints else ""

    @property
    def name(self) -> str:
        token = self.tokens[self.first + (0 if self.kind == "entry" else 1)]
        known = self.kind in ("param", "set", "function", "let", "var", "entry")
        return token.text if known and token.type in ("NAME", "upper", "lower") else ""

    def noun(self) -> str:
        """The statement in words: "the objective", "the parameter `n`"."""
        if self.kind == "constraint":
            label = self.tokens[self.first]
            named = label.type == "NAME" and ":" in self.statement
            return f"the constraint `{label.text}`" if named else "the constraint"
        fixed = {"minimize": "the objective", "maximize": "the objective", "problem": "the name of the problem"}
        if self.kind in fixed:
            return fixed[self.kind]
        entries = {"options": "the option", "report": "the result", "reference": "the reference value"}
        words = {
            "param": "the parameter",
            "set": "the set",
            "function": "the function",
            "let": "the definition of",
            "var": "the variable",
            "entry": entries.get(self.block[0].type if self.block else "", "the entry"),
        }
        return f"{words.get(self.kind, 'the statement')} `{self.name}`" if self.name else "the statement"

    def open_bracket(self) -> int | None:
        """The index of the innermost bracket of the statement that is not closed."""
        opening = next((token for token in reversed(self.unfinished) if token.type in OPENING), None)
        return next((i for i in range(self.k - 1, -1, -1) if self.tokens[i] is opening), None)

    def open_choice(self) -> Lexeme:
        """The innermost `if` of the statement that still has no `else`."""
        closed = 0
        for token in reversed(self.unfinished):
            if token.type == "if" and not closed:
                break
            closed += (token.type == "else") - (token.type == "if")
        return token

    @property
    def needs_expression(self) -> bool:
        return {"NAME", "NUMBER", "("} <= self.accepted

    @property
    def complete(self) -> bool:
        return ";" in self.accepted


def unfinished(tokens: list[Lexeme]) -> list[Lexeme]:
    """Of a statement that has been read so far: for all that stands in closed brackets, the closing one."""
    kept: list[Lexeme] = []
    opened: list[int] = []
    for token in tokens:
        if token.type in OPENING:
            opened.append(len(kept))
        elif token.type in CLOSING:
            del kept[opened.pop() :]
        kept.append(token)
    return kept
