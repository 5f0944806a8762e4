"""Random problems whose truth is computed apart: nothing verified is wrong, what is right is not refused.

A few seeds of each family; any number by `python -m tests.truth --count N`.
"""

from __future__ import annotations

import pytest

from tests.truth.families import FAMILIES
from tests.truth.measure import run

SEEDS = (1,)
LARGER = {f for f in FAMILIES if f[-2:] in ("_5", "10") or f in ("rastrigin_2", "wells_2", "gaussians_2")}  # by hand


@pytest.mark.parametrize("family", [f for f in FAMILIES if f not in LARGER])
def test_a_verified_answer_is_right(family):
    for seed in SEEDS:
        found = run((family, seed))
        notes = "\n".join(found.notes)
        for wrong in ("WRONG", "moved WRONG", "errors", "true refused!", "refused!"):
            assert not found.counts.get(wrong), notes
