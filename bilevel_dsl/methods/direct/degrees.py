"""Degrees of scalar expressions as polynomials, read off the graph.

Derivatives alone do not tell: the slope of |y| has derivative 0 almost everywhere, and |y| is not linear.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

NO_POLYNOMIAL = 3  # or a polynomial of a higher degree than 2
SUMS = (ca.OP_ADD, ca.OP_SUB)
ALIKE = (ca.OP_NEG, ca.OP_TWICE, ca.OP_ASSIGN)


def degrees(expressions: list[ca.SX], v: ca.SX) -> list[np.ndarray]:
    """For each expression the degrees of its entries, flattened, in the entries of v: 0, 1, 2, or 3 for all else.

    Terms that cancel count. Symbols besides v are constants.
    """
    others = [s for s in ca.symvar(ca.veccat(*expressions)) if not ca.depends_on(v, s)]
    function = ca.Function("degrees", [v, ca.vertcat(*others)], [ca.densify(ca.vec(e)) for e in expressions])
    found = [np.zeros(function.numel_out(k), int) for k in range(function.n_out())]
    known = np.zeros(function.sz_w() + 1, int)
    for k in range(function.n_instructions()):
        operation, to, of = function.instruction_id(k), function.instruction_output(k), function.instruction_input(k)
        if operation == ca.OP_OUTPUT:
            found[to[0]][to[1]] = known[of[0]]
        elif operation == ca.OP_INPUT:
            known[to[0]] = int(of[0] == 0)
        else:
            known[to[0]] = _degree(operation, [int(known[i]) for i in of])
    return found


def _degree(operation: int, of: list[int]) -> int:
    if not any(of):
        return 0
    if operation in SUMS or operation in ALIKE:
        return max(of)
    if operation == ca.OP_MUL:
        return min(sum(of), NO_POLYNOMIAL)
    if operation == ca.OP_SQ:
        return min(2 * of[0], NO_POLYNOMIAL)
    return of[0] if operation == ca.OP_DIV and of[1] == 0 else NO_POLYNOMIAL
