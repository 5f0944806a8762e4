"""A model as rows: statements and the comments between them, blocks, blank lines."""

from __future__ import annotations

from ...diagnostics import Source
from .. import ast
from ..layout import INDENT, Doc, is_forced, render
from ..tokens import Lexeme
from .rows import Row, align
from .statements import Statements

WIDTH = 100


class Formatter(Statements):
    def __init__(self, source: Source, tree: ast.Model):
        super().__init__(source)
        self.tree = tree
        self.rows: list[Row] = []
        self.after_block = False  # of several lines: what follows is set apart from it

    def run(self) -> str:
        for statement in self.tree.statements:
            self._top_level(statement)
        self._leading(0)
        align(self.rows)
        lines = []
        for row in self.rows:
            lines += [""] * (row.blank and bool(lines)) + [str(row)]
        return "\n".join(lines) + "\n" if lines else ""

    def _leading(self, indent: int, first: bool = False) -> bool:
        """Rows for the comments before the next token; whether a blank line stands before the token itself.

        first: nothing stands before them in their block, so no blank line does.
        """
        last = self.remarks[-1] if self.remarks else None
        beside = last is not None and last.followed and "\n" not in last.text and self.next not in ("}", "upper", "lower")
        for remark in self.remarks[:-1] if beside else self.remarks:
            blank = (remark.breaks > 1 or self.after_block) and not first
            self.rows.append(Row(indent, remark.text, blank=blank))
            first = self.after_block = False
        self.remarks = [last] if last is not None and beside else []
        breaks = last.breaks if last is not None and beside else self._breaks_before()
        blank = (breaks > 1 or self.after_block) and not first
        self.after_block = False
        return blank

    def _trailing(self, row: Row) -> None:
        """The comment behind the last token, on its line, goes to the end of `row`."""
        if self.remarks and self.remarks[0].breaks == 0:
            remark = self.remarks.pop(0)
            row.comment = remark.text
            row.comment_column = self.source.line_column(remark.start)[1]

    def _row(self, doc: Doc, indent: int, blank: bool, token: Lexeme) -> Row:
        """The rows of a statement that began with `token`; returns the last, with the comment behind it."""
        lines = render(doc, indent, WIDTH).split("\n")
        rows = [Row(indent, lines[0], blank=blank)] + [Row(0, line) for line in lines[1:]]
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

    # --- blocks

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
