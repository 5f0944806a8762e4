"""MGBiO: momentum hypergradient with the spectral projection of the lower Hessian.

    v = grad_y g(x, y)
    w = grad_x f - J S(H)^-1 grad_y f             H = hess_yy g,  J = hess_xy g, at (x, y)
    x <- x + eta ( P_X(x - gamma w) - x )         lines 5, 6
    y <- y - eta lambda v                         line 7

S replaces the eigenvalues of H by values in [mu, L]: `rule` "clip" min(max(e, mu), L), "abs" with |e|
for e, "kernel" leaves |e| < mu out of the inverse, the right choice for a singular H. With an
unbounded X the averaging by eta is plain gradient descent with the steps eta gamma and eta lambda.

Steps that need no tuning (`gamma` and `lam` give the paper's, which are right only while y keeps up with x):

- y: S(H)^-1 in the place of lambda where g is quadratic in y, so that y is the follower's answer, and near the answer
  where H is positive, as long as that halves v; else lambda = 1 / max |e|.
- x moves only while |S(H)^-1 v|, how far y is from its answer, is at most a tenth of the way |S(H)^-1 J' dx| that the
  answer will go: then w is the hypergradient up to a tenth of itself, whatever the condition of H. Moved by a w that lags
  behind, x runs away as soon as gamma is larger than about 1 / (condition * smoothness).
- gamma by the rule of Malitsky and Mishchenko (ICML 2020), gamma <= |x - x'| / (2 |w - w'|) and slow growth, over the
  points from which x moved.

Huang, arXiv 2303.03944 (2023), Algorithm 1; the kernel rule and the step sizes are ours.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import all_of, any_of, either, norm, per_length
from ..model.problem import Problem
from ..model.structure import Structure
from . import needs
from .card import Card, Suits
from .flow import Method
from .parts.linear import Spectrum, inverted
from .parts.steps import Adaptive
from .program import Program, Setting, Signal

NAME = "mgbio"

CONDITION, MOST_VARIABLES = 1e6, 60  # of a quadratic lower level up to which `auto` takes it


def _suits(problem: Problem, structure: Structure) -> tuple[Suits, str] | None:
    if not (structure.lower_quadratic and structure.lower_eigenvalues):
        return None
    low, high = structure.lower_eigenvalues
    if low <= 0 or high > CONDITION * low or problem.y.numel() > MOST_VARIABLES:
        return None
    return Suits.MADE_FOR, f"the lower level is a strongly convex quadratic (condition {high / low:.2g}) without constraints"


CARD = Card(
    name=NAME,
    title="momentum hypergradient with spectral projection",
    rank=4,
    papers=(
        "Huang: On momentum-based gradient methods for bilevel optimization with nonconvex lower level, arXiv 2303.03944",
    ),
    assumes=("twice differentiable lower objective",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY, needs.DENSE_LOWER),
    suits=_suits,
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of w and on grad_y g, relative", 0),
    Setting("max_iter", 20000, "iterations", 0, integer=True),
    Setting("rule", 0, "what becomes of the eigenvalues outside [mu, L]", choices=("clip", "abs", "kernel")),
    Setting("mu", 1e-8, "floor of the eigenvalues, relative to the largest", 1e-14, 1),
    Setting("L", 1e20, "cap of the eigenvalues", 0),
    Setting("eta", 1.0, "averaging weight", 1e-6, 1),
    Setting("gamma", 0.0, "step size of x; 0: found by the method", 0),
    Setting("warm_up", 100, "iterations at most in which y alone moves, until it is nearly stationary", 0, integer=True),
    Setting("lam", 0.0, "step size of y; 0: one over the largest eigenvalue, S(H)^-1 where g is quadratic in y", 0),
)
NEAR = 0.1  # of the size of y: steps S(H)^-1 v up to which they may be trusted
MOST_FAILURES = 5
BEHIND = 0.1  # of the way that the answer of y is about to go


def program(oracles: Oracles) -> Program:
    m = Method(NAME, oracles, SETTINGS)
    s, o, nx = m.state, m.settings, oracles.nx
    m.slot("x", nx, "upper variables", start=m.P_X(m.x_start))
    m.slot("y", oracles.ny, "lower variables", start=m.y_start)
    first = m.P_X(m.x_start), m.y_start
    m.slot("f", 1, "at (x, y)", start=m.f(*first))
    m.slot("g", 1, "at (x, y)", start=m.g(*first))
    m.slot("k", 1, "iteration")
    steps = Adaptive(m, nx)
    m.slot("newton", 1, "1: y took the step S(H)^-1 v and x stayed")
    m.slot("v_before", 1, "||grad_y g|| before")
    m.slot("failures", 1, "times that such a step did not halve it")
    m.slot("stationarity", 1, "gradient mapping of w, relative", start=1e20)
    m.slot("lower_stationarity", 1, "||grad_y g||, relative", start=1e20)

    with m.iteration():
        x, y = s.x, s.y
        grad_x_f, grad_y_f = m.grad_f(x, y)
        v = m.grad_y_g(x, y)
        H = Spectrum(m)
        largest = H.largest
        solve = H.solver(inverted(H.e, o.mu * largest, o.L, o.rule))
        w = grad_x_f - m.hess_xy_g_times(x, y, solve(grad_y_f))  # line 5

        s.stationarity = norm(m.P_X(x - w) - x) / per_length(s.f, x)
        s.lower_stationarity = norm(v) / per_length(s.g, y)
        # the point that the measures are of is the one that stays: a first step has a length of its own
        arrived = ca.logic_and(s.stationarity <= o.tol, s.lower_stationarity <= o.tol)
        eta = either(arrived, 0, o.eta)

        gamma = either(o.gamma > 0, o.gamma, steps.length(x, w))
        dx = m.P_X(x - gamma * w) - x
        kept_up = norm(solve(v)) <= BEHIND * norm(solve(m.hess_yx_g_times(x, y, dx)))
        settled = any_of(s.lower_stationarity <= 1e-2, s.k >= o.warm_up, steps.known)
        moving = ca.logic_and(settled, any_of(kept_up, s.lower_stationarity <= 1e-2 * o.tol, o.gamma > 0))
        s.x = x + either(moving, eta, 0) * dx  # line 6
        lam = either(o.lam > 0, o.lam, 1 / largest)
        trusted = ca.logic_and(o.lam <= 0, ca.MX(1) if is_quadratic(m) else trust(s, y, H.e, o.mu * largest, solve(v), v))
        s.y = y - eta * either(trusted, solve(v), lam * v)  # line 7

        s.f, s.g = m.f(s.x, s.y), m.g(s.x, s.y)
        s.newton, s.v_before = ca.logic_and(trusted, ca.logic_not(moving)), norm(v)  # what x did to v counts for nothing
        steps.note(moving, x, w, gamma)
        s.k = s.k + 1
        m.stop(Signal.DIVERGED, when=ca.logic_or(norm(s.x) > 1e12, norm(s.y) > 1e12))

    measures = {
        "upper": s.f,
        "lower": s.g,
        "stationarity": s.stationarity,
        "lower_stationarity": s.lower_stationarity,
        "step_size": s.gamma,
    }
    return m.program(measures, {"stationarity": "tol", "lower_stationarity": "tol"})


def trust(s, y: ca.MX, e: ca.MX, mu: ca.MX, newton: ca.MX, v: ca.MX) -> ca.MX:
    """Whether S(H)^-1 v is a good step of y: H positive, the step short, and such steps have halved v up to a few times."""
    failed = all_of(s.newton > 0, norm(v) > 0.5 * s.v_before)
    s.failures = s.failures + failed
    near = norm(newton) <= NEAR * (1 + norm(y))
    return all_of(ca.mmin(e) > mu, near, ca.logic_not(failed), s.failures < MOST_FAILURES)


def is_quadratic(m: Method) -> bool:
    """Whether H depends on x and parameters only."""
    return not ca.depends_on(m.oracles.recipes["hess_yy_g"]()[0], m.oracles.problem.y)
