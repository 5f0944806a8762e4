"""V-PBGD: projected gradient steps on f + gamma (g - v), in x and y at once.

    w <- P_Y( w - beta grad_y g(x, w) )                                                                 T times, from y
    (x, y) <- P( (x, y) - alpha ( grad f(x, y) + gamma ( grad g(x, y) - ( grad_x g(x, w), 0 ) ) ) )

Where g has the Polyak-Lojasiewicz property, solutions of the penalised problem are solutions of the bilevel problem
with a gap of order 1 / gamma^2, and v is smooth, with grad v = grad_x g(x, w) for any answer w. First derivatives only.

As the paper has it (`alpha` > 0): a fixed `gamma`, a constant alpha, at most of order 1 / gamma, `T` steps `beta` of w,
which starts anew at y. A fixed T leaves a bias that no gamma removes: y is 1 / gamma away from the answer, w has (1 -
beta mu)^T of that error left, and it counts gamma times. The authors' own code keeps w from one iteration to the next
(`keep`), which removes it. As used (`alpha` = 0, the default): w is found by quasi-Newton steps far better than
the direction needs, (x, y) takes projected quasi-Newton steps, and gamma grows tenfold each time (x, y) is stationary
up to a tenth of its inverse, until `bias`, the distance of y to w, is below `tol`.

Shen, Chen, ICML 2023 (arXiv 2302.05185), Algorithm 1.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts import joint, lower
from .parts.joint import Joint
from .parts.search import Search
from .program import Program, Setting

NAME = "v_pbgd"

CARD = Card(
    name=NAME,
    title="penalty-based descent on the value gap",
    rank=44,
    papers=("Shen, Chen: On penalty-based bilevel gradient descent method, ICML 2023, arXiv 2302.05185",),
    assumes=("a lower objective with the Polyak-Lojasiewicz property, or convex over a set; not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY, needs.LOWER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of f + gamma (g - v) and on the bias, relative", 0),
    Setting("max_iter", 50000, "steps of (x, y)", 0, integer=True),
    Setting("alpha", 0.0, "step of (x, y); 0: quasi-Newton steps, gamma found by the method", 0),
    Setting("gamma", 10, "alpha > 0: penalty parameter", 1e-12),
    Setting("T", 10, "alpha > 0: steps of w in an iteration", 0, integer=True),
    Setting("beta", 0.1, "alpha > 0: step of w", 0),
    Setting("keep", 0, "alpha > 0: w starts where it stood, and not at y", choices=("no", "yes")),
    *joint.SETTINGS,
    Setting("lower_accuracy", 1e-6, "alpha = 0: error of w over its size, times s and the stationarity of (x, y)", 1e-10, 1),
    Setting("lower_trials", 5000, "alpha = 0: evaluations at most in one search of w", 1, integer=True),
)


def program(oracles: Oracles) -> Program:
    return descent(Method(NAME, oracles, SETTINGS))


def descent(m: Method) -> Program:
    s, o, oracles = m.state, m.settings, m.oracles
    q = Joint(m)
    w = Search(m, "w", oracles.ny, "argmin of g", start=m.P_Y(m.y_start), separable=oracles.is_y_separable)
    small = lambda: ca.fmax(o.lower_accuracy * s.s * ca.fmin(ca.fmax(s.stationarity, o.tol), 1), 1e-14)  # noqa: E731

    with m.iteration():
        q.scale(w)
        _, y = q.trial
        w.restart(either(o.alpha * o.keep > 0, w.point, y))
        with m.when(o.alpha > 0, "printed"), m.repeat(o.T, "lower"):
            w.set(point=m.P_Y(w.point - o.beta * m.grad_y_g(q.trial[0], w.point)))
        with m.when(o.alpha <= 0, "accurate"):
            lower.minimise(
                m,
                w,
                lambda v: m.g_grad_y_g(q.trial[0], v),
                name="solve_w",
                at_most=o.lower_trials,
                accuracy=lambda: small() * (1 + norm(w.point)),
            )
        m.called("joint")
        x, y = q.trial
        g, v = m.g(x, y), m.g(x, w.point)
        grad_x_g, grad_y_g = m.grad_g(x, y)
        q.step(
            f=m.f(x, y),
            p=g - v,
            grad_f=ca.vertcat(*m.grad_f(x, y)),
            grad_p=ca.vertcat(grad_x_g - m.grad_x_g(x, w.point), grad_y_g),
            bias=norm(y - w.point) / (1 + norm(y)),
            size=ca.fabs(g) + ca.fabs(v),
        )
    return m.program(*q.measures("gap"))
