"""Degrees of matrix expressions as polynomials, node by node: a few steps where the graph of scalars has a million.

The degree of a matrix is the largest of its entries, so what is said is an upper bound; `degrees` of `methods/direct`
reads that of every entry off the graph of scalars.
"""

from __future__ import annotations

from collections.abc import Iterable

import casadi as ca

ABOVE = 3  # no polynomial, or one of a higher degree than 2
_LINEAR = {  # what moves entries about, adds them, or multiplies by a number
    ca.OP_ADD,
    ca.OP_SUB,
    ca.OP_NEG,
    ca.OP_TWICE,
    ca.OP_ASSIGN,
    ca.OP_RESHAPE,
    ca.OP_TRANSPOSE,
    ca.OP_PROJECT,
    ca.OP_VERTCAT,
    ca.OP_HORZCAT,
    ca.OP_DIAGCAT,
    ca.OP_VERTSPLIT,
    ca.OP_HORZSPLIT,
    ca.OP_DIAGSPLIT,
    ca.OP_SUBREF,
    ca.OP_GETNONZEROS,
    ca.OP_SETNONZEROS,
    ca.OP_ADDNONZEROS,
    ca.OP_HORZREPMAT,
    ca.OP_HORZREPSUM,
}


def nodes(expressions: Iterable[ca.MX]) -> list[ca.MX]:
    """Every node that the expressions consist of, after its arguments."""
    found: list[ca.MX] = []
    seen: set[int] = set()
    stack = [(e, False) for e in expressions]
    while stack:
        node, ready = stack.pop()
        key = node.__hash__()
        if ready:
            found.append(node)
        elif key not in seen:
            seen.add(key)
            stack.append((node, True))
            stack.extend((node.dep(k), False) for k in range(node.n_dep()))
    return found


def degrees_by_node(expressions: Iterable[ca.MX], variables: Iterable[ca.MX]) -> dict[int, int]:
    """By hash of a node: 0, 1, 2, or `ABOVE` for all else, in the symbols `variables`; other symbols are numbers.

    At least the degree of every entry: terms that cancel count.
    """
    own = {v.__hash__() for v in variables}
    found: dict[int, int] = {}
    for node in nodes(expressions):
        of = [found[node.dep(k).__hash__()] for k in range(node.n_dep())]
        found[node.__hash__()] = int(node.__hash__() in own) if node.is_symbolic() else _degree(node, of)
    return found


def _degree(node: ca.MX, of: list[int]) -> int:
    if not any(of):
        return 0
    if node.is_output():
        return of[0] if node.dep(0).op() in _LINEAR else ABOVE
    operation = node.op()
    if operation in _LINEAR:
        return max(of)
    if operation in (ca.OP_MUL, ca.OP_DOT):
        return min(sum(of), ABOVE)
    if operation == ca.OP_MTIMES:  # z + x @ y
        return min(max(of[0], of[1] + of[2]), ABOVE)
    if operation == ca.OP_BILIN:  # x' @ A @ y
        return min(sum(of), ABOVE)
    if operation == ca.OP_RANK1:  # A + alpha x y'
        return min(max(of[0], sum(of[1:])), ABOVE)
    if operation == ca.OP_SQ:
        return min(2 * of[0], ABOVE)
    if operation == ca.OP_DIV and of[1] == 0:
        return of[0]
    return ABOVE
