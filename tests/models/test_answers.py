"""Every model, solved with no setting at all, meets its reference, and the certificate says so."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from tests.models.collection import LIBRARIES, MODELS, load


def test_there_are_models():
    assert len(MODELS) > 25 and 10 < len(LIBRARIES) < len(MODELS)


LONG = {"applications/hyper_cleaning", "papers/matrix_sensing"}  # 20 to 30 seconds, mostly of the certificate


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long) if n in LONG else n for n in MODELS])
def test_the_reference_is_met(name):
    problem = load(name)
    assert problem.reference.upper is not None and problem.reference.source
    solution = bl.solve(problem)
    assert (solution.status, solution.verified) == ("converged", True), solution.certificate
    assert solution.reference_error() <= 1e-4
    if problem.reference.lower is not None:
        assert solution.lower == pytest.approx(problem.reference.lower, rel=1e-4, abs=1e-4)
    for variable, known in problem.reference.variables.items():
        assert np.allclose(solution[variable], known, rtol=1e-2, atol=1e-2), variable
