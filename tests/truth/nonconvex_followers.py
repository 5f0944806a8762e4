"""Separable followers with many basins: sines, Rastrigin-like ones, tilted double wells, narrow Gaussian wells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .instance import Instance
from .separable import Separable, separable_instance

SIZES = (1, 2, 5, 10)


def _between(rng: np.random.Generator, low: float, high: float, n: int) -> np.ndarray:
    return np.round(rng.uniform(low, high, n), 2)


def _leader(rng: np.random.Generator, n: int, height: float) -> dict[str, object]:
    """The leader would like an x inside, and answers near c."""
    return {
        "n": n,
        "height": height,
        "weight": 4.0,
        "a": float(_between(rng, 0.1, 0.9, 1)[0]),
        "cost": np.round(rng.uniform(0.1, 1, n) / (n * height**2), 4),
        "c": np.round(_between(rng, -1, 1, n) * height, 2),
    }


def _sum(parts: list[str]) -> str:
    return " + ".join(parts).replace("+ -", "- ")


def sine(rng: np.random.Generator, n: int) -> Instance:
    """sin(w y + v x) + s (y - t x)^2."""
    w, v, s, t = (_between(rng, low, high, n) for low, high in ((2, 5), (-2, 2), (0.02, 0.1), (-2, 2)))

    def term(y, x, j):
        return np.sin(w[j] * y + v[j] * x) + s[j] * (y - t[j] * x) ** 2

    text = _sum([f"sin({w[j]} * y[{j + 1}] + {v[j]} * x) + {s[j]} * (y[{j + 1}] - {t[j]} * x)^2" for j in range(n)])
    return separable_instance("sine", Separable(term, **_leader(rng, n, 5.0)), text, rng)


def rastrigin(rng: np.random.Generator, n: int) -> Instance:
    """(y - d - x)^2 - k cos(w (y - e))."""
    d, k, w, e = (_between(rng, low, high, n) for low, high in ((-2, 2), (0.5, 3), (4, 7), (-1, 1)))

    def term(y, x, j):
        return (y - d[j] - x) ** 2 - k[j] * np.cos(w[j] * (y - e[j]))

    text = _sum([f"(y[{j + 1}] - {d[j]} - x)^2 - {k[j]} * cos({w[j]} * (y[{j + 1}] - {e[j]}))" for j in range(n)])
    return separable_instance("rastrigin", Separable(term, **_leader(rng, n, 5.0)), text, rng)


def wells(rng: np.random.Generator, n: int) -> Instance:
    """(y^2 - s)^2 + (t + v x) y: two wells, the tilt says which is deeper."""
    s, t, v = (_between(rng, low, high, n) for low, high in ((0.8, 3), (-0.5, 0.5), (-1, 1)))

    def term(y, x, j):
        return (y**2 - s[j]) ** 2 + (t[j] + v[j] * x) * y

    text = _sum([f"(y[{j + 1}]^2 - {s[j]})^2 + ({t[j]} + {v[j]} * x) * y[{j + 1}]" for j in range(n)])
    return separable_instance("wells", Separable(term, **_leader(rng, n, 2.5)), text, rng)


def gaussians(rng: np.random.Generator, n: int) -> Instance:
    """0.02 (y - x)^2 less a narrow deep Gaussian well and a wide shallow one."""
    depth, place, width, wide = (_between(rng, low, high, n) for low, high in ((1.2, 2), (-4, 4), (0.15, 0.4), (-3, 3)))

    def term(y, x, j):
        return (
            0.02 * (y - x) ** 2
            - depth[j] * np.exp(-(((y - place[j] - 0.3 * x) / width[j]) ** 2))
            - np.exp(-(((y - wide[j]) / 1.5) ** 2))
        )

    text = _sum(
        [
            f"0.02 * (y[{j + 1}] - x)^2 - {depth[j]} * exp(-((y[{j + 1}] - {place[j]} - 0.3 * x) / {width[j]})^2)"
            f" - exp(-((y[{j + 1}] - {wide[j]}) / 1.5)^2)"
            for j in range(n)
        ]
    )
    return separable_instance("gaussians", Separable(term, **_leader(rng, n, 5.0)), text, rng)


def _of_size(make: Callable[[np.random.Generator, int], Instance], n: int) -> Callable[[np.random.Generator], Instance]:
    return lambda rng: make(rng, n)


NONCONVEX = {f"{make.__name__}_{n}": _of_size(make, n) for make in (sine, rastrigin, wells, gaussians) for n in SIZES}
