"""The lower level by its optimality conditions, with complementarity as an exact penalty.

    min  f(x, y) + gamma mu's     over x in X, c(x, y) <= 0,  s >= 0, mu >= 0
    s.t. grad_y g + (grad_y h)' mu = 0,   h(x, y) + s = 0

For a convex lower level mu's is the gap between its value and its dual bound, so this is the value-gap penalty
with the value function by duality: mu, the follower's multipliers, may move together with x and y. Bounds and
sets of y have multipliers too. gamma grows until mu's = 0; a small gamma at first lets the leader
look beyond the follower's present active set. Linear lower levels need no other treatment.

The equations and the rows of the upper level enter by augmented Lagrangian terms, which stay exact on these
problems although their constraint qualifications fail (Izmailov, Solodov, Uskov, SIAM J. Optim. 22, 2012). What is left
has only bounds and is solved by Newton steps on the entries free to move, with the pivots of the
Hessian made positive (two-metric projection).

Penalty: Anandalingam, White, IEEE Trans. Automat. Control 35 (1990); Ralph, Wright, Optim. Methods Softw. 19 (2004);
Bertsekas, SIAM J. Control Optim. 20 (1982); Gill, Murray, Wright, Practical Optimization (1981), 4.4.2.2.
"""

from __future__ import annotations

import casadi as ca

from ..functions.linalg import positive_solve
from ..functions.oracles import Oracles
from ..functions.projections import clip
from ..functions.select import all_of, any_of, either, norm
from . import multipliers
from .conditions import Conditions
from .draft import Draft
from .program import Program, Setting, Signal

NAME = "kkt"
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

NEWTON, TRY, UPDATE = range(3)  # phases


def program(oracles: Oracles) -> Program:
    return _Kkt(oracles).program


