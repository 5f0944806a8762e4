"""Text to tree.

An LALR automaton over the table of `grammar/bilevel.lark`. After a mistake the statement is read
again as it was probably meant, or left out, so that one run reports all mistakes that are
independent and none that only follows from another.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..diagnostics import BilevelError, Collector, Diagnostic, Fix, Source, Span
from . import ast
from .mistakes import diagnose
from .place import BLOCKS, STATEMENTS, Mistake, Place, Repair
from .room import collector_paused
from .table import END, Table, parse_table
from .tokens import MAX_ERRORS, UNKNOWN, Lexeme, tokenize
from .tree import TreeBuilder

MAX_BYTES = 4 * 2**20  # the tree of the densest text takes some 250 times as much memory


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
        return _Parser(source, tokenize(source, problems), problems).run()


@dataclass(frozen=True)
class Continuation:
    """What could stand at a place."""

    accepted: frozenset[str]  # types of tokens
    statement: tuple[str, ...]  # symbols of the grammar in the unfinished statement, up to the place
    block: str  # "upper", "lower", "options", "report", "reference"; "" outside


def continuation(source: Source, offset: int) -> Continuation:
    """What the parser would accept at `offset`, whatever stands behind it; for editors."""
    problems = Collector()
    before = Source(source.name, source.text[:offset])
    with collector_paused():
        return _Parser(before, tokenize(before, problems), problems).continuation()


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
    else:
        tree = _Parser(source, tokens, problems).run()
    problems.raise_errors()
    return tree.statements[0].value


# --- the automaton ----------------------------------------------------------------------------


class _Parser:
    """States and values of the automaton, and the last point between two statements."""

    def __init__(self, source: Source, tokens: list[Lexeme], problems: Collector):
        end = len(source.text)
        self.source = source
        self.tokens = [*tokens, Lexeme(END, "", end, end)]
        self.problems = problems
        self.table = parse_table()
        self.builder = TreeBuilder(source, problems)
        self.chains: dict[tuple[int, int, str], int] = {}
        self.actions_of_rules = [getattr(self.builder, rule.action) if rule.action and not rule.through else None
                                 for rule in self.table.rules]
        self.between = _states_between_statements(self.table)
        self.states: list[int] = [self.table.start]
        self.values: list = []
        self.safe: tuple[int, list[int], list] = (0, self.states[:], [])
        self.recoveries = 0
        self.repaired_to = -1  # tokens before this index were just put right: a mistake among them is a consequence

    def run(self) -> ast.Model:
        k = 0
        while True:
            k = self._advance(k)
            if self.states[-1] == self.table.end:
                break
            if self._tired():
                self._give_up(k)
                return ast.Model(Span(self.source, 0, len(self.source.text)), ())
            k = self._recover(k)
        self.builder.finish()
        return self.values[-1]

    def continuation(self) -> Continuation:
        """What could follow the last token; mistakes before it are put right or left out."""
        k = 0
        while (k := self._advance(k)) < len(self.tokens) - 1:
            if self._tired():
                return Continuation(frozenset(), (), "")
            k = self._recover(k)
        self._return_to_safe_point()
        self._advance_states_to(len(self.tokens) - 1)
        symbols = [self.table.symbols[s] for s in self.states[1:]]
        depth = len(self.safe[1]) - 1
        block = next((s for s in reversed(symbols[:depth]) if s in BLOCKS), "")
        return Continuation(self._accepted(), tuple(symbols[depth:]), block)

    def _advance(self, k: int) -> int:
        """Read tokens from index `k` until the end, or to the index of one that does not fit."""
        tokens, states, values = self.tokens, self.states, self.values
        actions, default, rules = self.table.actions, self.table.default, self.table.rules
        between, end, chains = self.between, self.table.end, self.chains
        while True:
            token = tokens[k]
            kind = token[0]
            fresh = True
            while True:
                state = states[-1]
                action = default[state]
                if not action:
                    if fresh:
                        fresh = False
                        if between[state]:
                            self.safe = (k, states[:], values[:])
                    action = actions[state].get(kind, 0)
                    if action > 0:
                        break
                    if action == 0:
                        return k
                number = -action - 1
                rule = rules[number]
                if rule.through:  # up the precedences, from the atom to where the next token is used
                    key = (states[-2], state, kind)
                    above = chains.get(key)
                    if above is None:
                        above = chains[key] = self._climb(*key)
                    states[-1] = above
                    continue
                self._reduce(number, rule)
                if states[-1] == end:
                    return k
            states.append(action - 1)
            values.append(token)
            k += 1

    def _climb(self, below: int, state: int, kind: str) -> int:
        """The state that reductions of a single child lead to, above `below`, before token `kind`."""
        table = self.table
        while True:
            action = table.default[state] or table.actions[state].get(kind, 0)
            if action >= 0 or not table.rules[-action - 1].through:
                return state
            state = table.gotos[below][table.rules[-action - 1].origin]

    def _reduce(self, number: int, rule) -> None:
        states, values, size = self.states, self.values, rule.size
        if size:
            children = values[-size:]
            del values[-size:]
            del states[-size:]
        else:
            children = []
        build = self.actions_of_rules[number]
        if build is None:  # a repetition: what came before, and what is added
            value = (children[0], children[1:]) if rule.repeats else (None, children)
        else:
            value = build(_flat(children) if rule.repeats else children)
        values.append(value)
        states.append(self.table.gotos[states[-1]][rule.origin])

    # --- after a mistake

    def _recover(self, k: int) -> int:
        """Report the mistake at token `k`; the index at which to go on."""
        self.recoveries += 1
        if k < self.repaired_to:
            self.repaired_to = -1
            return self._skip(k)
        self._return_to_safe_point()
        self._advance_states_to(k)
        if self.tokens[k].type == UNKNOWN:  # reported when the text was cut into tokens
            return self._skip(k)
        symbols = [self.table.symbols[s] for s in self.states[1:]]
        mistake = diagnose(Place(self.source, self.tokens, k, self.safe[0], symbols, list(self.values),
                                 len(self.safe[1]) - 1, self._accepted()))
        said = self._report(mistake)
        repair = mistake.repair
        if repair is None or not said:
            return self._skip(k)
        left_out = repair.first == self.safe[0] and not repair.tokens
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
        self.problems.error(mistake.code, mistake.message, mistake.span, mistake.label,
                            secondary=mistake.secondary, hints=mistake.hints, fix=self._fix(mistake.repair))
        return True

    def _tired(self) -> bool:
        """More mistakes than anybody reads at once, said or not."""
        return len(self.problems.errors) >= MAX_ERRORS or self.recoveries >= 5 * MAX_ERRORS

    def _forget_within(self, repair: Repair) -> None:
        """What was said about characters of a statement that is left out as a whole only follows from it."""
        start, end = self.tokens[repair.first].end, self.tokens[repair.last - 1].end
        self.problems.items = [d for d in self.problems.items
                               if not (d.code in ("BL0104", "BL0112") and start < d.primary.span.start < end)]

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
        k, states, values = self.safe
        self.states[:], self.values[:] = states, values
        self.builder.forget(self.tokens[k].start)
        return k

    def _advance_states_to(self, k: int) -> None:
        """To the state after the tokens before `k`, before anything that the token at `k` leads to."""
        kept = self.tokens
        self.tokens = [*kept[:k], Lexeme("", "", kept[k].start, kept[k].start)]
        self._advance(self.safe[0])
        self.tokens = kept

    def _accepted(self) -> frozenset[str]:
        terminals = {kind for row in self.table.actions for kind in row}
        return frozenset(t for t in terminals if self._accepts(t))

    def _accepts(self, kind: str) -> bool:
        table, states = self.table, list(self.states)
        while True:
            action = table.default[states[-1]] or table.actions[states[-1]].get(kind, 0)
            if action > 0:
                return True
            if action == 0:
                return False
            rule = table.rules[-action - 1]
            if rule.size:
                del states[-rule.size :]
            states.append(table.gotos[states[-1]][rule.origin])
            if states[-1] == table.end:
                return kind == END

    def _skip(self, k: int) -> int:
        """Leave the statement out: after its `;`, or before what ends its block or begins another statement."""
        self._return_to_safe_point()
        inside = "{" in [self.table.symbols[s] for s in self.states]
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
        self.problems.error("BL0120", "too many mistakes; the rest of the file is not read",
                            Span(self.source, token.start, token.end))


def _flat(children: list) -> list:
    """The children of a rule, with those of its repetitions in their place."""
    flat = []
    for child in children:
        if type(child) is tuple:
            pieces = []
            while child is not None:
                child, piece = child
                pieces.append(piece)
            for piece in reversed(pieces):
                flat += piece
        else:
            flat.append(child)
    return flat


def _states_between_statements(table: Table) -> list[bool]:
    """For each state: whether nothing of a statement, an entry or a constraint has been read."""
    kinds = ({"var", "}"}, {"NAME", "upper", "}"}, {"param", "upper", END})
    return [any(k <= row.keys() for k in kinds) and not table.default[s] for s, row in enumerate(table.actions)]
