"""Lark's trees to ours: one method per rule of the grammar, named as there.

A method gets the children of its rule, tokens and nodes, and returns a node, or something smaller
that the rule above it takes apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..diagnostics import Collector, Source, Span
from . import ast
from .grammar import Branch, grammar
from .tokens import Lexeme

_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(frozen=True)
class _Part:
    """What is no node: the pieces of a statement or of a call, with their extent."""

    start: int
    end: int
    items: tuple
    condition: ast.Expr | None = None


class TreeBuilder:
    def __init__(self, source: Source, problems: Collector):
        self.source = source
        self.problems = problems
        self._word = grammar().word
        self._rules: dict[str, Callable] = {}  # those that were used, by their names
        self._notes: list[tuple[str, str, Span, str]] = []  # code, message, span, hint of mistakes in what was read
        self._labels: dict[int, tuple[ast.Index, ast.Expr | None]] = {}  # by id: indices that only a label can have

    def build(self, tree: Branch) -> ast.Model:
        """The model; mistakes that the grammar cannot see are reported."""
        statements = []
        (rest,) = tree.children
        while rest.children:
            rest, statement = rest.children
            statements.append(statement)
        nodes = []
        while statements:  # each of Lark's trees goes as soon as ours is there
            nodes.append(self._built(statements.pop()))
        self._report()
        return ast.Model(Span(self.source, 0, len(self.source.text)), tuple(nodes))

    def _built(self, tree: Branch):
        """Children first, without recursion: a chain of operators is a tree as deep as it is long."""
        order, rest = [], [tree]
        while rest:
            item = rest.pop()
            order.append(item)
            if type(item) is Branch:
                rest += item.children
        done: list = []
        rules = self._rules
        while order:
            item = order.pop()
            if type(item) is Branch:
                rule = rules.get(item.data)
                if rule is None:
                    rule = rules[item.data] = getattr(self, item.data)
                first = len(done) - len(item.children)
                children = done[first:]
                del done[first:]
                item = rule(children)
            done.append(item)
        return done[0]

    def _report(self) -> None:
        """The mistakes; among them indices that only the label of a constraint can have, and that were none."""
        for node, _ in self._labels.values():
            self._notes.append(
                (
                    "BL0119",
                    f"a loop cannot be an index of `{node.base.span.text}`",
                    node.span,
                    "`name[i in I]:` begins an indexed constraint; to add up, write `sum(e for i in I)`",
                )
            )
        for code, message, span, hint in self._notes:
            self.problems.error(code, message, span, hints=(hint,))

    def _at(self, c) -> Span:
        first, last = c[0], c[-1]
        start = first.span.start if isinstance(first, ast.Node) else first.start
        end = last.span.end if isinstance(last, ast.Node) else last.end
        return Span(self.source, start, end)

    def _token_span(self, token: Lexeme) -> Span:
        return Span(self.source, token.start, token.end)

    def _name(self, token: Lexeme) -> ast.Name:
        return ast.Name(Span(self.source, token.start, token.end), token.text)

    def _part(self, c, items, condition=None) -> _Part:
        span = self._at(c)
        return _Part(span.start, span.end, tuple(items), condition)

    # --- statements

    def problem(self, c):
        return ast.ProblemName(self._at(c), self._name(c[1]))

    def param(self, c):
        value = c[-2] if isinstance(c[-2], ast.Expr) else None
        dimensions = _items(c[2]) if self._opens(c[2], "[") else ()
        within = next((part for part in c[2:4] if isinstance(part, _Part) and self._opens(part, "in")), None)
        domain = within.items[0] if within else None
        if within and not isinstance(domain, (ast.Name, ast.Labels, ast.Range, ast.SetOf)):
            self._notes.append(
                (
                    "BL0110",
                    "a parameter has no set: it is given, not sought",
                    Span(self.source, within.start, within.start + 2),
                    "what is sought is declared in a level: `var x in [0, 1];`",
                )
            )
            domain = None
        return ast.Param(self._at(c), self._name(c[1]), dimensions, value, domain)

    def set_decl(self, c):
        return ast.SetDecl(self._at(c), self._name(c[1]), c[3])

    def function(self, c):
        return ast.FunctionDecl(self._at(c), self._name(c[1]), _items(c[3]), c[-2])

    def let(self, c):
        return ast.Let(self._at(c), self._name(c[1]), _items(c[2]), c[-2])

    def entries_of(self, c):
        """The loops of an indexed `let`."""
        items = c[1].items
        odd = next((i for i in items if not isinstance(i, ast.Generator)), None)
        if odd is not None:
            self._notes.append(
                (
                    "BL0113",
                    "the entries of a `let` are named by a loop, and this is none",
                    odd.span,
                    "write `let x[i in 1..n] = ...;`, or `let x = ...;` for an array as a whole",
                )
            )
        elif isinstance(c[2], _Part):
            self._notes.append(
                (
                    "BL0113",
                    "a `let` has an entry for every element, and its loops no condition",
                    c[2].items[0].span,
                    "select before: `set S = {i for i in I if ...};` and `let x[i in S] = ...;`",
                )
            )
        return self._part(c, [i for i in items if isinstance(i, ast.Generator)])

    def names(self, c):
        return self._part(c, (self._name(x) for x in c[::2]))

    def dims(self, c):
        return self._part(c, _nodes(c))

    def entry_name(self, c):
        return self._name(c[0])

    def entry(self, c):
        return ast.Entry(self._at(c), c[0], c[2])

    def entries(self, c):
        return _longer(*c) if c else []

    def options(self, c):
        return ast.Options(self._at(c), tuple(c[2]))

    def report(self, c):
        return ast.Report(self._at(c), tuple(c[2]))

    def reference(self, c):
        return ast.Reference(self._at(c), tuple(c[2]))

    # --- levels

    def upper(self, c):
        return self._level("upper", c)

    def lower(self, c):
        return self._level("lower", c)

    def _level(self, kind, c):
        name = self._name(c[1]) if c[1].type == "NAME" else None
        return ast.Level(self._at(c), kind, name, tuple(c[-2]))

    def items(self, c):
        return _longer(*c) if c else []

    def within(self, c):
        return self._part(c, [c[1]])

    beginning = within

    def var(self, c):
        rest = c[2:-1]
        dimensions = rest.pop(0).items if rest and self._opens(rest[0], "[") else ()
        start = rest.pop().items[0] if rest and self._opens(rest[-1], "start") else None
        if isinstance(start, ast.Binary) and start.op == "in":
            self._notes.append(
                ("BL0110", "`in` comes before `start`", start.op_span, "write `var x in SET start VALUE;`"),
            )
        return ast.Var(self._at(c), self._name(c[1]), dimensions, tuple(p.items[0] for p in rest), start)

    def _opens(self, part: _Part, word: str) -> bool:
        return self.source.text.startswith(word, part.start)

    def objective(self, c):
        return ast.Objective(self._at(c), self._word[c[0].type], c[1])

    def subject_to(self, c):
        return []

    def constraints(self, c):
        return _longer(*c)

    def constraint(self, c):
        label, generators, condition, terms = None, (), None, c
        if self._word[c[1].type] == ":":
            label, generators, condition = self._label(c[0])
            terms = c[2:]
        return ast.Constraint(
            self._at(c), label, generators, condition, _nodes(terms), tuple(self._word[x.type] for x in terms[1:-1:2])
        )

    def _label(self, e):
        bare = not self.source.text.startswith("(", e.span.start)
        if bare and isinstance(e, ast.Name):
            return e, (), None
        if (
            bare
            and isinstance(e, ast.Index)
            and isinstance(e.base, ast.Name)
            and all(isinstance(i, ast.Generator) for i in e.items)
        ):
            _, condition = self._labels.pop(id(e))
            return e.base, e.items, condition
        if isinstance(e, ast.Index):
            self._labels.pop(id(e), None)
        self._notes.append(
            (
                "BL0113",
                "this is not a label for a constraint",
                e.span,
                "a label is a name, `cap:`, with loops where it has indices, `cap[i in I]:`",
            )
        )
        return None, (), None

    # --- expressions

    def conditional(self, c):
        return ast.Conditional(self._at(c), c[1], c[3], c[5])

    def binary(self, c):
        left, operator, right = c
        return ast.Binary(
            Span(self.source, left.span.start, right.span.end),
            self._word[operator.type],
            left,
            right,
            Span(self.source, operator.start, operator.end),
        )

    def unary(self, c):
        return ast.Unary(self._at(c), self._word[c[0].type], c[1])

    def interval(self, c):
        return ast.Range(self._at(c), c[0], c[2])

    def transpose(self, c):
        return ast.Transpose(self._at(c), c[0])

    def index(self, c):
        node = ast.Index(Span(self.source, c[0].span.start, c[-1].end), c[0], c[2].items)
        condition = c[3].items[0] if isinstance(c[3], _Part) else None
        if condition is not None or any(isinstance(item, ast.Generator) for item in node.items):
            self._labels[id(node)] = (node, condition)
        return node

    def index_items(self, c):
        return _Part(0, 0, tuple(self._looped(item) for item in c[::2]))

    def _looped(self, item):
        """`i in I` between brackets is a loop of a label, not a question."""
        if not (isinstance(item, ast.Binary) and item.op == "in" and self._is_written_bare(item)):
            return item
        names = item.left.items if isinstance(item.left, ast.Tuple) else (item.left,)
        if not all(isinstance(name, ast.Name) for name in names):
            return item
        return ast.Generator(item.span, item.left, item.right)

    def _is_written_bare(self, item: ast.Binary) -> bool:
        """No parentheses around all of it."""
        return item.span.start == item.left.span.start

    def slice(self, c):
        low = c[0] if isinstance(c[0], ast.Node) else None
        high = c[-1] if isinstance(c[-1], ast.Node) else None
        return ast.Slice(self._at(c), low, high)

    def number(self, c):
        text = c[0].text
        value = float(text)
        if value == float("inf") and text != "inf":
            self._notes.append(
                (
                    "BL0107",
                    f"`{text if len(text) < 30 else text[:20] + '...'}` is larger than any number here",
                    self._at(c),
                    "the largest is about 1.8e308; without bound is `inf`",
                )
            )
        return ast.Number(self._token_span(c[0]), value, text.isdigit())

    def text(self, c):
        return ast.Text(self._at(c), _unescaped(c[0].text))

    def name(self, c):
        return self._name(c[0])

    def call(self, c):
        arguments = _items(c[2])
        plain = tuple(a for a in arguments if isinstance(a, ast.Expr))
        keywords = tuple(a.items for a in arguments if isinstance(a, _Part))
        return ast.Call(self._at(c), self._name(c[0]), plain, keywords)

    def arguments(self, c):
        return self._part(c, c[::2])

    def loop_argument(self, c):
        body, loop = c
        return self._part(c, [ast.Comprehension(self._at(c), body, loop.items, loop.condition)])

    def keyword(self, c):
        return self._part(c, (self._name(c[0]), c[2]))

    def attribute(self, c):
        return ast.Attribute(self._at(c), self._name(c[0]), self._name(c[2]))

    def parenthesis(self, c):
        """The expression itself; its span takes in the parentheses."""
        object.__setattr__(c[1], "span", self._at(c))
        return c[1]

    def array(self, c):
        return ast.Array(self._at(c), _nodes(c))

    def labels(self, c):
        return ast.Labels(self._at(c), _nodes(c))

    def set_of(self, c):
        return ast.SetOf(self._at(c), c[1], c[2].items, c[2].condition)

    def tuple(self, c):
        return ast.Tuple(self._at(c), _nodes(c))

    def comprehension(self, c):
        return ast.Comprehension(self._at(c), c[1], c[2].items, c[2].condition, True)

    def loop(self, c):
        condition = c[-1].items[0] if isinstance(c[-1], _Part) else None
        return self._part(c, _nodes(c), condition)

    def generator(self, c):
        variable = c[0] if isinstance(c[0], ast.Node) else self._name(c[0])
        for item in variable.items if isinstance(variable, ast.Tuple) else ():
            if not isinstance(item, ast.Name):
                self._notes.append(
                    (
                        "BL0113",
                        "a tuple in a loop is taken apart into new names, and this is none",
                        item.span,
                        f"name it, and select with a condition: `(i, j) in ARC if j == {item.span.text}`",
                    )
                )
        return ast.Generator(self._at([variable, c[2]]), variable, c[2])

    def condition(self, c):
        return self._part(c, [c[1]])


def _longer(nodes: list, more=None) -> list:
    """A list of nodes with another one, or with all of another list, at its end."""
    if isinstance(more, list):
        nodes += more
    elif more is not None:
        nodes.append(more)
    return nodes


def _nodes(c) -> tuple[ast.Node, ...]:
    return tuple([x for x in c if isinstance(x, ast.Node)])


def _items(child) -> tuple:
    """Of the pieces of an optional part; none where the child is the next token."""
    return child.items if isinstance(child, _Part) else ()


def _unescaped(text: str) -> str:
    """The value of a string literal: \\n, \\t, \\" and \\\\; before anything else a backslash is itself."""
    if "\\" not in text:
        return text[1:-1]
    out, rest = [], iter(text[1:-1])
    for character in rest:
        if character == "\\":
            character = next(rest, "")
            out.append(_ESCAPES.get(character, "\\" + character))
        else:
            out.append(character)
    return "".join(out)
