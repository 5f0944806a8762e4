"""The pipeline: parse, check, build, choose a method, compile, iterate, certify."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import casadi as ca
import numpy as np

from .certify.beginning import beginning
from .certify.certificate import Examination, certify
from .certify.claims import Certificate, unchecked
from .certify.duals import multipliers, with_values
from .certify.effort import Budget, budget
from .certify.stationarity import project_x
from .diagnostics import BilevelError, Diagnostic, Source
from .functions.named import Functions
from .functions.oracles import Oracles
from .functions.start import require_finite, start_point
from .methods import MethodInfo, choose, require
from .methods.settings import merge_settings, unused_options
from .model.build import build
from .model.problem import Problem, Reference
from .model.structure import analyse
from .reading import read
from .report.solution import Point, Solution
from .runtime.execute import Run, execute
from .runtime.status import Status
from .semantics.checked import Checked
from .syntax import ast

START = 1e-6  # of the change of f over one length, by which the start must be better to be returned
LOOSEST = 1e-3  # tolerance of a certificate: a method may be told to stop earlier, but then nothing is verified


def load(
    model: str | Path | Source,
    *,
    data: dict[str, object] | None = None,
    params: dict[str, str] | None = None,
    data_dirs: tuple[str | Path, ...] = (),
) -> Problem:
    """Read, check and build a model.

    Args:
        model: a file, or a text as `Source(name, text)`; data files of a text are relative to the folder of its name.
        data: values of parameters by name, in place of those in the model: numbers, lists, lists of rows, arrays.
        params: the same as expressions of the language, `{"demand": "2 * 6"}`; they win over `data`.
        data_dirs: folders from which the model may read files, besides its own.

    Where values in the model are replaced, its `reference` is left out: it is for the model's own.

    Raises:
        BilevelError: everything that is wrong with the file, the model or the data, at once.
    """
    clock = _Clock()
    checked = read(model, data=data, params=params, data_dirs=data_dirs)
    clock.lap("parse")
    problem = build(checked)
    clock.lap("build")
    reference = Reference() if _replaces(checked, {*(data or {}), *(params or {})}) else problem.reference
    return replace(problem, timings=clock.laps, reference=reference)


def _replaces(checked: Checked, given: set[str]) -> bool:
    """Whether values from outside stand in place of values in the model, whose `reference` is for its own."""
    own = {s.name.id for s in checked.tree.statements if isinstance(s, ast.Param) and s.value is not None}
    return bool(own & given)


def solve(
    problem: Problem,
    method: str | None = None,
    *,
    tol: float | None = None,
    max_iter: int | None = None,
    time_limit: float | None = None,
    options: dict[str, float | str] | None = None,
    start: dict[str, np.ndarray] | None = None,
    compile: bool = True,
    on_progress: Callable[[int, dict[str, float]], None] | None = None,
    on_stage: Callable[[str], None] | None = None,
    seed: int = 0,
    verify: str = "normal",
) -> Solution:
    """Solve `problem` and certify the answer.

    Args:
        method: a name of `METHODS`; None or "auto" picks by class.
        tol: relative tolerance of the method (1e-6); the certificate holds stationarity to 10 tol.
        time_limit: seconds for all of this, the verification included: a fifth is kept for it.
        options: further settings of the method, by name; choices by their name.
        start: values of variables, by name; the others start where the model says.
        compile: False never calls a C compiler.
        on_progress: called with (iterations, measures of the method) about every 50 ms.
        on_stage: called with "building", "compiling" (and iterating), "verifying" as each begins.
        seed: of all random choices.
        verify: "quick", "normal", "thorough", or "no": how much is done to check the answer.

    Ctrl-C ends the loop, or else the certificate, and gives the best point with the status `interrupted`.

    Raises:
        BilevelError: the method does not fit, a setting is unknown, the start has a wrong shape,
            or an objective has no value at the start.
    """
    clock, stage = _Clock(), on_stage or (lambda name: None)
    end = np.inf if time_limit is None else perf_counter() + time_limit
    stage("building")
    info, reason = choose_method(problem, method)
    own = {"seed": seed} if seed and any(s.name == "seed" for s in info.settings) else {}
    settings = merge_settings(info, problem, tol=tol, max_iter=max_iter, options={**own, **(options or {})})
    oracles = Oracles(problem)
    x, y = start_point(problem, start)
    require_finite(oracles, x, y)
    if not start:
        x = beginning(oracles, x, y)
    program = info.program(oracles, settings)
    clock.lap("build")
    stage("compiling" if compile else "iterating")
    run = execute(
        program,
        x,
        y,
        settings=info.at_run_time(settings),
        executor="auto" if compile else "interpreted",
        time_limit=None if time_limit is None else max(0.8 * time_limit - clock.total, 1e-9),
        on_progress=on_progress and (lambda k, measures: on_progress(k, _as_written(problem, measures))),
    )
    clock.lap("run")
    stage("verifying")
    limits = None if verify == "no" else budget(verify, clock.total, end)
    return _conclude(problem, oracles, info, reason, settings, run, clock, seed, limits, (x, y))


def export_c(
    problem: Problem,
    directory: str | Path,
    *,
    method: str | None = None,
    real: str = "double",
    options: dict[str, float | str] | None = None,
    tol: float | None = None,
) -> list[Path]:
    """Write the standalone C solver of `problem` into `directory`; returns the files.

    Raises:
        BilevelError: the method does not fit, or the folder cannot be written.
    """
    from .export.c_solver import export

    info, _ = choose_method(problem, method)
    settings = merge_settings(info, problem, tol=tol, options=options)
    oracles = Oracles(problem)
    begun = _starting_at(problem, beginning(oracles, *problem.start()))
    program = info.program(oracles, settings)
    return export(program, begun, Path(directory), real=real, settings=info.at_run_time(settings))


def _starting_at(problem: Problem, x: np.ndarray) -> Problem:
    """The problem with x as the start of its upper variables, where that is another one than its own."""
    if np.array_equal(x, problem.start()[0]):
        return problem
    return replace(
        problem,
        upper_variables=tuple(replace(v, start=np.reshape(x[v.slice], v.shape, order="F")) for v in problem.upper_variables),
    )


def verify(
    problem: Problem,
    variables: dict[str, np.ndarray],
    *,
    tol: float = 1e-6,
    seed: int = 0,
    effort: str = "normal",
    time_limit: float | None = None,
) -> Point:
    """What is known of a point given by the values of all variables, from wherever it comes.

    Args:
        tol: of the checks.
        seed: of the random choices of the search.
        effort: "quick", "normal" or "thorough".
        time_limit: seconds; what is not checked by then is said to be so.

    Raises:
        BilevelError: BL0405, BL0406, BL0408: an unknown variable, a wrong shape or a number that is not finite,
            a variable without a value.
    """
    missing = [v.name for v in problem.variables if v.name not in variables]
    if missing:
        raise BilevelError(
            Diagnostic("BL0408", f"the point has no value for {', '.join(f'`{m}`' for m in missing)}", exit_status=2)
        )
    clock = _Clock()
    x, y = start_point(problem, variables, "point")
    limits = budget(effort, end=np.inf if time_limit is None else perf_counter() + time_limit)
    duals = multipliers(problem, x, y)
    oracles = Oracles(with_values(problem, duals))
    used = {d.name: duals.get(d.name, np.full(d.shape, np.nan)) for d in problem.used_duals}
    certificate = certify(oracles, x, y, tol=tol, seed=seed, limits=limits, multipliers=used)
    clock.lap("verify")
    return Point(
        problem=problem,
        **_values(oracles, x, y),
        duals=duals,
        certificate=certificate,
        seed=seed,
        timings={**problem.timings, **clock.laps},
        warnings=problem.warnings,
    )


def functions_of(problem: Problem) -> Functions:
    """The CasADi functions of `problem` by name: `f = functions_of(problem)`, then `f["grad_y_g"](x, y, *f.data)`."""
    return Functions(problem)


# --- the steps ---------------------------------------------------------------------------------


def choose_method(problem: Problem, name: str | None) -> tuple[MethodInfo, str]:
    """The method, and why it was chosen; empty if it was named (by the caller or the model)."""
    where = None
    if name is None and "method" in problem.options:
        name, where = str(problem.options["method"]), problem.option_spans.get("method")
    if name not in (None, "auto"):
        return require(name, problem, where), ""
    chosen, reason = choose(problem, analyse(problem))
    return require(chosen, problem), reason


def _conclude(
    problem: Problem,
    oracles: Oracles,
    info: MethodInfo,
    reason: str,
    settings: dict[str, float],
    run: Run,
    clock: _Clock,
    seed: int,
    limits: Budget | None,
    begun: tuple[np.ndarray, np.ndarray],
) -> Solution:
    """The result from the final state, with its certificate."""
    x, y = run.state["x"], run.state["y"]
    finite = bool(np.all(np.isfinite(x)) and np.all(np.isfinite(y)))
    usable = finite and run.status is not Status.DIVERGED
    status, certificate, duals = run.status.label, unchecked("there is no usable point"), {}
    if usable:
        certificate = unchecked("no verification was asked for")
        tol = min(max(settings["tol"], 1e-12), LOOSEST)
        try:
            found = _multipliers_of(run, oracles)
            duals = multipliers(problem, x, y, found)
            oracles = _with_multipliers(oracles, found, duals)
            if limits is not None:
                certificate = certify(oracles, x, y, tol=tol, seed=seed, limits=limits, multipliers=found)
                x, y, certificate = _no_worse_than(begun, oracles, x, y, certificate, tol, seed, limits)
        except KeyboardInterrupt:
            status, certificate = Status.INTERRUPTED.label, unchecked("the answer was not checked")
    clock.lap("verify")
    values = _values(oracles, x, y) if usable else {"variables": {}, "upper": None, "lower": None, "report": {}}
    return Solution(
        problem=problem,
        status=status,
        certificate=certificate,
        **values,
        duals=duals,
        method=info.name,
        reason=reason,
        settings=settings,
        executor=run.executor,
        iterations=run.iterations,
        evaluations=run.phase_calls,
        measures=_as_written(problem, run.measures),
        trace=_as_written(problem, run.trace),
        timings=_timings(problem, clock.laps, run.timings),
        warnings=(*problem.warnings, *unused_options(info, problem), *run.warnings),
        seed=seed,
    )


def _no_worse_than(
    begun: tuple[np.ndarray, np.ndarray],
    oracles: Oracles,
    x: np.ndarray,
    y: np.ndarray,
    certificate: Certificate,
    tol: float,
    seed: int,
    limits: Budget,
) -> tuple[np.ndarray, np.ndarray, Certificate]:
    """The point, or the follower's answer to the start where that is better for the leader: no worse one is returned."""
    if oracles.problem.is_simple or oracles.problem.used_duals or limits.over:
        return x, y, certificate
    examined = Examination(oracles, x, y)
    start = project_x(oracles, begun[0])
    known = examined.finite and examined.region.describable
    found = examined.reaction(start, begun[1]) if known else None
    if found is None or not found.admissible or not found.f < examined.f - START * examined.scales.f:
        return x, y, certificate
    other = certify(oracles, start, found.y, tol=tol, seed=seed, limits=limits)
    claims = [other.claim(name) for name in ("feasible", "follower_optimal")]
    if certificate.verified and not other.verified or not all(c is not None and c.passed for c in claims):
        return x, y, certificate
    sense = oracles.problem.f.sense
    note = (
        f"the method ended at {sense * examined.f:.6g}, which is worse for the leader than the follower's answer at "
        "the start: that is returned"
    )
    return start, found.y, replace(other, notes=(note, *other.notes))


