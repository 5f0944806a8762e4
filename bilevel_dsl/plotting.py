"""Pictures of a problem and of its results: what is to be drawn, computed; `report` draws it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np

from .certify.duals import multipliers, with_values
from .certify.effort import EFFORTS, Budget
from .certify.follow import Answered, follow
from .certify.stationarity import project_x
from .diagnostics import BilevelError, Diagnostic, Label, did_you_mean
from .functions.oracles import Oracles
from .functions.start import start_point
from .model.problem import Problem, Variable, labels_of
from .report import draw_result, draw_view
from .report.comparison import Comparison
from .report.csv_text import entry_names
from .report.indices import axes
from .report.picture import Picture
from .report.plot import figure
from .report.solution import Point, Solution
from .report.views import Answer, Axis, Place, View

POINTS = {1: 61, 2: 15}  # along each axis, by the number of axes
MOST_CURVES = 8
APART = 1e-4  # relative: two answers
FAR = 1e7  # from where a projection onto a set shows whether it ends
TIE = 1e-6  # of the follower's values, relative: as good
Range = tuple[float, float] | None
Shown = tuple[str, int, int]  # an oracle ("": y itself), which of its outputs, and the entry of that


def plot(
    what: Problem | Point | Comparison,
    show: str | None = None,
    *,
    over: str | Iterable[str] | Mapping[str, Range] | None = None,
    at: Point | Mapping[str, np.ndarray] | None = None,
    points: int | None = None,
    effort: str = "quick",
    seed: int = 0,
) -> Picture:
    """A picture of a problem, a result or a comparison; `.save("name.svg")` writes it, a notebook shows it.

        bl.plot(problem, over={"x": (0, 3)})          the leader's objective, with every answer of the follower
        bl.plot(problem, "y", over="x", at=solution)   the response of the follower; the solution is marked
        bl.plot(solution, "latency")                   an entry of variables, report or multipliers over its set
        bl.plot(solution)                              what the run did on its way
        bl.plot(bl.compare(problem, ["mgbio", "kkt"]))

    Args:
        show: "upper" (default) or "lower", the objectives; a variable of the follower or an entry of the report; of a result
            also what is drawn over its set.
        over: one or two entries of the leader's variables, "x" or "t[bridge]", with ranges where they have no bounds; by
            default all where there are one or two.
        at: values of the leader's other variables; a result is marked. Default: `what`, where it is one, else the start.
        points: along each axis.
        effort: how much is searched for the follower's answers.

    Raises:
        BilevelError: BL0523 no such name, BL0524 a range is missing, BL0525 what cannot be an axis.
    """
    if isinstance(what, Comparison):
        return figure(what)
    result, problem = (what, what.problem) if isinstance(what, Point) else (None, what)
    if result is not None and over is None:
        if show is not None:
            return _entry(result, show)
        if isinstance(result, Solution):
            return draw_result.trace(result.trace)
    return draw_view.picture(
        view(problem, show or "upper", over=over, at=at or result, points=points, effort=effort, seed=seed)
    )


# --- an entry of a result -----------------------------------------------------------------------


def has_entry(problem: Problem, name: str) -> bool:
    """Whether it is drawn over its set: a variable, an entry of the report or multipliers, with indices."""
    return any(n == name and thing.shape for n, thing in _things(problem).items())


def _things(problem: Problem) -> dict[str, object]:
    duals = {f"dual({d.name})": d for d in problem.duals}
    return {thing.name: thing for thing in (*problem.variables, *problem.report)} | duals


def _entry(result: Point, name: str) -> Picture:
    things = _things(result.problem)
    if name not in things:
        raise _unknown(name, list(things))
    thing = things[name]
    values = {**result.variables, **result.report, **{f"dual({k})": v for k, v in result.duals.items()}}
    if name not in values:
        raise BilevelError(Diagnostic("BL0523", f"the result has no value for `{name}`", exit_status=2))
    if len(thing.shape) not in (1, 2):
        what = "a number" if not thing.shape else f"an array of {len(thing.shape)} dimensions"
        hint = "what is drawn over its set has one or two indices"
        wrong = f"`{name}` is {what}, and has no set to be drawn over"
        raise BilevelError(Diagnostic("BL0525", wrong, Label(thing.span, "declared here"), hints=(hint,), exit_status=2))
    return draw_result.entry(name, axes(thing), values[name])


# --- the leader's variables ---------------------------------------------------------------------


def require_axes(problem: Problem, show: str, over: Mapping[str, Range] | None) -> None:
    """Refuses what `plot` of a problem would refuse: BL0523, BL0524, BL0525."""
    oracles = Oracles(problem)
    _shown(problem, show)
    x = project_x(oracles, problem.start()[0])
    for name, place, asked in _ranges(problem, over):
        _ends(oracles, x, name, place, asked)


def view(
    problem: Problem,
    show: str = "upper",
    *,
    over: str | Iterable[str] | Mapping[str, Range] | None = None,
    at: Point | Mapping[str, np.ndarray] | None = None,
    points: int | None = None,
    effort: str = "quick",
    seed: int = 0,
) -> View:
    """What `plot` draws of a problem, as numbers."""
    problem.require_expressions()
    oracles = Oracles(problem)
    values = at.variables if isinstance(at, Point) else dict(at or {})
    x, y = start_point(problem, values, "point")
    x = x if values else project_x(oracles, x)
    shown, ranges = _shown(problem, show), _ranges(problem, over)
    line = np.linspace(0, 1, points or POINTS[len(ranges)])
    ends = [_ends(oracles, x, name, place, asked) for name, place, asked in ranges]
    grid = tuple(Axis(name, low + (high - low) * line) for (name, _, _), (low, high) in zip(ranges, ends))
    decisions = [x.copy() for _ in product(*[axis.values for axis in grid])]
    for decision, entries in zip(decisions, product(*[axis.values for axis in grid])):
        decision[[place for _, place, _ in ranges]] = entries
    limits = Budget(EFFORTS[effort], np.inf)
    search = lambda decision, start: follow(oracles, decision, start, limits, seed=seed, tol=TIE)  # noqa: E731
    seen = _Seen(problem, oracles, shown, show)
    places = [seen.place(*one) for one in zip(decisions, _along(decisions, y, search, seen.worth))]
    mark = None
    if isinstance(at, Point) and at.variables:
        mark = tuple(float(x[place]) for _, place, _ in ranges), seen.values(x, y)
    return View(problem.name, grid, tuple(shown), tuple(places), mark)


def _along(decisions: list[np.ndarray], y: np.ndarray, search, worth) -> list[list[Answered]]:
    """The follower at each decision: looked for from the answer before, and from an answer of a neighbour that is missing.

    A branch of answers goes on where the grid does, so one that was found at a place is looked for at the next one, where
    the leader would like it better than what is known there.

    Args:
        worth: of the leader, of a decision and an answer, minimised.
    """
    found: list[list[Answered]] = []
    for decision in decisions:
        found.append([search(decision, y)])
        y = y if found[-1][0].y is None else found[-1][0].y
    count = len(decisions)
    for way in (range(1, count), range(count - 2, -1, -1)):
        for k in way:
            x, here = decisions[k], _basins(found[k])
            known = min((one.f for one in found[k] if one.y is not None), default=np.inf)
            missing = _missing(_basins(found[k - 1 if way.step > 0 else k + 1]), here)
            start = min(missing, key=lambda y, x=x: worth(x, y), default=None)
            if start is not None and worth(x, start) < known - TIE * max(1.0, abs(known)):
                found[k].append(search(x, start))
    return found


def _basins(found: list[Answered]) -> list[np.ndarray]:
    return [y for one in found for y, _ in one.basins]


def _missing(there: list[np.ndarray], here: list[np.ndarray]) -> list[np.ndarray]:
    """Answers of a neighbour that have none here that is nearer than half the way to the next of the neighbour's own."""
    distance = lambda y, others: min((np.linalg.norm(y - o) for o in others), default=np.inf)  # noqa: E731
    apart = lambda y: distance(y, [o for o in there if not np.array_equal(o, y)])  # noqa: E731
    return [y for y in there if distance(y, here) > 0.5 * apart(y)]


