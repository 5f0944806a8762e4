"""Drawn samples in the vocabulary of methods: `xi = m.draw("f", o.batch)`, then `m.grad_y_f(x, y, xi)`."""

from __future__ import annotations

import casadi as ca

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


def require_samples(problem: Problem, which: str, setting: str = "") -> None:
    """Raises BL0411 where the means of the objective cannot be drawn from, with the place and the reason.

    Args:
        setting: the number of samples in a batch, where the method does without samples if that is 0.
    """
    sampling = objective(problem, which).sampling
    hindrance = sampling.hindrance if sampling else None
    if hindrance:
        level = "upper" if which == "f" else "lower"
        raise BilevelError(
            Diagnostic(
                "BL0411",
                f"the {level} objective cannot be sampled: {hindrance.rule}",
                Label(hindrance.span),
                hints=(f"with {setting}=0 the method uses all samples in every step",) if setting else (),
            )
        )


def default_batch(problem: Problem, default: float) -> int:
    """A default number of samples in a batch: no more than any mean has; 0 where there is nothing to draw from."""
    return int(min([default, *(n for which in "fg" for n, _ in _means(problem, which))])) if has_samples(problem) else 0


def has_samples(problem: Problem) -> bool:
    return any(objective(problem, which).samples for which in "fg")


def batch_size(problem: Problem, name: str, asked: float | None, default: float) -> int:
    """The value of the setting `name`, a number of samples in a batch, 0: no samples; the default is no more than there are.

    Raises:
        BilevelError: BL0410, more were asked for than some mean has; BL0413, no objective has a mean;
            BL0411, an objective cannot be sampled.
    """
    if asked is None:
        asked = default_batch(problem, default)
    if asked <= 0:
        return 0
    if not has_samples(problem):
        hints = ("write a mean as `expect(... for i in 1..N)`, and its terms are the samples", f"or leave `{name}` out")
        raise BilevelError(
            Diagnostic(
                "BL0413",
                f"`{name}` asks for samples, and no objective has an `expect` to draw them from",
                Label(problem.f.span),
                (Label(problem.g.span, "nor has this"),),
                hints,
            )
        )
    least, place = min(((n, mean.span) for which in "fg" for n, mean in _means(problem, which)), key=lambda found: found[0])
    if asked > least:
        hints = [f"`{name}` is at most {least}"]
        if any(n > least for which in "fg" for n, _ in _means(problem, which)):
            hints.append("a mean that is written `mean(...)` is used whole, and others are sampled by more")
        raise BilevelError(
            Diagnostic(
                "BL0410",
                f"`{name}` asks for a batch of {asked:g} of {least} samples",
                Label(place, f"{least} samples"),
                hints=tuple(hints),
                exit_status=2,
            )
        )
    for which in "fg":
        require_samples(problem, which, name if default <= 0 else "")
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
