"""Attempts until one is verified, then a few more from elsewhere; the best is the answer.

    1. the methods that suit the class, one after the other, from the start of the model, until an answer is verified;
       after each the certificate's witnesses are starts: a better answer of the follower, a direction, a better decision.
       A method that ends where a convex follower has a better answer has failed: the others are tried before it again,
       and each at most once before all have been
    2. in a small problem, boxes from the best answer: they prove it, or find a better one (`proof.py`)
    3. for a follower that is not convex, rounds with its other answers as rows of the leader (`cuts.py`)
    4. the method that was best, from other places in the leader's set: local answers of one problem differ

How far this goes is counted (`effort.py`), so that the answer is the same on every machine; a time limit ends it all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from time import perf_counter

import numpy as np

from ..certify.bounded import with_bound
from ..certify.claims import Verdict
from ..certify.conflict import conflict
from ..certify.effort import budget
from ..functions.oracles import Oracles
from ..interrupts import heed
from ..methods import METHODS, MethodInfo
from ..model.structure import analyse
from ..runtime.execute import Run
from ..runtime.status import Status
from .attempt import Attempt, Runner, Start
from .cuts import applies, with_cuts
from .effort import Effort
from .proof import proving
from .starts import better_answer, elsewhere, witnesses
from .worker import Task
from .workers import Workers

SAME = 1e-6  # relative: two values, or two points, that are one
FAR_BETTER = 1e-3  # relative: what a follower that is off by rounding does not explain
SHARE = 0.5  # of the time that is left, for an attempt that others may follow
LAST_SHARE = 0.8  # for the last one: the rest is for its verification

Examine = Callable[[Attempt, bool], Attempt]  # the attempt; whether briefly


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is tried: the methods with the reason for each, in order, and how much of it."""

    methods: tuple[tuple[MethodInfo, str], ...]
    effort: Effort
    seed: int = 0
    end: float = float("inf")  # of `perf_counter`


