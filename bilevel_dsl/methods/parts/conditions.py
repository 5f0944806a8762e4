"""The optimality conditions of the lower level, with those of the leader's rows, as functions of one vector."""

from __future__ import annotations

import casadi as ca
import numpy as np

from ...functions.oracles import Oracles, expanded
from ...functions.select import all_of, clip, either, norm
from ...functions.sets import nlp_description
from ...model.problem import Problem
from . import multipliers

DENSE_UNKNOWNS = 100  # up to which dense Newton systems are quicker than sparse ones, and worth a C compiler


def count_unknowns(problem: Problem) -> int:
    """Of the conditions, at most: upper variables, three for each lower one, two for each row."""
    rows = sum(c.expression.numel() for c in problem.upper_constraints + problem.lower_constraints)
    return problem.x.numel() + 3 * problem.y.numel() + 2 * rows


class Conditions:
    """The conditions as functions of u = (x, y, s, mu, multipliers of bounds, nu), data and penalties.

    s and mu belong to the inequalities of the lower level, nu to its equalities. Rows are in the order: lower
    inequalities, lower equalities, upper rows.
    """

    def __init__(self, oracles: Oracles):
        self.oracles = oracles
        self.problem = problem = oracles.problem
        self.x_limits, upper_rows = described(problem, "upper")
        self.y_limits, lower_rows = described(problem, "lower")
        self.inequalities = [e for e, equal in lower_rows if not equal]
        self.lower_equalities = [e for e, equal in lower_rows if equal]
        self.upper_rows = upper_rows
        sizes = [
            sum(e.numel() for e in rows) for rows in (self.inequalities, self.lower_equalities, [e for e, _ in upper_rows])
        ]
        self.n_in, self.n_eq, self.n_up = sizes
        self.n_rows = sum(sizes)
        self.at_low, self.at_high = _finite(self.y_limits[0], -np.inf), _finite(self.y_limits[1], np.inf)
        nx, ny = oracles.nx, oracles.ny
        self.n_pairs = self.n_in + len(self.at_low) + len(self.at_high)
        self.size = nx + ny + self.n_in + self.n_pairs + self.n_eq
        self.equalities = [True] * (ny + self.n_in + self.n_eq) + [
            equal for e, equal in upper_rows for _ in range(e.numel())
        ]
        self._functions: dict[str, ca.Function] = {}

    def _split(self, u: ca.MX) -> list[ca.MX]:
        sizes = [self.oracles.nx, self.oracles.ny, self.n_in, self.n_in, len(self.at_low), len(self.at_high), self.n_eq]
        return ca.vertsplit(u, [0, *np.cumsum(sizes).tolist()])

    def _made(self, name: str, make) -> ca.Function:
        if name not in self._functions:
            self._functions[name] = expanded(make())
        return self._functions[name]

    def _rows(self) -> ca.MX:
        rows = self.inequalities + self.lower_equalities + [e for e, _ in self.upper_rows]
        return ca.densify(ca.vertcat(*rows)) if rows else ca.MX(0, 1)

    def limits(self) -> ca.Function:
        """(branch, p) -> bounds on u. A branch holds one of each pair, slack or multiplier, at zero."""

        def make():
            branch = ca.MX.sym("branch", self.n_pairs)
            rows, at_low, at_high = self._by_pairs(branch > 0)
            y_low, y_high = (ca.densify(v) for v in self.y_limits)
            ny = y_low.numel()
            y_limits = (
                ca.if_else(_placed(at_high, self.at_high, ny) > 0, y_high, y_low),
                ca.if_else(_placed(at_low, self.at_low, ny) > 0, y_low, y_high),
            )
            free = ca.MX(ca.DM([np.inf] * self.n_eq))
            low = ca.vertcat(self.x_limits[0], y_limits[0], ca.MX.zeros(self.n_in + self.n_pairs), -free)
            high = ca.vertcat(
                self.x_limits[1], y_limits[1], ca.if_else(rows, 0, ca.inf), ca.if_else(branch < 0, 0, ca.inf), free
            )
            return ca.Function("limits", [branch, *self.problem.p], [ca.densify(low), ca.densify(high)])

        return self._made("limits", make)

    def branches(self) -> ca.Function:
        """(u, gradient of the merit function, branch, tol, p) -> the next branch, and does it promise descent?

        An open pair is held by its smaller member. A held member whose partner is zero too is let go, and
        the partner held, if the merit function falls along it.
        """

        def make():
            u, gradient = ca.MX.sym("u", self.size), ca.MX.sym("gradient", self.size)
            branch, tol = ca.MX.sym("branch", self.n_pairs), ca.MX.sym("tol")
            _, y, s, *mu, _ = self._split(u)
            _, by_y, by_s, *by_mu, _ = self._split(gradient)
            low, high = self.y_limits
            mu, by_mu = ca.vertcat(*mu), ca.vertcat(*by_mu)
            slack = ca.vertcat(s, _taken(y - low, self.at_low), _taken(high - y, self.at_high))
            by_slack = ca.vertcat(by_s, _taken(by_y, self.at_low), _taken(-by_y, self.at_high))
            release_mu = ca.logic_and(branch < 0, ca.logic_and(slack <= 1e-7, by_mu < -10 * tol))
            release_slack = ca.logic_and(branch > 0, ca.logic_and(mu <= 1e-7, by_slack < -10 * tol))
            opened = ca.if_else(mu < slack, -1, ca.MX.ones(self.n_pairs, 1))
            held = ca.if_else(release_mu, 1, ca.if_else(release_slack, -1, branch))
            better = ca.sum1(ca.logic_or(release_mu, release_slack)) > 0 if self.n_pairs else ca.MX(0)
            return ca.Function(
                "branches",
                [u, gradient, branch, tol, *self.problem.p],
                [ca.densify(ca.if_else(branch == 0, opened, held)), better],
            )

        return self._made("branches", make)

    def _by_pairs(self, values: ca.MX) -> list[ca.MX]:
        return ca.vertsplit(values, [0, self.n_in, self.n_in + len(self.at_low), self.n_pairs])

    def start(self) -> ca.Function:
        """(x, y, p) -> the first u, and the scales that make all gradients there at most one."""

        def make():
            problem = self.problem
            point = ca.veccat(problem.x, problem.y)
            p = list(problem.p)
            f_slope = ca.gradient(problem.f.expression, point)
            g_slope = ca.gradient(problem.g.expression, problem.y)
            rows = self._rows()
            slopes = ca.jacobian(rows, point)
            lengths = ca.densify(ca.sqrt(ca.sum2(slopes * slopes))) if self.n_rows else ca.MX(0, 1)
            scale = ca.vertcat(
                1 / _bounded(norm(f_slope)),
                1 / _bounded(norm(g_slope)),
                ca.if_else(all_of(lengths > 1, lengths < 1e10), 1 / lengths, ca.MX.ones(lengths.shape)),
            )
            local = ca.Function("local", [problem.x, problem.y, *p], [ca.densify(scale), rows])
            x, y = ca.MX.sym("x", self.oracles.nx), ca.MX.sym("y", self.oracles.ny)
            x_in, y_in = clip(x, *self.x_limits), clip(y, *self.y_limits)
            scale, rows = local(x_in, y_in, *p)
            h = ca.vertsplit(scale[2:] * rows, [0, self.n_in, self.n_rows])[0]
            s = ca.if_else(h < 0, -h, 0 * h)
            u = ca.vertcat(x_in, y_in, s, ca.MX(ca.DM([0.1] * self.n_pairs)), ca.MX.zeros(self.n_eq))
            return ca.Function("start", [x, y, *p], [ca.densify(u), scale])

        return self._made("start", make)

    def _expressions(self):
        """Symbols, merit function, rows (all scaled) and complementarity."""
        problem = self.problem
        u, eta = ca.MX.sym("u", self.size), ca.MX.sym("eta", len(self.equalities))
        rho, gamma, scale = ca.MX.sym("rho"), ca.MX.sym("gamma"), ca.MX.sym("scale", 2 + self.n_rows)
        x, y, s, mu, mu_low, mu_high, nu = self._split(u)
        p = self._with_duals(u, scale)
        rows_at = ca.Function("rows", [problem.x, problem.y, *problem.p], [self._rows()])
        rows = scale[2:] * rows_at(x, y, *p)
        h, e, c = ca.vertsplit(rows, [0, self.n_in, self.n_in + self.n_eq, self.n_rows])

        lagrangian = scale[1] * problem.g.expression
        weights = ca.MX.sym("weights", self.n_in + self.n_eq)
        if self.n_in + self.n_eq:
            lagrangian = lagrangian + ca.dot(weights, self._rows()[: self.n_in + self.n_eq])
        slope = ca.Function(
            "slope", [problem.x, problem.y, weights, scale, *problem.p], [ca.densify(ca.gradient(lagrangian, problem.y))]
        )
        dual = scale[2 : 2 + self.n_in + self.n_eq] * ca.vertcat(mu, nu)
        stationary = slope(x, y, dual, scale, *problem.p)
        stationary -= _placed(mu_low, self.at_low, y.numel())
        stationary += _placed(mu_high, self.at_high, y.numel())

        low, high = self.y_limits
        gap = ca.dot(mu, s) + ca.dot(mu_low, _taken(y - low, self.at_low)) + ca.dot(mu_high, _taken(high - y, self.at_high))
        residual = ca.vertcat(stationary, h + s, e, c)
        objective = ca.Function("objective", [problem.x, problem.y, *problem.p], [problem.f.expression])
        merit = scale[0] * objective(x, y, *p) + gamma * gap
        if self.equalities:
            merit = merit + multipliers.term(residual, eta, rho, self.equalities)
        return [u, eta, rho, gamma, scale, *problem.p], merit, ca.densify(residual), gap

    def _with_duals(self, u: ca.MX, scale: ca.MX) -> list[ca.MX]:
        """The parameters, with the multipliers of u in the place of those that stand for `dual(...)`."""
        problem = self.problem
        if not problem.used_duals:
            return list(problem.p)
        _, y, _, mu, mu_low, mu_high, nu = self._split(u)
        n = self.n_in + self.n_eq
        rows = scale[2 : 2 + n] * ca.vertcat(mu, nu) / scale[1]  # unscaled, inequalities first
        multipliers_of = {
            "": ca.MX(ca.DM(self._order())) @ rows,
            "lower": _placed(mu_low, self.at_low, y.numel()) / scale[1],
            "upper": _placed(mu_high, self.at_high, y.numel()) / scale[1],
        }
        multipliers = [
            ca.reshape(ca.MX(ca.DM(d.matrix(multipliers_of[d.bounds].numel()))) @ multipliers_of[d.bounds], d.symbol.shape)
            for d in problem.used_duals
        ]
        return [*problem.p[: len(problem.parameters)], *multipliers]

    def _order(self) -> np.ndarray:
        """From the rows, inequalities first, to the constraints of the lower level as they are written."""
        kinds = [c.kind == "eq" for c in self.problem.lower_constraints for _ in range(c.expression.numel())]
        equal = self.n_in + self.n_eq - sum(kinds)  # where the equalities among them begin
        inequal = self.n_in - (len(kinds) - sum(kinds))
        found = np.zeros((len(kinds), self.n_in + self.n_eq))
        for row, is_equal in enumerate(kinds):
            found[row, equal if is_equal else inequal] = 1
            equal, inequal = equal + is_equal, inequal + (not is_equal)
        return found

    def duals(self) -> ca.Function:
        """(u, scale, p) -> the multipliers that stand for `dual(...)` in upper expressions, in their order."""

        def make():
            u, scale = ca.MX.sym("u", self.size), ca.MX.sym("scale", 2 + self.n_rows)
            p = self._with_duals(u, scale)
            values = [ca.vec(ca.densify(v)) for v in p[len(self.problem.parameters) :]]
            return ca.Function("duals", [u, scale, *self.problem.p], values)

        return self._made("duals", make)

    def merit(self) -> ca.Function:
        def make():
            inputs, merit, _, _ = self._expressions()
            return ca.Function("merit", inputs, [merit])

        return self._made("merit", make)

    def merit_derivatives(self) -> ca.Function:
        def make():
            inputs, merit, _, _ = self._expressions()
            hessian, gradient = ca.hessian(merit, inputs[0])
            return ca.Function("merit_derivatives", inputs, [merit, ca.densify(gradient), ca.densify(hessian)])

        return self._made("merit_derivatives", make)

    def residuals(self) -> ca.Function:
        def make():
            inputs, _, residual, gap = self._expressions()
            return ca.Function("residuals", inputs, [residual, gap])

        return self._made("residuals", make)


