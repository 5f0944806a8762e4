"""Figures of comparisons, by matplotlib: told apart by dashes and marks, so that they can be read in grey."""

from __future__ import annotations

from functools import partial

import numpy as np

from .comparison import Checkpoint, Comparison, Entry
from .picture import DASHES, GREYS, MARKS, Picture, bare, legend_above

ROWS = {
    "upper": "upper objective",
    "stationarity": "stationarity",
    "gap": "follower's gap",
    "away": "distance to the reference",
}
COLUMNS = {"iterations": "iterations", "seconds": "seconds", "work": "oracle calls"}
FLOOR = 1e-16  # of logarithmic axes


def figure(result: Comparison) -> Picture:
    """What the methods did on their way, over iterations, seconds and oracle calls."""
    ran = [e for e in result.entries if e.trials]
    rows = [name for name in ROWS if any(np.isfinite(_values(t, name)).any() for e in ran for t in _ways(e))]
    return Picture(partial(_draw, result, ran, rows), (10, 2.3 * max(1, len(rows)) + 0.9))


def _draw(result: Comparison, ran: list[Entry], rows: list[str], page) -> None:
    grid = page.subplots(max(1, len(rows)), len(COLUMNS), squeeze=False, sharey="row")
    for i, name in enumerate(rows):
        for j, over in enumerate(COLUMNS):
            _panel(grid[i][j], result, ran, name, over)
            if j == 0:
                grid[i][j].set_ylabel(ROWS[name])
            if i == len(rows) - 1:
                grid[i][j].set_xlabel(COLUMNS[over])
    legend_above(page, *grid[0][0].get_legend_handles_labels())


def _panel(axes, result: Comparison, entries: list[Entry], name: str, over: str) -> None:
    for k, entry in enumerate(entries):
        ways = _ways(entry)
        style = {"color": GREYS[k % len(GREYS)], "linestyle": DASHES[k % len(DASHES)], "marker": MARKS[k % len(MARKS)]}
        first, low, middle, high = _band(ways, name, over)
        axes.plot(first, middle, label=entry.label, linewidth=1.2, markersize=3.5, markevery=(k % 4, 4), **style)
        if len(ways) > 1:
            axes.fill_between(first, low, high, color=style["color"], alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    if name == "upper":
        reference = result.problem.reference.upper
        if reference is not None:
            axes.axhline(reference, color="#999999", linewidth=0.6, zorder=0, label="reference")
    else:
        axes.set_yscale("log")
    bare(axes)


def _ways(entry: Entry) -> list[list[Checkpoint]]:
    return [[*t.way, t.end] for t in entry.trials]


def _values(way: list[Checkpoint], name: str) -> np.ndarray:
    values = np.array([getattr(c, name) for c in way], float)
    return values if name == "upper" else np.maximum(np.abs(values), FLOOR)


def _band(ways: list[list[Checkpoint]], name: str, over: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Along the axis: where, and the least, the median and the largest over the seeds, at their common iterations."""
    by_iteration: dict[int, list[tuple[float, float]]] = {}
    for way in ways:
        for c, value in zip(way, _values(way, name)):
            if np.isfinite(value):
                by_iteration.setdefault(c.iterations, []).append((float(getattr(c, over)), value))
    common = [pairs for _, pairs in sorted(by_iteration.items()) if 2 * len(pairs) > len(ways)]
    place = [np.median([p for p, _ in pairs]) for pairs in common]
    each = [[v for _, v in pairs] for pairs in common]
    return tuple(np.array(c) for c in (place, [min(v) for v in each], [np.median(v) for v in each], [max(v) for v in each]))
