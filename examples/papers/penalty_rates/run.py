"""The penalty of Kwon, Kwon, Wright and Nowak (ICLR 2024): its bias in sigma, and the rates of both loops as printed.

The bias: the point at which psi_sigma is stationary, for each sigma that `prox_penalty` goes through with its defaults.
The rates: sigma_k is of the order k^(-1/3), and ||grad F|| follows it; so epsilon takes epsilon^(-3) iterations.
With noise on both levels, one sample of each a step: F2SA and F3SA (ICML 2023) with their schedules, epsilon^(-7) and
epsilon^(-5); many seeds, a million iterations, from the answer of the problem.

    python examples/papers/penalty_rates/run.py            minutes
    python examples/papers/penalty_rates/run.py --quick    seconds: fewer iterations, fewer seeds
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import arguments, curves, figure, model, run, slope, table

import bilevel_dsl as bl

LOOPS = {
    "prox_penalty, T = 5": ("prox_penalty", {"T": 5, "sigma": 0.5, "alpha": 0.3}),
    "prox_penalty, T = 1": ("prox_penalty", {"T": 1, "sigma": 0.5, "alpha": 0.3}),
    "prox_penalty_single": ("prox_penalty_single", {"sigma": 1.0, "alpha": 0.3}),
}

GAMMA, ALPHA = 0.2, 0.05  # lambda_k = GAMMA / (2 ALPHA) (k + 1)^power
GIVEN = {"gamma": GAMMA, "alpha": ALPHA, "k0": 1, "batch": 1, "average": "no", "tol": 0}
NOISY = {  # settings, and the power of lambda_k
    "f2sa": ({"T": 5, "xi": 4, **GIVEN}, 1 / 7),
    "f3sa": ({"eta": 1, "xi": 1, **GIVEN}, 1 / 5),
}
FROM = 1000  # iterations from which slopes are fitted


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


def noisy(steps: int, seeds: int) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Iterations, grad F at them (seeds, iterations, entries), and ||grad F|| where psi_lambda is stationary."""
    problem, found = model(__file__, "sampled"), {}
    for method, (settings, power) in NOISY.items():
        ways = [run(problem, method, max_iter=steps, steps=steps, every=steps, seed=s, **settings) for s in range(seeds)]
        k = ways[0]["iteration"]
        gradients = [np.transpose([way[f"report.grad_F[{i}]"] for i in (1, 2)]) for way in ways]
        found[method] = k, np.array(gradients), stationary(problem, GAMMA / (2 * ALPHA) * (k + 1) ** power)
    return found


def stationary(problem: bl.Problem, penalty: np.ndarray) -> np.ndarray:
    """||grad F|| at the point where psi_lambda is stationary, in closed form, for each lambda."""
    data = {q.name: np.reshape(v, q.symbol.shape, order="F") for q, v in zip(problem.parameters, problem.data)}
    a, b, h = (data[name].mean(axis=0) for name in "abh")
    offset = (data["h"] * data["c"]).mean(axis=0) / h
    share = penalty[:, None] * h / (1 + penalty[:, None] * h)  # y stands so far on the way from b to the follower's answer
    x = (a + share * (b - offset)) / (1 + share)
    return np.linalg.norm(2 * x - a - b + offset, axis=1)


def windows(k: np.ndarray, squares: np.ndarray, steps: int, since: int = FROM) -> tuple[np.ndarray, np.ndarray]:
    """Roots of the means over the iterations from K / 2 to K, for K four times a decade."""
    ends = np.geomspace(since, steps, round(4 * np.log10(steps / since)) + 1)
    return ends, np.array([np.sqrt(squares[..., (k > K / 2) & (k <= K * 1.0001)].mean(axis=-1)) for K in ends]).T


def exponents(found: dict, steps: int) -> list[tuple]:
    """Slopes over k of ||grad F||, of its noise and of its bias, with 95 % bands over the seeds; later: without a decade."""
    rows = []
    for method, (k, gradients, alone) in found.items():
        middle = gradients.mean(axis=0)
        sizes = {
            "||grad F||": ((gradients**2).sum(axis=2), FROM),
            "||grad F|| later": ((gradients**2).sum(axis=2), 10 * FROM),
            "noise, about the mean of the seeds": (((gradients - middle) ** 2).sum(axis=2), FROM),
        }
        expected = -NOISY[method][1]
        for words, (squares, since) in sizes.items():
            slopes = [slope(*windows(k, one, steps, since)) for one in squares]
            band = 1.96 * np.std(slopes, ddof=1) / np.sqrt(len(slopes))
            rows.append((f"{words} over k, {method}", float(np.mean(slopes)), float(band), expected))
        rows.append((f"bias of lambda_k alone over k, {method}", slope(*windows(k, alone**2, steps)), "", expected))
    return rows


def fitted(where: np.ndarray, values: np.ndarray) -> float:
    """The slope over the last nine tenths of the iterations, at places that are even in their logarithm."""
    places = np.geomspace(where[-1] / 10, where[-1], 20)
    return slope(places, np.exp(np.interp(np.log(places), np.log(where), np.log(values))))


def study(quick: bool) -> tuple[tuple, dict, list[tuple]]:
    """Without noise."""
    small, ways = bias(), rates(3000 if quick else 30000)
    sigma, size, value = (v[:5] for v in small)  # below it is rounding
    rows = [("||grad F|| over sigma", slope(sigma, size), "", 1.0), ("F - F* over sigma", slope(sigma, value), "", 2.0)]
    rows += [(f"||grad F|| over k, {words}", fitted(*way), "", -1 / 3) for words, way in ways.items()]
    return small, ways, rows


def noisy_study(quick: bool) -> tuple[dict, int, list[tuple]]:
    steps, seeds = (20_000, 3) if quick else (1_000_000, 4)
    found = noisy(steps, seeds)
    return found, steps, exponents(found, steps)


def draw(page, small: tuple, ways: dict, found: dict, steps: int) -> None:
    left, middle, right = page.subplots(1, 3)
    sigma, size, value = small
    curves(left, {"||grad F||": (sigma, size), "F - F*": (sigma, value)}, log="xy", x="sigma", title="bias")
    curves(middle, ways, log="xy", x="iterations k", y="||grad F||", title="as printed, sigma of the order k^(-1/3)")
    lines = {}
    for method, (k, gradients, alone) in found.items():
        spread = ((gradients - gradients.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0)
        lines[f"{method}: k^(-1/{1 / NOISY[method][1]:.0f})"] = windows(k, (gradients**2).sum(axis=2).mean(axis=0), steps)
        lines[f"{method}: bias of lambda_k"] = windows(k, alone**2, steps)
        lines[f"{method}: noise"] = windows(k, spread, steps)
    curves(right, lines, log="xy", x="iterations K", title="noise on both levels: ||grad F||, K/2 to K")
    for axes in (left, middle, right):
        axes.legend(fontsize=6.5)


def main() -> None:
    asked = arguments(__doc__)
    small, ways, rows = study(asked.quick)
    found, steps, more = noisy_study(asked.quick)
    table(("slope", "fitted", "+-", "expected"), rows + more, asked.output / "table.csv")
    figure(asked.output / "rates.png", (12, 3.8), lambda page: draw(page, small, ways, found, steps))


if __name__ == "__main__":
    main()
