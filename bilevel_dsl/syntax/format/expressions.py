"""Expressions as documents."""

from __future__ import annotations

from .. import ast
from ..layout import FRESH, GAP, HARD, SOFT, SPACE, Doc, Fill, Group, Indent, first_piece
from .cursor import Cursor

_PRECEDENCE = {"or": 1, "and": 2, "+": 4, "-": 4, "*": 5, "/": 5, "@": 5}  # of operators that chain


class Expressions(Cursor):
    def _value(self, node: ast.Expr) -> Doc:
        """A whole right-hand side; parentheses around all of it say nothing."""
        doc = self.expr(node, whole=True)
        bracketed = (ast.Array, ast.Call, ast.Comprehension, ast.Labels, ast.SetOf)
        return doc if isinstance(node, bracketed) else Indent(doc)

    def expr(self, node: ast.Node, tight: bool = False, whole: bool = False) -> Doc:
        """tight: in an index or a range, where operators stand without spaces."""
        count = self._parentheses(node)
        if not count:
            return self._bare(node, tight)
        number = isinstance(node, ast.Number) and not self.tokens[self.k + count].text.endswith(".")
        keep = 0 if whole or isinstance(node, (ast.Name, ast.Text)) or number else 1
        if any(remark.apart for k in range(self.k, self.k + count) for remark in self._remarks(k + 1)):
            keep = 1  # a comment on lines of its own stays inside of its parentheses
        opening = self.take() if keep else ""
        for _ in range(count - keep):
            self.drop()
        doc = self._bare(node, False)
        for _ in range(count - keep):
            self.drop()
        return self._enclosed(opening, doc) if keep else doc

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
        return count - isinstance(node, ast.Tuple)  # of which one pair is its own

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
            case ast.Array() | ast.Labels() | ast.Tuple():
                return self._bracketed(node.items) if node.items else [self.take(), self.take()]
            case ast.Comprehension() | ast.SetOf():
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
            compact = not tight and link.op in ("*", "/") and self._compact()
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
        arguments = sorted([*node.arguments, *node.keywords], key=lambda a: (a[0] if isinstance(a, tuple) else a).span.start)
        if not arguments:
            return [name, self.take(), self.take()]
        if len(arguments) == 1 and isinstance(arguments[0], ast.Comprehension) and not arguments[0].in_brackets:
            return [name, self._loop_in_brackets(arguments[0])]
        return [name, self._bracketed(arguments)]

    def _loop_in_brackets(self, node: ast.Comprehension | ast.SetOf) -> Doc:
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
        return [self.expr(node.variable), " ", self.take(), " ", self.expr(node.domain)]

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
