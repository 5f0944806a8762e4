"""Tolls, bids and markets of known value: each proved globally, without a flag."""

from __future__ import annotations

from pathlib import Path

import pytest

import bilevel_dsl as bl

MODELS = sorted((Path(__file__).parents[2] / "benchmarks" / "proved").glob("*.bilevel"))


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_tolls_and_bids_are_proved(path):
    found = bl.solve(bl.load(path), compile="never")
    assert found.upper == pytest.approx(found.problem.reference.upper, rel=1e-6, abs=1e-6)
    assert found.proved and found.certificate.scope == "global (proved)", found
