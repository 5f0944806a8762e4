"""Results as figures: an entry over its set, and what a run did on its way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .picture import DASHES, GREYS, MARKS, Picture, bare, legend_above

MOST_NAMES = 40  # along an axis; of more every second, third, ... has its name
MOST_NUMBERS = 120  # cells of a table in which the numbers are written
FLOOR = 1e-16  # of a logarithmic axis


# --- an entry -----------------------------------------------------------------------------------


def entry(name: str, axes: list[list], value: np.ndarray) -> Picture:
    """Values over one set as bars, or as a line where the set is of many numbers; over two as shades.

    Args:
        axes: the elements along each of the one or two dimensions.
    """
    value = np.asarray(value, float)
    if value.ndim == 1:
        return Picture(
            lambda page: _over_one(page, name, axes[0], value), (max(4.2, min(9.0, 1.6 + 0.32 * value.size)), 3.4)
        )
    size = (max(4.2, min(10.0, 2.2 + 0.42 * value.shape[1])), max(2.8, min(9.0, 1.4 + 0.32 * value.shape[0])))
    return Picture(lambda page: _over_two(page, name, axes, value), size)


def _over_one(page, name: str, elements: list, value: np.ndarray) -> None:
    axes = page.subplots()
    numeric = all(isinstance(e, (int, float)) for e in elements)
    if numeric and value.size > 12:
        axes.plot(elements, value, color="black", linewidth=1.3, marker="o" if value.size <= 60 else "", markersize=3)
    else:
        axes.bar(range(value.size), value, color="#9a9a9a", edgecolor="black", linewidth=0.6, width=0.7)
        _named(axes.xaxis, elements)
    axes.axhline(0, color="black", linewidth=0.5)
    axes.set_ylabel(name)
    bare(axes)
    axes.grid(False, axis="x")


def _over_two(page, name: str, elements: list[list], value: np.ndarray) -> None:
    axes = page.subplots()
    shown = axes.imshow(value, cmap="Greys", aspect="auto", interpolation="nearest")
    _named(axes.yaxis, elements[0])
    _named(axes.xaxis, elements[1])
    page.colorbar(shown, ax=axes, label=name)
    if value.size <= MOST_NUMBERS:
        low, high = np.nanmin(value), np.nanmax(value)
        for (i, j), v in np.ndenumerate(value):
            dark = high > low and (v - low) / (high - low) > 0.55
            axes.text(j, i, f"{v:.3g}", ha="center", va="center", fontsize=7, color="white" if dark else "black")


def _named(axis, elements: list) -> None:
    every = -(-len(elements) // MOST_NAMES)
    words = [
        ", ".join(map(str, e)) if isinstance(e, tuple) else f"{e:g}" if isinstance(e, float) else str(e) for e in elements
    ]
    turned = axis.axis_name == "x" and sum(len(w) + 1 for w in words[::every]) > 60
    axis.set_ticks(range(0, len(words), every), words[::every], **({"rotation": 60, "ha": "right"} if turned else {}))


# --- a trace ------------------------------------------------------------------------------------


def trace(columns: Mapping[str, np.ndarray]) -> Picture:
    """The leader's objective over the iterations, and below the measures of the method on a logarithmic axis."""
    return Picture(lambda page: _way(page, columns), (6.4, 5.4 if _measures(columns) else 3.2))


def _measures(columns: Mapping[str, np.ndarray]) -> list[str]:
    """What is measured: not the work, and not what would be an empty curve."""
    found = [n for n in columns if n not in ("iteration", "upper", "seconds") and not n.startswith(("calls.", "report."))]
    return [n for n in found if np.any(np.isfinite(columns[n]) & (np.asarray(columns[n], float) != 0))]


def _way(page, columns: Mapping[str, np.ndarray]) -> None:
    measures = _measures(columns)
    rows = [name for name, there in (("upper", "upper" in columns), ("measures", measures)) if there]
    grid = page.subplots(max(1, len(rows)), 1, squeeze=False, sharex=True)[:, 0]
    where = np.asarray(columns["iteration"], float)
    for axes, row in zip(grid, rows):
        if row == "upper":
            axes.plot(where, columns["upper"], color="black", linewidth=1.3)
            axes.set_ylabel("upper objective")
            _focus(axes, np.asarray(columns["upper"], float))
        else:
            for k, name in enumerate(measures):
                value = np.abs(np.asarray(columns[name], float))
                value = np.where(np.isfinite(value) & (value > FLOOR), value, np.nan)
                style = {
                    "color": GREYS[k % len(GREYS)],
                    "linestyle": DASHES[k % len(DASHES)],
                    "marker": MARKS[k % len(MARKS)],
                }
                axes.plot(where, value, label=name, linewidth=1.1, markersize=3, markevery=_every(value.size, k), **style)
            axes.set_yscale("log")
            legend_above(page, *axes.get_legend_handles_labels())
        if where.size > 30:
            axes.set_xscale("log")
        bare(axes)
    grid[-1].set_xlabel("iterations")


def _every(count: int, k: int) -> tuple[int, int]:
    return k * max(1, count // 40), max(1, count // 8)


def _focus(axes, values: np.ndarray) -> None:
    """First iterations that are very far off do not decide what can be seen."""
    values = values[np.isfinite(values)]
    if values.size > 20:
        low, high = np.quantile(values, [0.05, 0.95])
        if values.max() - values.min() > 10 * (high - low) > 0:
            pad = 0.5 * (high - low)
            axes.set_ylim(min(low, values[-1]) - pad, max(high, values[-1]) + pad)
