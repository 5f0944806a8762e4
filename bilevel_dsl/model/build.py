"""A checked model as mathematics: nodes to CasADi.

A batched node, N values of shape s, is a matrix with N columns, each the entries of one value by
columns; so a generator is a few matrix operations, whatever its length.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

from ..semantics.checked import Checked, CheckedConstraint, CheckedParam, CheckedVar
from ..semantics.ir import Dim, Node, Segments, postorder
from ..semantics.sets import SetSpec
from ..semantics.zeros import keeps_zeros
from . import sets
from .problem import Constraint, Dual, Index, Named, Objective, Parameter, Problem, Reference, Variable
from .recursion import recursion
from .sampling import Sampling


def build(checked: Checked) -> Problem:
    """The problem of a checked model. Parameters that no expression uses are left out."""
    upper, lower = (
        ca.MX.sym(name, sum(_size(v) for v in variables))
        for name, variables in (("x", checked.upper_variables), ("y", checked.lower_variables))
    )
    blocks = {**_blocks(upper, checked.upper_variables), **_blocks(lower, checked.lower_variables)}
    data = {p.name: ca.MX.sym(p.name, *_matrix(p.shape)) for p in checked.params}
    duals = _duals(checked)
    symbols = {**blocks, **data, **{_dual_name(d): d.symbol for d in duals if d.symbol is not None}}
    translate = _Translation(symbols)
    x_variables, y_variables = (
        _variables(variables, blocks, translate) for variables in (checked.upper_variables, checked.lower_variables)
    )
    f, g = checked.upper_objective, checked.lower_objectives
    sense = g[0].sense if len({o.sense for o in g}) == 1 else 1
    lower_sum = sum((o.sense * translate(o.node) for o in g[1:]), g[0].sense * translate(g[0].node))
    used = _used(checked)
    return Problem(
        checked.name,
        upper,
        lower,
        x_variables,
        y_variables,
        Objective(f.sense * translate(f.node), f.sense, f.span, Sampling(((f.sense, f.node),), symbols, _Translation)),
        Objective(lower_sum, sense, g[0].span, Sampling(tuple((o.sense, o.node) for o in g), symbols, _Translation)),
        _constraints(checked.upper_constraints, translate),
        _constraints(checked.lower_constraints, translate),
        (*(_parameter(p, data[p.name]) for p in checked.params if p.name in used), *_stand_ins(duals)),
        report=tuple(Named(r.name, r.node.shape, translate(r.node), r.span, _index(r.dims)) for r in checked.report),
        duals=duals,
        options=checked.options,
        option_spans=checked.option_spans,
        reference=_reference(checked),
        warnings=checked.warnings,
        text_hash=checked.text_hash,
        path=checked.path,
        given=checked.given,
        checked=checked,
    )


def _index(dims: tuple[Dim, ...]) -> Index:
    return tuple(d.members.elements if d.members else None for d in dims)


def _size(v: CheckedVar) -> int:
    return int(np.prod(v.shape, dtype=int))


def _matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """In CasADi: as it is, with more dimensions a column of all entries by columns."""
    return (*shape, 1, 1)[:2] if len(shape) < 3 else (int(np.prod(shape)), 1)


def _blocks(whole: ca.MX, variables: tuple[CheckedVar, ...]) -> dict[str, ca.MX]:
    ends = np.cumsum([0, *(_size(v) for v in variables)])
    parts = ca.vertsplit(whole, ends.tolist()) if variables else []
    return {v.name: ca.reshape(part, *_matrix(v.shape)) for v, part in zip(variables, parts)}


def _variables(variables: tuple[CheckedVar, ...], blocks: dict[str, ca.MX], translate) -> tuple[Variable, ...]:
    offsets = np.cumsum([0, *(_size(v) for v in variables)])
    return tuple(
        Variable(
            v.name,
            v.level,
            v.shape,
            blocks[v.name],
            int(offset),
            _set(v.set, v, translate),
            v.start,
            v.span,
            tuple(d.labels for d in v.dims),
            _index(v.dims),
            v.set.record.whole,
        )
        for v, offset in zip(variables, offsets)
    )


def _constraints(checked: tuple[CheckedConstraint, ...], translate) -> tuple[Constraint, ...]:
    return tuple(
        Constraint(
            c.name,
            c.level,
            c.kind,
            ca.vec(ca.densify(translate(c.node))),
            c.span,
            c.side,
            _index(c.dims),
            tuple(d.size for d in c.dims),
            c.places,
        )
        for c in checked
    )


def _parameter(p: CheckedParam, symbol: ca.MX) -> Parameter:
    return Parameter(p.name, p.shape, symbol, p.value, p.structural, p.span)


def _duals(checked: Checked) -> tuple[Dual, ...]:
    sense = {o.follower: o.sense for o in checked.lower_objectives}
    starts = np.cumsum([0, *(c.node.size * (c.node.batch or 1) for c in checked.lower_constraints)])
    offsets = dict(
        zip((v.name for v in checked.lower_variables), np.cumsum([0, *(_size(v) for v in checked.lower_variables)]))
    )
    follower = {v.name: v.follower for v in checked.lower_variables}
    found = []
    for d in checked.duals:
        size = int(np.prod(d.shape, dtype=int))
        if d.variable:
            rows, places = [offsets[d.variable] + np.arange(size)], [np.arange(size)]
            sign = sense[follower[d.variable]] * (1 if d.side == "lower" else -1)
            signs = [np.full(size, sign)]
        else:
            own = [checked.lower_constraints[k] for k in d.constraints]
            counts = [starts[k + 1] - starts[k] for k in d.constraints]
            rows = [np.arange(starts[k], starts[k + 1]) for k in d.constraints]
            places = [np.arange(n) if c.places is None else c.places for c, n in zip(own, counts)]
            signs = [np.full(n, c.rhs * sense[c.follower]) for c, n in zip(own, counts)]
        symbol = ca.MX.sym(f"dual({d.name})", *_matrix(d.shape)) if d.used else None
        found.append(
            Dual(
                d.name,
                d.shape,
                d.span,
                *(np.concatenate(v).astype(int) for v in (rows, places, signs)),
                d.side,
                symbol,
                _index(d.dims),
            )
        )
    return tuple(found)


def _dual_name(d: Dual) -> str:
    return f"dual({d.name})"


def _stand_ins(duals: tuple[Dual, ...]) -> list[Parameter]:
    """Multipliers as parameters, so that every function of the problem takes them; whoever calls gives their values."""
    return [
        Parameter(_dual_name(d), d.shape, d.symbol, np.zeros(d.shape), False, d.span, True)
        for d in duals
        if d.symbol is not None
    ]


def _used(checked: Checked) -> set[str]:
    nodes = [
        checked.upper_objective.node,
        *(o.node for o in checked.lower_objectives),
        *(c.node for c in checked.upper_constraints + checked.lower_constraints),
        *(r.node for r in checked.report),
        *(a for v in checked.variables for a in v.set.args),
    ]
    return set().union(*(n.params for n in nodes))


def _reference(checked: Checked) -> Reference:
    r = checked.reference
    points = {k: v for k, v in r.items() if k not in ("upper", "lower", "source")}
    return Reference(r.get("upper"), r.get("lower"), points, r.get("source", ""))


# --- sets ---------------------------------------------------------------------------------------


def _set(spec: SetSpec, v: CheckedVar, translate) -> sets.ConstraintSet:
    n, args = _size(v), [ca.densify(translate(a)) for a in spec.args]

    def full(a: ca.MX) -> ca.MX:
        return ca.vec(a) if a.numel() == n else ca.repmat(a, n, 1)

    make = {
        "free": lambda: sets.Free(n),
        "nonneg": lambda: sets.Box(n, ca.MX.zeros(n), ca.MX(ca.DM([np.inf] * n))),
        "box": lambda: sets.Box(n, full(args[0]), full(args[1])),
        "integer": lambda: sets.Box(n, full(args[0]), full(args[1])),
        "binary": lambda: sets.Box(n, ca.MX.zeros(n), ca.MX(ca.DM.ones(n))),
        "simplex": lambda: sets.Simplex(n, args[0]),
        "capped_simplex": lambda: sets.CappedSimplex(n, args[0]),
        "ball": lambda: sets.Ball(n, full(args[0]), args[1]),
        "l1ball": lambda: sets.L1Ball(n, args[0]),
        "linfball": lambda: sets.LinfBall(n, full(args[0]), args[1]),
        "halfspace": lambda: sets.Halfspace(n, full(args[0]), args[1]),
        "hyperplane": lambda: sets.Hyperplane(n, full(args[0]), args[1]),
        "affine": lambda: sets.Affine(n, args[0] if len(spec.args[0].shape) == 2 else args[0].T, ca.vec(args[1])),
        "soc": lambda: sets.SecondOrderCone(n),
        "psd": lambda: sets.Psd(n, v.shape[0]),
        "spectral": lambda: sets.Spectral(n, v.shape[0], args[0], args[1]),
    }
    return make[spec.kind]()


# --- nodes --------------------------------------------------------------------------------------


class _Translation:
    """Nodes to CasADi, each once: shared parts stay shared."""

    def __init__(self, symbols: dict[str | int, ca.MX]):
        self.symbols = symbols
        self.known: dict[int, ca.MX] = {}
        self._alive: list[Node] = []  # a node's id is its key: it must not be freed

    def __call__(self, root: Node) -> ca.MX:
        for n in postorder(root):
            if id(n) not in self.known:
                self._alive.append(n)
                self.known[id(n)] = self._one(n, [self.known[id(a)] for a in n.args])
        return self.known[id(root)]

    def _one(self, n: Node, a: list[ca.MX]) -> ca.MX:
        if n.op == "const":
            return ca.MX(ca.DM(_columns(n.attr, n.shape, n.batch)))
        if n.op in ("param", "var", "slot"):
            return self.symbols[n.attr]
        if n.op == "dual":
            return self.symbols[f"dual({n.attr})"]
        if n.op == "recursion":
            return _rowwise(n, recursion(n, a, lambda step, slots: _Translation(_shaped(step, slots))(step)))
        if not keeps_zeros(n):
            a = [v if v.is_dense() else ca.densify(v) for v in a]
        if n.op in _STRUCTURAL:
            return _STRUCTURAL[n.op](n, *a)
        if n.op in _ELEMENTWISE:
            return _ELEMENTWISE[n.op](*_aligned(n, a))
        return _FUNCTIONS[n.op](n, *a)


def _columns(value: np.ndarray, shape: tuple[int, ...], batch: int | None) -> np.ndarray:
    """A logical value as the matrix that stands for it."""
    if batch is None:
        return value.reshape(_matrix(shape), order="F")
    return value.transpose(0, *range(value.ndim - 1, 0, -1)).reshape(batch, -1).T


def _rows(n: Node) -> int:
    return int(np.prod(n.shape, dtype=int))


def _flat(n: Node, v: ca.MX) -> ca.MX:
    """As in a batch: a column of entries for each iteration; an unbatched value is one column."""
    return v if n.batch is not None else ca.vec(v)


def _aligned(n: Node, values: list[ca.MX]) -> list[ca.MX]:
    """Operands of one size: CasADi itself spreads only single scalars."""
    if n.batch is None:
        return values
    rows, out = _rows(n), []
    for arg, v in zip(n.args, values):
        if arg.batch is None:
            v = ca.vec(v)
            v = v if v.numel() == 1 else ca.repmat(v, 1, n.batch)
        elif v.shape[0] < rows:
            v = ca.repmat(v, rows, 1)
        out.append(v)
    return out


# --- structure ------------------------------------------------------------------------------------


def _gather(n: Node, v: ca.MX) -> ca.MX:
    base, index = n.args[0], n.attr
    if base.batch is None:
        places = _columns(index, n.shape, n.batch)
        return ca.reshape(ca.vec(v)[places.ravel(order="F").astype(int).tolist()], *places.shape)
    if index.ndim == len(n.shape):
        return v[index.ravel(order="F").astype(int).tolist(), :]
    places = _columns(index, n.shape, n.batch) + np.arange(n.batch) * _rows(base)
    return ca.reshape(ca.vec(v)[places.ravel(order="F").astype(int).tolist()], *places.shape)


def _merge(n: Node, a: ca.MX, b: ca.MX) -> ca.MX:
    order = np.argsort(np.concatenate([np.flatnonzero(n.attr), np.flatnonzero(~n.attr)]))
    return ca.horzcat(a, b)[:, order.tolist()]


def _stack(n: Node, *parts: ca.MX) -> ca.MX:
    if n.batch is None:
        return ca.vertcat(*parts) if len(n.shape) == 1 else ca.horzcat(*parts).T
    wide = [v if a.batch is not None else ca.repmat(ca.vec(v), 1, n.batch) for a, v in zip(n.args, parts)]
    whole = ca.vertcat(*wide)
    return whole if len(n.shape) == 1 else whole[_transposed(n.shape[::-1]), :]


def _transposed(shape: tuple[int, int]) -> list[int]:
    """Places, by columns, of the entries of the transpose of a matrix of this shape."""
    return np.arange(shape[0] * shape[1]).reshape(shape, order="F").T.ravel(order="F").tolist()


def _rowwise(n: Node, v: ca.MX) -> ca.MX:
    """An array whose first dimension is over the columns of `v`."""
    return v.T if len(n.shape) == 2 else ca.vec(v.T)


def _shaped(step: Node, slots: dict[str | int, ca.MX]) -> dict[str | int, ca.MX]:
    """The arguments of a step as its nodes take them: those with a column for each entry are of the shape of the slot."""
    found = dict(slots)
    for n in postorder(step):
        if n.op == "slot" and n.attr in slots:
            found[n.attr] = ca.reshape(slots[n.attr], *(_matrix(n.shape) if n.batch is None else (_rows(n), n.batch)))
    return found


def _collect(n: Node, v: ca.MX) -> ca.MX:
    segments: Segments = n.attr
    count, rows = n.shape[0], _rows(n.args[0])
    if segments.count is None:
        return _rowwise(n, v)
    whole = ca.reshape(v, rows * count, segments.count)
    return whole if len(n.shape) == 1 else whole[_transposed((rows, count)), :]


def _fold(n: Node, v: ca.MX) -> ca.MX:
    kind, segments = n.attr
    rows, columns = v.shape
    if segments.count is None:
        out = _along_rows(kind, v)
        return ca.reshape(out, *_matrix(n.shape))
    if kind in ("sum", "mean", "expect"):
        weight = np.ones(columns) if kind == "sum" else 1 / segments.sizes[segments.parent]
        pick = ca.DM(ca.Sparsity.triplet(columns, segments.count, list(range(columns)), segments.parent.tolist()), 1.0)
        pick.nz[:] = weight.tolist() if segments.parent.size else []
        return ca.densify(v @ ca.MX(pick))
    size = columns // segments.count
    each = [_along_rows(kind, ca.horzcat(*[v[:, k * size + j] for j in range(size)])) for k in range(segments.count)]
    return ca.horzcat(*each)


def _along_rows(kind: str, v: ca.MX) -> ca.MX:
    """One number for each row."""
    if kind == "sum":
        return ca.sum2(v)
    if kind in ("mean", "expect"):
        return ca.sum2(v) / v.shape[1]
    combine = {"prod": lambda a, b: a * b, "min": _smaller, "max": _larger}[kind]
    while v.shape[1] > 1:  # by halves: the depth is the logarithm of the length
        half, odd = v.shape[1] // 2, v.shape[1] % 2
        halves = combine(v[:, :half], v[:, half : 2 * half])
        v = ca.horzcat(halves, v[:, -1]) if odd else halves
    return v


def _reduce(n: Node, v: ca.MX) -> ca.MX:
    if n.batch is None:
        return _along_rows(n.attr, ca.vec(v).T)
    if n.attr in ("sum", "mean"):
        return ca.sum1(v) / (1 if n.attr == "sum" else v.shape[0])
    return ca.vec(_along_rows(n.attr, v.T)).T


def _matmul(n: Node, a: ca.MX, b: ca.MX) -> ca.MX:
    left, right = n.args
    (m, k), (_, columns) = _matrix(left.shape), _matrix(right.shape)
    if n.batch is None:
        return a @ b if not (a.is_dense() or b.is_dense()) else ca.densify(a @ b)
    if left.batch is None:  # the same matrix from the left
        return ca.reshape(ca.densify(a @ ca.reshape(b, k, columns * n.batch)), m * columns, n.batch)
    if right.batch is None:  # a row in each iteration: (b' row')'
        return ca.densify(b.T @ a)
    return ca.sum1(a * b)


def _sparse(n: Node, v: ca.MX) -> ca.MX:
    pattern = n.attr
    return ca.sparsity_cast(v, ca.Sparsity(*pattern.shape, pattern.starts.tolist(), pattern.rows.tolist()))


_STRUCTURAL = {
    "sparse": _sparse,
    "gather": _gather,
    "merge": _merge,
    "stack": _stack,
    "collect": _collect,
    "fold": _fold,
    "reduce": _reduce,
    "matmul": _matmul,
    "rebatch": lambda n, v: v[:, n.attr.tolist()],
    "columns": lambda n, *v: ca.horzcat(*[ca.vec(x) for x in v]),
    "transpose": lambda n, v: (
        v.T if n.batch is None else v if len(n.args[0].shape) == 1 else v[_transposed(n.args[0].shape), :]
    ),
}


# --- entry by entry -------------------------------------------------------------------------------


def _larger(a, b):
    """max(a, b), NaN if one of them is: fmax swallows it."""
    return ca.if_else(a > b, a, ca.if_else(b >= a, b, a + b))


def _smaller(a, b):
    return ca.if_else(a < b, a, ca.if_else(b <= a, b, a + b))


def _power(a, b):
    if isinstance(b, ca.MX) and b.is_constant() and b.numel() == 1 and float(b.to_DM()) == 2.0:
        return a * a
    return a**b


def _softplus(x):
    """log(1 + exp(x)) without overflow, and with the right derivatives at 0, where |x| would have none."""
    positive, negative = ca.if_else(x >= 0, x, 0), ca.if_else(x >= 0, 0, x)
    return ca.if_else(x >= 0, x + ca.log1p(ca.exp(-positive)), ca.log1p(ca.exp(negative)))


def _huber(x, delta=1.0):
    size = ca.fabs(x)
    return ca.if_else(size <= delta, 0.5 * x * x, delta * (size - 0.5 * delta))


_ELEMENTWISE = {
    "neg": lambda a: -a,
    "not": ca.logic_not,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": _power,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "and": ca.logic_and,
    "or": ca.logic_or,
    "where": ca.if_else,
    "min2": _smaller,
    "max2": _larger,
    "abs": ca.fabs,
    "sqrt": ca.sqrt,
    "exp": ca.exp,
    "log": ca.log,
    "log1p": ca.log1p,
    "expm1": ca.expm1,
    "sin": ca.sin,
    "cos": ca.cos,
    "tan": ca.tan,
    "asin": ca.asin,
    "acos": ca.acos,
    "atan": ca.atan,
    "atan2": ca.atan2,
    "sinh": ca.sinh,
    "cosh": ca.cosh,
    "tanh": ca.tanh,
    "sign": ca.sign,
    "sigmoid": lambda x: 0.5 * ca.tanh(0.5 * x) + 0.5,
    "softplus": _softplus,
    "relu": lambda x: x * (x > 0),  # keeps NaN
    "huber": _huber,
    "smooth_abs": lambda x, eps=1e-3: ca.sqrt(x * x + eps * eps),
}


# --- functions of vectors and matrices ----------------------------------------------------------------


def _dot(n: Node, a: ca.MX, b: ca.MX) -> ca.MX:
    left, right = n.args
    if n.batch is None:
        return ca.dot(ca.vec(a), ca.vec(b))
    if left.batch is not None and right.batch is not None:
        return ca.sum1(a * b)
    one, many = (a, b) if left.batch is None else (b, a)
    return ca.vec(one).T @ many


def _columnwise(function):
    """A function of the whole array, for one value or for every column of a batch."""
    return lambda n, v: function(_flat(n.args[0], v))


def _largest(v: ca.MX) -> ca.MX:
    return _along_rows("max", v.T).T


def _softmax(v: ca.MX) -> ca.MX:
    e = ca.exp(v - ca.repmat(_largest(v), v.shape[0], 1))
    return e / ca.repmat(ca.sum1(e), v.shape[0], 1)


def _logsumexp(v: ca.MX) -> ca.MX:
    m = _largest(v)
    return m + ca.log(ca.sum1(ca.exp(v - ca.repmat(m, v.shape[0], 1))))


_FUNCTIONS = {
    "dot": _dot,
    "norm": _columnwise(lambda v: ca.sqrt(ca.sum1(v * v))),
    "norm1": _columnwise(lambda v: ca.sum1(ca.fabs(v))),
    "norminf": _columnwise(lambda v: _largest(ca.fabs(v))),
    "sumsqr": _columnwise(lambda v: ca.sum1(v * v)),
    "softmax": _columnwise(_softmax),
    "logsumexp": _columnwise(_logsumexp),
    "trace": lambda n, v: ca.trace(v),
    "diag": lambda n, v: ca.densify(ca.diag(v)),
    "vec": lambda n, v: _flat(n.args[0], v),
    "reshape": lambda n, v: v if n.batch is not None else ca.reshape(v, *_matrix(n.shape)),
    "vcat": lambda n, *v: ca.vertcat(*v),
    "hcat": lambda n, *v: ca.horzcat(*v),
    "kron": lambda n, a, b: ca.kron(a, b),
    "outer": lambda n, a, b: a @ b.T,
    "solve": lambda n, a, b: ca.solve(a, b),
    "inv": lambda n, a: ca.inv(a),
    "det": lambda n, a: ca.det(a),
}
