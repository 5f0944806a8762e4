"""The pipeline: parse, check, build, choose a method, compile, iterate, certify."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import casadi as ca
import numpy as np

from .certify.beginning import beginning
from .certify.certificate import certify
from .certify.claims import unchecked
from .certify.duals import multipliers, with_values
from .certify.effort import budget
from .certify.exact import Unproved, check
from .certify.smooth import in_own_words, without_kinks
from .diagnostics import BilevelError, Diagnostic, Label, Source
from .functions.named import Functions
from .functions.oracles import Oracles
from .functions.start import finite_start, require_values, start_point
from .interrupts import heed, remembered, taken
from .methods import METHODS, MethodInfo, no_method, ordered, require
from .methods.program import Program
from .methods.settings import known_to, merge_settings, unused_options
from .model.build import build
from .model.problem import WRITERS, Problem, Reference
from .model.structure import analyse
from .reading import read
from .reductions.embedded import told as taken_out
from .reductions.reduced import reduced
from .reductions.scaling import told
from .reductions.split import told as split_told
from .report.solution import Point, Solution, Tried
from .runtime.status import Status
from .search.attempt import Attempt, Runner, Start, seen_by
from .search.effort import EFFORTS, Effort
from .search.examine import Examiner
from .search.proof import PROOFS
from .search.search import Plan, Search, answers_found
from .search.worker import Model
from .search.workers import Workers
from .search.worst import against_the_worst
from .semantics.checked import Checked
from .semantics.declarations.entries import TIES
from .syntax import ast

# what `compile` may be, and the executor that it means
EXECUTORS = {True: "auto", False: "interpreted", "auto": "auto", "always": "eager", "never": "interpreted"}


def load(
    model: str | Path | Source,
    *,
    data: dict[str, object] | None = None,
    params: dict[str, str] | None = None,
    data_dirs: tuple[str | Path, ...] = (),
    kept: dict[str, object] | None = None,
    kept_wins: bool = False,
) -> Problem:
    """Read, check and build a model.

    Args:
        model: a file, or a text as `Source(name, text)`; data files of a text are relative to the folder of its name.
        data: values of parameters by name, in place of those in the model: numbers, lists, lists of rows, arrays.
        params: the same as expressions of the language, `{"demand": "2 * 6"}`; they win over `data`.
        data_dirs: folders from which the model may read files, besides its own.
        kept: values of parameters that an earlier result was made from, for those without a value.
        kept_wins: they also stand in place of values in the model.

    Where values in the model are replaced, its `reference` is left out: it is for the model's own.

    Raises:
        BilevelError: everything that is wrong with the file, the model or the data, at once.
    """
    clock = _Clock()
    checked = read(model, data=data, params=params, data_dirs=data_dirs, kept=kept, kept_wins=kept_wins)
    clock.lap("parse")
    problem = build(checked)
    clock.lap("build")
    reference = Reference() if _replaces(checked, set(checked.given)) else problem.reference
    return replace(problem, timings=clock.laps, reference=reference)


def _as_html(checked: Checked) -> str:
    from .describe.mathml import fragment
    from .describe.page import page

    return fragment(page(checked))


WRITERS["html"] = _as_html


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
    compile: bool | str = "auto",
    on_progress: Callable[[int, dict[str, float]], None] | None = None,
    on_stage: Callable[[str], None] | None = None,
    seed: int = 0,
    verify: str = "normal",
    effort: str = "normal",
    starts: int | None = None,
    jobs: int = 1,
    scaling: bool = True,
    detailed_trace: bool = False,
    ties: str | None = None,
) -> Solution:
    """Solve `problem` and certify the answer.

    Without a method this is a search: the methods that suit the class one after the other, and from what the certificates
    find, until an answer is verified; then the best method from a few other starts. A method that is named runs once.

    Args:
        method: a name of `METHODS`; None or "auto" picks by class.
        tol: relative tolerance of the method (1e-6); the certificate holds stationarity to 10 tol.
        time_limit: seconds for all of this, the verification included: a fifth is kept for it.
        options: further settings of the method, by name; choices by their name.
        start: values of variables, by name; the others start where the model says.
        compile: "auto" calls the C compiler where that pays, "always" at once, "never" not at all.
        on_progress: called with (iterations, measures of the method) about every 50 ms.
        on_stage: called with "building", "compiling" (and iterating), "verifying" as each begins.
        seed: of all random choices.
        verify: "quick", "normal", "thorough", or "no": how much is done to check the answer.
        effort: "quick", "normal" or "thorough": how much is searched, in counted work; "quick" is one attempt.
        starts: of the leader in all, in place of what `effort` says; also for a method that is named.
        jobs: processes in which attempts from further starts run side by side; the answer is that of one process.
        scaling: methods that `auto` may take see the problem in numbers of size 1. What goes in and comes out is in the
            units of the model all the same; `tol` is about the scaled problem.
        detailed_trace: `trace` has seconds, calls of oracles by kind and the report too; after the first 1000 iterations
            fewer rows.
        ties: where the follower has several answers, "optimistic": it takes the leader's choice; "pessimistic": the one that
            is worst for the leader, whose constraints must hold with all of them; "report": as optimistic, and the result
            says what the worst answer would be. None: what the model's `options` say, else "optimistic".

    Ctrl-C ends the loop, or else the certificate, and gives the best point with the status `interrupted`.

    Raises:
        BilevelError: the method does not fit, a setting is unknown, the start has a wrong shape,
            or an objective has no value at the start.
    """
    problem.require_expressions()
    clock, stage = _Clock(), on_stage or (lambda name: None)
    end = np.inf if time_limit is None else perf_counter() + time_limit
    stage("building")
    ties = ties_of(problem, ties)
    named = named_method(problem, method)
    ties = named.card.ties if named and named.card.ties != "optimistic" else ties
    methods = ((named, ""),) if named else _ordered(problem, scaling, ties)
    oracles = Oracles(problem)
    x, y = start_point(problem, start)
    at = finite_start(oracles, x, y, start or ())
    given = {"tol": tol, "max_iter": max_iter}
    used = [info for info, _ in methods]
    used += [METHODS[n] for n in ("mpcc", *PROOFS) if METHODS[n] not in used]  # of the cuts, and of proofs
    settings = {
        # settings that the caller names are for the first method; the others take those that they know
        info.name: merge_settings(info, problem, options=_options(info, options, seed, k == 0), **given)
        for k, info in enumerate(used)
    }
    words = "the start" if at[0] is x and at[1] is y else "beside the start, where something has no value"
    first = Start(x=at[0], y=at[1], words=words)
    runner = Runner(
        oracles,
        lambda info: settings[info.name],
        EXECUTORS[compile],
        on_progress and (lambda k, measures: on_progress(k, _as_written(problem, measures))),
        scaling=scaling,
        detailed=detailed_trace,
    )
    if not methods[0][0].direct:
        runner.program(methods[0][0])
    clock.lap("build")
    stage("compiling" if EXECUTORS[compile] == "eager" else "iterating")
    examiner = Examiner(oracles=oracles, level=verify, seed=seed, end=end, adverse=ties == "pessimistic")
    once = named is not None or verify == "no" or ties == "pessimistic"  # where that has no proof, `search/worst.py`
    plan = Plan(methods=methods, effort=_effort(effort, starts, alone=once), seed=seed, end=end)
    search = Search(runner, plan, examiner, stage)
    if not start:
        search.moved = lambda first: replace(first, x=beginning(oracles, first.x, first.y))
    try:
        with remembered(terminated=False):
            with _side_by_side(search, jobs, settings):
                best = search.run(first)
            if search.interrupted and best.run.status is not Status.INTERRUPTED:  # within another attempt than the best one
                raise KeyboardInterrupt
            if ties == "pessimistic" and not best.verified and not best.run.unattained:
                best = against_the_worst(search, examiner, best)
            best = examiner.no_worse_than(first, best)
            heed()
    except KeyboardInterrupt:
        if not search.attempts:
            raise
        taken()  # it ends here
        best = search.best
        if best.certificate is None:
            best = replace(best, certificate=unchecked("the answer was not checked"))
        best = replace(best, run=replace(best.run, status=Status.INTERRUPTED))
    found = _conclude(problem, examiner, best, search, {**clock.laps, "verify": examiner.seconds}, seed)
    return replace(found, certificate=replace(found.certificate, ties=ties))


def export_c(
    problem: Problem,
    directory: str | Path,
    *,
    method: str | None = None,
    real: str = "double",
    options: dict[str, float | str] | None = None,
    tol: float | None = None,
    scaling: bool = True,
) -> list[Path]:
    """Write the standalone C solver of `problem` into `directory`; returns the files.

    Args:
        scaling: as of `solve`; the factors, from the data of the model, are constants in the C. Its interface is in the
            units of the model.

    Raises:
        BilevelError: the method does not fit, or the folder cannot be written.
    """
    from .export.c_solver import export

    problem.require_expressions()
    oracles = Oracles(problem)
    info, program, settings = _made(oracles, method, scaling, tol=tol, options=options)
    begun = _starting_at(problem, beginning(oracles, *problem.start()))
    return export(program, begun, Path(directory), real=real, settings=info.at_run_time(settings))


def program_of(problem: Problem, method: str | None = None) -> Program:
    """The program of a method that can be exported, with its defaults: what an executor runs.

    Raises:
        BilevelError: the method does not fit, or is no program.
    """
    problem.require_expressions()
    return _made(Oracles(problem), method, True)[1]


def _made(oracles: Oracles, method: str | None, scaling: bool, **given) -> tuple[MethodInfo, Program, dict[str, float]]:
    """The method, its program, and the settings that it is made with."""
    problem = oracles.written
    info = _exportable(problem, method, scaling)
    settings = merge_settings(info, problem, **given)
    return info, info.program(seen_by(info, oracles, scaling, exported=True), settings), settings


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
    ties: str | None = None,
) -> Point:
    """What is known of a point given by the values of all variables, from wherever it comes.

    Args:
        tol: of the checks.
        seed: of the random choices of the search.
        effort: "quick", "normal" or "thorough".
        time_limit: seconds; what is not checked by then is said to be so.
        ties: as of `solve`.

    Raises:
        BilevelError: BL0405, BL0406, BL0408: an unknown variable, a wrong shape or a number that is not finite,
            a variable without a value.
    """
    problem.require_expressions()
    require_values(problem.variables, variables, "point")
    clock, ties = _Clock(), ties_of(problem, ties)
    x, y = start_point(problem, variables, "point")
    limits = budget(effort, end=np.inf if time_limit is None else perf_counter() + time_limit)
    duals = multipliers(problem, x, y)
    oracles = Oracles(with_values(problem, duals))
    used = {d.name: duals.get(d.name, np.full(d.shape, np.nan)) for d in problem.used_duals}
    smooth = without_kinks(oracles, x, y)
    certificate = certify(*smooth, tol=tol, seed=seed, limits=limits, multipliers=used, adverse=ties == "pessimistic")
    clock.lap("verify")
    return Point(
        problem=problem,
        **_values(oracles, x, y),
        duals=duals,
        certificate=replace(in_own_words(certificate), ties=ties),
        seed=seed,
        timings={**problem.timings, **clock.laps},
        warnings=problem.warnings,
    )


def check_proof(problem: Problem, result: dict) -> Fraction:
    """Check the proof in a result in rational numbers, without a solver: the leader's global value, as written.

    Args:
        result: the JSON object of a result of `--verify thorough`; its `certificate` has the proof as `exact`.

    Raises:
        BilevelError: BL0531, there is no proof, or it does not hold for this problem.
    """
    try:
        proof = result["certificate"]["exact"]
    except (KeyError, TypeError):
        hint = "linear problems have one where they were solved with --verify thorough"
        raise BilevelError(Diagnostic("BL0531", "the result has no exact proof", hints=(hint,))) from None
    try:
        return check(problem, proof)
    except Unproved as why:
        raise BilevelError(Diagnostic("BL0531", f"the proof does not hold: {why}")) from None


def functions_of(problem: Problem) -> Functions:
    """The CasADi functions of `problem` by name: `f = functions_of(problem)`, then `f["grad_y_g"](x, y, *f.data)`."""
    problem.require_expressions()
    return Functions(problem)


# --- the steps ---------------------------------------------------------------------------------


def named_method(problem: Problem, name: str | None) -> MethodInfo | None:
    """The method that the caller or the model names; None where the choice is left to us."""
    where = None
    if name is None and "method" in problem.options:
        name, where = str(problem.options["method"]), problem.option_spans.get("method")
    return None if name in (None, "auto") else require(name, problem, where)


def _options(info: MethodInfo, options: dict | None, seed: int, first: bool) -> dict[str, float | str]:
    """The caller's settings for a method, with the seed where it has one."""
    own = {"seed": seed} if seed and any(s.name == "seed" for s in info.settings) else {}
    return {**own, **((options or {}) if first else known_to(info, options))}


