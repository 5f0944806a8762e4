"""Whether an expression of the model has a kink at the point: there derivatives say nothing."""

from __future__ import annotations

import casadi as ca
import numpy as np

from ..intervals import Unsupported
from ..intervals.kinks import kink_values
from .place import Place, Region
from .scales import Scales

AT_KINK = 1e-4  # lengths within which a kink of an expression is met
BENDS = 5  # random directions in which slopes are compared


def at_kink(place: Place, leader: Region, region: Region, scales: Scales, x: np.ndarray, y: np.ndarray) -> bool:
    """Whether an expression of either level (abs, max, norm, if) has a kink at the point."""
    functions = [place.oracles.function("f"), place.oracles.function("g")]
    functions += [r._values for r in (leader, region) if r.count]
    return any(_bent(place, function, scales, x, y) for function in functions)


def _bent(place: Place, function: ca.Function, scales: Scales, x: np.ndarray, y: np.ndarray) -> bool:
    """Whether one of the function's kinks is within AT_KINK lengths."""
    try:
        values = kink_values(function)
    except Unsupported:
        return _bent_by_differences(place, function, scales, x, y)
    if values is None:
        return False
    arguments = place.call(values, x, y)[0].ravel()
    lengths = np.zeros(arguments.size)
    for k, (v, size) in enumerate(((x, scales.x), (y, scales.y))):
        if v.size:
            inputs = [ca.SX.sym("v", *values.size_in(i)) for i in range(values.n_in())]
            jacobian = ca.Function("j", inputs, [ca.densify(ca.jacobian(values(*inputs), inputs[k]))])
            lengths = np.maximum(lengths, np.abs(place.call(jacobian, x, y)[0] * size).max(axis=1))
    with np.errstate(invalid="ignore"):
        return bool(np.any(np.abs(arguments) <= AT_KINK * lengths) or np.any(~np.isfinite(lengths)))


def _bent_by_differences(place: Place, function: ca.Function, scales: Scales, x: np.ndarray, y: np.ndarray) -> bool:
    """Of a graph too large for its kinks to be listed: slopes to either side that differ along a random direction."""
    rng = np.random.default_rng(0)
    for _ in range(BENDS):
        dx, dy = scales.x * rng.standard_normal(x.size), scales.y * rng.standard_normal(y.size)
        back, here, on = (place.call(function, x + t * dx, y + t * dy)[0] for t in (-AT_KINK, 0.0, AT_KINK))
        ways = np.maximum(np.abs(on - here), np.abs(here - back))
        if not np.all(np.isfinite(ways)) or np.any(np.abs(on - 2 * here + back) > 0.1 * ways + 1e-12 * np.abs(here)):
            return True
    return False
