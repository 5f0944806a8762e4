"""How much a search may do: counted, so that an answer does not depend on the machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Counts of one level of `--effort`.

    Attributes:
        methods: from the first start, until an answer is verified.
        restarts: from what the certificates found: a better answer of the follower, a direction, a better decision.
        cuts: rounds with answers of a follower that is not convex as rows, see `cuts.py`.
        starts: further ones after a verified answer, and where no method was verified.
        work: operations of methods (see `attempt.work`) beyond which no further start is made.
        each: of an attempt with dense linear algebra that a method with a solver of its own may follow; where no method is
            verified, those that were cut off go on.
        boxes: of an interval search from the best answer of a small problem, which may prove it.
        boxed: variables of both levels up to which that is tried, as boxes grow exponentially with them. Where the follower
            is not convex, when little else is known of it: as many as the method takes.
    """

    methods: int
    restarts: int
    cuts: int
    starts: int
    work: float
    each: float
    boxes: int
    boxed: int


EFFORTS = {
    "quick": Effort(methods=1, restarts=0, cuts=0, starts=0, work=0.0, each=np.inf, boxes=0, boxed=0),
    "normal": Effort(methods=4, restarts=4, cuts=8, starts=4, work=3e7, each=1e7, boxes=1_500, boxed=4),
    "thorough": Effort(methods=8, restarts=16, cuts=60, starts=32, work=3e10, each=1e9, boxes=20_000, boxed=9),
}