def _ordered(problem: Problem, scaling: bool, ties: str = "optimistic") -> tuple[tuple[MethodInfo, str], ...]:
    """The methods for the class, the best first: of the scaled problem, for a condition depends on units.

    Raises:
        BilevelError: BL0416, there is none.
    """
    seen = reduced(problem, scaling)
    adverse = METHODS["adverse"]
    if ties == "pessimistic" and not adverse.refusals(problem):
        return ((adverse, "an adverse follower of linear or convex quadratic levels is solved for globally"),)
    found = tuple(ordered(seen, analyse(seen)))
    if not found and problem.whole.any():
        raise no_method(seen)
    return found


def ties_of(problem: Problem, given: str | None) -> str:
    """How several answers of the follower are taken: by the caller, else by the model, else for the leader.

    Raises:
        BilevelError: BL0404, it is no such word.
    """
    found = problem.options.get("ties", TIES[0]) if given is None else given
    if found in TIES:
        return found
    words = f"`ties` is `{found}`, which is not one of its choices"
    raise BilevelError(Diagnostic("BL0404", words, hints=(f"the choices are: {', '.join(TIES)}",), exit_status=2))


def _exportable(problem: Problem, name: str | None, scaling: bool) -> MethodInfo:
    """The method that is named, or the best that is a program.

    Raises:
        BilevelError: BL0607, the method has a solver of its own, of which there is no C; or the leader takes whole numbers.
    """
    named = named_method(problem, name)
    whole = next((v for v in problem.upper_variables if v.whole), None)
    if whole is not None:
        message = f"`{whole.name}` takes whole numbers only, and the solver for these has no C"
        hints = ("a relaxation can be exported: `[0, 1]` for `binary`, `[lower, upper]` for `integer(lower, upper)`",)
        raise BilevelError(Diagnostic("BL0607", message, Label(whole.span), hints=hints))
    if named is not None:
        require(named.name, problem, exported=True)
    programs = [info for info, _ in _ordered(problem, scaling) if not (info.direct or info.refusals(problem, exported=True))]
    if named is not None and not named.direct or named is None and programs:
        return named or programs[0]
    which = f"{named.name} cannot be exported" if named else "no method that fits can be exported"
    hint = f"methods that can: {', '.join(info.name for info in programs)}" if programs else "no method that fits can"
    raise BilevelError(Diagnostic("BL0607", f"{which}: it has a solver of its own, of which there is no C", hints=(hint,)))