def described(problem, level: str):
    """Bounds on the variables of a level, and its rows as (expression, is it an equality): <= 0 or == 0."""
    variables = problem.upper_variables if level == "upper" else problem.lower_variables
    constraints = problem.upper_constraints if level == "upper" else problem.lower_constraints
    column = problem.x if level == "upper" else problem.y
    lows, highs, rows = [], [], []
    for variable in variables:
        found = nlp_description(variable.set, column[variable.slice])
        assert found is not None, variable.name  # needed of a problem: see `needs.py`
        low, high, smooth = found
        lows.append(low)
        highs.append(high)
        for expression, lb, ub in smooth:
            rows += _one_sided(ca.vec(expression), lb, ub)
    rows += [(ca.vec(c.expression), c.kind == "eq") for c in constraints]
    limits = [ca.vertcat(*part) if part else ca.MX(0, 1) for part in (lows, highs)]
    return limits, rows


def _one_sided(expression: ca.MX, lb, ub) -> list[tuple[ca.MX, bool]]:
    if lb is ub:
        return [(expression - lb, True)]
    rows = []
    if not (isinstance(ub, float) and ub == np.inf):
        rows.append((expression - ub, False))
    if not (isinstance(lb, float) and lb == -np.inf):
        rows.append((lb - expression, False))
    return rows


def _finite(limit: ca.MX, never: float) -> list[int]:
    """The entries of a bound that are not constantly infinite."""
    return [i for i in range(limit.numel()) if ca.symvar(limit[i]) or float(ca.evalf(limit[i])) != never]


def _taken(values: ca.MX, places: list[int]) -> ca.MX:
    return ca.densify(values)[places] if places else ca.MX(0, 1)


def _placed(values: ca.MX, places: list[int], n: int) -> ca.MX:
    if not places:
        return ca.MX.zeros(n)
    return ca.MX(ca.DM(ca.Sparsity.triplet(n, len(places), places, list(range(len(places)))), 1.0)) @ values


def _bounded(length: ca.MX) -> ca.MX:
    return either(ca.logic_and(length > 1e-3, length < 1e10), length, 1)
