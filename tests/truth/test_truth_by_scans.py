"""The truth itself, for one leader variable: a scan, the follower and its prices found in another way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.truth.families import instance
from tests.truth.highs import Program
from tests.truth.pieces import Pieces
from tests.truth.polyhedral import Polyhedral

FAMILIES = (
    "linear",
    "bilinear",
    "degenerate",
    "coupled",
    "quadratic",
    "quadratic_leader",
    "nonconvex_leader",
    "quadratic_coupled",
    "price_linear",
    "price_quadratic",
)
POINTS, COUNT = 101, 2


def models(family: str) -> list[Pieces]:
    """The first instances with one leader variable."""
    found = (instance(family, seed).judge.__self__ for seed in range(60))
    return [p for _, p in zip(range(COUNT), (p for p in found if p.model.nx == 1))]


def cheapest(m: Polyhedral, x: np.ndarray, least: float) -> np.ndarray | None:
    """Among the answers of a linear follower the leader's favourite, by a second linear program."""
    A, b, B = m.rows
    cost = m.q + m.Q @ x
    matrix = np.vstack([A, m.E, cost, m.upper[:, m.nx :]])
    high = np.concatenate([b + B @ x, m.e + m.F @ x, [least + 1e-9], m.limit - m.upper[:, : m.nx] @ x])
    low = np.full(len(high), -np.inf)
    low[len(b) : len(b) + len(m.e)] = high[len(b) : len(b) + len(m.e)]
    free = np.full(m.ny, np.inf)
    found = Program(matrix).solve(m.p[m.nx :], -free, free, (low, high))
    return None if found is None else found[1]


def price(m: Polyhedral, x: np.ndarray) -> float:
    """The one that is best for the leader of the follower's two difference quotients."""
    h, values = 1e-5, []
    for step in (-h, 0.0, h):
        found = replace(m, e=m.e + step).answer(x)
        values.append(np.nan if found is None else found[0])
    return float(np.nanmin(m.r[0] * np.diff(values) / h))


def leader(m: Polyhedral, x: float) -> tuple[float, np.ndarray] | None:
    """The leader's value at x, and the answer with the leader's costs of the price behind it."""
    v = np.array([x])
    found = m.answer(v)
    if found is None:
        return None
    y = found[1] if m.H.any() else cheapest(m, v, found[0])
    if y is None or m.violation(v, y)[0] > 1e-9:
        return None
    more = price(m, v) if len(m.e) else 0.0
    return m.f(v, y) + more, np.append(y, more)


def lower_end(m: Polyhedral, low: float, high: float) -> tuple[float, tuple[float, np.ndarray] | None]:
    """A local minimum between two points, by golden sections."""
    ratio = (np.sqrt(5) - 1) / 2
    value = lambda x: (leader(m, x) or (np.inf,))[0]  # noqa: E731
    for _ in range(45):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if value(a) <= value(b) else (a, high)
    best = min((low, (low + high) / 2, high), key=value)
    return best, leader(m, best)


@pytest.mark.parametrize("family", FAMILIES)
def test_pieces_and_scans_agree(family):
    for pieces in models(family):
        m, scale = pieces.model, pieces.scale
        axis = np.linspace(0, m.width, POINTS)
        found = [leader(m, x) for x in axis]
        F = np.array([np.inf if one is None else one[0] for one in found])
        assert pieces.value <= F.min() + 1e-5 * scale
        best = F.min()
        for i in np.flatnonzero(np.isfinite(F)):
            near = [
                j
                for j in (i - 1, i + 1)
                if 0 <= j < POINTS and np.isfinite(F[j]) and abs(found[j][1] - found[i][1]).max() < 0.05 * m.height
            ]
            point = {"x": axis[[i]], "y": found[i][1][: m.ny]}
            if any(F[j] < F[i] - 1e-3 * scale for j in near):
                assert not pieces.judge(point).right, (m.text("scan"), point)
            elif F[i] <= min(F[max(i - 1, 0)], F[min(i + 1, POINTS - 1)]):
                x, at = lower_end(m, axis[max(i - 1, 0)], axis[min(i + 1, POINTS - 1)])
                if at is not None and at[0] <= F[i]:
                    best = min(best, at[0])
                    point = {"x": np.array([x]), "y": at[1][: m.ny]}
                    assert pieces.judge(point).right, (m.text("scan"), point, pieces.judge(point))
        assert best <= pieces.value + 1e-4 * scale, (best, pieces.value, pieces.point, m.text("scan"))
