"""Representation learning of Xiao and Chen (ICLR 2025): the linear rate of both methods, and what few inner steps do.

python examples/papers/representation/run.py            a minute
python examples/papers/representation/run.py --quick    seconds: fewer iterations
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import arguments, curves, figure, model, run, table

BETA = 0.01  # step of the follower's own problem, 1 / |X W1|^2 at the start
GAMMAS = (1, 10, 100)
FLOOR = 1e-24  # of what rounding leaves of L


def joint(gamma: float, T: int) -> tuple[str, dict]:
    return "pbgd_j", {"alpha": 0.004 / (1 + gamma), "gamma": gamma, "T": T, "beta": BETA}


def blocks(gamma: float, T: int) -> tuple[str, dict]:
    return "pbgd_b", {"alpha": 0.004, "b": BETA / (1 + gamma), "gamma": gamma, "T": T, "beta": BETA}


RUNS = {f"pbgd_j gamma={g}, T=100": joint(g, 100) for g in GAMMAS}
RUNS |= {f"pbgd_b gamma={g}, T=5": blocks(g, 5) for g in GAMMAS}
RUNS |= {
    "pbgd_j gamma=10, T=5": joint(10, 5),
    "f2sa T=5": ("f2sa", {"gamma": BETA, "alpha": 0.02, "xi": 0.2, "T": 5}),
    "bome T=5": ("bome", {"alpha": BETA, "xi": 0.0004, "T": 5}),
}


def study(quick: bool) -> dict[str, dict]:
    problem, steps = model(__file__), 1500 if quick else 6000
    ways = {}
    for words, (method, settings) in RUNS.items():
        ways[words] = run(problem, method, max_iter=steps, tol=0, **settings)
        gamma = settings["gamma"] if method.startswith("pbgd") else 10
        ways[words]["L"] = ways[words]["report.f"] + gamma * ways[words]["report.gap"]
    return ways


def rate(way: dict) -> float:
    """The slope of ln L over 1000 iterations, in the second half of those before it is rounding."""
    steps, values = way["iteration"], way["L"]
    last = steps[values > FLOOR][-1]
    kept = (steps >= last / 2) & (steps <= last)
    return 1000 * float(np.polyfit(steps[kept], np.log(values[kept]), 1)[0])


def draw(page, ways: dict[str, dict]) -> None:
    left, right = page.subplots(1, 2)
    linear = {n: (w["iteration"], w["L"]) for n, w in ways.items() if "T=100" in n or n.startswith("pbgd_b")}
    curves(left, linear, title="f + gamma (g - v)", x="iterations")
    few = {
        n: (w["iteration"], w["report.gap"]) for n, w in ways.items() if "T=5" in n and "=1," not in n and "=100," not in n
    }
    curves(right, few, title="g - v, with five inner steps", x="iterations")
    for axes in (left, right):
        axes.legend(fontsize=6.5)


def main() -> None:
    asked = arguments(__doc__)
    ways = study(asked.quick)
    rows = [
        (n, int(w["iteration"][-1]), w["report.f"][-1], w["report.gap"][-1], w["report.thinnest"][-1], rate(w))
        for n, w in ways.items()
    ]
    rows = [tuple(float(v) if isinstance(v, np.floating) else v for v in row) for row in rows]
    table(("method", "steps", "f", "g - v", "thinnest", "slope of ln L per 1000"), rows, asked.output / "table.csv")
    figure(asked.output / "rates.png", (9, 3.8), lambda page: draw(page, ways))


if __name__ == "__main__":
    main()
