"""What a result was made from, so that the file alone says it: model, parameters from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from ..model.problem import Problem, labels_of
from ..semantics.data.sparse import Sparse

MANY = 1000  # entries of a parameter that are written out; of a larger one the digest


def made_from(problem: Problem) -> dict:
    """The model's file and the hash of its text, and each parameter from outside: its value, or shape and digest."""
    return {
        "model": problem.path,
        "hash": problem.text_hash,
        "parameters": {name: g.value if is_short(g.value) else digest(g.value) for name, g in problem.given.items()},
    }


def is_short(value: np.ndarray | str | Sparse) -> bool:
    """Whether it is written out, not its digest."""
    return isinstance(value, str) or isinstance(value, np.ndarray) and value.size <= MANY


def digest(value: np.ndarray | str | Sparse) -> dict:
    """`{"shape": [500, 20], "sha256": ...}` of the entries by rows, as little-endian doubles, or of the text of labels.

    Of a sparse matrix, with the number of its `entries`: of these by columns, after the places as little-endian 64 bit
    numbers, the starts of the columns first.
    """
    if isinstance(value, Sparse):
        places = np.concatenate([value.pattern.starts, value.pattern.rows])
        content = places.astype("<i8").tobytes() + value.values.astype("<f8").tobytes()
        return {"shape": list(value.shape), "entries": value.size, "sha256": sha256(content).hexdigest()}
    array = np.asarray(value)
    numbers = array.dtype.kind in "fiub"
    content = np.ascontiguousarray(array, "<f8").tobytes() if numbers else "\0".join(map(str, array.ravel())).encode()
    return {"shape": list(array.shape), "sha256": sha256(content).hexdigest()}


@dataclass(frozen=True)
class Kept:
    """A result that was read back.

    Attributes:
        variables: values by name.
        index: the elements along each dimension, of variables over sets.
        parameters: values of parameters from outside that the file has.
        digests: of those that were too large for it.
        text_hash: of the model's text; empty where the file is from elsewhere.
    """

    variables: dict[str, np.ndarray]
    index: dict[str, list] = field(default_factory=dict)
    parameters: dict[str, object] = field(default_factory=dict)
    digests: dict[str, dict] = field(default_factory=dict)
    text_hash: str = ""

    def of(self, problem: Problem) -> dict[str, np.ndarray]:
        """The values for `problem`: where its sets have the same elements in another order, in that order."""
        sets = {v.name: labels_of(v.index) for v in problem.variables}
        return {name: self._ordered(name, value, sets.get(name, ())) for name, value in self.variables.items()}

    def _ordered(self, name: str, value: np.ndarray, now: tuple[tuple[str, ...] | None, ...]) -> np.ndarray:
        before = labels_of(tuple(axis and tuple(map(_element, axis)) for axis in self.index.get(name, ())))
        if len(before) != len(now) or value.ndim != len(now):
            return value
        for k, (old, new) in enumerate(zip(before, now)):
            if old and new and old != new and sorted(old) == sorted(new) and value.shape[k] == len(old):
                place = {label: i for i, label in enumerate(old)}
                value = np.take(value, [place[label] for label in new], axis=k)
        return value

    def changes(self, problem: Problem) -> list[str]:
        """What `problem` is made from otherwise than the result was, in words."""
        found = []
        if self.text_hash and self.text_hash != problem.text_hash:
            found.append("the text of the model is another one")
        for name, before in self.digests.items():
            if name not in problem.given:
                found.append(f"`{name}` was given from outside, {_shape(before)}, and is too large to be kept in the file")
            elif digest(problem.given[name].value) != before:
                found.append(f"`{name}` has other values")
        return found


def _element(key: object) -> object:
    """Of JSON, where tuples are lists and whole numbers may have been read as others."""
    if isinstance(key, list):
        return tuple(map(_element, key))
    return int(key) if isinstance(key, float) and key.is_integer() else key


def _shape(found: dict) -> str:
    return " by ".join(f"{n:g}" for n in found["shape"]) or "a number"
