"""Tree to text: the canonical layout of a model.

The tokens are printed in their order, along the tree, so that nothing is lost: comments stand where
they stood, line breaks between the items of an array, the arguments of a call and the terms of a sum are
kept, and so are columns of `=` and of comments where the author has aligned them. Lines are broken at
`WIDTH`. Parentheses are left as they are, but for those around a single name or number, around a whole
right-hand side, and doubled ones. The result is read again, and must be the same tree.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from ..diagnostics import Collector, Source
from . import ast
from .equal import deep_recursion, same_tree
from .layout import (
    FRESH,
    GAP,
    HARD,
    INDENT,
    SOFT,
    SPACE,
    Doc,
    Fill,
    Group,
    Indent,
    Suffix,
    first_piece,
    is_forced,
    render,
)
from .parser import parse
from .table import END
from .tokens import Lexeme, tokenize

WIDTH = 100
_COMMENT = re.compile(r"#[^\n]*|/\*.*?\*/", re.DOTALL)
_CLOSERS = frozenset([",", ";", ")", "]", "}", ":"])
_PRECEDENCE = {"or": 1, "and": 2, "+": 4, "-": 4, "*": 5, "/": 5, "@": 5}  # of operators that chain


def format_source(source: Source) -> str:
    """The text of `source` in canonical layout.

    Raises:
        BilevelError: it has syntax errors.
    """
    tree = parse(source)
    with deep_recursion():
        text = _Formatter(source, tree).run()
        again = parse(Source(source.name, text))
        if not same_tree(tree, again) or sorted(_comments(text)) != sorted(_comments(source.text)):
            raise AssertionError(f"formatting would change {source.name}")
    return text


def is_formatted(source: Source) -> bool:
    """
    Raises:
        BilevelError: it has syntax errors.
    """
    return format_source(source) == source.text


def diff(source: Source) -> str:
    """What formatting would change, as a unified diff; empty where nothing.

    Raises:
        BilevelError: it has syntax errors.
    """
    before, after = source.text.splitlines(keepends=True), format_source(source).splitlines(keepends=True)
    if before and not before[-1].endswith("\n"):
        before[-1] += "\n\\ No newline at end of file\n"
    return "".join(difflib.unified_diff(before, after, source.name, source.name + " (formatted)"))


def _comments(text: str) -> list[str]:
    """The words of all comments."""
    said = []
    for match in re.finditer(r'"(?:\\.|[^"\\\n])*"|#[^\n]*|/\*.*?\*/', text, re.DOTALL):
        if not match.group().startswith('"'):
            said += match.group().split()
    return said


@dataclass
class _Row:
    """A line of the result."""

    indent: int
    text: str
    comment: str = ""
    blank: bool = False  # a blank line before it
    line: int = 0  # of the source, for a statement on a single line
    equals: int = -1  # column of its `=` in the source
    comment_column: int = -1  # of its comment in the source

    def __str__(self) -> str:
        text = " " * self.indent + self.text
        return f"{text}  {self.comment}" if self.comment else text


@dataclass(frozen=True)
class _Remark:
    """A comment: its text, the line breaks before it, whether code follows on its line."""

    text: str
    breaks: int
    followed: bool
    start: int


class _Formatter:
    def __init__(self, source: Source, tree: ast.Model):
        self.source, self.tree = source, tree
        end = len(source.text)
        self.tokens = [*tokenize(source, Collector()), Lexeme(END, "", end, end)]
        self.closing = _closings(self.tokens)
        self.starts = {token.start: k for k, token in enumerate(self.tokens)}
        self.k = 0  # the next token
        self.remarks: list[_Remark] = self._remarks(0)  # before it, and not yet printed
        self.rows: list[_Row] = []
        self.after_block = False  # of several lines: what follows is set apart from it

    # --- tokens and comments

    def _remarks(self, k: int) -> list[_Remark]:
        """The comments before token `k`; those on one line are one."""
        start = self.tokens[k - 1].end if k else 0
        end = self.tokens[k].start
        text, found, position = self.source.text, [], start
        for match in _COMMENT.finditer(text, start, end):
            said = "\n".join(line.rstrip() for line in match.group().split("\n"))
            breaks = text.count("\n", position, match.start())
            followed = "\n" not in text[match.end() : end] and self.tokens[k].type != END
            position = match.end()
            if found and breaks == 0:
                first = found.pop()
                between = text[first.start + len(first.text) : match.start()] if "\n" not in first.text else "  "
                found.append(_Remark(first.text + between + said, first.breaks, followed, first.start))
            else:
                found.append(_Remark(said, max(breaks, k == 0), followed, match.start()))
        return found

    def _breaks_before(self) -> int:
        """Line breaks between the next token and what stands before it."""
        start = self.tokens[self.k - 1].end if self.k else 0
        gap = self.source.text[start : self.tokens[self.k].start]
        last = list(_COMMENT.finditer(gap))
        return gap.count("\n", last[-1].end() if last else 0)

    def _broken_before(self) -> bool:
        start = self.tokens[self.k - 1].end if self.k else 0
        return "\n" in self.source.text[start : self.tokens[self.k].start]

    @property
    def next(self) -> str:
        return self.tokens[self.k].type

    def take(self, text: str | None = None, ends: bool = False) -> Doc:
        """The next token (or `text` for it), with the comments before it inside of a statement and the one behind it.

        ends: it ends a row, to which the comment behind it will belong.
        """
        token = self.tokens[self.k]
        docs: list[Doc] = []
        for remark, after in zip(self.remarks, [*self.remarks[1:], None]):
            if "\n" in remark.text or (remark.breaks and not remark.followed):
                docs += [FRESH, remark.text, HARD]
            elif remark.followed and not (after and after.breaks):
                docs += [GAP, remark.text, "" if token.type in _CLOSERS else " "]
            else:
                docs.append(Suffix(remark.text))
        self._advance()
        docs.append(token.text if text is None else text)
        if (
            self.remarks
            and not ends
            and token.type != ";"
            and self.remarks[0].breaks == 0
            and not self.remarks[0].followed
            and "\n" not in self.remarks[0].text
        ):
            docs.append(Suffix(self.remarks.pop(0).text))
        return docs if len(docs) > 1 else docs[0]

    def drop(self) -> None:
        """Leave out the next token; the comments before it wait for the one after."""
        kept = self.remarks
        self._advance()
        self.remarks = kept + self.remarks

    def _advance(self) -> None:
        self.k += 1
        self.remarks = self._remarks(self.k) if self.k < len(self.tokens) else []

    # --- rows

    def run(self) -> str:
        for statement in self.tree.statements:
            self._top_level(statement)
        self._leading(0)
        _align(self.rows)
        lines = []
        for row in self.rows:
            lines += [""] * (row.blank and bool(lines)) + [str(row)]
        return "\n".join(lines) + "\n" if lines else ""

    def _leading(self, indent: int, first: bool = False) -> bool:
        """Rows for the comments before the next token; whether a blank line stands before the token itself.

        first: nothing stands before them in their block, so no blank line does.
        """
        last = self.remarks[-1] if self.remarks else None
        beside = (
            last is not None and last.followed and "\n" not in last.text and self.next not in ("}", "upper", "lower")
        )
        for remark in self.remarks[:-1] if beside else self.remarks:
            blank = (remark.breaks > 1 or self.after_block) and not first
            self.rows.append(_Row(indent, remark.text, blank=blank))
            first = self.after_block = False
        self.remarks = [last] if beside else []
        breaks = last.breaks if beside else self._breaks_before()
        blank = (breaks > 1 or self.after_block) and not first
        self.after_block = False
        return blank

    def _trailing(self, row: _Row) -> None:
        """The comment behind the last token, on its line, goes to the end of `row`."""
        if self.remarks and self.remarks[0].breaks == 0:
            remark = self.remarks.pop(0)
            row.comment = remark.text
            row.comment_column = self.source.line_column(remark.start)[1]

    def _row(self, doc: Doc, indent: int, blank: bool, token: Lexeme) -> _Row:
        """The rows of a statement that began with `token`; returns the last, with the comment behind it."""
        lines = render(doc, indent, WIDTH).split("\n")
        rows = [_Row(indent, lines[0], blank=blank)] + [_Row(0, line) for line in lines[1:]]
        last = self.tokens[self.k - 1]
        if len(rows) == 1 and "\n" not in self.source.text[token.start : last.end]:
            rows[0].line = self.source.line_column(token.start)[0]
        self.rows += rows
        self._trailing(rows[-1])
        return rows[-1]

    def _statement(self, doc_of, node: ast.Node, indent: int, first: bool) -> None:
        blank = self._leading(indent, first)
        token, k = self.tokens[self.k], self.k
        row = self._row(doc_of(node), indent, blank, token)
        if row.line:
            equals = next((t for t in self.tokens[k : self.k] if t.type == "="), None)
            if equals and isinstance(node, (ast.Param, ast.SetDecl, ast.FunctionDecl, ast.Let, ast.Entry)):
                row.equals = self.source.line_column(equals.start)[1]

    # --- statements

    def _top_level(self, node: ast.Statement) -> None:
        if isinstance(node, ast.Level):
            self._block(node, self._level_body)
        elif isinstance(node, (ast.Options, ast.Report, ast.Reference)):
            self._block(node, self._entries)
        else:
            self._statement(self._simple, node, 0, not self.rows)

    def _block(self, node, body) -> None:
        before = len(self.rows)
        blank = self._leading(0, not self.rows)
        head = [self.take()]
        if self.next == "NAME":
            head += [" ", self.take()]
        line = None if isinstance(node, ast.Level) else self._on_one_line(node, head)
        if line is not None:
            self._row(line, 0, blank, self.tokens[self.k - 1])
            return
        if before < len(self.rows):
            self.rows[before].blank = before > 0
        else:
            blank = before > 0
        token = self.tokens[self.k]
        opening = [*head, " ", self.take(ends=True)]
        if self.next == "}" and not self.remarks:
            self._row([*opening, " ", self.take(ends=True)], 0, blank, token)
        else:
            self._row(opening, 0, blank, token)
            body(node)
            self._row(self.take(ends=True), 0, False, token)
        self.after_block = True

    def _on_one_line(self, node, head: list[Doc]) -> Doc | None:
        """A block of entries stays on one line where its first entry stands there, without comments, and it fits."""
        k, remarks = self.k, self.remarks
        commented = any(self._remarks(i) for i in range(k + 1, self.closing[k] + 1))
        docs = [*head, " ", self.take()]
        if not commented and not self._broken_before():
            for entry in node.entries:
                docs += [" ", self._entry(entry)]
            docs += [" ", self.take(ends=True)]
            if not is_forced(docs) and len(render(docs, 0, 10**6)) <= WIDTH:
                return docs
        self.k, self.remarks = k, remarks
        return None

    def _level_body(self, level: ast.Level) -> None:
        indent, first = INDENT, True
        for item in level.items:
            while self.next in ("subject", "s.t."):
                self._subject_to(first)
                indent, first = 2 * INDENT, True
            if not isinstance(item, ast.Constraint):
                indent = INDENT
            self._statement(self._simple, item, indent, first)
            first = False
        while self.next in ("subject", "s.t."):
            self._subject_to(first)
            indent, first = 2 * INDENT, True
        self._leading(indent, first)

    def _subject_to(self, first: bool) -> None:
        blank = self._leading(INDENT, first)
        token = self.tokens[self.k]
        doc = self.take("subject to", ends=True)
        if token.type == "subject":
            self.drop()
        self._row(doc, INDENT, blank, token)

    def _entries(self, block) -> None:
        """One entry to a row; those that the author put on one line stay together where they fit."""
        first = plain = True
        for entry in block.entries:
            together = plain and not (first or self.remarks or self._broken_before())
            last = self.rows[-1]
            k = self.k
            self._statement(self._entry, entry, INDENT, first)
            row = self.rows[-1]
            plain = not any(self._remarks(i) for i in range(k + 1, self.k))
            if together and plain and last is self.rows[-2] and not last.comment and len(f"{last} {row.text}") <= WIDTH:
                last.text, last.comment, last.comment_column = (
                    f"{last.text} {row.text}",
                    row.comment,
                    row.comment_column,
                )
                last.equals = -1
                self.rows.pop()
            first = False
        self._leading(INDENT, first)

    def _entry(self, entry: ast.Entry) -> Doc:
        return [self.take(), " ", self.take(), " ", self._value(entry.value), self.take()]

    def _simple(self, node: ast.Statement) -> Doc:
        """A statement that ends with `;`."""
        if isinstance(node, ast.Constraint):
            return self._constraint(node)
        docs = [self.take(), " "]
        if isinstance(node, ast.Objective):
            return docs + [self._value(node.value), self.take()]
        docs.append(self.take())  # the name
        if isinstance(node, (ast.Param, ast.Var)) and node.dimensions:
            docs.append(self._bracketed(node.dimensions, tight=True))
        if isinstance(node, ast.FunctionDecl):
            docs.append(self._parameters(node))
        if isinstance(node, ast.Var):
            for each in node.sets:
                docs += [" ", self.take(), " ", self.expr(each)]
            if node.start is not None:
                docs += [" ", self.take(), " ", self._value(node.start)]
        elif self.next == "=":
            value = node.body if isinstance(node, ast.FunctionDecl) else node.value
            docs += [" ", self.take(), " ", self._value(value)]
        return docs + [self.take()]

    def _parameters(self, node: ast.FunctionDecl) -> Doc:
        docs = [self.take()]
        for k in range(len(node.parameters)):
            docs += ([self.take(), " "] if k else []) + [self.take()]
        return docs + [self.take()]

    def _constraint(self, node: ast.Constraint) -> Doc:
        docs: list[Doc] = []
        if node.label is not None:
            docs.append(self.expr(node.label) if not node.generators else [self.take(), self._label_loops(node)])
            docs += [self.take(), " "]
        parts = [self.expr(node.terms[0])]
        for term in node.terms[1:]:
            kept = self._broken_before()
            relation = self.take()
            parts += [HARD if kept or self._broken_before() else SPACE, [relation, " ", self.expr(term)]]
        return docs + [Indent(Fill(parts)), self.take()]

    def _label_loops(self, node: ast.Constraint) -> Doc:
        docs = [self.take()]
        for k, generator in enumerate(node.generators):
            docs += ([self.take(), " "] if k else []) + [self._generator(generator)]
        if node.condition is not None:
            docs += [" ", self.take(), " ", self.expr(node.condition)]
        return docs + [self.take()]

    # --- expressions

    def _value(self, node: ast.Expr) -> Doc:
        """A whole right-hand side; parentheses around all of it say nothing."""
        doc = self.expr(node, whole=True)
        return doc if isinstance(node, (ast.Array, ast.Call, ast.Comprehension, ast.Labels)) else Indent(doc)

    def expr(self, node: ast.Node, tight: bool = False, whole: bool = False) -> Doc:
        """tight: in an index or a range, where operators stand without spaces."""
        count = self._parentheses(node)
        if not count:
            return self._bare(node, tight)
        number = isinstance(node, ast.Number) and not self.tokens[self.k + count].text.endswith(".")
        keep = 0 if whole or isinstance(node, (ast.Name, ast.Text)) or number else 1
        for _ in range(count - keep):
            self.drop()
        doc = self._enclosed(self.take(), self._bare(node, False)) if keep else self._bare(node, False)
        for _ in range(count - keep):
            self.drop()
        return doc

    def _parentheses(self, node: ast.Node) -> int:
        """How many pairs stand around `node` and nothing else."""
        k, count = self.k, 0
        if self.tokens[k].start != node.span.start:
            return 0
        close = None
        while self.tokens[k].type == "(":
            end = self.closing[k]
            if (close is None and self.tokens[end].end != node.span.end) or (close is not None and end != close - 1):
                break
            k, close, count = k + 1, end, count + 1
        return count

    def _bare(self, node: ast.Node, tight: bool) -> Doc:
        """The node without parentheses around it."""
        match node:
            case ast.Binary():
                return self._binary(node, tight)
            case ast.Unary():
                operator = self.take()
                return [operator, " " if node.op == "not" else "", self.expr(node.operand, tight)]
            case ast.Range():
                return self._range(node)
            case ast.Conditional():
                return self._conditional(node)
            case ast.Transpose():
                return [self.expr(node.operand, tight), self.take()]
            case ast.Index():
                return [self.expr(node.base), self._bracketed(node.items, tight=True)]
            case ast.Slice():
                return self._slice(node)
            case ast.Call():
                return self._call(node)
            case ast.Attribute():
                return [self.take(), self.take(), self.take()]
            case ast.Array() | ast.Labels():
                return self._bracketed(node.items) if node.items else [self.take(), self.take()]
            case ast.Comprehension():
                return self._loop_in_brackets(node)
            case ast.Generator():
                return self._generator(node)
        return self.take()

    def _binary(self, node: ast.Binary, tight: bool) -> Doc:
        if node.op == "^":
            return [self.expr(node.left), self.take(), self.expr(node.right)]
        chain = [node]
        while (
            isinstance(chain[-1].left, ast.Binary)
            and _PRECEDENCE.get(chain[-1].left.op) == _PRECEDENCE.get(node.op)
            and not self._own_parentheses(chain[-1].left)
        ):
            chain.append(chain[-1].left)
        parts = [self.expr(chain[-1].left, tight)]
        for link in reversed(chain):
            kept = self._broken_before()
            compact = link.op in ("*", "/") and self._compact()
            operator = self.take()
            kept = kept or self._broken_before()
            close = tight and link.op in ("+", "-", "*", "/") and self.next not in ("+", "-")
            right = self.expr(link.right, tight)
            first = first_piece(right)
            kept = kept or first is FRESH
            compact = compact and not kept and first is not GAP
            after = "" if close or compact else " "
            piece = [operator, after, right]
            if compact:  # never broken: `0.5*(` keeps its factor
                parts[-1] = [parts[-1], piece]
            else:
                parts += [HARD if kept else SPACE if after else SOFT, piece]
        return Fill(parts, hug=node.op in ("*", "/", "@")) if len(parts) > 1 else parts[0]

    def _compact(self) -> bool:
        """Whether the author wrote the next token without space on either side: `2*x` is as good as `2 * x`."""
        before, token, after = self.tokens[self.k - 1 : self.k + 2]
        close = before.end == token.start and token.end == after.start and after.type not in ("+", "-")
        return close and not self.remarks  # of a parenthesis left out

    def _own_parentheses(self, node: ast.Node) -> bool:
        """Whether parentheses stand around a node that may begin later than the next token."""
        start = node.span.start
        if self.source.text[start] != "(":
            return False
        k = self.starts[start]
        return self.tokens[self.closing[k]].end == node.span.end

    def _range(self, node: ast.Range) -> Doc:
        low = self.expr(node.lower, tight=True)
        spaced = self.tokens[self.k - 1].text.endswith(".")
        return [low, " " if spaced else "", self.take(), " " if spaced else "", self.expr(node.upper, tight=True)]

    def _conditional(self, node: ast.Conditional) -> Doc:
        docs = [self.take(), " ", self.expr(node.condition), SPACE]
        docs += [self.take(), " ", self.expr(node.then), SPACE]
        return Group([*docs, self.take(), " ", self.expr(node.otherwise)])

    def _slice(self, node: ast.Slice) -> Doc:
        low = [self.expr(node.lower, tight=True)] if node.lower is not None else []
        docs = [*low, self.take()]
        return docs + ([self.expr(node.upper, tight=True)] if node.upper is not None else [])

    def _call(self, node: ast.Call) -> Doc:
        name = self.take()
        arguments = sorted(
            [*node.arguments, *node.keywords], key=lambda a: (a[0] if isinstance(a, tuple) else a).span.start
        )
        if not arguments:
            return [name, self.take(), self.take()]
        if len(arguments) == 1 and isinstance(arguments[0], ast.Comprehension) and not arguments[0].in_brackets:
            return [name, self._loop_in_brackets(arguments[0])]
        return [name, self._bracketed(arguments)]

    def _loop_in_brackets(self, node: ast.Comprehension) -> Doc:
        opening = self.take()
        body = self.expr(node.body)
        loop = [self.take(), " "]
        parts: list[Doc] = []
        for k, generator in enumerate(node.generators):
            if k:
                parts[-1] = [parts[-1], self.take()]
                parts.append(SPACE)
            parts.append(self._generator(generator))
        docs = [body, SPACE, [*loop, Indent(Fill(parts))]]
        if node.condition is not None:
            docs += [SPACE, self.take(), " ", self.expr(node.condition)]
        return self._enclosed(opening, docs)

    def _generator(self, node: ast.Generator) -> Doc:
        return [self.take(), " ", self.take(), " ", self.expr(node.domain)]

    def _bracketed(self, items, tight: bool = False) -> Doc:
        """Items between brackets: filled, or one to a line where they are arrays themselves."""
        opening = self.take()
        parts: list[Doc] = []
        rows = len(items) > 1 and all(isinstance(item, ast.Array) for item in items)
        for k, item in enumerate(items):
            if k:
                parts[-1] = [parts[-1], self.take()]
                parts.append(HARD if self._broken_before() else SPACE)
            parts.append(self._keyword(item) if isinstance(item, tuple) else self.expr(item, tight))
        if self.next == ",":
            self.drop()
        body = parts if rows and HARD not in parts else Fill(parts)
        return self._enclosed(opening, body)

    def _enclosed(self, opening: Doc, body: Doc) -> Doc:
        return Group([opening, Indent([SOFT, body]), SOFT, self.take()])

    def _keyword(self, pair) -> Doc:
        return [self.take(), self.take(), self.expr(pair[1])]


# --- helpers -------------------------------------------------------------------------------------


def _closings(tokens: list[Lexeme]) -> dict[int, int]:
    """The index of the closing bracket for that of the opening one."""
    pairs, opened = {}, []
    for k, token in enumerate(tokens):
        if token.type in ("(", "[", "{"):
            opened.append(k)
        elif token.type in (")", "]", "}"):
            pairs[opened.pop()] = k
    return pairs


def _align(rows: list[_Row]) -> None:
    """Columns that the author has aligned in statements on adjacent lines stay aligned."""
    for run in _runs(rows, lambda row: row.equals):
        width = max(row.text.index(" = ") for row in run)
        for row in run:
            left, right = row.text.split(" = ", 1)
            row.text = f"{left.ljust(width)} = {right}"
    for run in _runs(rows, lambda row: row.comment_column):
        width = max(len(row.text) for row in run)
        for row in run:
            row.text = row.text.ljust(width)


def _runs(rows: list[_Row], column):
    """Runs of two or more adjacent rows that have the same column."""
    run: list[_Row] = []
    for row in [*rows, _Row(0, "")]:
        if run and (
            row.line != run[-1].line + 1 or row.blank or column(row) != column(run[-1]) or row.indent != run[-1].indent
        ):
            if len(run) > 1:
                yield run
            run = []
        if row.line and column(row) > 0:
            run.append(row)
