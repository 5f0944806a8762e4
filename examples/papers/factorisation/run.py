"""Matrix factorisation of Cao, Jiang, Yazdandoost Hamedani and Mokhtari (NeurIPS 2025), their Figure 2: DBGD with several
beta against the penalty method with several gamma, for two penalties of the leader.

    python examples/papers/factorisation/run.py            a minute
    python examples/papers/factorisation/run.py --quick    seconds: a twentieth of the iterations
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import GREYS, arguments, at, bare, figure, model, penalty_descent, run, table

PENALTIES = {"smoothed l1": 0, "logarithmic": 1}
BETAS = (0.01, 0.1, 1, 10)
GAMMAS = (1, 10, 100, 1000)
STEP = 1e-3
AS_PRINTED = {"step_size": STEP, "decay": np.inf, "polish": "no", "tol": 0}
NAMES = ("report.size_g", "report.across", "upper", "report.gap")


def study(quick: bool) -> dict[str, dict[str, tuple[float, ...]]]:
    """Of each penalty and method: ||grad g||, grad f across grad g, f, and g above its least value, at the end."""
    steps = 1000 if quick else 20000
    found = {}
    for words, kind in PENALTIES.items():
        problem = model(__file__, logarithmic=kind)
        ways = {f"dbgd beta={b:g}": run(problem, "dbgd", beta=b, max_iter=steps, **AS_PRINTED) for b in BETAS}
        ways |= {f"penalty gamma={g:g}": penalty_descent(problem, STEP / g, g, steps) for g in GAMMAS}
        found[words] = {name: tuple(at(way, column, steps) for column in NAMES) for name, way in ways.items()}
    return found


def figure_2(page, found: dict) -> None:
    """The two measures of stationarity, and of both objectives: filled DBGD, hollow the penalty method."""
    for row, (words, methods) in zip(page.subplots(2, 2), found.items()):
        pairs = ((0, 1, "||grad g||", "grad f across grad g"), (3, 2, "g above its least", "f"))
        for axes, (i, j, across, up) in zip(row, pairs):
            for k, (name, values) in enumerate(methods.items()):
                ours = name.startswith("dbgd")
                fill = GREYS[0] if ours else "white"
                axes.plot(values[i], values[j], "o" if ours else "s", color="black", markerfacecolor=fill, markersize=6)
                place = {"textcoords": "offset points", "fontsize": 7}
                axes.annotate(name.split("=")[1], (values[i], values[j]), xytext=(6, 8 * (k % 4) - 12), **place)
            axes.set_xscale("log")
            if j == 1:
                axes.set_yscale("log")
            axes.set_xlabel(across)
            axes.set_ylabel(up)
            axes.set_title(words, fontsize=9)
            bare(axes)
    axes.plot([], [], "o", color="black", label="dbgd, beta")
    axes.plot([], [], "s", color="black", markerfacecolor="white", label="penalty, gamma")
    axes.legend(fontsize=7)


def main() -> None:
    asked = arguments(__doc__)
    found = study(asked.quick)
    rows = [(words, name, *values) for words, methods in found.items() for name, values in methods.items()]
    table(("penalty", "method", "||grad g||", "grad f across", "f", "g - g*"), rows, asked.output / "table.csv")
    figure(asked.output / "figure_2.png", (9, 6.4), lambda page: figure_2(page, found))


if __name__ == "__main__":
    main()
