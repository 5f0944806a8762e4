"""The penalty of Kwon, Kwon, Wright and Nowak (ICLR 2024): its bias in sigma, and the rates of both loops as printed.

The bias: the point at which psi_sigma is stationary, for each sigma that `prox_penalty` goes through with its defaults.
The rates: sigma_k is of the order k^(-1/3), and ||grad F|| follows it; so epsilon takes epsilon^(-3) iterations.
With noise on both levels: both loops with the schedules for it, epsilon^(-7) samples for two loops with batches that grow
and epsilon^(-5) for the single one, and F2SA and F3SA (ICML 2023) with theirs, epsilon^(-7) and epsilon^(-5), one sample of
each level a step; several seeds, up to a million iterations, from the answer of the problem.

    python examples/papers/penalty_rates/run.py            minutes
    python examples/papers/penalty_rates/run.py --quick    seconds: fewer iterations, fewer seeds
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import arguments, curves, figure, model, run, slope, table

import bilevel_dsl as bl

LOOPS = {
    "prox_penalty, T = 5": ("prox_penalty", {"T": 5, "sigma": 0.5, "alpha": 0.3}),
    "prox_penalty, T = 1": ("prox_penalty", {"T": 1, "sigma": 0.5, "alpha": 0.3}),
    "prox_penalty_single": ("prox_penalty_single", {"sigma": 1.0, "alpha": 0.3}),
}

GIVEN = {"k0": 1, "batch": 1, "average": "no", "tol": 0}


class Loop(NamedTuple):
    """A method as printed for noise on both levels: lambda_k = first (k + 1)^power, epsilon^(-rate) samples a level."""

    settings: dict[str, float]
    first: float
    power: float
    rate: int
    draws: Callable[[np.ndarray], np.ndarray] = np.ones_like  # samples of each level in iteration k
    shorter: float = 1  # its iterations are those of the others to this power

    def samples(self, k: np.ndarray) -> np.ndarray:
        """Drawn up to iteration k."""
        return np.cumsum(self.draws(np.arange(1, np.ceil(k[-1]) + 1)))[np.ceil(k).astype(int) - 1]

    def length(self, steps: float) -> int:
        return round(steps**self.shorter)


NOISY = {
    "prox_penalty": Loop(
        {"T": 5, "sigma": 0.5, "alpha": 1.2, "gamma": 0.4, "rho": 10, "growth": 4 / 3},
        first=2,
        power=1 / 3,
        rate=7,
        draws=lambda k: 6 * np.ceil((k + 1) ** (4 / 3)),
        shorter=1 / 2,
    ),
    "prox_penalty_single": Loop(
        {"sigma": 0.5, "alpha": 0.4, "gamma": 1, "beta": 1, "rho": 10, "eta": 1}, first=2, power=1 / 5, rate=5
    ),
    "f2sa": Loop({"T": 5, "xi": 4, "gamma": 0.2, "alpha": 0.05}, first=2, power=1 / 7, rate=7, draws=lambda k: 6 + 0 * k),
    "f3sa": Loop({"eta": 1, "xi": 1, "gamma": 0.2, "alpha": 0.05}, first=2, power=1 / 5, rate=5),
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
    for method, loop in NOISY.items():
        many = loop.length(steps)
        settings = {**GIVEN, **loop.settings, "max_iter": many, "steps": many, "every": many}
        ways = [run(problem, method, seed=seed, **settings) for seed in range(seeds)]
        k = ways[0]["iteration"]
        gradients = [np.transpose([way[f"report.grad_F[{i}]"] for i in (1, 2)]) for way in ways]
        found[method] = k, np.array(gradients), stationary(problem, loop.first * (k + 1) ** loop.power)
    return found


def stationary(problem: bl.Problem, penalty: np.ndarray) -> np.ndarray:
    """||grad F|| at the point where psi_lambda is stationary, in closed form, for each lambda."""
    data = {q.name: np.reshape(v, q.symbol.shape, order="F") for q, v in zip(problem.parameters, problem.data)}
    a, b, h = (data[name].mean(axis=0) for name in "abh")
    offset = (data["h"] * data["c"]).mean(axis=0) / h
    share = penalty[:, None] * h / (1 + penalty[:, None] * h)  # y stands so far on the way from b to the follower's answer
    x = (a + share * (b - offset)) / (1 + share)
    return np.linalg.norm(2 * x - a - b + offset, axis=1)


def windows(loop: Loop, k: np.ndarray, squares: np.ndarray, steps: int, since: int = FROM) -> tuple[np.ndarray, np.ndarray]:
    """Samples up to iteration K, and roots of the means over the iterations from K / 2 to K; K four times a decade or so."""
    ends = np.geomspace(loop.length(since), loop.length(steps), round(4 * np.log10(steps / since)) + 1)
    means = [squares[..., (k > K / 2) & (k <= K * 1.0001)].mean(axis=-1) for K in ends]
    return loop.samples(ends.round()), np.sqrt(np.array(means)).T


def exponents(found: dict, steps: int) -> list[tuple]:
    """Slopes over the samples of ||grad F||, of its noise and of its bias, with 95 % bands over the seeds.

    later: from ten times as many iterations on.
    """
    rows = []
    for method, (k, gradients, alone) in found.items():
        loop, middle = NOISY[method], gradients.mean(axis=0)
        sizes = {
            "||grad F||": ((gradients**2).sum(axis=2), FROM),
            "||grad F|| later": ((gradients**2).sum(axis=2), 10 * FROM),
            "noise, about the mean of the seeds": (((gradients - middle) ** 2).sum(axis=2), FROM),
        }
        for words, (squares, since) in sizes.items():
            slopes = [slope(*windows(loop, k, one, steps, since)) for one in squares]
            band = 1.96 * np.std(slopes, ddof=1) / np.sqrt(len(slopes))
            rows.append((f"{words} over samples, {method}", float(np.mean(slopes)), float(band), -1 / loop.rate))
        by_hand = slope(*windows(loop, k, alone**2, steps))
        rows.append((f"bias of lambda_k alone over samples, {method}", by_hand, "", -1 / loop.rate))
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
    (left, middle), noise = page.subplots(2, 2)
    sigma, size, value = small
    curves(left, {"||grad F||": (sigma, size), "F - F*": (sigma, value)}, log="xy", x="sigma", title="bias")
    curves(middle, ways, log="xy", x="iterations k", y="||grad F||", title="without noise, sigma of the order k^(-1/3)")
    for axes, pair in zip(noise, (("prox_penalty", "f2sa"), ("prox_penalty_single", "f3sa"))):
        lines = {}
        for method in pair:
            loop, (k, gradients, alone) = NOISY[method], found[method]
            spread = ((gradients - gradients.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0)
            squares = (gradients**2).sum(axis=2).mean(axis=0)
            for words, what in ((method, squares), (f"{method}: bias alone", alone**2), (f"{method}: noise", spread)):
                lines[words] = windows(loop, k, what, steps)
        title = f"noise on both levels: epsilon^(-{NOISY[pair[0]].rate})"
        curves(axes, lines, log="xy", x="samples of each level up to K", y="||grad F||, K/2 to K", title=title)
    for axes in (left, middle, *noise):
        axes.legend(fontsize=6.5)


def main() -> None:
    asked = arguments(__doc__)
    small, ways, rows = study(asked.quick)
    found, steps, more = noisy_study(asked.quick)
    table(("slope", "fitted", "+-", "expected"), rows + more, asked.output / "table.csv")
    figure(asked.output / "rates.png", (9, 7), lambda page: draw(page, small, ways, found, steps))


if __name__ == "__main__":
    main()
