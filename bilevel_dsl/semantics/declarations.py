"""Declared names: sizes, values of parameters from the file and from outside, lets, sets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..diagnostics import Span, did_you_mean
from ..syntax import ast
from .builtins import FILES, words
from .duals import Duals
from .files import MOST_DIMENSIONS
from .frames import TOP
from .ir import Dim, IndexSet
from .lower import Lowering
from .members import name_of
from .parameters import OPEN, Parameters, said
from .symbols import MANY, Symbol


class Declarations(Duals, Parameters, Lowering):
    """Resolves declared names when they are first used, in any order; a cycle is reported."""

    def __init__(self, symbols, problems, here: Span, base, data_dirs, data: Mapping[str, object], texts: Mapping[str, str]):
        super().__init__(symbols, problems, here, base, data_dirs)
        self.outside: dict[str, object] = {**data, **texts}
        self._texts = set(texts)
        self._stack: list[Symbol] = []
        self.missing: list[Symbol] = []
        self._wrong_sizes: set[tuple[str, str]] = set()
        self.used_duals: dict[str, tuple[tuple[Dim, ...], Span]] = {}

    def resolve_all(self) -> None:
        """Everything declared, then what is missing from outside, all at once."""
        self._refuse_unknown()
        for symbol in list(self.symbols.values()):
            self.resolve(symbol)
        if self.missing:
            names = ", ".join(f"`{s.name}`" for s in self.missing)
            one = len(self.missing) == 1
            first, *rest = self.missing
            self.problems.error(
                "BL0330",
                f"{'the parameter' if one else 'the parameters'} {names} {'has' if one else 'have'} no value",
                first.span,
                said(first, self.is_text(first)),
                secondary=[(s.span, said(s, self.is_text(s))) for s in rest],
                hints=(f"give {'it' if one else 'them'} with `--param {first.name}=...` or `--data FILE`, or in the model",),
            )

    def _refuse_unknown(self) -> None:
        params = [s.name for s in self.symbols.values() if s.kind == "param"]
        for name in self.outside:
            symbol = self.symbols.get(name)
            if symbol is None or symbol.kind != "param":
                what = f"`{name}` is a {symbol.words}, not a parameter" if symbol else f"the model has no parameter `{name}`"
                hints = did_you_mean(name, params) or ((f"its parameters are: {', '.join(params)}",) if params else ())
                self.problems.error(
                    "BL0331",
                    f"{what}: a value from outside cannot be used",
                    symbol.span if symbol else None,
                    hints=hints,
                )

    def resolve(self, symbol: Symbol) -> bool:
        """Find what `symbol` stands for; False after a mistake."""
        if symbol.state == "busy":
            self._cycle(symbol)
        if symbol.state != "new":
            return symbol.state == "done"
        symbol.state = "busy"
        self._stack.append(symbol)
        fine = getattr(self, f"_resolve_{symbol.kind}")(symbol)
        self._stack.pop()
        if symbol.state == "busy":
            symbol.state = "done" if fine else "broken"
        return symbol.state == "done"

    def _cycle(self, symbol: Symbol) -> None:
        ring = self._stack[self._stack.index(symbol) :]
        for s in ring:
            s.state = "broken"
        entries = next((s for s in ring if s.kind == "let" and s.decl.generators), None)
        needs = [f"needs `{after.name}`" for after in [*ring[1:], symbol]]
        message = f"`{symbol.name}` is defined by itself" if len(ring) == 1 else "these definitions go in a circle"
        self.problems.error(
            "BL0203",
            message,
            symbol.span,
            needs[0] if len(ring) > 1 else "",
            secondary=[(s.span, text) for s, text in zip(ring[1:], needs[1:])],
            hints=("a recursion stays within one `let`: make one of them all, whose entries are vectors",)
            if entries
            else (),
        )

    # --- kinds ---------------------------------------------------------------------------

    def _resolve_function(self, symbol: Symbol) -> bool:
        decl: ast.FunctionDecl = symbol.decl
        names = [p.id for p in decl.parameters]
        for k, p in enumerate(decl.parameters):
            if p.id in names[:k]:
                self.problems.error(
                    "BL0201",
                    f"two arguments of `{symbol.name}` are called `{p.id}`",
                    p.span,
                    secondary=[(decl.parameters[names.index(p.id)].span, "the first one")],
                )
                return False
        return True

    def _resolve_let(self, symbol: Symbol) -> bool:
        if symbol.decl.generators:
            return self.resolve_family(symbol)
        symbol.node = self.expr(symbol.decl.value, TOP)
        return not symbol.node.bad

    def _resolve_set(self, symbol: Symbol) -> bool:
        value = symbol.decl.value
        if isinstance(value, ast.Labels):
            symbol.index_set = self.written_set(value, symbol.name)
            return symbol.index_set is not None
        if isinstance(value, ast.SetOf):
            symbol.index_set = self.selected_set(value, name=symbol.name)
            return symbol.index_set is not None
        if isinstance(value, ast.Call) and value.function.id in FILES:
            symbol.index_set = self.set_from_file(value, symbol.name)
            return symbol.index_set is not None
        if isinstance(value, ast.Range):
            found = self.index_set(value)
            if found is None:
                return False
            if not found.size:
                low, high = (self.whole_numbers(e, TOP, "the end of a range") for e in (value.lower, value.upper))
                self.problems.error("BL0317", f"the set `{symbol.name}` is empty: it goes from {low} to {high}", value.span)
                return False
            symbol.index_set = IndexSet.of_numbers(symbol.name, found.values, symbol.span)
        return True

    def _resolve_var(self, symbol: Symbol) -> bool:
        symbol.dims = self._declared_dims(symbol.decl.dimensions)
        return symbol.dims is not None

    # --- sizes ---------------------------------------------------------------------------

    def _declared_dims(self, written: tuple[ast.Expr, ...], of_data: bool = False) -> tuple[Dim, ...] | None:
        if len(written) > MOST_DIMENSIONS:
            self.problems.error(
                "BL0316", f"at most {MOST_DIMENSIONS} dimensions are possible", written[MOST_DIMENSIONS].span
            )
            return None
        dims = [self._open_dim(e, of_data) if isinstance(e, ast.Slice) else self._dim(e) for e in written]
        if any(d is None for d in dims):
            return None
        total = int(np.prod([float(d.size) for d in dims])) if dims else 1
        if total > MANY:
            self._wrong_size(
                "BL0315", f"this has {total:,} entries, more than {MANY:,}", written[0].span.to(written[-1].span)
            )
            return None
        return tuple(dims)

    def _open_dim(self, e: ast.Slice, of_data: bool) -> Dim | None:
        """`:`, a size that the value of a parameter decides."""
        if of_data:
            return OPEN
        self.problems.error(
            "BL0316",
            "the size of a variable is not left open: it has no value that could decide it",
            e.span,
            hints=("sizes of data are `rows(X)` and `cols(X)`",),
        )
        return None

    def _dim(self, e: ast.Expr) -> Dim | None:
        symbol = self.symbols.get(e.id) if isinstance(e, ast.Name) else None
        if isinstance(e, (ast.Range, ast.Labels, ast.SetOf)) or symbol is not None and symbol.kind == "set":
            found = self.index_set(e)
            if found is None:
                return None
            if not found.size:
                self.problems.error(
                    "BL0317",
                    f"{name_of(found) if found.name else 'this range'} is empty, and a dimension has at least one element",
                    e.span,
                    secondary=[(found.span, "no element is left here")] if found.span else [],
                )
                return None
            return Dim.over(found)
        found = self.data(e, "a size must be known before solving")
        if found.bad:
            return None
        if found.shape != ():
            self.problems.error("BL0316", f"a size is a single number, not {words(found.shape)}", e.span)
            return None
        value = self.peek(found, freeze=True)
        if value is None:
            return None
        if not (value >= 1 and value == np.round(value)):
            self._wrong_size("BL0316", f"a size is a whole number from 1, not {float(value):g}", e.span)
            return None
        return Dim(int(min(value, 2**53)))

    def _wrong_size(self, code: str, message: str, span: Span) -> None:
        """Once for each way of writing it: `[n]` with a wrong n is one mistake, wherever it is used."""
        if (code, span.text) not in self._wrong_sizes:
            self._wrong_sizes.add((code, span.text))
            self.problems.error(code, message, span)
