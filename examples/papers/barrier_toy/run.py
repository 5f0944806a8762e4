"""The toy of Cao, Jiang, Yazdandoost Hamedani and Mokhtari (NeurIPS 2025), their Figures 1 and 3: DBGD from three starts,
and the penalty method with a fixed gamma from the first.

    python examples/papers/barrier_toy/run.py            half a minute
    python examples/papers/barrier_toy/run.py --quick    seconds: a tenth of the iterations
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import arguments, at, curves, figure, model, penalty_descent, run, table

STARTS = {"start 1": [1.5, 1.0], "start 2": [-0.5, 1.2], "start 3": [0.6, -0.3]}
GAMMAS = (1, 10, 100, 1000)
STEP, BETA = 0.01, 1.0
AS_PRINTED = {"step_size": STEP, "beta": BETA, "decay": np.inf, "polish": "no", "tol": 0}


def barrier(start: list[float], steps: int) -> dict[str, np.ndarray]:
    """DBGD as printed: a constant step, and nothing after it."""
    return run(model(__file__, begin=start), "dbgd", max_iter=steps, **AS_PRINTED)


def penalty(start: list[float], gamma: float, steps: int) -> dict[str, np.ndarray]:
    return penalty_descent(model(__file__, begin=start), STEP / gamma, gamma, steps)


def study(quick: bool) -> tuple[dict, dict]:
    steps = 2000 if quick else 20000
    return (
        {name: barrier(start, steps) for name, start in STARTS.items()},
        {f"penalty {gamma}": penalty(STARTS["start 1"], gamma, steps) for gamma in GAMMAS},
    )


def figure_1(page, ours: dict, theirs: dict) -> None:
    """||grad g||, grad f across grad g, and the angle: DBGD and the penalty method from start 1."""
    every = {"dbgd": ours["start 1"], **theirs}
    angle = lambda way: np.degrees(np.arccos(np.clip(way["report.cosine"], -1, 1)))
    panels = {
        "(a) ||grad g||": ("xy", lambda way: way["report.size_g"]),
        "(b) grad f across grad g": ("xy", lambda way: way["report.across"]),
        "(c) angle of the gradients, degrees": ("x", angle),
    }
    for axes, (title, (log, value)) in zip(page.subplots(1, 3), panels.items()):
        curves(axes, {n: (way["iteration"], value(way)) for n, way in every.items()}, log=log, title=title, x="iterations")
    axes.legend(fontsize=7)


def figure_3(page, ours: dict) -> None:
    """Paths, multiplier, cosine, grad f across, the rest of the upper condition, and ||grad g||, from three starts."""
    grid = page.subplots(2, 3).ravel()
    turn = np.linspace(0, 2 * np.pi, 200)
    grid[0].plot(np.cos(turn), np.sin(turn), color="#999999", linewidth=0.8)
    path = lambda n, k: np.insert(ours[n][f"report.x{k + 1}"], 0, STARTS[n][k])
    curves(grid[0], {n: (path(n, 0), path(n, 1)) for n in ours}, log="", title="(a) paths, and the circle")
    grid[0].set_aspect("equal")
    grid[0].legend(fontsize=7)
    panels = (
        ("multiplier", "(b) lambda", "xy"),
        ("report.cosine", "(c) cosine of the gradients", "x"),
        ("report.across", "(d) grad f across grad g", "xy"),
        ("stationarity", "(e) ||grad f + lambda grad g||", "xy"),
        ("report.size_g", "(f) ||grad g||", "xy"),
    )
    for axes, (name, title, log) in zip(grid[1:], panels):
        curves(axes, {n: (t["iteration"], t[name]) for n, t in ours.items()}, log=log, title=title, x="iterations")


def main() -> None:
    asked = arguments(__doc__)
    ours, theirs = study(asked.quick)
    last = ours["start 1"]["iteration"][-1]
    names = ("report.x1", "report.x2", "upper", "report.size_g", "report.across", "report.cosine")
    rows = [(f"dbgd, {n}", *(at(t, name, last) for name in names), at(t, "multiplier", last)) for n, t in ours.items()]
    rows += [(f"{n}, start 1", *(at(t, name, last) for name in names), "--") for n, t in theirs.items()]
    table(("method", "x1", "x2", "f", "||grad g||", "grad f across", "cosine", "lambda"), rows, asked.output / "table.csv")
    figure(asked.output / "figure_1.png", (10, 3.2), lambda page: figure_1(page, ours, theirs))
    figure(asked.output / "figure_3.png", (10, 6), lambda page: figure_3(page, ours))


if __name__ == "__main__":
    main()
