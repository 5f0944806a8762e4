"""The lower level by its optimality conditions, with complementarity as an exact penalty.

    min  f(x, y) + gamma mu's     over x in X, c(x, y) <= 0,  s >= 0, mu >= 0
    s.t. grad_y g + (grad_y h)' mu = 0,   h(x, y) + s = 0

For a convex lower level mu's is the gap between its value and its dual bound, so this is the value-gap penalty with
the value function by duality: mu, the follower's multipliers, may move together with x and y. Bounds and sets of y
have multipliers too. It handles linear lower levels, coupled rows and upper constraints that involve y, where the
value function has kinks.

- *Equations and rows* of the upper level enter by augmented Lagrangian terms, which stay exact on these problems
  although their constraint qualifications fail (Izmailov, Solodov, Uskov, SIAM J. Optim. 22, 2012). *Bounds* by
  Newton steps on the entries free to move, with the pivots of the Hessian made positive (two-metric projection).
- *gamma* starts small, so that the leader looks beyond the follower's present active set, and grows by `gamma_factor`
  until mu's = 0.
- *Branches.* Once complementarity nearly holds, the smaller of each pair (s, mu) is held at zero, which makes the
  answer exact. A pair of which both are zero changes sides if the leader gains by it.
- *Running away.* An unbounded relaxation returns to the start with larger penalties; only when that does not help the
  problem is called diverged.
- *Multipliers.* mu is part of the iterate, so the leader may use it: `dual(label)` in upper expressions. The
  certificate finds the multipliers again by least squares on the follower's first-order conditions, compares, and
  differentiates through them.
- *Infeasible* is said only after the leader's objective has been left out and the violation still had a positive
  minimum (a local one).
- For a follower that is not convex the conditions also hold at its maximisers: the certificate says if the answer is
  none.

Penalty: Anandalingam, White, IEEE Trans. Automat. Control 35 (1990); Ralph, Wright, Optim. Methods Softw. 19 (2004);
Bertsekas, SIAM J. Control Optim. 20 (1982); Gill, Murray, Wright, Practical Optimization (1981), 4.4.2.2.
"""

from __future__ import annotations

import casadi as ca

from ..functions.linalg import positive_solve
from ..functions.oracles import Oracles
from ..functions.select import all_of, any_of, clip, either, norm
from ..model.problem import Problem
from ..model.structure import Structure
from . import needs
from .card import Card, Need, Refusal, Suits
from .flow import Method
from .parts import multipliers
from .parts.conditions import DENSE_UNKNOWNS, Conditions, count_unknowns
from .program import Program, Setting, Signal

NAME = "kkt"

KKT_LIMIT = 300  # unknowns up to which the dense Newton system is solved


def _large(problem: Problem) -> list[Refusal]:
    n = count_unknowns(problem)
    if n <= KKT_LIMIT:
        return []
    return [Refusal(f"the conditions have {n} unknowns (limit {KKT_LIMIT})", problem.lower_variables[0].span)]


def _suits(problem: Problem, structure: Structure) -> tuple[Suits, str] | None:
    if problem.used_duals:
        small = count_unknowns(problem) <= DENSE_UNKNOWNS
        return Suits.ONLY if small else Suits.GENERAL, "multipliers of the follower are asked for, `dual(...)`"
    constrained = structure.coupled or not structure.lower_free
    if constrained and structure.lower_convex in ("yes", "sampled") and count_unknowns(problem) <= DENSE_UNKNOWNS:
        convex = "convex" if structure.lower_convex == "yes" else "convex at the points looked at"
        return Suits.BEST, f"the lower level is small, constrained and {convex}"
    if structure.lower_rows or structure.coupled:
        return Suits.GENERAL, "a small problem with constraints that involve lower variables"
    return Suits.OTHERWISE, "a small problem"


