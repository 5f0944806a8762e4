"""A method applied to a problem: CasADi functions of a named state.

    prepare  : start, data, settings           -> prepared    once; may be None
    initial  : start, data, settings, prepared -> state       once
    phases   : state, data, settings, prepared -> state       the loop
    measures : state, data, settings, prepared -> numbers     after every iteration

Every function names its inputs and outputs after slots, and lists only the slots that it
reads or writes; what a phase does not write keeps its value. All slots are dense columns
of doubles. The slot `phase` holds the index of the phase to run next, so that a method
with inner loops and line searches is a small machine of straight-line phases, and the
executors know no method:

    run `initial`
    repeat: run phases[state.phase];  when that leaves state.phase == 0: an iteration is complete

Names of inputs and outputs: state and prepared slots by their own names; data slots are
`p0`, `p1`, ... (`label` holds the user's name); a setting `tol` is the input `o_tol`; the
start is `x_start`, `y_start`, not yet projected: `initial` projects. `signal` says what the
method itself found (see `Signal`). The prepared slot `inhabited`, if there is one, is 1 where the
constraint sets of both levels have points with the data that are given; else nothing is solved. An
input and an output may share a name, so the Functions are made with CasADi's `allow_duplicate_io_names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import casadi as ca
import numpy as np

from ..diagnostics import Diagnostic

INHABITED = "inhabited"  # name of a prepared slot


class Signal(IntEnum):
    NONE = 0
    CONVERGED = 1
    STALLED = 2
    DIVERGED = 3
    INFEASIBLE = 4


@dataclass(frozen=True)
class Slot:
    name: str
    size: int
    doc: str = ""  # shown in the header and README of exported C
    label: str = ""  # data slots: the name of the parameter in the model
    shape: tuple[int, ...] = ()  # data slots: as declared


@dataclass(frozen=True)
class Setting:
    """A run-time setting of a method: a double, changed without generating again; or one that is `built` in."""

    name: str
    default: float
    doc: str
    lower: float = -np.inf  # accepted range, both ends in
    upper: float = np.inf
    integer: bool = False
    choices: tuple[str, ...] = ()  # names for the values 0, 1, ...
    built: bool = False  # a number of samples in a batch, or a choice: known when the program is made, no setting of that


@dataclass(frozen=True, eq=False)
class Phase:
    name: str
    function: ca.Function
    oracles: Mapping[str, int] = field(default_factory=dict)  # calls of each by name, as the method writes them; `samples`


@dataclass(frozen=True, eq=False)
class Program:
    """Slots and functions of one method on one problem; all that an executor needs."""

    method: str
    problem_name: str
    state: tuple[Slot, ...]  # contains `x`, `y` (the current answer), `phase`, `signal`
    data: tuple[Slot, ...]  # one per parameter of the problem, same names
    data_values: tuple[np.ndarray, ...]
    settings: tuple[Setting, ...]  # contains `tol` and `max_iter`
    prepared: tuple[Slot, ...]
    prepare: ca.Function | None
    initial: ca.Function
    phases: tuple[Phase, ...]
    measures: ca.Function  # one scalar output per measure, named
    tolerances: dict[str, str] = field(default_factory=dict)
    # measure -> setting: converged when every listed measure is <= its setting (NaN fails)
    remarks: tuple[Diagnostic, ...] = ()  # warnings of the method about the problem

    @property
    def measure_names(self) -> tuple[str, ...]:
        return tuple(self.measures.name_out())
