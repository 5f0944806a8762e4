"""Functions that look entries up in long data, for the interpreter: CasADi's virtual machine copies every input.

A few entries of a million would cost a million copies at each call. So such a function is parted: one finds the places,
numpy takes the entries, and the rest goes on from there, with equal bits. In generated C inputs are pointers, and the
function stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import casadi as ca
import numpy as np

from ..functions.buffers import evaluator

LONG = 1000  # entries of an input from which on copies are worth the second call


@dataclass(frozen=True, eq=False)
class Parted:
    """A function of inputs, some of them only looked up.

    Attributes:
        sources: for every lookup, the input that it is of.
        places: the inputs `kept`, -> the places of each lookup.
        rest: the inputs `kept`, what was looked up -> the outputs.
        kept: indices of the inputs that are taken whole.
    """

    sources: tuple[int, ...]
    places: ca.Function
    rest: ca.Function
    kept: tuple[int, ...]

    def evaluator(self, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> Callable[[], bool]:
        """Evaluates with these inputs and outputs, and says whether it failed."""
        kept = [inputs[k] for k in self.kept]
        found = [np.zeros(self.places.nnz_out(k)) for k in range(self.places.n_out())]
        values = [np.zeros(f.size) for f in found]
        first, second = evaluator(self.places, kept, found), evaluator(self.rest, [*kept, *values], outputs)
        jobs = list(zip((inputs[k] for k in self.sources), found, values))

        def call() -> bool:
            if first():
                return True
            for source, where, value in jobs:
                _take(source, where, value)
            return second()

        return call


def _take(source: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
    """As CasADi does it: places are cut to whole numbers, and there is nothing outside."""
    inside = (places > -1) & (places < source.size)
    if inside.all():
        np.take(source, places.astype(np.int64), out=out, mode="clip")
    else:
        out[:] = np.where(inside, source[np.where(inside, places, 0).astype(np.int64)], np.nan)


def parted(function: ca.Function) -> Parted | None:
    """The function in parts, where there is a long input that is only looked up."""
    long = [k for k in range(function.n_in()) if function.nnz_in(k) > LONG]
    if not long or function.is_a("SXFunction"):
        return None
    operations = {function.instruction_id(k) for k in range(function.n_instructions())}
    if ca.OP_GETNONZEROS_PARAM not in operations:
        return None
    symbols = [ca.MX.sym(function.name_in(k), function.sparsity_in(k)) for k in range(function.n_in())]
    outputs = function.call(symbols, True, False)
    numbers = {symbols[k].__hash__(): k for k in long}
    lookups = _lookups(outputs, numbers)
    found = [ca.MX.sym(f"looked_up_{k}", lookup.sparsity()) for k, lookup in enumerate(lookups)]
    rest = ca.graph_substitute(outputs, lookups, found) if lookups else outputs
    left = {s.__hash__() for s in ca.symvar(ca.veccat(*rest, *(v.dep(1) for v in lookups)))}
    sources = tuple(numbers[v.dep(0).__hash__()] for v in lookups)
    gone = {k for k in sources if symbols[k].__hash__() not in left}
    if not gone:
        return None
    kept = tuple(k for k in range(function.n_in()) if k not in gone)
    whole = [symbols[k] for k in kept]
    places = ca.Function("places", whole, [ca.densify(ca.vec(v.dep(1))) for v in lookups])
    return Parted(sources, places, ca.Function("rest", [*whole, *found], rest), kept)


def _lookups(outputs: Sequence[ca.MX], long: dict[int, int]) -> list[ca.MX]:
    """The nodes that look entries up in one of the inputs `long`, each once."""
    seen, found, stack = set(), [], list(outputs)
    while stack:
        v = stack.pop()
        if v.__hash__() in seen:
            continue
        seen.add(v.__hash__())
        if v.op() == ca.OP_GETNONZEROS_PARAM and v.n_dep() == 2 and v.dep(0).__hash__() in long:
            found.append(v)
        stack += [v.dep(k) for k in range(v.n_dep())]
    return found
