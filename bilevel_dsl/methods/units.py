"""The way back from a scaled problem: programs and solvers that take and give the numbers of the user.

The slots `x`, `y`, `x_start`, `y_start` and the measures "upper" and "lower" of a program are in the user's numbers; every
function divides what it reads and multiplies what it writes. Executors and exported C do not know of it. Other slots and
measures, and settings, `tol` among them, are about the scaled problem.
"""

from __future__ import annotations

from dataclasses import replace

import casadi as ca
import numpy as np

from ..model.scaling import Scaling, divided, multiplied
from .outcome import Outcome
from .program import Program

SAME_NAMES = {"allow_duplicate_io_names": True}


def program_in_units(program: Program, scaling: Scaling | None) -> Program:
    """The program of a scaled problem as one of the user's."""
    if scaling is None:
        return program
    factors = {"x": scaling.x, "y": scaling.y, "x_start": scaling.x, "y_start": scaling.y}
    factors = {name: values for name, values in factors.items() if np.any(values != 1)}
    measured = {"upper": scaling.f, "lower": scaling.g}
    return replace(
        program,
        prepare=program.prepare and _wrapped(program.prepare, factors, {}),
        initial=_wrapped(program.initial, factors, factors),
        phases=tuple(replace(p, function=_wrapped(p.function, factors, factors)) for p in program.phases),
        measures=_wrapped(program.measures, factors, {k: np.array([v]) for k, v in measured.items() if v != 1}),
    )


def _wrapped(function: ca.Function, read: dict[str, np.ndarray], written: dict[str, np.ndarray]) -> ca.Function:
    """The function of slots in the user's numbers."""
    names_in, names_out = function.name_in(), function.name_out()
    if not set(names_in) & set(read) and not set(names_out) & set(written):
        return function
    kind = ca.SX if function.is_a("SXFunction") else ca.MX
    symbols = [kind.sym(name, function.sparsity_in(k)) for k, name in enumerate(names_in)]
    inner = [divided(s, read[name]) if name in read else s for name, s in zip(names_in, symbols)]
    values = function.call(inner, True, False)
    values = [multiplied(v, written[name]) if name in written else v for name, v in zip(names_out, values)]
    return ca.Function(function.name(), symbols, [ca.densify(v) for v in values], names_in, names_out, SAME_NAMES)


def outcome_in_units(outcome: Outcome, scaling: Scaling) -> Outcome:
    """What a direct method found of a scaled problem, in the user's numbers."""
    x, y = scaling.outside(outcome.x, outcome.y)
    return replace(
        outcome,
        x=x,
        y=y,
        measures=scaling.of_measures(outcome.measures),
        trace=scaling.of_measures(outcome.trace),
        bound=None if outcome.bound is None else multiplied(outcome.bound, scaling.f),
    )
