"""The certificate of where an attempt ended, and the comparison with where it all began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from ..certify.certificate import Examination, certify
from ..certify.duals import multipliers, with_values
from ..certify.effort import Budget, budget
from ..certify.smooth import in_own_words, without_kinks
from ..certify.stationarity import project_x
from ..functions.oracles import Oracles
from .attempt import Attempt, Start

START = 1e-6  # of the change of f over one length, by which the start must be better to be returned
LOOSEST = 1e-3  # tolerance of a certificate: a method may be told to stop earlier, but then nothing is verified


@dataclass(kw_only=True, eq=False)
class Examiner:
    """Examines attempts with one effort.

    Attributes:
        level: "quick", "normal" or "thorough", or "no": nothing is examined.
        end: of `perf_counter`, when all must end.
        adverse: points are judged against the follower's worst answer for the leader.
        seconds: spent so far.
    """

    oracles: Oracles
    level: str
    seed: int
    end: float
    adverse: bool = False
    seconds: float = 0.0
    _of: Attempt | None = None
    _last: Examination | None = None  # of that one, kept: what it has prepared serves the comparison with the start

    def __call__(self, attempt: Attempt, brief: bool = False) -> Attempt:
        """The attempt with its certificate; `brief`: without the leader's claims where one before them fails."""
        if self.level == "no":
            return attempt
        with self._clock():
            oracles = self.at(attempt)[0] if attempt.found else self.oracles
            self._last = Examination(*without_kinks(oracles, attempt.x, attempt.y), attempt.found, self.adverse)
            self._of = attempt
            certificate = self._last.certificate(
                self._limits(attempt),
                seed=self.seed,
                tol=_tolerance(attempt),
                bound=attempt.run.bound,
                unattained=attempt.run.unattained,
                brief=brief,
            )
            certificate = in_own_words(certificate)
        if attempt.run.proved_infeasible:
            words = f"no decision of the leader has an answer that both levels allow: proved by {attempt.run.bound[1]}"
            certificate = replace(certificate, notes=(words, *certificate.notes))
        return replace(attempt, certificate=certificate)

    @contextmanager
    def _clock(self) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds += perf_counter() - began

    def at(self, attempt: Attempt) -> tuple[Oracles, dict[str, np.ndarray]]:
        """The functions with numbers for `dual(...)`: valid ones, so that `duals` and `report` agree; else the method's."""
        duals = multipliers(self.oracles.written, attempt.x, attempt.y, attempt.found)
        if not attempt.found:
            return self.oracles, duals
        values = {name: duals.get(name, value) for name, value in attempt.found.items()}
        return Oracles(with_values(self.oracles.written, values)), duals

    def _limits(self, attempt: Attempt) -> Budget:
        return budget(self.level, attempt.seconds, self.end)

    def no_worse_than(self, begun: Start, attempt: Attempt) -> Attempt:
        """The attempt, or the follower's answer to the start where that is better for the leader."""
        problem = self.oracles.problem
        if attempt.certificate is not None and attempt.certificate.scope == "global (proved)":
            return attempt
        if not attempt.usable or self.level == "no" or problem.is_simple or problem.used_duals:
            return attempt
        limits = self._limits(attempt)
        if limits.over:
            return attempt
        with self._clock():
            return self._compared(begun, attempt, limits)

    def _compared(self, begun: Start, attempt: Attempt, limits: Budget) -> Attempt:
        problem, examined, of = self.oracles.problem, self._last, self._of
        if of is None or not np.array_equal(of.x, attempt.x) or not np.array_equal(of.y, attempt.y):
            examined = Examination(*without_kinks(self.oracles, attempt.x, attempt.y), adverse=self.adverse)
        if examined.finite:
            examined.within(limits)
        start = project_x(self.oracles, begun.x)
        known = examined.finite and examined.region.describable
        own = examined.oracles.written.split
        found = examined.reaction(start, own.inside(start, begun.y)[1] if own else begun.y) if known else None
        if found is None or not found.admissible or not found.f < examined.f - START * examined.scales.f:
            return attempt
        answer = own.outside(start, found.y)[1] if own else found.y
        other = certify(
            *without_kinks(self.oracles, start, answer),
            tol=_tolerance(attempt),
            seed=self.seed,
            limits=limits,
            adverse=self.adverse,
        )
        other = in_own_words(other)
        claims = [other.claim(name) for name in ("feasible", "follower_optimal")]
        if attempt.verified and not other.verified or not all(c is not None and c.passed for c in claims):
            return attempt
        note = (
            f"the method ended at {problem.f.sense * examined.f:.6g}, which is worse for the leader than the follower's "
            "answer at the start: that is returned"
        )
        return replace(attempt, x=start, y=answer, upper=found.f, certificate=replace(other, notes=(note, *other.notes)))


def _tolerance(attempt: Attempt) -> float:
    return min(max(attempt.settings["tol"], 1e-12), LOOSEST)
