"""What the stochastic methods share: batches, iterates and their averages, step sizes, measures over all samples.

A method draws samples where the setting `batch` is not 0 and an objective has an `expect`. The paper gives the steps as
constants, or falling like a power of the iteration k, and says that they have to suit the smoothness; so where they are not
given, they are found:

- *y*: 1 / (2 L) at first, L the largest curvature of g in y over batches: two steps of the power method an iteration, H d
  by a difference of gradients over the same samples, L forgotten slowly. It falls as the paper says, from iteration 100 on.
- *x*: the rule DoG, `far` / sqrt(sum |w|^2) with the largest distance `far` of x from its start so far. It needs no
  smoothness and no size of the noise, and falls like k^(-1/2) where w is noise. `far` grows like k^4 at most: where w lags
  behind x, a faster growth would feed itself. x waits for the first 100 iterations, and a w of more than five times the
  average length is cut to that: a batch that is far out, and that the sum would remember.
  Where the step is given nothing is cut: a first w of nearly 0 would hold x back for long.
- *The answer* is the average of the iterates with weight 4 / (k + 3) for the last: so noise averages out, and the start is
  forgotten. `average` = no gives the last iterate, as papers do.
- *Measures* that need all samples are computed at the answer once in `every` iterations, by default as often as all samples
  have been drawn once on average. So an iteration costs the same for any number of samples, up to a factor.
- *End*: noise meets no tolerance; a run ends after `steps` iterations, as stalled, unless its measures are below `tol`.

DoG: Ivgi, Hinder, Carmon, ICML 2023 (arXiv 2302.12022); averages: Shamir, Zhang, ICML 2013 (arXiv 1212.1824), section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import casadi as ca

from ...functions.select import all_of, any_of, either, norm, per_length
from ..flow import Method
from ..program import Program, Setting, Signal
from ..samples import Sample, objective
from .gap import unit

WAIT = 100  # iterations before x moves, and before steps that are found begin to fall
POWER = 20  # steps of the power method before the first iteration
FORGET = 0.9995  # of L
NEAR = 1e-5  # length of the difference of gradients, relative
FIRST = 1e-2  # length of the first move of x, relative
GROWTH = 4  # power of k by which the distance in the rule for x may grow at most
TAIL = 3  # of the averages
FAR_OUT = 5  # times its average length: so long a w is


def settings(batch: int = 0, average: str = "yes") -> tuple[Setting, ...]:
    """Those of a method that draws samples. `batch`: 0 where the method is deterministic unless it is asked for samples."""
    return (
        Setting(
            "batch", batch, "samples in a batch, of each `expect`; 0: all of them, exactly", 0, integer=True, built=True
        ),
        Setting("replacement", 1, "batch > 0: of samples in a batch", choices=("without", "with"), built=True),
        Setting("seed", 0, "batch > 0: of the random numbers", 0, 1e6, integer=True),
        Setting("steps", 20000, "batch > 0: iterations at most; noise meets no tolerance", 1, integer=True),
        Setting(
            "every", 0, "batch > 0: iterations from one measure over all samples to the next; 0: an epoch", 0, integer=True
        ),
        Setting("average", ("no", "yes").index(average), "batch > 0: the answer is an average", choices=("no", "yes")),
    )


class Noisy:
    """The iterates in slots `<name>_k`, the answer in slots `<name>`, and the measures. `q.x` is the iterate x."""

    def __init__(self, m: Method, **more: ca.MX):
        """`more`: variables besides x and y that move, by name, with their starts."""
        self.m, oracles, y = m, m.oracles, m.P_Y(m.y_start)
        self.starts = {"x": m.P_X(m.x_start), "y": y, **more}
        for name, start in self.starts.items():
            m.slot(name, ca.MX(start).numel(), "the answer: an average", start=start)
            m.slot(f"{name}_k", ca.MX(start).numel(), "the iterate", start=start)
        m.slot("k", 1, "iteration")
        m.slot("L", 1, "largest curvature of g in y over batches")
        m.slot("along", oracles.ny, "a direction of large curvature", start=1)
        m.slot("x_first", oracles.nx, "where x began", start=m.P_X(m.x_start))
        m.slot("far", 1, "largest distance of x from there")
        m.slot("sum", 1, "of |w|^2")
        m.slot("usual", 1, "average of |w|")
        m.slot("gamma", 1, "step size of x")
        first = {"f": m.f(self.starts["x"], y), "g": m.g(self.starts["x"], y), "stationarity": 1, "lower_stationarity": 1}
        for name, start in first.items():
            m.slot(name, 1, "at the answer, over all samples, when it was last computed", start=start)

    def __getattr__(self, name: str) -> ca.MX:
        if name.startswith("_") or name not in self.__dict__.get("starts", {}):
            raise AttributeError(name)
        return self.m.read(f"{name}_k")

    def draw(self, which: str) -> Sample:
        o = self.m.settings
        return self.m.draw(which, o.batch, replace=bool(o.replacement))

    def begin(self) -> None:
        """The next iteration: L, before anything that depends on it."""
        m, s = self.m, self.m.state
        with m.when(s.k <= 0, "first"), m.repeat(POWER, "power"):
            self._curvature()
        self._curvature()
        s.k = s.k + 1

    def _curvature(self) -> None:
        """Two steps of the power method over one batch, so that the second sees what is steep in it."""
        m, s, zeta, y = self.m, self.m.state, self.draw("g"), self.y
        here, step, along = m.grad_y_g(self.x, y, zeta), NEAR * (1 + norm(self.y)), s.along
        for _ in range(2):
            change = (m.grad_y_g(self.x, y + step * along / norm(along), zeta) - here) / step
            found = norm(change)
            along = either(found > 1e-8 * s.L, change / ca.fmax(found, 1e-300), along) + 1e-3 / m.oracles.ny**0.5
        s.along, s.L = along, ca.fmax(FORGET * s.L, ca.fmax(found, 1e-10))

    def penalty(self, s: ca.MX) -> ca.MX:
        """A penalty parameter that moves y by `s` of its size, and at most by 1 %: 1 / (s unit), see `gap`."""
        m, y = self.m, self.y
        return 1 / (ca.fmin(s, 1e-2) * unit(m, self.x, y, m.grad_y_g(self.x, y), noisy=m.state.L))

    def falling(self, power: float) -> ca.MX:
        """(k / 100)^-power, 1 before: how a step that is found falls."""
        return ca.fmax(self.m.state.k / WAIT, 1) ** -power

    def length(self, power: float) -> ca.MX:
        """Of a step of y that is found."""
        return self.falling(power) / (2 * self.m.state.L)

    def step(self, w: ca.MX, given: ca.MX | float = 0, weight: ca.MX | float = 1) -> ca.MX:
        """The x that follows along -w: by `given`, or where that is 0 by the rule DoG; `weight` of the way."""
        m, s, x = self.m, self.m.state, self.x
        length = ca.fmin(norm(w), either(all_of(s.usual > 0, ca.MX(given) <= 0), FAR_OUT * s.usual, norm(w)))
        s.usual = s.usual + (TAIL + 1) / (s.k + TAIL) * (length - s.usual)
        w = w * (length / ca.fmax(norm(w), 1e-300))
        moving = any_of(ca.MX(given) > 0, s.k > WAIT)
        most = ca.fmax(s.far, FIRST * (1 + norm(s.x_first)))
        s.far = ca.fmax(most, ca.fmin(norm(x - s.x_first), (1 + GROWTH / s.k) * most))
        s.sum = s.sum + either(moving, ca.dot(w, w), 0)
        s.gamma = either(ca.MX(given) > 0, given, s.far / ca.sqrt(s.sum + 1e-300))
        return either(moving, x + weight * (m.P_X(x - s.gamma * w) - x), x)

    def move(self, **iterates: ca.MX) -> None:
        """The new iterates, and the answer with them."""
        m, s = self.m, self.m.state
        share = either(m.settings.average > 0, (TAIL + 1) / (s.k + TAIL), 1)
        for name, new in iterates.items():
            m.assign({f"{name}_k": new, name: m.read(name) + share * (new - m.read(name))})
        m.stop(Signal.DIVERGED, when=any_of(*(ca.logic_not(norm(new) < 1e12) for new in iterates.values())))

    def judge(self, found: Callable[..., tuple[ca.MX, ca.MX]]) -> None:
        """The measures of the answer, where they are due. `found`: (w, grad_y g) of all samples there."""
        m, s, o = self.m, self.m.state, self.m.settings
        every = either(o.every > 0, o.every, self.epoch())
        with m.when(any_of(ca.fmod(s.k, every) <= 0, s.k >= o.steps), "measure"):
            w, v = found()
            s.f, s.g = m.f(s.x, s.y), m.g(s.x, s.y)
            s.stationarity = norm(m.P_X(s.x - w) - s.x) / per_length(s.f, s.x)
            s.lower_stationarity = norm(m.P_Y(s.y - v) - s.y) / per_length(s.g, s.y)
            still = all_of(s.stationarity <= o.tol, s.lower_stationarity <= o.tol)
            m.stop(Signal.STALLED, when=all_of(s.k >= o.steps, ca.logic_not(still)))

    def epoch(self) -> int:
        """Iterations in which as many samples are drawn as there are."""
        sizes = [n for which in "fg" for n in objective(self.m.oracles.problem, which).samples]
        return ceil(max(sizes, default=1) / self.m.settings.batch) if self.m.settings.batch else 1

    def program(self, **more: ca.MX) -> Program:
        s = self.m.state
        own = {"upper": s.f, "lower": s.g, "stationarity": s.stationarity, "lower_stationarity": s.lower_stationarity}
        tolerances = dict.fromkeys(("stationarity", "lower_stationarity"), "tol")
        return self.m.program({**own, **more, "step_size": s.gamma}, tolerances)
