"""What the parameters from outside are, as a result keeps it: numbers, labels or a text by name."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..checked import Given
from ..data.sparse import Sparse
from ..names.symbols import Symbol


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
