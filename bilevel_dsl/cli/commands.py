"""What each command does. Every one returns its exit status."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..diagnostics import BilevelError, Diagnostic, to_json
from ..files import require_place, write_whole
from .describing import explain, interface, new, show
from .drawing import plot, require_figure
from .formatting import fmt
from .inputs import given, read_point
from .terminal import emit, printed, tell, use_unicode, width

MANY = 1000  # diagnostics in one JSON object

if TYPE_CHECKING:
    from ..report.solution import Point, Solution


def check(arguments: argparse.Namespace) -> int:
    """Errors and warnings only; neither CasADi nor a compiler is needed."""
    from ..reading import read

    try:
        checked = read(arguments.model, **given(arguments))
        found, status = (*checked.warnings, *(_pedantic(checked) if arguments.pedantic else ())), 0
    except BilevelError as error:
        checked, found, status = None, error.diagnostics, error.exit_status
    if arguments.format == "json":
        emit(
            json.dumps(
                {
                    "schema": 1,
                    "model": arguments.model,
                    "ok": status == 0,
                    "omitted": len(found[MANY:]),
                    "diagnostics": [to_json(d) for d in found[:MANY]],
                },
                indent=2,
                ensure_ascii=False,
            )
            + "\n"
        )
        return status
    tell(found, arguments.color)
    if checked is not None and arguments.dump:
        from .describing import dump

        emit(dump(checked, arguments.dump, arguments.method))
    elif checked is not None:
        emit(f"{arguments.model}: no errors" + (f", {_count(len(found), 'warning')}" if found else "") + "\n")
    else:
        print(f"{arguments.model}: {_count(sum(d.severity == 'error' for d in found), 'error')}", file=sys.stderr)
    return status


def _pedantic(checked) -> list[Diagnostic]:
    from ..diagnostics import Collector
    from ..semantics.rules.pedantic import pedantic

    problems = Collector()
    pedantic(checked, problems)
    return problems.items


def solve(arguments: argparse.Namespace) -> int:
    outputs = _outputs(arguments)
    from .. import session

    progress = None
    if sys.stderr.isatty() and not arguments.quiet:
        from ..report.progress import Progress

        progress = Progress(sys.stderr)
        progress.stage("reading")
    try:
        kept = read_point(arguments.start) if arguments.start else None
        problem = session.load(arguments.model, **given(arguments), kept=kept and kept.parameters)
        start = kept and kept.of(problem)
        _warn(problem.warnings, arguments, progress)
        solution = session.solve(
            problem,
            arguments.method,
            tol=arguments.tol,
            max_iter=arguments.max_iter,
            time_limit=arguments.time_limit,
            options=dict(arguments.options),
            start=start,
            compile="never" if arguments.no_compile else arguments.compile,
            effort=arguments.effort,
            starts=arguments.starts,
            jobs=arguments.jobs,
            scaling=not arguments.no_scaling,
            seed=arguments.seed,
            verify=arguments.verify,
            detailed_trace=bool(arguments.trace),
            ties=arguments.ties,
            on_progress=progress and progress.iteration,
            on_stage=progress and progress.stage,
        )
    finally:
        if progress:
            progress.close()
    _warn(solution.warnings[len(problem.warnings) :], arguments, progress)
    return _deliver(solution, outputs, arguments)


def verify(arguments: argparse.Namespace) -> int:
    outputs = _outputs(arguments)
    from .. import session

    kept = read_point(arguments.point)
    problem = session.load(arguments.model, **given(arguments), kept=kept.parameters, kept_wins=True)
    point = session.verify(
        problem,
        kept.of(problem),
        tol=arguments.tol,
        seed=arguments.seed,
        effort=arguments.verify,
        time_limit=arguments.time_limit,
        ties=arguments.ties,
    )
    others = [
        Diagnostic("BL0515", f"`{arguments.point}` was made from something else: {what}", severity="warning")
        for what in kept.changes(problem)
    ]
    _warn((*problem.warnings, *others), arguments, None)
    return _deliver(point, outputs, arguments)


def codegen(arguments: argparse.Namespace) -> int:
    from .. import session

    problem = session.load(arguments.model, **given(arguments))
    try:
        files = session.export_c(
            problem,
            arguments.output,
            method=arguments.method,
            real=arguments.real,
            options=dict(arguments.options),
            tol=arguments.tol,
            scaling=not arguments.no_scaling,
        )
    except OSError as error:
        raise BilevelError(
            Diagnostic("BL0511", f"`{arguments.output}` cannot be written: {error.strerror or error}", exit_status=2)
        ) from None
    emit("".join(f"{file}\n" for file in files))
    print(f"to build and run it: make -C {arguments.output} && {arguments.output.rstrip('/')}/solver", file=sys.stderr)
    return 0


def methods(arguments: argparse.Namespace) -> int:
    from ..methods import METHODS
    from ..methods.registry import shortened
    from ..report.methods import overview

    if arguments.name and arguments.name not in METHODS:
        from ..diagnostics import did_you_mean
        from .arguments import UsageError

        raise UsageError(
            "\n".join(
                [
                    f"there is no method `{arguments.name}`",
                    *did_you_mean(arguments.name, METHODS),
                    f"the methods are: {shortened(METHODS)}",
                ]
            )
        )
    chosen = [METHODS[arguments.name]] if arguments.name else METHODS.values()
    emit(printed(overview(chosen, width()), arguments.color))
    return 0


def compare(arguments: argparse.Namespace) -> int:
    outputs = _outputs(arguments)
    from .. import session
    from ..comparing import compare as run
    from ..report.comparison import csv_text, json_text, lines
    from ..report.picture import kind_of
    from ..report.plot import figure

    progress = None
    if sys.stderr.isatty() and not arguments.quiet:
        from ..report.progress import Progress

        progress = Progress(sys.stderr)
        progress.stage("reading")
    try:
        problem = session.load(arguments.model, **given(arguments))
        _warn(problem.warnings, arguments, progress)
        result = run(
            problem,
            arguments.methods,
            seeds=arguments.seeds,
            tol=arguments.tol,
            max_iter=arguments.max_iter,
            time_limit=arguments.time_limit,
            verify=arguments.verify,
            curves=bool(outputs),
            compile="never" if arguments.no_compile else "auto",
            on_stage=progress and progress.stage,
        )
    finally:
        if progress:
            progress.close()
    texts = {"json": json_text, "csv": csv_text, "plot": lambda found: figure(found).file(kind_of(outputs["plot"]))}
    for name, path in outputs.items():
        emit(texts[name](result)) if path == "-" else write_whole(path, texts[name](result))
    if not arguments.quiet and "-" not in outputs.values():
        emit(printed(lines(result, width=width(), unicode=use_unicode(sys.stdout)), arguments.color))
    return result.exit_status


def lsp(arguments: argparse.Namespace) -> int:
    try:
        from ..lsp.server import main
    except ModuleNotFoundError as missing:
        if missing.name not in ("pygls", "lsprotocol"):
            raise
        raise BilevelError(
            Diagnostic(
                "BL0521", "the language server needs the package pygls", hints=("pip install 'pygls>=2'",), exit_status=2
            )
        ) from None
    return main()


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "solve": solve,
    "check": check,
    "methods": methods,
    "codegen": codegen,
    "verify": verify,
    "compare": compare,
    "plot": plot,
    "explain": explain,
    "show": show,
    "interface": interface,
    "new": new,
    "fmt": fmt,
    "lsp": lsp,
}


# --- in and out ---------------------------------------------------------------------------------


def _outputs(arguments: argparse.Namespace) -> dict[str, str]:
    """What is to be written where; refused at once if it cannot be."""
    outputs = {kind: path for kind in ("json", "csv", "table", "trace", "plot") if (path := getattr(arguments, kind, None))}
    if list(outputs.values()).count("-") > 1:
        from .arguments import UsageError

        raise UsageError("only one of --json, --csv, --table and --trace can go to standard output")
    for path in outputs.values():
        if path != "-":
            require_place(path)
    if "plot" in outputs:
        require_figure(outputs["plot"])
    return outputs


def _warn(warnings: tuple[Diagnostic, ...], arguments: argparse.Namespace, progress) -> None:
    if warnings and not arguments.quiet:
        if progress:
            progress.close()
        tell(warnings, arguments.color)
        print(file=sys.stderr)


def _deliver(result: Point | Solution, outputs: dict[str, str], arguments: argparse.Namespace) -> int:
    """Files, then the table; a file that cannot be written does not hide the table."""
    from ..report.csv_text import csv_text, long_text, trace_text
    from ..report.document import json_text
    from ..report.draw_result import trace
    from ..report.picture import kind_of
    from ..report.table import lines

    drawn = lambda solution: trace(solution.trace).file(kind_of(outputs["plot"]))  # noqa: E731
    writers = {"json": json_text, "csv": csv_text, "table": long_text, "trace": trace_text, "plot": drawn}
    failed: list[Diagnostic] = []
    for kind, path in outputs.items():
        try:
            text = writers[kind](result)
            emit(text) if path == "-" else write_whole(path, text)
        except BilevelError as error:
            failed += error.diagnostics
    if not arguments.quiet and "-" not in outputs.values():
        page = lines(result, width=width(), unicode=use_unicode(sys.stdout), verbose=arguments.verbose, warnings=False)
        emit(printed(page, arguments.color))
    if failed:
        tell(failed, arguments.color)
        return 2
    return result.exit_status


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
