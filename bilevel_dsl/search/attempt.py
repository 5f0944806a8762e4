"""One method from one start, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np

from ..certify.claims import Certificate
from ..functions.buffers import evaluator
from ..functions.oracles import Oracles
from ..methods import MethodInfo
from ..methods.program import Program
from ..methods.work import KINDS, calls, reads_max_iter
from ..reductions.reduced import reduced
from ..runtime.direct import run_direct
from ..runtime.execute import Run, Stop, execute
from ..runtime.status import Status

EACH = 1000  # first iterations that are all in a detailed trace
LOOKS = [2**k for k in range(5, 40)]  # iterations after which the work of an attempt is looked at
DIRECT_WORK = 1e4  # operations per iteration and variable of a method with a solver of its own


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """Where an attempt begins, and in words where that comes from."""

    x: np.ndarray
    y: np.ndarray
    words: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Attempt:
    """What was tried, where it ended, and what is known of that point.

    Attributes:
        upper: f at (x, y), to be minimised; NaN where there is no usable point.
        certificate: None where the point was not examined.
        work: operations of the method's functions, counted.
        found: multipliers that the method gives, by label, where upper expressions use any.
        cut_off: ended by the work that an attempt may do while there are other methods to try.
    """

    method: str
    reason: str
    start: Start
    settings: dict[str, float]
    run: Run
    x: np.ndarray
    y: np.ndarray
    upper: float
    work: float
    seconds: float
    certificate: Certificate | None = None
    found: dict[str, np.ndarray] = field(default_factory=dict)
    cut_off: bool = False

    @property
    def usable(self) -> bool:
        return bool(np.isfinite(self.upper))

    @property
    def verified(self) -> bool:
        return self.certificate is not None and self.certificate.verified

    @property
    def admissible(self) -> bool:
        """Feasible, and the follower has no better answer: a point that a leader could live with."""
        claims = [self.certificate.claim(n) for n in ("feasible", "follower_optimal")] if self.certificate else [None]
        return all(c is not None and c.passed for c in claims)


class Runner:
    """Runs methods on one problem. The program of a method is made once, for all of its starts.

    Args:
        settings: of a method: defaults, the model's options, the caller's.
        executor: "auto", "compiled" or "interpreted".
        scaling: methods that `auto` may take see the problem in numbers of size 1.
        detailed: traces tell seconds, calls of oracles and the report as well, see `_detailed`.
    """

    def __init__(
        self,
        oracles: Oracles,
        settings: Callable[[MethodInfo], dict[str, float]],
        executor: str,
        on_progress: Callable[[int, dict[str, float]], None] | None = None,
        scaling: bool = True,
        detailed: bool = False,
    ):
        self.detailed = detailed
        self.oracles, self.settings, self.executor, self.on_progress = oracles, settings, executor, on_progress
        self.scaling = scaling
        self._seen: dict[tuple[Oracles, bool, bool], Oracles] = {}
        self._programs: dict[str, Program] = {}
        self._others: dict[str, Program] = {}  # of the functions that were used last in place of the problem's
        self._of = oracles

    def program(self, info: MethodInfo, other: Oracles | None = None) -> Program:
        """The program of a method, made once for each set of functions."""
        oracles = other or self.oracles
        if oracles is not self._of:
            self._others, self._of = {}, oracles
        programs = self._programs if oracles is self.oracles else self._others
        if info.name not in programs:
            programs[info.name] = info.program(self.seen_by(info, oracles), self.settings(info))
        return programs[info.name]

    def seen_by(self, info: MethodInfo, oracles: Oracles) -> Oracles:
        """The functions that a method is given for these, made once."""
        key = oracles, info.card.smooth, info.automatic
        if key not in self._seen:
            self._seen = {k: v for k, v in self._seen.items() if k[0] in (oracles, self.oracles)}
            self._seen[key] = seen_by(info, oracles, self.scaling)
        return self._seen[key]

    def run(
        self,
        info: MethodInfo,
        reason: str,
        start: Start,
        seconds: float | None,
        other: Oracles | None = None,
        most: float = np.inf,
        **more: object,
    ) -> Attempt:
        """The method from there, for at most so many seconds, with other functions where they are given.

        `most`: work, of methods that are programs; looked at after 32, 64, 128, ... iterations. Of the others iterations.
        `more` goes to `execute`.
        """
        clock, settings, cut_off = perf_counter(), self.settings(info), False
        if info.direct:
            settings = settings | {"max_iter": min(settings["max_iter"], most)}
            run = run_direct(
                info,
                self.seen_by(info, other or self.oracles),
                start.x,
                start.y,
                settings=settings,
                time_limit=seconds,
                on_progress=self.on_progress,
            )
            work = DIRECT_WORK * run.iterations * (self.oracles.nx + self.oracles.ny)
        else:
            program, stops = self.program(info, other), []
            if self.detailed and not reads_max_iter(program):
                more = {"stops": _rows(settings["max_iter"]), "on_stop": stops.append, **more}
            elif most < np.inf and not reads_max_iter(program):
                more = {"stops": LOOKS, "on_stop": lambda stop: _work(program, stop.phase_calls) > most, **more}
            run = execute(
                program,
                start.x,
                start.y,
                settings=info.at_run_time(settings),
                executor=self.executor,
                time_limit=seconds,
                on_progress=self.on_progress,
                **more,
            )
            if stops and run.trace:
                end = Stop(run.iterations, run.timings["solve"], run.state, run.phase_calls)
                kept = [s for s in stops if s.iterations < run.iterations]
                run = replace(run, trace=_detailed(run.trace, [*kept, end], program, other or self.oracles))
            work = _work(program, run.phase_calls)
            cut_off = work > most and run.status is Status.ITERATION_LIMIT and run.iterations < settings["max_iter"]
        x, y = run.state["x"], run.state["y"]
        return Attempt(
            method=info.name,
            reason=reason,
            start=start,
            settings=settings,
            run=run,
            x=x,
            y=y,
            upper=_upper(self.oracles, run, x, y),
            work=work,
            seconds=perf_counter() - clock,
            found=multipliers_of(run, self.oracles),
            cut_off=cut_off,
        )


def seen_by(info: MethodInfo, oracles: Oracles, scaling: bool = True, exported: bool = False) -> Oracles:
    """Without the follower's kinks where the method is for these, and of the reduced problem.

    A method of a paper, with the step sizes of that, runs on the problem in its own units; `exported`: for C.
    """
    problem = info.seen(oracles.written, exported)
    problem = reduced(problem, scaling, exported) if info.automatic else problem
    return oracles if problem is oracles.written else Oracles(problem)


def _work(program: Program, phase_calls: dict[str, int]) -> float:
    """Operations of the phases of a program, counted."""
    costs = {p.name: p.function.n_instructions() + p.function.sz_w() for p in program.phases}
    return float(sum(costs[name] * calls for name, calls in phase_calls.items()))


def _rows(most: float) -> list[int]:
    """Iterations that a detailed trace has: all of the first, then about as far apart on a logarithmic axis."""
    found = list(range(1, int(min(most, EACH)) + 1))
    while found and found[-1] < most:
        found.append(int(1.01 * found[-1]) + 1)
    return [k for k in found if k < most]


def _detailed(trace: dict[str, np.ndarray], stops: list[Stop], program: Program, oracles: Oracles) -> dict[str, np.ndarray]:
    """The rows of the trace at these stops, with seconds, calls of oracles by kind, and the entries of the report."""
    there = {k: i for i, k in enumerate(trace["iteration"].tolist())}
    stops = [s for s in stops if s.iterations in there]
    found = {name: column[[there[s.iterations] for s in stops]] for name, column in trace.items()}
    found["seconds"] = np.array([s.seconds for s in stops])
    counted = [calls(program, s.phase_calls) for s in stops]
    found |= {f"calls.{kind}": np.array([c[kind] for c in counted]) for kind in KINDS if any(c.get(kind) for c in counted)}
    problem = oracles.problem
    if problem.report:
        values = _reports(oracles, [s.state for s in stops])
        names = [f"report.{r.name}{_index(i)}" for r in problem.report for i in _places(r.shape)]
        found |= {name: values[:, k] for k, name in enumerate(names)}
    return found


def _reports(oracles: Oracles, states: list[dict[str, np.ndarray]]) -> np.ndarray:
    """The values of the report, by columns, a row for each state. The data, which may be long, are bound once."""
    problem, function = oracles.problem, oracles.function("report")
    names = ["x", "y", *("" for _ in problem.parameters), *problem.slots]
    starts = [states[0]["x"], states[0]["y"], *problem.data, *(d.value for d in problem.used_duals)]
    inputs = [np.array(v, float).ravel(order="F") for v in starts]
    outputs = [np.zeros(function.nnz_out(k)) for k in range(function.n_out())]
    evaluate, rows = evaluator(function, inputs, outputs), []
    for state in states:
        for name, place in zip(names, inputs):
            if name in state:
                place[:] = state[name]
        evaluate()
        rows.append(np.concatenate(outputs))
    return np.array(rows)


def _places(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Indices by columns, as `_report` has the values."""
    return [index[::-1] for index in np.ndindex(*shape[::-1])]


def _index(place: tuple[int, ...]) -> str:
    return f"[{','.join(str(k + 1) for k in place)}]" if place else ""


def _upper(oracles: Oracles, run: Run, x: np.ndarray, y: np.ndarray) -> float:
    """f at the end of a run; NaN where the point is no point."""
    if run.status is Status.DIVERGED or not np.all(np.isfinite(np.concatenate([x, y]))):
        return np.nan
    problem = oracles.problem
    value = float(oracles.function("f")(x, y, *problem.matrices_of(run.state)))
    return value if np.isfinite(value) else np.nan


def multipliers_of(run: Run, oracles: Oracles) -> dict[str, np.ndarray]:
    """The multipliers that the method has found, by label, where upper expressions use any."""
    return {d.name: np.reshape(run.state[slot], d.shape, order="F") for slot, d in oracles.written.slots.items()}
