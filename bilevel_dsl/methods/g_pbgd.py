"""G-PBGD: projected gradient steps on f + gamma |grad_y g|^2, without inner loops.

    (x, y) <- P( (x, y) - alpha grad( f + gamma |grad_y g|^2 ) )        grad |r|^2 = ( 2 J r, 2 H r ),  r = grad_y g

Two products with second derivatives, J r and H r, an iteration. A point with H r = 0 and r not 0 may be stationary for
every gamma: the penalty itself is stuck there, far from any answer of the follower. In the paper's example g(y) = y^2 +
2 sin(y)^2, f = sin(y - 2 pi / 3)^2, whose only answer is y = 0, such a point is y = 2 pi / 3, and half of all starts
end there; `v_pbgd` does not. It also takes maxima and saddles of g for answers. What tells the first is `bias`, which
then stays where it is while gamma grows: the method ends as stalled, not as converged. The second it cannot see, but
the certificate does.

As the paper has it (`alpha` > 0): a fixed `gamma` and a constant alpha of order 1 / gamma. As used (`alpha` = 0, the
default): projected quasi-Newton steps, and gamma that grows tenfold each time (x, y) is stationary up to a tenth of its
inverse, until `bias`, the length of H^-1 grad_y g relative to y, by conjugate gradients where (x, y) is nearly
stationary, is below `tol`.

Shen, Chen, ICML 2023 (arXiv 2302.05185), G-PBGD.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts import joint
from .parts.joint import Joint
from .parts.linear import ConjugateGradients
from .program import Program, Setting

NAME = "g_pbgd"

CARD = Card(
    name=NAME,
    title="penalty-based descent on the norm of the follower's gradient",
    rank=45,
    papers=("Shen, Chen: On penalty-based bilevel gradient descent method, ICML 2023, arXiv 2302.05185",),
    assumes=("a twice differentiable lower objective whose Hessian in y is not singular; not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of f + gamma |grad_y g|^2 and on the bias, relative", 0),
    Setting("max_iter", 50000, "steps of (x, y)", 0, integer=True),
    Setting("alpha", 0.0, "step of (x, y); 0: quasi-Newton steps, gamma found by the method", 0),
    Setting("gamma", 10, "alpha > 0: penalty parameter", 1e-12),
    *joint.SETTINGS,
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    q, v = Joint(m), ConjugateGradients(m, "v", oracles.ny)
    with m.iteration():
        q.scale()
        near = lambda: s.stationarity <= ca.fmax(10 * o.tol, s.s)  # noqa: E731
        with m.when(near(), "distance"):
            x, y = q.trial
            v.solve(lambda d: m.hess_yy_g_times(*q.trial, d), m.grad_y_g(x, y), at_most=200, accuracy=0.1)
        m.called("joint")
        x, y = q.trial
        r = m.grad_y_g(x, y)
        J_r, H_r = m.hess_xy_g_times(x, y, r), m.hess_yy_g_times(x, y, r)
        least = ca.dot(r, r) / ca.fmax(norm(H_r), 1e-300)  # |H^-1 r| is not below that
        q.step(
            f=m.f(x, y),
            p=ca.dot(r, r),
            grad_f=ca.vertcat(*m.grad_f(x, y)),
            grad_p=2 * ca.vertcat(J_r, H_r),
            bias=either(near(), ca.fmax(norm(v.z), least), least) / (1 + norm(y)),
            sure=near(),
            size=ca.dot(r, r),
        )
    return m.program(*q.measures("gradient"))
