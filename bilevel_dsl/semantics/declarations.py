"""Declared names: sizes, values of parameters from the file and from outside, lets, sets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..diagnostics import BilevelError, Source, Span, did_you_mean
from ..syntax import ast
from .builtins import FILES, words
from .duals import Duals
from .files import Unreadable, array_of
from .frames import TOP
from .ir import Dim, IndexSet, Shape
from .lower import Lowering
from .members import name_of
from .symbols import MANY, Symbol


class Declarations(Duals, Lowering):
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
                f"{words(first.shape)}",
                secondary=[(s.span, words(s.shape)) for s in rest],
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
        context = self._calls, self._inside_expect
        self._calls, self._inside_expect = [], False
        fine = getattr(self, f"_resolve_{symbol.kind}")(symbol)
        self._calls, self._inside_expect = context
        self._stack.pop()
        if symbol.state == "busy":
            symbol.state = "done" if fine else "broken"
        return symbol.state == "done"

    def _cycle(self, symbol: Symbol) -> None:
        ring = self._stack[self._stack.index(symbol) :]
        for s in ring:
            s.state = "broken"
        needs = [f"needs `{after.name}`" for after in [*ring[1:], symbol]]
        message = f"`{symbol.name}` is defined by itself" if len(ring) == 1 else "these definitions go in a circle"
        self.problems.error(
            "BL0203",
            message,
            symbol.span,
            needs[0] if len(ring) > 1 else "",
            secondary=[(s.span, text) for s, text in zip(ring[1:], needs[1:])],
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

    def _resolve_param(self, symbol: Symbol) -> bool:
        decl: ast.Param = symbol.decl
        dims = self._declared_dims(decl.dimensions)
        if dims is None:
            return False
        given = symbol.name in self.outside
        if not given and decl.value is None:
            symbol.dims = dims
            self.missing.append(symbol)
            return True
        errors = len(self.problems.errors)
        value = self._from_outside(symbol, dims) if given else self._from_model(decl)
        if value is None:
            symbol.dims = dims if decl.dimensions else None
            return len(self.problems.errors) == errors and bool(decl.dimensions)
        if not decl.dimensions and not (given and self._scalar_in_model(decl) and value.shape):
            dims = tuple(Dim(n) for n in value.shape)
        shape = tuple(d.size for d in dims)
        fitted = fit(value, shape)
        symbol.dims = dims
        if fitted is None:
            where = "from outside " if given else ""
            rows = (
                ("a matrix is written by rows, `[[1, 2], [3, 4]]`; `reshape` fills one by columns",)
                if value.size == np.prod(shape, dtype=int) and len(shape) == 2
                else ()
            )
            self.problems.error(
                "BL0332",
                f"the value {where}of `{symbol.name}` is {words(value.shape)}, but it is declared as {words(shape)}",
                symbol.span if given or decl.value is None else decl.value.span,
                secondary=[] if given else [(symbol.span, "declared here")],
                hints=rows,
            )
            return False
        if np.isnan(fitted).any():
            at = tuple(int(i) + 1 for i in np.argwhere(np.isnan(fitted))[0])
            entry = f"`{symbol.name}[{', '.join(map(str, at))}]`" if at else f"`{symbol.name}`"
            self.problems.error(
                "BL0334",
                f"the value of {entry} is not a number (NaN)",
                symbol.span if given or decl.value is None else decl.value.span,
            )
            return False
        symbol.value = self.params[symbol.name] = fitted
        return True

    def _scalar_in_model(self, decl: ast.Param) -> bool:
        """Without dimensions, the value in the file says what a value from outside may be."""
        return decl.value is None or isinstance(decl.value, (ast.Number, ast.Unary))

    # --- sizes ---------------------------------------------------------------------------

    def _declared_dims(self, written: tuple[ast.Expr, ...]) -> tuple[Dim, ...] | None:
        if len(written) > 2:
            self.problems.error("BL0316", "at most two dimensions are possible", written[2].span)
            return None
        dims = [self._dim(e) for e in written]
        if any(d is None for d in dims):
            return None
        total = int(np.prod([float(d.size) for d in dims])) if dims else 1
        if total > MANY:
            self._wrong_size(
                "BL0315", f"this has {total:,} entries, more than {MANY:,}", written[0].span.to(written[-1].span)
            )
            return None
        return tuple(dims)

    def _dim(self, e: ast.Expr) -> Dim | None:
        symbol = self.symbols.get(e.id) if isinstance(e, ast.Name) else None
        if isinstance(e, (ast.Range, ast.Labels, ast.SetOf)) or symbol is not None and symbol.kind == "set":
            found = self.index_set(e)
            if found is None:
                return None
            if found.keyed and not found.size:
                self.problems.error(
                    "BL0317",
                    f"{name_of(found)} is empty, and a dimension has at least one element",
                    e.span,
                    secondary=[(found.span, "no element is left here")] if found.span else [],
                )
                return None
            if not found.keyed and (found.size == 0 or found.values[0] != 1):
                self.problems.error(
                    "BL0316",
                    "a dimension is numbered from 1, and this range starts at "
                    f"{int(found.values[0]) if found.size else 'nothing'}",
                    e.span,
                    hints=(f"number it `1..{found.size}`, and write the shift in the indices",) if found.size else (),
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

    # --- values --------------------------------------------------------------------------

    def _from_model(self, decl: ast.Param) -> np.ndarray | None:
        found = self.data(decl.value, "a parameter may not depend on variables", "an expression of variables is a `let`")
        return self.peek(found)

    def _from_outside(self, symbol: Symbol, dims: tuple[Dim, ...]) -> np.ndarray | None:
        value, name = self.outside[symbol.name], symbol.name
        if name in self._texts:
            return self._from_text(name, value)
        try:
            if isinstance(value, Mapping):
                value = _by_label(value, dims, name)
            return array_of(value, f"the value of `{name}` from outside")
        except Unreadable as error:
            self.problems.error("BL0333", str(error), symbol.span, "declared here", hints=error.hints)
            return None

    def _from_text(self, name: str, text: str) -> np.ndarray | None:
        from ..syntax.parser import parse_expression

        try:
            tree = parse_expression(Source(f"--param {name}", text))
        except BilevelError as error:
            self.problems.items += error.diagnostics
            return None
        return self.peek(self.data(tree, "a parameter may not depend on variables"))


def fit(value: np.ndarray, shape: Shape) -> np.ndarray | None:
    """`value` with the declared shape: a scalar fills it, a table of one row or column is a vector."""
    if value.shape == shape:
        return value
    if value.shape == ():
        return np.full(shape, float(value))
    squeezed = tuple(n for n in value.shape if n != 1)
    if squeezed == tuple(n for n in shape if n != 1) and (len(shape) < 2 or len(squeezed) < 2):
        return value.reshape(shape)
    return None


def _by_label(value: Mapping, dims: tuple[Dim, ...], name: str):
    """{"north": 1, ...} as a list in the order of the labels."""
    if not dims or dims[0].labels is None:
        raise Unreadable(
            f"the value of `{name}` from outside has labels, but `{name}` is not indexed by any",
            'a set of labels is declared as `set ROAD = {"north", "south"};`',
        )
    unknown = [k for k in value if k not in dims[0].labels]
    missing = [k for k in dims[0].labels if k not in value]
    if unknown or missing:
        wrong = f'"{unknown[0]}" is not a label' if unknown else f'"{missing[0]}" is missing'
        raise Unreadable(
            f"the value of `{name}` from outside does not fit"
            f"{f' the set `{dims[0].set_name}`' if dims[0].set_name else ''}: {wrong}",
            f"the labels are {', '.join(map(_quoted, dims[0].labels[:8]))}{', ...' if len(dims[0].labels) > 8 else ''}",
        )
    rows = [value[k] for k in dims[0].labels]
    return [_by_label(row, dims[1:], name) if isinstance(row, Mapping) else row for row in rows]


def _quoted(label: str) -> str:
    return f'"{label}"'
