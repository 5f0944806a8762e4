"""From a .bilevel file to the same printed answer by `solve` and by the exported program."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bilevel_dsl import session
from tests.export.test_twins import c_text, printed

MODELS = Path(__file__).parents[2] / "models"
pytestmark = pytest.mark.usefixtures("compiler")


@pytest.mark.parametrize(
    "name, method",
    [("papers/p1", "mgbio"), ("papers/p4", "penalty"), ("papers/circle", "dbgd"), ("applications/tolls", "penalty")],
)
def test_the_same_answer(name, method, tmp_path):
    problem = session.load(MODELS / f"{name}.bilevel")
    session.export_c(problem, tmp_path / "out", method=method, tol=1e-7)
    subprocess.run(["make", "-s", "CFLAGS=-O1 -Wall -Wextra -Wpedantic -Werror"], cwd=tmp_path / "out", check=True)
    done = subprocess.run(["./solver"], cwd=tmp_path / "out", capture_output=True, text=True)
    solution = session.solve(problem, method, tol=1e-7)
    values = {"upper": solution.upper, "lower": solution.lower, **solution.variables, **solution.report}
    expected = {
        "status": solution.status,
        "iterations": str(solution.iterations),
        "calls": str(sum(solution.evaluations.values())),
        **{k: c_text(v) for k, v in values.items()},
    }
    assert printed(done.stdout) == expected
