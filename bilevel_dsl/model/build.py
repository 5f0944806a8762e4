"""A checked model as mathematics: a problem of CasADi expressions."""

from __future__ import annotations

import casadi as ca
import numpy as np

from ..semantics.checked import Checked, CheckedConstraint, CheckedParam, CheckedVar
from ..semantics.nodes.ir import Dim
from .layout import matrix_shape
from .problem import Constraint, Dual, Index, Named, Objective, Parameter, Problem, Reference, Variable
from .sampling import Sampling
from .sets import made
from .translation import Translation


def build(checked: Checked) -> Problem:
    """The problem of a checked model. Parameters that no expression uses are left out."""
    upper, lower = (
        ca.MX.sym(name, sum(_size(v) for v in variables))
        for name, variables in (("x", checked.upper_variables), ("y", checked.lower_variables))
    )
    blocks = {**_blocks(upper, checked.upper_variables), **_blocks(lower, checked.lower_variables)}
    data = {p.name: ca.MX.sym(p.name, *matrix_shape(p.shape)) for p in checked.params}
    duals = _duals(checked)
    symbols = {**blocks, **data, **{_dual_name(d): d.symbol for d in duals if d.symbol is not None}}
    translate = Translation(symbols)
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
        Objective(f.sense * translate(f.node), f.sense, f.span, Sampling(((f.sense, f.node),), symbols, Translation)),
        Objective(lower_sum, sense, g[0].span, Sampling(tuple((o.sense, o.node) for o in g), symbols, Translation)),
        _constraints(checked.upper_constraints, translate),
        _constraints(checked.lower_constraints, translate),
        tuple(_parameter(p, data[p.name]) for p in checked.params if p.name in used),
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


def _blocks(whole: ca.MX, variables: tuple[CheckedVar, ...]) -> dict[str, ca.MX]:
    ends = np.cumsum([0, *(_size(v) for v in variables)])
    parts = ca.vertsplit(whole, ends.tolist()) if variables else []
    return {v.name: ca.reshape(part, *matrix_shape(v.shape)) for v, part in zip(variables, parts)}


def _variables(variables: tuple[CheckedVar, ...], blocks: dict[str, ca.MX], translate) -> tuple[Variable, ...]:
    offsets = np.cumsum([0, *(_size(v) for v in variables)])
    return tuple(
        Variable(
            v.name,
            v.level,
            v.shape,
            blocks[v.name],
            int(offset),
            made(v.set.kind, v.shape, [ca.densify(translate(a)) for a in v.set.args]),
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
        symbol = ca.MX.sym(f"dual({d.name})", *matrix_shape(d.shape)) if d.used else None
        all_rows, all_places, all_signs = (np.concatenate(v).astype(int) for v in (rows, places, signs))
        found.append(
            Dual(
                d.name,
                d.shape,
                d.span,
                all_rows,
                all_places,
                all_signs,
                d.side,
                symbol,
                _index(d.dims),
            )
        )
    return tuple(found)


def _dual_name(d: Dual) -> str:
    return f"dual({d.name})"


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
