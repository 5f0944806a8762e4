"""Text to tree. The only module that imports Lark.

The grammar is `grammar/bilevel.lark`: inside the package where it was installed from a wheel,
beside it in a checkout and an editable install. After a mistake the parser goes on with the next
statement, so that one run reports all that are independent.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedToken

from ..diagnostics import BilevelError, Collector, Diagnostic, Source, Span
from . import ast
from .expected import habit, phrase
from .tokens import Lexeme, tokenize

MAX_BYTES = 16 * 2**20
MAX_ERRORS = 20


def grammar_text() -> str:
    """The grammar, packaged or beside the package."""
    package = Path(__file__).resolve().parent.parent
    for place in (package / "grammar", package.parent / "grammar"):
        file = place / "bilevel.lark"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError("bilevel.lark is neither in the package nor beside it")


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
        fail("BL0501", f"there is no file `{name}`")
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
    tokens = tokenize(source, problems)
    tree = _run(source, tokens, problems)
    problems.raise_errors()
    return tree


def parse_expression(source: Source) -> ast.Expr:
    """The tree of a single expression, as given to `--param`."""
    problems = Collector()
    tokens = tokenize(source, problems)
    wrapped = [Lexeme("LET", "let", 0, 0), Lexeme("NAME", "value", 0, 0), Lexeme("EQUAL", "=", 0, 0), *tokens,
               Lexeme("SEMICOLON", ";", len(source.text), len(source.text))]
    tree = _run(source, wrapped, problems)
    problems.raise_errors()
    return tree.statements[0].value


# --- driving the parser --------------------------------------------------------------------


@lru_cache(maxsize=1)
def _lark() -> Lark:
    return Lark(grammar_text(), parser="lalr", lexer="basic", keep_all_tokens=True, maybe_placeholders=False,
                transformer=_Builder())


def _run(source: Source, tokens: list[Lexeme], problems: Collector) -> ast.Model | None:
    parser = _lark().parse_interactive("")
    safe = _copy(parser)  # the state after the last complete statement
    _Builder.source, _Builder.problems = source, problems
    end = len(source.text)
    k, previous, depth = 0, None, 0
    while k < len(tokens) and len(problems.errors) < MAX_ERRORS:
        lexeme = tokens[k]
        try:
            parser.feed_token(_token(lexeme))
        except UnexpectedToken:
            accepted = parser.accepts()
            if _missing_semicolon(source, previous, lexeme, accepted):
                _report_missing(source, previous, problems)
                parser.feed_token(Token("SEMICOLON", ";", start_pos=previous.end, end_pos=previous.end))
                safe = _copy(parser)
                continue
            _report(source, tokens, k, accepted, problems)
            k, parser = _resume(tokens, k, depth), _copy(safe)
            continue
        depth += (lexeme.text == "{" and lexeme.type == "LBRACE") - (lexeme.type == "RBRACE")
        if lexeme.type in ("SEMICOLON", "RBRACE", "TO", "ST") or (lexeme.type == "LBRACE" and _opens_block(tokens, k)):
            safe = _copy(parser)
        previous = lexeme
        k += 1
    if problems.errors:
        return None
    try:
        return parser.feed_eof(Token("$END", "", start_pos=end, end_pos=end))
    except UnexpectedToken:
        accepted = parser.accepts()
        where = Span(source, previous.end - 1, previous.end) if previous else Span(source, 0, 0)
        problems.error("BL0110", f"the file ends here, but {phrase(accepted)} is expected", where, "the end")
        return None


def _token(lexeme: Lexeme) -> Token:
    return Token(lexeme.type, lexeme.text, start_pos=lexeme.start, end_pos=lexeme.end)


def _copy(parser):
    return parser.copy(deepcopy_values=False)


def _opens_block(tokens: list[Lexeme], k: int) -> bool:
    before = tokens[k - 1].type if k else ""
    return before in ("UPPER", "LOWER", "OPTIONS", "REPORT", "REFERENCE") or \
        (before == "NAME" and k > 1 and tokens[k - 2].type == "LOWER")


def _missing_semicolon(source: Source, previous: Lexeme | None, found: Lexeme, accepted: set[str]) -> bool:
    if previous is None or "SEMICOLON" not in accepted or found.type in ("EQUAL", "LESSTHAN", "MORETHAN"):
        return False
    starts = found.type in {"PARAM", "SET", "FUNCTION", "LET", "UPPER", "LOWER", "VAR", "MINIMIZE", "MAXIMIZE", "SUBJECT",
                            "ST", "OPTIONS", "REPORT", "REFERENCE", "RBRACE"}
    next_line = source.line_column(previous.end)[0] < source.line_column(found.start)[0]
    return starts or (next_line and found.type in ("NAME", "NUMBER", "LPAR"))


def _report_missing(source: Source, previous: Lexeme, problems: Collector) -> None:
    problems.error("BL0111", f"expected `;` after `{previous.text}`", Span(source, previous.end - 1, previous.end),
                   "the statement ends here")


def _report(source: Source, tokens: list[Lexeme], k: int, accepted: set[str], problems: Collector) -> None:
    found = tokens[k]
    before = tokens[k - 1].text if k else ""
    after = tokens[k + 1].text if k + 1 < len(tokens) else ""
    span = Span(source, found.start, found.end)
    known = habit(before, found.text, after, accepted)
    if known:
        problems.error("BL0112", known[0], span, hints=(known[1],))
        return
    word = f"the keyword `{found.text}`" if found.type.lower() == found.text else f"`{found.text}`"
    hints = ()
    if found.type.lower() == found.text and "NAME" in accepted:
        hints = (f"`{found.text}` is a keyword of the language and cannot be a name",)
    problems.error("BL0110", f"expected {phrase(accepted)}, found {word}", span, hints=hints)


def _resume(tokens: list[Lexeme], k: int, depth: int) -> int:
    """Where to go on: after the next `;` of this block, or at the `}` that closes it."""
    level = 0
    while k < len(tokens):
        kind = tokens[k].type
        k += 1
        if kind == "LBRACE":
            level += 1
        elif kind == "RBRACE":
            if level == 0:
                return k - 1 if depth > 0 else k
            level -= 1
            if level == 0 and depth == 0:
                return k
        elif kind == "SEMICOLON" and level == 0:
            return k
    return k


# --- building the tree -----------------------------------------------------------------------


def _raw(text: str) -> str:
    escapes = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
    out, it = [], iter(text[1:-1])
    for c in it:
        if c == "\\":
            c = next(it, "")
            out.append(escapes.get(c, "\\" + c))
        else:
            out.append(c)
    return "".join(out)


class _Builder(Transformer):
    """One method per rule; children are tokens and nodes, all of them."""

    source: Source
    problems: Collector

    def _at(self, children) -> Span:
        first, last = children[0], children[-1]
        start = first.start_pos if isinstance(first, Token) else first.span.start
        end = last.end_pos if isinstance(last, Token) else last.span.end
        return Span(self.source, start, end)

    def _span(self, token: Token) -> Span:
        return Span(self.source, token.start_pos, token.end_pos)

    def _name(self, token: Token) -> ast.Name:
        return ast.Name(self._span(token), str(token))

    @staticmethod
    def _nodes(children):
        return tuple(c for c in children if isinstance(c, ast.Node))

    # statements

    def start(self, c):
        return ast.Model(Span(self.source, 0, len(self.source.text)), tuple(c))

    def problem(self, c):
        return ast.ProblemName(self._at(c), self._name(c[1]))

    def param(self, c):
        dims = next((x for x in c if isinstance(x, list)), [])
        value = c[-2] if isinstance(c[-2], ast.Expr) else None
        return ast.Param(self._at(c), self._name(c[1]), tuple(dims), value)

    def set_decl(self, c):
        return ast.SetDecl(self._at(c), self._name(c[1]), c[3])

    def function(self, c):
        names = next((x for x in c if isinstance(x, list)), [])
        return ast.FunctionDecl(self._at(c), self._name(c[1]), tuple(names), c[-2])

    def let(self, c):
        return ast.Let(self._at(c), self._name(c[1]), c[3])

    def names(self, c):
        return [self._name(x) for x in c if x.type == "NAME"]

    def dims(self, c):
        return list(self._nodes(c))

    def entry_name(self, c):
        return self._name(c[0])

    def entry(self, c):
        return ast.Entry(self._at(c), c[0], c[2])

    def options(self, c):
        return ast.Options(self._at(c), self._nodes(c))

    def report(self, c):
        return ast.Report(self._at(c), self._nodes(c))

    def reference(self, c):
        return ast.Reference(self._at(c), self._nodes(c))

    # levels

    def upper(self, c):
        return self._level("upper", c)

    def lower(self, c):
        return self._level("lower", c)

    def _level(self, kind, c):
        name = self._name(c[1]) if c[1].type == "NAME" else None
        items = []
        for child in c:
            items += child if isinstance(child, list) else [child] if isinstance(child, ast.Node) else []
        return ast.Level(self._at(c), kind, name, tuple(items))

    def within(self, c):
        return ("in", c[1])

    def beginning(self, c):
        return ("start", c[1])

    def var(self, c):
        dims = next((x for x in c if isinstance(x, list)), [])
        pairs = [x for x in c if isinstance(x, tuple)]
        sets = tuple(e for kind, e in pairs if kind == "in")
        start = next((e for kind, e in pairs if kind == "start"), None)
        return ast.Var(self._at(c), self._name(c[1]), tuple(dims), sets, start)

    def objective(self, c):
        return ast.Objective(self._at(c), str(c[0]), c[1])

    def subject_to(self, c):
        return None

    def constraints(self, c):
        return [x for x in c if x is not None]

    def relation(self, c):
        return c[0]

    def constraint(self, c):
        label, generators, condition = None, (), None
        terms = c
        if isinstance(c[1], Token) and c[1].type == "COLON":
            label, generators, condition = self._label(c[0])
            terms = c[2:]
        return ast.Constraint(self._at(c), label, generators, condition, self._nodes(terms),
                              tuple(str(x) for x in terms if isinstance(x, Token) and x.type != "SEMICOLON"))

    def _label(self, e):
        if isinstance(e, ast.Name):
            return e, (), None
        if isinstance(e, _Indexed) and isinstance(e.base, ast.Name) and all(isinstance(i, ast.Generator) for i in e.items):
            return e.base, e.items, e.condition
        self.problems.error("BL0113", "this is not a label for a constraint", e.span,
                            hints=("a label is a name, `cap:`, with indices `cap[i in I]:`",))
        return None, (), None

    # expressions

    def conditional(self, c):
        return ast.Conditional(self._at(c), c[1], c[3], c[5])

    def binary(self, c):
        return ast.Binary(self._at(c), str(c[1]), c[0], c[2], self._span(c[1]))

    def compare(self, c):
        return c[0]

    def plus(self, c):
        return c[0]

    def times(self, c):
        return c[0]

    def unary(self, c):
        return ast.Unary(self._at(c), str(c[0]), c[1])

    def interval(self, c):
        return ast.Range(self._at(c), c[0], c[2])

    def transpose(self, c):
        return ast.Transpose(self._at(c), c[0])

    def index(self, c):
        items = c[2]
        condition = c[3] if isinstance(c[3], ast.Expr) else None
        return _Indexed(self._at(c), c[0], tuple(items), condition)

    def index_items(self, c):
        return [x for x in c if isinstance(x, ast.Node)]

    def slice(self, c):
        colon = next(i for i, x in enumerate(c) if isinstance(x, Token) and x.type == "COLON")
        low = c[0] if colon == 1 else None
        high = c[-1] if colon < len(c) - 1 else None
        return ast.Slice(self._at(c), low, high)

    def number(self, c):
        text = str(c[0])
        value = float("inf") if text == "inf" else float(text)
        return ast.Number(self._at(c), value, text.isdigit())

    def text(self, c):
        return ast.Text(self._at(c), _raw(str(c[0])))

    def name(self, c):
        return self._name(c[0])

    def call(self, c):
        arguments = c[2] if isinstance(c[2], list) else []
        plain = tuple(a for a in arguments if isinstance(a, ast.Expr))
        return ast.Call(self._at(c), self._name(c[0]), plain, tuple(a for a in arguments if isinstance(a, tuple)))

    def arguments(self, c):
        if isinstance(c[-1], _Loop):
            loop = c[-1]
            return [ast.Comprehension(c[0].span.to(loop.span), c[0], loop.generators, loop.condition)]
        return [x for x in c if not isinstance(x, Token)]

    def keyword(self, c):
        return (self._name(c[0]), c[2])

    def attribute(self, c):
        return ast.Attribute(self._at(c), self._name(c[0]), self._name(c[2]))

    def parenthesis(self, c):
        return c[1]

    def array(self, c):
        return ast.Array(self._at(c), self._nodes(c))

    def labels(self, c):
        return ast.Labels(self._at(c), self._nodes(c))

    def comprehension(self, c):
        return ast.Comprehension(self._at(c), c[1], c[2].generators, c[2].condition, True)

    def loop(self, c):
        generators = tuple(x for x in c if isinstance(x, ast.Generator))
        condition = c[-1] if isinstance(c[-1], ast.Expr) else None
        return _Loop(self._at(c), generators, condition)

    def generator(self, c):
        return ast.Generator(self._at(c), self._name(c[0]), c[2])

    def condition(self, c):
        return c[1]


class _Loop(ast.Node):
    def __init__(self, span, generators, condition):
        object.__setattr__(self, "span", span)
        object.__setattr__(self, "generators", generators)
        object.__setattr__(self, "condition", condition)


class _Indexed(ast.Index):
    """An index that may still turn out to be the label of a constraint."""

    def __init__(self, span, base, items, condition):
        object.__setattr__(self, "span", span)
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "condition", condition)
