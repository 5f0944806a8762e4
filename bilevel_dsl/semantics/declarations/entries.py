"""The entries of `options`, `report` and `reference`."""

from __future__ import annotations

import numpy as np

from ...diagnostics import Span, did_you_mean
from ...syntax import ast
from ..builtins import words
from ..checked import CheckedNamed
from ..expressions.lower import expr
from ..expressions.naming import dims_of
from ..expressions.values import lower_data, peek, scalar_data
from ..names.frames import TOP
from ..names.scope import Scope
from .parameters import fit

TIES = ("optimistic", "pessimistic", "report")


class Entries:
    """Reads them."""

    def __init__(self, tree: ast.Model, scope: Scope):
        self.tree, self.scope = tree, scope
        self.symbols, self.problems = self.scope.symbols, self.scope.problems

    def report(self) -> list[CheckedNamed]:
        found: dict[str, CheckedNamed] = {}
        for entry in self._entries(ast.Report):
            node = expr(self.scope, entry.value, TOP)
            if entry.name.id in found:
                self.problems.error(
                    "BL0201",
                    f"`{entry.name.id}` is reported twice",
                    entry.name.span,
                    secondary=[(found[entry.name.id].span, "first here")],
                )
            if not node.bad:
                found[entry.name.id] = CheckedNamed(entry.name.id, node, entry.span, dims_of(self.scope, node))
        return list(found.values())

    def _entries(self, kind) -> list[ast.Entry]:
        return [e for s in self.tree.statements if isinstance(s, kind) for e in s.entries]

    def options(self) -> tuple[dict[str, float | str], dict[str, Span]]:
        values: dict[str, float | str] = {}
        spans: dict[str, Span] = {}
        for entry in self._entries(ast.Options):
            key = entry.name.id
            if key in values:
                self.problems.error(
                    "BL0201", f"the option `{key}` is set twice", entry.span, secondary=[(spans[key], "first here")]
                )
                continue
            value = self._ties(entry) if key == "ties" else self._option_value(entry)
            if value is not None:
                values[key], spans[key] = value, entry.span
        return values, spans

    def _ties(self, entry: ast.Entry) -> str | None:
        """How several answers of the follower are taken."""
        word = entry.value.value if isinstance(entry.value, ast.Text) else None
        if word in TIES:
            return word
        names = [f'"{name}"' for name in TIES]
        self.problems.error(
            "BL0392",
            f"the option `ties` is {', '.join(names[:-1])} or {names[-1]}",
            entry.value.span,
            hints=(
                *did_you_mean(word or "", TIES),
                "it says which one of several answers the follower takes: the leader's "
                "choice, the worst one for the leader; or that both are told",
            ),
        )
        return None

    def _option_value(self, entry: ast.Entry) -> float | str | None:
        if isinstance(entry.value, ast.Text):
            return entry.value.value
        if isinstance(entry.value, ast.Name) and entry.value.id not in self.symbols:
            self.problems.error(
                "BL0306",
                f"`{entry.value.id}` is neither a number nor a declared parameter",
                entry.value.span,
                hints=(f'a word is written as a string: "{entry.value.id}"',),
            )
            return None
        return scalar_data(self.scope, entry.value, f"the option `{entry.name.id}`")

    def reference(self) -> dict[str, float | str | np.ndarray]:
        found: dict[str, float | str | np.ndarray] = {}
        for entry in self._entries(ast.Reference):
            key = entry.name.id
            symbol = self.symbols.get(key)
            if key == "source":
                if not isinstance(entry.value, ast.Text):
                    self.problems.error("BL0306", "the source of a reference is a string", entry.value.span)
                    continue
                found[key] = entry.value.value
            elif key in ("upper", "lower"):
                value = scalar_data(self.scope, entry.value, f"the reference of the {key} objective")
                if value is not None:
                    found[key] = value
            elif symbol is not None and symbol.kind == "var":
                self._reference_point(entry, symbol, found)
            else:
                names = [s.name for s in self.symbols.values() if s.kind == "var"]
                self.problems.error(
                    "BL0202",
                    f"`{key}` is not a variable",
                    entry.name.span,
                    hints=did_you_mean(key, [*names, "upper", "lower", "source"])
                    or ("a reference has `upper`, `lower`, `source` and values of variables",),
                )
        return found

    def _reference_point(self, entry: ast.Entry, symbol, found) -> None:
        value = peek(self.scope, lower_data(self.scope, entry.value, "a reference is known before solving"))
        if value is None or symbol.dims is None:
            return
        fitted = fit(value, symbol.shape)
        if fitted is None:
            self.problems.error(
                "BL0332",
                f"the reference of `{symbol.name}` is {words(value.shape)}, but the variable is {words(symbol.shape)}",
                entry.value.span,
                secondary=[(symbol.span, "declared here")],
            )
            return
        found[symbol.name] = fitted
