"""Every example runs and prints what its `expected.txt` holds. A folder more is a test more."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.machines import COMPILER

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(p.parent.name for p in (ROOT / "examples").glob("*/expected.txt"))
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def run(name: str, folder: Path) -> str:
    """Standard output of the example `name`, run in `folder`."""
    command = folder / "bileveldsl"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bilevel_dsl "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    script = ROOT / "examples" / name / "run.py"
    arguments = [sys.executable, str(script)] if script.exists() else [str(script.with_suffix(".sh"))]
    surroundings = {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "BILEVELDSL_CACHE": str(folder / "cache"),
    }
    done = subprocess.run(arguments, cwd=folder, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_folder_is_an_example():
    folders = [p.name for p in (ROOT / "examples").iterdir() if p.is_dir() and any(p.glob("run.*"))]
    assert sorted(folders) == EXAMPLES and len(EXAMPLES) >= 4


LONG = {"hyper_cleaning", "sioux_falls", "nine_nodes", "design"}  # 20 to 30 seconds each; others of their kind are here


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long) if n in LONG else n for n in EXAMPLES])
def test_an_example_prints_what_it_says(name, tmp_path):
    if name == "embedded_c" and not shutil.which(COMPILER):
        pytest.skip("there is no C compiler")
    expected = (ROOT / "examples" / name / "expected.txt").read_text()
    found = run(name, tmp_path)
    assert NUMBER.sub("#", " ".join(found.split())) == NUMBER.sub("#", " ".join(expected.split()))
    for mine, theirs in zip(NUMBER.findall(found), NUMBER.findall(expected)):
        last_digit = 10.0 ** -len(theirs.partition(".")[2])
        assert float(mine) == pytest.approx(float(theirs), rel=1e-3, abs=1.5 * last_digit)
