"""What the experiments share: a run of one method with the settings of its paper, fitted slopes, tables, figures."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import casadi as ca
import numpy as np

import bilevel_dsl as bl
from bilevel_dsl.report.picture import DASHES, GREYS, MARKS, Picture, bare

FLOOR = 1e-17  # of logarithmic axes


def arguments(
    page: str, sizes: Sequence[int] = (), methods: Sequence[str] = (), draws: Sequence[int] = ()
) -> argparse.Namespace:
    """--quick, the folder to write to, and --size, --method and --draw where the experiment has several.

    `page` is what --help says.
    """
    parser = argparse.ArgumentParser(description=page, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smaller version, in seconds")
    if sizes:
        parser.add_argument("--size", type=int, nargs="+", default=sizes, help="sizes of the problem, one after the other")
    if methods:
        parser.add_argument("--method", nargs="+", choices=methods, default=methods, help="some of the methods")
    if draws:
        parser.add_argument("--draw", type=int, nargs="+", default=draws, help="draws of the data, by number")
    parser.add_argument("--output", type=Path, default=Path(sys.argv[0]).parent, help="folder for table and figures")
    return parser.parse_args()


def model(file: str, name: str = "model", **data: object) -> bl.Problem:
    """`model.bilevel`, or another, beside the run.py whose `__file__` is given, with other parameters."""
    return bl.load(Path(file).parent / f"{name}.bilevel", data=data)


def run(problem: bl.Problem, method: str, **settings: object) -> dict[str, np.ndarray]:
    """The columns of the trace: measures, `seconds`, `calls.*`, and `report.*` of the model. In the model's own units.

    The way of a run is kept whole for 1000 iterations, then on a thinner and thinner grid; the last one always.
    """
    solution = bl.solve(problem, method, options=settings, verify="no", scaling=False, effort="quick", detailed_trace=True)
    return {name: np.asarray(column, float) for name, column in solution.trace.items()}


def penalty_descent(problem: bl.Problem, step: float, gamma: float, steps: int) -> dict[str, np.ndarray]:
    """x <- x - step grad(f + gamma g) from the model's start: a loop over the functions of a simple bilevel problem.

    The columns are those of `run`, at 400 iterations.
    """
    functions, data, none = bl.functions_of(problem), problem.matrices, ca.DM(0, 1)
    x = ca.MX.sym("x", problem.y.numel())
    slope = functions["grad_y_f"](none, x, *data) + gamma * functions["grad_y_g"](none, x, *data)
    start = ca.DM(problem.start()[1])
    path = ca.Function("path", [x], [x - step * slope]).mapaccum(steps - 1)(start)
    path = np.hstack([np.array(start), np.array(path)])
    kept = np.unique(np.geomspace(1, steps, 400).astype(int))
    found = {"iteration": kept.astype(float), "upper": [], "lower": [], **{f"report.{r.name}": [] for r in problem.report}}
    for k in kept:
        point = none, path[:, k - 1], *data
        found["upper"].append(float(functions["f"](*point)))
        found["lower"].append(float(functions["g"](*point)))
        for r, value in zip(problem.report, functions["report"].call(list(point))):
            found[f"report.{r.name}"].append(float(value))
    return {name: np.asarray(column, float) for name, column in found.items()}


def at(trace: dict[str, np.ndarray], name: str, iteration: float) -> float:
    """The value at the last kept iteration that is not after this one."""
    return float(trace[name][np.searchsorted(trace["iteration"], iteration, side="right") - 1])


def tail(trace: dict[str, np.ndarray], name: str, fraction: float = 0.5) -> float:
    """The mean over the last part of the iterations, each weighted by those that it stands for."""
    steps, values = trace["iteration"], trace[name]
    kept = steps >= (1 - fraction) * steps[-1]
    return float(np.average(values[kept], weights=np.gradient(steps)[kept]))


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Of log y over log x, by least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def table(head: Sequence[str], rows: Sequence[Sequence[object]], file: Path | None = None) -> None:
    """Printed in columns, and written as CSV."""
    texts = [list(map(_text, row)) for row in rows]
    widths = [max(len(r[k]) for r in [list(head), *texts]) for k in range(len(head))]
    for row in [list(head), *texts]:
        print("  ".join(cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths))))
    if file is not None:
        with open(file, "w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows([head, *texts])


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def figure(file: Path, size: tuple[float, float], draw: Callable) -> None:
    """`draw(page)` into `file`; without matplotlib it says so, and the table is all."""
    try:
        Picture(draw, size, dpi=100).save(file)
        print(f"{file.name}")
    except bl.BilevelError as missing:
        print(missing)


def curves(
    axes, lines: dict[str, tuple[np.ndarray, np.ndarray]], *, log: str = "y", title: str = "", x: str = "", y: str = ""
) -> None:
    """Lines told apart by dashes and marks; values of 0 are at the bottom of a logarithmic axis."""
    for k, (name, (where, values)) in enumerate(lines.items()):
        values = np.maximum(np.abs(values), FLOOR) if "y" in log else values
        style = {"color": GREYS[k % len(GREYS)], "linestyle": DASHES[k % len(DASHES)], "marker": MARKS[k % len(MARKS)]}
        axes.plot(where, values, label=name, linewidth=1.1, markersize=3, markevery=(0.02 * k, 0.12), **style)
    if "y" in log:
        axes.set_yscale("log")
    if "x" in log:
        axes.set_xscale("log")
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    bare(axes)
