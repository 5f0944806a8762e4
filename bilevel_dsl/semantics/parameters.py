"""Values of parameters: numbers, labels of a set, texts; from the model, from tables, from outside."""

from __future__ import annotations

import numpy as np

from ..diagnostics import BilevelError, Source
from ..syntax import ast
from .builtins import words
from .elements import IndexSet
from .files import Unreadable, array_of
from .frames import TOP
from .ir import Dim, Shape
from .labelled import by_label, has_labels
from .matching import told
from .members import name_of
from .parts import Part
from .sparse import Sparse, from_scipy, is_sparse
from .symbols import Symbol

OPEN = Dim(0)  # a size that the value decides


class Parameters(Part):
    """The part of the declarations that finds the values of parameters."""

    def _resolve_param(self, symbol: Symbol) -> bool:
        decl: ast.Param = symbol.decl
        if self.is_text(symbol):
            return self._resolve_text(symbol)
        domain = self._domain(symbol)
        dims = self._declared_dims(decl.dimensions, of_data=True)
        if dims is None or decl.domain is not None and domain is None:
            return False
        given = symbol.name in self.outside
        if not given and decl.value is None:
            symbol.dims = None if any(d is OPEN for d in dims) else dims
            self.missing.append(symbol)
            return True
        errors = len(self.problems.errors)
        value = self._from_outside(symbol, dims, domain) if given else self._from_model(symbol, dims, domain)
        if value is None:
            symbol.dims = dims if decl.dimensions and OPEN not in dims else None
            return len(self.problems.errors) == errors and symbol.dims is not None
        dims = self._shaped_dims(symbol, dims, value, given)
        if isinstance(value, Sparse):
            return self._resolve_sparse(symbol, value, dims, given)
        shape = tuple(d.size for d in dims)
        fitted = None if any(d is OPEN for d in dims) else fit(value, shape)
        symbol.dims = dims
        if fitted is None:
            self._does_not_fit(symbol, value, dims, given)
            return False
        if np.isnan(fitted).any():
            self._nan(symbol, fitted, given)
            return False
        if domain is not None:
            return self._resolve_labels(symbol, fitted, domain, given)
        symbol.value = self.params[symbol.name] = fitted
        return True

    def _resolve_sparse(self, symbol: Symbol, value: Sparse, dims: tuple[Dim, ...], given: bool) -> bool:
        """A sparse matrix: its numbers are those of its entries."""
        symbol.dims = dims
        if tuple(d.size for d in dims) != value.shape:
            self._does_not_fit(symbol, value, dims, given)
            return False
        if symbol.decl.domain is not None:
            message = (
                f"the values of `{symbol.name}` are in `{symbol.decl.domain.span.text}`, and a sparse matrix has numbers"
            )
            self.problems.error("BL0335", message, self._written_at(symbol, given))
            return False
        wrong = np.flatnonzero(np.isnan(value.values))
        if len(wrong):
            entry = ", ".join(map(str, value.pattern.place(int(wrong[0]))))
            message = f"the value of `{symbol.name}[{entry}]` is not a number (NaN)"
            self.problems.error("BL0334", message, self._written_at(symbol, given))
            return False
        symbol.pattern = value.pattern
        symbol.value = self.params[symbol.name] = value.values
        return True

    def _shaped_dims(self, symbol: Symbol, dims: tuple[Dim, ...], value: np.ndarray, given: bool) -> tuple[Dim, ...]:
        """The dimensions, with what the value decides."""
        if any(d is OPEN for d in dims):
            shape = value.shape
            if len(shape) == 1 and len(dims) == 2:
                shape = (*shape, 1)
            elif len(shape) == 2 and len(dims) == 1 and 1 in shape:
                shape = (value.size,)
            return tuple(Dim(n) if d is OPEN else d for d, n in zip(dims, shape)) if len(shape) == len(dims) else dims
        decl = symbol.decl
        if not decl.dimensions and not (given and self._scalar_in_model(decl) and value.shape):
            return tuple(Dim(n) for n in value.shape)
        return dims

    def _does_not_fit(self, symbol: Symbol, value: np.ndarray, dims: tuple[Dim, ...], given: bool) -> None:
        decl, shape = symbol.decl, tuple(d.size for d in dims)
        hints = ()
        if value.size == np.prod(shape, dtype=int) and len(shape) == 2:
            hints = ("a matrix is written by rows, `[[1, 2], [3, 4]]`; `reshape` fills one by columns",)
        plain = [isinstance(d, (ast.Number, ast.Slice)) for d in decl.dimensions]
        if not hints and any(plain) and len(plain) == value.ndim:
            sizes = ", ".join(":" if p else d.span.text for p, d in zip(plain, decl.dimensions))
            hints = (f"`param {symbol.name}[{sizes}]` takes its sizes from the value",)
        if given and not decl.dimensions and decl.value is None:
            sizes = ", ".join(":" * value.ndim)
            hints = (f"`param {symbol.name}[{sizes}];` takes its sizes from the value",)
        declared = words(shape) if OPEN not in dims else _rank(len(dims))
        self.problems.error(
            "BL0332",
            f"the value {'from outside ' if given else ''}of `{symbol.name}` is {words(value.shape)}, but it is declared as "
            f"{declared}",
            self._written_at(symbol, given),
            secondary=[] if given else [(symbol.span, "declared here")],
            hints=hints,
        )

    def _nan(self, symbol: Symbol, value: np.ndarray, given: bool) -> None:
        at = tuple(int(i) + 1 for i in np.argwhere(np.isnan(value))[0])
        entry = f"`{symbol.name}[{', '.join(map(str, at))}]`" if at else f"`{symbol.name}`"
        self.problems.error("BL0334", f"the value of {entry} is not a number (NaN)", self._written_at(symbol, given))

    @staticmethod
    def _written_at(symbol: Symbol, given: bool):
        return symbol.span if given or symbol.decl.value is None else symbol.decl.value.span

    def _scalar_in_model(self, decl: ast.Param) -> bool:
        """Without dimensions, the value in the file says what a value from outside may be."""
        return decl.value is None or isinstance(decl.value, (ast.Number, ast.Unary))

    # --- labels --------------------------------------------------------------------------

    def _domain(self, symbol: Symbol) -> IndexSet | None:
        """The set that the values are elements of."""
        e = symbol.decl.domain
        found = None if e is None else self.index_set(e, what="the values of a parameter are `in`")
        if found is not None and found.arity > 1:
            self.problems.error(
                "BL0313",
                f"a value is one label or number, and `{e.span.text}` has {found.words}s",
                e.span,
                hints=("declare a parameter for each component",),
            )
            return None
        return found

    def _resolve_labels(self, symbol: Symbol, value: np.ndarray, domain: IndexSet, given: bool) -> bool:
        """Codes of labels, or whole numbers, that are to be elements of `domain`."""
        wrong = np.argwhere(~np.isin(value, domain.values))
        if len(wrong):
            at = tuple(wrong[0])
            universe = domain.universes[0]
            shown = f'"{universe.labels[int(value[at]) - 1]}"' if universe is not None else f"{value[at]:g}"
            self.problems.error(
                "BL0335",
                f"{shown} is not in {name_of(domain)}, which the values of `{symbol.name}` are in",
                self._written_at(symbol, given),
                secondary=[(symbol.decl.domain.span, "declared here")],
            )
            return False
        symbol.value = value
        if domain.has_labels:
            symbol.universe, symbol.elements, symbol.domain_name = domain.universes[0], value, domain.name
        else:
            self.params[symbol.name] = value
        return True

    def _labels_in_model(self, e: ast.Expr, domain: IndexSet) -> np.ndarray | None:
        """`["a", "b"]`, `"a"`, `first(S)`, another parameter of labels: codes."""
        if isinstance(e, ast.Array) and e.items:
            rows = [self._labels_in_model(item, domain) for item in e.items]
            if any(r is None for r in rows):
                return None
            if len({r.shape for r in rows}) > 1:
                self.problems.error("BL0301", "the rows differ in length", e.span)
                return None
            return np.array(rows)
        if isinstance(e, ast.Text):
            code = domain.universes[0].codes.get(e.value, 0)
            if not code or code not in domain.values:
                self._no_label(e, domain.labels, domain.name)
                return None
            return np.array(float(code))
        key = self.element(e, TOP)
        if key is None or not self.fits(e, key, domain):
            return None
        found = domain.find(key)
        if np.any(found < 0):
            shown = key.text(int(np.argmax(np.ravel(found < 0))))
            self.problems.error("BL0335", f"{shown} is not in {name_of(domain)}", e.span)
            return None
        return domain.values[found].astype(float)

    # --- texts ---------------------------------------------------------------------------

    def is_text(self, symbol: Symbol) -> bool:
        """Whether a parameter is a text, as it is written and given."""
        decl, outside = symbol.decl, self.outside.get(symbol.name)
        if decl.domain is not None or decl.dimensions:
            return False
        if isinstance(decl.value, ast.Text):
            return True
        other = self.symbols.get(decl.value.id) if isinstance(decl.value, ast.Name) else None
        if other is not None and other.kind == "param" and other is not symbol and isinstance(other.decl.value, ast.Text):
            return True
        if decl.value is None and symbol.name in self.texts_by_use:
            return True
        quoted = isinstance(outside, str) and (symbol.name not in self._texts or outside.strip()[:1] == '"')
        return decl.value is None and quoted

    def _resolve_text(self, symbol: Symbol) -> bool:
        """`param file = "train.npz";`, and its text from outside, with or without quotes."""
        symbol.is_text = True
        if symbol.name not in self.outside:
            if symbol.decl.value is None:
                symbol.dims = ()
                self.missing.append(symbol)
                return True
            symbol.text = self.file_text(symbol.decl.value)
            return symbol.text is not None
        value = self.outside[symbol.name]
        if not isinstance(value, str):
            self.problems.error(
                "BL0333",
                f"the value of `{symbol.name}` from outside is no text, and it names a file or a column",
                symbol.span,
            )
            return False
        bare = value.strip()
        symbol.text = bare[1:-1] if symbol.name in self._texts and len(bare) > 1 and bare[0] == bare[-1] == '"' else value
        return True

    # --- values --------------------------------------------------------------------------

    def _from_model(self, symbol: Symbol, dims: tuple[Dim, ...], domain: IndexSet | None) -> np.ndarray | Sparse | None:
        value = symbol.decl.value
        labels = domain is not None and domain.has_labels
        if self.is_sparse_file(value):
            return self.sparse_file(value)
        if self.is_table(value) and (value.keywords or labels or any(d.members for d in dims)):
            return self.table_value(value, symbol.name, dims, domain)
        if labels:
            return self._labels_in_model(value, domain)
        found = self.data(value, "a parameter may not depend on variables", "an expression of variables is a `let`")
        return self.peek(found)

    def _from_outside(self, symbol: Symbol, dims: tuple[Dim, ...], domain: IndexSet | None) -> np.ndarray | Sparse | None:
        value, name = self.outside[symbol.name], symbol.name
        if name in self._texts:
            return self._from_text(name, value, domain)
        try:
            if is_sparse(value):
                return from_scipy(value, f"the value of `{name}` from outside")
            if has_labels(value):
                value = by_label(value, dims, name)
            if domain is not None and domain.has_labels:
                return _codes(value, domain, name)
            return array_of(value, f"the value of `{name}` from outside")
        except Unreadable as error:
            self.problems.error("BL0333", str(error), symbol.span, "declared here", hints=error.hints)
            return None

    def _from_text(self, name: str, text: str, domain: IndexSet | None) -> np.ndarray | Sparse | None:
        from ..syntax.parser import parse_expression

        try:
            tree = parse_expression(Source(f"--param {name}", text))
        except BilevelError as error:
            self.problems.items += error.diagnostics
            return None
        if self.is_sparse_file(tree):
            return self.sparse_file(tree)
        if domain is not None and domain.has_labels:
            return self._labels_in_model(tree, domain)
        return self.peek(self.data(tree, "a parameter may not depend on variables"))


def _codes(value: object, domain: IndexSet, name: str) -> np.ndarray:
    """Labels from outside as codes of their set."""
    labels = np.asarray(value, dtype=object)
    known = dict(zip(domain.labels, domain.values.tolist()))
    wrong = [v for v in labels.ravel().tolist() if not isinstance(v, str) or v not in known]
    if wrong:
        shown = told(['"' + w + '"' if isinstance(w, str) else str(w) for w in wrong])
        raise Unreadable(f"the value of `{name}` from outside has {shown}, not in {name_of(domain)}")
    return np.array([known[v] for v in labels.ravel()], float).reshape(labels.shape)


def said(symbol: Symbol, is_text: bool = False) -> str:
    """What a parameter without a value wants."""
    if is_text:
        return "a text"
    if symbol.decl.domain is not None and not symbol.decl.dimensions:
        return f"an element of {symbol.decl.domain.span.text}"
    if symbol.shape is not None:
        return words(symbol.shape)
    return _rank(len(symbol.decl.dimensions))


def _rank(count: int) -> str:
    return {1: "a vector", 2: "a matrix"}.get(count, f"an array of {count} dimensions")


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
