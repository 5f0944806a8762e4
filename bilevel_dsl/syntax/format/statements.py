"""Statements as documents."""

from __future__ import annotations

from .. import ast
from ..layout import HARD, SPACE, Doc, Fill, Indent
from .expressions import Expressions


class Statements(Expressions):
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
        if isinstance(node, ast.Let) and node.generators:
            docs.append(self._label_loops(node.generators))
        if isinstance(node, ast.FunctionDecl):
            docs.append(self._parameters(node))
        if isinstance(node, ast.Param) and node.domain is not None:
            docs += [" ", self.take(), " ", self.expr(node.domain)]
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
            docs.append(
                self.expr(node.label)
                if not node.generators
                else [self.take(), self._label_loops(node.generators, node.condition)]
            )
            docs += [self.take(), " "]
        parts = [self.expr(node.terms[0])]
        for term in node.terms[1:]:
            kept = self._broken_before()
            relation = self.take()
            parts += [HARD if kept or self._broken_before() else SPACE, [relation, " ", self.expr(term)]]
        return docs + [Indent(Fill(parts)), self.take()]

    def _label_loops(self, generators: tuple[ast.Generator, ...], condition: ast.Expr | None = None) -> Doc:
        docs = [self.take()]
        for k, generator in enumerate(generators):
            docs += ([self.take(), " "] if k else []) + [self._generator(generator)]
        if condition is not None:
            docs += [" ", self.take(), " ", self.expr(condition)]
        return docs + [self.take()]
