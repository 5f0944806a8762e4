"""The spectral projected gradient method, one trial at a time.

    min H(u) over u in U:   direction  = P_U(u - alpha grad H(u)) - u
                            trial      = u + step * direction,  step = 1, then halved until
                            H(trial)  <= reference + 1e-4 step <grad H, direction>

alpha is the Barzilai-Borwein step of the last move, `reference` the weighted mean of past
values of Zhang and Hager, so that single increases are allowed. A `Search` owns no loop: the
machine evaluates H and its gradient at `trial` and hands them to `judge`, which accepts or
shortens. Both levels of a bilevel problem use it.

Birgin, Martinez, Raydan, SIAM J. Optim. 10 (2000); Zhang, Hager, SIAM J. Optim. 14 (2004);
alternation of the two steps: Zhou, Gao, Dai, Comput. Optim. Appl. 35 (2006).
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ..functions.select import either, norm
from .draft import Draft

ARMIJO = 1e-4
MEMORY = 0.85  # weight of the past in `reference`; 0 would be a monotone search
SHORTEST, LONGEST = 1e-12, 1e12  # bounds on alpha


class Search:
    """State of one search, in slots named `<name>_...`; `point` is the accepted iterate."""

    def __init__(self, draft: Draft, name: str, size: int, doc: str, exact: bool = True):
        """`exact`: the gradients carry rounding errors only, not those of an inner solve."""
        self.exact = exact
        def slot(field: str, n: int = 1, about: str = "") -> ca.MX:
            return draft.state(f"{name}_{field}", n, f"{doc}: {about or field}")

        self.name, self.size = name, size
        self.point = slot("point", size)
        self.value = slot("value", 1)
        self.gradient = slot("gradient", size)
        self.direction = slot("direction", size)
        self.step = slot("step", 1, "fraction of `direction` to try")
        self.reference = slot("reference", 1, "value to improve on")
        self.weight = slot("weight", 1, "weight of the past in the reference")
        self.alpha = slot("alpha", 1, "spectral step size, 0 before the first")
        self.longest = slot("longest", 1, "longest spectral step of this search")
        self.fresh = slot("fresh", 1, "1: the next trial is the point itself, accepted unseen")
        self.trials = slot("trials", 1, "evaluations since the search was restarted")
        self.residual = slot("residual", 1, "estimated distance to the solution")

    @property
    def trial(self) -> ca.MX:
        return self.point + self.step * self.direction

    def restart(self, point: ca.MX | None = None) -> dict[str, ca.MX]:
        """Updates that begin anew at `point` (default: where it stands), after H has changed."""
        zero = ca.MX.zeros(self.size)
        fields = {"direction": zero, "step": 0, "fresh": 1, "trials": 0,
                  "longest": ca.fmax(0.1 * self.longest, self.alpha)}
        if point is not None:
            fields["point"] = point
        return self._named(fields)

    def judge(self, value: ca.MX, gradient: ca.MX, project: Callable[[ca.MX], ca.MX],
              noise: ca.MX) -> tuple[ca.MX, dict[str, ca.MX]]:
        """Accept or shorten the trial, given H and grad H there.

        `noise` bounds the rounding error of H. Returns whether it was accepted, and the
        updates. A value that is not a number is never accepted, unless the search is fresh.
        """
        moved = self.step * self.direction
        slope = ca.dot(self.gradient, self.direction)
        decrease = value <= self.reference + ARMIJO * self.step * slope + noise
        accepted = ca.logic_or(self.fresh, decrease)

        alpha = self._spectral(moved, gradient - self.gradient, gradient)
        weight = 1 + MEMORY * self.weight
        reference = either(self.fresh, value, (MEMORY * self.weight * self.reference + value) / weight)
        target = project(self.trial - alpha * gradient)
        direction = target - self.trial
        longest = ca.fmax(self.longest, alpha)
        residual = norm(direction) / alpha * longest

        # the minimiser of the parabola through both values and the slope, kept in [0.1, 0.5]
        curved = value - self.value - self.step * slope
        shrunk = self.step * ca.fmin(ca.fmax(-0.5 * self.step * slope / curved, 0.1), 0.5)
        shrunk = either(value - self.value < LONGEST, shrunk, 0.1 * self.step)  # false for NaN
        keep = {
            "point": self.point, "value": self.value, "gradient": self.gradient,
            "direction": self.direction, "reference": self.reference, "weight": self.weight,
            "alpha": self.alpha, "longest": self.longest, "residual": self.residual,
            "step": shrunk,
        }
        move = {
            "point": self.trial, "value": value, "gradient": gradient,
            "direction": direction, "reference": ca.fmax(reference, value),
            "weight": either(self.fresh, 1, weight), "alpha": alpha, "longest": longest,
            "residual": residual, "step": 1,
        }
        updates = {k: either(accepted, move[k], keep[k]) for k in keep}
        updates |= {"fresh": 0, "trials": self.trials + 1}
        return accepted, self._named(updates)

    def _spectral(self, moved: ca.MX, change: ca.MX, gradient: ca.MX) -> ca.MX:
        """Barzilai-Borwein: the long step <s,s>/<s,q>, or the short <s,q>/<q,q> if much shorter."""
        ss, sq, qq = ca.dot(moved, moved), ca.dot(moved, change), ca.dot(change, change)
        long, short = ss / sq, sq / qq
        # an error e in `change` shrinks the short step by 1 + |e|^2/qq, the long one only by <s,e>/sq
        chosen = either(short < 0.3 * long, short, long) if self.exact else long
        first = 1 / ca.fmax(norm(gradient), 1e-8)  # a first move of length at most one
        known = either(self.alpha > 0, self.alpha, first)
        growing = ca.fmin(4 * known, LONGEST)  # no curvature along the last move
        alpha = either(ca.logic_or(self.fresh, ss <= 0), known, either(sq > 0, chosen, growing))
        return ca.fmin(ca.fmax(alpha, SHORTEST), LONGEST)

    def _named(self, fields: dict[str, ca.MX]) -> dict[str, ca.MX]:
        return {f"{self.name}_{k}": v for k, v in fields.items()}