@dataclass(eq=False)
class Search:
    """One search; `attempts` is its record, in order."""

    runner: Runner
    plan: Plan
    examine: Examine
    stage: Callable[[str], None] = lambda name: None
    moved: Callable[[Start], Start] = lambda start: start  # off a point of symmetry, see `certify/beginning.py`
    workers: Workers | None = None  # processes for attempts from elsewhere
    attempts: list[Attempt] = field(default_factory=list)
    _restarts: int = 0

    def run(self, first: Start) -> Attempt:
        """The best attempt, examined: it alone in full where it is no answer; with what is proved of all decisions."""
        best = found = self._run(first)
        if best.certificate is not None and best.certificate.cut_short and perf_counter() < self.plan.end:
            self.stage("verifying")
            found = self.examine(best, False)
        bound = max((a.run.bound for a in self.attempts if a.run.bound is not None), default=None)
        if found.verified and bound is not None:
            objective = self.runner.oracles.written.f
            found = replace(found, certificate=with_bound(found.certificate, objective, found.upper, *bound))
        self.attempts[self.attempts.index(best)] = found
        return found

    def _run(self, first: Start) -> Attempt:
        methods = self.plan.methods[: self.plan.effort.methods]
        for k, (info, reason) in enumerate(methods):
            if not info.card.anywhere:
                first, self.moved = self.moved(first), lambda start: start
            yields = info.card.dense and any(other.direct for other, _ in methods[k + 1 :])
            run = self._try(info, reason, first, most=self.plan.effort.each if yields else np.inf).run
            if run.proved_infeasible or run.unattained or self._contradictory(run):
                return self.best
            if not self._failed(self.attempts[-1]):
                self._follow(info, most=1 if self._convex else self.plan.effort.restarts)
            if self.over or self.best.verified:
                break
        if not self.best.verified:
            self._again()
        self._prove()
        if self._known or self.best.run.proved_infeasible:
            return self.best
        self._cut()
        told = len(self.attempts)
        self._elsewhere(first)
        if any(better_answer(self.runner.oracles, a) is not None for a in self.attempts[told:]):
            self._cut()
        return self.best

    @property
    def over(self) -> bool:
        """The time is up, or the user wants no more."""
        last = self.attempts[-1].run.status if self.attempts else None
        return last is Status.INTERRUPTED or perf_counter() >= self.plan.end  # an attempt has a share of the time only

    @property
    def best(self) -> Attempt:
        """Verified before admissible before all others; of alike ones the better for the leader, then the first."""

        def rank(k: int) -> tuple:
            a = self.attempts[k]
            standing = (not a.verified, not a.admissible)
            if standing == (True, True):  # no point at all: the better value says nothing
                return (*standing, not a.run.proved_infeasible, not a.usable, a.run.status is not Status.CONVERGED, k)
            return (*standing, False, False, a.upper, k)

        return self.attempts[min(range(len(self.attempts)), key=rank)]

    @property
    def work(self) -> float:
        return sum(a.work for a in self.attempts)

    @property
    def interrupted(self) -> bool:
        """By the user, within an attempt, which the search does not go on after."""
        return bool(self.attempts) and self.attempts[-1].run.status is Status.INTERRUPTED

    # --- the steps ---------------------------------------------------------------------

    def _try(
        self,
        info: MethodInfo,
        reason: str,
        start: Start,
        other: Oracles | None = None,
        most: float = np.inf,
        ran: Attempt | None = None,
    ) -> Attempt:
        """An attempt, examined where it may become the answer.

        Args:
            other: functions to run with in place of the problem's.
            ran: it was run by another process.

        Raises:
            KeyboardInterrupt: Ctrl-C since the last one, which nothing has ended for.
        """
        heed()
        attempt = ran or self.runner.run(info, reason, start, self._seconds, other, most)
        examined = attempt.usable and self._may_be_best(attempt)
        self.attempts.append(attempt)  # before it is examined: Ctrl-C ends that too, and the point is kept
        if examined:
            self.stage("verifying")
            self.attempts[-1] = attempt = self.examine(attempt, True)
            self.stage("iterating")
        return attempt

    @property
    def _seconds(self) -> float | None:
        """That an attempt may take."""
        left = self.plan.end - perf_counter()
        share = LAST_SHARE if len(self.plan.methods) == 1 or self.plan.effort.methods == 1 else SHARE
        return None if left == float("inf") else max(share * left, 1e-9)

    def _may_be_best(self, attempt: Attempt) -> bool:
        known = [a for a in self.attempts if a.verified]
        if not known and attempt.run.bound is not None:  # it may be proved what another attempt only came near to
            return True
        if not known:
            return not any(_same_point(attempt, a) for a in self.attempts if a.certificate is not None)
        size = max(abs(a.upper) for a in (*self.attempts, attempt) if a.usable)  # in units of f, which may be tiny
        return attempt.upper < min(a.upper for a in known) - SAME * size

    def _contradictory(self, run: Run) -> bool:
        """Whether constraints contradict each other, so that no attempt can meet them."""
        found = run.status is Status.INFEASIBLE
        return found and bool(conflict(self.runner.oracles.written, budget("normal", end=self.plan.end)).names)

    def _failed(self, attempt: Attempt) -> bool:
        """Whether the method ended where a convex follower has a better answer, which it should have found."""
        claim = attempt.certificate.claim("follower_optimal") if attempt.certificate else None
        return self._convex and claim is not None and claim.verdict is Verdict.FAILED

    @cached_property
    def _convex(self) -> bool:
        return analyse(self.runner.oracles.written).lower_convex in ("yes", "sampled")

    def _again(self) -> None:
        """Methods that were cut off, from where they were; then further restarts, of all methods that were tried."""
        tried = list(self.attempts)
        for attempt in [a for a in tried if a.cut_off and a.usable]:
            if not (self.over or self.best.verified):
                self._try(METHODS[attempt.method], "further", Start(x=attempt.x, y=attempt.y, words="where it was"))
        for attempt in tried:
            if self.over or self.best.verified:
                return
            self._follow(METHODS[attempt.method], attempt)

    def _prove(self) -> None:
        """Of a small problem the global answer, or a bound that proves the best one known."""
        problem, best = self.runner.oracles.written, self.best
        if not self.plan.effort.boxes or not best.usable:
            return
        tried = {a.method for a in self.attempts}
        upper = best.upper if best.verified else max(a.upper for a in self.attempts if a.usable)
        for asked in proving(problem, tried, upper, self.plan.effort.boxed if self._convex else np.inf):
            if self._known or self.over:
                return
            heed()
            start, other = Start(x=best.x, y=best.y, words="the best answer"), None
            if asked.problem is not problem:
                other = Oracles(asked.problem)
            found = self.runner.run(asked.info, "from the best answer", start, self._seconds, other, self.plan.effort.boxes)
            found = replace(found, run=asked.of_all(found.run))
            self.attempts.append(found)
            if found.run.proved_infeasible and found.usable:  # at the point it was given: what is wrong with it
                self._examined(found, found)
            if found.run.proved_infeasible or self.over:
                return
            if found.usable and self._may_be_best(found):
                self._better(found, METHODS[best.method])
            best, bound = self.best, (-np.inf if found.run.bound is None else found.run.bound[0])
            met = found.run.status is Status.CONVERGED or best.upper - bound <= SAME * abs(best.upper)
            if met and bound > -np.inf and best.verified and not self._known:
                self._examined(best, replace(best, run=replace(best.run, bound=found.run.bound)))

    def _better(self, found: Attempt, local: MethodInfo) -> None:
        """The method of the best answer goes on from a better point of the boxes, where the follower may be off by rounding.

        That point itself counts where it is proved, where nothing else is verified, or where it is better by far.
        """
        self._try(local, "from the boxes", Start(x=found.x, y=found.y, words="the best point of the boxes"))
        best, size = self.best, max(abs(a.upper) for a in self.attempts if a.usable)
        if self.over or best.verified and not found.upper < best.upper - FAR_BETTER * size:
            return
        self._examined(found, found)

    def _examined(self, attempt: Attempt, as_if: Attempt) -> None:
        """An attempt is examined, maybe with a bound that another one found; it stays as it was where that is no gain."""
        self.stage("verifying")
        known = self.examine(as_if, True)
        self.stage("iterating")
        if known.verified or attempt.certificate is None:
            self.attempts[self.attempts.index(attempt)] = known

    @property
    def _known(self) -> bool:
        return self.best.verified and "global" in self.best.certificate.scope

    def _follow(self, info: MethodInfo, last: Attempt | None = None, most: float = np.inf) -> None:
        """Restarts from what the certificate of the last attempt has seen, as long as that leads somewhere."""
        waiting, most = list(witnesses(self.runner.oracles, last or self.attempts[-1])), self._restarts + most
        while waiting and not self.over and self._restarts < min(self.plan.effort.restarts, most):
            start = waiting.pop(0)
            if any(_same_start(start, a.start) for a in self.attempts if a.method == info.name):
                continue
            self._restarts += 1
            attempt = self._try(info, f"from {start.words}", start)
            if attempt.certificate is not None:
                waiting = [*witnesses(self.runner.oracles, attempt), *waiting] if not attempt.verified else waiting
            if self.best.verified and not _promising(self.best):
                return

    def _cut(self) -> None:
        """Rounds of the problem with rows for the follower's answers seen so far.

        What the rows leave out were the leader's hopes: a round begins where the best of these was, and at the answer
        that beat it.
        """
        problem = self.runner.oracles.written
        seen = [(a, y) for a in self.attempts for y in (better_answer(self.runner.oracles, a),) if y is not None]
        seen = [(a, y) for a, y in seen if a.run.status is not Status.INFEASIBLE]
        if not seen or not applies(problem, analyse(problem)):
            return
        known = [y for _, y in seen]
        for k in range(self.plan.effort.cuts):
            if self.over or self.best.verified and self.best.upper <= min(a.upper for a, _ in seen):
                return
            cut = Oracles(with_cuts(problem, known))
            info = next((METHODS[name] for name in ("kkt", "mpcc") if not METHODS[name].refusals(cut.written)), None)
            if info is None:
                return
            hoped, beaten = min(seen, key=lambda pair: pair[0].upper)
            seen = []
            for y in (hoped.y, beaten):
                words = f"the answers of the follower as rows, round {k + 1}"
                attempt = self._try(info, f"from {words}", Start(x=hoped.x, y=y, words=words), cut)
                found = better_answer(self.runner.oracles, attempt)
                if found is not None and attempt.run.status is not Status.INFEASIBLE:
                    seen.append((attempt, found))
                    known.append(found)
            if not seen:
                return

    def _elsewhere(self, first: Start) -> None:
        reference = self.best
        tried = [i for i, _ in self.plan.methods]
        info = next((i for i in tried if i.name == reference.method), tried[0])  # it may be of boxes
        x, y = (reference.x, reference.y) if reference.usable else (first.x, first.y)
        if self._enough:
            return
        places = islice(elsewhere(self.runner.oracles, x, y, self.plan.seed), self.plan.effort.starts)
        tasks = (Task(method=info.name, reason=f"from {s.words}", start=s, seconds=self._seconds) for s in places)
        for task, found in self.workers.ahead(tasks, self.plan.end) if self.workers else ((t, None) for t in tasks):
            before = self.best
            self._try(info, task.reason, task.start, ran=found and found())
            if self.best is not before:
                self._follow(info)
            if self._enough:
                return

    @property
    def _enough(self) -> bool:
        return self.over or self.work > self.plan.effort.work or not self.plan.effort.starts


