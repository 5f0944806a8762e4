"""A point of a problem whose follower has kinks, as one of the problem in which they are rows (`reductions/split.py`).

Both have the same answers, and where rows are linear, or a norm vanishes, the
claims are better looked at there: dual bounds, answers near by. The point is carried
over exactly, with the values of its kinks; whether objectives and rows agree there is looked at before anything is claimed.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

import numpy as np

from ..functions.oracles import Oracles
from ..model.problem import Problem
from ..reductions.split import split
from .claims import Certificate, Claim

KEPT = 4
VANISHES = 1e-6  # of the largest entry of y
AGREE = 1e-9  # relative, of values that are the same but for rounding
_made: OrderedDict[Problem, Oracles] = OrderedDict()


def without_kinks(oracles: Oracles, x: np.ndarray, y: np.ndarray) -> tuple[Oracles, np.ndarray, np.ndarray]:
    """The functions and the point to examine: as they are, where nothing is split or the two do not agree at the point."""
    problem = oracles.written
    parts = split(problem)
    if parts is problem:
        return oracles, x, y
    if parts not in _made:
        _made[parts] = Oracles(parts)
        while len(_made) > KEPT:
            _made.popitem(last=False)
    smooth, inside = _made[parts], parts.split.inside(x, y)
    norms = inside[1][parts.split.size :][parts.split.curved]
    if norms.size and np.min(norms) > VANISHES * max(1.0, np.max(np.abs(y), initial=0.0)):
        return oracles, x, y  # smooth here, and convex as it is written
    return (smooth, *inside) if _agree(oracles, smooth, (x, y), inside) else (oracles, x, y)


def in_own_words(certificate: Certificate) -> Certificate:
    """Without the variables in place of kinks: these are no variables of the model."""
    return replace(
        certificate,
        claims=tuple(_plain(c) for c in certificate.claims),
        negligible={name: v for name, v in certificate.negligible.items() if name != "variable "},
    )


def _plain(claim: Claim) -> Claim:
    witness = claim.witness
    if not witness:
        return claim
    kinds = ("variables", "direction")
    own = {k: {n: e for n, e in v.items() if n} if k in kinds and isinstance(v, dict) else v for k, v in witness.items()}
    return replace(claim, witness=own)


def _agree(oracles: Oracles, smooth: Oracles, own: tuple, inside: tuple) -> bool:
    """Whether objectives and rows have the same values at both points, all finite."""
    if not all(np.all(np.isfinite(v)) for v in (*own, *inside)):
        return False
    values = []
    for functions, point in ((oracles, own), (smooth, inside)):
        matrices = functions.written.matrices
        values.append([np.array(functions.function(name)(*point, *matrices)).ravel() for name in ("f", "g", "c", "h")])
    return all(
        np.allclose(a, b[: a.size], rtol=AGREE, atol=AGREE * max(1.0, np.max(np.abs(a), initial=0.0)), equal_nan=False)
        for a, b in zip(*values)
    )
