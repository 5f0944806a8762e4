"""The methods give the bits they gave; all cases by `python -m tests.methods.records compare`."""

from __future__ import annotations

import pytest

from tests.methods.records import differences, known, records


def test_bits_are_as_they_were():
    golden = known()
    if golden is None:
        pytest.skip("the records are of another machine or CasADi")
    found = records(of="tests/")
    assert len(found) > 15 and set(found) <= set(golden)
    assert not differences(golden, found)
