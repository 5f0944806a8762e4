"""What the documents show is true: models are checked, Python and commands run."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys

import pytest

import bilevel_dsl as bl
from tests.docs.blocks import DOCUMENTS, ROOT, blocks

INSTALLS = re.compile(r"\bpip\b|\bpytest\b|\bgit\b|\bvenv\b")  # what the gate runs, not the tests
MODELS = [b for b in blocks("bilevel") if re.search(r"\blower\b[^;{}]*{", b.text)]  # whole ones
COMMANDS = [b for b in blocks("sh") if not INSTALLS.search(b.text)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder that looks like the repository, with `bileveldsl` on the path."""
    for name in ("models", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "models" / "applications" / "slope.csv", tmp_path)
    command = tmp_path / "bin" / "bileveldsl"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bilevel_dsl "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path.parent / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("block", MODELS, ids=str)
def test_models_have_no_errors(block, folder):
    (folder / "model.bilevel").write_text(block.text, encoding="utf-8")
    bl.load("model.bilevel")


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if "```python" in d.read_text()], ids=lambda d: d.name)
def test_python_runs(document, folder):
    """The blocks of a document one after the other, as a reader would type them."""
    names: dict[str, object] = {}
    for block in blocks("python"):
        if block.document == document:
            exec(compile(block.text, str(block), "exec"), names)


@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_commands_run(block, folder):
    done = subprocess.run(["sh", "-eu", "-c", block.text], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_blocks_of_each_kind():
    assert MODELS and COMMANDS and blocks("python")


def test_the_gate_runs_the_commands_of_the_readme():
    """Two blocks install: each of their commands, but for making the environment, stands in .ci/run."""
    gate = (ROOT / ".ci" / "run").read_text()
    install = [b for b in blocks("sh") if b.document.name == "README.md" and INSTALLS.search(b.text)]
    assert len(install) == 2
    for block in install:
        for command in block.text.strip().split(" && ")[2:]:
            words = re.sub(r"^pip install", "pip install -q", command).replace(" models/", ' "$OLDPWD/models/')
            assert words.rstrip() in gate, command


def test_links_lead_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"
