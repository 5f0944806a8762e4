"""Norms, absolute values and maxima as rows, so that methods of derivatives see none of their kinks.

    min { g(x, y, |a(x, y)|) : y }   becomes   min { g(x, y, t) : y, t,  -t <= a(x, y) <= t }

    max(a, b):  a <= t, b <= t     norm(a):  a'a <= t^2, 0 <= t     y in l1ball(r):  -t <= y <= t, sum(t) <= r

and min(a, b) with t below. The follower's answers y stay the same where neither its objective nor its rows fall as t grows,
or for min as t falls: the value of the kink is then as good a t as any. That is read off the graph, from the signs of the
factors that it is multiplied by, at the data and over the boxes. Where one kink stands elsewhere, or is of another kind
(`if`, `sign`, `floor`), nothing of this level is split. Multipliers of rows are the same in both.

The leader's kinks are split in the same way, with variables and rows of the leader, where no multiplier of the follower is
in its expressions.

Epigraphs: Boyd, Vandenberghe, Convex Optimization, 2004, section 4.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import casadi as ca
import numpy as np

from ..diagnostics import Span
from ..intervals import Graph, IntervalFunction, Unsupported
from ..intervals.kinks import expression, smooth_operations
from ..model.bounds import KEPT
from ..model.problem import Constraint, Objective, Problem, Variable
from ..model.sets import ConstraintSet, Free, Intersection, L1Ball
from ..model.split import Split
from .sizes import Sizes

MOST = 2000  # kinks
SPLIT = {"abs": "absolute value", "max": "maximum", "fmax": "maximum", "min": "minimum", "fmin": "minimum", "norm": "norm"}
GROWING = ("add", "exp", "log", "log1p", "expm1", "sqrt", "softplus", "lse", "atan", "erf", "sinh", "tanh", "asinh", "asin")
JUMPS = ("if", "select", "lt", "le", "eq", "ne", "sign", "signum", "floor", "ceil", "atan2", "not", "and", "or")


@lru_cache(maxsize=KEPT)
def split(problem: Problem, level: str = "lower") -> Problem:
    """The problem with the follower's kinks as rows, with `split` as the way back; itself where that is not exact.

    Args:
        level: "upper" for the leader's.
    """
    if level == "upper" and (problem.used_duals or problem.is_simple):
        return problem  # of what sign multipliers are is not known; a leader without variables stays one
    try:
        kinks = _Kinks(problem, level)
    except Unsupported:
        return problem
    return kinks.split() if kinks.places or kinks.balls else problem


def split_both(problem: Problem) -> Problem:
    """The problem with the kinks of both levels as rows."""
    return split(split(problem), "upper")


def hindrance(problem: Problem, level: str = "lower") -> tuple[str, int] | None:
    """Why the kinks of a level are not split, with the line; None where they are, or there are none."""
    try:
        _Kinks(problem, level)
    except _Kept as why:
        return str(why), why.span.line
    except Unsupported:
        return None  # there is no graph: nothing is known of kinks
    return None


class _Kept(Unsupported):
    """A kink that stays, and where."""

    def __init__(self, words: str, span: Span):
        super().__init__(words)
        self.span = span


@dataclass(frozen=True, eq=False)
class _Place:
    """Kinks of one kind in one statement."""

    kind: str
    span: Span
    nodes: tuple[int, ...]
    where: str  # "the lower objective", "cap"


class _Kinks:
    """The kinks of a level and their rows.

    Raises:
        Unsupported: there is no graph of scalars, or a kink that is not split exactly.
    """

    def __init__(self, problem: Problem, level: str = "lower"):
        self.problem, self.lower = problem, level == "lower"
        self.objective = problem.g if self.lower else problem.f
        self.constraints = problem.lower_constraints if self.lower else problem.upper_constraints
        self.variables = problem.lower_variables if self.lower else problem.upper_variables
        self.balls = [v for v in self.variables if _ball(v.set)]
        self.rough = [self.objective, *self.constraints]
        inputs = [problem.x, problem.y, *problem.p]
        written = [ca.densify(ca.vec(e.expression)) for e in self.rough]
        smooth = [smooth_operations(ca.Function("written", inputs, [e])) for e in written]
        self.rough = [e for e, is_smooth in zip(self.rough, smooth) if not is_smooth]
        self.places: list[_Place] = []
        if self.rough:
            self.function = ca.Function("rough", inputs, [e for e, is_smooth in zip(written, smooth) if not is_smooth])
            self._enclosed = IntervalFunction(self.function)
            self.graph: Graph = self._enclosed.graph
            self._find()

    # --- which they are ------------------------------------------------------------------

    def _find(self) -> None:
        moving = self._moving()
        kinks = [k for k in self.graph.needed if k in moving and self._bends(k)]
        directions = self._directions()
        for k in kinks:
            if directions[k] != {-1 if self.graph.nodes[k].op in ("min", "fmin") else 1}:
                who = "follower" if self.lower else "leader"
                words = f"{_one(self.graph.nodes[k].op)} stays as it is: the {who} may gain as it grows"
                raise _Kept(words, self._span(k))
        if len(kinks) > MOST:
            raise Unsupported(f"{len(kinks)} kinks are more than {MOST}")
        left = set(kinks)
        for own, column in zip(self.rough, self.graph.outputs):
            here = sorted(left & self._below(column))
            left -= set(here)
            for kind in dict.fromkeys(self.graph.nodes[k].op for k in here):
                nodes = tuple(k for k in here if self.graph.nodes[k].op == kind)
                objective = f"the {'lower' if self.lower else 'upper'} objective"
                where = objective if own is self.objective else f"constraint {own.name}"
                self.places.append(_Place(kind, own.span, nodes, where))

    def _moving(self) -> set[int]:
        """Nodes that depend on y, of the leader's expressions on x too."""
        found: set[int] = set()
        for k in self.graph.needed:
            node = self.graph.nodes[k]
            if node.op == "input" and node.data[0] in ((1,) if self.lower else (0, 1)) or any(a in found for a in node.args):
                found.add(k)
        return found

    def _bends(self, k: int) -> bool:
        """Whether a node that moves is a kink to split.

        Raises:
            Unsupported: it has a kink or a jump that is never split.
        """
        node = self.graph.nodes[k]
        if node.op in JUMPS:
            raise _Kept("a jump, or an `if`, stays as it is: it is no maximum", self._span(k))
        return node.op in SPLIT and not (node.op == "norm" and node.data > 0)

    def _span(self, k: int) -> Span:
        return next(e.span for e, column in zip(self.rough, self.graph.outputs) if k in self._below(column))

    def _directions(self) -> dict[int, set[int]]:
        """How the objective and the rows move with each node: 1 not down, -1 not up, 0 either, or an equation."""
        values = self._ranges()
        found: dict[int, set[int]] = {}
        for own, column in zip(self.rough, self.graph.outputs):
            rows = {0} if isinstance(own, Constraint) and own.kind == "eq" else {1}
            for n in column:
                found.setdefault(n, set()).update(rows)
        for n in reversed(self.graph.needed):
            node = self.graph.nodes[n]
            for a, slope in zip(node.args, _slopes(node, [values[a] for a in node.args])):
                found.setdefault(a, set()).update(slope * sign for sign in found[n])
        return found

    def _ranges(self) -> dict[int, int]:
        """The sign of every node over the boxes, at the data: 1 not negative, -1 not positive, 0 either."""
        sizes, nx = Sizes(self.problem), self.problem.x.numel()
        columns = [np.array(d, float).reshape(-1, 1, order="F") for d in sizes.data]
        low, high = sizes.low.reshape(-1, 1), sizes.high.reshape(-1, 1)
        boxes = [(low[:nx], high[:nx]), (low[nx:], high[nx:]), *((d, d) for d in columns)]
        values, _ = self._enclosed.walk(*boxes)
        return {k: 1 if v[0].min() >= 0 else -1 if v[1].max() <= 0 else 0 for k, v in values.items()}

    def _below(self, column: list[int]) -> set[int]:
        found, stack = set(), list(column)
        while stack:
            n = stack.pop()
            if n not in found:
                found.add(n)
                stack.extend(self.graph.nodes[n].args)
        return found

    # --- the problem without them ----------------------------------------------------------

    def split(self) -> Problem:
        problem, symbol = self.problem, self.problem.y if self.lower else self.problem.x
        n, name = symbol.numel(), "y" if self.lower else "x"
        counts = [len(p.nodes) for p in self.places] + [v.size for v in self.balls]
        column = ca.MX.sym(name, n + sum(counts))
        own, *parts = ca.vertsplit(column, np.cumsum([0, n, *counts]).tolist())
        kept = [problem.f.expression, problem.g.expression]
        levels = (problem.upper_constraints, problem.lower_constraints)
        f, g, *rows = ca.substitute([*kept, *(c.expression for level in levels for c in level)], [symbol], [own])
        new, epigraphs = self._rewritten(own, parts)
        first, second = (
            tuple(replace(c, expression=new.get(id(c), e)) for c, e in zip(level, rows[begun:]))
            for level, begun in zip(levels, (0, len(levels[0])))
        )
        spans = [p.span for p in self.places] + [v.span for v in self.balls]
        for v, t, span in zip(self.balls, parts[len(self.places) :], spans[len(self.places) :]):
            mine = ca.vec(own[v.slice])
            epigraphs.append((ca.vertcat(mine - t, -mine - t, ca.sum1(t) - _ball(v.set).radius), span))
        level = "lower" if self.lower else "upper"
        more = tuple(_rows(e, span, level) for e, span in epigraphs)
        variables = (*self._variables(own), *_added(parts, spans, n, level))
        return replace(
            problem,
            **{name: column, f"{level}_variables": variables},
            f=_objective(problem.f, new.get(id(problem.f), f)),
            g=_objective(problem.g, new.get(id(problem.g), g)),
            upper_constraints=first if self.lower else (*first, *more),
            lower_constraints=(*second, *more) if self.lower else second,
            report=(),
            split=self._way_back(n, counts),
        )

    def _way_back(self, n: int, counts: list[int]) -> Split:
        if not self.lower:
            inner = self.problem.split or Split(size=self.problem.y.numel())
            return replace(inner, upper_size=n, upper_kinks=self._values(), words=(*inner.words, *self._words()))
        curved = [p.kind == "norm" for p in self.places] + [False] * len(self.balls)
        return Split(size=n, kinks=self._values(), curved=np.repeat(curved, counts), words=self._words())

    def _variables(self, own: ca.MX) -> list[Variable]:
        blocks = [ca.reshape(own[v.slice], *v.expression.shape) for v in self.variables]
        return [replace(v, expression=e, set=_without(v.set)) for v, e in zip(self.variables, blocks)]

    def _rewritten(self, own: ca.MX, parts: list[ca.MX]) -> tuple[dict[int, ca.MX], list[tuple[ca.MX, Span]]]:
        """The rough objective and rows over y and t, by identity; and the rows of each place."""
        if not self.rough:
            return {}, []
        known, inputs, t = self._known(replaced=True)
        columns = [ca.vertcat(*[known[n] for n in column]) for column in self.graph.outputs]
        epigraphs = [ca.vertcat(*[self._rows_of(n, known) for n in p.nodes]) for p in self.places]
        made = ca.Function("split", [*inputs, *t], [*columns, *epigraphs])
        point = (self.problem.x, own) if self.lower else (own, self.problem.y)
        found = made.call([*point, *self.problem.p, *parts[: len(self.places)]], True, False)
        new = {id(e): v for e, v in zip(self.rough, found)}
        return new, [(e, p.span) for p, e in zip(self.places, found[len(self.rough) :])]

    def _rows_of(self, n: int, known: dict[int, ca.SX]) -> ca.SX:
        """What t, the variable in place of node n, has to meet: expressions <= 0."""
        node, t = self.graph.nodes[n], known[n]
        a = [known[k] for k in node.args]
        if node.op == "abs":
            return ca.vertcat(a[0] - t, -a[0] - t)
        if node.op == "norm":
            return ca.vertcat(sum((v * v for v in a), ca.SX(0)) - t * t, -t)
        return ca.vertcat(*[t - v if node.op in ("min", "fmin") else v - t for v in a])

    def _known(self, replaced: bool) -> tuple[dict[int, ca.SX], list[ca.SX], list[ca.SX]]:
        """Expressions of the nodes; `replaced`: over variables in place of kinks."""
        inputs = [ca.SX.sym(f"i{k}", *self.function.size_in(k)) for k in range(self.function.n_in())]
        t = [ca.SX.sym(f"t{k}", len(p.nodes)) for k, p in enumerate(self.places)]
        symbols = {n: v[k] for p, v in zip(self.places, t) for k, n in enumerate(p.nodes)} if replaced else {}
        known: dict[int, ca.SX] = {}
        for k in self.graph.needed:
            known[k] = symbols[k] if k in symbols else expression(self.graph, k, known, inputs)
        return known, inputs, t

    def _values(self) -> ca.Function:
        """(x, y) -> the kinks, at the data of the problem."""
        problem, values = self.problem, []
        if self.rough:
            known, inputs, _ = self._known(replaced=False)
            made = ca.Function("kinks", inputs, [ca.vertcat(*[known[n] for p in self.places for n in p.nodes])])
            values.append(made(problem.x, problem.y, *problem.matrices))
        values += [ca.fabs((problem.y if self.lower else problem.x)[v.slice]) for v in self.balls]
        return ca.Function("kinks", [problem.x, problem.y], [ca.densify(ca.vertcat(*values))])

    def _words(self) -> tuple[tuple[str, int], ...]:
        found = []
        for p in self.places:
            many = len(p.nodes) > 1
            plural = {"maximum": "maxima", "minimum": "minima"}.get(SPLIT[p.kind], SPLIT[p.kind] + "s")
            what = f"{len(p.nodes)} {plural}" if many else _one(p.kind)
            of = "" if p.where.startswith("constraint line ") else f" of {p.where}"
            found.append((f"{what}{of} as smooth rows", p.span.line))
        return (*found, *((f"the l1 ball of {v.name} as linear rows", v.span.line) for v in self.balls))


