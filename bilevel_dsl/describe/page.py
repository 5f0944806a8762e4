"""A model as a page of mathematics, in the layout of the papers; no notation yet.

min   f(x, y)   over x in X
s.t.  G(x, y) <= 0
      y in argmin { g(x, y) : y in Y, h(x, y) <= 0 }
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..semantics.checked import Checked, CheckedParam
from ..semantics.names.walk import walk
from ..semantics.nodes.elements import elements_of
from ..syntax import ast
from .formula import COMMA, TIMES, Formula, Number, Row, Script, Sign, Sum, Symbol, Words, fenced, listed, row
from .kinds import Kinds, of_shape
from .mathematics import ATOM, ELEMENT, PRODUCT, RELATIONS, SUM, TRANSPOSED, Mathematics

REALS, INTEGERS = Words("ℝ"), Words("ℤ")
CROSS = Sign("×", "plain")
SENSES = {"minimize": "min", "maximize": "max"}


@dataclass(frozen=True)
class Condition:
    """One constraint: the relation, for which indices, its label."""

    formula: Formula
    indices: Formula | None
    label: str


@dataclass(frozen=True)
class Level:
    """`variables` are what is decided, `sets` where each lies (x ∈ X)."""

    name: str
    sense: str  # "min" | "max"
    objective: Formula
    variables: tuple[Formula, ...]
    sets: tuple[Formula, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Datum:
    """A parameter or an index set: its symbol, where it lies, its value if that is short."""

    symbol: Formula
    place: Formula
    value: str


@dataclass(frozen=True)
class Page:
    title: str
    upper: Level
    followers: tuple[Level, ...]
    definitions: tuple[Formula, ...]  # of lets and functions
    notes: tuple[Formula, ...]  # what the names of sets mean
    data: tuple[Datum, ...]
    reported: tuple[Formula, ...] = field(default=())


def page(checked: Checked) -> Page:
    return _Writer(checked).page()


class _Writer:
    def __init__(self, checked: Checked):
        self.checked = checked
        statements = checked.tree.statements
        self.levels = [s for s in statements if isinstance(s, ast.Level)]
        self.lets = [
            i for s in statements for i in (s.items if isinstance(s, ast.Level) else (s,)) if isinstance(i, ast.Let)
        ]
        self.functions = [s for s in statements if isinstance(s, ast.FunctionDecl)]
        self.params = {s.name.id: s for s in statements if isinstance(s, ast.Param)}
        self.sets = {s.name.id: s for s in statements if isinstance(s, ast.SetDecl)}
        self.variables = {i.name.id: i for level in self.levels for i in level.items if isinstance(i, ast.Var)}
        names = {v.name: of_shape(v.shape) for v in checked.variables}
        names |= {p.name: of_shape(p.declared) for p in checked.params}
        names |= {s.name: "set" for s in checked.index_sets if s.name} | {f.name.id: "function" for f in self.functions}
        dimensions = {n: d.dimensions for n, d in (self.params | self.variables).items()}
        lets = {let.name.id: let for let in self.lets}
        kinds = Kinds(names, lets, {f.name.id: f for f in self.functions})
        self.math = Mathematics(kinds, dimensions, {*names, *lets, *self.sets})
        self._notes: dict[str, Formula] = {}

    def page(self) -> Page:
        upper = next(level for level in self.levels if level.kind == "upper")
        followers = [level for level in self.levels if level.kind == "lower"]
        done = self.level(upper), tuple(map(self.level, followers))
        reports = [e for s in self.checked.tree.statements if isinstance(s, ast.Report) for e in s.entries]
        used = self.used([*self.levels, *(e.value for e in reports)])
        definitions = tuple(self.definition(d) for d in [*self.lets, *self.functions] if d.name.id in used)
        return Page(
            self.checked.name,
            *done,
            definitions,
            tuple(self._notes.values()),
            self.data(used),
            tuple(_defined(Symbol(e.name.id), self.math(e.value)) for e in reports),
        )

    def used(self, roots: list[ast.Node]) -> set[str]:
        """Names that the mathematics needs; not those from which only data were made."""
        bodies = {d.name.id: d for d in self.lets} | {f.name.id: f for f in self.functions} | self.sets
        dimensions = {n: p.dimensions for n, p in self.params.items()}
        found: set[str] = set()
        stack: list[ast.Node] = list(roots)
        while stack:
            for node in walk(stack.pop()):
                if isinstance(node, ast.Name) and node.id not in found:
                    found.add(node.id)
                    stack += [bodies[node.id]] if node.id in bodies else dimensions.get(node.id, ())
        return found

    def level(self, level: ast.Level) -> Level:
        objective = next(i for i in level.items if isinstance(i, ast.Objective))
        own = [i for i in level.items if isinstance(i, ast.Var)]
        conditions = [self.condition(i) for i in level.items if isinstance(i, ast.Constraint)]
        return Level(
            level.name.id if level.name else "",
            SENSES[objective.sense],
            self.math(objective.value),
            tuple(Symbol(v.name.id) for v in own),
            tuple(map(self.membership, own)),
            tuple(conditions),
        )

    def condition(self, c: ast.Constraint) -> Condition:
        parts: list[Formula] = [self.math.at_least(c.terms[0], SUM)]
        for op, term in zip(c.operators, c.terms[1:]):
            parts += [Sign(RELATIONS[op]), self.math.at_least(term, SUM)]
        indices = self.math.indices(c.generators, c.condition) if c.generators else None
        return Condition(Row(tuple(parts)), indices, c.label.id if c.label else "")

    def definition(self, d: ast.Let | ast.FunctionDecl) -> Formula:
        if isinstance(d, ast.Let):
            right = self.math.at_least(d.value, SUM)
            if not d.generators:
                return _defined(Symbol(d.name.id), right)
            entry = Script(Symbol(d.name.id), listed(self.math(name) for g in d.generators for name in g.names))
            return row(_defined(entry, right), COMMA, self.math.indices(d.generators, None))
        call = next(n for n in walk(self.checked.tree) if isinstance(n, ast.Call) and n.function.id == d.name.id)
        math = Mathematics(self.math.kinds.inside(call), {}, ())
        return _defined(
            row(Symbol(d.name.id), fenced(listed(Symbol(p.id) for p in d.parameters))), math.at_least(d.body, SUM)
        )

    # --- sets ------------------------------------------------------------------------------

    def membership(self, v: ast.Var) -> Formula:
        sets = [self.set_of(e, v) for e in v.sets] or [self.space(v.dimensions)]
        whole: list[Formula] = [sets[0]]
        for s in sets[1:]:
            whole += [Sign("∩", "binary"), s]
        return row(Symbol(v.name.id), Sign(ELEMENT), *whole)

    def space(
        self,
        dimensions: tuple[ast.Expr, ...],
        base: Formula = REALS,
        below: Formula | None = None,
        shape: tuple[int, ...] = (),
    ) -> Formula:
        """R^n; `shape` says what the dimensions leave open."""
        size = self.size(dimensions, shape)
        return base if size is None and below is None else Script(base, below, size)

    def size(self, dimensions: tuple[ast.Expr, ...], shape: tuple[int, ...] = ()) -> Formula | None:
        numbers = [Number(str(n)) for n in shape]
        if not dimensions:
            return _cross(numbers) if numbers else None
        if len(dimensions) == 1:
            return numbers[0] if isinstance(dimensions[0], ast.Slice) else self.math(dimensions[0])
        return _cross(
            [numbers[k] if isinstance(d, ast.Slice) else self.math.at_least(d, PRODUCT) for k, d in enumerate(dimensions)]
        )

    def set_of(self, e: ast.Expr, v: ast.Var) -> Formula:
        dims = v.dimensions
        if isinstance(e, ast.Name) and e.id in self.sets:
            return self.set_of(self.sets[e.id].value, v)
        if isinstance(e, ast.Array):
            return self._box(e.items, v)
        name = e.id if isinstance(e, ast.Name) else e.function.id
        arguments = () if isinstance(e, ast.Name) else e.arguments
        if name == "box":
            return self._box(arguments, v)
        if name in ("free", "nonneg"):
            return self.space(dims, below=Sign("+", "plain") if name == "nonneg" else None)
        written = getattr(self, f"_in_{name}", None)
        if written is None:  # no notation of its own
            return row(Words(name), fenced(listed(map(self.math, arguments)))) if arguments else Words(name)
        return written(self.size(dims[:1]) or Number("1"), v, *arguments)

    def _box(self, ends, v: ast.Var) -> Formula:
        """A power of an interval; between vectors, a set of its own."""
        low, high = (self.math(e) for e in ends)
        if any(self.math.kinds.is_array(e) for e in ends):
            return fenced(listed((low, high)), "[", "]")
        left = "(" if _infinite(ends[0]) else "["
        interval = fenced(listed((low, high)), left, ")" if _infinite(ends[1]) else "]")
        return self._power(interval, v)

    def _in_binary(self, size, v) -> Formula:
        return self._power(fenced(listed((Number("0"), Number("1"))), "{", "}"), v)

    def _in_integer(self, size, v, low, high) -> Formula:
        """A power of {l, ..., u}; between vectors, the whole numbers of a box."""
        if self.math.kinds.is_array(low) or self.math.kinds.is_array(high):
            return row(self._box((low, high), v), Sign("∩", "binary"), self.space(v.dimensions, INTEGERS))
        return self._power(fenced(listed((self.math(low), Words("…"), self.math(high))), "{", "}"), v)

    def _power(self, base: Formula, v: ast.Var) -> Formula:
        return base if self.math.kinds.names[v.name.id] == "scalar" else Script(base, None, self.size(v.dimensions))

    def _in_simplex(self, size, v, total=None) -> Formula:
        return self._noted(
            "Δ", size, total, row(Symbol("v"), Sign("≥"), Number("0"), COMMA, _ones("v"), Sign("="), Symbol("s"))
        )

    def _in_capped_simplex(self, size, v, total) -> Formula:
        return self._noted(
            "C",
            size,
            total,
            row(Number("0"), Sign("≤"), Symbol("v"), Sign("≤"), Number("1"), COMMA, _ones("v"), Sign("="), Symbol("s")),
        )

    def _noted(self, letter: str, size: Formula, argument: ast.Expr | None, rule: Formula) -> Formula:
        """Δ_n(s), with a note of what it means."""
        name = Words(letter)
        if letter not in self._notes:
            space = Script(REALS, None, Symbol("n"))
            body = row(Symbol("v"), Sign(ELEMENT), space, Sign(":"), rule)
            self._notes[letter] = _defined(row(Script(name, Symbol("n")), fenced(Symbol("s"))), fenced(body, "{", "}"))
        return row(Script(name, size), fenced(self.math(argument) if argument is not None else Number("1")))

    def _in_ball(self, size, v, center, radius, bars="‖", below=None) -> Formula:
        letter = Symbol("v")
        moved: Formula = letter
        if center is not None and not _zero(center):
            moved = Sum((("+", letter), ("-", self.math.at_least(center, PRODUCT))))
        norm = fenced(moved, bars, bars)
        return self._such_that(letter, v, row(norm if below is None else Script(norm, below), Sign("≤"), self.math(radius)))

    def _in_l1ball(self, size, v, radius) -> Formula:
        return self._in_ball(size, v, None, radius, below=Number("1"))

    def _in_linfball(self, size, v, center, radius) -> Formula:
        return self._in_ball(size, v, center, radius, below=Sign("∞", "plain"))

    def _in_halfspace(self, size, v, a, b, relation="≤") -> Formula:
        left = row(Script(self.math.at_least(a, ATOM), None, TRANSPOSED), TIMES, Symbol("v"))
        return self._such_that(Symbol("v"), v, row(left, Sign(relation), self.math(b)))

    def _in_hyperplane(self, size, v, a, b) -> Formula:
        return self._in_halfspace(size, v, a, b, "=")

    def _in_affine(self, size, v, a, b) -> Formula:
        return self._such_that(
            Symbol("v"), v, row(self.math.at_least(a, PRODUCT), TIMES, Symbol("v"), Sign("="), self.math(b))
        )

    def _in_soc(self, size, v) -> Formula:
        return Script(Words("ℒ"), None, size)

    def _in_psd(self, size, v) -> Formula:
        return Script(Words("𝕊"), Sign("+", "plain"), size)

    def _in_spectral(self, size, v, low, high) -> Formula:
        unit = Words("I")
        body = row(
            Symbol("V"),
            Sign(ELEMENT),
            Script(Words("𝕊"), None, size),
            Sign(":"),
            self.math.at_least(low, PRODUCT),
            TIMES,
            unit,
            Sign("⪯"),
            Symbol("V"),
            Sign("⪯"),
            self.math.at_least(high, PRODUCT),
            TIMES,
            unit,
        )
        return fenced(body, "{", "}")

    def _such_that(self, letter: Formula, v: ast.Var, rule: Formula) -> Formula:
        return fenced(row(letter, Sign(ELEMENT), self.space(v.dimensions), Sign(":"), rule), "{", "}")

    # --- data ------------------------------------------------------------------------------

    def data(self, used: set[str]) -> tuple[Datum, ...]:
        found = []
        for s in self.checked.index_sets:
            if s.name in used:
                members = elements_of(s) if s.arity > 1 else ", ".join(s.labels or map(str, s.values[:6]))
                shown = members if s.size <= 6 else f"{s.size} members"
                found.append(Datum(Symbol(s.name), Words("index set"), shown))
        for p in (p for p in self.checked.params if p.name in used):
            found.append(Datum(Symbol(p.name), self.space(self.params[p.name].dimensions, shape=p.declared), _value(p)))
        for p in (p for n, p in self.params.items() if n in used and p.domain is not None):
            if p.name.id not in {q.name for q in self.checked.params}:  # of labels
                found.append(Datum(Symbol(p.name.id), self.space(p.dimensions, self.math(p.domain)), "labels"))
        return tuple(found)


def subject(level: Level) -> Formula:
    """Who decides: y, or (u, s)."""
    return level.variables[0] if len(level.variables) == 1 else fenced(listed(level.variables))


def _defined(left: Formula, right: Formula) -> Formula:
    return row(left, Sign("="), right)


def _value(p: CheckedParam) -> str:
    """The numbers, where they are few."""
    if p.pattern is not None:
        return f"{p.value.size} entries, sparse"
    if len(p.shape) < 2 and p.value.size <= 6:
        return ", ".join(f"{v:.{6 if p.shape else 10}g}" for v in p.value.ravel())
    return f"{p.value.size} numbers"


def _cross(parts: list[Formula]) -> Formula:
    return row(parts[0], *(item for p in parts[1:] for item in (CROSS, p)))


def _ones(name: str) -> Formula:
    return row(Script(Words("1"), above=TRANSPOSED), TIMES, Symbol(name))


def _infinite(e: ast.Expr) -> bool:
    while isinstance(e, ast.Unary):
        e = e.operand
    return isinstance(e, ast.Number) and e.value == float("inf")


def _zero(e: ast.Expr) -> bool:
    return isinstance(e, ast.Number) and e.value == 0 or isinstance(e, ast.Call) and e.function.id == "zeros"
