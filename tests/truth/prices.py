"""Leaders whose objective holds the price of a market: the multiplier of the row that clears it."""

from __future__ import annotations

import numpy as np

from .instance import Instance
from .pieces import polyhedral_instance
from .polyhedral import Polyhedral


def _market(rng: np.random.Generator, convex: bool) -> Polyhedral:
    """Plants with rows of capacity; the leader's first variable is demand, its second one more capacity of a plant."""
    ny, nx = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    capacity = np.round(rng.uniform(3, 7, ny), 1)
    B = np.zeros((ny, nx))
    if nx == 2:
        B[int(rng.integers(ny)), 1] = 0.4
    p, q = np.round(rng.uniform(-2, 2, nx + ny), 1), np.round(rng.uniform(1, 9, ny), 1)
    model = Polyhedral(
        nx,
        ny,
        p,
        q,
        np.eye(ny),
        capacity,
        B,
        E=np.ones((1, ny)),
        e=np.round(rng.uniform(0.5, 2, 1), 1),
        F=np.zeros((1, nx)),
        r=np.round(rng.uniform(0.5, 2, 1), 1) * rng.choice([-1.0, 1.0]),
    )
    model.F[0, 0] = 0.6
    if convex:
        model.H = np.diag(np.round(rng.uniform(0.3, 2, ny), 1))
    return model


def price_linear(rng: np.random.Generator) -> Instance:
    """Linear costs: the price jumps where the next plant starts."""
    return polyhedral_instance("price_linear", _market(rng, False), rng)


def price_quadratic(rng: np.random.Generator) -> Instance:
    """Convex costs: the price goes with demand."""
    return polyhedral_instance("price_quadratic", _market(rng, True), rng)
