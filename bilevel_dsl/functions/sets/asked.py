"""What solvers ask of a constraint set, answered for each in a file of its family.

`project` is the Euclidean projection, argmin { ||u - v||_2 : u in S }, exact up to rounding: closed forms; finite active-set
iterations for sets with a sum; spectral decompositions for matrix sets. NaN in v comes out as NaN: fmin, fmax, mmax and
norm_inf swallow it and are not used. What the projection onto an empty set is, is not defined (refused earlier).

`nlp_description` has bounds and smooth rows: another description than the projection, so that what is certified does not
rest on it.

`inhabited` says whether the set has a point, as an expression of its data: they may change after the model was read. The
conditions are those under which the language refuses a set (`semantics/constraint_sets.py`); a solver that has been given
other data asks them before it starts. Only comparisons decide, which fail for NaN: a set whose data are no numbers has no
point.
"""

from __future__ import annotations

from functools import singledispatch

import casadi as ca

from ...model.problem import Problem
from ...model.sets import ConstraintSet
from ..select import all_of, any_of

Row = tuple[ca.MX, ca.MX | float, ca.MX | float]  # lb <= expression <= ub
Description = tuple[ca.MX, ca.MX, list[Row]]  # lbx <= v <= ubx (columns), and rows

FITS = 1e-8  # relative error of equations that do not contradict each other
ROUNDINGS = 2.0**11  # of the type of the numbers, which are no contradiction either: in float they exceed FITS


@singledispatch
def project(constraint_set: ConstraintSet, v: ca.MX) -> ca.MX:
    """The point of the set nearest to v, both columns of `constraint_set.size`.

    Raises:
        TypeError: no projection is known for this class of set.
    """
    raise TypeError(f"no projection onto {type(constraint_set).__name__}")


@singledispatch
def nlp_description(constraint_set: ConstraintSet, v: ca.MX) -> Description | None:
    """(lbx, ubx, [(expression of v, lb, ub), ...]) of the set, or None: it has no smooth description."""
    return None


@singledispatch
def inhabited(constraint_set: ConstraintSet) -> ca.MX:
    """1 if the set has a point, else 0.

    Raises:
        TypeError: nothing is known of this class of set.
    """
    raise TypeError(f"not known when {type(constraint_set).__name__} is empty")


def all_inhabited(problem: Problem) -> ca.MX | None:
    """1 if the set of every variable has a point, of the parameters of `problem`; None where no data can empty one.

    A set of constants was looked at when the model was read.
    """
    conditions = [inhabited(v.set) for v in problem.variables]
    changing = [c for c in conditions if ca.symvar(c)]
    return all_of(*changing) if changing else None


# --- parts of the answers -----------------------------------------------------------------------------


def without_bounds(v: ca.MX) -> tuple[ca.MX, ca.MX]:
    return column(-ca.inf, v), column(ca.inf, v)


def column(value: ca.MX | float, v: ca.MX) -> ca.MX:
    """A column as long as v, of one number or of as many."""
    value = ca.densify(ca.MX(value))
    return ca.vec(value) if value.numel() == v.numel() else ca.repmat(value, v.numel(), 1)


def everywhere(condition: ca.MX) -> ca.MX:
    return ca.sum1(ca.vec(ca.densify(condition))) == condition.numel()


def finite(v: ca.MX) -> ca.MX:
    return everywhere(ca.fabs(v) < ca.inf)


def something_between(low: ca.MX, high: ca.MX) -> ca.MX:
    return everywhere(all_of(low <= high, low < ca.inf, high > -ca.inf))


def small(error: ca.MX, size: ca.MX) -> ca.MX:
    """Whether `error` is nothing beside `size`, in the type in which it is computed: double, or float in exported C."""
    large = ROUNDINGS * size
    return any_of(error <= FITS * size, large + error <= large)
