"""Strictly convex quadratic followers with rows: the answer is affine on each set of active rows."""

from __future__ import annotations

import numpy as np

from .instance import Instance, Replaced
from .linear_followers import rows
from .pieces import polyhedral_instance
from .polyhedral import Polyhedral


def convex(rng: np.random.Generator, n: int, rank: int | None = None) -> np.ndarray:
    """A symmetric matrix with numbers of two decimals, positive definite unless a rank is given."""
    root = rng.normal(size=(n, rank or n))
    matrix = np.round(root @ root.T / n + (0.5 * np.eye(n) if rank is None else 0.01 * np.eye(n)), 2)
    if np.linalg.eigvalsh(matrix)[0] < (0.1 if rank is None else 0):
        raise Replaced("not convex after rounding")
    return matrix


def _model(rng: np.random.Generator) -> Polyhedral:
    nx, ny = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    p = np.round(rng.uniform(-3, 3, nx + ny), 1)
    return Polyhedral(
        nx,
        ny,
        p,
        np.round(rng.uniform(-9, 3, ny), 1),
        H=convex(rng, ny),
        Q=np.round(rng.uniform(-1, 1, (ny, nx)), 1),
        **rows(rng, nx, ny, int(rng.integers(1, 3))),
    )


def quadratic(rng: np.random.Generator) -> Instance:
    """A linear leader."""
    return polyhedral_instance("quadratic", _model(rng), rng)


def quadratic_leader(rng: np.random.Generator) -> Instance:
    """A convex quadratic leader with its least value inside of the boxes."""
    model = _model(rng)
    n = model.nx + model.ny
    model.P = convex(rng, n)
    model.p = np.round(-model.P @ rng.uniform(0, 10, n), 2)
    return polyhedral_instance("quadratic_leader", model, rng)


def nonconvex_leader(rng: np.random.Generator) -> Instance:
    """A quadratic leader that is convex in some directions and concave in others."""
    model = _model(rng)
    n = model.nx + model.ny
    root = rng.normal(size=(n, n))
    model.P = np.round((root + root.T) / 2, 2)
    model.p = np.round(-model.P @ rng.uniform(0, 10, n), 2)
    if np.linalg.eigvalsh(model.P)[0] > -0.1:
        raise Replaced("convex")
    return polyhedral_instance("nonconvex_leader", model, rng)


def quadratic_coupled(rng: np.random.Generator) -> Instance:
    """A convex quadratic leader, whose rows involve the answer."""
    model = _model(rng)
    n = model.nx + model.ny
    model.P = convex(rng, n)
    model.p = np.round(-model.P @ rng.uniform(0, 10, n), 2)
    model.upper, model.limit = np.round(rng.uniform(-2, 3, (1, n)), 1), np.round(rng.uniform(1, 15, 1), 1)
    return polyhedral_instance("quadratic_coupled", model, rng)
