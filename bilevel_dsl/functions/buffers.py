"""CasADi Functions that take and give NumPy arrays, with no matrix of CasADi in between: 2 us for a call that takes 200."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import casadi as ca
import numpy as np


def evaluator(function: ca.Function, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> Callable[[], bool]:
    """Evaluates the function with its buffers at these arrays, and says whether it failed."""
    buffer, evaluate = function.buffer()
    for k, place in enumerate(inputs):
        buffer.set_arg(k, memoryview(place))  # pyrefly: ignore[missing-argument] - a memoryview brings its size
    for k, place in enumerate(outputs):
        buffer.set_res(k, memoryview(place))  # pyrefly: ignore[missing-argument]

    def call(keep=(function, inputs, outputs)) -> bool:
        evaluate()
        return buffer.ret() != 0

    return call


NOTHING: Mapping[int, np.ndarray] = {}


class Call:
    """A Function some of whose inputs stay as they are.

    Args:
        held: entries of these inputs, column by column, by their numbers; they are not copied. None by default.
    """

    def __init__(self, function: ca.Function, held: Mapping[int, np.ndarray] = NOTHING):
        self._inputs = [np.zeros(function.nnz_in(k)) for k in range(function.n_in()) if k not in held]
        self._outputs = [np.zeros(function.nnz_out(k)) for k in range(function.n_out())]
        self._shapes = [function.size_out(k) for k in range(function.n_out())]
        self._places = [_places(function.sparsity_out(k)) for k in range(function.n_out())]
        free = iter(self._inputs)
        inputs = [held[k] if k in held else next(free) for k in range(function.n_in())]
        self._evaluate = evaluator(function, inputs, self._outputs)

    def __call__(self, *arguments) -> list[np.ndarray]:
        """The outputs as matrices, of the other inputs; NaN where there is no value: the inverse of a singular one."""
        for place, value in zip(self._inputs, arguments, strict=True):
            place[:] = np.asarray(value, float).ravel(order="F")
        if self._evaluate():
            return [np.full(shape, np.nan) for shape in self._shapes]
        return [self._matrix(k) for k in range(len(self._outputs))]

    def _matrix(self, k: int) -> np.ndarray:
        entries, shape, places = self._outputs[k], self._shapes[k], self._places[k]
        if places is None:
            return entries.reshape(shape, order="F").copy()
        found = np.zeros(shape)
        found[places] = entries
        return found


def _places(sparsity: ca.Sparsity) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows and columns of the entries; None where there is one everywhere."""
    if sparsity.is_dense():
        return None
    rows, columns = sparsity.get_triplet()
    return np.array(rows, int), np.array(columns, int)