def _effort(level: str, starts: int | None, alone: bool) -> Effort:
    """What is searched; a method that is named runs once, from its start, unless more starts are asked for."""
    effort = EFFORTS[level]
    if alone:
        effort = replace(effort, methods=1, restarts=0, cuts=0, starts=0, boxes=0)
    return effort if starts is None else replace(effort, starts=max(0, starts - 1), work=np.inf)


@contextmanager
def _side_by_side(search: Search, jobs: int, settings: dict[str, dict[str, float]]) -> Iterator[None]:
    """Within, the search has other processes, where there is anything for them to do."""
    runner, count = search.runner, min(jobs, search.plan.effort.starts)
    checked = runner.oracles.written.checked
    if count < 2 or checked is None:
        yield
        return
    model = Model(
        checked=checked, settings=settings, executor=runner.executor, scaling=runner.scaling, detailed=runner.detailed
    )
    with Workers(model, count) as search.workers:
        yield


def _conclude(
    problem: Problem, examiner: Examiner, best: Attempt, search: Search, laps: dict[str, float], seed: int
) -> Solution:
    """The result from the best attempt."""
    run = best.run
    oracles, duals = examiner.at(best) if best.usable else (examiner.oracles, {})
    certificate = best.certificate
    if certificate is None:
        certificate = unchecked("no verification was asked for" if best.usable else "there is no usable point")
    values = (
        _values(oracles, best.x, best.y) if best.usable else {"variables": {}, "upper": None, "lower": None, "report": {}}
    )
    info = METHODS[best.method]
    seen = search.runner.seen_by(info, search.runner.oracles).written
    return Solution(
        problem=problem,
        status=run.status.label,
        certificate=certificate,
        **values,
        duals=duals,
        method=info.name,
        reason=best.reason,
        settings=best.settings,
        scaling=told(seen),
        kinks=tuple(split_told(seen)),
        reductions=tuple(taken_out(seen)),
        executor=run.executor,
        iterations=run.iterations,
        evaluations=run.phase_calls,
        measures=_as_written(problem, run.measures),
        trace=_as_written(problem, run.trace),
        timings=_timings(problem, laps, [a.run.timings for a in search.attempts]),
        warnings=(*problem.warnings, *unused_options(info, problem), *run.warnings),
        seed=seed,
        attempts=tuple(_told(problem, a, a.start is best.start and a.method == best.method) for a in search.attempts),
        answers=tuple((problem.f.as_written(value), times) for value, times in answers_found(search.attempts)),
    )


