"""A small stochastic method and a model with samples on both levels, for tests."""

from __future__ import annotations

import casadi as ca

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.functions.select import norm
from bilevel_dsl.methods import needs
from bilevel_dsl.methods.card import Card
from bilevel_dsl.methods.flow import Method
from bilevel_dsl.methods.program import Program, Setting, Signal
from bilevel_dsl.model.problem import Problem

CARD = Card(
    name="sgd",
    title="alternating stochastic gradient descent",
    papers=("none",),
    needs=(needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY, needs.SAMPLES_IF_ANY),
    stochastic=True,
)
SETTINGS = (
    Setting("tol", 0.0, "on the move of x", 0),
    Setting("max_iter", 200, "passes", 0, integer=True),
    Setting("batch", 16, "samples in a batch", 1, integer=True, built=True),
    Setting("seed", 0, "of the random numbers", 0, 1e6, integer=True),
    Setting("steps", 20, "steps of a pass", 1, integer=True),
    Setting("inner", 5, "steps of y in a step", 1, integer=True),
    Setting("alpha", 0.05, "step size of x", 0),
    Setting("beta", 0.05, "step size of y and of v", 0),
)


def program(
    oracles: Oracles, built: dict[str, float] | None = None, replace: bool = True, whole_measures: bool = True
) -> Program:
    """y and v = H^-1 grad_y f by stochastic descent, x along grad_x f - J v; every product with samples of its own."""
    m = Method(CARD.name, oracles, SETTINGS, built)
    s, o = m.state, m.settings
    m.slots(x=m.P_X(m.x_start), y=m.y_start, v=ca.MX.zeros(oracles.ny), k=0, moved=1)
    with m.iteration(), m.repeat(o.steps, "pass"):
        with m.repeat(o.inner, "lower"):
            zeta = m.draw("g", o.batch, replace=replace)
            xi = m.draw("f", o.batch, replace=replace)
            y, v = s.y, s.v
            s.y = y - o.beta * m.grad_y_g(s.x, y, zeta)
            s.v = v - o.beta * (m.hess_yy_g_times(s.x, y, zeta, v) - m.grad_y_f(s.x, y, xi))
        xi, zeta = m.draw("f", o.batch, replace=replace), m.draw("g", o.batch, replace=replace)
        w = m.grad_x_f(s.x, s.y, xi) - m.hess_xy_g_times(s.x, s.y, zeta, s.v)
        s.k = s.k + 1
        new = m.P_X(s.x - o.alpha / ca.sqrt(s.k) * w)
        s.moved = norm(new - s.x)
        s.x = new
        m.stop(Signal.DIVERGED, when=norm(s.y) > 1e12)
    upper = m.f(s.x, s.y) if whole_measures else s.moved
    return m.program({"upper": upper, "moved": s.moved}, {"moved": "tol"})


CLEANING = """\
problem cleaning;
param N = 60;
param M = 40;
param A[N, 3] = normal(0, 1, N, 3, seed=1);
param V[M, 3] = normal(0, 1, M, 3, seed=2);
param wrong[N] = uniform(0, 1, N, seed=3);
let truth = [1, -2, 0.5];
let noise = [if wrong[i] < 0.3 then 3.0 else 0.0 for i in 1..N];
upper {
  var w[N];
  minimize expect((V[i, :] @ (y - truth))^2 for i in 1..M) + 0.001 * sumsqr(w);
}
lower {
  var y[3];
  minimize expect(sigmoid(w[i]) * (A[i, :] @ (y - truth) - noise[i])^2 for i in 1..N) + 0.01 * sumsqr(y);
}
"""

RIDGE = """\
problem ridge;
param N = 60;
param A[N, 4] = normal(0, 1, N, 4, seed=1);
param b[N] = normal(0, 1, N, seed=2);
param c[N] = normal(0, 1, N, seed=3);
upper { var x; minimize expect((A[i, :] @ y - c[i])^2 for i in 1..N) + 0.1 * x^2; }
lower { var y[4]; minimize expect((A[i, :] @ y - b[i])^2 for i in 1..N) + exp(x) * sumsqr(y); }
"""


def load(text: str, **params: object) -> Problem:
    return bl.load(bl.Source("m.bilevel", text), params={name: str(value) for name, value in params.items()})
