"""What is known of a point, apart from the method that found it.

    upper_feasibility   distance to X and violation of the upper constraints
    lower_feasibility   distance to Y and violation of the lower constraints
    lower_gap           g(x, y) - min over re-solutions of the lower level from several starts (IPOPT)
    stationarity        the measure of the class, see `stationarity.py`
    leader_gap          where the follower has several answers: what the leader loses by this one

Each is relative (to 1 + the size of the quantity) and held against a tolerance; `verified` needs all.
"""

from __future__ import annotations

import numpy as np

from ..functions.oracles import Oracles
from . import stationarity as measure
from .duals import multipliers
from .follower import Follower, Response
from .result import Certificate, Check
from .sensitivity import Sensitivity, sensitivity

STARTS = 4  # besides the point itself


def certify(oracles: Oracles, x: np.ndarray, y: np.ndarray, *, tol: float = 1e-6, seed: int = 0) -> Certificate:
    """The certificate of (x, y), flat columns. Feasibility and gap are held to `tol`, stationarity to 10 `tol`."""
    follower = Follower(oracles)
    f, g = follower.values(x, y)
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y)) and np.isfinite(f) and np.isfinite(g)):
        return Certificate((Check("finite", np.nan, tol, "the point has entries that are not numbers"),))
    notes: list[str] = []
    details: dict[str, object] = {}
    checks = [
        Check("upper_feasibility", _upper_infeasibility(oracles, x, y), tol, "of the leader's sets and constraints"),
        Check("lower_feasibility", _lower_infeasibility(oracles, follower, x, y), tol,
              "of the follower's sets and constraints"),
    ]
    answers = follower.answers(x, y, seed, STARTS) if follower.describable else []
    checks.append(_gap(oracles, follower, answers, f, g, tol, notes, details, x, y))
    s = sensitivity(follower, x, y)
    checks += _multipliers(oracles, s, x, y, tol)
    checks += _first_order(oracles, follower, s, x, y, f, tol, notes, details)
    leader = _leader_gap(follower, s, answers, x, y, f, g, tol, notes, details)
    if leader is not None:
        checks.append(leader)
    return Certificate(tuple(checks), "local", tuple(notes), details)


def _upper_infeasibility(oracles: Oracles, x, y) -> float:
    distance = float(np.linalg.norm(measure.project_x(oracles, x) - x)) / (1 + float(np.linalg.norm(x)))
    if not oracles.upper_equalities:
        return distance
    c = measure.evaluate(oracles, "c", x, y)[0].ravel()
    rows = np.where(oracles.upper_equalities, np.abs(c), np.maximum(c, 0))
    return max(distance, float(np.max(rows)))


def _lower_infeasibility(oracles: Oracles, follower: Follower, x, y) -> float:
    distance = float(np.linalg.norm(measure.project_y(oracles, y) - y)) / (1 + float(np.linalg.norm(y)))
    return max(distance, follower.infeasibility(x, y))


def _gap(oracles, follower, answers: list[Response], f, g, tol, notes, details, x, y) -> Check:
    about = f"of the lower objective, {len(answers)} re-solutions"
    if not follower.describable:
        # no smooth description of the set: the projected gradient of g, first-order information only
        value = measure.lower_gradient_mapping(oracles, x, y)
        notes.append("the follower's set has no smooth description: its answer is checked by the gradient mapping only")
        return Check("lower_stationarity", value, tol, "gradient mapping of the lower level")
    if not answers:
        notes.append("no re-solution of the lower level succeeded")
        return Check("lower_gap", np.nan, tol, about)
    best = min(answers, key=lambda a: a.g)
    gap = max(0.0, g - best.g) / (1 + abs(g))
    if gap > tol:
        notes.append(f"the follower has a better answer: {best.g:.9g} instead of {g:.9g}")
        details["better_lower"] = best.y.tolist()
    return Check("lower_gap", gap, tol, about)