class _Kkt:
    def __init__(self, oracles: Oracles):
        self.oracles = oracles
        self.draft = draft = Draft(NAME, oracles, SETTINGS)
        self.system = system = Conditions(oracles)
        n, m = system.size, len(system.equalities)
        draft.state("x", oracles.nx, "upper variables")
        draft.state("y", oracles.ny, "lower variables")
        self.u = draft.state("u", n, "x, y, slacks, multipliers of the lower level")
        self.scale = draft.state("scale", 2 + system.n_rows, "of f, g and every row")
        self.eta = draft.state("eta", m, "multipliers of the equations and the upper rows")
        self.rho = draft.state("rho", 1, "penalty of the augmented Lagrangian terms")
        self.gamma = draft.state("gamma", 1, "penalty on complementarity")
        self.value = draft.state("value", 1, "of the merit function at u")
        self.gradient = draft.state("gradient", n, "of the merit function at u")
        self.fixed = draft.state("fixed", n, "1 for entries held at their bounds")
        self.direction = draft.state("direction", n, "Newton direction")
        self.step = draft.state("step", 1, "fraction of `direction` to try")
        self.accuracy = draft.state("accuracy", 1, "of the present Newton iteration")
        self.inner = draft.state("inner", 1, "Newton steps since the last update")
        self.updates = draft.state("updates", 1, "multiplier updates")
        self.reach = draft.state("reach", 1, "size of u from which on it counts as running away")
        self.branch = draft.state("branch", system.n_pairs, "0 open, -1 multiplier held at 0, 1 slack held at 0")
        self.held = draft.state("held", 1, "1: every pair is held on a branch")
        self.flips = draft.state("flips", 1, "changes of branch")
        self.hopeless = draft.state("hopeless", 1, "updates in a row at the largest rho without a smaller violation")
        self.restoring = draft.state("restoring", 1, "0 not yet, 1 the leader's objective is left out, 2 done")
        self.resets = draft.state("resets", 1, "returns to the start after running away")
        self.stationarity = draft.state("stationarity", 1, "projected gradient, relative")
        self.violation = draft.state("violation", 1, "of the equations and the upper rows, relative")
        self.complementarity = draft.state("complementarity", 1, "mu's, relative")
        draft.phase("newton", self.newton())
        draft.phase("try", self.trial())
        draft.phase("update", self.update())
        self.program = draft.program(self.initial(), self.measures())

    def initial(self) -> dict[str, ca.MX]:
        o, p = self.draft.option, self.draft.p
        u, scale = self.system.start()(self.draft.x_start, self.draft.y_start, *p)
        return self.restarted(u) | {"scale": scale, "gamma": o.gamma, "rho": o.rho, "reach": REACH * (1 + norm(u))}

    def restarted(self, u: ca.MX) -> dict[str, ca.MX]:
        nx, ny = self.oracles.nx, self.oracles.ny
        return {"u": u, "x": u[:nx], "y": u[nx : nx + ny], "eta": ca.MX.zeros(self.eta.numel()), "accuracy": 1e-1,
                "inner": 0, "branch": ca.MX.zeros(self.branch.numel()), "held": 0, "stationarity": 1,
                "violation": 1e20, "complementarity": 1e20}

    # --- phase newton: the direction -----------------------------------------------------------

    def newton(self) -> dict[str, ca.MX]:
        u, o = self.u, self.draft.option
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
        direction = ca.if_else(fixed, clip(u - gradient, low, high) - u, newton)
        done = any_of(mapping <= self.accuracy, self.inner >= o.inner_iter, norm(u) > self.reach)
        return {
            "value": value, "gradient": gradient, "fixed": fixed, "direction": direction, "step": 1,
            "stationarity": mapping, "inner": self.inner + 1, "phase": either(done, UPDATE, TRY),
        }

    # --- phase try: along the projected path ----------------------------------------------------

    def trial(self) -> dict[str, ca.MX]:
        nx, ny = self.oracles.nx, self.oracles.ny
        low, high = self.limits()
        u = clip(self.u + self.step * self.direction, low, high)
        value = self.system.merit()(*self.arguments(u))
        moved = u - self.u
        promised = ca.dot(self.gradient, ca.if_else(self.fixed, moved, self.step * self.direction))
        noise = 1e-15 * ca.fabs(self.value)
        accepted = value <= self.value + ARMIJO * promised + noise
        short = self.step < 1e-9
        keep = lambda new, old: either(accepted, new, old)  # noqa: E731
        return {
            "u": keep(u, self.u), "x": keep(u[:nx], self.draft["x"]), "y": keep(u[nx : nx + ny], self.draft["y"]),
            "step": keep(1, 0.5 * self.step), "phase": either(accepted, NEWTON, either(short, UPDATE, TRY)),
        } | {name: keep(value, self.draft[name]) for name, value in self.duals(u).items()}

    # --- phase update: multipliers and penalties --------------------------------------------------

    def update(self) -> dict[str, ca.MX]:
        o, p, u = self.draft.option, self.draft.p, self.u
        rows, gap = self.system.residuals()(*self.arguments(u))
        equalities, goal = self.system.equalities, 1e-3 * o.tol
        violation = multipliers.violation(rows, self.eta, self.rho, equalities) if equalities else ca.MX(0)
        gap = gap / (1 + norm(u))
        solved = all_of(self.stationarity <= o.tol, violation <= goal, gap <= goal)

        branch, better = self.system.branches()(u, self.gradient, self.branch, o.tol, *p)
        hold = all_of(self.held == 0, self.restoring != 1, violation <= 1e-4, gap <= 1e-5)
        flip = all_of(self.held > 0, solved, better, self.flips < MOST_FLIPS)
        finished = all_of(self.held > 0, solved, ca.logic_not(flip))
        branch = either(any_of(hold, flip), branch, self.branch)

        slow = all_of(violation > goal, violation > 0.25 * self.violation)
        unsettled = all_of(gap > goal, gap > 0.1 * self.complementarity)
        rho = either(slow, ca.fmin(10 * self.rho, RHO_LIMIT), self.rho)
        updates = {
            "u": clip(u, *self.limits(branch)), "branch": branch, "held": any_of(self.held, hold),
            "flips": self.flips + flip,
            "eta": multipliers.updated(rows, self.eta, self.rho, equalities) if equalities else self.eta,
            "rho": either(hold, ca.fmin(self.rho, 1e3), rho),
            "gamma": either(unsettled, ca.fmin(o.gamma_factor * self.gamma, 1e8), self.gamma),
            "violation": violation, "complementarity": gap, "stationarity": self.stationarity,
            "accuracy": ca.fmax(0.1 * self.accuracy, 0.1 * o.tol), "inner": 0, "updates": self.updates + 1,
            "signal": either(finished, int(Signal.CONVERGED), 0), "phase": NEWTON,
        } | self.duals(u)
        return self.recovered(updates, violation, gap)

    def recovered(self, updates: dict[str, ca.MX], violation: ca.MX, gap: ca.MX) -> dict[str, ca.MX]:
        """`updates`, but where u has run away or the violation stays: begin again, or give up and say why."""
        o = self.draft.option
        start, _ = self.system.start()(self.draft.x_start, self.draft.y_start, *self.draft.p)
        gone = norm(self.u) > self.reach
        again = all_of(gone, self.resets < MOST_RESETS)
        stuck = all_of(self.rho >= RHO_LIMIT, violation > 1e-3, violation > 0.5 * self.violation)
        lost = all_of(stuck, self.hopeless >= 2)
        # restoration: without the leader's objective, from the start
        restore = all_of(lost, self.restoring == 0)
        restored = all_of(self.restoring == 1, violation <= 1e-6, gap <= 1e-6)
        renewed = any_of(restore, restored)

        infeasible = all_of(lost, self.restoring == 1, self.stationarity <= 1e-3)
        stalled = any_of(all_of(lost, self.restoring > 0), self.updates >= MOST_UPDATES)
        failure = either(infeasible, int(Signal.INFEASIBLE), either(stalled, int(Signal.STALLED), 0))
        failure = either(all_of(gone, ca.logic_not(again)), int(Signal.DIVERGED), failure)

        updates = updates | {
            "signal": either(updates["signal"] > 0, updates["signal"], failure),
            "hopeless": either(all_of(stuck, ca.logic_not(renewed)), self.hopeless + 1, 0),
        }
        updates |= self._where(again, updates, self.restarted(start) | {
            "gamma": ca.fmin(10 * o.gamma_factor * self.gamma, 1e8), "rho": ca.fmin(10 * self.rho, RHO_LIMIT),
            "reach": 10 * self.reach, "resets": self.resets + 1,
        })
        return updates | self._where(renewed, updates, {
            "u": either(restore, start, updates["u"]), "eta": ca.MX.zeros(self.eta.numel()), "rho": o.rho,
            "gamma": either(restored, self.gamma, 1), "branch": ca.MX.zeros(self.branch.numel()), "held": 0,
            "accuracy": 1e-1, "violation": 1e20, "complementarity": 1e20, "restoring": either(restored, 2, 1),
        })

    def _where(self, condition: ca.MX, updates: dict[str, ca.MX], changes: dict[str, ca.MX]) -> dict[str, ca.MX]:
        """`changes` if the condition holds, else `updates`, or what was."""
        return {k: either(condition, ca.MX(v), updates.get(k, self.draft[k])) for k, v in changes.items()}

    # --- help ---------------------------------------------------------------------------------------

    def duals(self, u: ca.MX) -> dict[str, ca.MX]:
        """What `dual(...)` is at u, by the slots that hold it."""
        names = [f"p{k}" for k, q in enumerate(self.oracles.problem.parameters) if q.is_dual]
        values = self.system.duals().call([u, self.scale, *self.draft.p]) if names else []
        return dict(zip(names, values))

    def arguments(self, u: ca.MX) -> list[ca.MX]:
        weight = either(self.restoring == 1, 0, self.scale[0])
        return [u, self.eta, self.rho, self.gamma, ca.vertcat(weight, self.scale[1:]), *self.draft.p]

    def limits(self, branch: ca.MX | None = None) -> tuple[ca.MX, ca.MX]:
        return self.system.limits()(self.branch if branch is None else branch, *self.draft.p)

    def measures(self) -> dict[str, ca.MX]:
        x, y, p = self.draft["x"], self.draft["y"], self.draft.p
        return {
            "upper": self.oracles.function("f")(x, y, *p),
            "lower": self.oracles.function("g")(x, y, *p),
            "stationarity": self.stationarity,
            "violation": self.violation,
            "complementarity": self.complementarity,
            "penalty": self.gamma,
        }
