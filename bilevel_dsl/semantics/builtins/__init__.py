"""The built-in functions, a record each with all that is known of it without CasADi, and the other words that are called.

A new function is a record in one of these files and its CasADi form in `model/functions.py`.
"""

from __future__ import annotations

from ..constraint_sets import CONSTRAINT_SETS
from .arrays import ARRAYS
from .data import DATA
from .elementwise import ELEMENTWISE
from .record import Builtin, Misuse, bilinear, exactly, linear, words

__all__ = [
    "BUILTINS",
    "CALLED",
    "FILES",
    "OF_SETS",
    "REDUCTIONS",
    "Builtin",
    "Misuse",
    "bilinear",
    "exactly",
    "function_names",
    "is_known",
    "known_names",
    "linear",
    "taken_names",
    "words",
]

BUILTINS: dict[str, Builtin] = {b.name: b for b in (*ELEMENTWISE, *ARRAYS, *DATA)}

REDUCTIONS = ("sum", "prod", "mean", "min", "max")
FILES = ("csv", "npy", "npz", "json")
OF_SETS = {  # a declaration of the same name goes before them
    "card": ("card(S)", "how many elements a set has"),
    "ord": ("ord(e)", "the place of an element in the set that it runs over, from 1; `ord(e, S)`: in the set S"),
    "first": ("first(S)", "the first element of a set"),
    "last": ("last(S)", "the last element of a set"),
}
CALLED = {  # that are no functions of arrays: how they are written, and what they are
    "sum": ("sum(x) or sum(e for i in I)", "of all entries, or over all iterations"),
    "prod": ("prod(x) or prod(e for i in I)", "product of all entries, or over all iterations"),
    "mean": ("mean(x) or mean(e for i in I)", "mean of all entries, or over all iterations"),
    "min": ("min(x), min(a, b, ...) or min(e for i in I)", "smallest entry; entry by entry; or over all iterations"),
    "max": ("max(x), max(a, b, ...) or max(e for i in I)", "largest entry; entry by entry; or over all iterations"),
    "expect": ("expect(e for i in 1..N)", "mean over samples; stochastic methods draw from them"),
    "dual": (
        "dual(label)",
        "multiplier of a constraint of the lower level: change of its optimal value per unit of the right-hand side",
    ),
    "csv": (
        'csv("file") or csv("file", "column", ...)',
        "numbers by rows, or columns of a table; below the folder of the model",
    ),
    "npy": ('npy("file")', "an array of NumPy"),
    "npz": ('npz("file", "key")', "one array of an archive of NumPy"),
    "json": ('json("file", "key")', "an entry of a JSON object: a number, a list, or a list of rows"),
    **OF_SETS,
}


def function_names() -> set[str]:
    """All that is called and has a value."""
    return {*BUILTINS, *CALLED}


def known_names() -> set[str]:
    """What the language has names for: functions and constraint sets."""
    return function_names() | {*CONSTRAINT_SETS}


def is_known(name: str) -> bool:
    return name in BUILTINS or name in CALLED or name in CONSTRAINT_SETS


def taken_names() -> set[str]:
    """What cannot be declared."""
    return known_names() - {*OF_SETS}