def _multipliers(oracles: Oracles, s: Sensitivity | None, x, y, tol) -> list[Check]:
    """How far the multipliers that the leader's values rest on are from those found here; unknown if not unique."""
    used, about = oracles.problem.used_duals, "of the follower, against those found apart from the method"
    if not used:
        return []
    if s is None or s.dependent:
        return [Check("multipliers", np.nan, _times(1e2, tol), about)]
    own = multipliers(oracles.problem, x, y)
    claimed = {q.name: q.value for q in oracles.problem.parameters if q.is_dual}
    apart = max(float(np.max(np.abs(claimed[f"dual({d.name})"] - own[d.name]) / (1 + np.abs(own[d.name]))))
                for d in used)
    return [Check("multipliers", apart, _times(1e2, tol), about)]


def _first_order(oracles, follower, s: Sensitivity | None, x, y, f, tol, notes, details) -> list[Check]:
    simple = oracles.problem.is_simple
    if s is None:
        notes.append("the stationarity of the upper level was not computed: the lower level is too large "
                     "or its set has no smooth description")
        return []
    details["follower_unique"] = not s.singular and s.curvature > 0
    if simple:
        return [Check("stationarity", measure.tangential(oracles, s, x, y), _times(10, tol),
                      "part of grad f that no multiplier balances")]
    value = measure.gradient_mapping(follower, s, x, y)
    if not s.kinked:
        return [Check("stationarity", value, _times(10, tol), "gradient mapping of the hyper-objective")]
    if oracles.problem.used_duals:  # one side decides nothing, and differences would need unique multipliers
        notes.append("stationarity is not known here: a constraint of the follower is active without a multiplier, "
                     "or its multipliers are not unique")
        return [Check("stationarity", np.nan, _times(10, tol), "gradient mapping of the hyper-objective")]
    # one side's derivative may vanish while the other side descends: both are tried
    notes.append("the derivative of the follower's answer is one-sided here: a constraint is active without "
                 "a multiplier, or constraints meet whose multipliers are not unique")
    details["gradient_mapping"] = value
    directions = [-measure.hypergradient(follower, s, x, y)]
    if x.size <= 20:
        directions += [sign * np.eye(1, x.size, i).ravel() for i in range(x.size) for sign in (1, -1)]
    descent = measure.steepest_descent(follower, x, y, directions)
    return [Check("stationarity", descent, _times(1e3, tol), "steepest descent found by differences, at a kink")]


def _leader_gap(follower: Follower, s, answers, x, y, f, g, tol, notes, details) -> Check | None:
    """Among the follower's answers: the leader's best and worst value, if there are several."""
    if not follower.describable or follower.oracles.problem.used_duals:
        return None
    level = min([g, *(a.g for a in answers)]) + tol * (1 + abs(g))
    optimal = [a for a in answers if a.g <= level]
    values = [a.f for a in optimal]
    several = s is not None and s.singular
    if several:
        slack = 1e-9 * (1 + abs(g))
        ceiling = min([g, *(a.g for a in answers)]) + slack
        for objective in ("f", "-f"):
            answer = follower.respond(x, y, objective, ceiling)
            if answer.solved:
                values.append(answer.f)
    one = y if g <= level or not optimal else optimal[0].y  # y itself may be no answer at all
    apart = any(np.linalg.norm(a.y - one) > 1e-3 * (1 + np.linalg.norm(one)) for a in optimal)
    if not (several or apart) or not values:
        return None
    best, worst = min(values), max(values)
    sense = follower.oracles.problem.f.sense
    details["leader_best"], details["leader_worst"] = sorted((sense * best, sense * worst), reverse=sense < 0)
    if worst - best > tol * (1 + abs(best)):
        notes.append(f"the follower has several answers; over them the leader's objective goes from "
                     f"{sense * best:.6g} to {sense * worst:.6g}")
    # the ceiling on g lets y move by sqrt(slack): that much of a gap says nothing
    gap = max(0.0, f - best) / (1 + abs(f))
    return Check("leader_gap", gap, _times(1e3, tol), "among the follower's answers found")


def _times(factor: float, tol: float) -> float:
    """A multiple of the tolerance, without the last bits that rounding leaves: 1e-05, not 9.999999999999999e-06."""
    return float(f"{factor * tol:.12g}")
