"""The penalty of Kwon, Kwon, Wright and Nowak (ICLR 2024): its bias in sigma, and the rates of both loops as printed.

The bias: the point at which psi_sigma is stationary, for each sigma that `prox_penalty` goes through with its defaults.
The rates: sigma_k is of the order k^(-1/3), and ||grad F|| follows it; so epsilon takes epsilon^(-3) iterations.

    python examples/papers/penalty_rates/run.py            half a minute
    python examples/papers/penalty_rates/run.py --quick    seconds: fewer iterations
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import arguments, curves, figure, model, run, slope, table

LOOPS = {
    "prox_penalty, T = 5": ("prox_penalty", {"T": 5, "sigma": 0.5, "alpha": 0.3}),
    "prox_penalty, T = 1": ("prox_penalty", {"T": 1, "sigma": 0.5, "alpha": 0.3}),
    "prox_penalty_single": ("prox_penalty_single", {"sigma": 1.0, "alpha": 0.3}),
}


def bias() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each sigma ||grad F|| and F above its least value, where psi_sigma is stationary."""
    way = run(model(__file__), "prox_penalty", tol=1e-9, max_iter=2000)
    last = np.append(np.diff(way["penalty"]) != 0, True)  # of each sigma
    return 1 / way["penalty"][last], way["report.size_F"][last], way["report.value"][last]


def rates(steps: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for words, (method, settings) in LOOPS.items():
        way = run(model(__file__), method, tol=0, max_iter=steps, **settings)
        found[words] = way["iteration"], way["report.size_F"]
    return found


def fitted(where: np.ndarray, values: np.ndarray) -> float:
    """The slope over the last nine tenths of the iterations, at places that are even in their logarithm."""
    places = np.geomspace(where[-1] / 10, where[-1], 20)
    return slope(places, np.exp(np.interp(np.log(places), np.log(where), np.log(values))))


def study(quick: bool) -> tuple[tuple, dict, list[tuple]]:
    small, ways = bias(), rates(3000 if quick else 30000)
    sigma, size, value = (v[:5] for v in small)  # below it is rounding
    rows = [("||grad F|| over sigma", slope(sigma, size), 1.0), ("F - F* over sigma", slope(sigma, value), 2.0)]
    rows += [(f"||grad F|| over k, {words}", fitted(*way), -1 / 3) for words, way in ways.items()]
    return small, ways, rows


def draw(page, small: tuple, ways: dict) -> None:
    left, right = page.subplots(1, 2)
    sigma, size, value = small
    curves(left, {"||grad F||": (sigma, size), "F - F*": (sigma, value)}, log="xy", x="sigma", title="bias")
    left.legend(fontsize=7)
    curves(right, ways, log="xy", x="iterations k", y="||grad F||", title="as printed, sigma of the order k^(-1/3)")
    right.legend(fontsize=7)


def main() -> None:
    asked = arguments(__doc__)
    small, ways, rows = study(asked.quick)
    table(("slope", "fitted", "expected"), rows, asked.output / "table.csv")
    figure(asked.output / "rates.png", (8, 3.6), lambda page: draw(page, small, ways))


if __name__ == "__main__":
    main()
