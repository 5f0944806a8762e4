"""Expressions of a model as mathematics: indexed as written, not expanded."""

from __future__ import annotations

from collections.abc import Collection

from ..semantics.builtins import BUILTINS, is_known
from ..syntax import ast
from .formula import (
    COMMA,
    TIMES,
    Big,
    Cases,
    Fence,
    Formula,
    Fraction,
    Grid,
    Number,
    Root,
    Row,
    Script,
    Sign,
    Sum,
    Symbol,
    Words,
    fenced,
    listed,
    row,
)
from .kinds import COLUMN, MATRIX, ROW, Kinds

# How tightly the outermost operator of a formula binds.
OR, AND, RELATION, SUM, ENTRYWISE, BIG, PRODUCT, POWER, ATOM = 2, 3, 4, 6, 6.2, 6.5, 7, 9, 10
RELATIONS = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥", "<": "<", ">": ">", "in": "∈", "and": "∧", "or": "∨"}
ELEMENT = "∈"
TRANSPOSED = Sign("⊤", "plain")
RING = "∘"
DOT, DOTS = Sign("·", "plain"), Words("…")

Rated = tuple[Formula, float]  # a formula, and how tightly it binds


class Mathematics:
    """Formulas of expressions; `taken` are names that an invented index must not have."""

    def __init__(self, kinds: Kinds, dimensions: dict[str, tuple[ast.Expr, ...]], taken: Collection[str] = ()):
        self.kinds, self.dimensions = kinds, dimensions
        self._letters = [c for c in "ijklpqrs" if c not in taken]

    def __call__(self, e: ast.Expr) -> Formula:
        return self.rated(e)[0]

    def at_least(self, e: ast.Expr, level: float) -> Formula:
        """The formula of `e`, in parentheses if it binds less tightly than `level`."""
        found, own = self.rated(e)
        return found if own >= level else fenced(found)

    def rated(self, e: ast.Expr) -> Rated:
        return getattr(self, f"_{type(e).__name__.lower()}")(e)

    # --- leaves ----------------------------------------------------------------------------

    def _number(self, e: ast.Number) -> Rated:
        return number(e.span.text), ATOM

    def _text(self, e: ast.Text) -> Rated:
        return Words(e.value), ATOM

    def _name(self, e: ast.Name) -> Rated:
        return Symbol(e.id), ATOM

    def _attribute(self, e: ast.Attribute) -> Rated:
        return row(self(e.base), Words("." + e.name.id)), ATOM

    def _labels(self, e: ast.Labels) -> Rated:
        return fenced(listed(map(self, e.items)), "{", "}"), ATOM

    def _tuple(self, e: ast.Tuple) -> Rated:
        return fenced(listed(map(self, e.items))), ATOM

    def _setof(self, e: ast.SetOf) -> Rated:
        return fenced(row(self(e.body), Sign(":"), self.indices(e.generators, e.condition)), "{", "}"), ATOM

    def _array(self, e: ast.Array) -> Rated:
        if e.items and all(isinstance(i, ast.Array) for i in e.items):
            return Grid(tuple(tuple(map(self, line.items)) for line in e.items)), ATOM
        return Grid((tuple(map(self, e.items)),)), ATOM

    def _comprehension(self, e: ast.Comprehension) -> Rated:
        return Script(fenced(self(e.body)), self.indices(e.generators, e.condition)), POWER

    def _range(self, e: ast.Range) -> Rated:
        return fenced(row(self(e.lower), COMMA, DOTS, COMMA, self(e.upper)), "{", "}"), ATOM

    # --- operators -------------------------------------------------------------------------

    def _unary(self, e: ast.Unary) -> Rated:
        if e.op == "+":
            return self.rated(e.operand)
        if e.op == "not":
            return row(Sign("¬", "plain"), self.at_least(e.operand, POWER)), AND
        return Sum((("-", self.at_least(e.operand, ENTRYWISE)),)), SUM

    def _transpose(self, e: ast.Transpose) -> Rated:
        return _raised(self.at_least(e.operand, ATOM), TRANSPOSED), POWER

    def _conditional(self, e: ast.Conditional) -> Rated:
        rows = []
        rest: ast.Expr = e
        while isinstance(rest, ast.Conditional):
            rows.append((self(rest.then), self(rest.condition)))
            rest = rest.otherwise
        return Cases((*rows, (self(rest), None))), ATOM

    def _binary(self, e: ast.Binary) -> Rated:
        if e.op in ("+", "-"):
            return self._sum(e)
        if e.op in RELATIONS:
            inner, own = {"or": (OR, OR), "and": (AND, AND)}.get(e.op, (SUM, RELATION))
            return row(self.at_least(e.left, inner), Sign(RELATIONS[e.op]), self.at_least(e.right, inner)), own
        if e.op == "^":
            return self._power(e)
        if e.op == "/":
            return self._quotient(e)
        arrays = e.op == "*" and self.kinds.is_array(e.left) and self.kinds.is_array(e.right)
        return self._product(e.left, Sign(RING, "binary") if arrays else TIMES, e.right)

    def _product(self, left: ast.Expr, sign: Sign, right: ast.Expr) -> Rated:
        if sign is not TIMES:
            return row(self._entrywise(left), sign, self._entrywise(right, last=True)), ENTRYWISE
        found, level = self.rated(right)
        if level < BIG:
            found, level = fenced(found), ATOM
        between = DOT if isinstance(_first(found), Number) else TIMES  # x 2 would be read as x2
        return row(self.at_least(left, PRODUCT), between, found), min(level, PRODUCT)

    def _entrywise(self, e: ast.Expr, last: bool = False) -> Formula:
        """A factor of a product of arrays; products of matrices in it stand in parentheses."""
        mixed = isinstance(e, ast.Binary) and e.op == "@"
        return self.at_least(e, POWER if mixed or last else ENTRYWISE)

    def _sum(self, e: ast.Binary) -> Rated:
        terms: list[tuple[str, Formula]] = []
        rest: ast.Expr = e
        while isinstance(rest, ast.Binary) and rest.op in ("+", "-"):
            negative = isinstance(rest.right, ast.Unary) and rest.right.op == "-"
            found, level = self.rated(rest.right)
            if negative or level < SUM or isinstance(found, Sum):
                found = fenced(found)
            terms.append((rest.op, found))
            rest = rest.left
        first, level = self.rated(rest)
        if isinstance(first, Sum):
            head = first.terms
        else:
            head = (("+", first if level >= SUM else fenced(first)),)
        return Sum((*head, *reversed(terms))), SUM

    def _quotient(self, e: ast.Binary) -> Rated:
        if self.kinds.is_array(e.right):
            return self._product(e.left, Sign("⊘", "binary"), e.right)
        (top, above), (bottom, below) = self.rated(e.left), self.rated(e.right)
        return Fraction(top, bottom, above < PRODUCT, below <= PRODUCT), PRODUCT

    def _power(self, e: ast.Binary) -> Rated:
        exponent = self(e.right)
        if self.kinds(e.left) == MATRIX:  # entry by entry, and not the power of a matrix
            exponent = row(Sign(RING, "plain"), exponent)
        return _raised(self.at_least(e.left, ATOM), exponent), POWER

    def _index(self, e: ast.Index) -> Rated:
        base, level = self.rated(e.base)
        below = listed(self._slice(i) if isinstance(i, ast.Slice) else self(i) for i in e.items)
        return Script(base if level >= ATOM else fenced(base), below), ATOM

    def _slice(self, s: ast.Slice) -> Formula:
        if s.lower is None and s.upper is None:
            return Sign("·", "plain")
        return Row(
            tuple(x for x in (s.lower and self(s.lower), Sign(":", "plain"), s.upper and self(s.upper)) if x is not None)
        )

    # --- indices ---------------------------------------------------------------------------

    def indices(self, generators: tuple[ast.Generator, ...], condition: ast.Expr | None) -> Formula:
        """i ∈ I, j = 1, …, n : i < j"""
        parts = [self._ranging(g) for g in generators]
        found = listed(parts)
        return found if condition is None else row(found, Sign(":"), self(condition))

    def _ranging(self, g: ast.Generator) -> Formula:
        if isinstance(g.domain, ast.Range):
            return row(Symbol(g.variable.id), Sign("="), self(g.domain.lower), COMMA, DOTS, COMMA, self(g.domain.upper))
        return row(self(g.variable), Sign(ELEMENT), self(g.domain))

    def over(self, c: ast.Comprehension) -> tuple[Formula, Formula | None]:
        """What stands below and above a big sign."""
        if len(c.generators) == 1 and c.condition is None and isinstance(c.generators[0].domain, ast.Range):
            g = c.generators[0]
            return row(Symbol(g.variable.id), Sign("="), self(g.domain.lower)), self(g.domain.upper)
        return self.indices(c.generators, c.condition), None

    # --- calls -----------------------------------------------------------------------------

    def _call(self, e: ast.Call) -> Rated:
        name, arguments = e.function.id, e.arguments
        if len(arguments) == 1 and isinstance(arguments[0], ast.Comprehension) and not arguments[0].in_brackets:
            return self._big(name, arguments[0])
        builtin = BUILTINS.get(name)  # what runs over nothing is not checked, and may lack arguments
        least, most = builtin.arguments if builtin else (1, 1)
        fits = least <= len(arguments) <= (most or 1)
        if hasattr(self, f"_call_{name}") and fits and not e.keywords:
            return getattr(self, f"_call_{name}")(*arguments)
        inner = [*map(self, arguments), *(row(Words(k.id), Sign("="), self(v)) for k, v in e.keywords)]
        known = name not in self.kinds.names and is_known(name)
        return row(Words(name) if known else Symbol(name), fenced(listed(inner))), ATOM

    def _big(self, name: str, c: ast.Comprehension) -> Rated:
        below, above = self.over(c)
        sign = {"sum": "∑", "prod": "∏", "expect": "𝔼"}.get(name, name)
        if name == "expect":
            return Big(
                sign, below if above is None else self.indices(c.generators, None), None, fenced(self(c.body), "[", "]")
            ), ATOM
        return Big(sign, below, above, self.at_least(c.body, BIG)), BIG

    def _call_sum(self, x: ast.Expr) -> Rated:
        dims = self.dimensions.get(x.id, ()) if isinstance(x, ast.Name) else ()
        if not dims or len(self._letters) < len(dims):
            kind = self.kinds(x)
            ones = Script(Words("1"), above=TRANSPOSED)
            if kind == COLUMN:
                return row(ones, TIMES, self.at_least(x, POWER)), PRODUCT
            return row(Words("sum"), fenced(self(x))), ATOM
        letters = self._letters[: len(dims)]
        below = listed(
            row(Symbol(c), Sign(ELEMENT), self(d)) if self._is_set(d) else row(Symbol(c), Sign("="), Number("1"))
            for c, d in zip(letters, dims)
        )
        above = self(dims[0]) if len(dims) == 1 and not self._is_set(dims[0]) else None
        if above is None:
            below = listed(row(Symbol(c), Sign(ELEMENT), self.members(d)) for c, d in zip(letters, dims))
        return Big("∑", below, above, Script(self(x), listed(map(Symbol, letters)))), BIG

    def _is_set(self, d: ast.Expr) -> bool:
        return (
            isinstance(d, (ast.Range, ast.Labels, ast.SetOf))
            or isinstance(d, ast.Name)
            and self.kinds.names.get(d.id) == "set"
        )

    def members(self, d: ast.Expr) -> Formula:
        """The index set of a dimension: ROAD, or {1, …, n}."""
        if self._is_set(d):
            return self(d)
        return fenced(listed((Number("1"), DOTS, self(d))), "{", "}")

    def _call_dot(self, a: ast.Expr, b: ast.Expr) -> Rated:
        if self.kinds(a) == COLUMN == self.kinds(b):
            return row(_raised(self.at_least(a, ATOM), TRANSPOSED), TIMES, self.at_least(b, POWER)), PRODUCT
        return fenced(listed((self(a), self(b))), "⟨", "⟩"), ATOM

    def _norm_of(self, x: ast.Expr, below: Formula | None = None, above: Formula | None = None) -> Rated:
        bars = Fence("‖", self(x), "‖")
        if below is None and self.kinds(x) in (MATRIX, ROW):
            below = Words("F")
        return (bars if below is None and above is None else Script(bars, below, above)), ATOM if above is None else POWER

    def _call_norm(self, x: ast.Expr) -> Rated:
        return self._norm_of(x)

    def _call_norm1(self, x: ast.Expr) -> Rated:
        return self._norm_of(x, Number("1"))

    def _call_norminf(self, x: ast.Expr) -> Rated:
        return self._norm_of(x, Sign("∞", "plain"))

    def _call_sumsqr(self, x: ast.Expr) -> Rated:
        if not self.kinds.is_array(x):
            return _raised(self.at_least(x, ATOM), Number("2")), POWER
        return self._norm_of(x, above=Number("2"))

    def _call_abs(self, x: ast.Expr) -> Rated:
        return Fence("|", self(x), "|"), ATOM

    def _call_sqrt(self, x: ast.Expr) -> Rated:
        return Root(self(x)), ATOM

    def _call_inv(self, x: ast.Expr) -> Rated:
        return _raised(self.at_least(x, ATOM), Number("-1")), POWER

    def _call_solve(self, a: ast.Expr, b: ast.Expr) -> Rated:
        return row(self._call_inv(a)[0], TIMES, self.at_least(b, POWER)), PRODUCT

    def _call_outer(self, a: ast.Expr, b: ast.Expr) -> Rated:
        return row(self.at_least(a, POWER), TIMES, _raised(self.at_least(b, ATOM), TRANSPOSED)), PRODUCT

    def _call_kron(self, a: ast.Expr, b: ast.Expr) -> Rated:
        return self._product(a, Sign("⊗", "binary"), b)

    def _call_eye(self, n: ast.Expr) -> Rated:
        return Script(Words("I"), self(n)), ATOM

    def _call_ones(self, *sizes: ast.Expr) -> Rated:
        return Script(Words("1"), self._by(sizes)), ATOM

    def _call_zeros(self, *sizes: ast.Expr) -> Rated:
        return Script(Words("0"), self._by(sizes)), ATOM

    def _by(self, sizes) -> Formula:
        parts = [self(s) if len(sizes) == 1 else self.at_least(s, PRODUCT) for s in sizes]
        return parts[0] if len(parts) == 1 else row(parts[0], Sign("×", "plain"), parts[1])

    def _call_trace(self, x: ast.Expr) -> Rated:
        return row(Words("tr"), fenced(self(x))), ATOM


def _raised(base: Formula, exponent: Formula) -> Script:
    if isinstance(base, Script) and base.above is None:
        return Script(base.base, base.below, exponent)
    return Script(base, None, exponent)


def _first(f: Formula) -> Formula:
    while isinstance(f, (Row, Script, Fraction)):
        f = f.items[0] if isinstance(f, Row) else f.base if isinstance(f, Script) else f.top
    return f


def number(text: str) -> Formula:
    """1e-6 as a power of ten."""
    text = text.replace("_", "").lower()
    if text == "inf":
        return Sign("∞", "plain")
    mantissa, e, exponent = text.partition("e")
    if not e:
        return Number(text)
    power = Script(Number("10"), None, Number(str(int(exponent))))
    return power if mantissa in ("1", "1.0") else row(Number(mantissa), DOT, power)
