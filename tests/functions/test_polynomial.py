"""Degrees read off the matrix graph against those of the graph of scalars."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.polynomial import ABOVE, degrees_by_node
from bilevel_dsl.methods.direct.degrees import degrees

A = ca.DM(np.arange(12.0).reshape(3, 4) - 5)
CASES = {
    "affine": (lambda v: ca.sum1(A @ v - 2), 1),
    "square": (lambda v: ca.sumsqr(A @ v), 2),
    "product of parts": (lambda v: ca.dot(v[:2], v[2:]), 2),
    "matrix product": (lambda v: ca.trace(ca.reshape(v, 2, 2) @ ca.reshape(v, 2, 2).T), 2),
    "split": (lambda v: ca.vertsplit(v, 2)[0][0] - 3 * ca.vertsplit(v, 2)[1][1], 1),
    "quadratic form": (lambda v: ca.bilin(A[:, :3], v[:3], v[1:]), 2),
    "cubic": (lambda v: ca.sum1(v * v * v), ABOVE),
    "absolute value": (lambda v: ca.sum1(ca.fabs(v)), ABOVE),
    "quotient": (lambda v: v[0] / v[1], ABOVE),
    "assigned": (lambda v: ca.sum1(ca.vertcat(v[2:] / 4, ca.DM.ones(2))), 1),
}


@pytest.mark.parametrize("name", CASES)
def test_the_degree_is_that_of_the_scalars(name):
    make, expected = CASES[name]
    v = ca.MX.sym("v", 4)
    expression = make(v)
    scalar = ca.Function("f", [v], [expression]).expand()
    s = ca.SX.sym("v", 4)
    assert degrees_by_node([expression], [v])[expression.__hash__()] == expected
    assert degrees([scalar(s)], s)[0].max() == expected


def test_other_symbols_are_numbers():
    v, w = ca.MX.sym("v", 2), ca.MX.sym("w", 2)
    expression = ca.dot(v, ca.exp(w))
    assert degrees_by_node([expression], [v])[expression.__hash__()] == 1
    assert degrees_by_node([expression], [v, w])[expression.__hash__()] == ABOVE
