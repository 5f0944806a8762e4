"""Models as text, and commands called as functions."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bilevel_dsl.cli import main

# x = y = (1 + target) / 2, upper = (target - 1)^2 / 4
SHIFT = """\
problem shift;
param target = 2;
upper { var x in [-9, 9]; minimize (x - 1)^2 / 2 + (y - target)^2 / 2; }
lower { var y start 0.5; minimize (y - x)^2 / 2; }
report { sum_of_both = x + y; }
reference { upper = 0.25; source = "worked out by hand"; }
"""

# the same with a vector of data and a maximised upper objective
VECTOR = """\
param n = 3;
param a[n];
upper { var x[n] in [0, 1]; maximize dot(a, y) - sumsqr(x); }
lower { var y[n]; minimize sumsqr(y - x); }
"""


@dataclass
class Done:
    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def quiet_surroundings(monkeypatch, tmp_path_factory):
    """A cache of this test run, a terminal of 80 columns, no colours asked for."""
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "BILEVELDSL_CC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys):
    """Call `bileveldsl` with arguments; its exit status and what it printed."""

    def call(*arguments) -> Done:
        status = main([str(a) for a in arguments])
        return Done(status, *capsys.readouterr())

    return call


@pytest.fixture
def model(tmp_path):
    """Write a model into a fresh folder; its path."""

    def write(text: str = SHIFT, name: str = "shift.bilevel"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
