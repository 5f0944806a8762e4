"""Derivatives against differences, for every function that a method may ask for."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.expand import SCALAR_LIMIT, expanded
from bilevel_dsl.functions.oracles import Oracles
from tests.problems import box, problem

NX, NY = 3, 4
RNG = np.random.default_rng(0)
W = RNG.standard_normal((NY, NX))


def made():
    def f(x, y, a, b):
        return ca.sin(x[0] * y[1]) + ca.dot(a, y) ** 2 + ca.exp(0.1 * ca.dot(x, x)) + b * y[2] * x[2]

    def g(x, y, a, b):
        r = y - ca.tanh(ca.DM(W) @ x)
        return ca.dot(r, r) + b * ca.cos(y[0]) * x[1] + ca.dot(a, y**3) / 3

    return problem(
        f,
        g,
        NX,
        NY,
        parameters=[("a", RNG.standard_normal(NY)), ("b", np.float64(0.7))],
        upper=[
            ("le", lambda x, y, a, b: ca.vertcat(x[0] * y[0], ca.dot(y, y))),
            ("eq", lambda x, y, a, b: b * x[1] + y[3]),
        ],
        lower=[("le", lambda x, y, a, b: ca.dot(a, y) - x[0] ** 2), ("eq", lambda x, y, a, b: y[0] * y[1] - 1)],
    )


ORACLES = Oracles(made())
POINT = RNG.standard_normal(NX), RNG.standard_normal(NY)


def value(name: str, x, y, *direction) -> list[np.ndarray]:
    out = ORACLES.function(name).call([ca.DM(x), ca.DM(y), *map(ca.DM, ORACLES.problem.data), *map(ca.DM, direction)])
    return [np.array(v) for v in out]


def differences(name: str, wrt: str, x, y, output: int = 0) -> np.ndarray:
    """Rows: outputs, columns: variables. Central differences of the fourth order."""
    size, h, columns = (NX if wrt == "x" else NY), 1e-3, []
    for e in np.eye(size):
        at = lambda t, e=e: value(name, x + t * e, y)[output] if wrt == "x" else value(name, x, y + t * e)[output]  # noqa: E731
        columns.append(((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)).ravel())
    return np.array(columns).T


@pytest.mark.parametrize(
    "name, base, wrt", [("grad_x_f", "f", "x"), ("grad_y_f", "f", "y"), ("grad_x_g", "g", "x"), ("grad_y_g", "g", "y")]
)
def test_gradients(name, base, wrt):
    assert value(name, *POINT)[0].ravel() == pytest.approx(differences(base, wrt, *POINT)[0], abs=1e-9)


def test_joint_functions_agree_with_single_ones():
    for joint, parts in (
        ("grad_f", ("grad_x_f", "grad_y_f")),
        ("grad_g", ("grad_x_g", "grad_y_g")),
        ("f_grad_y_f", ("f", "grad_y_f")),
        ("g_grad_y_g", ("g", "grad_y_g")),
    ):
        for together, name in zip(value(joint, *POINT), parts):
            assert together == pytest.approx(value(name, *POINT)[0], rel=1e-14, abs=1e-14)


def test_second_derivatives():
    H, J = value("hess_yy_g", *POINT)[0], value("hess_xy_g", *POINT)[0]
    assert H == pytest.approx(differences("grad_y_g", "y", *POINT), abs=1e-8)
    assert J == pytest.approx(differences("grad_y_g", "x", *POINT).T, abs=1e-8)
    assert J.shape == (NX, NY)
    v = RNG.standard_normal(NY)
    assert value("hess_yy_g_times", *POINT, v)[0].ravel() == pytest.approx(H @ v, rel=1e-12)
    assert value("hess_xy_g_times", *POINT, v)[0].ravel() == pytest.approx(J @ v, rel=1e-12)
    u = RNG.standard_normal(NX)
    assert value("hess_yx_g_times", *POINT, u)[0].ravel() == pytest.approx(J.T @ u, rel=1e-12)


def test_constraints_and_their_jacobian():
    assert value("c", *POINT)[0].shape == (3, 1) and value("h", *POINT)[0].shape == (2, 1)
    assert ORACLES.upper_equalities == [False, False, True] and ORACLES.lower_equalities == [False, True]
    c_x, c_y = value("jac_c", *POINT)
    assert c_x == pytest.approx(differences("c", "x", *POINT), abs=1e-8)
    assert c_y == pytest.approx(differences("c", "y", *POINT), abs=1e-8)


def test_unknown_function():
    with pytest.raises(KeyError):
        ORACLES.function("hess_xxx_g")


def test_projections_of_a_level():
    x, y = ca.MX.sym("x", 2), ca.MX.sym("y", 2)
    oracles = Oracles(problem(lambda x, y: ca.sumsqr(x), lambda x, y: ca.sumsqr(y), 2, 2, x_set=box(2, -1, 1)))
    assert not oracles.is_x_free and oracles.is_y_free and oracles.is_x_separable
    assert oracles.project_y(y, []) is y
    clipped = ca.Function("p", [x], [oracles.project_x(x, [])])([3, -0.5])
    assert np.array(clipped).ravel() == pytest.approx([1, -0.5], abs=0)


def test_bounds_among_the_constraints_are_sets():
    oracles = Oracles(
        problem(
            lambda x, y: ca.sumsqr(x),
            lambda x, y: ca.sumsqr(y - x),
            1,
            1,
            upper=[("le", lambda x, y: x - 2), ("le", lambda x, y: x + y - 3)],
        )
    )
    assert oracles.is_x_separable and not oracles.is_x_free
    assert len(oracles.upper_equalities) == 1 and len(oracles.written.upper_constraints) == 2


def test_large_graphs_stay_matrix_graphs():
    x = ca.MX.sym("x", 40)
    small = ca.Function("small", [x], [ca.sin(x)])
    assert expanded(small).is_a("SXFunction")
    large = ca.Function("large", [x], [ca.sin(x @ x.T) @ x])
    assert not expanded(large).is_a("SXFunction") and 40 * 40 > SCALAR_LIMIT