class _Seen:
    """What is shown of answers."""

    def __init__(self, problem: Problem, oracles: Oracles, shown: dict[str, Shown], show: str):
        self.problem, self.oracles, self.shown, self.show = problem, oracles, shown, show

    def place(self, x: np.ndarray, found: list[Answered]) -> Place:
        """All searches at x together: the best answers of any, and of these the one that the leader likes best."""
        found = [one for one in found if one.y is not None]
        if not found:
            return Place((), False, np.nan)
        least = min(one.g for one in found)
        good = lambda g: g <= least + TIE * max(1.0, abs(least))  # noqa: E731
        best = [one for one in found if good(one.g)]
        first = min(best, key=lambda one: (not one.feasible, one.f))
        others = [(y, g) for one in found for y, g in one.basins]
        kept = [(first.y, first.g)]
        for y, g in sorted(others, key=lambda other: other[1]):
            if all(np.linalg.norm(y - k) > APART * (1 + np.linalg.norm(k)) for k, _ in kept):
                kept.append((y, g))
        answers = tuple(Answer(self.values(x, y), good(g)) for y, g in kept)
        worst = max(one.worst for one in best)
        several = self.show == "upper" and not all(one.unique for one in best)
        return Place(answers, first.feasible, self.problem.f.as_written(worst) if several else np.nan)

    def worth(self, x: np.ndarray, y: np.ndarray) -> float:
        """f, as it is minimised; infinite where it is not a number, or uses multipliers."""
        value = float(np.array(self.oracles.function("f").call([x, y, *self.problem.matrices])[0]).item())
        return value if np.isfinite(value) and not self.problem.used_duals else np.inf

    def values(self, x: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
        problem = self.problem
        known = with_values(problem, multipliers(problem, x, y)) if problem.used_duals else problem
        sense = {"f": problem.f.sense, "g": problem.g.sense}
        found: dict[str, list[np.ndarray]] = {"": [y]}
        for name, _, _ in self.shown.values():
            if name not in found:
                outputs = self.oracles.function(name).call([x, y, *known.matrices])
                found[name] = [np.array(v).ravel(order="F") for v in outputs]
        return tuple(float(found[name][k][entry]) * sense.get(name, 1) for name, k, entry in self.shown.values())


def _shown(problem: Problem, show: str) -> dict[str, Shown]:
    if show in ("upper", "lower"):
        return {f"{show} objective": ("f" if show == "upper" else "g", 0, 0)}
    found: dict[str, dict[str, Shown]] = {}
    for v in problem.lower_variables:
        found[v.name] = {n: ("", 0, v.offset + k) for n, k in _entries(v.name, v.shape, v.labels).items()}
    for j, r in enumerate(problem.report):
        found[r.name] = {n: ("report", j, k) for n, k in _entries(r.name, r.shape, labels_of(r.index)).items()}
    single = {n: {n: where} for group in found.values() for n, where in group.items()}
    if show not in found and show not in single:
        raise _unknown(show, ["upper", "lower", *found])
    chosen = found.get(show) or single[show]
    if len(chosen) > MOST_CURVES:
        wrong = f"`{show}` has {len(chosen)} entries, which is more than {MOST_CURVES} curves"
        raise BilevelError(Diagnostic("BL0525", wrong, hints=(f"name one of them: {next(iter(chosen))}",), exit_status=2))
    return chosen


def _entries(name: str, shape: tuple[int, ...], labels: tuple) -> dict[str, int]:
    """Names of entries -> places in the flat column."""
    places = np.arange(int(np.prod(shape, dtype=int))).reshape(shape, order="F").ravel()
    return dict(zip(entry_names(name, shape, labels), map(int, places)))


# --- axes ---------------------------------------------------------------------------------------


def _ranges(problem: Problem, over) -> list[tuple[str, int, Range]]:
    """Name, place in x, and the range that is asked for, of each axis."""
    entries = {n: v.offset + k for v in problem.upper_variables for n, k in _entries(v.name, v.shape, v.labels).items()}
    if over is None:
        if not 1 <= len(entries) <= 2:
            what = f"{len(entries)} numbers" if entries else "nothing of its own"
            hints = (f"name one or two of them: {', '.join(list(entries)[:4])}",) if entries else ()
            raise BilevelError(
                Diagnostic(
                    "BL0525", f"the leader has {what} to decide, not one or two to draw over", hints=hints, exit_status=2
                )
            )
        over = dict.fromkeys(entries)
    asked = dict(over) if isinstance(over, Mapping) else dict.fromkeys([over] if isinstance(over, str) else over)
    if not 1 <= len(asked) <= 2:
        wrong = f"a picture is over one or two variables of the leader, not {len(asked)}"
        raise BilevelError(Diagnostic("BL0525", wrong, exit_status=2))
    return [(name, _column(problem, entries, name), _range(name, given)) for name, given in asked.items()]


def _column(problem: Problem, entries: dict[str, int], name: str) -> int:
    if name in entries:
        return entries[name]
    base = name.partition("[")[0]
    variable = next((v for v in problem.variables if v.name == base), None)
    if variable is None:
        raise _unknown(name, [v.name for v in problem.upper_variables])
    label = Label(variable.span, "declared here")
    if variable.level == "lower":
        wrong, hint = (
            f"`{base}` is a variable of the follower, who answers: it is no axis",
            f"it can be shown: plot {base} over",
        )
        hint += f" {next(iter(entries), 'a variable of the leader')}"
    elif "[" in name or not variable.shape:
        wrong = f"`{base}` has no entry `{name}`"
        hint = f"its entries are: {_first(variable)}" if variable.shape else f"it is a number: {base}"
    else:
        wrong, hint = f"`{base}` has {variable.size} entries, and an axis is one", f"name one: {_first(variable)}"
    raise BilevelError(Diagnostic("BL0525", wrong, label, hints=(hint,), exit_status=2))


def _first(variable: Variable) -> str:
    names = list(_entries(variable.name, variable.shape, variable.labels))
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def _range(name: str, given: Range) -> Range:
    if given is None:
        return None
    low, high = (float(v) for v in given)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        wrong = f"the range of `{name}` is from {low:g} to {high:g}, and it must rise, from a number to a number"
        raise BilevelError(Diagnostic("BL0525", wrong, exit_status=2))
    return low, high


def _ends(oracles: Oracles, x: np.ndarray, name: str, place: int, asked: Range) -> tuple[float, float]:
    """The range that is asked for, else what the set of the leader lets the entry be."""
    if asked:
        return asked
    ends = []
    for sign in (-1, 1):
        far = x.copy()
        far[place] = sign * FAR
        ends.append(float(project_x(oracles, far)[place]))
    if max(map(abs, ends)) < 0.1 * FAR and ends[0] < ends[1]:
        return ends[0], ends[1]
    variable = next(v for v in oracles.problem.upper_variables if v.slice.start <= place < v.slice.stop)
    raise BilevelError(
        Diagnostic(
            "BL0524",
            f"`{name}` is not bounded on both sides, so a picture over it needs a range",
            Label(variable.span, "declared here"),
            hints=(f"`--over {name}=0:10`; in Python over={{{name!r}: (0, 10)}}",),
            exit_status=2,
        )
    )


def _unknown(name: str, known: list[str]) -> BilevelError:
    hints = (*did_you_mean(name, known), f"there are: {', '.join(known) or 'none'}")
    return BilevelError(Diagnostic("BL0523", f"there is nothing called `{name}` to draw", hints=hints, exit_status=2))
