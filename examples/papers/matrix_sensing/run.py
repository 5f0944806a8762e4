"""Matrix sensing of Huang (arXiv 2303.03944, experiment 2): six deterministic methods and four that draw measurements, one
learning rate for all.

python examples/papers/matrix_sensing/run.py                   d = 50 and 75: a quarter of an hour
python examples/papers/matrix_sensing/run.py --size 50 75 100  an hour: a step costs d^3, of mgbio d^4
python examples/papers/matrix_sensing/run.py --size 50 --draw 1 2 3         other data
python examples/papers/matrix_sensing/run.py --size 100 --method bgs_opt    some methods; other rows of the tables stay
python examples/papers/matrix_sensing/run.py --quick           seconds: d = 10

The tables are written row by row over what is there, the figures of draw 1 where all methods of one are run.
"""

import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import arguments, at, curves, figure, model, run, table

RATE = 0.01
L = 20.0  # above the curvature of the follower
METHODS = {
    "mgbio": {"gamma": RATE, "lam": RATE, "mu": 0.2, "L": L, "warm_up": 0},
    "galet": {"alpha": RATE, "N": 1, "beta": RATE, "T": 5, "rho": 1 / L**2, "warm": "no"},
    "bgs_opt": {"gamma": RATE, "before": 1, "exactly": "yes", "alpha": RATE, "T": 0, "N": 1, "beta": 1 / L**2},
    "bome": {"xi": RATE, "T": 10, "alpha": RATE},
    "v_pbgd": {"alpha": RATE, "gamma": 1, "T": 1, "beta": RATE, "keep": "yes"},
    "bvfsm": {"alpha": RATE, "T": 5, "step_z": RATE, "step_y": RATE},
}
BATCH = 10  # measurements of each level
MOMENTUM = {"c": 0.1, "gamma": RATE, "lam": RATE, "mu": 0.2, "L": L, "C_f": 5, "C_g": 5, "warm_up": 0}
STOCHASTIC = {
    "msgbio": MOMENTUM,
    "vr_msgbio": MOMENTUM,
    "soba": {"gamma": RATE, "rho": RATE, "decay": 0},
    "v_pbsgd": {"alpha": RATE, "gamma": 1, "T": 10, "beta": RATE},
}
CLOSE = 1e-3  # the ratio to which iterations and seconds are counted
KEY = ("d", "draw", "method")
HEAD = (*KEY, "steps", "at 12 %", "at 25 %", "at 50 %", "at the end", f"steps to {CLOSE}", "seconds to it")


def study(d: int, steps: int, methods: Sequence[str] = tuple(METHODS), draw: int = 1) -> dict[str, dict]:
    problem = model(__file__, d=d, draw=draw)
    return {name: run(problem, name, max_iter=steps, tol=0, **METHODS[name]) for name in methods}


def batches(d: int, steps: int, methods: Sequence[str] = tuple(STOCHASTIC), draw: int = 1) -> dict[str, dict]:
    """The last iterates of methods that draw measurements, not their averages."""
    problem = model(__file__, "sampled", d=d, draw=draw)
    common = {"batch": BATCH, "seed": 1, "average": "no", "every": steps, "steps": steps, "max_iter": steps, "tol": 0}
    return {name: run(problem, name, **common, **STOCHASTIC[name]) for name in methods}


def first(way: dict, column: str) -> float:
    """That column at the first iteration with a ratio below CLOSE; nan if there is none."""
    there = np.flatnonzero(way["report.ratio"] <= CLOSE)
    return float(way[column][there[0]]) if there.size else np.nan


def rows(d: int, draw: int, ways: dict[str, dict], steps: int) -> list[tuple]:
    places = [steps // 8, steps // 4, steps // 2, steps]
    return [
        (d, draw, n, steps, *(at(w, "report.ratio", k) for k in places), first(w, "iteration"), first(w, "seconds"))
        for n, w in ways.items()
    ]


def merge(lines: list[tuple], file: Path) -> None:
    """Into the table that is there: rows of the same size, draw and method are replaced."""
    old = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))[1:] if file.exists() else []
    found = {(int(r[0]), int(r[1]), r[2]): r for r in [*old, *lines]}
    order = [*METHODS, *STOCHASTIC]
    table(HEAD, [found[key] for key in sorted(found, key=lambda key: (*key[:2], order.index(key[2])))], file)


def draw(page, found: dict[int, dict[str, dict]]) -> None:
    axes = page.subplots(len(found), 2, squeeze=False)
    for line, (d, ways) in zip(axes, found.items()):
        for place, column in zip(line, ("iteration", "seconds")):
            lines = {n: (w[column], w["report.ratio"]) for n, w in ways.items()}
            curves(place, lines, title=f"d = {d}", x=column, y="||U U' - M||^2 / ||M||^2" if column == "iteration" else "")
        line[0].legend(fontsize=6.5)


def panel(solve: Callable, all_methods: dict, asked, plan: dict[int, int], name: str, picture: str) -> None:
    """The methods that are asked for, of those, for each size and draw: the rows after each, the figure at the end."""
    methods, found = [m for m in all_methods if m in asked.method], {}
    for d, steps in plan.items() if methods else ():
        for number in asked.draw:
            ways = solve(d, steps, methods, number)
            merge(rows(d, number, ways, steps), asked.output / f"{name}.csv")
            if number == 1:
                found[d] = ways
    if found and len(methods) == len(all_methods):
        figure(asked.output / picture, (7, max(2.6, 2.1 * len(found))), lambda page: draw(page, found))


def main() -> None:
    every = [*METHODS, *STOCHASTIC]
    asked = arguments(__doc__, sizes=(50, 75), methods=every, draws=(1,))
    sizes = [10] if asked.quick else asked.size
    length = lambda d: 160 if asked.quick else 600 if d >= 100 else 800  # noqa: E731
    panel(study, METHODS, asked, {d: length(d) for d in sizes}, "table", "figure_2.png")
    d = min(sizes)
    panel(batches, STOCHASTIC, asked, {d: 300 if asked.quick else 600}, "batches", "batches.png")


if __name__ == "__main__":
    main()
