"""SAGA: estimates of means over samples whose errors vanish as the iterates settle, by a table of what samples gave before.

    e = s_j(now) - table_j + mean of the table;        table_j = s_j(now)

for a sample j drawn at random. Here j is a block of the samples that stand next to each other, of the largest size up to
`batch` that divides their number: then all blocks weigh alike, and e is unbiased. The table holds a column for each block;
it is a part of the state, and copied in every iteration.

Defazio, Bach, Lacoste-Julien, NeurIPS 2014 (arXiv 1407.0202).
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ..flow import Method
from ..samples import Sample, objective


class Saga:
    """The table of an objective with at most one `expect`, in slots."""

    def __init__(self, m: Method, which: str, size: int):
        """`size`: entries that a sample gives."""
        self.m, self.which, self.size = m, which, size
        count = next(iter(objective(m.oracles.problem, which).samples), 1)
        asked = max(1, min(m.settings.batch, count))
        self.each = next(b for b in range(asked, 0, -1) if count % b == 0)
        self.blocks = count // self.each
        m.slot(f"table_{which}", size * self.blocks, f"what blocks of samples of {which} gave last")
        m.slot(f"mean_{which}", size, "the mean of the table")
        m.slot(f"block_{which}", 1, "the block that is filled in")

    def sample(self, block: ca.MX) -> Sample:
        if not objective(self.m.oracles.problem, self.which).samples:
            return self.m.sample(self.which, ca.MX(0, 1))
        return self.m.sample(self.which, block * self.each + ca.DM(range(self.each)))

    def fill(self, values: Callable[[Sample], ca.MX]) -> None:
        """All of the table, a block a pass."""
        m, block = self.m, f"block_{self.which}"
        with m.loop(f"fill_{self.which}") as until:
            self._put(m.read(block), values(self.sample(m.read(block))))
            m.write(block, m.read(block) + 1)
            until(m.read(block) >= self.blocks)

    def estimate(self, values: Callable[[Sample], ca.MX]) -> ca.MX:
        """e, for a block that is drawn."""
        block = ca.fmin(ca.floor(self.m.uniform() * self.blocks), self.blocks - 1)
        mean = self.m.read(f"mean_{self.which}")
        return mean + self._put(block, values(self.sample(block)))

    def _put(self, block: ca.MX, now: ca.MX) -> ca.MX:
        """Into the table, and its mean; returns the change."""
        m, places = self.m, block * self.size + ca.DM(range(self.size))
        table, mean = ca.MX(m.read(f"table_{self.which}")), m.read(f"mean_{self.which}")
        change = now - table[places]
        table.set_nz(now, False, places)
        m.assign({f"table_{self.which}": table, f"mean_{self.which}": mean + change / self.blocks})
        return change
