"""MSGBiO: MGBiO with momentum estimates of every derivative.

    u, h, v, G, H                         estimates of grad_x f, grad_y f, grad_y g, J = hess_xy g, hess_yy g, at (x, y)
    w = u - G H^-1 h
    x <- x + eta ( P_X(x - gamma w) - x )                                                    line 4
    y <- y - eta lambda v                                                                    line 5
    u <- beta s + (1 - beta) u            s: a sample of grad_x f at the new (x, y)          lines 6 to 11
    v <- beta s + (1 - beta) v
    h <- Pi_f( beta s + (1 - beta) h )    Pi_f: into the ball of radius C_f
    G <- Pi_g( beta s + (1 - beta) G )    Pi_g: singular values up to C_g
    H <- S( beta s + (1 - beta) H )       S: eigenvalues into [mu, L], by `rule` as in mgbio

The caps bound w by |u| + C_g C_f / mu whatever a sample brings; one that binds at the answer falsifies it, and no measure
says so. The same holds for the floor mu.

As the paper has it: eta = k / (m + t)^(1/2) and beta = c eta, at most 1 (`k` > 0; the paper has five constants c, here they
are one), `gamma` and `lam` given, caps and floor given. With samples (`batch` > 0; a batch of f and one of g an iteration)
and k = 0: eta = (t / 100)^(-1/2), lambda = 1 / (2 max |e|), gamma as all methods with samples find it.
As used here without samples: eta = 1, beta = c, no caps; the step sizes of mgbio: y takes H^-1 v where it may, x waits for y
and for the estimates, gamma by the rule of Malitsky and Mishchenko. Then momentum is only a delay, `c` = 1 is mgbio, and
`lag`, the relative distance of the estimates from what they follow, says how far it has come.

Huang: On momentum-based gradient methods for bilevel optimization with nonconvex lower level, arXiv 2303.03944 (2023),
Algorithm 2.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ..functions.linalg import eigh
from ..functions.oracles import Oracles
from ..functions.select import all_of, any_of, either, norm, per_length
from . import needs
from .card import Card
from .flow import Method
from .mgbio import BEHIND, is_quadratic, trust
from .parts import noise
from .parts.estimators import Momentum
from .parts.linear import inverted
from .parts.noise import Noisy
from .parts.steps import Adaptive
from .program import Program, Setting, Signal
from .samples import Sample

NAME = "msgbio"

CARD = Card(
    name=NAME,
    title="momentum estimates of all derivatives, with spectral projection",
    rank=27,
    papers=(
        "Huang: On momentum-based gradient methods for bilevel optimization with nonconvex lower level, arXiv 2303.03944",
    ),
    assumes=("twice differentiable lower objective",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.LOWER_FREE, needs.UPPER_SETS_ONLY, needs.DENSE_LOWER),
)

NO_CAP = 1e20
SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of w, on grad_y g and on the lag of the estimates, relative", 0),
    Setting("max_iter", 20000, "iterations", 0, integer=True),
    Setting("c", 0.9, "weight of a sample in the estimates, over eta", 1e-6),
    Setting("k", 0.0, "eta = k / (m + iteration)^(1/2); 0: eta = 1", 0),
    Setting("m", 1.0, "see k; at least k^2 and (c k)^2", 1e-6),
    Setting("rule", 0, "what becomes of the eigenvalues outside [mu, L]", choices=("clip", "abs", "kernel")),
    Setting("mu", 1e-8, "floor of the eigenvalues, relative to the largest", 1e-14, 1),
    Setting("L", 1e20, "cap of the eigenvalues", 0),
    Setting("C_f", NO_CAP, "cap of the estimate of grad_y f", 0),
    Setting("C_g", NO_CAP, "cap of the estimate of J", 0),
    Setting("gamma", 0.0, "step size of x; 0: found by the method", 0),
    Setting("warm_up", 100, "iterations at most in which y alone moves, until it is nearly stationary", 0, integer=True),
    Setting("lam", 0.0, "step size of y; 0: one over the largest eigenvalue, H^-1 where that may be trusted", 0),
    *noise.settings(),
)
LATE = 0.1  # lag up to which x moves


def program(oracles: Oracles, built: dict[str, float] | None = None) -> Program:
    m = Method(NAME, oracles, SETTINGS, built)
    s, o = m.state, m.settings
    eta = lambda: either(o.k > 0, o.k / ca.sqrt(o.m + s.t), 1)  # noqa: E731
    weight = lambda eta: o.c * eta  # noqa: E731

    def update(estimates: dict[str, Momentum], eta: ca.MX, new: Point, old: Point, *drawn: Sample) -> None:
        beta = ca.fmin(1, weight(eta))
        for name, sample in samples(m, *new, *drawn).items():  # line 6
            estimates[name].add(sample, beta)  # lines 7 to 11

    return (sampled if o.batch else momentum)(m, Momentum, update, eta, weight, 1 / 2)


Point = tuple[ca.MX, ca.MX]


def samples(m: Method, x: ca.MX, y: ca.MX, *drawn: Sample) -> dict[str, ca.MX]:
    """What the estimates follow, at (x, y): over drawn samples of f and of g, or exact."""
    of_f, of_g = drawn[:1], drawn[1:]
    grad_x, grad_y = m.grad_f(x, y, *of_f)
    return {
        "u": grad_x,
        "h": grad_y,
        "v": m.grad_y_g(x, y, *of_g),
        "G": ca.vec(m.hess_xy_g(x, y, *of_g)),
        "H": ca.vec(m.hess_yy_g(x, y, *of_g)),
    }


def estimators(m: Method, kind: type) -> dict:
    nx, ny = m.oracles.nx, m.oracles.ny
    return {name: kind(m, name, n) for name, n in {"u": nx, "h": ny, "v": ny, "G": nx * ny, "H": ny * ny}.items()}


def sampled(m: Method, kind: type, update: Callable, eta: Callable[[], ca.MX], weight: Callable, power: float) -> Program:
    """The program with samples: `eta` is given as long as k > 0, and falls like (t / 100)^-power else."""
    s, o, nx, ny = m.state, m.settings, m.oracles.nx, m.oracles.ny
    m.slot("t", 1, "iteration")
    q = Noisy(m)
    m.slots(x_old=q.starts["x"], y_old=q.starts["y"])
    estimates = estimators(m, kind)

    def inverse() -> tuple[ca.MX, Callable[[ca.MX], ca.MX]]:
        """The largest eigenvalue of H, and b -> S(H)^-1 b."""
        e, U = eigh(ca.reshape(s.H, ny, ny))
        largest = ca.sqrt(ca.mmax(e * e))
        return largest, lambda b: U @ (inverted(e, o.mu * largest, o.L, o.rule) * (U.T @ b))

    with m.iteration():
        q.begin()
        rate = either(o.k > 0, eta(), q.falling(power))
        update(estimates, rate, (q.x, q.y), (s.x_old, s.y_old), q.draw("f"), q.draw("g"))
        s.h = s.h * ca.fmin(1, o.C_f / ca.fmax(norm(s.h), 1e-300))
        with m.when(o.C_g < NO_CAP, "cap"):
            s.G = ca.vec(capped(ca.reshape(s.G, nx, ny), o.C_g))
        m.called("hypergradient")
        largest, solve = inverse()
        w = s.u - ca.reshape(s.G, nx, ny) @ solve(s.h)
        rate = either(o.k > 0, eta(), q.falling(power))
        lam = either(o.lam > 0, o.lam, 1 / (2 * largest))
        s.x_old, s.y_old, s.t = q.x, q.y, s.t + 1
        q.move(x=q.step(w, o.gamma, weight=rate), y=q.y - rate * lam * s.v)  # lines 4 and 5
        q.judge(
            lambda: (m.grad_x_f(s.x, s.y) - m.hess_xy_g(s.x, s.y) @ inverse()[1](m.grad_y_f(s.x, s.y)), m.grad_y_g(s.x, s.y))
        )
    return q.program()


def momentum(
    m: Method, kind: type, update: Callable, eta: Callable[[], ca.MX], heaviness: Callable, power: float
) -> Program:
    """The program of Algorithms 2 and 3, which differ in how the estimates are updated, with exact derivatives."""
    s, o, nx, ny = m.state, m.settings, m.oracles.nx, m.oracles.ny
    weight = lambda: heaviness(eta())  # noqa: E731
    slots(m)
    steps = Adaptive(m, nx)
    estimates = estimators(m, kind)

    with m.iteration():
        before = {name: e.value for name, e in estimates.items()}
        s.H_before = s.H
        update(estimates, eta(), (s.x, s.y), (s.x_old, s.y_old))
        s.h = s.h * ca.fmin(1, o.C_f / ca.fmax(norm(s.h), 1e-300))
        s.lower_stationarity = norm(s.v) / per_length(s.g, s.y)
        s.lag = late(s, before, ("u", "h", "v", "G")) / ca.fmin(1, weight())
        with m.when(o.C_g < NO_CAP, "cap"):
            s.G = ca.vec(capped(ca.reshape(s.G, nx, ny), o.C_g))
        e, U = eigh(ca.reshape(s.H, ny, ny))
        largest = ca.sqrt(ca.mmax(e * e))
        inverse = inverted(e, o.mu * largest, o.L, o.rule)
        solve = lambda b: U @ (inverse * (U.T @ b))  # noqa: E731
        s.H = ca.vec(U @ (ca.if_else(inverse == 0, e, 1 / inverse) * U.T))  # S(H)
        s.lag = ca.fmax(s.lag, late(s, {"H": s.H_before}, ("H",)) / ca.fmin(1, weight()))
        G = ca.reshape(s.G, nx, ny)
        w = s.u - G @ solve(s.h)

        s.stationarity = norm(m.P_X(s.x - w) - s.x) / per_length(s.f, s.x)
        # the point that the measures are of is the one that stays, while the estimates come to it
        there = ca.logic_and(s.stationarity <= o.tol, s.lower_stationarity <= o.tol)
        rate = either(there, 0, eta())
        gamma = either(o.gamma > 0, o.gamma, steps.length(s.x, w))
        dx = m.P_X(s.x - gamma * w) - s.x
        kept_up = norm(solve(s.v)) <= BEHIND * norm(solve(G.T @ dx))
        settled = any_of(s.lower_stationarity <= 1e-2, s.t >= o.warm_up, steps.known)
        ready = all_of(settled, s.lag <= LATE, any_of(kept_up, s.lower_stationarity <= 1e-2 * o.tol))
        moving = any_of(o.gamma > 0, ready)
        steps.note(ca.logic_and(moving, ca.logic_not(there)), s.x, w, gamma)
        lam = either(o.lam > 0, o.lam, 1 / largest)
        short = ca.MX(1) if is_quadratic(m) else trust(s, s.y, e, o.mu * largest, solve(s.v), s.v)
        trusted = ca.logic_and(o.lam <= 0, short)
        s.x_old, s.y_old = s.x, s.y
        s.x = s.x + either(moving, rate, 0) * dx  # line 4
        s.y = s.y - rate * either(trusted, solve(s.v), lam * s.v)  # line 5
        # with weight beta a step H^-1 v swings, and v falls by sqrt(1 - beta) a step; `trust` asks for half of this slot
        fall = ca.fmin(ca.fmax(0.5, 1.1 * ca.sqrt(1 - ca.fmin(1, weight()))), 0.99)
        s.newton, s.v_before = ca.logic_and(trusted, ca.logic_not(moving)), 2 * fall * ca.fmax(norm(s.v), s.v_before / 2)
        s.f, s.g = m.f(s.x, s.y), m.g(s.x, s.y)
        s.t = s.t + 1
        m.stop(Signal.DIVERGED, when=ca.logic_or(norm(s.x) > 1e12, norm(s.y) > 1e12))

    measures = {
        "upper": s.f,
        "lower": s.g,
        "stationarity": s.stationarity,
        "lower_stationarity": s.lower_stationarity,
        "lag": s.lag,
        "step_size": s.gamma,
    }
    return m.program(measures, dict.fromkeys(("stationarity", "lower_stationarity", "lag"), "tol"))


def slots(m: Method) -> None:
    nx, ny = m.oracles.nx, m.oracles.ny
    first = m.P_X(m.x_start), m.y_start
    m.slots(x=first[0], y=first[1], f=m.f(*first), g=m.g(*first))
    m.slot("t", 1, "iteration")
    m.slot("x_old", nx, "x before the last step", start=first[0])
    m.slot("y_old", ny, "y before the last step", start=first[1])
    m.slot("H_before", ny * ny, "the estimate before")
    m.slot("newton", 1, "1: y took the step H^-1 v and x stayed")
    m.slot("v_before", 1, "twice the ||v|| that such steps lead to")
    m.slot("failures", 1, "times that one did not")
    m.slot("stationarity", 1, "gradient mapping of w, relative", start=1e20)
    m.slot("lower_stationarity", 1, "||v||, relative", start=1e20)
    m.slot("lag", 1, "of the estimates, relative", start=1)


def late(s, before: dict[str, ca.MX], names: tuple[str, ...]) -> ca.MX:
    """The largest change of these estimates, relative; over the weight of a sample, how far they are from it."""
    changes = [norm(getattr(s, n) - before[n]) / (norm(getattr(s, n)) + 1e-8) for n in names]
    largest = changes[0]
    for change in changes[1:]:
        largest = ca.fmax(largest, change)
    return largest


def capped(G: ca.MX, C: ca.MX) -> ca.MX:
    """The singular values of G cut at C: by the eigenvalues of the smaller of G G' and G' G."""
    wide = G.shape[0] <= G.shape[1]
    e, U = eigh(G @ G.T if wide else G.T @ G)
    factor = ca.fmin(1, C / ca.sqrt(ca.fmax(e, 1e-300)))
    return U @ (factor * (U.T @ G)) if wide else G @ (U @ (factor * U.T))
