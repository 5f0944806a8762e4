"""Whole numbers after `in`: `binary`, `integer(lower, upper)`, and what may be wrong with the bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EXACT = 2.0**53  # whole numbers up to this are exact as floating-point numbers
ROUNDING = 1e-9  # from a whole number, relative: a computed bound is one
CONTINUOUS = "`[0, 1]` is its relaxation; whole numbers are for the leader to choose"
FOLLOWER = "a follower is known by its optimality conditions, and for whole numbers there are none"


@dataclass(frozen=True)
class Mistake:
    """What is wrong: a code, the words, a hint, and which of the two bounds it is about; None: both."""

    code: str
    words: str
    hint: str = ""
    bound: int | None = None


def empty(low: np.ndarray, high: np.ndarray) -> str | None:
    """Why no whole number lies between the bounds of some entry, or None."""
    low, high = np.broadcast_arrays(low, high)
    wrong = np.argwhere(np.ceil(low - _room(low)) > np.floor(high + _room(high)))
    if not len(wrong):
        return None
    at = tuple(wrong[0])
    if low[at] > high[at]:
        return f"the lower bound{_of(at)} is {low[at]:g}, above the upper one, {high[at]:g}"
    return f"no whole number{_of(at)} lies between {low[at]:g} and {high[at]:g}"


def mistake(low: np.ndarray, high: np.ndarray, name: str) -> Mistake | None:
    """The first thing that is wrong with `integer(low, high)`, the set of the variable `name`."""
    bounds, sides = (np.asarray(low), np.asarray(high)), ("lower", "upper")
    for k, (values, side) in enumerate(zip(bounds, sides)):
        for at in np.argwhere(np.isinf(values) | (np.abs(values) > EXACT))[:1]:
            at = tuple(at)
            if np.isfinite(values[at]):
                words = f"the {side} bound{_of(at)} of `{name}` is {values[at]:g}: whole numbers are exact up to 2^53"
            else:
                words = f"`{name}`{_of(at, ', ')} has no {side} bound, and `integer` needs both"
            return Mistake("BL0325", words, "a bound that is surely large enough will do: `integer(0, 100)`", k)
    nothing = empty(low, high)
    if nothing:
        return Mistake("BL0321", f"the set of `{name}` is empty: {nothing}")
    for k, (values, side) in enumerate(zip(bounds, sides)):
        for at in np.argwhere(np.abs(values - np.round(values)) > _room(values))[:1]:
            at = tuple(at)
            inside = (np.floor if k else np.ceil)(values[at])
            word = "last" if k else "first"
            words = f"the {side} bound{_of(at)} of `{name}` is {values[at]:g}, and bounds of `integer` are whole numbers"
            return Mistake("BL0324", words, f"the {word} whole number there is {inside:g}", k)
    return None


def _room(values: np.ndarray) -> np.ndarray:
    return ROUNDING * np.maximum(1.0, np.abs(values))


def _of(at: tuple[int, ...], before: str = " of ") -> str:
    return f"{before}entry {', '.join(str(int(i) + 1) for i in at)}" if at else ""
