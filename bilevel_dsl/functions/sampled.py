"""Oracles of drawn samples: value and derivatives of one objective, its means over some samples in the place of all.

They take `(x, y, *p, *indices, *values)`: those parameters that are used as a whole, the drawn numbers of each mean, and
what was looked up for them. None of it is as long as the data, and so no step is.
"""

from __future__ import annotations

import casadi as ca

from .expand import expanded


def objective_of(name: str) -> str:
    """The function whose oracle this is: "f" of `grad_y_f`, "g" of `hess_xy_g_times`."""
    return name.removesuffix("_times").rpartition("_")[2]


class SampledOracles:
    """See the module.

    Attributes:
        sample: the objective over samples (`model.sampling.Sampled`).
        parameters: indices of the parameters of the problem that the oracles take.
    """

    def __init__(self, oracles, which: str, counts: tuple[int, ...]):
        problem = oracles.problem
        objective = problem.f if which == "f" else problem.g
        self.sample = objective.sampling.drawn(counts)
        expression = self.sample.expression
        used = {s.__hash__() for s in ca.symvar(expression)}
        self.parameters = [k for k, p in enumerate(problem.p) if p.__hash__() in used]
        self._which, self._oracles = which, oracles
        f, g = (expression if name == which else getattr(problem, name).expression for name in "fg")
        self._recipes = oracles.recipes_of(f, g)
        values = [lookup.values for lookup in self.sample.lookups]
        whole = [problem.p[k] for k in self.parameters]
        self._inputs = [problem.x, problem.y, *whole, *self.sample.indices, *values]
        self._cache: dict[str, ca.Function] = {}

    def function(self, name: str) -> ca.Function:
        """The Function `name`, as of `Oracles`; its last argument is the direction where that takes one.

        Raises:
            KeyError: it is no oracle of this objective.
        """
        if objective_of(name) != self._which:
            raise KeyError(name)
        if name not in self._cache:
            more = [self._oracles.direction_of(name)] if name.endswith("_times") else []
            outputs = [ca.densify(o) for o in self._recipes[name]()]
            self._cache[name] = expanded(ca.Function(f"sampled_{name}", [*self._inputs, *more], outputs))
        return self._cache[name]
