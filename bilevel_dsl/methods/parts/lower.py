"""min { H(y) : y in Y } inside of a method, to an accuracy that the method asks for; its constraints by multipliers.

One loop of the method: a pass evaluates H once. Constraints h <= 0 and h == 0 enter H as augmented Lagrangian terms: when
the search is done and they do not hold yet, it goes on with the next multipliers, and a larger penalty where the
violation has not fallen to a quarter.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ...functions.select import either, norm
from ..flow import Method
from ..program import Signal
from . import multipliers
from .search import Search

EPS = 2.2e-16
LOST = 1e12  # a point larger than that has run away
LARGEST = 1e100  # a value larger than that is none
MOST_PENALTY = 1e8
NEVER = 1e20


class Constraints:
    """Multipliers, penalty and violation of the rows of one search, in slots named after it."""

    def __init__(self, m: Method, q: Search, equalities: list[bool]):
        self.m, self.name, self.equalities = m, q.name, equalities
        m.slot(f"{q.name}_mu", len(equalities), "multipliers of the lower constraints")
        m.slot(f"{q.name}_rho", 1, "their penalty parameter", start=10)
        m.slot(f"{q.name}_violation", 1, "of the lower constraints", start=NEVER)

    @property
    def mu(self) -> ca.MX:
        return self.m.read(f"{self.name}_mu")

    @property
    def rho(self) -> ca.MX:
        return self.m.read(f"{self.name}_rho")

    def settle(self, q: Search, rows: ca.MX, done: ca.MX, sound: ca.MX, accuracy: ca.MX) -> ca.MX:
        """What follows from the rows at the end of a pass; returns whether the search must go on.

        Args:
            done: the search has ended; `sound`: because it was accurate.
        """
        m, mu, rho, violation = self.m, self.mu, self.rho, self.m.read(f"{self.name}_violation")
        found = multipliers.violation(rows, mu, rho, self.equalities)
        next_mu = multipliers.updated(rows, mu, rho, self.equalities)
        again = ca.logic_and(sound, found > 10 * accuracy)
        slow = ca.logic_and(again, found > 0.25 * violation)
        m.write(f"{self.name}_mu", either(sound, next_mu, mu))
        m.write(f"{self.name}_rho", either(slow, ca.fmin(10 * rho, MOST_PENALTY), rho))
        m.write(f"{self.name}_violation", either(again, found, either(done, NEVER, violation)))
        q.set(fresh=either(again, 1, q.fresh), step=either(again, 0, q.step))
        return again


def minimise(
    m: Method,
    q: Search,
    function: Callable[[ca.MX], tuple[ca.MX, ...]],
    *,
    name: str,
    at_most: ca.MX,
    accuracy: Callable[[], ca.MX],
    error: Callable[[], ca.MX] | None = None,
    constraints: Constraints | None = None,
    each_pass: Callable[[], None] | None = None,
    project: Callable[[ca.MX], ca.MX] | None = None,
) -> None:
    """`q.point` becomes a minimiser of `function` over Y, or the iteration ends with DIVERGED.

    Args:
        function: y -> value, gradient, and the rows if there are `constraints`.
        at_most: evaluations between two restarts of q.
        accuracy: of `error`, asked for after each evaluation.
        error: by default the estimated distance to the solution.
        project: onto the set of another unknown, in place of Y.
        each_pass: what else happens in the block of each evaluation.
    """
    with m.loop(name) as until:
        value, gradient, *rows = function(q.trial)
        q.judge(value, gradient, project or m.P_Y, 10 * EPS * ca.fabs(value))
        wanted = accuracy()
        exhausted = ca.logic_or(q.trials >= at_most, q.stuck)
        failed = ca.logic_not(ca.fabs(value) < LARGEST)
        given_up = ca.logic_or(exhausted, failed)
        done = ca.logic_or((q.residual if error is None else error()) <= wanted, given_up)
        finished = done
        if constraints is not None and constraints.equalities:
            sound = ca.logic_and(done, ca.logic_not(given_up))
            again = constraints.settle(q, rows[0], done, sound, wanted)
            finished = ca.logic_and(done, ca.logic_not(again))
        if each_pass is not None:
            each_pass()
        m.stop(Signal.DIVERGED, when=norm(q.point) > LOST)
        until(finished)
