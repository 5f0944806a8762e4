"""Steps of a search near a point, for `boxes.py`: Newton, quadratic programs by active sets, multipliers by least squares.

`v` (n,) is a point, `values` (m,) are the rows there, `gradients` (1 + m, n) those of the objective and of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Room:
    """Where a point may be, low and high: of its variables (n,) and of its rows (m,)."""

    low: np.ndarray
    high: np.ndarray
    rows_low: np.ndarray
    rows_high: np.ndarray


def quadratic(room: Room, v, values, gradients, curve):
    """The step of one quadratic program by active sets, and its largest multiplier."""
    g, jacobian = gradients[0], gradients[1:]
    to_low, to_high = room.rows_low - values, room.rows_high - values
    equal = room.rows_low == room.rows_high
    reach = np.abs(jacobian).sum(1) * 1e-9 * (1 + np.max(np.abs(v))) + 1e-300
    side = np.where(to_high <= reach, 1, np.where(to_low >= -reach, -1, 0))  # 1: held at the upper limit
    side = np.where(equal, 1, side)
    held = (v <= room.low) & (g > 0) | (v >= room.high) & (g < 0)
    step, prices = np.zeros(v.size), np.zeros(0)
    for _ in range(2 * (values.size + v.size) + 2):
        free, active = np.flatnonzero(~held), np.flatnonzero(side)
        size = free.size
        if not size:
            return np.zeros(v.size), 0.0
        matrix = np.zeros((size + active.size,) * 2)
        matrix[:size, :size] = curve[np.ix_(free, free)]
        matrix[size:, :size] = jacobian[np.ix_(active, free)]
        matrix[:size, size:] = matrix[size:, :size].T
        right = np.concatenate([-g[free], np.where(side[active] > 0, to_high[active], to_low[active])])
        solution = np.linalg.lstsq(matrix, right, rcond=1e-13)[0]
        step = np.zeros(v.size)
        step[free], prices = solution[:size], solution[size:]
        out = ~held & ((v + step < room.low) & (v <= room.low) | (v + step > room.high) & (v >= room.high))
        if out.any():
            held = held | out
            continue
        wrong = np.where(equal[active], 0.0, -prices * side[active])
        if active.size and wrong.max() > 1e-12 * (1 + np.abs(prices).max()):
            side[active[int(np.argmax(wrong))]] = 0
            continue
        change = jacobian @ step
        missed = np.where(side == 0, np.maximum(change - to_high, to_low - change), 0.0)
        worst = int(np.argmax(missed)) if values.size else 0
        if missed[worst] <= reach[worst]:
            break
        side[worst] = 1 if change[worst] > to_high[worst] else -1
    return step, float(np.max(np.abs(prices), initial=0.0))


def row_prices(room: Room, v, values, gradients):
    """Multipliers of the rows at the best point, by least squares over the free variables, right signs only."""
    reach = 1e-5 * np.abs(gradients[1:]).sum(1) * (1 + np.max(np.abs(v)))
    near_high, near_low = room.rows_high - values <= reach, values - room.rows_low <= reach
    active = np.flatnonzero(near_high | near_low)
    margin = 1e-9 * (1 + np.abs(v))
    free = (v > room.low + margin) & (v < room.high - margin)
    prices = np.zeros(values.size)
    while active.size:
        found = np.linalg.lstsq(gradients[1:][active][:, free].T, -gradients[0][free], rcond=1e-12)[0]
        wrong = np.where(
            near_high[active] & near_low[active],
            0.0,
            np.where(near_high[active], np.minimum(found, 0), np.maximum(found, 0)),
        )
        if not wrong.any():
            prices[active] = found
            break
        active = np.delete(active, int(np.argmax(np.abs(wrong))))
    return np.where((prices > 0) & np.isfinite(room.rows_high) | (prices < 0) & np.isfinite(room.rows_low), prices, 0.0)


def convexified(h):
    values, vectors = np.linalg.eigh(h)
    values = np.maximum(np.abs(values), 1e-8 * (1e-300 + np.max(np.abs(values))))
    return (vectors * values[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def newton_step(g, h, held):
    """Newton steps (n, B) over the variables that are not held, with the absolute curvature."""
    n = g.shape[0]
    mask = held.T
    h = np.where(mask[:, :, None] | mask[:, None, :], 0.0, h)
    h = np.where(mask[:, :, None] & np.eye(n, dtype=bool), 1.0, h)
    right = np.where(held, 0.0, -g).T
    values, vectors = np.linalg.eigh(h)
    size = np.abs(values).max(1, keepdims=True)
    values = np.maximum(np.abs(values), np.maximum(1e-8 * size, 1e-12))
    return (vectors @ ((np.swapaxes(vectors, 1, 2) @ right[:, :, None]) / values[:, :, None]))[:, :, 0].T
