"""Text to tree.

Lark's parser reads the tokens, one after another. After a mistake the statement is read again as it
was probably meant, or left out, so that one run reports all mistakes that are independent and none
that only follows from another.

A megabyte takes 1.3 to 1.6 times as long as an automaton of ours over Lark's table took, most of it in
Lark's loop; starting takes 0.1 s of processor time more, for importing Lark. Models are a few kilobytes,
as data stand in files, and the parts of Lark that the table came from are private: so Lark reads.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lark import UnexpectedToken

from ..diagnostics import BilevelError, Collector, Diagnostic, Fix, Source, Span
from . import ast
from .grammar import grammar
from .mistakes import diagnose
from .place import Mistake, Place, Repair, unfinished
from .room import collector_paused
from .tokens import BLOCKS, END, MAX_ERRORS, NEW, STATEMENTS, UNKNOWN, Lexeme, tokenize
from .tree import TreeBuilder

MAX_BYTES = 4 * 2**20  # reading the densest text takes some 450 times as much memory


def load_source(path: str | Path) -> Source:
    """Read a model file.

    Raises:
        BilevelError: it does not exist, is no file, is too large or is not UTF-8 text (exit status 2).
    """
    name = os.fspath(path)

    def fail(code: str, message: str, *hints: str):
        raise BilevelError(Diagnostic(code, message, hints=hints, exit_status=2))

    try:
        if os.path.isdir(name):
            fail("BL0502", f"`{name}` is a folder, not a model file")
        with open(name, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        near = next((name + end for end in (".bilevel", ".bl") if os.path.isfile(name + end)), None)
        fail("BL0501", f"there is no file `{name}`", *([f"did you mean `{near}`?"] if near else []))
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        fail("BL0503", f"`{name}` cannot be read: {reason}")
    if len(raw) > MAX_BYTES:
        fail("BL0504", f"`{name}` is larger than {MAX_BYTES >> 20} MiB", "put data into files: csv(), npy(), json()")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        fail("BL0505", f"`{name}` is not UTF-8 text (byte {problem.start + 1})")
    return Source(name, text.replace("\r\n", "\n").replace("\r", "\n"))


def parse(source: Source) -> ast.Model:
    """The syntax tree of a model.

    Raises:
        BilevelError: all independent syntax errors.
    """
    problems = Collector()
    tree = parse_what_can_be(source, problems)
    problems.raise_errors()
    return tree


def parse_what_can_be(source: Source, problems: Collector) -> ast.Model:
    """The tree of all statements that could be read, for editors; mistakes go to `problems`."""
    with collector_paused():
        return _Reader(source, tokenize(source, problems), problems).run()


@dataclass(frozen=True)
class Continuation:
    """What could stand at a place."""

    accepted: frozenset[str]  # types of tokens
    statement: tuple[str, ...]  # types of the tokens of the unfinished statement, closed brackets left out
    block: str  # "upper", "lower", "options", "report", "reference"; "" outside


def continuation(source: Source, offset: int) -> Continuation:
    """What the parser would accept at `offset`, whatever stands behind it; for editors."""
    problems = Collector()
    before = Source(source.name, source.text[:offset])
    with collector_paused():
        return _Reader(before, tokenize(before, problems), problems).continuation()


def parse_expression(source: Source) -> ast.Expr:
    """The tree of a single expression, as given to `--param`.

    Raises:
        BilevelError: it is none.
    """
    problems = Collector()
    end = len(source.text)
    around = [Lexeme("let", "let", 0, 0), Lexeme("NAME", "value", 0, 0), Lexeme("=", "=", 0, 0)]
    tokens = [*around, *tokenize(source, problems), Lexeme(";", "", end, end)]
    stray = next((t for t in tokens[3:-1] if t.type == ";"), None)
    if stray:
        problems.error("BL0110", "a single expression has no `;`", Span(source, stray.start, stray.end))
        problems.raise_errors()
    tree = _Reader(source, tokens, problems).run()
    problems.raise_errors()
    return tree.statements[0].value


# --- the parser -------------------------------------------------------------------------------

_ENDS = frozenset([";", "{", "}", "to", "s.t."])  # only after these can nothing of a statement have been read
_BETWEEN = ({"var", "}"}, {"NAME", "upper", "}"}, {"param", "upper", END})  # can follow there, and nowhere else
_OTHERS = frozenset(["var", "let", "minimize", "maximize"])  # what else stands in a level, and ends its constraints


@dataclass
class _Point:
    """A point between two statements, to which the parser can go back."""

    k: int  # the index of the next token
    states: list  # the stacks of Lark's parser
    values: list
    block: tuple[Lexeme, Lexeme] | None = None  # the keyword and the brace of the block around it
    in_constraints: bool = False


class _Reader:
    """Feeds tokens to Lark's parser; after a mistake, to a copy from the last point between two statements."""

    def __init__(self, source: Source, tokens: list[Lexeme], problems: Collector):
        end = len(source.text)
        self.source = source
        self.tokens = [*tokens, Lexeme(END, "", end, end)]
        self.problems = problems
        self.grammar = grammar()
        self.between = [{self.grammar.terminal.get(t, t) for t in kinds} for kinds in _BETWEEN]
        self.parser = self.grammar.lark.parse_interactive()
        self.tree = None
        self.safe = self._point(0)
        self.recoveries = 0
        self.meant_as_names: set[str] = set()  # keywords that the model declares as names: said once, then read as names
        self.repaired_to = -1  # tokens before this index were just put right: a mistake among them is a consequence

    def run(self) -> ast.Model:
        k = 0
        while (k := self._advance(k)) < len(self.tokens):
            if self._tired():
                self._give_up(k)
                return ast.Model(Span(self.source, 0, len(self.source.text)), ())
            k = self._recover(k)
        tree, self.tree, self.tokens = self.tree, None, []  # room for the tree to come
        self.safe.values.clear()
        return TreeBuilder(self.source, self.problems).build(tree)

    def continuation(self) -> Continuation:
        """What could follow the last token; mistakes before it are put right or left out."""
        k = 0
        while (k := self._advance(k)) < len(self.tokens) - 1:
            if self._tired():
                return Continuation(frozenset(), (), "")
            k = self._recover(k)
        k = len(self.tokens) - 1
        self._return_to_before(k)
        statement = unfinished(self.tokens[self.safe.k : k])
        block = self.safe.block[0].type if self.safe.block else ""
        return Continuation(self._accepted(), tuple(token.type for token in statement), block)

    def _advance(self, k: int, end: int | None = None) -> int:
        """Read tokens from index `k` until the end, or to the index of one that does not fit."""
        feed, terminal, new = self.parser.parser_state.feed_token, self.grammar.terminal.get, NEW
        for kind, text, first, last in islice(self.tokens, k, end):
            try:
                self.tree = feed(new(Lexeme, (terminal(kind, kind), text, first, last)), kind == END)
            except UnexpectedToken:
                return k
            k += 1
            if kind in _ENDS and self._is_between():
                self._remember(k)
        return k

    def _is_between(self) -> bool:
        following = self.parser.choices().keys()
        return any(kinds <= following for kinds in self.between)

    def _point(self, k: int, block: tuple[Lexeme, Lexeme] | None = None, in_constraints: bool = False) -> _Point:
        state = self.parser.parser_state
        return _Point(k, state.state_stack[:], state.value_stack[:], block, in_constraints)

    def _remember(self, k: int) -> None:
        """The point before token `k`."""
        tokens, last = self.tokens, self.tokens[k - 1]
        block, in_constraints = self.safe.block, self.safe.in_constraints
        if last.type == "{":
            block, in_constraints = (tokens[k - 3] if tokens[k - 2].type == "NAME" else tokens[k - 2], last), False
        elif last.type == "}":
            block, in_constraints = None, False
        elif last.type != ";":
            in_constraints = True
        elif tokens[self.safe.k].type in _OTHERS:
            in_constraints = False
        self.safe = self._point(k, block, in_constraints)

    # --- after a mistake

    def _recover(self, k: int) -> int:
        """Report the mistake at token `k`; the index at which to go on."""
        self.recoveries += 1
        if k < self.repaired_to:
            self.repaired_to = -1
            return self._skip(k)
        self._return_to_before(k)
        if self.tokens[k].type == UNKNOWN:  # reported when the text was cut into tokens
            return self._skip(k)
        safe, accepted = self.safe, self._accepted()
        if self.tokens[k].type in self.meant_as_names and "NAME" in accepted:  # it was said where it is declared
            self.tokens[k] = self.tokens[k]._replace(type="NAME")
            return self._return_to_safe_point()
        mistake = diagnose(Place(self.source, self.tokens, k, safe.k, accepted, safe.block, safe.in_constraints))
        if mistake.code == "BL0116":
            self.meant_as_names.add(self.tokens[k].type)
        said = self._report(mistake)
        repair = mistake.repair
        if repair is None or not said:
            return self._skip(k)
        left_out = repair.first == safe.k and not repair.tokens
        if left_out:
            self._forget_within(repair)
        self.tokens[repair.first : repair.last] = repair.tokens
        self.repaired_to = repair.first if left_out else repair.first + len(repair.tokens) + 1
        return self._return_to_safe_point()

    def _report(self, mistake: Mistake) -> bool:
        """Add the mistake, unless the same keyword was named before; False if something was said about its place."""
        for known in self.problems.items:
            if known.primary and known.primary.span.start == mistake.span.start < mistake.span.end:
                return False
            if known.code == mistake.code == "BL0116" and known.message == mistake.message:
                return True
        self.problems.error(
            mistake.code,
            mistake.message,
            mistake.span,
            mistake.label,
            secondary=mistake.secondary,
            hints=mistake.hints,
            fix=self._fix(mistake.repair),
        )
        return True

    def _tired(self) -> bool:
        """More mistakes than anybody reads at once, said or not."""
        return len(self.problems.errors) >= MAX_ERRORS or self.recoveries >= 5 * MAX_ERRORS

    def _forget_within(self, repair: Repair) -> None:
        """What was said before about characters of a statement that is left out as a whole only follows from it."""
        start, end = self.tokens[repair.first].end, self.tokens[repair.last - 1].end
        *before, why = self.problems.items
        self.problems.items = [
            d for d in before if not (d.code in ("BL0104", "BL0112") and start < d.primary.span.start < end)
        ]
        self.problems.items.append(why)

    def _fix(self, repair: Repair | None) -> Fix | None:
        """The repair as an edit of the text, where it is small and says what to write."""
        if repair is None or repair.last - repair.first > 3:
            return None
        words = ["subject to" if t.text == "s.t." else t.text for t in repair.tokens]
        if any(t.type in ("NAME", "NUMBER", "STRING") for t in repair.tokens) or len(words) > 2:
            return None
        replaced = self.tokens[repair.first : repair.last]
        if not replaced:
            end = self.tokens[repair.first - 1].end if repair.first else 0
            return Fix(Span(self.source, end, end), words[0] if words[0] in ";)]:" else " " + " ".join(words))
        return Fix(Span(self.source, replaced[0].start, replaced[-1].end), " ".join(words))

    def _return_to_safe_point(self) -> int:
        state = self.parser.parser_state
        state.state_stack, state.value_stack = self.safe.states[:], self.safe.values[:]
        return self.safe.k

    def _return_to_before(self, k: int) -> None:
        """To the point after the tokens before `k`, before anything that the token at `k` leads to."""
        self._advance(self._return_to_safe_point(), k)

    def _accepted(self) -> frozenset[str]:
        word = self.grammar.word
        return frozenset(word.get(terminal, terminal) for terminal in self.parser.accepts())

    def _skip(self, k: int) -> int:
        """Leave the statement out: after its `;`, or before what ends its block or begins another statement."""
        self._return_to_safe_point()
        self.safe.k = k = self._after_statement(k)
        return k

    def _after_statement(self, k: int) -> int:
        inside = self.safe.block is not None
        depth, first = 0, k
        while True:
            token = self.tokens[k]
            if token.type == END:
                return k
            if token.type == "}" and depth <= 0 and inside:
                return k
            if k > first and self._begins_statement(k):
                return k
            k += 1
            if token.type in ("(", "[", "{"):
                depth += 1
            elif token.type in (")", "]", "}"):
                depth -= 1
                alone = "\n" in self.source.text[token.end : self.tokens[k].start]
                if token.type == "}" and depth <= 0 and not inside and alone:
                    return k
            elif token.type == ";" and depth <= 0:
                return k

    def _begins_statement(self, k: int) -> bool:
        """A keyword that begins a statement, first on its line."""
        token, previous = self.tokens[k], self.tokens[k - 1]
        if "\n" not in self.source.text[previous.end : token.start]:
            return False
        if token.type in BLOCKS:
            return any(t.type == "{" for t in self.tokens[k + 1 : k + 3])
        return token.type in STATEMENTS

    def _give_up(self, k: int) -> None:
        token = self.tokens[k]
        self.problems.error(
            "BL0120", "too many mistakes; the rest of the file is not read", Span(self.source, token.start, token.end)
        )
