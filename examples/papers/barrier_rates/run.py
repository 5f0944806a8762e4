"""A study of the rates of DBGD, Theorem 5.5 of Cao, Jiang, Yazdandoost Hamedani and Mokhtari (NeurIPS 2025).

With eta of the order K^(-1/(3+p)) and beta of the order K^(-p/(3+p)) for K iterations, some iterate has
||grad f + lambda grad g||^2 = O(K^(-(1+p)/(3+p))) and ||grad g||^2 = O(K^(-2/(3+p))). The exponents are fitted.

    python examples/papers/barrier_rates/run.py            a minute
    python examples/papers/barrier_rates/run.py --quick    seconds: fewer K
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import arguments, curves, figure, model, run, slope, table, tail

POWERS = (0, 1, 2)
ETA, BETA = 4e-3, 1.0  # at K = 1000


def averages(power: int, count: int) -> tuple[float, float]:
    """Of ||grad f + lambda grad g||^2 and ||grad g||^2 over the second half of `count` iterations."""
    grown = count / 1000
    eta, beta = ETA * grown ** (-1 / (3 + power)), BETA * grown ** (-power / (3 + power))
    settings = {"step_size": eta, "beta": beta, "decay": np.inf, "polish": "no", "tol": 0, "max_iter": count}
    way = run(model(__file__), "dbgd", **settings)
    size = way["report.size_g"]
    way["d"] = way["report.across"] ** 2 + (way["report.along_g"] + way["multiplier"] * size) ** 2
    way["g"] = size**2
    return tail(way, "d"), tail(way, "g")


def study(quick: bool) -> tuple[list[int], dict[int, list[tuple[float, float]]]]:
    counts = [1000, 2000, 4000, 8000] if quick else [1000, 4000, 16000, 64000, 256000]
    return counts, {p: [averages(p, count) for count in counts] for p in POWERS}


def exponents(counts: list[int], found: dict) -> list[tuple]:
    """Fitted and proved, for each p."""
    rows = []
    for p, pairs in found.items():
        d, g = zip(*pairs)
        rows.append((p, slope(counts, d), -(1 + p) / (3 + p), slope(counts, g), -2 / (3 + p)))
    return rows


def draw(page, counts: list[int], found: dict) -> None:
    names = ("||grad f + lambda grad g||^2", "||grad g||^2")
    for k, (axes, name) in enumerate(zip(page.subplots(1, 2), names)):
        curves(axes, {f"p = {p}": (np.array(counts), np.array([q[k] for q in pairs])) for p, pairs in found.items()},
               log="xy", x="iterations K", title=f"{name}, averages")  # fmt: skip
    axes.legend(fontsize=7)


def main() -> None:
    asked = arguments(__doc__)
    counts, found = study(asked.quick)
    head = ("p", "d^2 fitted", "d^2 proved", "g^2 fitted", "g^2 proved")
    table(head, exponents(counts, found), asked.output / "table.csv")
    figure(asked.output / "rates.png", (8, 3.4), lambda page: draw(page, counts, found))


if __name__ == "__main__":
    main()
