"""The follower's optimality conditions as complementarity constraints, solved sparse by IPOPT.

    min  f(x, y)   over x in X, y, s, mu, z, nu,   c(x, y) <= 0
    s.t. grad_y g + (grad_y h)' mu + (grad_y e)' nu - z_low + z_high = 0,   h(x, y) + s = 0,  e(x, y) = 0
         0 <= s  _|_  mu >= 0,   0 <= y - l  _|_  z_low >= 0,   0 <= u - y  _|_  z_high >= 0

What is solved, in this order:

1. the follower alone at the start: y and its multipliers, a point of the program;
2. the piece of the program around that point: one member of each pair held at zero, an ordinary smooth program, and then
   neighbouring pieces while the leader gains. So the answer is not worse than the start;
3. a growing penalty on the products of pairs, and falling bounds of them, from the same point; where either ends, its piece.
   They look beyond the follower's active set at the start. Of a large program only the penalty, unless it fails;
4. the follower alone at the best point: if it goes elsewhere, the point was none of its minima, and all begins again there.

The best point of the pieces is returned: complementarity is exact there, multipliers are those of a smooth program. Where no
piece has a point, the leader's objective is left out before the program is called infeasible.

Relaxation: Scholtes; compared with others by Hoheisel, Kanzow, Schwartz. Penalty: Ralph, Wright. Interior and SQP methods on
such programs: Fletcher, Leyffer. IPOPT: Waechter, Biegler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..functions.oracles import Oracles
from ..model.problem import Problem
from ..model.structure import Structure
from . import needs
from .card import Card, Need, Refusal, Suits
from .direct.follower import Answer, Follower
from .direct.ipopt import Watch
from .direct.pieces import Candidate, Failure, Pieces
from .direct.routes import BOUNDS, FIRST_PENALTY, Routes
from .direct.system import Levels, System, scales_at
from .outcome import Outcome, Progress
from .parts.conditions import DENSE_UNKNOWNS, count_unknowns
from .program import Setting

NAME = "mpcc"
EXECUTOR = "ipopt"
MPCC_LIMIT = 100_000  # lower variables

SMALL, MEDIUM = 600, 3000  # unknowns up to which every route is taken; up to which the start's piece is, and most moves
ROUNDS = 3  # beginnings at another answer of the follower
ELSEWHERE = 1e-6  # of the size of g, by which the follower must be better off elsewhere
FEW = 20  # lower variables up to which the follower is asked from several starts
BESIDE, FAR = 1e-2, 10.0  # how far these are from y: in lengths, and at most
AWAY = 1e-2  # from a start at which derivatives are no numbers
MOVES, MOVES_LARGE = 40, 4  # to neighbouring pieces at most, up to MEDIUM unknowns and beyond


def _large(problem: Problem) -> list[Refusal]:
    n = problem.y.numel()
    if n <= MPCC_LIMIT:
        return []
    return [Refusal(f"the lower level has {n} variables (limit {MPCC_LIMIT})", problem.lower_variables[0].span)]


def _suits(problem: Problem, structure: Structure) -> tuple[Suits, str] | None:
    many = count_unknowns(problem) > DENSE_UNKNOWNS
    if problem.used_duals:
        return Suits.ONLY if many else Suits.GENERAL, "multipliers of the follower are asked for, `dual(...)`"
    convex = structure.lower_convex in ("yes", "sampled", "unknown")
    if structure.coupled or structure.lower_rows or (convex and not structure.lower_free):
        return Suits.BEST if many and convex else Suits.GENERAL, "sets or constraints involve lower variables"
    return Suits.OTHERWISE, "the lower level has optimality conditions"


CARD = Card(
    name=NAME,
    title="optimality conditions of the lower level as complementarity constraints, sparse, by IPOPT",
    rank=3,
    papers=(
        "Scholtes: Convergence properties of a regularization scheme for mathematical programs with complementarity "
        "constraints, SIAM J. Optim. 11, 2001",
        "Ralph, Wright: Some properties of regularization and penalization schemes for MPECs, "
        "Optim. Methods Softw. 19, 2004",
        "Fletcher, Leyffer: Solving mathematical programs with complementarity constraints as nonlinear programs, "
        "Optim. Methods Softw. 19, 2004",
        "Hoheisel, Kanzow, Schwartz: Theoretical and numerical comparison of relaxation methods for mathematical programs "
        "with complementarity constraints, Math. Program. 137, 2013",
        "Waechter, Biegler: On the implementation of an interior-point filter line-search algorithm for large-scale "
        "nonlinear programming, Math. Program. 106, 2006",
    ),
    assumes=("twice differentiable objectives and constraints; a convex lower level, which is not checked",),
    needs=(needs.SMOOTH_SETS, Need(f"at most {MPCC_LIMIT} lower variables", _large)),
    smooth=True,
    suits=_suits,
)

SETTINGS = (
    Setting("tol", 1e-6, "of the certificate; the equations are solved far below it", 0),
    Setting("max_iter", 10_000, "iterations of IPOPT, all solves together", 0, integer=True),
    Setting("penalty", FIRST_PENALTY, "first penalty on complementarity, relative", 1e-8, 1e8),
    Setting("relaxation", BOUNDS[0], "first bound of the products of pairs, relative", 1e-8, 1e8),
)


def solve(
    oracles: Oracles,
    x: np.ndarray,
    y: np.ndarray,
    settings: Mapping[str, float],
    *,
    deadline: float = np.inf,
    on_progress: Progress | None = None,
) -> Outcome:
    """From (x, y), flat columns; see `outcome.py`."""
    watch = Watch(deadline, int(settings["max_iter"]), on_progress)
    levels = Levels(oracles)
    if not levels.possible:
        return Outcome("infeasible", x, y)
    return _Mpcc(levels, *levels.clipped(x, y), settings, watch).outcome()


class _Mpcc:
    def __init__(self, levels: Levels, x: np.ndarray, y: np.ndarray, settings: Mapping[str, float], watch: Watch):
        self.levels, self.settings, self.watch = levels, settings, watch
        self.begun = x, y
        self.follower = Follower(levels, watch)
        answer = self.follower.answer(x, y)
        if answer.kind == "not_finite":  # a norm has no derivative where it vanishes
            x, y = levels.clipped(x + AWAY, y + AWAY)
            answer = self.follower.answer(x, y)
        points = [(x, y), (x, answer.y)] if answer.solved else [(x, y)]
        self.x, self.y = x, y
        self.system = System(levels, scales_at(levels, points))
        self.routes = Routes(self.system, watch)
        moves = MOVES if self.system.size <= MEDIUM else MOVES_LARGE
        self.pieces = Pieces(self.system, self.routes.piece, lambda: watch.over, moves)
        self.kinds: set[str] = set()  # of the failures
        self.answered = 1
        self.first = self._point(x, answer) if answer.solved else self._bare(x, y)

    def outcome(self) -> Outcome:
        best = self._best()
        watch, system = self.watch, self.system
        status = watch.stopped or ("converged" if best is not None else self._failure())
        w = self.first if best is None else best.w
        x, y = system.split(w)
        if best is None:
            x, y = self.begun
        return Outcome(
            status,
            x,
            y,
            system.multipliers(w),
            watch.iterations,
            {"follower": self.answered, **self.routes.calls},
            system.measures(w) if watch.iterations else {},
            watch.trace,
        )

    # --- starts ------------------------------------------------------------------------------------------

    def _point(self, x: np.ndarray, answer: Answer) -> np.ndarray:
        h = np.array(self.levels.numbers(x, answer.y)[2]).ravel()
        return self.system.point(x, answer.y, h, answer.mu, answer.z, answer.nu)

    def _bare(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """A start without an answer of the follower: all multipliers of inequalities alike."""
        levels = self.levels
        h = np.nan_to_num(np.array(levels.numbers(x, y)[2]).ravel())
        w = self.system.point(x, y, h, np.zeros(levels.n_h), np.zeros(levels.ny), np.zeros(levels.n_e))
        ends = self.system.ends
        w[ends[3] : ends[6]] = 0.1
        low, high = self.system.limits()
        return np.clip(w, low, high)

    # --- the search --------------------------------------------------------------------------------------

    def _best(self) -> Candidate | None:
        """The best point that the follower keeps; else the best at all."""
        kept, left, first = None, None, self.first
        for _ in range(ROUNDS):
            elsewhere = None
            for candidate in self._from(first):
                answer = self._leaves(candidate)
                if answer is None:
                    kept = _lower(kept, candidate)
                    break
                left = _lower(left, candidate)
                if elsewhere is None:
                    elsewhere = self._point(self.system.split(candidate.w)[0], answer)
            if elsewhere is None or self.watch.over:
                break
            first = elsewhere
        return kept or left

    def _from(self, first: np.ndarray) -> list[Candidate]:
        """The points that are reached from `first`, the best one first."""
        penalty, routes = self.settings["penalty"], self.routes
        bare = self._bare(self.x, self.y)
        found: list[Candidate] = []
        if self.system.size <= SMALL:
            bounds = (self.settings["relaxation"], *(t for t in BOUNDS if t < self.settings["relaxation"]))
            self._refine(lambda: first, found)
            self._refine(lambda: routes.penalised(first, penalty).w, found)
            self._refine(lambda: routes.relaxed(first, bounds).w, found)
            self._refine(lambda: routes.penalised(bare, penalty).w, found)
        else:
            self._refine(lambda: routes.penalised(first, penalty).w, found)
            if self.system.size <= MEDIUM or not found or found[0].f > self.system.values(first)[0]:
                self._refine(lambda: first, found)
            if not found:
                self._refine(lambda: routes.relaxed(first).w, found)
        for start in (first, bare):
            if not found and "diverged" not in self.kinds:
                self._refine(lambda: routes.penalised(start, 1.0, leader=0.0).w, found)  # noqa: B023, called at once
        return sorted(found, key=lambda c: c.f)

    def _refine(self, way: Callable[[], np.ndarray], found: list[Candidate]) -> None:
        """Add the exact point where `way` ends, if there is one and time for it."""
        if self.watch.over:
            return
        made = self.pieces.refined(way())
        if isinstance(made, Failure):
            self.kinds.add(made.kind)
        else:
            found.append(made)

    def _leaves(self, candidate: Candidate) -> Answer | None:
        """An answer of the follower at the candidate's x that is better than the candidate's y; None: none was met.

        A stationary y may be no minimum, where IPOPT stays; so it starts beside y, too, and from other y, if that is cheap.
        """
        x, y = self.system.split(candidate.w)
        levels, size = self.levels, self.system.scales.g
        g = float(levels.numbers(x, y)[1])
        starts = [y]
        if levels.ny <= FEW:
            low, high = np.maximum(levels.y_low, y - FAR), np.minimum(levels.y_high, y + FAR)
            beside = BESIDE * self.system.scales.y
            starts += [np.clip(v, levels.y_low, levels.y_high) for v in (y + beside, y - beside)]
            starts += [self.y, 0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high]
        best = None
        for start in starts:
            if self.watch.over:
                break
            self.answered += 1
            answer = self.follower.answer(x, start)
            better = answer.solved and size * (g - answer.g) > ELSEWHERE * max(1.0, size * abs(g))
            if better and (best is None or answer.g < best.g):
                best = answer
        return best

    def _failure(self) -> str:
        if "diverged" in self.kinds:
            return "diverged"
        return "infeasible" if self.kinds == {"infeasible"} else "not_finite" if self.kinds == {"not_finite"} else "stalled"


def _lower(a: Candidate | None, b: Candidate) -> Candidate:
    return b if a is None or b.f < a.f else a