def _told(problem: Problem, attempt: Attempt, chosen: bool) -> Tried:
    return Tried(
        method=attempt.method,
        start=attempt.start.words,
        status=attempt.run.status.label,
        upper=problem.f.as_written(attempt.upper) if attempt.usable else None,
        verified=attempt.verified,
        examined=attempt.certificate is not None,
        iterations=attempt.run.iterations,
        seconds=attempt.seconds,
        chosen=chosen,
    )


def _as_written(problem: Problem, measures: dict) -> dict:
    """Measures, or the columns of a trace, with objectives as the model has them: methods minimise."""
    senses = {"upper": problem.f.sense, "bound": problem.f.sense, "lower": problem.g.sense}
    return {name: senses.get(name, 1) * value for name, value in measures.items()}


def _timings(problem: Problem, laps: dict[str, float], runs: list[dict[str, float]]) -> dict[str, float]:
    """Seconds of parse, build, compile, solve, verify. To build is to make the problem and the method's functions."""
    made = {**problem.timings, "build": problem.timings.get("build", 0.0) + laps["build"]}
    spent = {name: sum(run[name] for run in runs) for name in ("compile", "solve")}
    return {**made, **spent, "verify": laps["verify"]}


def _values(oracles: Oracles, x: np.ndarray, y: np.ndarray) -> dict:
    """Variables, objectives as written and report at (x, y): fields of a `Point`."""
    problem = oracles.problem
    point = [ca.DM(x), ca.DM(y), *problem.matrices]
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
