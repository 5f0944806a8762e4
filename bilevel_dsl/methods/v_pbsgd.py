"""V-PBSGD: V-PBGD with samples.

    w <- P_Y( w - beta_t grad_y g(x, w) )        t = 1, ..., T, from y, each over samples of its own; beta_t = beta / sqrt(t)
    w^ = one of these w, the one of step t with a probability in proportion to beta_t
    (x, y) <- P( (x, y) - alpha ( grad f(x, y) + gamma ( grad g(x, y) - ( grad_x g(x, w^), 0 ) ) ) )

The gradients of the last line are means over a batch. First derivatives only. The noise of the gradients of g counts gamma
times, and so does the error of w^, of the order T^(-1/4): a large gamma asks for a large T and large batches.

As the paper has it (`alpha` > 0): a constant `gamma` and alpha of order 1 / gamma, `T` steps from y, a random one of them.
As used (`alpha` = 0, the default): w stays where it was, and takes one step an iteration over the batch that (x, y) take
theirs over, of the same length: so most of the noise cancels in grad g(x, y) - grad g(x, w), which gamma multiplies. y
takes steps of that length over gamma, x its own as all methods with samples do, and gamma is such that y is a hundredth of
its size away from the follower's answer: a bias of that order remains.

Shen, Chen, ICML 2023 (arXiv 2302.05185), the stochastic version of Algorithm 1; what it says is reconstructed from notes on
the paper, not from its text.
"""

from __future__ import annotations

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either, norm
from . import needs
from .card import Card
from .flow import Method
from .parts import gap, noise
from .parts.noise import Noisy
from .program import Program, Setting

NAME = "v_pbsgd"

CARD = Card(
    name=NAME,
    title="penalty-based stochastic descent on the value gap",
    rank=44,
    papers=("Shen, Chen: On penalty-based bilevel gradient descent method, ICML 2023, arXiv 2302.05185",),
    assumes=("a lower objective with the Polyak-Lojasiewicz property, or convex over a set; not checked",),
    needs=(needs.NO_DUALS, needs.TWO_LEVELS, needs.UPPER_SETS_ONLY, needs.LOWER_SETS_ONLY, needs.SAMPLES_IF_ANY),
    stochastic=True,
)

SETTINGS = (
    Setting("tol", 1e-6, "bound on the gradient mapping of f + gamma (g - v), relative", 0),
    Setting("max_iter", 50000, "steps of (x, y)", 0, integer=True),
    Setting("gamma", 0.0, "penalty parameter; 0: it moves y by a hundredth of its size", 0),
    Setting("alpha", 0.0, "step of (x, y); 0: found by the method, and w is kept", 0),
    Setting("T", 10, "alpha > 0: steps of w in an iteration", 1, integer=True),
    Setting("beta", 0.1, "alpha > 0: first step of w", 0),
    *noise.settings(batch=16),
)


def program(oracles: Oracles, built: dict[str, float] | None = None) -> Program:
    m = Method(NAME, oracles, SETTINGS, built)
    s, o = m.state, m.settings
    q = Noisy(m, w=m.P_Y(m.y_start))
    m.slot("gamma_k", 1, "penalty parameter")
    m.slots(picked=m.P_Y(m.y_start), t=0, weights=0)
    printed = o.alpha > 0

    with m.iteration():
        q.begin()
        with m.when(s.gamma_k <= 0, "penalty"):
            s.gamma_k = either(o.gamma > 0, o.gamma, q.penalty(1e-2))
        with m.when(printed, "lower_begin"):
            q.move(w=q.y)
            s.t, s.weights = 0, 0
            with m.loop("lower") as until:
                s.t = s.t + 1
                beta = o.beta / ca.sqrt(s.t)
                s.weights = s.weights + beta
                s.picked = either(m.uniform() * s.weights < beta, q.w, s.picked)
                q.move(w=m.P_Y(q.w - beta * m.grad_y_g(q.x, q.w, q.draw("g"))))
                until(s.t >= o.T)
            q.move(w=s.picked)
        m.called("joint")
        xi, zeta = q.draw("f"), q.draw("g")
        x, y, w, gamma = q.x, q.y, q.w, s.gamma_k
        (f_x, f_y), (g_x, g_y), (v_x, g_w) = m.grad_f(x, y, xi), m.grad_g(x, y, zeta), m.grad_g(x, w, zeta)
        length = q.length(1 / 2)
        q.move(
            x=q.step(f_x + gamma * (g_x - v_x), o.alpha),
            y=m.P_Y(y - either(printed, o.alpha, length / gamma) * (f_y + gamma * g_y)),
            w=either(printed, w, m.P_Y(w - length * g_w)),
        )
        q.judge(lambda: gap.measured(m, s.gamma_k, s.w))
    return q.program(bias=norm(s.y - s.w) / (1 + norm(s.y)), penalty=s.gamma_k)