def told(problem: Problem) -> list[str]:
    """What was split, for readers."""
    return [f"{words} (line {line})" for words, line in problem.split.words] if problem.split else []


def _one(kind: str) -> str:
    return f"{'an' if kind == 'abs' else 'a'} {SPLIT[kind]}"


def _slopes(node, signs: list[int]) -> list[int]:
    """How a node moves with each of its arguments, of these signs: 1 not down, -1 not up, 0 not known."""
    op, n = node.op, len(signs)
    if op in GROWING or op in ("max", "fmax", "min", "fmin"):
        return [1] * n
    if op == "sub":
        return [1, -1]
    if op == "neg":
        return [-1]
    if op == "mul":
        return [signs[1], signs[0]]
    if op == "div":
        return [signs[1], 0]
    if op in ("sq", "abs", "norm", "huber"):
        return signs
    return [0] * n


def _ball(own: ConstraintSet) -> L1Ball | None:
    if isinstance(own, Intersection):
        return _ball(own.first) or _ball(own.second)
    return own if isinstance(own, L1Ball) else None


def _without(own: ConstraintSet) -> ConstraintSet:
    """The set without its first l1 ball."""
    if isinstance(own, Intersection):
        if isinstance(own.first, L1Ball):
            return own.second
        return own.first if isinstance(own.second, L1Ball) else own
    return Free(own.size) if isinstance(own, L1Ball) else own


def _objective(own: Objective, e: ca.MX) -> Objective:
    return replace(own, expression=e, sampling=None)


def _rows(e: ca.MX, span: Span, level: str) -> Constraint:
    return Constraint(name=f"line {span.line}", level=level, kind="le", expression=e, span=span)


def _added(parts: list[ca.MX], spans: list[Span], first: int, level: str) -> list[Variable]:
    found = []
    for part, span in zip(parts, spans):
        size = part.numel()
        found.append(Variable("", level, (size,), part, first, Free(size), None, span))
        first += size
    return found
