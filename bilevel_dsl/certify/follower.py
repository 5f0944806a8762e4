"""The lower level as a smooth program for IPOPT, in scaled numbers, and its re-solution.

Apart from the methods on purpose: other solver, other description of the sets (inequalities
instead of projections), no shared state. The program is written in eta, y = q + lengths * eta, with the objective
and every row divided by their own sizes, so that IPOPT's tolerances mean the same in all units.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from weakref import ref

import casadi as ca
import numpy as np

from .. import interrupts
from ..functions.iterations import AfterIteration
from ..functions.oracles import expanded
from ..intervals import Unsupported
from ..intervals.boxes import minimise
from ..intervals.kinks import kinks
from .blocks import at_leader
from .place import Place, Region
from .tangent import is_linear, tangent

QUIET = {
    "print_time": False,
    "error_on_fail": False,
    "show_eval_warnings": False,
    "calc_lam_p": False,
    "ipopt": {
        "print_level": 0,
        "sb": "yes",
        "tol": 1e-10,
        "constr_viol_tol": 1e-10,
        "compl_inf_tol": 1e-10,
        "dual_inf_tol": 1e-6,
        "acceptable_tol": 1e-8,
        "bound_relax_factor": 0.0,
        "honor_original_bounds": "yes",
        "max_iter": 300,
        "max_wall_time": 10.0,
    },
}
RELAXED = 1e-8  # of rows, in scaled numbers, where the set has no interior
EXACT_HESSIAN_LIMIT = 200  # lower variables; above, limited-memory approximations where the Hessian is not sparse
SCALARS = 200_000  # operations up to which the graph of such a follower is one of scalars, which tells sparsity
SPARSE = EXACT_HESSIAN_LIMIT**2  # entries of a Hessian that is taken for sparse
STILL = 1e-8  # of g over one length: a slope below is none
SMALL = 2  # lower variables up to which an interval search answers where IPOPT cannot
CEILING = 1e-9  # of g, in its sizes: above the follower's value at an answer that the leader picks
NEARLY = 1e-6  # lengths
STAYS = 1e-11  # of g over one length, and of rows: an answer that is none the worse by more is kept
SLOW = 20_000  # operations of g and the rows, or numbers in between: beyond, IPOPT looks at the clock in every iteration
FAR = 1e3  # lengths: an iterate out there is on its way to infinity


@dataclass(frozen=True)
class Response:
    """One answer of the lower level."""

    y: np.ndarray
    g: float
    f: float
    solved: bool
    status: str = ""
    multipliers: tuple[np.ndarray, np.ndarray] | None = None  # IPOPT's, of bounds and rows, in scaled numbers


@dataclass(frozen=True)
class Frame:
    """Sizes in which the follower's program is solved: lengths of y, of g, of f, of its rows and the leader's."""

    y: np.ndarray
    g: float
    f: float
    rows: np.ndarray
    upper_rows: np.ndarray = field(default_factory=lambda: np.zeros(0))


class Follower:
    """min { g(x, y) : y in Y, h(x, y) <= 0 } for fixed x; also with another objective."""

    def __init__(self, place: Place, region: Region, frame: Frame, leader: Region | None = None):
        self.place, self.region, self.frame, self.leader = place, region, frame, leader
        self.end = np.inf  # of `perf_counter`, when IPOPT is to stop
        self._solvers: dict[tuple[str, int, bool, bool], ca.Function] = {}
        self._last: tuple[np.ndarray, np.ndarray] | None = None  # a Hessian and where it curves
        self._clocks: list[_Clock] = []  # of the solvers, which do not keep them
        problem = place.problem
        upper = leader.rows if leader is not None and leader.count else ca.MX(0, 1)
        outputs = [problem.f.expression, problem.g.expression, ca.densify(region.rows), ca.densify(upper)]
        base = ca.Function("base", [problem.x, problem.y, *problem.p], outputs)
        self._base = expanded(base, SCALARS) if place.ny > EXACT_HESSIAN_LIMIT else expanded(base)

    def _solver(self, objective: str, faces: int, ceiling: bool, upper: bool) -> ca.Function:
        """IPOPT on `objective` ("g", "f" or "-f"); on demand with linear rows on y, a ceiling on g, the leader's rows."""
        key = (objective, faces, ceiling, upper)
        if key in self._solvers:
            return self._solvers[key]
        place = self.place
        kind = ca.SX if self._base.is_a("SXFunction") else ca.MX
        eta = kind.sym("eta", place.ny)
        # parameters of the program: x, q, lengths, sizes, face rows; the data are numbers, which keeps large ones cheap
        x, q, lengths = kind.sym("x", place.nx), kind.sym("q", place.ny), kind.sym("l", place.ny)
        zero, size = kind.sym("zero"), kind.sym("size")
        scale = kind.sym("r", self.region.count)
        upper_scale = kind.sym("c", self._base.numel_out(3) if upper else 0)
        face, g_zero, g_size = kind.sym("F", faces, place.ny), kind.sym("g0"), kind.sym("gs")
        f, g, rows, c = self._base.call([x, q + lengths * eta, *place.columns], True, False)
        value = {"g": g, "f": f, "-f": -f}[objective]
        parts = [rows / scale]
        if faces:
            parts.append(face @ eta)
        if ceiling:
            parts.append((g - g_zero) / g_size)
        if upper:
            parts.append(c / upper_scale)
        nlp = {
            "x": eta,
            "f": (value - zero) / size,
            "g": ca.vertcat(*parts),
            "p": ca.veccat(x, q, lengths, zero, size, scale, face, g_zero, g_size, upper_scale),
        }
        options: dict[str, object] = {**QUIET, "ipopt": dict(QUIET["ipopt"])}
        if place.ny > EXACT_HESSIAN_LIMIT and not _sparse(nlp):
            options["ipopt"] |= {
                "hessian_approximation": "limited-memory",
                "tol": 1e-8,
                "acceptable_tol": 1e-7,
                "acceptable_iter": 5,
            }
        if max(self._base.n_instructions(), self._base.sz_w()) > SLOW:
            self._clocks.append(_Clock(self, nlp["x"].numel(), nlp["g"].numel()))
            options["iteration_callback"] = self._clocks[-1]
        self._solvers[key] = ca.nlpsol("follower", "ipopt", nlp, options)
        return self._solvers[key]

    def respond(
        self,
        x: np.ndarray,
        start: np.ndarray,
        objective: str = "g",
        *,
        face: tuple | None = None,
        ceiling: float | None = None,
        moving: np.ndarray | None = None,
        upper: bool = False,
        slack: float = 0.0,
        limits: tuple[np.ndarray, ...] | None = None,
    ) -> Response:
        """A local minimiser from `start`.

        Args:
            objective: "g", "f" or "-f".
            face: (F, low, high): rows low <= F eta <= high besides, eta = (y - start) / lengths: a face of answers.
            ceiling: g(x, y) is at most this.
            moving: which entries of y may move; all by default.
            upper: with the rows of the leader, for an answer that the leader chooses.
            slack: rows are relaxed by so much, in scaled numbers.
            limits: other bounds of y and other limits of rows than the model's: lower, upper, low, high.
        """
        place, frame = self.place, self.frame
        lower, high, low_rows, high_rows = limits or self.region.limits(place, x)
        lbx, ubx = (lower - start) / frame.y, (high - start) / frame.y
        if moving is not None:
            lbx, ubx = np.where(moving, lbx, 0.0), np.where(moving, ubx, 0.0)
        lbg, ubg = low_rows / frame.rows - slack, high_rows / frame.rows + slack
        F = np.zeros((0, place.ny))
        if face is not None:
            F, low_face, high_face = face
            lbg, ubg = np.concatenate([lbg, low_face]), np.concatenate([ubg, high_face])
        if ceiling is not None:
            lbg, ubg = np.append(lbg, -np.inf), np.append(ubg, 0.0)
        if upper:
            _, _, low_upper, high_upper = self.leader.limits(place, x)
            lbg = np.concatenate([lbg, low_upper / frame.upper_rows - slack])
            ubg = np.concatenate([ubg, high_upper / frame.upper_rows + slack])
        zero = place.value(objective[-1], x, start)
        zero = zero if np.isfinite(zero) else 0.0
        sign = -1.0 if objective == "-f" else 1.0
        size = frame.g if objective == "g" else frame.f
        parameter = ca.veccat(
            ca.DM(x),
            ca.DM(start),
            ca.DM(frame.y),
            sign * zero,
            size,
            ca.DM(frame.rows),
            ca.DM(F),
            0.0 if ceiling is None else ceiling,
            frame.g,
            ca.DM(frame.upper_rows) if upper else ca.DM(0, 1),
        )
        solver = self._solver(objective, F.shape[0], ceiling is not None, upper)
        try:
            with _ctrl_c_raises():
                out = solver(
                    x0=np.zeros(place.ny), p=parameter, lbx=np.minimum(lbx, ubx), ubx=np.maximum(lbx, ubx), lbg=lbg, ubg=ubg
                )
        except RuntimeError:  # an evaluation failed at the start
            return Response(start, np.nan, np.nan, False, "failed")
        y = start + frame.y * np.array(out["x"]).ravel()
        y = np.minimum(np.maximum(y, lower), high)
        status = solver.stats()["return_status"]
        f, g = place.value("f", x, y), place.value("g", x, y)
        solved = status in ("Solve_Succeeded", "Solved_To_Acceptable_Level") and np.isfinite(g)
        own = np.array(out["lam_g"]).ravel()[: self.region.count]
        return Response(y, g, f, bool(solved), status, (np.array(out["lam_x"]).ravel(), own))

    def as_good_as(self, x: np.ndarray, answer: Response, start: np.ndarray, convex: bool) -> dict[str, object]:
        """Options of `respond` that keep an answer from `start` as good for the follower as `answer`: a ceiling on g.

        The answers of a convex quadratic objective whose slope vanishes along its flat directions are  H (y - y*) = 0
        within the set, which is exact and has no thin interior to lose one's way in.
        """
        ceiling = {"ceiling": answer.g + CEILING * self.frame.g}
        if not convex or not self._quadratic:
            return ceiling
        hessian = self.place("hess_yy_g", x, answer.y)[0] * np.outer(self.frame.y, self.frame.y) / self.frame.g
        slope = self.place.column("grad_y_g", x, answer.y) * self.frame.y / self.frame.g
        spread = float(np.max(np.abs(hessian), initial=0.0))
        if not np.all(np.isfinite(hessian)) or not np.all(np.isfinite(slope)):
            return ceiling
        if not spread > 1e-12:
            return ceiling
        rows = self._curved_rows(hessian / spread)
        if np.linalg.norm(slope - rows.T @ (rows @ slope)) > 1e-7:
            return ceiling
        place = rows @ ((answer.y - start) / self.frame.y)
        return {"face": (rows, place, place)}

    def _curved_rows(self, hessian: np.ndarray) -> np.ndarray:
        """An orthonormal basis of the directions along which it curves; kept, as that of many models is one for all x."""
        if self._last is None or not np.array_equal(self._last[0], hessian):
            values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
            self._last = hessian, vectors[:, np.abs(values) > 1e-9].T
        return self._last[1]

    @cached_property
    def _quadratic(self) -> bool:
        """Whether g is quadratic in y for every x, and not large."""
        g, y = self.place.problem.g.expression, self.place.problem.y
        if not 0 < self.place.ny <= EXACT_HESSIAN_LIMIT:
            return False
        return not ca.depends_on(ca.jtimes(ca.gradient(g, y), y, ca.MX.ones(self.place.ny)), y)

    def answer(self, x: np.ndarray, start: np.ndarray, **options) -> Response:
        """`respond`; where that fails once more with relaxed rows: the set may have no interior."""
        if not options and self._stationary(x, start):
            return Response(start, self.place.value("g", x, start), self.place.value("f", x, start), True, "stationary")
        vertex = self._vertex(x, start) if not options and self.linear else None
        if vertex is not None:
            return vertex
        found = self.respond(x, start, **options)
        if not found.solved and self.region.count:
            relaxed = self.respond(x, start, slack=RELAXED, **options)
            if relaxed.solved:
                return relaxed
        if not found.solved and self.place.ny <= SMALL and not options and self._kinked:
            return self._by_boxes(x, start) or found
        return found

    @cached_property
    def linear(self) -> bool:
        """Whether g is linear in y, and not large; not where the leader uses multipliers: a vertex has one choice."""
        if self.place.problem.used_duals or not 0 < self.place.ny <= EXACT_HESSIAN_LIMIT:
            return False
        return not self.region.curved and is_linear(self.place)

    def _vertex(self, x: np.ndarray, start: np.ndarray) -> Response | None:
        """The answer of a linear follower: the start where it is one, else a vertex.

        None where there is no end, and where it is a matter of rounding whether there is a point: then rows are relaxed.
        """
        found = tangent(self.place, self.region, self.frame, x, start)
        if found is None or found.status not in ("optimal", "infeasible"):
            return None
        solved = found.status == "optimal"
        if not solved and self.violation(x, start) <= NEARLY:
            return None
        stays = not solved or found.gap <= STAYS and self.violation(x, start) <= STAYS
        y = start if stays else found.y
        return Response(y, self.place.value("g", x, y), self.place.value("f", x, y), solved, found.status, found.multipliers)

    def _stationary(self, x: np.ndarray, y: np.ndarray) -> bool:
        """Whether a large follower with bounds only cannot get further from y to first order: no need to solve."""
        if self.place.ny <= EXACT_HESSIAN_LIMIT or self.region.count:
            return False
        lower, upper = self.region.limits(self.place, x)[:2]
        slope = self.place.column("grad_y_g", x, y) * self.frame.y / self.frame.g
        inside = np.all((y >= lower) & (y <= upper))
        step = np.where(
            slope > 0, np.minimum(slope, (y - lower) / self.frame.y), np.maximum(slope, (y - upper) / self.frame.y)
        )
        return bool(inside and np.max(np.abs(step), initial=0.0) <= STILL)

    @cached_property
    def _kinked(self) -> bool:
        """Whether g or a row has a kink: there a method of derivatives may fail."""
        functions = [self.place.oracles.function("g"), *([self.region._values] if self.region.count else [])]
        try:
            return any(kinks(f) for f in functions)
        except Unsupported:
            return False  # too large for an interval search as well

    def _by_boxes(self, x: np.ndarray, start: np.ndarray) -> Response | None:
        """The answer of a small follower by interval search, where kinks stop a method of derivatives."""
        objective = at_leader(self.place, self.place.oracles.function("g"), x)
        rows = at_leader(self.place, self.region._values, x) if self.region.count else None
        if objective is None or self.region.count and rows is None:
            return None
        lower, upper, low, high = self.region.limits(self.place, x)
        found = minimise(
            objective,
            lower,
            upper,
            rows=rows,
            rows_low=low,
            rows_high=high,
            tolerance=1e-8 * self.frame.g,
            most=2000,
            feasibility=1e-9 * self.frame.rows,
        )
        if not found.complete or found.point is None:
            return None
        return Response(found.point, found.upper, self.place.value("f", x, found.point), True, "interval search")

    def violation(self, x: np.ndarray, y: np.ndarray) -> float:
        """Largest violation of a bound or a row, in lengths."""
        lower, high, low_rows, high_rows = self.region.limits(self.place, x)
        rows = self.region.values(self.place, x, y)
        with np.errstate(invalid="ignore"):
            parts = np.concatenate(
                [
                    (lower - y) / self.frame.y,
                    (y - high) / self.frame.y,
                    (low_rows - rows) / self.frame.rows,
                    (rows - high_rows) / self.frame.rows,
                ]
            )
        return float(np.max(parts, initial=0.0))  # NaN stays NaN


