"""All families by name: a function that draws an instance from a random generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from . import linear_followers, many_variables, prices, quadratic_followers, simple_bilevel, whole_leaders
from .instance import Instance, draw
from .nonconvex_followers import NONCONVEX

FAMILIES: dict[str, Callable[[np.random.Generator], Instance]] = {
    make.__name__: make
    for make in (
        linear_followers.linear,
        linear_followers.bilinear,
        linear_followers.degenerate,
        linear_followers.leader_equations,
        linear_followers.mixed_equations,
        linear_followers.coupled,
        quadratic_followers.quadratic,
        quadratic_followers.quadratic_leader,
        quadratic_followers.nonconvex_leader,
        quadratic_followers.quadratic_coupled,
        prices.price_linear,
        prices.price_quadratic,
        many_variables.many_variables,
        simple_bilevel.simple,
        whole_leaders.integer,
        whole_leaders.integer_quadratic,
    )
} | NONCONVEX


def instance(family: str, seed: int) -> Instance:
    """The instance of a family and a seed, always the same one."""
    return replace(draw(FAMILIES[family], seed), family=family, seed=seed)
