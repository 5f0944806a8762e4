"""`bileveldsl plot`, and the figures that other commands write."""

from __future__ import annotations

import argparse
import sys

from ..files import require_place
from .inputs import given, read_point, read_trace
from .terminal import tell


def plot(arguments: argparse.Namespace) -> int:
    """A trace is drawn as it stands; a model is solved first, unless a point is given or none is wanted."""
    from .arguments import UsageError

    require_figure(arguments.output)
    require_place(arguments.output)
    if arguments.file.lower().endswith(".csv"):
        from ..report.draw_result import trace

        if arguments.over or arguments.show:
            raise UsageError("a trace is drawn over its iterations: what to show, and --over, are for models")
        trace(read_trace(arguments.file)).save(arguments.output)
        return 0
    _model(arguments).save(arguments.output)
    return 0


def _model(arguments: argparse.Namespace):
    from .. import plotting, session
    from ..report.solution import Point

    kept = read_point(arguments.point) if arguments.point else None
    problem = session.load(arguments.file, **given(arguments), kept=kept and kept.parameters)
    over = dict(arguments.over) or None
    show, entry = arguments.show, over is None and plotting.has_entry(problem, arguments.show or "")
    if not entry:
        plotting.require_axes(problem, show or "upper", over)  # before anything is solved
    point = kept and session.verify(problem, kept.of(problem), effort="quick")
    if point is None and (entry or not arguments.no_solve):
        point = session.solve(problem, seed=arguments.seed)
        if not arguments.quiet and not point.verified:
            print(f"the answer is not verified: {point.status}", file=sys.stderr)
    if not arguments.quiet:
        tell(problem.warnings, arguments.color)
    if entry:
        return plotting.plot(point, show)
    at = point if isinstance(point, Point) and point.variables else None
    return plotting.plot(
        problem, show, over=over, at=at, points=arguments.points, effort=arguments.effort, seed=arguments.seed
    )


def require_figure(path: str) -> None:
    """A file that a figure can be written to, and matplotlib; else refused before the work.

    Raises:
        BilevelError: BL0522, BL0526.
    """
    from importlib.util import find_spec

    from ..report.picture import kind_of, missing

    kind_of(path)
    if find_spec("matplotlib") is None:
        raise missing()
