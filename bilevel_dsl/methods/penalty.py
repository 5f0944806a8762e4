"""Value-gap penalty with persistent lower solutions and continuation.

    l(x, s)        = min over y in Y of  s f(x, y) + g(x, y)          s = 1 / gamma, the inverse penalty parameter
    psi_s(x)       = (l(x, s) - l(x, 0)) / s  =  min over y of  f + gamma (g - v)          -> f(x, y(x)) as s -> 0
    grad psi_s(x)  = grad_x f(x, w) + gamma (grad_x g(x, w) - grad_x g(x, z))         (Danskin)

w and z minimise s f + g and g over Y; both persist from one x to the next. Both levels are solved by projected
quasi-Newton steps (by spectral projected gradients where the set is not a product of intervals), whose length the
search finds itself.

- *Scale.* `s_start`, `s_end` are relative: s = 1 moves y by its own size, measured by the curvature of g along the
  leader's pull. No penalty parameter needs to be chosen.
- *Continuation.* psi_s is minimised over X for s = s_start, s_start / 10, ...; s falls by `s_factor` each time the
  gradient mapping is below a tenth of s. Each trial x brings its own w and z.
- *Polish.* psi has a bias of order s. The last stage minimises ( -3 l(x,0) + 4 l(x,s/2) - l(x,s) ) / s, whose bias is
  of order s^2. It needs neither second derivatives nor a unique follower's answer.
- *Settle.* y descends on g alone from the extrapolation 2 y(s/2) - y(s): where the follower has many answers, to the
  one next to the leader's choice.
- *Constraints* of either level enter by augmented Lagrangian terms; the multipliers of the lower ones make the
  derivative of the value function right: grad v = grad_x g + (grad_x h)' mu. Constraint sets enter by projection, and
  cost less.

Kwon, Kwon, Wright, Nowak, ICLR 2024 (arXiv 2309.01753), Algorithm 1 with accurate lower solutions;
Shen, Chen, ICML 2023 (arXiv 2302.05185), V-PBGD; Xiao, Chen, ICLR 2025 (arXiv 2408.16087), PBGD-B.
What is ours and not the papers': the scale of s, the second-order difference, the quasi-Newton steps.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ..functions.oracles import Oracles, expanded
from ..functions.select import either, norm, per_length
from ..model.problem import Problem
from ..model.structure import Structure
from . import needs
from .card import Card, Suits
from .flow import Method
from .parts import lower, multipliers
from .parts.search import Search
from .program import Program, Setting, Signal

NAME = "penalty"


def _suits(problem: Problem, structure: Structure) -> tuple[Suits, str]:
    if structure.simple:
        return Suits.LAST, "a simple bilevel problem with constraints"
    if structure.lower_free and problem.upper_constraints:
        return Suits.LAST, "the lower level is unconstrained, and the upper level has constraints"
    if structure.lower_free:
        return Suits.LAST, "the lower level is unconstrained and not a well-conditioned quadratic"
    return Suits.LAST, "the lower level has constraint sets or constraints, and is large or not convex"


CARD = Card(
    name=NAME,
    title="value-gap penalty with continuation and polish",
    rank=1,
    papers=(
        "Kwon, Kwon, Wright, Nowak: On penalty methods for nonconvex bilevel optimization and first-order "
        "stochastic approximation, ICLR 2024, arXiv 2309.01753",
        "Shen, Chen: On penalty-based bilevel gradient descent method, ICML 2023, arXiv 2302.05185",
        "Xiao, Chen: Unlocking global optimality in bilevel optimization, ICLR 2025, arXiv 2408.16087",
    ),
    assumes=("differentiable objectives", "constraint sets and smooth constraints on either level"),
    needs=(needs.NO_DUALS,),
    suits=_suits,
)
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


def program(oracles: Oracles) -> Program:
    return _Penalty(oracles).program


class _Penalty:
    def __init__(self, oracles: Oracles):
        self.m = m = Method(NAME, oracles, SETTINGS)
        nx, ny = oracles.nx, oracles.ny
        self.nh, self.nc = len(oracles.lower_equalities), len(oracles.upper_equalities)
        x, y = m.P_X(m.x_start), m.P_Y(m.y_start)
        self.x = Search(m, "x", nx, "upper level", start=x, separable=oracles.is_x_separable, fresh=True)
        self.z, self.w, self.v = (
            Search(m, name, ny, f"argmin of {doc}", start=y, separable=oracles.is_y_separable)
            for name, doc in (("z", "g"), ("w", "s f + g"), ("v", "(s/2) f + g"))
        )
        m.slot("x", nx, "upper variables", start=x)
        m.slot("y", ny, "lower variables", start=y)
        m.slot("stage", 1, "0 continuation, 1 polish, 2 settle")
        m.slot("s", 1, "inverse penalty parameter, relative", start=m.settings.s_start)
        m.slot("unit", 1, "what s is relative to, 0 before it is known")
        m.slot("stationarity", 1, "relative gradient mapping", start=1)
        m.slot("bias", 1, "relative change of the gradient by the polish", start=1)
        m.slot("violation", 1, "of the upper constraints", start=1 if self.nc else 0)
        m.slot("rounds", 1, "multiplier updates of the upper level in this stage")
        self.rows = {q: lower.Constraints(m, q, oracles.lower_equalities) for q in (self.z, self.w, self.v)}
        m.slot("nu", self.nc, "multipliers of the upper constraints")
        m.slot("rho", 1, "their penalty parameter", start=10)
        m.slot("over", 1, "1: the trial x is judged and the iteration ends")
        self.program = self.write()

    @property
    def sigma(self) -> ca.MX:
        return self.m.state.s * self.m.state.unit

    def write(self) -> Program:
        """The method: every name below is a paragraph of this file."""
        m, s = self.m, self.m.state
        with m.iteration("begin"):
            self.advance()  # the next x, or a smaller s, or the polish, or the end
            with m.loop("trial") as until:  # until a trial x is accepted
                self.minimise(self.z, lambda: 0)
                with m.when(s.stage == SETTLE, "finish"):
                    self.finish()
                    m.finish()
                with m.when(s.unit <= 0, "unit"):
                    self.measure_unit()
                self.minimise(self.w, lambda: self.sigma)
                with m.when(s.stage == POLISH, "polish"):
                    self.minimise(self.v, lambda: self.sigma / 2)
                    m.called("judge_polish")
                    self.judge(polish=True)
                with m.when(s.stage != POLISH, "judge"):
                    self.judge(polish=False)
                until(s.over)
        x, y = s.x, s.y
        return m.program(
            {
                "upper": m.f(x, y),
                "lower": m.g(x, y),
                "stationarity": s.stationarity,
                "violation": s.violation,
                "penalty": 1 / self.sigma,
            }
        )

    # --- what is solved next ---------------------------------------------------------------

    def advance(self) -> None:
        """Move to the next trial x, or with a smaller s, or to the polish, or to the end."""
        m, s, o = self.m, self.m.state, self.m.settings
        polishing = s.stage == POLISH
        goal = either(polishing, o.tol, ca.fmax(o.tol, 0.1 * s.s))
        started = s.unit > 0
        reached = ca.logic_and(started, ca.logic_or(s.stationarity <= goal, self.x.stuck))
        infeasible = s.violation > ca.fmax(goal, o.tol)
        update = ca.logic_and(reached, ca.logic_and(infeasible, either(polishing, s.rounds < 50, s.rounds < 3)))
        passed = ca.logic_and(reached, ca.logic_not(update))
        biased = ca.logic_and(s.bias**2 > o.tol, s.s > 1e-2 * o.s_end)
        smaller = ca.logic_and(passed, either(polishing, biased, s.s > o.s_end * 1.001))
        polish = ca.logic_and(passed, ca.logic_and(ca.logic_not(polishing), ca.logic_not(smaller)))
        settle = ca.logic_and(passed, ca.logic_and(polishing, ca.logic_not(smaller)))
        changed = ca.logic_or(update, ca.logic_or(smaller, polish))

        extrapolated = 2 * self.v.point - self.w.point
        if self.nc:
            rows = self.upper_rows(self.x.point, either(polishing, extrapolated, self.w.point))
            nu = multipliers.updated(rows, s.nu, s.rho, m.oracles.upper_equalities)
            slow = s.rounds > 1
            s.nu = either(update, nu, s.nu)
            s.rho = either(ca.logic_and(update, slow), ca.fmin(4 * s.rho, 1e10), s.rho)
        self.x.restart(when=changed)
        self.z.restart(either(settle, m.P_Y(extrapolated), self.z.point))
        self.w.restart()
        self.v.restart(either(polish, self.w.point, self.v.point))  # of several minimisers the one that w is at
        s.s = either(smaller, ca.fmax(s.s * o.s_factor, either(polishing, 0, o.s_end)), s.s)
        s.rounds = either(update, s.rounds + 1, either(changed, 0, s.rounds))
        s.x = either(settle, self.x.point, s.x)
        s.stage = either(settle, SETTLE, either(polish, POLISH, s.stage))

    # --- min_y tau f + g ---------------------------------------------------------------------

    def minimise(self, q: Search, tau: Callable[[], ca.MX]) -> None:
        """q: argmin of tau f + g over Y at the trial x."""
        m, s, o, rows = self.m, self.m.state, self.m.settings, self.rows[q]
        function = self.lower_function(q)

        def at(y: ca.MX) -> tuple[ca.MX, ...]:
            x = either(s.stage == SETTLE, self.x.point, self.x.trial)
            return function(x, y, tau(), s.nu, s.rho, rows.mu, rows.rho, *m.p)

        def accuracy() -> ca.MX:
            found = ca.fmax(o.lower_accuracy * s.s * ca.fmin(ca.fmax(s.stationarity, o.tol), 1), 1e-13)
            return either(s.stage == SETTLE, 1e-13, found) * (1 + norm(q.point))

        lower.minimise(m, q, at, name=f"solve_{q.name}", at_most=o.lower_trials, accuracy=accuracy, constraints=rows)

    # --- the scale of s ------------------------------------------------------------------------

    def measure_unit(self) -> None:
        """s = 1 moves y by its own size: w - z is about sigma H^-1 grad_y f.

        H is measured along the leader's pull on y; where it vanishes (a linear lower level),
        s = 1 makes the leader's gradient as large as the follower's.
        """
        m, s = self.m, self.m.state
        x, y = self.x.trial, self.z.point
        f, gradient = m.f_grad_y_f(x, y)
        pull = m.P_Y(y - gradient) - y
        strength = ca.fmax(norm(pull), 1e-3 * (1 + ca.fabs(f)))
        along = pull + 1e-3 * self.z.gradient + 1e-8
        curvature = norm(m.hess_yy_g_times(x, y, along)) / norm(along)
        force = ca.fmax(curvature * (1 + norm(y)), 1e-3 * norm(self.z.gradient))
        s.unit = ca.fmin(ca.fmax(force / strength, 1e-8), 1e8)
        alpha = either(curvature > 0, 1 / curvature, 0)
        self.w.set(point=y, alpha=alpha)
        self.v.set(point=y, alpha=alpha)

    # --- the trial x -----------------------------------------------------------------------------

    def judge(self, polish: bool) -> None:
        """Accept or shorten the trial x by the difference of the values: one-sided, or of second order."""
        m, s, x, sigma = self.m, self.m.state, self.x.trial, self.sigma
        lz, lw, lv = (q.value for q in (self.z, self.w, self.v))
        dz, dw = self.x_gradient(self.z, 0), self.x_gradient(self.w, sigma)
        forward = (dw - dz) / sigma
        value, gradient = (lw - lz) / sigma, forward
        noise = 40 * EPS * (ca.fabs(lz) + ca.fabs(lw)) / sigma
        if polish:
            dv = self.x_gradient(self.v, sigma / 2)
            value = (4 * lv - 3 * lz - lw) / sigma
            gradient = (4 * dv - 3 * dz - dw) / sigma
            noise *= 4
        accepted = self.x.judge(value, gradient, m.P_X, noise)

        point = self.x.point
        scale = per_length(self.x.value, point)
        mapping = norm(m.P_X(point - self.x.gradient) - point) / scale
        s.stationarity = either(accepted, mapping, s.stationarity)
        s.bias = norm(gradient - forward) / scale if polish else 1
        s.x, s.y = point, either(accepted, self.z.point, s.y)
        s.over = ca.logic_or(accepted, self.x.stuck)
        if self.nc:
            rows = self.upper_rows(x, 2 * self.v.point - self.w.point if polish else self.w.point)
            found = multipliers.violation(rows, s.nu, s.rho, m.oracles.upper_equalities)
            s.violation = either(accepted, found, s.violation)
        unbounded = ca.logic_or(self.x.value < -1e20, norm(point) > 1e12)
        s.signal = either(unbounded, int(Signal.DIVERGED), 0)
        # a rejected trial: its lower solutions are where the next ones start
        for q in (self.z, self.w, self.v):
            q.restart()

    def finish(self) -> None:
        """What is true of the end point."""
        m, s, o = self.m, self.m.state, self.m.settings
        violation = s.violation
        if self.nc:  # at the point itself, not where the follower helps the leader
            rows = self.upper_rows(self.x.point, self.z.point)
            broken = multipliers.violation(rows, 0 * s.nu, 1, m.oracles.upper_equalities)
            violation = ca.fmax(violation, broken)
        if self.nh:  # a follower without an answer
            h = m.h(self.x.point, self.z.point)
            broken = multipliers.violation(h, 0 * self.rows[self.z].mu, 1, m.oracles.lower_equalities)
            violation = ca.fmax(violation, broken / (1 + norm(self.z.point)))
        good = ca.logic_and(s.stationarity <= o.tol, violation <= 10 * o.tol)
        hopeless = violation > 1e-3
        s.y, s.violation = self.z.point, violation
        s.signal = either(good, int(Signal.CONVERGED), either(hopeless, int(Signal.INFEASIBLE), int(Signal.STALLED)))

    # --- the functions of the two levels --------------------------------------------------

    def lower_function(self, q: Search) -> ca.Function:
        """(x, y, tau, nu, rho_c, mu, rho_h, p) -> tau f + g with its terms, its y-gradient, h."""
        inputs, objective, rows = self._expression(with_f=q is not self.z)
        gradient = ca.gradient(objective, self.m.oracles.problem.y)
        return expanded(ca.Function(f"lower_{q.name}", inputs, [objective, ca.densify(gradient), rows]))

    def x_gradient(self, q: Search, tau: ca.MX | float) -> ca.MX:
        """The derivative of tau f + g, with its terms, by x at the trial x and the point of q."""
        s = self.m.state
        inputs, objective, _ = self._expression(with_f=q is not self.z)
        gradient = ca.densify(ca.gradient(objective, self.m.oracles.problem.x))
        function = expanded(ca.Function(f"upper_{q.name}", inputs, [gradient]))
        return function(self.x.trial, q.point, tau, s.nu, s.rho, self.rows[q].mu, self.rows[q].rho, *self.m.p)

    def _expression(self, with_f: bool) -> tuple[list[ca.MX], ca.MX, ca.MX]:
        oracles = self.m.oracles
        problem = oracles.problem
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
        return self.m.c(x, y)
