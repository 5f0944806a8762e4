"""What a method may ask of a problem: objectives, derivatives, constraints, projections.

`Oracles` makes CasADi Functions on demand, each named for what it computes: operator,
variables, function (`grad_y_g`, `hess_yy_g`). All take `(x, y, *p)`, columns in the order of
the problem, and return dense columns or matrices. f and g are minimised: a maximised
objective is negated before it comes here.
"""

from __future__ import annotations

from functools import cached_property

import casadi as ca

from ..model.bounds import with_bounds
from ..model.problem import Constraint, Problem
from ..model.sets import Box, Free, LinfBall, Product
from .expand import expanded
from .sampled import SampledOracles
from .sets import project


class Oracles:
    def __init__(self, problem: Problem, recognise: bool = True):
        """`recognise`: constraints that are only bounds become boxes."""
        self.written = problem
        self.problem = problem = with_bounds(problem) if recognise else problem
        self.nx = problem.x.numel()
        self.ny = problem.y.numel()
        self.x_set = _product(problem.upper_variables)
        self.y_set = _product(problem.lower_variables)
        self._cache: dict[str, ca.Function] = {}
        self._sampled: dict[tuple[str, tuple[int, ...]], SampledOracles] = {}

    # --- functions by name -------------------------------------------------------------

    def function(self, name: str) -> ca.Function:
        """The Function `name`; the names are the keys of `recipes`.

        Raises:
            KeyError: no recipe of that name.
        """
        if name not in self._cache:
            problem = self.problem
            inputs = [problem.x, problem.y, *problem.p]
            if name.endswith("_times"):
                inputs.append(self.weights if name == "grad_h_times" else self.direction_of(name))
            outputs = [ca.densify(o) for o in self.recipes[name]()]
            self._cache[name] = expanded(ca.Function(name, inputs, outputs))
        return self._cache[name]

    @cached_property
    def direction(self) -> ca.MX:
        """What the functions named `..._times` multiply, their last argument: of the size of y."""
        return ca.MX.sym("direction", self.ny)

    @cached_property
    def upper_direction(self) -> ca.MX:
        """What `hess_yx_g_times` multiplies: of the size of x."""
        return ca.MX.sym("direction", self.nx)

    def direction_of(self, name: str) -> ca.MX:
        return self.upper_direction if name == "hess_yx_g_times" else self.direction

    @cached_property
    def weights(self) -> ca.MX:
        """A weight for each row of h, what `grad_h_times` multiplies: multipliers."""
        return ca.MX.sym("weights", len(self.lower_equalities))

    def sampled(self, which: str, counts: tuple[int, ...]) -> SampledOracles:
        """Value and derivatives of "f" or "g" over `counts[k]` drawn samples of its mean number k."""
        if (which, counts) not in self._sampled:
            self._sampled[which, counts] = SampledOracles(self, which, counts)
        return self._sampled[which, counts]

    @cached_property
    def recipes(self):
        """Name -> outputs as expressions of (x, y, p)."""
        return self.recipes_of(self.problem.f.expression, self.problem.g.expression)

    def recipes_of(self, f: ca.MX, g: ca.MX):
        """The same for other objectives of x and y."""
        x, y = self.problem.x, self.problem.y
        grad = ca.gradient
        return {
            "f": lambda: [f],
            "g": lambda: [g],
            "grad_x_f": lambda: [grad(f, x)],
            "grad_y_f": lambda: [grad(f, y)],
            "grad_x_g": lambda: [grad(g, x)],
            "grad_y_g": lambda: [grad(g, y)],
            "f_grad_y_f": lambda: [f, grad(f, y)],
            "g_grad_y_g": lambda: [g, grad(g, y)],
            "grad_f": lambda: [grad(f, x), grad(f, y)],
            "grad_g": lambda: [grad(g, x), grad(g, y)],
            "hess_yy_g": lambda: [ca.hessian(g, y)[0]],
            "hess_yy_g_times": lambda: [ca.jtimes(grad(g, y), y, self.direction)],
            "hess_xy_g_times": lambda: [grad(ca.dot(grad(g, y), self.direction), x)],
            "hess_yx_g_times": lambda: [ca.jtimes(grad(g, y), x, self.upper_direction)],
            "hess_xy_g": lambda: [ca.jacobian(grad(g, y), x).T],
            "h": lambda: [self._rows(self.problem.lower_constraints)],
            "grad_h_times": lambda: [grad(ca.dot(self.recipes["h"]()[0], self.weights), v) for v in (x, y)],
            "c": lambda: [self._rows(self.problem.upper_constraints)],
            "grad_duals_f": lambda: [ca.vertcat(*[ca.vec(grad(f, d.symbol)) for d in self.problem.used_duals])],
            "jac_duals_c": lambda: [
                ca.horzcat(*[ca.jacobian(self.recipes["c"]()[0], d.symbol) for d in self.problem.used_duals])
            ],
            "jac_y_h": lambda: [ca.jacobian(self.recipes["h"]()[0], y)],
            "jac_c": lambda: [ca.jacobian(self.recipes["c"]()[0], v) for v in (x, y)],
            "report": lambda: [ca.vec(r.expression) for r in self.problem.report],
        }

    def _rows(self, constraints: tuple[Constraint, ...]) -> ca.MX:
        return ca.vertcat(*[ca.vec(c.expression) for c in constraints]) if constraints else ca.MX(0, 1)

    # --- constraints -------------------------------------------------------------------

    @cached_property
    def lower_equalities(self) -> list[bool]:
        """For each row of h: is it an equality?"""
        return _equalities(self.problem.lower_constraints)

    @cached_property
    def upper_equalities(self) -> list[bool]:
        return _equalities(self.problem.upper_constraints)

    # --- projections -------------------------------------------------------------------

    def project_x(self, v: ca.MX, p: list[ca.MX]) -> ca.MX:
        """P_X(v); `p` are the caller's symbols of the parameters."""
        return self._project("project_x", self.x_set, v, p)

    def project_y(self, v: ca.MX, p: list[ca.MX]) -> ca.MX:
        return self._project("project_y", self.y_set, v, p)

    def _project(self, name: str, constraint_set: Product, v: ca.MX, p: list[ca.MX]) -> ca.MX:
        if all(isinstance(factor, Free) for factor in constraint_set.factors):
            return v
        if name not in self._cache:
            point = ca.MX.sym("v", constraint_set.size)
            projected = ca.densify(project(constraint_set, point))
            self._cache[name] = ca.Function(name, [point, *self.problem.p], [projected])
        return self._cache[name](v, *p)

    @property
    def is_x_free(self) -> bool:
        return all(isinstance(factor, Free) for factor in self.x_set.factors)

    @property
    def is_x_separable(self) -> bool:
        """X is a product of intervals."""
        return all(isinstance(factor, (Free, Box, LinfBall)) for factor in self.x_set.factors)

    @property
    def is_y_separable(self) -> bool:
        return all(isinstance(factor, (Free, Box, LinfBall)) for factor in self.y_set.factors)

    @property
    def is_y_free(self) -> bool:
        return all(isinstance(factor, Free) for factor in self.y_set.factors)


def _product(variables) -> Product:
    return Product(sum(v.size for v in variables), tuple(v.set for v in variables))


def _equalities(constraints: tuple[Constraint, ...]) -> list[bool]:
    return [c.kind == "eq" for c in constraints for _ in range(c.expression.numel())]
