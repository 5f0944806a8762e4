"""SABA: SOBA with variance reduction.

    y <- y - rho D_y        z <- z - rho D_z        x <- P_X(x - gamma D_x)        D_y, D_z, D_x as in soba

Each of the five terms, grad_y g, H z and J z of g, grad_y f and grad_x f of f, is not that of a batch but its estimate by
SAGA: the batch's term now, less the same at the point where the batch was last drawn, plus the mean of all of these. The
errors of the estimates vanish as (x, y, z) settles, and steps that are constant lead to the answer itself.

As the paper has it: `rho` and `gamma` are given, constant, and the table holds every sample. As used here: rho = 1 / (2 L)
with the curvature L that all methods with samples find, gamma by their rule, and the table holds a column for each block of
`batch` samples (the authors' program does the same). It is filled at the start by one pass over all samples. The answer
is the last iterate. Each objective has at most one `expect`; one that has none is used whole.

Dagreou, Ablin, Vaiter, Moreau: A framework for bilevel optimization that enables stochastic and global variance reduction
algorithms, NeurIPS 2022 (arXiv 2201.13409); Defazio, Bach, Lacoste-Julien: SAGA, NeurIPS 2014 (arXiv 1407.0202).
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either
from ..model.problem import Problem
from . import needs, soba
from .card import Card, Need, Refusal
from .flow import Method
from .parts import noise
from .parts.noise import Noisy
from .parts.saga import Saga
from .program import Program, Setting
from .samples import Sample

NAME = "saba"


def _several_means(problem: Problem) -> list[Refusal]:
    many = [(o, level) for o, level in ((problem.f, "upper"), (problem.g, "lower")) if len(o.samples) > 1]
    return [Refusal(f"the {level} objective has several `expect`, and a table needs one", o.span) for o, level in many[:1]]


CARD = Card(
    name=NAME,
    title="soba with variance reduction by tables of past samples (SAGA)",
    rank=26,
    papers=(
        *soba.CARD.papers,
        "Defazio, Bach, Lacoste-Julien: SAGA: A fast incremental gradient method with support for non-strongly convex "
        "composite objectives, NeurIPS 2014, arXiv 1407.0202",
    ),
    assumes=soba.CARD.assumes,
    needs=(*soba.CARD.needs, needs.SAMPLES_IF_ANY, Need("at most one `expect` in an objective", _several_means)),
    stochastic=True,
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of D_x and on grad_y g over all samples, relative", 0),
    Setting("max_iter", 20000, "iterations", 0, integer=True),
    Setting("gamma", 0.0, "step size of x; 0: found by the method", 0),
    Setting("rho", 0.0, "step size of y and z; 0: found by the method", 0),
    *noise.settings(batch=16, average="no"),
)


def program(oracles: Oracles, built: dict[str, float] | None = None) -> Program:
    m = Method(NAME, oracles, SETTINGS, built)
    s, o, nx, ny = m.state, m.settings, oracles.nx, oracles.ny
    q = Noisy(m, z=ca.MX.zeros(ny))
    f, g = Saga(m, "f", ny + nx), Saga(m, "g", 2 * ny + nx)

    def of_f(xi: Sample) -> ca.MX:
        return ca.vertcat(m.grad_y_f(q.x, q.y, xi), m.grad_x_f(q.x, q.y, xi))

    def of_g(zeta: Sample) -> ca.MX:
        return ca.vertcat(
            m.grad_y_g(q.x, q.y, zeta),
            m.hess_yy_g_times(q.x, q.y, zeta, q.z),
            m.hess_xy_g_times(q.x, q.y, zeta, q.z),
        )

    with m.iteration():
        with m.when(s.k <= 0, "fill"):
            f.fill(of_f)
            g.fill(of_g)
        q.begin()
        grad_y, grad_x = ca.vertsplit(f.estimate(of_f), [0, ny, ny + nx])
        D_y, Hz, Jz = ca.vertsplit(g.estimate(of_g), [0, ny, 2 * ny, 2 * ny + nx])
        rho = either(o.rho > 0, o.rho, q.length(0))
        q.move(x=q.step(grad_x - Jz, o.gamma), y=q.y - rho * D_y, z=q.z - rho * (Hz - grad_y))
        q.judge(lambda: (m.grad_x_f(s.x, s.y) - m.hess_xy_g_times(s.x, s.y, s.z), m.grad_y_g(s.x, s.y)))
    return q.program()