def _multipliers_of(run: Run, oracles: Oracles) -> dict[str, np.ndarray]:
    """The multipliers that the method has found, by label, where upper expressions use any."""
    problem = oracles.written
    found = {
        q.name: np.reshape(run.state[f"p{k}"], q.shape, order="F") for k, q in enumerate(problem.parameters) if q.is_dual
    }
    return {d.name: found[f"dual({d.name})"] for d in problem.used_duals}


def _with_multipliers(oracles: Oracles, found: dict[str, np.ndarray], valid: dict[str, np.ndarray]) -> Oracles:
    """The functions with numbers for `dual(...)`: valid ones, so that `duals` and `report` agree; else the method's."""
    if not found:
        return oracles
    return Oracles(with_values(oracles.written, {name: valid.get(name, value) for name, value in found.items()}))


def _as_written(problem: Problem, measures: dict) -> dict:
    """Measures, or the columns of a trace, with objectives as the model has them: methods minimise."""
    senses = {"upper": problem.f.sense, "lower": problem.g.sense}
    return {name: senses.get(name, 1) * value for name, value in measures.items()}


def _timings(problem: Problem, laps: dict[str, float], run: dict[str, float]) -> dict[str, float]:
    """Seconds of parse, build, compile, solve, verify. To build is to make the problem and the method's functions."""
    made = {**problem.timings, "build": problem.timings.get("build", 0.0) + laps["build"]}
    return {**made, **run, "verify": laps["verify"]}


