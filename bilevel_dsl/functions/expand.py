"""Small graphs as scalar ones, which run several times faster in CasADi's virtual machine.

Larger ones stay matrix graphs, whose C compiles in a tenth of a second at any size.
"""

from __future__ import annotations

import casadi as ca

SCALAR_LIMIT = 1000  # operations; above, gcc's time grows faster than the gain


def expanded(function: ca.Function, limit: int = SCALAR_LIMIT) -> ca.Function:
    """The scalar graph of `function` where it has at most so many operations, else `function` itself."""
    largest = max(map(function.numel_in, range(function.n_in())), default=0)
    if max(function.n_instructions(), largest, function.sz_w() / 4) > limit:
        return function
    try:
        scalar = function.expand(function.name(), {"allow_duplicate_io_names": True})
    except RuntimeError:  # a node without a scalar form: a solver, a fold, a place that is computed
        return function
    return scalar if scalar.n_instructions() <= limit else function
