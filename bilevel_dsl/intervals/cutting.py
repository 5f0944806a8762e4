"""Where boxes are cut, and into what."""

from __future__ import annotations

import numpy as np

FAR = 1e15  # beyond, half-lines are not cut any more
FEW = 16  # boxes, up to which each is cut in four


def middle(lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """A finite point of each box."""
    with np.errstate(invalid="ignore"):
        found = 0.5 * lows + 0.5 * highs
    found = np.where(np.isfinite(found), found, np.where(np.isfinite(lows), lows, np.where(np.isfinite(highs), highs, 0.0)))
    return np.clip(found, lows, highs)


def split(lows: np.ndarray, highs: np.ndarray, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two boxes of each (n, B), four if there are few, along the variables `cuts` (B,).

    Also of which box each is a piece, and which boxes are too small to cut.
    """
    pieces = 4 if lows.shape[1] < FEW else 2
    index = np.arange(lows.shape[1])
    a, b = lows[cuts, index], highs[cuts, index]
    infinite = np.isinf(a) | np.isinf(b)
    marks = [np.where(infinite, _mark(a, b, 0.5), _mark(a, b, (k + 1) / pieces)) for k in range(pieces - 1)]
    halfway = marks[pieces // 2 - 1]
    ends = np.minimum(np.abs(a), np.abs(b))
    small = (
        ~((a < halfway) & (halfway < b))
        | ((ends >= FAR) & np.isfinite(ends))
        | (b - a <= 4e-16 * np.where(infinite, 0.0, np.maximum(np.abs(a), np.abs(b))))
    )
    edges = [a, *marks, b]
    new_low, new_high, parents = [np.empty((len(lows), 0))], [np.empty((len(lows), 0))], [np.empty(0, int)]
    for k in range(pieces):
        keep = ~small & (edges[k] < edges[k + 1])
        left, right = lows.copy(), highs.copy()
        left[cuts, index], right[cuts, index] = edges[k], edges[k + 1]
        new_low.append(left[:, keep])
        new_high.append(right[:, keep])
        parents.append(index[keep])
    return np.concatenate(new_low, 1), np.concatenate(new_high, 1), np.concatenate(parents), small


def direction(lows: np.ndarray, highs: np.ndarray, change: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Along which variable each box is cut: infinite ones first, then where the function changes most.

    Args:
        change: (n, B), of the function along each side; not finite: unknown.
        whole: (n,), sides of the whole box; not finite: none.
    """
    width = highs - lows
    unknown = ~np.isfinite(change).all(0)
    scale = np.where(np.isfinite(whole) & (whole > 0), whole, 1.0)[:, None]
    relative = width / scale
    change = np.where(
        unknown,
        relative,
        np.where(width > 0, change + 1e-3 * change.max(0) * relative / np.maximum(relative.max(0), 1e-300), -1.0),
    )
    nearest = np.where(
        np.isinf(width),
        np.minimum(np.where(np.isinf(lows), np.inf, np.abs(lows)), np.where(np.isinf(highs), np.inf, np.abs(highs))),
        np.inf,
    )
    nearest = np.where(np.isinf(lows) & np.isinf(highs), -1.0, nearest)
    open_ = np.isinf(width) & (nearest < FAR)
    return np.where(
        open_.any(0),
        np.argmin(np.where(open_, nearest, np.inf), 0),
        np.argmax(np.where(np.isinf(width), -2.0, change), 0),
    )


def _mark(a, b, share: float):
    """Where [a, b] is cut: half-lines geometrically."""
    inside = a + share * (b - a)
    right = np.where(a < 0, 0.0, np.maximum(1.0, 8 * a))
    left = np.where(b > 0, 0.0, np.minimum(-1.0, 8 * b))
    both = np.isinf(a) & np.isinf(b)
    return np.where(both, 0.0, np.where(np.isinf(b), right, np.where(np.isinf(a), left, inside)))
