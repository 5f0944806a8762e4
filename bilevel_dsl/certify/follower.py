"""The lower level as a smooth program for IPOPT, and its re-solution from several starts.

Apart from the methods on purpose: other solver, other description of the sets (inequalities
instead of projections), no shared state.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import casadi as ca
import numpy as np

from ..functions.nlp_sets import nlp_description
from ..functions.oracles import Oracles

QUIET = {"print_time": False, "error_on_fail": False, "show_eval_warnings": False, "calc_lam_p": False, "ipopt": {
    "print_level": 0, "sb": "yes", "tol": 1e-10, "constr_viol_tol": 1e-10, "compl_inf_tol": 1e-9,
    "acceptable_tol": 1e-8, "bound_relax_factor": 0.0, "honor_original_bounds": "yes", "max_iter": 300,
    "max_wall_time": 10.0}}
RELAXED = 1e-7  # of rows, where the set has no interior
SAMPLES = 200  # points looked at for starts of the re-solution
SAMPLED_SIZE = 30  # lower variables up to which they are
EXACT_HESSIAN_LIMIT = 200  # lower variables; above, limited-memory approximations


@dataclass(frozen=True)
class Response:
    """One answer of the lower level."""

    y: np.ndarray
    g: float
    f: float
    solved: bool


class Follower:
    """min { g(x, y) : y in Y, h(x, y) <= 0 } for fixed x; also with another objective."""

    def __init__(self, oracles: Oracles):
        self.oracles = oracles
        problem = oracles.problem
        self.p = [ca.DM(np.asarray(v)) for v in problem.data]
        rows, low, high, bounds = [], [], [], []
        self.describable = True
        for variable in problem.lower_variables:
            v = problem.y[variable.offset : variable.offset + variable.size]
            description = nlp_description(variable.set, v)
            if description is None:
                self.describable = False
                break
            lbx, ubx, extra = description
            bounds.append((lbx, ubx))
            for expression, lb, ub in extra:
                rows.append(ca.vec(expression))
                low.append(_column(lb, expression.numel()))
                high.append(_column(ub, expression.numel()))
        self.first_constraint = sum(r.numel() for r in rows)  # the rows before are those of sets
        for constraint in problem.lower_constraints:
            n = constraint.expression.numel()
            rows.append(ca.vec(constraint.expression))
            low.append(ca.MX(ca.DM([0.0 if constraint.kind == "eq" else -np.inf] * n)))
            high.append(ca.MX.zeros(n))
        self.rows = ca.vertcat(*rows) if rows else ca.MX(0, 1)
        limits = [ca.vertcat(*part) if part else ca.MX(0, 1) for part in (low, high)]
        box = [ca.vertcat(*[_column(b[k], v.size) for b, v in zip(bounds, problem.lower_variables)])
               for k in (0, 1)] if self.describable else [ca.MX(), ca.MX()]
        inputs = [problem.x, *problem.p]
        self._limits = ca.Function("limits", inputs, [*box, *limits])
        self._rows = ca.Function("rows", [problem.x, problem.y, *problem.p], [ca.densify(self.rows)])
        self._solvers: dict[str, ca.Function] = {}
        self._names = {"g": problem.g.expression, "f": problem.f.expression, "-f": -problem.f.expression}

    def limits(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        """Bounds on y, then on `rows`, at x: four columns."""
        return tuple(np.array(v).ravel() for v in self._limits.call([ca.DM(x), *self._columns()]))

    def _columns(self):
        return [ca.reshape(v, q.symbol.shape) for v, q in zip(self.p, self.oracles.problem.parameters)]

    def solver(self, objective: str, ceiling: bool = False) -> ca.Function:
        """IPOPT on `objective` ("g", "f" or "-f"); with `ceiling`, g is one more row."""
        key = objective + "|" * ceiling
        if key not in self._solvers:
            problem = self.oracles.problem
            rows = ca.vertcat(self.rows, problem.g.expression) if ceiling else self.rows
            nlp = {"x": problem.y, "p": ca.veccat(problem.x, *problem.p), "f": self._names[objective], "g": rows}
            options = {**QUIET, "ipopt": dict(QUIET["ipopt"])}
            if problem.y.numel() > EXACT_HESSIAN_LIMIT:
                options["ipopt"] |= {"hessian_approximation": "limited-memory"}
            self._solvers[key] = ca.nlpsol("follower", "ipopt", nlp, options)
        return self._solvers[key]

    def respond(self, x: np.ndarray, start: np.ndarray, objective: str = "g", ceiling: float | None = None,
                slack: float = 0.0) -> Response:
        """A local minimiser from `start`; with `ceiling`, of the answers with g <= ceiling; rows relaxed by `slack`."""
        lbx, ubx, lbg, ubg = self.limits(x)
        lbg, ubg = lbg - slack, ubg + slack
        if ceiling is not None:
            lbg, ubg = np.append(lbg, -np.inf), np.append(ubg, ceiling)
        solver = self.solver(objective, ceiling is not None)
        parameter = ca.veccat(ca.DM(x), *[ca.DM(v) for v in self.oracles.problem.data])
        try:
            with _ctrl_c_raises():
                out = solver(x0=start, p=parameter, lbx=lbx, ubx=ubx, lbg=lbg, ubg=ubg)
        except RuntimeError:  # an evaluation failed at the start
            return Response(start, np.nan, np.nan, False)
        y = np.array(out["x"]).ravel()
        solved = solver.stats()["return_status"] in ("Solve_Succeeded", "Solved_To_Acceptable_Level")
        f, g = self.values(x, y)
        return Response(y, g, f, solved and np.isfinite(g))

    def values(self, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        columns = self._columns()
        f, g = (float(self.oracles.function(n).call([ca.DM(x), ca.DM(y), *columns])[0]) for n in "fg")
        return f, g

    def infeasibility(self, x: np.ndarray, y: np.ndarray) -> float:
        """Largest violation of the constraints h, relative to the size of y."""
        if not self.oracles.lower_equalities:
            return 0.0
        h = np.array(self.oracles.function("h").call([ca.DM(x), ca.DM(y), *self._columns()])[0]).ravel()
        equal = np.array(self.oracles.lower_equalities)
        return float(np.max(np.where(equal, np.abs(h), np.maximum(h, 0)), initial=0.0))

    def answers(self, x: np.ndarray, y: np.ndarray, seed: int, starts: int) -> list[Response]:
        """Re-solutions from y itself and from `starts` of the best among many points; and the best of these.

        Where none succeeds, the set may have no interior: then once more with the rows relaxed by `RELAXED`.
        """
        points, found = self._starting_points(x, y, np.random.default_rng(seed), starts)
        for slack in (0.0, RELAXED):
            for point in points:
                response = self.respond(x, point, slack=slack)
                size = 1 + np.max(np.abs(response.y), initial=0)
                if response.solved and self.infeasibility(x, response.y) <= 2 * RELAXED * size:
                    found.append(response)
            if found:
                break
        return found

    def _starting_points(self, x, y, rng, starts: int) -> tuple[list[np.ndarray], list[Response]]:
        """y, and further points by increasing g + violation; with the best admissible one as an answer."""
        lbx, ubx, *_ = self.limits(x)
        spread = np.geomspace(0.1, 100, SAMPLES if y.size <= SAMPLED_SIZE else starts)
        points = [y + s * (1 + np.abs(y)) * rng.standard_normal(y.size) for s in spread]
        bounded = np.isfinite(lbx) & np.isfinite(ubx)
        for k, point in enumerate(points):  # half of them uniform in the box, every fourth of these at corners
            if k % 2 and bounded.any():
                u = rng.random(y.size)[bounded]
                point[bounded] = lbx[bounded] + (np.round(u) if k % 8 == 1 else u) * (ubx - lbx)[bounded]
        points = [np.clip(point, lbx, ubx) for point in (np.zeros_like(y), *points)]
        if y.size > SAMPLED_SIZE:
            return [y, *points[: starts + 1]], []
        ranked = []
        for point in points:
            f, g = self.values(x, point)
            violation = self.row_violation(x, point)
            if np.isfinite(g) and np.isfinite(violation):
                ranked.append((g + (1 + abs(g)) * violation, violation, Response(point, g, f, True)))
        ranked.sort(key=lambda entry: entry[0])
        admissible = [response for _, violation, response in ranked if violation <= 1e-9]
        return [y, *(response.y for _, _, response in ranked[:starts])], admissible[:1]

    def row_violation(self, x: np.ndarray, y: np.ndarray) -> float:
        """Largest violation of any row: of the constraints, and of the sets that are no boxes."""
        if not self.rows.numel():
            return 0.0
        _, _, lbg, ubg = self.limits(x)
        rows = np.array(self._rows.call([ca.DM(x), ca.DM(y), *self._columns()])[0]).ravel()
        return float(np.max(np.maximum(np.maximum(lbg - rows, rows - ubg), 0)))


@contextmanager
def _ctrl_c_raises() -> Iterator[None]:
    """Raises KeyboardInterrupt after Ctrl-C, which CasADi otherwise takes for a failure of IPOPT."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = []

    def note(number, frame):
        pressed.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
    if pressed:
        raise KeyboardInterrupt


def _column(value, n: int) -> ca.MX:
    value = ca.MX(value)
    return ca.vec(value) if value.numel() == n else ca.repmat(value, n, 1)
