"""Linear leaders over linear followers: plain, with tied rows, with the leader's own equations, with coupled rows."""

from __future__ import annotations

import numpy as np

from .instance import Instance, Replaced
from .pieces import polyhedral_instance
from .polyhedral import Polyhedral


def _numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers of one decimal between -3 and 3, none of them 0."""
    values = np.round(rng.uniform(-3, 3, shape), 1)
    return np.where(values == 0, 0.7, values)


def rows(rng: np.random.Generator, nx: int, ny: int, n: int) -> dict[str, np.ndarray]:
    """Random rows A y <= b + B x that hold at y = 0 for most x."""
    return {"A": _numbers(rng, n, ny), "b": np.round(rng.uniform(2, 15, n), 1), "B": np.round(_numbers(rng, n, nx) / 3, 1)}


def _plain(rng: np.random.Generator) -> Polyhedral:
    nx, ny = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    p, q = _numbers(rng, nx + ny), _numbers(rng, ny)
    return Polyhedral(nx, ny, p, q, **rows(rng, nx, ny, int(rng.integers(1, ny + 3))))


def linear(rng: np.random.Generator) -> Instance:
    """1 to 3 leader variables, 1 to 4 of the follower, random rows in boxes."""
    return polyhedral_instance("linear", _plain(rng), rng)


def bilinear(rng: np.random.Generator) -> Instance:
    """The leader sets the follower's costs, as tolls do; its own objective stays linear."""
    model = _plain(rng)
    if model.ny > 3:
        raise Replaced("too many pieces")
    model.Q = np.round(_numbers(rng, model.ny, model.nx) / 5, 1)
    return polyhedral_instance("bilinear", model, rng)


def degenerate(rng: np.random.Generator) -> Instance:
    """Rows that stand twice, are sums of others, or tie with the follower's objective."""
    model = _plain(rng)
    k = int(rng.integers(len(model.b)))
    extra = (
        (2 * model.A[k], 2 * model.b[k], 2 * model.B[k])
        if rng.random() < 0.5
        else (model.A.sum(axis=0), model.b.sum(), model.B.sum(axis=0))
    )
    model.A, model.b = np.vstack([model.A, extra[0]]), np.append(model.b, extra[1])
    model.B = np.vstack([model.B, extra[2]])
    if rng.random() < 0.6:
        model.q = -model.A[k].copy()  # many answers: the whole face of row k
    return polyhedral_instance("degenerate", model, rng)


def leader_equations(rng: np.random.Generator) -> Instance:
    """An equation among the leader's variables."""
    model = _plain(rng)
    if model.nx < 2:
        raise Replaced("nothing to choose")
    among = _numbers(rng, 1, model.nx)
    model.equal = np.hstack([among, np.zeros((1, model.ny))])
    model.target = np.round(among @ rng.uniform(1, 9, model.nx), 1)
    return polyhedral_instance("leader_equations", model, rng)


def mixed_equations(rng: np.random.Generator) -> Instance:
    """An equation of the leader that the follower's answer has to meet."""
    model = _plain(rng)
    x = rng.uniform(1, 9, model.nx)
    reply = model.answer(x)
    if reply is None or not reply[1].any():
        raise Replaced("nothing to meet")
    model.equal = _numbers(rng, 1, model.nx + model.ny)
    model.target = np.round(model.equal @ np.concatenate([x, reply[1]]), 1)
    return polyhedral_instance("mixed_equations", model, rng)


def coupled(rng: np.random.Generator) -> Instance:
    """Rows of the leader that involve the follower's answer."""
    model = _plain(rng)
    n = int(rng.integers(1, 3))
    model.upper = _numbers(rng, n, model.nx + model.ny)
    model.limit = np.round(rng.uniform(1, 10, n), 1)
    return polyhedral_instance("coupled", model, rng)
