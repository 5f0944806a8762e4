"""A view as a figure: curves over one entry of the leader, shades over two. In grey too."""

from __future__ import annotations

import numpy as np

from .picture import DASHES, GREYS, Picture, bare, legend_above
from .views import View

JUMP = 0.12  # of the height of a curve: a step that is larger, and far larger than those beside it, is not joined
STAR = {"linestyle": "none", "marker": "*", "markersize": 11, "markerfacecolor": "white", "color": "black"}
ROOM = 0.5  # of the height of the curves of choices, above and below them, in which other answers are shown


def picture(view: View) -> Picture:
    if len(view.axes) == 1:
        return Picture(lambda page: _curves(page, view), (6.4, 4.2))
    wide = _worse(view)
    return Picture(lambda page: _shades(page, view, wide), (10.4 if wide else 5.8, 4.4))


def _worse(view: View) -> bool:
    """Whether the follower has equally good answers that the leader likes less."""
    best = view.preferred().ravel()
    worst = np.array([p.worst for p in view.places])
    known = np.isfinite(worst) & np.isfinite(best)
    return bool(np.any(np.abs(worst - best)[known] > 1e-4 * (1 + np.abs(best[known]))))


# --- one entry ----------------------------------------------------------------------------------


def _curves(page, view: View) -> None:
    axes = page.subplots()
    many = len(view.shown) > 1
    for k, name in enumerate(view.shown):
        _choice(axes, view, k, name if many else "the leader's choice")
        _others(axes, view, k, named=k == 0)
    worst = np.array([p.worst for p in view.places])
    if not many and _worse(view) and np.any(worst < _limits(view)[1]) and np.any(worst > _limits(view)[0]):
        style = {"color": "#555555", "linewidth": 0.8, "linestyle": DASHES[3]}
        axes.plot(view.axes[0].values, worst, label="the worst of the best answers", **style)
    if view.mark:
        (place,), values = view.mark
        axes.plot([place] * len(values), values, zorder=5, label="the answer", **STAR)
    axes.set_ylim(*_limits(view))
    axes.set_xlabel(view.axes[0].name)
    axes.set_ylabel(view.shown[0] if not many else view.shown[0].partition("[")[0])
    bare(axes)
    legend_above(page, *axes.get_legend_handles_labels())


def _choice(axes, view: View, k: int, name: str) -> None:
    """What the leader gets: not joined where it jumps, dotted where the leader's own constraints do not hold."""
    place, value = view.axes[0].values, view.preferred(k)
    feasible = np.array([p.feasible for p in view.places])
    value, place, allowed = _broken(place, value, feasible)
    colour, dashes = GREYS[k % len(GREYS)], DASHES[k % len(DASHES)]
    axes.plot(place, np.where(allowed, value, np.nan), color=colour, linestyle=dashes, linewidth=1.5, label=name)
    if not feasible.all():
        label = "not allowed to the leader" if k == 0 else None
        axes.plot(place, np.where(allowed, np.nan, value), color="#888888", linestyle=DASHES[2], linewidth=1.0, label=label)


def _broken(place: np.ndarray, value: np.ndarray, feasible: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The curve with a gap at each jump."""
    steps = np.abs(np.diff(value))
    known = steps[np.isfinite(steps)]
    if not known.size:
        return value, place, feasible
    height = np.nanmax(value) - np.nanmin(value)
    around = np.maximum(np.append(steps[1:], 0), np.insert(steps[:-1], 0, 0))
    at = np.flatnonzero((steps > JUMP * height) & ~(steps < 4 * around)) + 1
    return np.insert(value, at, np.nan), np.insert(place, at, place[at]), np.insert(feasible, at, feasible[at])


def _others(axes, view: View, k: int, named: bool) -> None:
    """Answers that the leader does not choose: as good for the follower, and local ones."""
    for best, label in ((True, "as good for the follower"), (False, "another local answer")):
        dots = [
            (x, a.values[k])
            for x, p in zip(view.axes[0].values, view.places)
            for a in p.answers[1:]
            if a.best is best and np.isfinite(a.values[k])
        ]
        low, high = _limits(view)
        dots = [d for d in dots if low <= d[1] <= high]
        if dots:
            colour = GREYS[k % len(GREYS)] if best else "#888888"
            fill = {
                "markerfacecolor": colour if best else "none",
                "markeredgewidth": 0.7,
                "markersize": 2.6 if best else 3.2,
            }
            axes.plot(*zip(*dots), linestyle="none", marker="o", color=colour, label=label if named else None, **fill)


def _limits(view: View) -> tuple[float, float]:
    """Of what is drawn: the choices, and others that are not far."""
    values = np.concatenate([view.preferred(k).ravel() for k in range(len(view.shown))])
    if view.mark:
        values = np.append(values, view.mark[1])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = values.min(), values.max()
    room = ROOM * ((high - low) or 1.0)
    others = [v for p in view.places for a in p.answers[1:] for v in a.values if low - room <= v <= high + room]
    others += [p.worst for p in view.places if low - room <= p.worst <= high + room]
    low, high = min([low, *others]), max([high, *others])
    pad = 0.05 * ((high - low) or 1.0)
    return low - pad, high + pad


# --- two entries --------------------------------------------------------------------------------


def _shades(page, view: View, wide: bool) -> None:
    shape = [len(a.values) for a in view.axes]
    panels = [(view.preferred(), "the leader's choice" if wide else "")]
    if wide:
        panels.append((np.reshape([p.worst for p in view.places], shape), "the worst of the follower's best answers"))
    feasible = np.reshape([p.feasible for p in view.places], shape)
    shown = panels[0][0][feasible] if feasible.any() else panels[0][0]
    shown = shown[np.isfinite(shown)]
    low, high = (shown.min(), shown.max()) if shown.size else (0, 1)
    grid = page.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (value, title) in zip(grid, panels):
        mesh = _shade(axes, view, value, feasible, low, high)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(view.axes[0].name)
    grid[0].set_ylabel(view.axes[1].name)
    page.colorbar(mesh, ax=list(grid), label=view.shown[0], extend="max" if wide else "neither")
    legend_above(page, *grid[0].get_legend_handles_labels())


def _shade(axes, view: View, value: np.ndarray, feasible: np.ndarray, low: float, high: float):
    """Light is large; contour lines, and lines across what is not allowed to the leader."""
    x, y = (a.values for a in view.axes)
    mesh = axes.pcolormesh(x, y, value.T, cmap="cividis", vmin=low, vmax=high, shading="gouraud", rasterized=True)
    if np.isfinite(value).any() and high > low:
        lines = axes.contour(x, y, value.T, levels=np.linspace(low, high, 9)[1:-1], colors="black", linewidths=0.5)
        axes.clabel(lines, fontsize=7, fmt="%.3g")
    if not feasible.all():
        axes.contourf(x, y, (~feasible).astype(float).T, levels=[0.5, 1.5], colors="none", hatches=["////"])
        axes.plot([], [], color="black", linestyle="none", marker="$////$", markersize=12, label="not allowed to the leader")
    if view.mark:
        axes.plot(*([v] for v in view.mark[0]), label="the answer", **(STAR | {"markersize": 13}))
    return mesh
