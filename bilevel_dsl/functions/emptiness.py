"""Whether a constraint set has a point, as an expression of its data: they may change after the model was read.

The conditions are those under which the language refuses a set (`semantics/sets.py`); here a solver that has been
given other data asks them before it starts. Only comparisons decide, which fail for NaN: a set whose data
are no numbers has no point. fmin, fmax, mmax and norm_inf would swallow NaN.
"""

from __future__ import annotations

from functools import singledispatch

import casadi as ca

from ..model import sets
from ..model.problem import Problem
from .projections import project
from .select import all_of, any_of, norm

FITS = 1e-8  # relative error of equations that do not contradict each other
ROUNDINGS = 2.0**11  # of the type of the numbers, which are no contradiction either: in float they exceed FITS


def all_inhabited(problem: Problem) -> ca.MX | None:
    """1 if the set of every variable has a point, of the parameters of `problem`; None where no data can empty one.

    A set of constants was looked at when the model was read.
    """
    conditions = [inhabited(v.set) for v in problem.variables]
    changing = [c for c in conditions if ca.symvar(c)]
    return all_of(*changing) if changing else None


@singledispatch
def inhabited(constraint_set: sets.ConstraintSet) -> ca.MX:
    """1 if the set has a point, else 0.

    Raises:
        TypeError: nothing is known of this class of set.
    """
    raise TypeError(f"not known when {type(constraint_set).__name__} is empty")


@inhabited.register(sets.Free)
@inhabited.register(sets.SecondOrderCone)
@inhabited.register(sets.Psd)
def _(constraint_set: sets.ConstraintSet) -> ca.MX:
    return ca.MX(1)


@inhabited.register(sets.Box)
@inhabited.register(sets.Spectral)
def _(constraint_set: sets.Box | sets.Spectral) -> ca.MX:
    low, high = constraint_set.lower, constraint_set.upper
    return _everywhere(all_of(low <= high, low < ca.inf, high > -ca.inf))


@inhabited.register
def _(constraint_set: sets.Simplex) -> ca.MX:
    return all_of(constraint_set.total >= 0, constraint_set.total < ca.inf)


@inhabited.register
def _(constraint_set: sets.CappedSimplex) -> ca.MX:
    return all_of(constraint_set.k >= 0, constraint_set.k <= constraint_set.size)


@inhabited.register(sets.Ball)
@inhabited.register(sets.LinfBall)
def _(constraint_set: sets.Ball | sets.LinfBall) -> ca.MX:
    return all_of(constraint_set.radius >= 0, _finite(constraint_set.center), _finite(constraint_set.radius))


@inhabited.register
def _(constraint_set: sets.L1Ball) -> ca.MX:
    return all_of(constraint_set.radius >= 0, _finite(constraint_set.radius))


@inhabited.register
def _(constraint_set: sets.Halfspace) -> ca.MX:
    a, b = constraint_set.a, constraint_set.b
    return all_of(_finite(a), _finite(b), any_of(_somewhere(a != 0), b >= 0))


@inhabited.register
def _(constraint_set: sets.Hyperplane) -> ca.MX:
    a, b = constraint_set.a, constraint_set.b
    return all_of(_finite(a), _finite(b), any_of(_somewhere(a != 0), b == 0))


@inhabited.register
def _(constraint_set: sets.Affine) -> ca.MX:
    # the projection drops rows that depend on others: whether their right-hand sides fit is seen at its value
    A, b = constraint_set.A, constraint_set.b
    nearest = project(constraint_set, ca.MX.zeros(constraint_set.size))
    return all_of(_finite(A), _finite(b), _small(norm(A @ nearest - b), 1 + norm(b)))


@inhabited.register
def _(constraint_set: sets.Intersection) -> ca.MX:
    # the joint projection gives a point of both wherever there is one
    point = project(constraint_set, ca.MX.zeros(constraint_set.size))
    away = norm(project(constraint_set.first, point) - point)
    return all_of(inhabited(constraint_set.first), inhabited(constraint_set.second), _small(away, 1 + norm(point)))


@inhabited.register
def _(constraint_set: sets.Product) -> ca.MX:
    return all_of(ca.MX(1), *map(inhabited, constraint_set.factors))


# --- the pieces -----------------------------------------------------------------------------------


def _everywhere(condition: ca.MX) -> ca.MX:
    return ca.sum1(ca.vec(ca.densify(condition))) == condition.numel()


def _somewhere(condition: ca.MX) -> ca.MX:
    return ca.sum1(ca.vec(ca.densify(condition))) > 0


def _finite(v: ca.MX) -> ca.MX:
    return _everywhere(ca.fabs(v) < ca.inf)


def _small(error: ca.MX, size: ca.MX) -> ca.MX:
    """Whether `error` is nothing beside `size`, in the type in which it is computed: double, or float in exported C."""
    large = ROUNDINGS * size
    return any_of(error <= FITS * size, large + error <= large)
