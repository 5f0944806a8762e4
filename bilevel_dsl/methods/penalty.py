"""Value-gap penalty with persistent lower solutions and continuation.

    l(x, s)   = min_{y in Y} s f(x, y) + g(x, y),        s = 1/gamma, the inverse penalty parameter
    psi_s(x)  = (l(x, s) - l(x, 0)) / s  =  min_y f + gamma (g - v)          -> Phi(x) as s -> 0
    grad psi_s(x) = grad_x f(x, w) + gamma (grad_x g(x, w) - grad_x g(x, z))         (Danskin)

w and z minimise s f + g and g over Y; both persist from one x to the next. Three stages:

  continuation  psi_s is minimised over X for s = s_start, s_start/10, ... by projected steps whose
                length the method finds itself; each trial x brings its own w and z.
  polish        the bias O(s) of psi_s is removed by the one-sided second-order difference
                ( -3 l(x,0) + 4 l(x,s/2) - l(x,s) ) / s = Phi(x) + O(s^2), which needs no
                uniqueness of the lower solution, and no second derivatives.
  settle        y descends from the extrapolated 2 v - w into the solution set: among several
                lower solutions, the one next to the leader's choice.

Constraints of either level enter by augmented Lagrangian terms, whose multipliers make the
derivative of the value function right: grad v = grad_x g + (grad_x h)' mu.

Kwon, Kwon, Wright, Nowak, ICLR 2024 (arXiv 2309.01753), Algorithm 1 with accurate lower solutions;
Shen, Chen, ICML 2023 (arXiv 2302.05185), V-PBGD; Xiao, Chen, ICLR 2025 (arXiv 2408.16087), PBGD-B.
The second-order difference is ours.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles, expanded
from ..functions.select import either, norm, per_length
from . import multipliers
from .draft import Draft
from .program import Program, Setting, Signal
from .search import Search

NAME = "penalty"
EPS = 2.2e-16

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of the polished hyper-objective, relative", 0),
    Setting("max_iter", 1000, "upper-level iterations", 0, integer=True),
    Setting("s_start", 1e-1, "first inverse penalty parameter, relative: moves y by this much", 1e-8, 10),
    Setting("s_end", 1e-4, "inverse penalty parameter of the polish, relative", 1e-10, 1),
    Setting("s_factor", 1e-1, "factor between two inverse penalty parameters", 1e-6, 0.9),
    Setting("lower_trials", 5000, "evaluations at most in one lower-level solve", 1, integer=True),
    Setting("lower_accuracy", 1e-2, "lower-level error over the move that s causes", 1e-8, 1),
)

CONTINUATION, POLISH, SETTLE = 0, 1, 2  # values of the slot `stage`
BEGIN, SOLVE_Z, UNIT, SOLVE_W, SOLVE_V, JUDGE, JUDGE_POLISH, FINISH = range(8)  # phases


def program(oracles: Oracles) -> Program:
    return _Penalty(oracles).program


class _Penalty:
    def __init__(self, oracles: Oracles):
        self.oracles = oracles
        self.draft = draft = Draft(NAME, oracles, SETTINGS)
        nx, ny = oracles.nx, oracles.ny
        self.nh, self.nc = len(oracles.lower_equalities), len(oracles.upper_equalities)

        self.x = Search(draft, "x", nx, "upper level", separable=oracles.is_x_separable)
        self.z = Search(draft, "z", ny, "argmin of g", separable=oracles.is_y_separable)
        self.w = Search(draft, "w", ny, "argmin of s f + g", separable=oracles.is_y_separable)
        self.v = Search(draft, "v", ny, "argmin of (s/2) f + g", separable=oracles.is_y_separable)
        draft.state("x", nx, "upper variables")
        draft.state("y", ny, "lower variables")
        self.stage = draft.state("stage", 1, "0 continuation, 1 polish, 2 settle")
        self.s = draft.state("s", 1, "inverse penalty parameter, relative")
        self.unit = draft.state("unit", 1, "what s is relative to, 0 before it is known")
        self.sigma = self.s * self.unit
        self.stationarity = draft.state("stationarity", 1, "relative gradient mapping")
        self.bias = draft.state("bias", 1, "relative change of the gradient by the polish")
        self.violation = draft.state("violation", 1, "of the upper constraints")
        self.rounds = draft.state("rounds", 1, "multiplier updates of the upper level in this stage")
        self.mu = {}
        for q in (self.z, self.w, self.v):
            self.mu[q] = (
                draft.state(f"{q.name}_mu", self.nh, "multipliers of the lower constraints"),
                draft.state(f"{q.name}_rho", 1, "their penalty parameter"),
                draft.state(f"{q.name}_violation", 1, "of the lower constraints"),
            )
        self.nu = draft.state("nu", self.nc, "multipliers of the upper constraints")
        self.rho = draft.state("rho", 1, "their penalty parameter")

        # every phase in the order of its number
        draft.phase("begin", self.begin())
        draft.phase("solve_z", self.solve(self.z, 0, self.after_z))
        draft.phase("unit", self.measure_unit())
        draft.phase("solve_w", self.solve(self.w, self.sigma, self.after_w))
        draft.phase("solve_v", self.solve(self.v, self.sigma / 2, self.after_v))
        draft.phase("judge", self.judge(polish=False))
        draft.phase("judge_polish", self.judge(polish=True))
        draft.phase("finish", self.finish())
        self.program = draft.program(self.initial(), self.measures())

    # --- start -------------------------------------------------------------------------

    def initial(self) -> dict[str, ca.MX]:
        x = self.oracles.project_x(self.draft.x_start, self.draft.p)
        y = self.oracles.project_y(self.draft.y_start, self.draft.p)
        first = {"x": x, "y": y, "x_point": x, "z_point": y, "w_point": y, "v_point": y,
                 "x_fresh": 1, "s": self.draft.option.s_start, "stationarity": 1, "bias": 1,
                 "violation": 1 if self.nc else 0, "rho": 10}
        for q in (self.z, self.w, self.v):
            first |= {f"{q.name}_rho": 10, f"{q.name}_violation": 1e20}
        return first

    # --- phase begin: what is solved next ----------------------------------------------

    def begin(self) -> dict[str, ca.MX]:
        """Move to the next trial x, or with a smaller s, or to the polish, or to the end."""
        o = self.draft.option
        polishing = self.stage == POLISH
        goal = either(polishing, o.tol, ca.fmax(o.tol, 0.1 * self.s))
        started = self.unit > 0
        stuck = self.x.step < 1e-10
        reached = ca.logic_and(started, ca.logic_or(self.stationarity <= goal, stuck))
        infeasible = self.violation > ca.fmax(goal, o.tol)
        update = ca.logic_and(reached, ca.logic_and(infeasible, either(polishing, self.rounds < 50, self.rounds < 3)))
        passed = ca.logic_and(reached, ca.logic_not(update))
        biased = ca.logic_and(self.bias**2 > o.tol, self.s > 1e-2 * o.s_end)
        smaller = ca.logic_and(passed, either(polishing, biased, self.s > o.s_end * 1.001))
        polish = ca.logic_and(passed, ca.logic_and(ca.logic_not(polishing), ca.logic_not(smaller)))
        settle = ca.logic_and(passed, ca.logic_and(polishing, ca.logic_not(smaller)))
        changed = ca.logic_or(update, ca.logic_or(smaller, polish))

        again = self.x.restart()
        fresh = ca.logic_or(changed, self.x.fresh)
        updates = {k: either(changed, ca.MX(v), self.draft[k]) for k, v in again.items()}
        extrapolated = 2 * self.v.point - self.w.point
        target = self.oracles.project_y(extrapolated, self.draft.p)
        zs = self.z.restart(either(settle, target, self.z.point))
        updates |= zs | self.w.restart() | self.v.restart()
        s = either(smaller, ca.fmax(self.s * o.s_factor, either(polishing, 0, o.s_end)), self.s)
        updates |= {
            "x_fresh": fresh,
            "s": s,
            "stage": either(settle, SETTLE, either(polish, POLISH, self.stage)),
            "rounds": either(update, self.rounds + 1, either(changed, 0, self.rounds)),
            "x": either(settle, self.x.point, self.draft["x"]),
            "phase": SOLVE_Z,
        }
        if self.nc:
            y = either(polishing, extrapolated, self.w.point)
            c = self.upper_rows(self.x.point, y)
            nu = multipliers.updated(c, self.nu, self.rho, self.oracles.upper_equalities)
            slow = self.rounds > 1
            updates["nu"] = either(update, nu, self.nu)
            updates["rho"] = either(ca.logic_and(update, slow), ca.fmin(4 * self.rho, 1e10), self.rho)
        return updates

    # --- phases solve_z, solve_w, solve_v: one trial of min_y tau f + g ------------------

    @property
    def trial_x(self) -> ca.MX:
        return either(self.stage == SETTLE, self.x.point, self.x.trial)

    def solve(self, q: Search, tau, after) -> dict[str, ca.MX]:
        p, o = self.draft.p, self.draft.option
        mu, rho, violation = self.mu[q]
        x = self.trial_x
        value, gradient, rows = self.lower_function(q)(x, q.trial, tau, self.nu, self.rho, mu, rho, *p)
        noise = 10 * EPS * ca.fabs(value)
        _, updates = q.judge(value, gradient, lambda v: self.oracles.project_y(v, p), noise)

        size = 1 + norm(updates[f"{q.name}_point"])
        accuracy = ca.fmax(o.lower_accuracy * self.s * ca.fmin(ca.fmax(self.stationarity, o.tol), 1), 1e-13)
        accuracy = either(self.stage == SETTLE, 1e-13, accuracy) * size
        exhausted = ca.logic_or(q.trials + 1 >= o.lower_trials, updates[f"{q.name}_step"] < 1e-10)
        failed = ca.logic_not(ca.fabs(value) < 1e100)
        done = ca.logic_or(updates[f"{q.name}_residual"] <= accuracy, ca.logic_or(exhausted, failed))
        astray = norm(updates[f"{q.name}_point"]) > 1e12

        again = ca.MX(0)
        if self.nh:
            found = multipliers.violation(rows, mu, rho, self.oracles.lower_equalities)
            next_mu = multipliers.updated(rows, mu, rho, self.oracles.lower_equalities)
            open_ = ca.logic_and(done, ca.logic_not(ca.logic_or(exhausted, failed)))
            again = ca.logic_and(open_, found > 10 * accuracy)
            slow = ca.logic_and(again, found > 0.25 * violation)
            updates |= {
                f"{q.name}_mu": either(open_, next_mu, mu),
                f"{q.name}_rho": either(slow, ca.fmin(10 * rho, 1e8), rho),
                f"{q.name}_violation": either(again, found, either(done, 1e20, violation)),
                f"{q.name}_fresh": either(again, 1, updates[f"{q.name}_fresh"]),
                f"{q.name}_step": either(again, 0, updates[f"{q.name}_step"]),
            }
        finished = ca.logic_and(done, ca.logic_not(again))
        here = {self.z: SOLVE_Z, self.w: SOLVE_W, self.v: SOLVE_V}[q]
        updates["phase"] = either(astray, BEGIN, either(finished, after(), here))
        updates["signal"] = either(astray, int(Signal.DIVERGED), 0)
        return updates

    def after_z(self) -> ca.MX:
        return either(self.stage == SETTLE, FINISH, either(self.unit > 0, SOLVE_W, UNIT))

    def after_w(self) -> ca.MX:
        return either(self.stage == POLISH, SOLVE_V, JUDGE)

    def after_v(self) -> ca.MX:
        return ca.MX(JUDGE_POLISH)

    # --- phase unit: the scale of s ------------------------------------------------------

    def measure_unit(self) -> dict[str, ca.MX]:
        """s = 1 moves y by its own size: w - z is about sigma H^-1 grad_y f.

        H is measured along the leader's pull on y; where it vanishes (a linear lower level),
        s = 1 makes the leader's gradient as large as the follower's.
        """
        x, y, p = self.x.trial, self.z.point, self.draft.p
        f, gradient = self.oracles.function("f_grad_y_f")(x, y, *p)
        pull = self.oracles.project_y(y - gradient, p) - y
        strength = ca.fmax(norm(pull), 1e-3 * (1 + ca.fabs(f)))
        along = pull + 1e-3 * self.z.gradient + 1e-8
        curvature = norm(self.oracles.function("hess_yy_g_times")(x, y, *p, along)) / norm(along)
        force = ca.fmax(curvature * (1 + norm(y)), 1e-3 * norm(self.z.gradient))
        unit = ca.fmin(ca.fmax(force / strength, 1e-8), 1e8)
        alpha = either(curvature > 0, 1 / curvature, 0)
        return {"unit": unit, "w_point": y, "v_point": y, "w_alpha": alpha, "v_alpha": alpha, "phase": SOLVE_W}

    # --- phases judge, judge_polish: the trial x ------------------------------------------

    def judge(self, polish: bool) -> dict[str, ca.MX]:
        p, x = self.draft.p, self.x.trial
        lz, lw, lv = (q.value for q in (self.z, self.w, self.v))
        dz, dw = (self.x_gradient(q, tau) for q, tau in ((self.z, 0), (self.w, self.sigma)))
        forward = (dw - dz) / self.sigma
        value, gradient = (lw - lz) / self.sigma, forward
        noise = 40 * EPS * (ca.fabs(lz) + ca.fabs(lw)) / self.sigma
        if polish:
            dv = self.x_gradient(self.v, self.sigma / 2)
            value = (4 * lv - 3 * lz - lw) / self.sigma
            gradient = (4 * dv - 3 * dz - dw) / self.sigma
            noise *= 4
        project = lambda v: self.oracles.project_x(v, p)  # noqa: E731
        accepted, updates = self.x.judge(value, gradient, project, noise)

        point = updates["x_point"]
        scale = per_length(updates["x_value"], point)
        mapping = norm(project(point - updates["x_gradient"]) - point) / scale
        y = self.z.point
        stuck = updates["x_step"] < 1e-10
        over = ca.logic_or(accepted, stuck)
        updates |= {
            "stationarity": either(accepted, mapping, self.stationarity),
            "bias": norm(gradient - forward) / scale if polish else ca.MX(1),
            "x": updates["x_point"],
            "y": either(accepted, y, self.draft["y"]),
            "phase": either(over, BEGIN, SOLVE_Z),
        }
        if self.nc:
            rows = self.upper_rows(x, 2 * self.v.point - self.w.point if polish else self.w.point)
            found = multipliers.violation(rows, self.nu, self.rho, self.oracles.upper_equalities)
            updates["violation"] = either(accepted, found, self.violation)
        unbounded = ca.logic_or(updates["x_value"] < -1e20, norm(point) > 1e12)
        updates["signal"] = either(unbounded, int(Signal.DIVERGED), 0)
        # a rejected trial: its lower solutions are where the next ones start
        for q in (self.z, self.w, self.v):
            updates |= q.restart()
        return updates

    def finish(self) -> dict[str, ca.MX]:
        o = self.draft.option
        violation = self.violation
        if self.nc:  # at the point itself, not where the follower helps the leader
            rows = self.upper_rows(self.x.point, self.z.point)
            broken = multipliers.violation(rows, 0 * self.nu, 1, self.oracles.upper_equalities)
            violation = ca.fmax(violation, broken)
        if self.nh:  # a follower without an answer
            h = self.oracles.function("h")(self.x.point, self.z.point, *self.draft.p)
            broken = multipliers.violation(h, 0 * self.mu[self.z][0], 1, self.oracles.lower_equalities)
            violation = ca.fmax(violation, broken / (1 + norm(self.z.point)))
        good = ca.logic_and(self.stationarity <= o.tol, violation <= 10 * o.tol)
        hopeless = violation > 1e-3
        signal = either(good, int(Signal.CONVERGED), either(hopeless, int(Signal.INFEASIBLE), int(Signal.STALLED)))
        return {"y": self.z.point, "violation": violation, "signal": signal, "phase": BEGIN}

    # --- the functions of the two levels --------------------------------------------------

    def lower_function(self, q: Search) -> ca.Function:
        """(x, y, tau, nu, rho_c, mu, rho_h, p) -> tau f + g with its terms, its y-gradient, h."""
        problem = self.oracles.problem
        name = f"lower_{q.name}"
        inputs, objective, rows = self._expression(with_f=q is not self.z)
        gradient = ca.gradient(objective, problem.y)
        return expanded(ca.Function(name, inputs, [objective, ca.densify(gradient), rows]))

    def x_gradient(self, q: Search, tau) -> ca.MX:
        mu, rho, _ = self.mu[q]
        inputs, objective, _ = self._expression(with_f=q is not self.z)
        gradient = ca.densify(ca.gradient(objective, self.oracles.problem.x))
        function = expanded(ca.Function(f"upper_{q.name}", inputs, [gradient]))
        return function(self.x.trial, q.point, tau, self.nu, self.rho, mu, rho, *self.draft.p)

    def _expression(self, with_f: bool):
        problem, oracles = self.oracles.problem, self.oracles
        tau, rho_c, rho_h = (ca.MX.sym(n) for n in ("tau", "rho_c", "rho_h"))
        nu, mu = ca.MX.sym("nu", self.nc), ca.MX.sym("mu", self.nh)
        rows = oracles.recipes["h"]()[0] if self.nh else ca.MX(0, 1)
        objective = problem.g.expression
        if self.nh:
            objective = objective + multipliers.term(rows, mu, rho_h, oracles.lower_equalities)
        if with_f:
            leader = problem.f.expression
            if self.nc:
                c = oracles.recipes["c"]()[0]
                leader = leader + multipliers.term(c, nu, rho_c, oracles.upper_equalities)
            objective = objective + tau * leader
        return [problem.x, problem.y, tau, nu, rho_c, mu, rho_h, *problem.p], objective, ca.densify(rows)

    def upper_rows(self, x: ca.MX, y: ca.MX) -> ca.MX:
        return self.oracles.function("c")(x, y, *self.draft.p)

    def measures(self) -> dict[str, ca.MX]:
        x, y, p = self.draft["x"], self.draft["y"], self.draft.p
        return {
            "upper": self.oracles.function("f")(x, y, *p),
            "lower": self.oracles.function("g")(x, y, *p),
            "stationarity": self.stationarity,
            "violation": self.violation,
            "penalty": 1 / self.sigma,
        }
