"""What is known of a built-in function without CasADi, and words for shapes and numbers in messages about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..nodes.arithmetic import Interval, Rule
from ..nodes.ir import Shape


class Misuse(Exception):
    """What is wrong with the arguments, as the end of a sentence; and a hint."""

    def __init__(self, message: str, *hints: str):
        super().__init__(message)
        self.hints = hints


@dataclass(frozen=True, kw_only=True, eq=False)
class Builtin:
    """A function of the language; `model/functions.py` has its CasADi form, unless it is `data_only`.

    Attributes:
        signature: how it is called, with its name in front of the parenthesis.
        doc: what it is, in a line.
        value: on arrays; takes the sizes first if there are `sizes`.
        arguments: how many it takes at least and at most; None: any number.
        shape: of the result, from the shapes of the arguments, or a Misuse; None: entry by entry, on arrays of equal
            shape or scalars (or see `sizes`).
        sizes: from this argument on they are whole numbers that make the shape of the result.
        keywords: arguments that are named, after the others.
        data_only: evaluated before solving, never a function of variables.
        any_rank: of all entries, however many dimensions the argument has; else two at most.
        in_batches: whether it has a form for all iterations of a loop at once.
        degree: of the result as a polynomial, from the degrees of the arguments: `linear`, `bilinear` or another rule;
            None: no polynomial.
        interval: between which numbers its values are, a pair, or a rule (see `nodes/arithmetic.py`); None: not known.
        smooth_above: it is smooth only for arguments above this number.
        smoother: what to write where a function with a kink or a jump is not wanted.
    """

    signature: str
    doc: str
    value: Callable
    arguments: tuple[int, int | None] = (1, 1)
    shape: Callable[..., Shape] | None = None
    sizes: int | None = None
    keywords: tuple[str, ...] = ()
    data_only: bool = False
    any_rank: bool = False
    in_batches: bool = True
    degree: Callable[[Sequence[int]], float] | None = None
    interval: Interval | Rule | None = None
    smooth_above: float | None = None
    smoother: str = ""

    @property
    def name(self) -> str:
        return self.signature.partition("(")[0]

    @property
    def elementwise(self) -> bool:
        return self.shape is None and self.sizes is None


def linear(degrees: Sequence[int]) -> int:
    """The rule of a function that is linear in all its arguments together."""
    return max(degrees)


def bilinear(degrees: Sequence[int]) -> int:
    """The rule of a function that is linear in each of two arguments."""
    return sum(degrees)


def words(shape: Shape) -> str:
    """A shape as a reader says it."""
    if len(shape) < 2:
        return f"a vector of {shape[0]}" if shape else "a scalar"
    return f"a {' by '.join(map(str, shape))} {'matrix' if len(shape) == 2 else 'array'}"


def exactly(value: float) -> str:
    """Short, but not so short that it looks like a whole number that it is not."""
    return f"{value:g}" if not np.isfinite(value) or float(f"{value:g}") != np.round(value) else repr(float(value))
