"""Bounded loops inside a CasADi expression, by doubling.

    twice(s) = body(s); if it goes on, body again        at most 2 passes
    four(s)  = twice(s); if it goes on, twice again      at most 4 passes, and so on

The generated C grows with the logarithm of the bound, and so do its memory and what the passes
not needed cost; a plain `fold` keeps the state of every pass. Loop-invariant values (`given`)
are handed down by pointer; a value of the surrounding expression must be given, not closed over.
"""

from __future__ import annotations

from collections.abc import Sequence

import casadi as ca

OUT_OF_LINE = {"never_inline": True}  # else the text of the body is repeated at every doubling


def repeat_while(body: ca.Function, at_most: int) -> ca.Function:
    """`body` again and again while the first entry of its state is positive.

    Args:
        body: (state, *given) -> state. Its first pass is made only if state[0] > 0.
        at_most: passes; rounded up to a power of two.
    """
    loop = _guarded(body)
    for _ in range((max(at_most, 1) - 1).bit_length()):
        state, given = _inputs(body)
        once = loop(state, *given)
        loop = ca.Function("loop", [state, *given], [loop(once, *given)], OUT_OF_LINE)
        loop = _guarded(loop)
    return loop


def repeat(body: ca.Function, times: int) -> ca.Function:
    """`body` exactly `times` times: (state, *given) -> state."""
    state, given = _inputs(body)
    value, power, rest = state, body, times
    while rest:
        if rest & 1:
            value = power(value, *given)
        rest >>= 1
        if rest:
            s, g = _inputs(body)
            power = ca.Function("power", [s, *g], [power(power(s, *g), *g)], OUT_OF_LINE)
    return ca.Function("repeat", [state, *given], [value], OUT_OF_LINE)


def _guarded(body: ca.Function) -> ca.Function:
    """`body` if state[0] > 0, else the state as it is."""
    state, given = _inputs(body)
    keep = ca.Function("keep", [state, *given], [state])
    guard = ca.Function.if_else("guard", body, keep)
    return ca.Function("guarded", [state, *given], [guard(state[0] > 0, state, *given)], OUT_OF_LINE)


def _inputs(body: ca.Function) -> tuple[ca.MX, Sequence[ca.MX]]:
    state, *given = (ca.MX.sym(f"i{k}", body.sparsity_in(k)) for k in range(body.n_in()))
    return state, given
