"""The pace of a single-loop method: y, z and x move together, and x waits for the other two where no step size is given.

As papers have it every pass moves all three, with steps that have to suit the condition of the follower: with a gamma that
is too large x runs after directions that are old, and the run diverges. As used x moves in the first pass of an iteration,
and more passes of y and z alone follow while they are behind: while |v| / mu, the distance of y from its answer, or the
residual of z is more than a fraction of the stationarity of x and of its move. So an iteration is one move of x, and gamma
may follow Malitsky and Mishchenko.
"""

from __future__ import annotations

import casadi as ca

from ...functions.select import all_of, any_of, either, norm
from ..flow import Method
from ..program import Setting
from . import follower
from .follower import Descent
from .leader import Leader
from .linear import NOTHING

PASSES = Setting("passes", 20000, "gamma = 0: passes of y and z at most for one move of x", 1, integer=True)
DECAY = Setting("decay", 0.0, "given steps fall like iteration^-decay", 0, 1)
LINEAR = Setting("linear_accuracy", 1e-2, "gamma = 0: residual of H z = grad_y f, relative, as `lower_accuracy`", 1e-12, 1)
SETTINGS = (follower.ACCURACY, LINEAR, PASSES)


class Pace:
    """When x moves, and by how much each of the three; the slots z, D_z = H z - grad_y f and `linear`."""

    def __init__(self, m: Method, floor: float = 1e-13):
        """`floor`: the residual of z, relative, that rounding and differences allow."""
        self.m, self.floor = m, floor
        start = m.P_X(m.x_start), m.y_start
        m.slot("z", m.oracles.ny, "H^-1 grad_y f")
        m.slot("D_z", m.oracles.ny, "H z - grad_y f", start=-m.grad_y_f(*start))
        m.slot("linear", 1, "|H z - grad_y f|, relative", start=1)
        m.slot("passed", 1, "passes of this iteration")
        self.x, self.y = Leader(m, m.grad_x_f(*start)), Descent(m)  # with z = 0 the first w is known

    def lead(self, gamma: ca.MX) -> None:
        """x moves; where `gamma` is not given not before the first y and z are there."""
        self.x.move(gamma, when=any_of(gamma > 0, self.m.state.k > 0))
        self.m.state.passed = 0

    def learn(self, y: ca.MX, v: ca.MX, z: ca.MX, D_z: ca.MX) -> None:  # noqa: N803
        """What a pass says of L and mu, if x has stayed."""
        s = self.m.state
        L, mu = s.L, s.mu  # noqa: N806
        self.y.learn(y, v)
        moved, y_moved = norm(z - s.z), norm(y - s.y)
        alone = y_moved / (1 + norm(y)) <= 1e-2 * moved / (1 + norm(z))  # or D_z changes because y does
        telling = all_of(alone, moved > follower.TOO_SHORT * (1 + norm(z)))
        self.y.meet(either(telling, norm(D_z - s.D_z) / moved, 0))
        stayed = s.passed > 0
        s.L, s.mu = either(stayed, s.L, L), either(stayed, s.mu, mu)

    def caught_up(self, gamma: ca.MX, pull: ca.MX) -> ca.MX:
        """Whether the iteration is over; `pull` is |grad_y f|."""
        s, o = self.m.state, self.m.settings
        s.passed = s.passed + 1
        s.linear = norm(s.D_z) / ca.fmax(pull, NOTHING)
        small = self.x.small()
        solved = s.linear <= ca.fmax(o.linear_accuracy * small, self.floor)
        return any_of(gamma > 0, s.passed >= o.passes, all_of(self.y.near(o.lower_accuracy * small), solved))
