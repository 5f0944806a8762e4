"""Bounds written as constraints: `x[1] - 10 <= 0` is a box, and boxes are cheaper and more exact than rows.

A row is a bound if it is affine in one entry of a variable of its own level, uses no other variable, and
its coefficient is a number; the constant term may depend on parameters. All of this is read off the expression graph
(sparsity and linearity by propagation), never tried out at points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import casadi as ca
import numpy as np

from .problem import Constraint, Problem, Variable
from .sets import Box, Free, LinfBall

LARGEST = 20_000  # rows of one constraint that are looked at
KEPT = 4  # problems


@dataclass(frozen=True, eq=False)
class Bound:
    """Row `row` of `constraint` says: entry `entry` of `variable` is at least, at most or equal to `value`."""

    constraint: Constraint
    row: int
    variable: Variable
    entry: int  # of the flattened variable
    side: str  # "lower" | "upper" | "equal"
    value: ca.MX  # scalar, of parameters


@lru_cache(maxsize=KEPT)
def recognised(problem: Problem) -> tuple[Bound, ...]:
    """All bounds among the constraints, on variables that are free or in a box."""
    found = []
    for level, constraints in (("upper", problem.upper_constraints), ("lower", problem.lower_constraints)):
        for constraint in constraints:
            if constraint.expression.numel() <= LARGEST:
                found += _of(problem, level, constraint)
    return tuple(found)


@lru_cache(maxsize=KEPT)
def with_bounds(problem: Problem) -> Problem:
    """The same problem with recognised bounds as boxes instead of rows; the last few are kept, each method asks for it.

    Bounds that leave a variable no value, given the data of the problem, remain rows: what is
    infeasible is for the solver to say.
    """
    if problem.used_duals:  # rows whose multipliers are asked for stay rows
        return problem
    bounds = _consistent(problem, recognised(problem))
    if not bounds:
        return problem
    gone: dict[int, set[int]] = {}
    for bound in bounds:
        gone.setdefault(id(bound.constraint), set()).add(bound.row)
    return replace(
        problem,
        upper_variables=tuple(_narrowed(v, bounds) for v in problem.upper_variables),
        lower_variables=tuple(_narrowed(v, bounds) for v in problem.lower_variables),
        upper_constraints=_remaining(problem.upper_constraints, gone),
        lower_constraints=_remaining(problem.lower_constraints, gone),
    )


def _of(problem: Problem, level: str, constraint: Constraint) -> list[Bound]:
    variables = problem.upper_variables if level == "upper" else problem.lower_variables
    first = 0 if level == "upper" else problem.x.numel()
    rows = ca.densify(ca.vec(constraint.expression))
    point, data = ca.veccat(problem.x, problem.y), ca.veccat(*problem.p)
    nonlinear = ca.which_depends(rows, point, 2, True)
    jacobian = ca.jacobian(rows, point)
    in_row: dict[int, list[tuple[int, int]]] = {}  # row -> (column, index of the nonzero)
    for k, (i, j) in enumerate(zip(*jacobian.sparsity().get_triplet())):
        in_row.setdefault(i, []).append((j, k))
    single = {i: places[0] for i, places in in_row.items() if len(places) == 1 and not nonlinear[i]}
    if not single:
        return []

    slopes = ca.vertcat(*jacobian.nz)
    by_data = ca.which_depends(slopes, data, 1, True) if problem.p else [False] * jacobian.nnz()
    affine = ca.Function("affine", [problem.x, problem.y, *problem.p], [rows, slopes])
    zero = [ca.DM.zeros(v.shape) for v in (problem.x, problem.y)]
    coefficients = np.array(affine.call([*zero, *(ca.DM.zeros(s.shape) for s in problem.p)])[1]).ravel()
    constants = affine.call([*map(ca.MX, zero), *problem.p])[0]
    found = []
    for i, (column, k) in single.items():
        owner, a = _owner(variables, column - first), coefficients[k]
        if owner is None or by_data[k] or not np.isfinite(a) or a == 0:
            continue
        side = "equal" if constraint.kind == "eq" else "upper" if a > 0 else "lower"
        found.append(Bound(constraint, i, owner, column - first - owner.offset, side, _folded(-constants[i] / a)))
    return found


def _owner(variables: tuple[Variable, ...], place: int) -> Variable | None:
    """The variable with entry `place` of its level, if it may take bounds."""
    owners = [v for v in variables if v.offset <= place < v.offset + v.size]
    return owners[0] if owners and isinstance(owners[0].set, (Free, Box, LinfBall)) else None


def _consistent(problem: Problem, bounds: tuple[Bound, ...]) -> list[Bound]:
    """The bounds on those entries that have a finite value left."""
    kept = []
    for variable in problem.variables:
        own = [b for b in bounds if b.variable is variable]
        if not own:
            continue
        box = _narrowed(variable, own).set
        limits = ca.Function("limits", [*problem.p], [box.lower, box.upper, ca.vertcat(*[b.value for b in own])])
        data = problem.matrices
        low, high, values = (np.array(v).ravel() for v in limits.call(data))
        kept += [b for b, v in zip(own, values) if np.isfinite(v) and low[b.entry] <= high[b.entry]]
    return kept


def _narrowed(variable: Variable, bounds) -> Variable:
    own = [b for b in bounds if b.variable is variable]
    if not own:
        return variable
    lows, highs = (ca.vertsplit(v) for v in limits(variable))
    for bound in own:
        if bound.side in ("lower", "equal"):
            lows[bound.entry] = _larger(lows[bound.entry], bound.value)
        if bound.side in ("upper", "equal"):
            highs[bound.entry] = _smaller(highs[bound.entry], bound.value)
    return replace(variable, set=Box(variable.size, _folded(ca.vertcat(*lows)), _folded(ca.vertcat(*highs))))


def _larger(a: ca.MX, b: ca.MX) -> ca.MX:
    """max(a, b), NaN if one of them is: fmax would take a bound that is no number for none."""
    return ca.if_else(a > b, a, ca.if_else(b >= a, b, a + b))


def _smaller(a: ca.MX, b: ca.MX) -> ca.MX:
    return ca.if_else(a < b, a, ca.if_else(b <= a, b, a + b))


def _folded(value: ca.MX) -> ca.MX:
    """A constant instead of an expression of constants."""
    return value if ca.symvar(value) else ca.MX(ca.evalf(value))


def limits(variable: Variable) -> tuple[ca.MX, ca.MX]:
    """Lower and upper bounds as dense columns."""
    n, own = variable.size, variable.set
    if isinstance(own, Free):
        pair = ca.MX(-ca.inf), ca.MX(ca.inf)
    elif isinstance(own, LinfBall):
        pair = own.center - own.radius, own.center + own.radius
    else:
        pair = own.lower, own.upper
    low, high = (ca.densify(ca.vec(ca.MX(v))) for v in pair)
    return tuple(v if v.numel() == n else ca.repmat(v, n, 1) for v in (low, high))


def _remaining(constraints: tuple[Constraint, ...], gone: dict[int, set[int]]) -> tuple[Constraint, ...]:
    left = []
    for constraint in constraints:
        rows = [i for i in range(constraint.expression.numel()) if i not in gone.get(id(constraint), ())]
        if len(rows) == constraint.expression.numel():
            left.append(constraint)
        elif rows:
            left.append(constraint.only(rows))
    return tuple(left)
