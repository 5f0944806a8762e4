"""BLOCC: the value gap under constraints that couple both levels, by the multipliers of two saddle points.

    (z, mu_z)  the saddle point of   g(x, .) + mu' h(x, .)                   z in Y, mu >= 0
    (y, mu_y)  the saddle point of   f(x, .) + gamma g(x, .) + mu' h(x, .)
    x <- P_X( x - eta d ),    d = grad_x f(x, y) + gamma ( grad_x g(x, y) - grad_x g(x, z) - h_z' mu_z ) + h_y' mu_y

With h_y and h_z the Jacobians of the constraints by x, at (x, y) and (x, z). Where the follower's feasible set moves
with x, grad v has the term with mu_z; it is an error of order one to leave it out, and no projection is needed. g
strongly convex in y, h convex in y with independent gradients where it is active; then the multipliers are unique, and
the direction is the gradient of psi_sigma, sigma = 1 / gamma.

As the paper has it: T steps up in mu, each after steps down in y, for a fixed gamma, with a constant eta. As used: both
saddle points by augmented Lagrangians and projected quasi-Newton steps, as accurate as the direction needs (mu_y here
is of sigma f + g, that is mu_y of the paper over gamma); eta follows Malitsky and Mishchenko (`eta` > 0 makes it
constant), and gamma grows tenfold each time x is stationary up to a tenth of 1 / gamma, until `bias`, the distance of y
to z, is below `tol`. Where the rows that are active for y and for z differ, gamma must still grow, and psi has a kink.

Jiang, Xiao, Tenorio, Real-Rojas, Marques, Chen, NeurIPS 2024 (arXiv 2406.10148), Algorithm 1.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles, expanded
from ..functions.select import norm
from . import needs
from .card import Card
from .flow import Method
from .parts import gap, lower, multipliers
from .parts.gap import Gap
from .parts.search import Search
from .program import Program, Setting

NAME = "blocc"

CARD = Card(
    name=NAME,
    title="penalty method for coupled constraints by their multipliers",
    rank=51,
    papers=(
        "Jiang, Xiao, Tenorio, Real-Rojas, Marques, Chen: A primal-dual-assisted penalty approach to bilevel optimization "
        "with coupled constraints, NeurIPS 2024, arXiv 2406.10148",
    ),
    assumes=("a strongly convex lower objective and convex constraints with independent gradients, which is not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY),
)

SETTINGS = (
    Setting("tol", 1e-5, "bound on the gradient mapping of psi_sigma, on the bias and on the violation, relative", 0),
    Setting("max_iter", 5000, "upper-level iterations", 0, integer=True),
    Setting("eta", 0.0, "step of x; 0: found by the method", 0),
    *gap.SETTINGS,
)


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    q = Coupled(m)
    with m.iteration():
        q.move(length=m.settings.eta)
        q.solve()
        q.judge()
    measures, tolerances = q.measures()
    return m.program(measures | {"violation": q.violation()}, tolerances | {"violation": "tol"})


class Coupled(Gap):
    """y and z under constraints, with their multipliers in the gradients by x."""

    def __init__(self, m: Method):
        super().__init__(m)
        self.equalities = m.oracles.lower_equalities
        self.rows = {q: lower.Constraints(m, q, self.equalities) for q in (self.y, self.z)}

    def lagrangian(self, q: Search, by_x: bool = False) -> ca.Function:
        """(x, y, sigma, mu, rho, p) -> sigma f + g with its terms, its y-gradient, and h; or the x-gradient alone."""
        oracles, problem = self.m.oracles, self.m.oracles.problem
        sigma, rho, mu = ca.MX.sym("sigma"), ca.MX.sym("rho"), ca.MX.sym("mu", len(self.equalities))
        h = oracles.recipes["h"]()[0] if self.equalities else ca.MX(0, 1)
        value = problem.g.expression
        if q is self.y:
            value = value + sigma * problem.f.expression
        if self.equalities:
            value = value + multipliers.term(h, mu, rho, self.equalities)
        outputs = [ca.gradient(value, problem.x)] if by_x else [value, ca.gradient(value, problem.y), h]
        name = f"{'upper' if by_x else 'lower'}_{q.name}"
        inputs = [problem.x, problem.y, sigma, mu, rho, *problem.p]
        return expanded(ca.Function(name, inputs, [ca.densify(e) for e in outputs]))

    def evaluated(self, q: Search, y: ca.MX, by_x: bool = False):
        s, rows = self.m.state, self.rows[q]
        return self.lagrangian(q, by_x)(s.x, y, s.sigma, rows.mu, rows.rho, *self.m.p)

    def minimise(self, q: Search) -> None:
        lower.minimise(
            self.m,
            q,
            lambda y: self.evaluated(q, y),
            name=f"solve_{q.name}",
            at_most=self.m.settings.lower_trials,
            accuracy=lambda: self.accuracy(q),
            constraints=self.rows[q],
        )

    def direction(self) -> tuple[ca.MX, ca.MX, ca.MX]:
        sigma, at_y, at_z = self.m.state.sigma, *(self.evaluated(q, q.point, by_x=True) for q in (self.y, self.z))
        return (at_y - at_z) / sigma, norm(at_y), norm(at_z)

    def violation(self) -> ca.MX:
        """Of the constraints at (x, y), relative."""
        if not self.equalities:
            return ca.MX(0)
        m, s = self.m, self.m.state
        return multipliers.violation(m.h(s.x, s.y), 0 * self.rows[self.y].mu, 1, self.equalities) / (1 + norm(s.y))
