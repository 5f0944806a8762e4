"""Random numbers in the state of a method: the same in all executors, resumed with the state.

Three congruential generators whose products stay below 2^24, so that they are exact in doubles and in floats, summed:
Wichmann and Hill, Algorithm AS 183, Applied Statistics 31 (1982). The period is about 7e12.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import casadi as ca

if TYPE_CHECKING:
    from ..flow import Method

MULTIPLIERS, MODULI = (171.0, 172.0, 170.0), (30269.0, 30307.0, 30323.0)
SPREAD = (7919.0, 104729.0, 1299709.0)  # primes: seeds that follow each other begin far from each other


class Random:
    """A stream of random numbers in the slots `<name>_1`, `<name>_2`, `<name>_3`."""

    def __init__(self, m: Method, name: str, seed: ca.MX | float):
        """`seed`: a whole number up to 1e6, for example a setting."""
        self.m = m
        self.names = [f"{name}_{k}" for k in (1, 2, 3)]
        for slot, prime, modulus in zip(self.names, SPREAD, MODULI):
            # in [1, modulus - 1]: 0 would stay 0
            m.slot(slot, 1, "of the random numbers", start=1 + ca.fmod(ca.fmod(ca.MX(seed), modulus) * prime, modulus - 1))

    def uniform(self, count: int) -> ca.MX:
        """`count` numbers in [0, 1)."""
        *now, found = _stream(count)(*[self.m.read(slot) for slot in self.names])
        self.m.assign(dict(zip(self.names, now)))
        return found

    def indices(self, count: int, below: ca.MX | int) -> ca.MX:
        """`count` whole numbers in [0, below), with replacement."""
        return ca.fmin(ca.floor(self.uniform(count) * below), below - 1)

    def distinct(self, count: int, below: int) -> ca.MX:
        """`count` different whole numbers in [0, below), every set of them equally likely.

        Floyd's algorithm: Bentley and Floyd, Communications of the ACM 30 (1987).
        """
        chosen = ca.MX(0, 1)
        for k, u in enumerate(ca.vertsplit(self.uniform(count))):
            last = below - count + k
            drawn = ca.fmin(ca.floor(u * (last + 1)), last)
            taken = ca.mmax(chosen == drawn) if k else ca.MX(0)
            chosen = ca.vertcat(chosen, ca.if_else(taken, last, drawn))
        return chosen


@cache
def _stream(count: int) -> ca.Function:
    """The state of the three generators -> their state after `count` numbers, the numbers. Scalar: it is called often."""
    start = now = [ca.SX.sym(f"s{k}") for k in (1, 2, 3)]
    found = []
    for _ in range(count):
        now = [ca.fmod(a * v, n) for a, v, n in zip(MULTIPLIERS, now, MODULI)]
        total = sum(v / n for v, n in zip(now, MODULI))
        found.append(total - ca.floor(total))
    return ca.Function(f"random_{count}", start, [*now, ca.vertcat(*found)])
