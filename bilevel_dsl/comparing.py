"""Several methods, or settings of them, on one problem: each run, examined apart from the method, and its way there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np

from .certify.beginning import beginning
from .certify.certificate import Examination
from .certify.effort import EFFORTS, Budget
from .certify.stationarity import project_x
from .diagnostics import BilevelError, Diagnostic
from .functions.oracles import Oracles
from .functions.start import finite_start, start_point
from .methods import METHODS, MethodInfo, require
from .methods.needs import DENSE_LIMIT
from .methods.program import Program
from .methods.settings import merge_settings
from .methods.work import calls, reads_max_iter
from .model.problem import Problem
from .report.comparison import Checkpoint, Comparison, Entry, Trial
from .runtime.execute import Stop
from .search.attempt import Runner, Start
from .search.examine import Examiner

GROWTH = 1.3  # of the numbers of iterations at which the way of a run is looked at
CURVE_SECONDS = 2.0  # of one run: for what is computed of its points on the way


def compare(
    problem: Problem,
    methods: Sequence[str],
    *,
    seeds: int = 1,
    tol: float | None = None,
    max_iter: int | None = None,
    time_limit: float | None = None,
    verify: str = "normal",
    curves: bool = True,
    compile: str = "auto",
    on_stage: Callable[[str], None] | None = None,
) -> Comparison:
    """Run each of `methods` on `problem` from its start: "NAME" or "NAME:setting=value,...".

    Args:
        seeds: runs of each method that draws samples, with the seeds 0, 1, ...
        tol, max_iter: of every method.
        time_limit: seconds of each run.
        verify: effort of the certificate of where a run ends.
        curves: look at the points on the way as well.
        compile: as of `solve`; "auto" compiles, so that seconds may be compared.
        on_stage: called with the name of each method as it begins.

    Raises:
        BilevelError: an unknown method or setting. A method that does not fit the problem is an entry that says why.
    """
    wanted = [_read(text, problem, tol, max_iter) for text in methods]
    oracles = Oracles(problem)
    x, y = start_point(problem, None)
    x, y = finite_start(oracles, x, y)
    start = Start(x=beginning(oracles, x, y), y=y, words="the start")
    entries = []
    for text, info, settings in wanted:
        if on_stage:
            on_stage(text)
        one = _One(oracles, info, settings, "eager" if compile == "auto" else "interpreted", curves, verify, time_limit)
        try:
            require(info.name, problem)
            trials = one.trials(start, seeds)
        except BilevelError as refused:
            first = refused.diagnostics[0]
            line = f" (line {first.primary.span.line})" if first.primary else ""
            entries.append(Entry(text, info.name, settings, refused=first.message + line))
        else:
            entries.append(Entry(text, info.name, settings, trials))
    return Comparison(problem, tuple(entries), seeds)


def _read(text: str, problem: Problem, tol, max_iter) -> tuple[str, MethodInfo, dict[str, float]]:
    """`soba:batch=16,rho=0.1`: the method and all its settings.

    Raises:
        BilevelError: BL0401, BL0403, BL0404, BL0414.
    """
    name, _, rest = text.partition(":")
    options = {}
    for part in filter(None, rest.split(",")):
        key, equal, value = part.partition("=")
        if not (equal and key.strip() and value.strip()):
            raise BilevelError(
                Diagnostic(
                    "BL0414",
                    f"`{part}` in `{text}` is not of the form SETTING=VALUE",
                    hints=("a method with settings is written `mgbio:rule=abs,tol=1e-8`",),
                    exit_status=2,
                )
            )
        options[key.strip()] = value.strip()
    if name not in METHODS:
        require(name, problem)
    info = METHODS[name]
    return text, info, merge_settings(info, problem, options=options, tol=tol, max_iter=max_iter)


class _One:
    """One entry: its runs."""

    def __init__(self, oracles, info, settings, executor, curves, verify, time_limit):
        self.oracles, self.info, self.settings, self.curves = oracles, info, settings, curves
        self.verify, self.time_limit = verify, time_limit
        problem, free = oracles.problem, oracles.is_y_free and not oracles.problem.lower_constraints
        self.smooth = free and not (problem.upper_constraints or problem.is_simple) and oracles.ny <= DENSE_LIMIT
        self.now = dict(settings)
        self.runner = Runner(oracles, lambda _: self.now, executor)

    def trials(self, start: Start, seeds: int) -> tuple[Trial, ...]:
        program = None if self.info.direct else self.runner.program(self.info)
        draws = program is not None and any(slot.name == "random_1" for slot in program.state)
        found = []
        for k in range(seeds if draws else 1):
            if draws:
                self.now = {**self.settings, "seed": self.settings["seed"] + k}
            found.append(self._trial(program, start))
        return tuple(found)

    def _trial(self, program: Program | None, start: Start) -> Trial:
        stops: list[Stop] = []
        more = {}
        if program is not None and self.curves and not reads_max_iter(program):
            more = {"stops": _stops(self.now["max_iter"]), "on_stop": stops.append}
        attempt = self.runner.run(self.info, "", start, self.time_limit, **more)
        examiner = Examiner(oracles=self.oracles, level=self.verify, seed=0, end=np.inf)
        attempt = examiner(attempt) if attempt.usable else attempt
        run = attempt.run
        end = Stop(run.iterations, run.timings["solve"], run.state, run.phase_calls)
        return Trial(
            seed=int(self.now.get("seed", 0)),
            status=run.status.label,
            verified=attempt.verified,
            end=self._checkpoint(program, end, self._known(attempt.x, attempt.y, attempt.found, CURVE_SECONDS)),
            way=self._way(program, [s for s in stops if s.iterations < end.iterations]),
        )

    def _checkpoint(self, program: Program | None, stop: Stop, known: tuple[float, float]) -> Checkpoint:
        """What there is to say of a point; `known`: its stationarity and the follower's gap."""
        problem, x, y = self.oracles.problem, stop.state["x"], stop.state["y"]
        f, g = (self._value(name, x, y, stop.state).item() for name in "fg")
        return Checkpoint(
            iterations=stop.iterations,
            seconds=stop.seconds,
            calls=calls(program, stop.phase_calls) if program else {},
            upper=problem.f.as_written(f),
            lower=problem.g.as_written(g),
            stationarity=known[0],
            gap=known[1],
            away=_away(problem, x, y, problem.f.as_written(f)),
        )

    def _value(self, name: str, x: np.ndarray, y: np.ndarray, state: dict[str, np.ndarray]):
        return np.array(self.oracles.function(name)(x, y, *self.oracles.problem.matrices_of(state)))

    def _known(self, x: np.ndarray, y: np.ndarray, duals: dict, seconds: float) -> tuple[float, float]:
        """The gradient mapping of the hypergradient at x, and g above the follower's answer; relative, NaN if not known."""
        if not np.isfinite(np.concatenate([x, y])).all():
            return np.nan, np.nan
        limits = Budget(EFFORTS["quick"], perf_counter() + seconds)
        answer = Examination(self.oracles, x, y, duals).answer(limits)
        if answer is None:
            return np.nan, np.nan
        value = lambda name, at: self._value(name, x, at, {})  # noqa: E731
        g, best = value("g", y).item(), value("g", answer).item()
        gap = max(0.0, g - best) / max(1.0, abs(best))
        if not self.smooth:
            return np.nan, gap
        pull, f = value("grad_y_f", answer).ravel(), value("f", answer).item()
        z = np.linalg.lstsq(value("hess_yy_g", answer), pull, rcond=1e-12)[0]
        w = value("grad_x_f", answer).ravel() - value("hess_xy_g", answer) @ z
        moved = np.linalg.norm(project_x(self.oracles, x - w) - x)
        return moved / max(1.0, abs(f) / (1 + np.linalg.norm(x))), gap

    def _way(self, program: Program | None, stops: list[Stop]) -> tuple[Checkpoint, ...]:
        """The points on the way; what costs a solution of the follower for as many as the time allows, spread evenly."""
        begun, found = perf_counter(), {}
        for k in _spread(len(stops)) if not self.oracles.problem.used_duals else ():
            if perf_counter() - begun > CURVE_SECONDS:
                break
            found[k] = self._known(stops[k].state["x"], stops[k].state["y"], {}, CURVE_SECONDS / 4)
        return tuple(self._checkpoint(program, stop, found.get(k, (np.nan, np.nan))) for k, stop in enumerate(stops))


def _stops(most: float) -> list[int]:
    """1, 2, 3, 4, 5, 7, ...: about as far apart on a logarithmic axis."""
    found, k = [], 1.0
    while k < most:
        found.append(int(k))
        k = max(found[-1] + 1, GROWTH * k)
    return found


def _spread(count: int) -> list[int]:
    """0 ... count - 1, so that any beginning of it is spread evenly."""
    step = 1 << max(0, count - 1).bit_length()
    order: dict[int, None] = {}
    while step:
        order |= dict.fromkeys(range(0, count, step))
        step //= 2
    return list(order)


def _away(problem: Problem, x: np.ndarray, y: np.ndarray, upper: float) -> float:
    """The distance to the reference: of its variables, else of its upper value; relative. NaN without a reference."""
    known = problem.reference.variables
    if known:
        pairs = [
            (np.asarray(known[v.name], float).ravel(order="F"), (x if v.level == "upper" else y)[v.slice])
            for v in problem.variables
            if v.name in known
        ]
        there, here = (np.concatenate(c) for c in zip(*pairs))
        return float(np.linalg.norm(here - there) / max(1.0, np.linalg.norm(there)))
    value = problem.reference.upper
    return np.nan if value is None else abs(upper - value) / max(1.0, abs(value))
