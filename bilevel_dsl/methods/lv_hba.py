"""LV-HBA: the proximal Lagrangian value function as the penalty, on the set of the follower's constraints.

    v(x, y, z) = min_{theta in Y} max_{lam >= 0}
                     g(x, theta) + lam' h(x, theta) + |theta - y|^2 / (2 g1) - |lam - z|^2 / (2 g2)
    minimise f + c ( g - v )   over   C = { x in X, y in Y, h(x, y) <= 0 }   and   z in Z

g >= v on C, with equality for some z just where y is an answer of the follower (g and h convex in y), z its multipliers, and
v is smooth. Steps follow the saddle point, and the point:

    theta' <- P_Y( theta - eta ( grad_y g(x, theta) + h_y(x, theta)' lam + (theta - y) / g1 ) )
    lam'   <- max( 0, lam - eta ( (lam - z) / g2 - h(x, theta) ) )
    (x, y) <- P_C( (x, y) - alpha ( grad f / c_k + ( grad_x g - grad_x g(x, theta') - h_x(x, theta')' lam',
                                                     grad_y g - (y - theta') / g1 ) ) )               c_k = c (k + 1)^p
    z      <- P_Z( z + beta (lam' - z) / g2 )                              Z = [0, R], of equalities [-R, R]

First derivatives only, but a projection onto C: cheap where h is affine and small. For a theta the best lam is max(0, z +
g2 h(x, theta)), so v is also the least of g + A(h; z, g2) + |theta - y|^2 / (2 g1), A the augmented Lagrangian term. Answers
with multipliers above R are cut off.

As the paper has it: `alpha` > 0; theta and lam must be clearly faster than (x, y): alpha at most eta / 10. P_C is found by
multipliers. As used (`alpha` = 0, the default): theta is found by quasi-Newton steps on that sum, and (x, y, z) takes
projected quasi-Newton steps, for which C is relaxed. Off C, g - v falls without end in z; with

    D(h, z) = A(h; z, g2) + min_{s >= 0} { g2 |h + s|^2 - A(-s; z, g2) }              (s = 0 for equalities)

g + D - v >= 0 everywhere, 0 where g - v is on C, and smooth: -A(-s; z, g2) is what g - v loses by a slack s. c grows tenfold
each time the point is stationary up to a tenth of 1 / c, until `bias` (as of bic_gaffa, and `violation`) is at most `tol`.

Yao, Yu, Zeng, Zhang, ICLR 2024 (arXiv 2401.16164), Algorithm 1.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts import lower, multipliers, proximal
from .parts.lower import Constraints
from .parts.proximal import Proximal
from .parts.search import Search
from .program import Program, Setting

NAME = "lv_hba"

CARD = Card(
    name=NAME,
    title="proximal Lagrangian value function for coupled constraints, first order",
    rank=53,
    papers=(
        "Yao, Yu, Zeng, Zhang: Constrained bi-level optimization: proximal Lagrangian value function approach and "
        "Hessian-free algorithm, ICLR 2024, arXiv 2401.16164",
    ),
    assumes=("a lower level that is convex in y and has multipliers, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY),
)

ACCURACY = 1e-10  # of projections, relative

SETTINGS = (
    Setting("tol", 1e-5, "bound on the gradient mapping, on the bias and on the violation, relative", 0),
    Setting("max_iter", 50000, "steps of (x, y, z)", 0, integer=True),
    *proximal.SETTINGS,
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o = m.state, m.settings
    q = Proximal(m)
    feasible = Feasible(m, q)
    m.slot("lam", len(q.equalities), "multipliers of theta")
    m.slot("next_lam", len(q.equalities), "alpha > 0: after this iteration")
    m.slot("violation", 1, "of the lower constraints, relative")

    def regularised(theta: ca.MX) -> tuple[ca.MX, ca.MX]:
        """What theta minimises, for its best lam; a step of the paper is for the lam that it has."""
        x, y, z = q.trial
        h, (g, grad_g) = m.h(x, theta), m.g_grad_y_g(x, theta)
        lam = either(o.alpha > 0, s.lam, multipliers.updated(h, z, o.g2, q.equalities))
        value = g + multipliers.term(h, z, o.g2, q.equalities) + ca.sumsqr(theta - y) / (2 * o.g1)
        return value, grad_g + m.grad_h_times(x, theta, lam)[1] + (theta - y) / o.g1

    with m.iteration():
        with m.when(o.alpha > 0, "climb"):
            x, _, z = q.trial
            s.next_lam = multipliers.positive_part(
                s.lam - o.eta * ((s.lam - z) / o.g2 - m.h(x, q.theta.point)), q.equalities
            )
        q.follow(regularised)
        penalise(m, q)
        with m.when(o.alpha > 0, "onto_C"):
            feasible.project()
    measures, tolerances = q.measures("gap_function")
    return m.program(measures | {"violation": s.violation}, tolerances | {"violation": "tol"})


def penalise(m: Method, q: Proximal) -> None:
    """g - v at the trial, with D where C is no set of the steps, and its gradient; the step."""
    s, o, (x, y, z), theta = m.state, m.settings, q.trial, q.theta.point
    h, h_theta, printed = m.h(x, y), m.h(x, theta), o.alpha > 0
    s.lam = either(printed, s.next_lam, multipliers.updated(h_theta, z, o.g2, q.equalities))
    lam, grad_g, rows = s.lam, m.grad_g(x, y), m.grad_h_times(x, theta, s.lam)
    apart, by_h, by_z = (either(printed, 0 * v, v) for v in distance(h, z, o.g2, q.equalities))
    off = m.grad_h_times(x, y, by_h)
    g, v = m.g(x, y), m.g(x, theta) + multipliers.term(h_theta, z, o.g2, q.equalities) + ca.sumsqr(theta - y) / (2 * o.g1)
    s.violation = multipliers.violation(h, 0 * z, 1, q.equalities) / (1 + norm(y))
    q.step(
        f=m.f(x, y),
        p=g + apart - v,
        grad_f=ca.vertcat(*m.grad_f(x, y), 0 * z),
        grad_p=ca.vertcat(
            grad_g[0] + off[0] - m.grad_x_g(x, theta) - rows[0],
            grad_g[1] + off[1] - (y - theta) / o.g1,
            by_z - (lam - z) / o.g2,
        ),
        bias=ca.fmax(q.apart(y, z, lam), s.violation),
        size=ca.fabs(g) + ca.fabs(v) + apart,
        length=q.lengths,
    )


def distance(h: ca.MX, z: ca.MX, g2: ca.MX, equalities: list[bool]) -> tuple[ca.MX, ca.MX, ca.MX]:
    """D(h, z), and its slopes. The least s is 0 where h > -z / (2 g2), -h where h < -z / g2, and linear between."""
    free = ca.DM([0.0 if e else 1.0 for e in equalities])
    slack = free * ca.fmax(0, ca.fmin(-h, -z / g2 - 2 * h))
    lam, lam_slack = multipliers.updated(h, z, g2, equalities), multipliers.updated(-slack, z, g2, equalities)
    value = multipliers.term(h, z, g2, equalities) - multipliers.term(-slack, z, g2, equalities) + g2 * ca.sumsqr(h + slack)
    return value, lam + 2 * g2 * (h + slack), (lam - lam_slack) / g2


class Feasible:
    """Projections onto the set C of (x, y), by multipliers of the rows."""

    def __init__(self, m: Method, q: Proximal):
        self.m, self.q, self.size = m, q, q.nx + q.ny
        start = ca.vertcat(m.P_X(m.x_start), m.P_Y(m.y_start))
        separable = m.oracles.is_x_separable and m.oracles.is_y_separable
        self.nearest = Search(m, "nearest", self.size, "projection onto C", start=start, separable=separable)
        self.rows = Constraints(m, self.nearest, q.equalities)
        m.slot("target", self.size, "what is projected")

    def project(self) -> None:
        """The next trial is the nearest point of C."""
        m, s, q, u, nearest, rows = self.m, self.m.state, self.q, self.q.u, self.nearest, self.rows

        def squares(point: ca.MX) -> tuple[ca.MX, ca.MX, ca.MX]:
            x, y = point[: q.nx], point[q.nx :]
            h = m.h(x, y)
            pull = multipliers.updated(h, rows.mu, rows.rho, q.equalities)
            value = ca.sumsqr(point - s.target) / 2 + multipliers.term(h, rows.mu, rows.rho, q.equalities)
            return value, point - s.target + ca.vertcat(*m.grad_h_times(x, y, pull)), h

        s.target = (u.point - q.lengths * u.gradient)[: self.size]
        nearest.restart(s.target)
        lower.minimise(
            m,
            nearest,
            squares,
            name="nearest",
            at_most=m.settings.lower_trials,
            accuracy=lambda: ACCURACY * (1 + norm(nearest.point)),
            constraints=rows,
            project=lambda v: ca.vertcat(m.P_X(v[: q.nx]), m.P_Y(v[q.nx :])),
        )
        u.set(direction=ca.vertcat(nearest.point - u.point[: self.size], u.direction[self.size :]))
