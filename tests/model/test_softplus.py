"""log(1 + exp(x)): value and both derivatives, also at 0, where every start of a classifier is, and far from it."""

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.model.build import build
from bilevel_dsl.semantics.check import check
from bilevel_dsl.syntax.parser import Source, parse

MODEL = "upper { var x; minimize softplus(x); } lower { var y; minimize (y - x)^2; }"


@pytest.mark.parametrize("x", [0.0, -0.0, 1.0, -1.0, 30.0, -30.0, 800.0, -800.0, 1e300])
def test_value_and_derivatives(x):
    source = Source("model.bilevel", MODEL)
    problem = build(check(parse(source), source=source))
    gradient = ca.gradient(problem.f.expression, problem.x)
    all_three = ca.Function("f", [problem.x, problem.y], [problem.f.expression, gradient, ca.jacobian(gradient, problem.x)])
    sigmoid = np.exp(-np.logaddexp(0, -x))
    expected = [np.logaddexp(0, x), sigmoid, sigmoid * np.exp(-np.logaddexp(0, x))]
    np.testing.assert_allclose([float(v) for v in all_three(x, 0)], expected, rtol=1e-14, atol=1e-300)
