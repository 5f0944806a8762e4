"""How much a search may do: counted, so that an answer does not depend on the machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Counts of one level of `--effort`.

    Attributes:
        methods: from the first start, until an answer is verified.
        restarts: from what the certificates found: a better answer of the follower, a direction, a better decision.
        cuts: rounds with answers of a follower that is not convex as rows, see `cuts.py`.
        starts: further ones after a verified answer, and where no method was verified.
        work: operations of methods (see `attempt.work`) beyond which no further start is made.
    """

    methods: int
    restarts: int
    cuts: int
    starts: int
    work: float


EFFORTS = {
    "quick": Effort(methods=1, restarts=0, cuts=0, starts=0, work=0.0),
    "normal": Effort(methods=4, restarts=4, cuts=8, starts=4, work=3e7),
    "thorough": Effort(methods=8, restarts=16, cuts=60, starts=32, work=3e10),
}
