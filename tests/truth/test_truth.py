"""Random problems whose truth is computed apart: nothing verified is wrong, what is right is not refused.

A few seeds of each family; any number by `python -m tests.truth --count N`.
"""

from __future__ import annotations

import pytest

from tests.truth.families import FAMILIES
from tests.truth.measure import run

SEEDS = (1,)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_verified_answer_is_right(family):
    for seed in SEEDS:
        found = run((family, seed))
        notes = "\n".join(found.notes)
        for wrong in ("WRONG", "moved WRONG", "errors", "true refused!", "refused!"):
            assert not found.counts.get(wrong), notes
