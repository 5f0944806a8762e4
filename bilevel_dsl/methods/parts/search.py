"""Projected quasi-Newton descent, one trial at a time.

    min H(u) over u in U:   direction = P_U(u - B grad H(u)) - u
                            trial     = u + step * direction,  step = 1, then shortened until
                            H(trial) <= reference + 1e-4 step <grad H, direction>

Where U is a product of intervals, B is the limited-memory BFGS inverse Hessian on the entries that
are free to move; elsewhere, and whenever that gives no descent, B = alpha, the spectral step of Barzilai
and Borwein. `reference` is the weighted mean of past values of Zhang and Hager, so that single
increases are allowed. A `Search` owns no loop: the method evaluates H and its gradient at `trial` and
hands them to `judge`, which accepts or shortens. Both levels of a bilevel problem use it.

Nocedal, Math. Comp. 35 (1980); Bertsekas, SIAM J. Control Optim. 20 (1982), two-metric projection;
Birgin, Martinez, Raydan, SIAM J. Optim. 10 (2000); Zhang, Hager, SIAM J. Optim. 14 (2004);
alternation of the spectral steps: Zhou, Gao, Dai, Comput. Optim. Appl. 35 (2006).
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ...functions.select import either, norm
from ..flow import Method

ARMIJO = 1e-4
PAST = 0.85  # weight of the past in `reference`; 0 would be a monotone search
SHORTEST, LONGEST = 1e-12, 1e12  # bounds on alpha
PAIRS = 8  # of the quasi-Newton memory
FIELDS = (
    "point",
    "value",
    "gradient",
    "direction",
    "step",
    "reference",
    "weight",
    "alpha",
    "longest",
    "fresh",
    "trials",
    "residual",
    "moves",
    "changes",
)


class Search:
    """One search, its state in slots named `<name>_...`; `point` is the accepted iterate.

    `search.point`, `search.value`, ... are the values at this point of the method.
    """

    def __init__(self, m: Method, name: str, size: int, doc: str, *, start: ca.MX, separable: bool, fresh: bool = False):
        """`separable`: U is a product of intervals, so that quasi-Newton steps may be projected."""
        self.m, self.name, self.size = m, name, size
        self.pairs = min(PAIRS, size) if separable else 0

        def slot(field: str, n: int = 1, about: str = "", start: ca.MX | float = 0) -> None:
            m.slot(f"{name}_{field}", n, f"{doc}: {about or field}", start)

        slot("point", size, start=start)
        slot("value")
        slot("gradient", size)
        slot("direction", size)
        slot("step", 1, "fraction of `direction` to try")
        slot("reference", 1, "value to improve on")
        slot("weight", 1, "weight of the past in the reference")
        slot("alpha", 1, "spectral step size, 0 before the first")
        slot("longest", 1, "longest spectral step of this search")
        slot("fresh", 1, "1: the next trial is the point itself, accepted unseen", int(fresh))
        slot("trials", 1, "evaluations since the search was restarted")
        slot("residual", 1, "estimated distance to the solution")
        if self.pairs:
            slot("moves", size * self.pairs, "past moves, latest first")
            slot("changes", size * self.pairs, "past changes of the gradient")

    def __getattr__(self, field: str) -> ca.MX:
        if field not in FIELDS:
            raise AttributeError(field)
        return self.m.read(f"{self.name}_{field}")

    def set(self, **fields: ca.MX | float) -> None:
        """Other values from here on."""
        for field, value in fields.items():
            self.m.write(f"{self.name}_{field}", value)

    @property
    def trial(self) -> ca.MX:
        return self.point + self.step * self.direction

    @property
    def stuck(self) -> ca.MX:
        """No step along the direction is short enough."""
        return self.step < 1e-10

    def restart(self, point: ca.MX | None = None, when: ca.MX | None = None) -> None:
        """Begin anew at `point` (default: where it stands), after H has changed."""
        fields = {
            "direction": ca.MX.zeros(self.size),
            "step": 0,
            "fresh": 1,
            "trials": 0,
            "longest": ca.fmax(0.1 * self.longest, self.alpha),
        }
        if point is not None:
            fields["point"] = point
        if when is not None:
            fields = {k: either(when, ca.MX(v), getattr(self, k)) for k, v in fields.items()}
        self.set(**fields)

    def judge(self, value: ca.MX, gradient: ca.MX, project: Callable[[ca.MX], ca.MX], noise: ca.MX) -> ca.MX:
        """Accept or shorten the trial, given H and grad H there; returns whether it was accepted.

        `noise` bounds the rounding error of H. A value that is not a number is never accepted, unless the search is fresh.
        """
        moved, change = self.step * self.direction, gradient - self.gradient
        slope = ca.dot(self.gradient, self.direction)
        decrease = value <= self.reference + ARMIJO * self.step * slope + noise
        accepted = ca.logic_or(self.fresh, decrease)

        alpha = self._spectral(moved, change, gradient)
        longest = ca.fmax(self.longest, alpha)
        point = self.trial
        direction = project(point - alpha * gradient) - point
        residual = norm(direction) / alpha * longest
        move = {}
        if self.pairs:
            memory = self._remembered(moved, change)
            newton = self._newton(memory, direction, gradient, project, point)
            descends = ca.dot(newton, gradient) < -1e-6 * norm(newton) * norm(gradient)
            useful = ca.logic_and(self._known(memory), descends)
            residual = either(useful, ca.fmax(norm(newton), norm(direction)), residual)
            direction = either(useful, newton, direction)
            move = {"moves": ca.vec(memory[0]), "changes": ca.vec(memory[1])}

        weight = 1 + PAST * self.weight
        reference = either(self.fresh, value, (PAST * self.weight * self.reference + value) / weight)
        move |= {
            "point": point,
            "value": value,
            "gradient": gradient,
            "direction": direction,
            "reference": ca.fmax(reference, value),
            "weight": either(self.fresh, 1, weight),
            "alpha": alpha,
            "longest": longest,
            "residual": residual,
            "step": 1,
        }
        keep = {k: getattr(self, k) for k in move} | {"step": self._shortened(value, slope)}
        updates = {k: either(accepted, move[k], keep[k]) for k in move}
        self.set(**updates, fresh=0, trials=self.trials + 1)
        return accepted

    def _shortened(self, value: ca.MX, slope: ca.MX) -> ca.MX:
        """The minimiser of the parabola through both values and the slope, kept in [0.1, 0.5]."""
        curved = value - self.value - self.step * slope
        shrunk = self.step * ca.fmin(ca.fmax(-0.5 * self.step * slope / curved, 0.1), 0.5)
        return either(value - self.value < LONGEST, shrunk, 0.1 * self.step)  # false for NaN

    def _spectral(self, moved: ca.MX, change: ca.MX, gradient: ca.MX) -> ca.MX:
        """Barzilai-Borwein: the long step <s,s>/<s,q>, or the short <s,q>/<q,q> if much shorter."""
        ss, sq, qq = ca.dot(moved, moved), ca.dot(moved, change), ca.dot(change, change)
        long, short = ss / sq, sq / qq
        chosen = either(short < 0.3 * long, short, long)
        first = 1 / ca.fmax(norm(gradient), 1e-8)  # a first move of length at most one
        known = either(self.alpha > 0, self.alpha, first)
        growing = ca.fmin(4 * known, LONGEST)  # no curvature along the last move
        alpha = either(ca.logic_or(self.fresh, ss <= 0), known, either(sq > 0, chosen, growing))
        return ca.fmin(ca.fmax(alpha, SHORTEST), LONGEST)

    # --- the quasi-Newton memory -------------------------------------------------------------

    def _remembered(self, moved: ca.MX, change: ca.MX) -> tuple[ca.MX, ca.MX]:
        """The memory with the last move added, if the gradient changed along it."""
        moves = ca.reshape(self.moves, self.size, self.pairs)
        changes = ca.reshape(self.changes, self.size, self.pairs)
        sq, ss, qq = ca.dot(moved, change), ca.dot(moved, moved), ca.dot(change, change)
        curved = ca.logic_and(ca.logic_not(self.fresh), sq > 1e-8 * ca.sqrt(ss * qq))
        older_moves = ca.horzcat(moved, moves[:, : self.pairs - 1])
        older_changes = ca.horzcat(change, changes[:, : self.pairs - 1])
        return either(curved, older_moves, moves), either(curved, older_changes, changes)

    def _known(self, memory: tuple[ca.MX, ca.MX]) -> ca.MX:
        return ca.dot(memory[0][:, 0], memory[0][:, 0]) > 0

    def _newton(self, memory, spectral, gradient, project, point) -> ca.MX:
        """Two-loop recursion on the entries that the projected gradient step moves."""
        free = ca.fabs(spectral) > 0
        pairs = [(free * memory[0][:, k], free * memory[1][:, k]) for k in range(self.pairs)]
        inverse = [self._inverse(ca.dot(s, q)) for s, q in pairs]
        r, weights = free * gradient, []
        for (s, q), rho in zip(pairs, inverse):
            weights.append(rho * ca.dot(s, r))
            r = r - weights[-1] * q
        s, q = pairs[0]
        qq = ca.dot(q, q)
        r = either(inverse[0] > 0, ca.dot(s, q) / ca.fmax(qq, 1e-300), 1 / ca.fmax(norm(gradient), 1e-8)) * r
        for (s, q), rho, a in reversed(list(zip(pairs, inverse, weights))):
            r = r + s * (a - rho * ca.dot(q, r))
        return project(point - r) - point

    @staticmethod
    def _inverse(product: ca.MX) -> ca.MX:
        """1 / <s, q>, 0 for a pair without curvature on the free entries."""
        return either(product > 1e-300, 1 / product, 0)
