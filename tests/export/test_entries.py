"""The C program prints entries over sets by their labels, whatever characters these are made of."""

from __future__ import annotations

import subprocess

import pytest

import bilevel_dsl as bl
from bilevel_dsl.report.csv_text import csv_text
from tests.export.cases import STRICT

pytestmark = pytest.mark.usefixtures("compiler")

MODEL = r"""
set CITY = {"Łódź", "the \"Hague\"", "what??/", "tab\there", "per%cent"};
set ARC = {("a", 1), ("b", 2), ("c", 3)};
param far[CITY] = [1, 2, 3, 4, 5];
upper { var t[CITY] in [0, 9]; minimize sumsqr(t - far); }
lower {
  var y[ARC, CITY];
  var plain[2, 2];
  minimize sum((y[i, k, c] - t[c] * k)^2 for (i, k) in ARC, c in CITY) + sumsqr(plain - t["Łódź"]);
}
report { twice = 2 * t; total = sum(y); }
"""


def test_labels_in_the_output(tmp_path):
    problem = bl.load(bl.Source("m.bilevel", MODEL))
    bl.export_c(problem, tmp_path / "c", method="mgbio")
    built = subprocess.run(["make", "-s", "-C", tmp_path / "c"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    found = subprocess.run([tmp_path / "c" / "solver"], capture_output=True, text=True, encoding="utf-8").stdout
    values = dict(line.rsplit(" = ", 1) for line in found.splitlines())
    assert float(values['t[the "Hague"]']) == pytest.approx(2, abs=1e-5) and values["plain"].startswith("[[")
    assert float(values["y[b,2,Łódź]"]) == pytest.approx(2, abs=1e-5) and "twice[tab\there]" in values
    solution = bl.solve(problem, "mgbio", compile=False)
    for k, city in enumerate(("Łódź", 'the "Hague"', "what??/", "tab\there", "per%cent")):
        for i, arc in enumerate(("a,1", "b,2", "c,3")):
            assert float(values[f"y[{arc},{city}]"]) == solution["y"][i, k]
    assert "y[c,3,what??/]" in csv_text(solution)


def test_no_warnings(tmp_path, compiler):
    bl.export_c(bl.load(bl.Source("m.bilevel", MODEL)), tmp_path / "c", method="mgbio")
    command = [compiler, *STRICT, "-c", "main.c", "-o", "main.o"]
    done = subprocess.run(command, cwd=tmp_path / "c", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
