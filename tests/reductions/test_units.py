"""The same model in other units gives the same answer with the same number of iterations."""

from __future__ import annotations

import numpy as np
import pytest

from .units import MODELS, as_thought, solved

FACTORS = (1e-6, 1e-3, 1e3, 1e6)
SAME = 1e-5  # relative, of the largest number of the answer where an entry is 0


@pytest.mark.parametrize(("name", "unit"), [(name, unit) for name, model in MODELS.items() for unit in model.units])
def test_units_do_not_matter(name, unit):
    first = solved(name, "", 1.0)
    answer = as_thought(name, first, "", 1.0)
    largest = max(np.max(np.abs(v)) for v in answer.values())
    for factor in FACTORS:
        found = solved(name, unit, factor)
        assert (found.method, found.status) == (first.method, first.status)
        assert abs(found.iterations - first.iterations) <= 0.1 * first.iterations
        for key, value in as_thought(name, found, unit, factor).items():
            assert value == pytest.approx(answer[key], rel=SAME, abs=SAME * largest), (key, factor)


@pytest.mark.parametrize("name", MODELS)
def test_numbers_of_size_one_stay_as_they_are(name):
    assert solved(name, "", 1.0).scaling == {}


def test_what_was_done_is_told():
    scaling = solved("market", "q", 1e-6).scaling
    assert scaling == {"variables": {"q": 1e6}, "upper": 1.0, "lower": 1.0, "constraints": {}}
    assert solved("market", ":line", 1e3).scaling["constraints"] == {"line": 1e3}
    assert solved("market", "q", 1e-6, scaling=False).scaling == {}
