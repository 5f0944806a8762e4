"""The same model in other units is the same problem, gives the same answer, and takes the same number of iterations."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.reductions.scaling import scaled

from .units import MODELS, as_thought, solved, text_in

FACTORS = (1e-6, 1 / 60, 3.6, 1e5)
DECADES = [10.0**k for k in range(-6, 7) if k]
WITHIN = 0.1
BOXES = 0.4  # of an interval search: which of two boxes with one bound is next hangs on the last bits, here 14 or 19
SAME = 1e-5  # relative, of the largest number of the answer where an entry is 0
UNITS = [(name, unit) for name, model in MODELS.items() for unit in model.units]


def same(name: str, unit: str, factor: float) -> None:
    first, found = solved(name, "", 1.0), solved(name, unit, factor)
    answer = as_thought(name, first, "", 1.0)
    largest = max(np.max(np.abs(v)) for v in answer.values())
    assert (found.method, found.status) == (first.method, first.status)
    assert abs(found.iterations - first.iterations) <= (BOXES if found.method == "value" else WITHIN) * first.iterations
    for key, value in as_thought(name, found, unit, factor).items():
        assert value == pytest.approx(answer[key], rel=SAME, abs=SAME * largest), key


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize(("name", "unit"), UNITS)
def test_units_do_not_matter(name, unit, factor):
    same(name, unit, factor)


@pytest.mark.long
@pytest.mark.parametrize("factor", DECADES)
@pytest.mark.parametrize(("name", "unit"), UNITS)
def test_no_decade_matters(name, unit, factor):
    same(name, unit, factor)


@pytest.mark.parametrize("factor", [1e-6, 0.3048, 60, 8760, 1e4])
@pytest.mark.parametrize(("name", "unit"), UNITS)
def test_the_scaled_problem_is_the_same(name, unit, factor):
    """Its functions, at the same points: what a method sees does not tell the units."""
    first, other = (scaled(bl.load(bl.Source(name, text_in(name, u, f)))) for u, f in (("", 1.0), (unit, factor)))
    rng = np.random.default_rng(5)
    for _ in range(3):
        x, y = rng.random(first.x.numel()), rng.random(first.y.numel())
        for function in ("f", "g", "c", "h", "grad_y_g"):
            a, b = (
                np.array(Oracles(p, recognise=False).function(function)(x, y, *p.matrices)).ravel() for p in (first, other)
            )
            assert b == pytest.approx(a, rel=1e-9, abs=1e-9), function


def test_what_was_done_is_told():
    first, scaling = solved("market", "", 1.0).scaling, solved("market", "q", 1e-6).scaling
    assert set(scaling) == {"variables", "upper", "lower", "constraints"}
    assert scaling["variables"]["q"] == pytest.approx(1e6 * first["variables"]["q"], rel=1e-12)
    assert scaling["upper"] == pytest.approx(first["upper"], rel=1e-12)
    line = solved("market", ":line", 3.0).scaling["constraints"]["line"]
    assert line == pytest.approx(3 * first["constraints"]["line"], rel=1e-12)
    assert solved("market", "q", 1e-6, scaling=False).scaling == {}