CARD = Card(
    name=NAME,
    title="optimality conditions of the lower level with a penalty on complementarity",
    rank=2,
    papers=(
        "Anandalingam, White: A solution method for the linear static Stackelberg problem using penalty functions, "
        "IEEE Trans. Automat. Control 35, 1990",
        "Ralph, Wright: Some properties of regularization and penalization schemes for MPECs, "
        "Optim. Methods Softw. 19, 2004",
        "Izmailov, Solodov, Uskov: Global convergence of augmented Lagrangian methods applied to optimization "
        "problems with degenerate constraints, including problems with complementarity constraints, "
        "SIAM J. Optim. 22, 2012",
    ),
    assumes=("twice differentiable objectives and constraints; a convex lower level, which is not checked",),
    needs=(
        needs.SMOOTH_SETS,
        Need(f"at most {KKT_LIMIT} unknowns: upper variables, three for each lower one, two for each row", _large),
    ),
    suits=_suits,
    dense=True,
)
ARMIJO = 1e-4
RHO_LIMIT = 1e6  # above, rounding alone exceeds the tolerance
MOST_UPDATES, MOST_FLIPS, MOST_RESETS = 100, 20, 4
REACH = 1e3  # sizes of the start; grows with every return to it

SETTINGS = (
    Setting("tol", 1e-6, "bound on the projected gradient, relative; a thousandth of it on the equations", 0),
    Setting("max_iter", 2000, "Newton steps and multiplier updates", 0, integer=True),
    Setting("gamma", 1e-1, "first penalty on complementarity, relative", 1e-8, 1e8),
    Setting("gamma_factor", 4.0, "growth of the penalty while complementarity does not hold", 1.01, 1e6),
    Setting("rho", 10.0, "first penalty of the augmented Lagrangian terms, relative", 1e-4, 1e8),
    Setting("inner_iter", 100, "Newton steps between two updates, at most", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    return _Kkt(oracles).program


class _Kkt:
    def __init__(self, oracles: Oracles):
        self.system = system = Conditions(oracles)
        self.m = m = Method(NAME, oracles, SETTINGS)
        n, o = system.size, m.settings
        u, scale = system.start()(m.x_start, m.y_start, *m.starting_p)
        first = self.restarted(u)
        m.slot("x", oracles.nx, "upper variables", start=first["x"])
        m.slot("y", oracles.ny, "lower variables", start=first["y"])
        m.slot("u", n, "x, y, slacks, multipliers of the lower level", start=u)
        m.slot("scale", 2 + system.n_rows, "of f, g and every row", start=scale)
        m.slot("eta", len(system.equalities), "multipliers of the equations and the upper rows")
        m.slot("rho", 1, "penalty of the augmented Lagrangian terms", start=o.rho)
        m.slot("gamma", 1, "penalty on complementarity", start=o.gamma)
        m.slot("value", 1, "of the merit function at u")
        m.slot("gradient", n, "of the merit function at u")
        m.slot("fixed", n, "1 for entries held at their bounds")
        m.slot("direction", n, "Newton direction")
        m.slot("step", 1, "fraction of `direction` to try")
        m.slot("accuracy", 1, "of the present Newton iteration", start=first["accuracy"])
        m.slot("inner", 1, "Newton steps since the last update")
        m.slot("updates", 1, "multiplier updates")
        m.slot("reach", 1, "size of u from which on it counts as running away", start=REACH * (1 + norm(u)))
        m.slot("branch", system.n_pairs, "0 open, -1 multiplier held at 0, 1 slack held at 0")
        m.slot("held", 1, "1: every pair is held on a branch")
        m.slot("flips", 1, "changes of branch")
        m.slot("hopeless", 1, "updates in a row at the largest rho without a smaller violation")
        m.slot("restoring", 1, "0 not yet, 1 the leader's objective is left out, 2 done")
        m.slot("resets", 1, "returns to the start after running away")
        m.slot("stationarity", 1, "projected gradient, relative", start=first["stationarity"])
        m.slot("violation", 1, "of the equations and the upper rows, relative", start=first["violation"])
        m.slot("complementarity", 1, "mu's, relative", start=first["complementarity"])
        self.program = self.write()

    def write(self) -> Program:
        """Newton steps along the projected path; multipliers and penalties where these have ended."""
        m, s = self.m, self.m.state
        with m.iteration("newton"):
            done = self.newton()
            with m.when(ca.logic_not(done), "forward"), m.loop("try") as until:
                accepted, short = self.trial()
                m.finish(when=accepted)
                until(short)
            m.called("update")
            self.update()
        x, y = s.x, s.y
        return m.program(
            {
                "upper": m.f(x, y),
                "lower": m.g(x, y),
                "stationarity": s.stationarity,
                "violation": s.violation,
                "complementarity": s.complementarity,
                "penalty": s.gamma,
            }
        )

    def restarted(self, u: ca.MX) -> dict[str, ca.MX | float]:
        """What begins anew with another u."""
        nx, ny = self.system.oracles.nx, self.system.oracles.ny
        return {
            "u": u,
            "x": u[:nx],
            "y": u[nx : nx + ny],
            "eta": ca.MX.zeros(len(self.system.equalities)),
            "accuracy": 1e-1,
            "inner": 0,
            "branch": ca.MX.zeros(self.system.n_pairs),
            "held": 0,
            "stationarity": 1,
            "violation": 1e20,
            "complementarity": 1e20,
        }

    # --- the direction --------------------------------------------------------------------------

    def newton(self) -> ca.MX:
        """The direction; returns whether the multipliers are to be updated instead."""
        s, o = self.m.state, self.m.settings
        u = s.u
        low, high = self.limits()
        value, gradient, hessian = self.system.merit_derivatives()(*self.arguments(u))
        mapping = norm(clip(u - gradient, low, high) - u)
        near = ca.fmin(1e-3, mapping)
        fixed = any_of(low >= high, all_of(u <= low + near, gradient > 0), all_of(u >= high - near, gradient < 0))
        free = ca.if_else(fixed, 0, ca.MX.ones(u.numel()))
        masked = hessian * (free @ free.T) + ca.diag(1 - free)
        newton = -positive_solve(masked, free * gradient)
        longest, length = 100 * (1 + norm(u)), norm(newton)
        newton = newton * either(length > longest, longest / length, 1)
        newton = either(length < 1e100, newton, -free * gradient / (1 + norm(gradient)))  # no number: steepest
        done = any_of(mapping <= s.accuracy, s.inner >= o.inner_iter, norm(u) > s.reach)
        s.value, s.gradient, s.fixed, s.step = value, gradient, fixed, 1
        s.direction = ca.if_else(fixed, clip(u - gradient, low, high) - u, newton)
        s.stationarity, s.inner = mapping, s.inner + 1
        return done

    # --- along the projected path ----------------------------------------------------------------

    def trial(self) -> tuple[ca.MX, ca.MX]:
        """One trial; returns whether it was accepted, and whether the step is too short for another one."""
        m, s = self.m, self.m.state
        nx, ny = m.oracles.nx, m.oracles.ny
        low, high = self.limits()
        u = clip(s.u + s.step * s.direction, low, high)
        value = self.system.merit()(*self.arguments(u))
        moved = u - s.u
        promised = ca.dot(s.gradient, ca.if_else(s.fixed, moved, s.step * s.direction))
        noise = 1e-15 * ca.fabs(s.value)
        accepted, short = value <= s.value + ARMIJO * promised + noise, s.step < 1e-9
        kept = {"u": u, "x": u[:nx], "y": u[nx : nx + ny]} | self.duals(u)
        changes = {name: either(accepted, v, m.read(name)) for name, v in kept.items()}
        m.assign(changes | {"step": either(accepted, 1, 0.5 * s.step)})
        return accepted, short

    # --- multipliers and penalties ----------------------------------------------------------------

    def update(self) -> None:
        m, s, o = self.m, self.m.state, self.m.settings
        u = s.u
        rows, gap = self.system.residuals()(*self.arguments(u))
        equalities, goal = self.system.equalities, 1e-3 * o.tol
        violation = multipliers.violation(rows, s.eta, s.rho, equalities) if equalities else ca.MX(0)
        gap = gap / (1 + norm(u))
        solved = all_of(s.stationarity <= o.tol, violation <= goal, gap <= goal)

        branch, better = self.system.branches()(u, s.gradient, s.branch, o.tol, *m.p)
        hold = all_of(s.held == 0, s.restoring != 1, violation <= 1e-4, gap <= 1e-5)
        flip = all_of(s.held > 0, solved, better, s.flips < MOST_FLIPS)
        finished = all_of(s.held > 0, solved, ca.logic_not(flip))
        branch = either(any_of(hold, flip), branch, s.branch)

        slow = all_of(violation > goal, violation > 0.25 * s.violation)
        unsettled = all_of(gap > goal, gap > 0.1 * s.complementarity)
        rho = either(slow, ca.fmin(10 * s.rho, RHO_LIMIT), s.rho)
        updates = {
            "u": clip(u, *self.limits(branch)),
            "branch": branch,
            "held": any_of(s.held, hold),
            "flips": s.flips + flip,
            "eta": multipliers.updated(rows, s.eta, s.rho, equalities) if equalities else s.eta,
            "rho": either(hold, ca.fmin(s.rho, 1e3), rho),
            "gamma": either(unsettled, ca.fmin(o.gamma_factor * s.gamma, 1e8), s.gamma),
            "violation": violation,
            "complementarity": gap,
            "accuracy": ca.fmax(0.1 * s.accuracy, 0.1 * o.tol),
            "inner": 0,
            "updates": s.updates + 1,
            "signal": either(finished, int(Signal.CONVERGED), 0),
        } | self.duals(u)
        m.assign(self.recovered(updates, violation, gap))

    def recovered(self, updates: dict[str, ca.MX], violation: ca.MX, gap: ca.MX) -> dict[str, ca.MX]:
        """`updates`, but where u has run away or the violation stays: begin again, or give up and say why."""
        m, s, o = self.m, self.m.state, self.m.settings
        start, _ = self.system.start()(m.x_start, m.y_start, *m.p)
        gone = norm(s.u) > s.reach
        again = all_of(gone, s.resets < MOST_RESETS)
        stuck = all_of(s.rho >= RHO_LIMIT, violation > 1e-3, violation > 0.5 * s.violation)
        lost = all_of(stuck, s.hopeless >= 2)
        # restoration: without the leader's objective, from the start
        restore = all_of(lost, s.restoring == 0)
        restored = all_of(s.restoring == 1, violation <= 1e-6, gap <= 1e-6)
        renewed = any_of(restore, restored)

        infeasible = all_of(lost, s.restoring == 1, s.stationarity <= 1e-3)
        stalled = any_of(all_of(lost, s.restoring > 0), s.updates >= MOST_UPDATES)
        failure = either(infeasible, int(Signal.INFEASIBLE), either(stalled, int(Signal.STALLED), 0))
        failure = either(all_of(gone, ca.logic_not(again)), int(Signal.DIVERGED), failure)

        updates = updates | {
            "signal": either(updates["signal"] > 0, updates["signal"], failure),
            "hopeless": either(all_of(stuck, ca.logic_not(renewed)), s.hopeless + 1, 0),
        }
        updates |= self._where(
            again,
            updates,
            self.restarted(start)
            | {
                "gamma": ca.fmin(10 * o.gamma_factor * s.gamma, 1e8),
                "rho": ca.fmin(10 * s.rho, RHO_LIMIT),
                "reach": 10 * s.reach,
                "resets": s.resets + 1,
            },
        )
        return updates | self._where(
            renewed,
            updates,
            {
                "u": either(restore, start, updates["u"]),
                "eta": ca.MX.zeros(len(self.system.equalities)),
                "rho": o.rho,
                "gamma": either(restored, s.gamma, 1),
                "branch": ca.MX.zeros(self.system.n_pairs),
                "held": 0,
                "accuracy": 1e-1,
                "violation": 1e20,
                "complementarity": 1e20,
                "restoring": either(restored, 2, 1),
            },
        )

    def _where(self, condition: ca.MX, updates: dict[str, ca.MX], changes: dict[str, ca.MX | float]) -> dict[str, ca.MX]:
        """`changes` if the condition holds, else `updates`, or what was."""
        return {k: either(condition, ca.MX(v), updates.get(k, self.m.read(k))) for k, v in changes.items()}

    # --- help ---------------------------------------------------------------------------------------

    def duals(self, u: ca.MX) -> dict[str, ca.MX]:
        """What `dual(...)` is at u, by the slots that hold it."""
        m = self.m
        values = self.system.duals().call([u, m.state.scale, *m.p]) if m.duals else []
        return dict(zip(m.duals, values))

    def arguments(self, u: ca.MX) -> list[ca.MX]:
        s = self.m.state
        weight = either(s.restoring == 1, 0, s.scale[0])
        return [u, s.eta, s.rho, s.gamma, ca.vertcat(weight, s.scale[1:]), *self.m.p]

    def limits(self, branch: ca.MX | None = None) -> tuple[ca.MX, ca.MX]:
        return self.system.limits()(self.m.state.branch if branch is None else branch, *self.m.p)