def _promising(attempt: Attempt) -> bool:
    """Whether a verified answer comes with a better decision elsewhere."""
    claim = attempt.certificate.claim("leader_global") if attempt.certificate else None
    return bool(claim and claim.witness)


def _near(one: np.ndarray, other: np.ndarray) -> bool:
    """Entry by entry, each in its own units."""
    return bool(np.all(np.abs(one - other) <= SAME * np.maximum(np.abs(one), np.abs(other))))


def _same_start(one: Start, other: Start) -> bool:
    return _near(one.x, other.x) and _near(one.y, other.y)


def _same_point(one: Attempt, other: Attempt) -> bool:
    return _near(one.x, other.x) and _near(one.y, other.y)


def answers_found(attempts: list[Attempt]) -> list[tuple[float, int]]:
    """The values at which attempts ended as they should, the best first, and how many at each."""
    well = [a.verified or a.certificate is None and a.run.status is Status.CONVERGED for a in attempts]
    ends = sorted(a.upper for a, ended in zip(attempts, well) if a.usable and ended)
    least = max((a.certificate.negligible.get("upper", 0.0) for a in attempts if a.certificate), default=0.0)
    apart, found = max(1e2 * SAME * max(map(abs, ends), default=0.0), least), []
    for value in ends:
        if found and abs(value - found[-1][0]) <= apart:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((value, 1))
    return found
