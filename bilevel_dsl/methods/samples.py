"""Drawn samples in the vocabulary of methods: `xi = m.draw("f", o.batch)`, then `m.grad_y_f(x, y, xi)`."""

from __future__ import annotations

import casadi as ca
import numpy as np

from ..diagnostics import BilevelError, Diagnostic, Label
from ..functions.sampled import SampledOracles
from ..model.problem import Objective, Problem


class Sample:
    """Samples of an objective, drawn in one block of a method: an argument of its oracles.

    Attributes:
        which: "f" or "g".
        indices: the drawn numbers, from 0, of one mean after the other: a column. In a slot they outlive the block, and
            `m.sample(which, s.slot)` is the sample again.
        whole: there is no mean to draw from, so that the oracles are those of the whole objective.
    """

    def __init__(self, which: str, indices: ca.MX, oracles: SampledOracles | None, arguments: list[ca.MX]):
        self.which, self.indices, self._oracles, self._arguments = which, indices, oracles, arguments

    @property
    def whole(self) -> bool:
        return self._oracles is None

    def value(self, name: str, x: ca.MX, y: ca.MX, *direction: ca.MX):
        """What the oracle `name` of this objective is for these samples; not of `whole`."""
        return self._oracles.function(name)(x, y, *self._arguments, *direction)


def objective(problem: Problem, which: str) -> Objective:
    return {"f": problem.f, "g": problem.g}[which]


def counts_of(problem: Problem, which: str, size: int) -> tuple[int, ...]:
    """How many samples to draw of each mean: `size`, but no more than there are."""
    return tuple(min(size, n) for n in objective(problem, which).samples)


def require_samples(problem: Problem, which: str) -> None:
    """Raises BL0411 where the means of the objective cannot be drawn from, with the place and the reason."""
    sampling = objective(problem, which).sampling
    hindrance = sampling.hindrance if sampling else None
    if hindrance:
        level = "upper" if which == "f" else "lower"
        raise BilevelError(
            Diagnostic("BL0411", f"the {level} objective cannot be sampled: {hindrance.rule}", Label(hindrance.span))
        )


def batch_size(problem: Problem, name: str, asked: float | None, default: float) -> int:
    """The value of the setting `name`, a number of samples in a batch; the default is no more than there are.

    Raises:
        BilevelError: BL0410, more were asked for than there are in any mean.
    """
    sizes = [(n, mean.span) for which in "fg" for n, mean in _means(problem, which)]
    most, place = max(sizes, key=lambda found: found[0], default=(np.inf, None))
    if asked is None:
        return int(min(default, most))
    if asked > most:
        raise BilevelError(
            Diagnostic(
                "BL0410",
                f"`{name}` asks for a batch of {asked:g} of {most} samples",
                Label(place, f"{most} samples"),
                hints=(f"`{name}` is at most {most}",),
                exit_status=2,
            )
        )
    return int(asked)


def _means(problem: Problem, which: str):
    sampling = objective(problem, which).sampling
    return zip(sampling.sizes, sampling.means) if sampling else ()


def no_samples(problem: Problem, which: str, method: str) -> Diagnostic:
    """The warning that a method which draws samples finds none."""
    level = "upper" if which == "f" else "lower"
    return Diagnostic(
        "BL0412",
        f"{method} draws samples, and the {level} objective has no `expect`: all of it is used in every step",
        Label(objective(problem, which).span),
        severity="warning",
    )
