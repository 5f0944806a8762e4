"""No verdict depends on units: orbits of right and of wrong points of the models under changes of every scale."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.certify.certificate import Examination, certify
from bilevel_dsl.functions.oracles import Oracles
from tests.certify.units import Units, fits, in_units
from tests.models.collection import MODELS, load

SMALL = [name for name in MODELS if fits(load(name)) and load(name).y.numel() <= 10 and load(name).x.numel() <= 6]
ORBIT = {
    "objectives small": Units(f=1e-8, g=1e-6),
    "objectives large": Units(f=1e8, g=1e8),
    "offsets": Units(f_to=1e3, g_to=-1e3),
    "variables": Units(x=1e-6, y=1e4),
    "all": Units(f=1e-4, g=1e5, x=1e3, y=1e-5, rows=1e6),
}


@cache
def answer(name: str) -> tuple[np.ndarray, np.ndarray]:
    solution = bl.solve(load(name), compile=False, verify="no")
    flat = {v.name: np.ravel(solution[v.name], order="F") for v in load(name).variables}
    return tuple(
        np.concatenate([np.zeros(0), *[flat[v.name] for v in level]])
        for level in (load(name).upper_variables, load(name).lower_variables)
    )


def test_there_are_enough_models():
    assert len(SMALL) >= 20


LONG = {"applications/ridge"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long) if n in LONG else n for n in SMALL])
def test_a_right_point_is_verified_in_all_units(name):
    x, y = answer(name)
    for what, units in ORBIT.items():
        problem = in_units(load(name), units)
        certificate = certify(Oracles(problem), x * units.x, y * units.y, seed=len(what))
        assert certificate.verified, (what, [c for c in certificate.claims if not c.passed])


@pytest.mark.parametrize("name", [n for n in SMALL if load(n).x.numel()])
def test_a_point_beside_it_is_refused_in_all_units(name):
    """The leader moved by a twentieth of its length where that changes f, with the follower's answer."""
    x, y = answer(name)
    examined = Examination(Oracles(load(name)), x, y)
    lower, upper = examined.leader.limits(examined.place, x)[:2]
    step = 0.05 * examined.scales.x
    there = np.where(x + step <= upper, x + step, x - step)
    found = examined.reaction(there, y)
    if found is None or not found.admissible or abs(found.f - examined.f) < 1e-3 * examined.scales.f:
        there = np.where(x - step >= lower, x - step, x + step)
        found = examined.reaction(there, y)
    if found is None or not found.admissible or found.f - examined.f < 1e-3 * examined.scales.f:
        assert certify(Oracles(load(name)), x, y).verified  # a flat or constrained place: nothing to refuse
        return
    for what, units in ORBIT.items():
        problem = in_units(load(name), units)
        certificate = certify(Oracles(problem), there * units.x, found.y * units.y, effort="quick")
        assert not certificate.verified, what
