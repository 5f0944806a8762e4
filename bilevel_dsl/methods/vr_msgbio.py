"""VR-MSGBiO: MSGBiO with recursive momentum (STORM) in the place of plain momentum.

    e <- Pi( s(new) + (1 - beta) (e - s(old)) )        for each of the estimates e = u, h, v, G, H of msgbio

s(new) and s(old) are the same sample at the new and at the old (x, y), Pi is the projection that belongs to the estimate,
and the rest is msgbio: x and y take the same steps. A sample costs two evaluations of each derivative.

As the paper has it: eta = k / (m + t)^(1/3) and beta = c eta^2, at most 1 (`k` > 0), `gamma` and `lam` given, caps and floor
given. With samples (`batch` > 0) and k = 0: eta = (t / 100)^(-1/3), the other steps as in msgbio. As used here without
samples: eta = 1, beta = c, no caps, and the step sizes of mgbio: then s(old) is what e holds, and the method is mgbio,
whatever beta, as long as no projection binds; after one has, beta is the rate at which the estimate forgets it.

Huang: On momentum-based gradient methods for bilevel optimization with nonconvex lower level, arXiv 2303.03944 (2023),
Algorithm 3; Cutkosky, Orabona: Momentum-based variance reduction in non-convex SGD, NeurIPS 2019 (arXiv 1905.10018).
"""

from __future__ import annotations

from dataclasses import replace

import casadi as ca

from ..functions.oracles import Oracles
from ..functions.select import either
from . import msgbio
from .flow import Method
from .msgbio import Point, momentum, sampled, samples
from .parts.estimators import Storm
from .program import Program
from .samples import Sample

NAME = "vr_msgbio"

CARD = replace(
    msgbio.CARD,
    name=NAME,
    title="recursive momentum (STORM) estimates of all derivatives, with spectral projection",
    rank=28,
    papers=(
        *msgbio.CARD.papers,
        "Cutkosky, Orabona: Momentum-based variance reduction in non-convex SGD, NeurIPS 2019, arXiv 1905.10018",
    ),
)

OTHER = {
    "c": "weight of a sample in the estimates, over eta^2",
    "k": "eta = k / (m + iteration)^(1/3); 0: eta = 1",
    "m": "see k; at least k^3 and (c k)^3",
}
SETTINGS = tuple(replace(s, doc=OTHER.get(s.name, s.doc)) for s in msgbio.SETTINGS)


def program(oracles: Oracles, built: dict[str, float] | None = None) -> Program:
    m = Method(NAME, oracles, SETTINGS, built)
    s, o = m.state, m.settings
    eta = lambda: either(o.k > 0, o.k / (o.m + s.t) ** (1 / 3), 1)  # noqa: E731
    weight = lambda eta: o.c * eta**2  # noqa: E731

    def update(estimates: dict[str, Storm], eta: ca.MX, new: Point, old: Point, *drawn: Sample) -> None:
        beta = ca.fmin(1, weight(eta))
        now, before = samples(m, *new, *drawn), samples(m, *old, *drawn)
        for name, estimate in estimates.items():
            estimate.add(now[name], before[name], beta)

    return (sampled if o.batch else momentum)(m, Storm, update, eta, weight, 1 / 3)
