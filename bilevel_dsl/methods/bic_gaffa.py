"""BiC-GAFFA: a gap function of the Lagrangian, regularised in y and in the multipliers, as the penalty.

    Lag(x, y, z) = g(x, y) + z' h(x, y)                                        for the follower's constraints h(x, y) <= 0
    G(x, y, z)   = max { Lag(x, y, lam) - Lag(x, theta, z) - |theta - y|^2 / (2 g1) - |lam - z|^2 / (2 g2) :
                         theta in Y, lam >= 0 }  >= 0

G = 0 just where y is an answer of the follower and z its multipliers (g and h convex in y), and G is smooth, unlike the
value gap under constraints that move with x. The maximiser in lam is max(0, z + g2 h(x, y)); that in theta follows by steps:

    theta <- P_Y( theta - eta ( grad_y Lag(x, theta, z) + (theta - y) / g1 ) )
    (x, y) <- P( (x, y) - alpha grad_{x,y} ( f / c_k + G ) )                   c_k = c (k + 1)^p
    z <- P_Z( z - beta grad_z G ),    grad_z G = -(z - lam) / g2 - h(x, theta)           Z = [0, R], of equalities [-R, R]

One loop, first derivatives only, no projection onto the constraints. Answers with multipliers above R are cut off.

As the paper has it: `alpha` > 0. The error falls as c_k grows, like k^-p. As used (`alpha` = 0, the default): theta is found
by quasi-Newton steps, (x, y, z) takes projected quasi-Newton steps on f + c G, and c grows tenfold each time the
point is stationary up to a tenth of 1 / c, until `bias`, |y - theta| and |z - lam| over g2, relative, is at most `tol`.

Yao, Yin, Zeng, Zhang, ICLR 2025 (arXiv 2406.01992), Algorithm 1.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from . import needs
from .card import Card
from .flow import Method
from .parts import multipliers, proximal
from .parts.proximal import Proximal
from .program import Program, Setting

NAME = "bic_gaffa"

CARD = Card(
    name=NAME,
    title="gap function of the Lagrangian for coupled constraints, first order",
    rank=52,
    papers=(
        "Yao, Yin, Zeng, Zhang: Overcoming lower-level constraints in bilevel optimization: a novel approach with "
        "regularized gap functions, ICLR 2025, arXiv 2406.01992",
    ),
    assumes=("a lower level that is convex in y and has multipliers, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-5, "bound on the gradient mapping of f + c G and on the bias, relative", 0),
    Setting("max_iter", 50000, "steps of (x, y, z)", 0, integer=True),
    *proximal.SETTINGS,
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    q = Proximal(m)

    def regularised(theta: ca.MX) -> tuple[ca.MX, ca.MX]:
        """Lag(x, theta, z) + |theta - y|^2 / (2 g1), and its slope."""
        (x, y, z), g1 = q.trial, m.settings.g1
        g, grad_g = m.g_grad_y_g(x, theta)
        value = g + ca.dot(z, m.h(x, theta)) + ca.sumsqr(theta - y) / (2 * g1)
        return value, grad_g + m.grad_h_times(x, theta, z)[1] + (theta - y) / g1

    with m.iteration():
        q.follow(regularised)
        penalise(m, q)
    return m.program(*q.measures("gap_function"))


def penalise(m: Method, q: Proximal) -> None:
    """G and its gradient at the trial, and the step."""
    o, (x, y, z), theta = m.settings, q.trial, q.theta.point
    h, h_theta = m.h(x, y), m.h(x, theta)
    lam = multipliers.updated(h, z, o.g2, q.equalities)
    terms = (
        m.g(x, y) + ca.dot(lam, h),
        m.g(x, theta) + ca.dot(z, h_theta),
        ca.sumsqr(theta - y) / (2 * o.g1) + ca.sumsqr(lam - z) / (2 * o.g2),
    )
    grad_g, rows, rows_theta = m.grad_g(x, y), m.grad_h_times(x, y, lam), m.grad_h_times(x, theta, z)
    q.step(
        f=m.f(x, y),
        p=terms[0] - terms[1] - terms[2],
        grad_f=ca.vertcat(*m.grad_f(x, y), 0 * z),
        grad_p=ca.vertcat(
            grad_g[0] + rows[0] - m.grad_x_g(x, theta) - rows_theta[0],
            grad_g[1] + rows[1] - (y - theta) / o.g1,
            -(z - lam) / o.g2 - h_theta,
        ),
        bias=q.apart(y, z, lam),
        size=sum(map(ca.fabs, terms)),
        length=q.lengths,
    )
