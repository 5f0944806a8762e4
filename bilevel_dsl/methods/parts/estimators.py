"""Running estimates of gradients from samples: what stochastic methods differ in."""

from __future__ import annotations

import casadi as ca

from ...functions.select import either
from ..flow import Method


class _Estimator:
    def __init__(self, m: Method, name: str, size: int):
        self.m, self.name = m, name
        m.slot(name, size, "a running estimate")
        m.slot(f"{name}_known", 1, "1: it holds a sample")

    @property
    def value(self) -> ca.MX:
        return self.m.read(self.name)

    def _put(self, first: ca.MX, later: ca.MX) -> ca.MX:
        """`first` for the first sample, then `later`; returns the new value."""
        value = either(self.m.read(f"{self.name}_known") > 0, later, first)
        self.m.assign({self.name: value, f"{self.name}_known": 1})
        return value


class Momentum(_Estimator):
    """v <- (1 - beta) v + beta sample, from the first sample on."""

    def add(self, sample: ca.MX, beta: ca.MX) -> ca.MX:
        return self._put(sample, (1 - beta) * self.value + beta * sample)


class Storm(_Estimator):
    """v <- sample + (1 - beta) (v - the same sample at the point before).

    Cutkosky, Orabona: Momentum-based variance reduction in non-convex SGD, NeurIPS 2019.
    """

    def add(self, sample: ca.MX, sample_before: ca.MX, beta: ca.MX) -> ca.MX:
        return self._put(sample, sample + (1 - beta) * (self.value - sample_before))