def _sparse(nlp: dict) -> bool:
    """Whether the Hessian of the Lagrangian has few entries; only of scalar graphs, where it is made entry by entry."""
    if not isinstance(nlp["x"], ca.SX):
        return False
    multipliers = ca.SX.sym("lam", nlp["g"].numel())
    slope = ca.gradient(nlp["f"] + ca.dot(multipliers, nlp["g"]), nlp["x"])
    return ca.jacobian_sparsity(slope, nlp["x"]).nnz() <= SPARSE


@contextmanager
def _ctrl_c_raises() -> Iterator[None]:
    """Raises KeyboardInterrupt after Ctrl-C, which CasADi otherwise takes for a failure of IPOPT."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if interrupts.taken():
        raise KeyboardInterrupt
    pressed = []

    def note(number, frame):
        pressed.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    except RuntimeError:
        if pressed:  # what CasADi made of it
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt


def row_sizes(
    region: Region, place: Place, x: np.ndarray, y: np.ndarray, sizes_x: np.ndarray, sizes_y: np.ndarray
) -> np.ndarray:
    """The change of each row over one length: of the variables of its own level, else of the other's."""
    by_x, by_y = region.jacobians(place, x, y)
    with np.errstate(invalid="ignore"):
        own, other = np.abs(by_y * sizes_y).max(axis=1, initial=0), np.abs(by_x * sizes_x).max(axis=1, initial=0)
    found = np.maximum(own, other)
    values = np.abs(region.values(place, x, y))
    found = np.where(np.isfinite(found) & (found > 0), found, np.where(np.isfinite(values) & (values > 0), values, 1.0))
    return found


__all__ = ["Follower", "Frame", "Response", "row_sizes"]


class _Clock(AfterIteration):
    """Called by IPOPT after every iteration; 1 stops it, at the end of the time."""

    def __init__(self, owner: Follower, n: int, rows: int):
        self.owner = ref(owner)
        super().__init__("clock", n, rows)

    def eval(self, arguments):
        owner = self.owner()
        return [int(owner is not None and perf_counter() >= owner.end)]
