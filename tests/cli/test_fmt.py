"""`fmt`: in place, from standard input, --check and --diff."""

from __future__ import annotations

import io
import sys

import pytest

from bilevel_dsl.cli import main

ROUGH = "upper{var x;minimize x^2;}  # leader\nlower{var y;minimize (y-x)^2;}\n"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.bilevel"
    path.write_text(ROUGH)
    return path


def test_in_place_and_then_nothing_changes(model, capsys):
    assert main(["fmt", str(model)]) == 0
    tidy = model.read_text()
    assert tidy != ROUGH and "# leader" in tidy and "  var x;\n" in tidy
    before = model.stat().st_mtime_ns
    assert main(["fmt", str(model)]) == 0 and model.read_text() == tidy and model.stat().st_mtime_ns == before
    assert main(["fmt", "--check", str(model)]) == 0
    assert main(["fmt", "--diff", str(model)]) == 0 and capsys.readouterr().out == ""


def test_check_and_diff_write_nothing(model, capsys):
    assert main(["fmt", "--check", str(model)]) == 3 and "m.bilevel is not" in capsys.readouterr().err
    assert main(["fmt", "--diff", str(model)]) == 0 and "+  var x;" in capsys.readouterr().out
    assert main(["fmt", "--diff", "--check", str(model)]) == 3
    assert model.read_text() == ROUGH


def test_standard_input(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ROUGH.encode())))
    assert main(["fmt", "-"]) == 0
    assert "  var x;\n" in capsys.readouterr().out


def test_a_broken_model_stays_as_it_is_and_others_are_laid_out(model, tmp_path, capsys):
    broken = tmp_path / "broken.bilevel"
    broken.write_text("upper { var x minimize; }")
    assert main(["fmt", str(broken), str(model), str(tmp_path / "missing.bilevel")]) == 3
    assert broken.read_text() == "upper { var x minimize; }" and model.read_text() != ROUGH
    text = capsys.readouterr().err
    assert "BL0" in text and "there is no file" in text
