"""The CasADi functions of a problem, public and by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import casadi as ca

from ..model.problem import Problem
from .oracles import Oracles


class Functions(Mapping[str, ca.Function]):
    """Name -> `casadi.Function` of (x, y, *data), made when asked for.

    x and y are the columns of all upper and all lower variables, matrices flattened by columns; data are
    the parameters that the model uses, `data` their values. f and g are minimised: an objective to be
    maximised is negated. Names are operator, variables, function: `grad_y_g`, `hess_yy_g`, `hess_xy_g`;
    `c` and `h` are the constraints of the upper and the lower level (<= 0 or == 0), `report` one column
    for each entry of the report. Those that end in `_times` take a direction as their last argument.
    `project_x` and `project_y` take (v, *data) and give the nearest point of the constraint set.
    """

    def __init__(self, problem: Problem):
        self._oracles = Oracles(problem)

    @cached_property
    def data(self) -> tuple[ca.DM, ...]:
        return tuple(self._oracles.problem.matrices)

    def __getitem__(self, name: str) -> ca.Function:
        if name in ("project_x", "project_y"):
            return self._projection(name)
        if name not in self._oracles.recipes:
            raise KeyError(f"there is no function `{name}`; there are: {', '.join(self)}")
        return self._oracles.function(name)

    def _projection(self, name: str) -> ca.Function:
        oracles = self._oracles
        v = ca.MX.sym("v", oracles.nx if name == "project_x" else oracles.ny)
        p = list(oracles.problem.p)
        return ca.Function(name, [v, *p], [getattr(oracles, name)(v, p)])

    def __iter__(self) -> Iterator[str]:
        yield from self._oracles.recipes
        yield from ("project_x", "project_y")

    def __len__(self) -> int:
        return sum(1 for _ in self)
