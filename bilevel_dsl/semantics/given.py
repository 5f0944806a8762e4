"""What the parameters from outside are, as a result keeps it: numbers, labels or a text by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .sparse import Sparse
from .symbols import Symbol


@dataclass(frozen=True, eq=False)
class Given:
    """A parameter from outside: an array of numbers, of labels (dtype object), a text, or a sparse matrix."""

    value: np.ndarray | str | Sparse
    labels: tuple[tuple[str, ...] | None, ...] = ()  # per dimension, of a set of elements


def given_values(symbols: dict[str, Symbol], outside: Iterable[str]) -> dict[str, Given]:
    """The value of each parameter of `outside`."""
    return {
        name: Given(_value(symbols[name]), tuple(d.labels for d in symbols[name].dims or ())) for name in sorted(outside)
    }


def _value(symbol: Symbol) -> np.ndarray | str | Sparse:
    if symbol.is_text:
        return symbol.text
    if symbol.pattern is not None:
        return Sparse(symbol.pattern, symbol.value)
    if symbol.universe is None:
        return symbol.value
    labels = np.array([symbol.universe.labels[int(code) - 1] for code in symbol.elements.ravel()], object)
    return labels.reshape(symbol.elements.shape)
