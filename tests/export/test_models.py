"""From a .bilevel file to the same printed answer by `solve` and by the exported program."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bilevel_dsl import session
from tests.export.test_twins import c_lines, c_text, printed

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
    known = {**solution.variables, **solution.report}
    values = [c_lines(thing, known[thing.name]) for thing in (*problem.variables, *problem.report)]
    expected = {
        "status": solution.status,
        "iterations": str(solution.iterations),
        "calls": str(sum(solution.evaluations.values())),
        "upper": c_text(solution.upper),
        "lower": c_text(solution.lower),
        **{k: v for lines in values for k, v in lines.items()},
    }
    assert printed(done.stdout) == expected