def _values(oracles: Oracles, x: np.ndarray, y: np.ndarray) -> dict:
    """Variables, objectives as written and report at (x, y): fields of a `Point`."""
    problem = oracles.problem
    columns = [ca.reshape(ca.DM(v), q.symbol.shape) for v, q in zip(problem.data, problem.parameters)]
    point = [ca.DM(x), ca.DM(y), *columns]
    entries = oracles.function("report").call(point) if problem.report else []
    report = {entry.name: _shaped(np.array(v).ravel(), entry.shape) for entry, v in zip(problem.report, entries)}
    return {
        "variables": {v.name: _shaped((x if v.level == "upper" else y)[v.slice], v.shape) for v in problem.variables},
        "upper": problem.f.as_written(float(oracles.function("f").call(point)[0])),
        "lower": problem.g.as_written(float(oracles.function("g").call(point)[0])),
        "report": report,
    }


def _shaped(column: np.ndarray, shape: tuple[int, ...]):
    return float(column[0]) if not shape else np.reshape(column, shape, order="F")


class _Clock:
    def __init__(self):
        self.laps: dict[str, float] = {}
        self._begun = self._last = perf_counter()

    @property
    def total(self) -> float:
        """Seconds since the beginning."""
        return perf_counter() - self._begun

    def lap(self, name: str) -> None:
        now = perf_counter()
        self.laps[name], self._last = now - self._last, now
