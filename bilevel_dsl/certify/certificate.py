"""What is known of a point, apart from the method that found it: the claims, one after the other.

    feasible            both levels' sets and constraints
    follower_optimal    no answer of the follower is better, see `optimal.py`
    follower_answer     it is the only one, or the leader's choice, see `answers.py`
    multipliers         what the leader uses of them are multipliers of the follower
    leader_stationary   no decision near by is better, see `leader.py`
    leader_global       nor any other

Numbers are relative to lengths and sizes of the problem at the point (`scales.py`), never to units.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from ..functions.oracles import Oracles
from . import stationarity as sets
from .answers import RESIDUAL, Answers, check_answers
from .bounded import BOUND, bounded, meets
from .claims import Certificate, Claim, Verdict, unchecked
from .conflict import Conflict, conflict
from .effort import EFFORTS, Budget, budget, glance
from .exact import Unproved, prove
from .feasible import FEASIBLE, check_feasible
from .follower import Follower, Frame, Response, row_sizes
from .leader import check_leader
from .local import Local, local
from .multipliers import check_multipliers
from .optimal import GAP, Optimal, convex_objective, optimal
from .place import Place, Region
from .reaction import Reaction, Reactions
from .scales import NEAR, TIED, Scales, coupling, lengths, variation
from .simple import check_choice
from .ties import others
from .whole import WholeLeader


def certify(
    oracles: Oracles,
    x: np.ndarray,
    y: np.ndarray,
    *,
    tol: float = 1e-6,
    seed: int = 0,
    effort: str = "normal",
    limits: Budget | None = None,
    multipliers: dict[str, np.ndarray] | None = None,
    adverse: bool = False,
) -> Certificate:
    """The certificate of (x, y), flat columns.

    Args:
        tol: of the checks; each is held to a fixed multiple of it, given with the claim.
        seed: of all random choices.
        effort: "quick", "normal" or "thorough".
        limits: an effort with its end; by default `effort` without an end.
        multipliers: values of `dual(...)` that the leader's expressions rest on, by label.
        adverse: of several answers the follower takes the worst one for the leader, not the best one.
    """
    return Examination(oracles, x, y, multipliers, adverse).certificate(limits or budget(effort), seed=seed, tol=tol)


class Examination:
    """A point with all that the claims share: lengths, the follower's program, derivatives."""

    def __init__(
        self,
        oracles: Oracles,
        x: np.ndarray,
        y: np.ndarray,
        multipliers: dict[str, np.ndarray] | None = None,
        adverse: bool = False,
    ):
        self.oracles, self.x, self.y, self.adverse = oracles, x, y, adverse
        self.claimed = multipliers
        self.place = Place(oracles, multipliers)
        self.leader, self.region = Region(oracles, "upper"), Region(oracles, "lower")
        self.f, self.g = self.place.value("f", x, y), self.place.value("g", x, y)
        self.finite = bool(
            np.all(np.isfinite(x))
            and np.all(np.isfinite(y))
            and np.isfinite(self.g)
            and (np.isfinite(self.f) or bool(oracles.problem.used_duals))
        )
        if not self.finite:
            return
        size_x, size_y = lengths(self.place, self.leader, self.region, x, y)
        lower, upper = self.region.limits(self.place, x)[:2]
        size_g = max(
            variation(self.place, "g", x, y, size_y, lower, upper), TIED * coupling(self.place, x, y, size_x, size_y)
        )
        self.scales = Scales(size_x, size_y, self._size_of_f(size_x, size_y, lower, upper), size_g)
        rows = row_sizes(self.region, self.place, x, y, size_x, size_y)
        upper_rows = _joint_sizes(self.leader, self.place, x, y, size_x, size_y)
        self.frame = Frame(size_y, size_g, self.scales.f, rows, upper_rows)
        self.follower = Follower(self.place, self.region, self.frame, self.leader)

    def _size_of_f(self, size_x, size_y, lower, upper) -> float:
        """The change of f over one length of any variable, linear extrapolation of a short step."""
        if not np.isfinite(self.f):
            return 1.0
        changes = [0.0]
        if self.place.ny:
            changes.append(variation(self.place, "f", self.x, self.y, size_y, lower, upper))
        for i in range(min(self.x.size, 50)):
            for s in (1, -1):
                moved = self.x.copy()
                moved[i] += s * NEAR * size_x[i]
                change = abs(self.place.value("f", moved, self.y) - self.f) / NEAR
                if np.isfinite(change):
                    changes.append(change)
        real = [c for c in changes if c > 1e-12 * abs(self.f)]
        return max(real, default=max(abs(self.f), 1.0))

    def within(self, limits: Budget) -> None:
        """From here on solvers end with the time."""
        self.follower.end = limits.deadline

    def answer(self, limits: Budget, *, seed: int = 0, tol: float = 1e-6) -> np.ndarray | None:
        """The best answer of the follower to x that is found, y included; None where there is none."""
        found = self.follower_optimal(limits, seed, tol) if self.finite else None
        return None if found is None or found.unbounded or found.answer is None else found.answer.y

    def certificate(
        self,
        limits: Budget,
        *,
        seed: int,
        tol: float,
        bound: tuple[float, str] | None = None,
        unattained: bool = False,
        brief: bool = False,
    ) -> Certificate:
        """All claims, as far as the budget goes.

        Args:
            bound: a proved lower bound of the minimised leader's objective, and what it rests on, in words.
            unattained: that bound is an infimum, which no decision attains.
            brief: nothing is said of the leader where a constraint is broken or the follower has a better answer.
        """
        if not self.finite:
            words = "the point or an objective is not a finite number"
            failed = Claim("feasible", Verdict.FAILED, words, np.nan, tol)
            return replace(unchecked(words), claims=(failed, *unchecked(words).claims[1:]), notes=(words,))
        self.within(limits)
        found = self._examined(limits, seed, tol, bound, brief)
        if unattained and bound is not None:
            found = self._only_near(found, *bound)
        return replace(found, negligible=self._negligible(tol), ties="pessimistic" if self.adverse else "optimistic")

    def _only_near(self, found: Certificate, bound: float, by: str) -> Certificate:
        """The certificate of a decision near an infimum that none attains: there is always a better one."""
        sense = self.place.problem.f.sense
        words = (
            f"the {'infimum' if sense > 0 else 'supremum'} {sense * bound:.8g} is not attained: decisions come as near to "
            f"it as wanted, this one to {abs(self.f - bound):.2g}; proved by {by}"
        )
        said = {
            "leader_stationary": Claim("leader_stationary", Verdict.FAILED, words),
            "leader_global": Claim("leader_global", Verdict.FAILED, "no decision is the best one"),
        }
        details = {**found.details, "infimum": sense * bound}
        return replace(found, claims=tuple(said.get(c.name, c) for c in found.claims), details=details)

    def _negligible(self, tol: float) -> dict[str, np.ndarray | float]:
        """What no check can tell from zero: of the objectives, and of each variable's entries."""
        problem = self.place.problem
        found: dict[str, np.ndarray | float] = {"upper": tol * self.scales.f, "lower": tol * self.scales.g}
        for v in problem.variables:
            lengths_ = (self.scales.x if v.level == "upper" else self.scales.y)[v.slice]
            found[f"variable {v.name}"] = tol * np.reshape(lengths_, v.shape, order="F")
        return found

    def _examined(self, limits: Budget, seed: int, tol: float, bound: tuple[float, str] | None, brief: bool) -> Certificate:
        feasible, numbers = check_feasible(self, tol)
        found = self.follower_optimal(limits, seed, tol)
        if found.unbounded:
            rest = tuple(
                Claim(n, Verdict.NOT_CHECKED, "the follower is unbounded")
                for n in ("follower_answer", "leader_stationary", "leader_global")
            )
            return Certificate(
                (feasible, found.claim, *rest),
                {**numbers, "lower_gap": np.inf, "stationarity": np.nan},
                _tolerances((feasible, found.claim)),
                (found.claim.words,),
                {},
                "the follower is unbounded",
            )
        broken = feasible.verdict is Verdict.FAILED
        if broken or brief and found.claim.verdict is Verdict.FAILED:
            short = self._cut_short(feasible, found, numbers)
            return short if brief else self._with_conflict(short, limits)
        here = self.local_at(found)
        answers = check_answers(
            self.place,
            self.leader,
            self.follower,
            self.scales,
            found,
            here,
            self.x,
            self.y,
            limits,
            tol=tol,
            adverse=self.adverse,
        )
        claims = [feasible, found.claim, answers.claim]
        if self.place.problem.used_duals:
            claims.append(check_multipliers(self, found, here, limits, tol))
        answered = bound is not None and all(c.verdict is not Verdict.FAILED for c in claims)
        looked = glance(limits) if answered and meets(claims, self.f, self.scales.f, bound[0]) else limits
        stationary = self._leader(found, here, answers, looked, seed, tol)
        claims += stationary.claims
        if bound is not None:
            claims = bounded(claims, self.f, self.scales.f, *bound, lambda claim: self._stands(claim, limits, seed, tol))
        exact, remarks = self._exactly(claims, limits, tol)
        gap = "lower_gap" if self.region.describable else "lower_stationarity"
        numbers |= {gap: found.gap, "stationarity": stationary.number}
        if answers.best is not None:
            numbers["leader_gap"] = answers.gap
        details = {**answers.details, **exact}
        if found.claim.witness and "variables" in found.claim.witness:
            details["better_lower"] = found.answer.y.tolist() if found.answer else None
        seen = stationary.notes if looked is limits else ()  # a glance sees too little to say more than the bound
        notes = (*found.notes, *answers.notes, *seen, *remarks)
        return Certificate(tuple(claims), numbers, _tolerances(claims) | self._limits_of(tol), notes, details)

    def _cut_short(self, feasible: Claim, found: Optimal, numbers: dict[str, float]) -> Certificate:
        """What a search needs of a point that is no answer: what is wrong with it, and where to go on."""
        broken = feasible.verdict is Verdict.FAILED
        rest = unchecked("a constraint is broken" if broken else "the follower has a better answer").claims[2:]
        details = {"better_lower": found.answer.y.tolist()} if found.answer else {}
        numbers = numbers | {"lower_gap": found.gap, "stationarity": np.nan}
        claims = (feasible, found.claim, *rest)
        return Certificate(claims, numbers, _tolerances(claims[:2]), (), details, cut_short=True)

    def _with_conflict(self, found: Certificate, limits: Budget) -> Certificate:
        """With the constraints that contradict each other."""
        seen = Conflict() if limits.over else conflict(self.oracles.written, limits)
        details = {**found.details, "conflict": list(seen.names)} if seen.names else found.details
        return replace(found, notes=(seen.sentence,) * bool(seen.sentence), details=details, cut_short=False)

    def _exactly(self, claims: list[Claim], limits: Budget, tol: float) -> tuple[dict[str, object], tuple[str, ...]]:
        """A proof in rational numbers where one is asked for and nothing speaks against the point; claims that it decides.

        Details, with the proof as `exact`, and notes.
        """
        if limits.effort is not EFFORTS["thorough"] or self.adverse or any(c.verdict is Verdict.FAILED for c in claims):
            return {}, ()
        problem = self.oracles.written
        try:
            proof = prove(problem, self.x, limits)
        except Unproved as why:
            return {}, (f"not proved in rational numbers: {why}",) if why.expected else ()
        value = float(proof.value)
        away = [np.abs(v - np.array(e, float)) / s for v, e, s in zip((self.x, self.y), (proof.x, proof.y), self._lengths)]
        away = max(float(np.max(a, initial=0.0)) for a in away)
        if abs(self.f - value) > BOUND * max(self.scales.f, abs(self.f)) or not away <= FEASIBLE * tol:
            return {}, ("not proved in rational numbers: they lead to another point",)
        nearest = f"exact: a point in rational numbers within {away:.1g} lengths of this one"
        tree = (
            f"exact: {proof.leaves} lea{'f' if proof.leaves == 1 else 'ves'} of a tree over pairs closed in rational numbers"
        )
        words = {
            "feasible": f"{nearest} keeps all sets and constraints",
            "follower_optimal": f"{nearest} has multipliers of the follower that fit it",
            "follower_answer": f"{tree}; no answer is better for the leader",
            "leader_stationary": tree,
            "leader_global": tree,
        }
        for k, claim in enumerate(claims):
            if claim.name in words:
                claims[k] = replace(claim, verdict=Verdict.PROVED, words=words[claim.name])
        return {"exact": proof.document(problem)}, ()

    @property
    def _lengths(self) -> tuple[np.ndarray, np.ndarray]:
        return self.scales.x, self.scales.y

    def _stands(self, claim: Claim, limits: Budget, seed: int, tol: float) -> bool:
        """Whether the follower stays with its answer at a decision that is said to be better for the leader.

        Decisions are compared along one answer of the follower, which may be beaten by another one there.
        """
        values = claim.decided
        if (
            self.adverse
            or not claim.name.startswith("leader")
            or any(v.name not in values for v in self.place.problem.variables)
        ):
            return True
        x, y = (np.zeros(self.x.size), np.zeros(self.y.size))
        for v in self.place.problem.variables:
            (x if v.level == "upper" else y)[v.slice] = np.ravel(values[v.name], order="F")
        there = Examination(self.oracles, x, y, self.claimed)
        return not there.finite or there.follower_optimal(limits, seed, tol).claim.verdict is not Verdict.FAILED

    def _limits_of(self, tol: float) -> dict[str, float]:
        bound = float(f"{FEASIBLE * tol:.12g}")
        return {"upper_feasibility": bound, "lower_feasibility": bound}

    def follower_optimal(self, limits: Budget, seed: int, tol: float) -> Optimal:
        """The claim on the follower's answer, with the answers that were found."""
        if self.region.describable:
            return optimal(self.place, self.region, self.follower, self.scales, self.x, self.y, limits, seed=seed, tol=tol)
        value = sets.lower_gradient_mapping(self.oracles, self.place, self.x, self.y, self.scales.y, self.scales.g)
        tolerance = float(f"{GAP * tol:.12g}")
        convex = convex_objective(self.place, self.x)
        words = "gradient mapping of the follower; its set has no smooth description"
        if not value <= tolerance:
            return Optimal(
                Claim("follower_optimal", Verdict.FAILED, f"{words}: it is not stationary", value, tolerance), value, None
            )
        verdict = Verdict.SEARCHED if convex else Verdict.NOT_CHECKED
        words += ", convex" if convex else ", and it is not known to be convex"
        return Optimal(Claim("follower_optimal", verdict, words, value, tolerance), value, None, convex=convex)

    def local_at(self, found: Optimal) -> Local | None:
        """At the follower's own answer where it is one: another one may be as good for it and not for the leader."""
        if found.answer is None:
            return None
        if found.claim.passed:
            own = Response(self.y, self.g, self.f, True, "", found.answer.multipliers)
            here = self.local_of(own)
            if here is not None and here.residual <= RESIDUAL:
                return here
        return self.local_of(found.answer)

    def local_of(self, answer: Response) -> Local | None:
        """Derivatives at an answer of the follower, with the valid multipliers nearest to those claimed."""
        here = local(self.place, self.region, self.scales, self.frame.rows, answer, self.x)
        used = self.place.problem.used_duals
        if here is None or not used or not self.claimed:
            return here
        E = np.vstack([here.entries(d, self.region.first_constraint, self.region.count) for d in used])
        d = np.concatenate([np.ravel(self.claimed[u.name], order="F") for u in used])
        size = float(np.max(np.abs(E), initial=0.0))
        if size == 0 or not np.all(np.isfinite(d)):
            return here
        return local(self.place, self.region, self.scales, self.frame.rows, answer, self.x, (E / size, d / size))

    def reaction(self, x: np.ndarray, y: np.ndarray, convex: bool = True) -> Reaction | None:
        """The follower's answer to another decision, from y, and the leader's value there."""
        return Reactions(
            self.place,
            self.leader,
            self.region,
            self.follower,
            self.scales,
            self.frame.upper_rows,
            False,
            (self.x, self.y),
            convex,
            adverse=self.adverse,
        ).at(x, y)

    def _leader(
        self, found: Optimal, here: Local | None, answers: Answers, limits: Budget, seed: int, tol: float
    ) -> _Leader:
        if self.place.problem.is_simple:
            claim = check_choice(
                self.place, self.leader, self.follower, self.scales, found, here, self.x, self.y, limits, tol=tol
            )
            return _Leader([claim, _simple_everywhere(found, here)], _number(claim))
        reactions = Reactions(
            self.place,
            self.leader,
            self.region,
            self.follower,
            self.scales,
            self.frame.upper_rows,
            answers.several,
            (self.x, self.y),
            found.convex,
            here,
            others(found, self.y, self.scales),
            self.adverse,
        )
        if not self.region.describable:
            words = "the follower's set has no smooth description"
            claims = [Claim(n, Verdict.NOT_CHECKED, words) for n in ("leader_stationary", "leader_global")]
            return _Leader(claims, np.nan)
        point = self.place, self.leader, reactions, self.scales
        continuous = partial(check_leader, *point, found, here, self.x, self.y, limits, seed=seed, tol=tol)
        if self.place.problem.whole.any():
            checked = WholeLeader(*point, here, self.x, self.y, limits, seed, tol).check(continuous)
        else:
            checked = continuous()
        return _Leader([checked.stationary, checked.everywhere], checked.value, checked.notes)


class _Leader:
    def __init__(self, claims: list[Claim], number: float, notes: tuple[str, ...] = ()):
        self.claims, self.number, self.notes = claims, number, notes


def _simple_everywhere(found: Optimal, here: Local | None) -> Claim:
    return Claim("leader_global", Verdict.NOT_CHECKED, "not looked for")


def _number(claim: Claim) -> float:
    return np.nan if claim.value is None else claim.value


def _joint_sizes(region: Region, place: Place, x, y, size_x, size_y) -> np.ndarray:
    """The change of each of the leader's rows over one length of any variable."""
    by_x, by_y = region.jacobians(place, x, y)
    found = np.maximum(np.abs(by_x * size_x).max(axis=1, initial=0), np.abs(by_y * size_y).max(axis=1, initial=0))
    return np.where(np.isfinite(found) & (found > 0), found, 1.0)


def _tolerances(claims) -> dict[str, float]:
    names = {"follower_optimal": "lower_gap", "follower_answer": "leader_gap", "leader_stationary": "stationarity"}
    return {names.get(c.name, c.name): c.tolerance for c in claims if c.tolerance is not None and c.name != "feasible"}
