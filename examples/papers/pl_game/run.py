"""The PL game of Huang (arXiv 2303.03944, experiment 1): both panels, one learning rate for all methods of a panel.

python examples/papers/pl_game/run.py            minutes
python examples/papers/pl_game/run.py --quick    seconds: few iterations, one seed
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import arguments, at, curves, figure, model, run, table

import bilevel_dsl as bl

RATE = 0.01
DETERMINISTIC = {
    "mgbio": {"gamma": RATE, "lam": RATE, "mu": 0.1, "warm_up": 0},
    "galet": {"alpha": RATE, "N": 1, "beta": RATE, "T": 1, "rho": 1.0, "warm": "no"},
    "hjfbio": {"gamma": RATE, "lam": RATE, "tau": RATE, "delta": 1e-4},
    "bome": {"xi": RATE, "T": 10, "alpha": RATE},
    "v_pbgd gamma=1": {"alpha": RATE, "gamma": 1, "T": 10, "beta": RATE, "keep": "yes"},
    "v_pbgd gamma=10": {"alpha": RATE / 11, "gamma": 10, "T": 10, "beta": RATE, "keep": "yes"},
}

BATCH = 10
SCHEDULE = {"k": 1, "m": 1, "c": 1, "gamma": 10 * RATE, "lam": 10 * RATE, "mu": 0.1, "warm_up": 0}  # steps that fall
STOCHASTIC = {
    "msgbio": SCHEDULE,
    "vr_msgbio": SCHEDULE,
    "soba": {"gamma": RATE, "rho": RATE, "decay": 0},
    "v_pbsgd": {"alpha": RATE, "gamma": 1, "T": 10, "beta": RATE},
}


def stochastic(steps: int) -> dict[str, dict]:
    """The last iterates, not their averages; measured ten times as often as once an epoch."""
    problem, common = model(__file__, "sampled"), {"batch": BATCH, "seed": 1, "average": "no", "every": 10, "tol": 0}
    return {n: run(problem, n, max_iter=steps, steps=steps, **common, **s) for n, s in STOCHASTIC.items()}


def deterministic(problem: bl.Problem, steps: int) -> dict[str, dict]:
    return {n: run(problem, n.split()[0], max_iter=steps, tol=0, **s) for n, s in DETERMINISTIC.items()}


def study(quick: bool) -> dict[str, tuple[dict[str, dict], int]]:
    steps = 300 if quick else 10000
    return {
        "range fixed": (deterministic(model(__file__), steps), steps),
        "as printed": (deterministic(model(__file__, fixed=0), steps // 2), steps // 2),
        "range fixed, batches": (stochastic(steps * 2 // 5), steps * 2 // 5),
    }


def draw(page, panels: dict) -> None:
    for axes, (words, (ways, _)) in zip(page.subplots(1, len(panels)), panels.items()):
        lines = {n: (w["iteration"], w["report.size_F"]) for n, w in ways.items()}
        curves(axes, lines, title=words, x="iterations", y="||grad F||" if words == "range fixed" else "")
        axes.legend(fontsize=6.5)


def main() -> None:
    asked = arguments(__doc__)
    panels = study(asked.quick)
    rows = []
    for words, (ways, steps) in panels.items():
        places = [steps // 20, steps // 4, steps // 2, steps]
        rows += [(words, n, steps, *(at(w, "report.size_F", k) for k in places)) for n, w in ways.items()]
    head = ("panel", "method", "steps", "at 5 %", "at 25 %", "at 50 %", "at the end")
    table(head, rows, asked.output / "table.csv")
    figure(asked.output / "figure_1.png", (13, 3.8), lambda page: draw(page, panels))


if __name__ == "__main__":
    main()
